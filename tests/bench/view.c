/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures tables over a capture as a console uses them: opening, the overview
 * and the histogram from the directory, jumps to windows, a drill-down.
 * Usage: view FILE [SECONDS]; run in the source's top, where chisels/ is.
 */
#include "chisel/chisel.h"
#include "cmd/options.h"
#include "flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define JUMPS 20u

static double now_ms(void)
{
	return (double)time_monotonic() / 1e6;
}

static struct table *open_view(const struct views *views, const char *id, struct view_path *path)
{
	struct err e = {0};
	struct table *t = table_open(
		&(struct table_options){.info = views_find(views, id), .path = path}, &e);

	if (!t)
		fprintf(stderr, "%s\n", e.message);
	return t;
}

/* The slowest of several jumps, and the mean, in ms. */
static void jumps(struct view_feed *f, struct table *t, uint64_t width)
{
	double worst = 0, sum = 0;
	size_t rows = 0;

	for (unsigned i = 0; i < JUMPS; i++) {
		uint64_t from = f->first + (f->last - f->first - width) / JUMPS * i;
		double began = now_ms();
		f->fill(f, t, from, from + width, NULL);
		rows = table_refresh(t, 0)->n;
		double took = now_ms() - began;
		worst = took > worst ? took : worst;
		sum += took;
	}
	printf("jump to %.1f s of %s: mean %.1f ms, worst %.1f ms, %zu rows\n", (double)width / 1e9,
	       table_info(t)->id, sum / JUMPS, worst, rows);
}

static void drill(struct view_feed *f, const struct views *views, struct view_path *path,
		  const char *id, uint64_t from, uint64_t to)
{
	double began = now_ms();
	struct table *t = open_view(views, id, path);

	if (!t)
		return;
	f->fill(f, t, from, to, NULL);
	const struct table_rows *rows = table_refresh(t, 0);
	printf("drill down to %s: %.1f ms, %zu rows, %llu events\n", id, now_ms() - began, rows->n,
	       (unsigned long long)rows->events);
	table_close(t);
}

int main(int argc, char **argv)
{
	static const struct source_options source;
	struct view_path path = {0};
	struct views views = {0};
	struct err e = {0};
	double began = now_ms(), bins[80];
	uint64_t width = (argc > 2 ? (uint64_t)atol(argv[2]) : 1) * NSEC_PER_SEC;
	const struct feed_options o = {.what = argv[1], .source = &source, .threads = 2};

	if (argc < 2)
		return 2;
	views_load(&views, plugin_dirs("chisels"));
	struct view_feed *f = flow_feed_open(&o, &e);
	if (!f) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	flow_feed_look(f);
	printf("open: %.1f ms\n", now_ms() - began);
	struct table *t = open_view(&views, "containers", &path);
	began = now_ms();
	f->histogram(f, t, f->first, f->last, bins, 80);
	printf("histogram of the whole: %.1f ms\n", now_ms() - began);
	began = now_ms();
	bool told = f->overview(f, t, f->first, f->last);
	const struct table_rows *rows = table_refresh(t, 0);
	printf("overview of the whole: %s, %.1f ms, %zu rows\n", told ? "yes" : "no",
	       now_ms() - began, rows->n);
	view_path_push(&path, table_info(t), &rows->rows[0]);
	jumps(f, t, width);
	drill(f, &views, &path, "mesos_tasks", f->first, f->last);
	drill(f, &views, &path, "sports", f->first, f->last);
	drill(f, &views, &path, "connections", f->first, f->last);
	drill(f, &views, &path, "connections", f->first, f->first + width);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("memory: %ld MB\n", usage.ru_maxrss / 1024);
	table_close(t);
	view_path_done(&path);
	f->close(f);
	views_free(&views);
	return 0;
}
