/* SPDX-License-Identifier: Apache-2.0 */
/* cdredge: tables of containers, tasks, apps, ports and connections, live or from a capture. */
#include "cmd/cdredge_options.h"
#include "cmd/options.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>

struct app {
	struct console_settings s;
	struct views views;
	struct view_feed *feed;
	struct table *table;
	uint64_t next;
	unsigned printed;
	int status;
};

static int show(const struct text *t)
{
	return write_all(STDOUT_FILENO, t->data, t->len) ? ERR_FAILED : 0;
}

static int show_table(struct app *a, uint64_t now)
{
	struct text out = {0};

	if (a->printed++ && a->s.format == TABLE_TEXT)
		text_char(&out, '\n');
	table_print(a->table, table_refresh(a->table, now), a->s.format, &out);
	int status = show(&out);
	text_done(&out);
	return status;
}

static int tick(void *ctx, uint64_t now, double part)
{
	struct app *a = ctx;

	(void)part;
	if (!a->feed->live)
		return 0;
	if (!a->next) {
		table_next(a->table, now);
		a->next = now + a->s.interval;
	}
	if (now < a->next)
		return 0;
	a->status = show_table(a, now);
	table_next(a->table, now);
	a->next += a->s.interval;
	return a->status || !a->s.repeat;
}

/* What comes now is foreign. */
static int give_up(bool live, struct err *e)
{
	const int watching[] = {
		CAP_NET_ADMIN,	  CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
		CAP_DAC_OVERRIDE, -1};
	const int reading[] = {-1};

	return privileges_keep(live ? watching : reading, e);
}

static int batch(struct app *a, struct err *e)
{
	const char *name = a->s.view ? a->s.view : "marathon_apps";
	const struct view_info *info = views_find(&a->views, name);
	const struct table_options o = {
		.info = info, .filter = a->s.filter, .dirs = plugin_dirs("filters")};

	if (!info)
		return err_set(e, ERR_USAGE, "%s: no such view; --list-views lists them", name);
	a->table = table_open(&o, e);
	if (!a->table)
		return -1;
	a->feed->tick = tick;
	a->feed->ctx = a;
	a->feed->table = a->table;
	signals_stop(flow_feed_source(a->feed));
	if (a->feed->live)
		return a->feed->run(a->feed, e);
	int status = a->feed->fill(a->feed, a->table, a->feed->first, a->feed->last, e);
	a->status = show_table(a, 0);
	return status < 0 ? -1 : 0;
}

static int run(struct app *a, struct err *e)
{
	static const struct source_options source = {.statistics.sockets = true};
	const char *what = a->s.input ? a->s.input : "live";
	const struct feed_options o = {.what = what, .source = &source, .threads = 2};

	a->feed = flow_feed_open(&o, e);
	if (!a->feed || give_up(a->feed->live, e))
		return -1;
	flow_feed_look(a->feed);
	return batch(a, e);
}

int main(int argc, char **argv)
{
	static struct app a;
	struct err e = {0};

	log_init("cdredge", LOG_LEVEL_INFO);
	if (console_settings_parse(&a.s, argc, argv, &e))
		return report(&e);
	views_builtin(&a.views);
	int status = run(&a, &e) ? report(&e) : a.status;
	signals_stop(NULL);
	table_close(a.table);
	if (a.feed)
		a.feed->close(a.feed);
	views_free(&a.views);
	console_settings_done(&a.s);
	return status;
}
