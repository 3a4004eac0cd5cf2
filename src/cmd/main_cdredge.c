/* SPDX-License-Identifier: Apache-2.0 */
/* cdredge: tables of containers, tasks, apps, ports and connections, live or from a capture. */
#include "chisel/chisel.h"
#include "cmd/cdredge_options.h"
#include "cmd/options.h"
#include "cmd/printer.h"
#include "cmd/remote.h"
#include "console/console.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct app {
	struct console_settings s;
	struct views views;
	struct view_feed *feed;
	struct table *table;
	struct mesos_poller *poller;
	uint64_t next; /* ns, when the next table is due */
	unsigned printed;
	bool gone; /* the reader of a pipe has seen enough, which is no failure */
	int status;
};

static int show(struct app *a, const struct text *t)
{
	if (!write_all(STDOUT_FILENO, t->data, t->len))
		return 0;
	a->gone = errno == EPIPE;
	if (a->gone)
		return 0;
	log_error("cannot write to standard output: %s", strerror(errno));
	return ERR_FAILED;
}

static int print_rows(struct app *a, struct table_rows rows)
{
	struct text out = {0};

	if (a->s.rows)
		rows.n = MIN(rows.n, a->s.rows);
	if (a->printed++ && a->s.format == TABLE_TEXT)
		text_char(&out, '\n');
	table_print(a->table, &rows, a->s.format, &out);
	int status = show(a, &out);
	text_done(&out);
	return status;
}

static int show_table(struct app *a, uint64_t now)
{
	return print_rows(a, *table_refresh(a->table, now));
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
	a->next = now + a->s.interval;
	return a->status || a->gone || !a->s.repeat;
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

/* "-IN/s": the least first. */
static int sort_by(struct table *t, const char *column, struct err *e)
{
	bool least = *column == '-';
	int index = table_column_find(t, column + least);

	if (index < 0)
		return err_set(e, ERR_USAGE, "--sort: view %s has no column %s", table_info(t)->id,
			       column + least);
	table_sort(t, (unsigned)index, !least);
	return 0;
}

static int open_table(struct app *a, struct err *e)
{
	const char *name = a->s.view ? a->s.view : "marathon_apps";
	const struct view_info *info = views_find(&a->views, name);
	const struct table_options o = {
		.info = info, .filter = a->s.filter, .dirs = plugin_dirs("filters")};

	if (!chisel_built())
		return err_set(e, ERR_FAILED,
			       "no views: this build is without LuaJIT, which reads their files");
	if (!a->views.n)
		return err_set(
			e, ERR_FAILED,
			"no views: there is no chisels/views here, in the user's directory or "
			"where dredge is installed");
	if (!info)
		return err_set(e, ERR_USAGE, "%s: no such view; --list-views lists them", name);
	a->table = table_open(&o, e);
	if (!a->table)
		return -1;
	return a->s.sort ? sort_by(a->table, a->s.sort, e) : 0;
}

/* What --from and --to say, else the whole file. */
static int find_window(struct app *a, uint64_t *from, uint64_t *to, struct err *e)
{
	*from = a->feed->first;
	*to = a->feed->last;
	if ((a->s.from || a->s.to) && !*to)
		return err_set(e, ERR_USAGE, "--from and --to need a file, not a pipe");
	if (a->s.from && time_parse(a->s.from, a->feed->first, from, e))
		return err_wrap(e, "--from");
	if (a->s.to && time_parse(a->s.to, a->feed->first, to, e))
		return err_wrap(e, "--to");
	return 0;
}

static int print_file(struct app *a, struct err *e)
{
	uint64_t from, to;

	if (find_window(a, &from, &to, e))
		return -1;
	int status = a->feed->fill(a->feed, a->table, from, to, e);
	a->status = show_table(a, 0);
	return status < 0 ? -1 : 0;
}

static int open_feed(struct app *a, struct err *e)
{
	if (a->s.connect) {
		a->feed = remote_feed_open(a->s.connect, a->s.token_file, a->s.mesos.ca_file, e);
		return a->feed ? give_up(false, e) : -1;
	}
	if (start_poller(&a->s.mesos, (struct mesos_options){0}, &a->poller, e))
		return -1;
	a->s.source.mesos_cgroup = a->s.cgroups_root;
	const struct feed_options o = {.what = a->s.input ? a->s.input : "live",
				       .source = &a->s.source,
				       .poller = a->poller,
				       .threads = a->s.threads};
	a->feed = flow_feed_open(&o, e);
	if (!a->feed || give_up(a->feed->live, e))
		return -1;
	flow_feed_look(a->feed);
	return 0;
}

/* What another host says, once or again and again. */
static int print_remote(struct app *a, struct err *e)
{
	const struct timespec wait = {.tv_sec = (time_t)(a->s.interval / NSEC_PER_SEC),
				      .tv_nsec = (long)(a->s.interval % NSEC_PER_SEC)};

	do {
		const struct table_rows *rows = a->feed->ask(a->feed, a->table, a->s.filter, e);
		if (!rows)
			return -1;
		a->status = print_rows(a, *rows);
	} while (!a->status && !a->gone && a->s.repeat && !nanosleep(&wait, NULL));
	return 0;
}

static int batch(struct app *a, struct err *e)
{
	if (a->feed->ask)
		return print_remote(a, e);
	a->feed->tick = tick;
	a->feed->ctx = a;
	a->feed->table = a->table;
	signals_stop(flow_feed_source(a->feed));
	int status = a->feed->live ? a->feed->run(a->feed, e) : print_file(a, e);
	if (a->feed->lost)
		log_warn("%llu packets are missing: they were lost before they could be read",
			 (unsigned long long)a->feed->lost);
	return status;
}

/* The second of "URL,URL", or NULL. */
static const char *marathon_of(const char *urls)
{
	const char *comma = urls ? strchr(urls, ',') : NULL;

	return comma ? comma + 1 + strspn(comma + 1, " ") : NULL;
}

static int screen(struct app *a, struct err *e)
{
	struct console_options o = {
		.feed = a->feed,
		.views = &a->views,
		.view = table_info(a->table)->id,
		.filter = a->s.filter,
		.filter_dirs = plugin_dirs("filters"),
		.interval = a->s.interval,
		.capture = a->s.input && !access(a->s.input, R_OK) ? a->s.input : NULL,
		.marathon = marathon_of(a->s.mesos.urls),
	};

	if (a->s.input && str_eq(a->s.input, "-"))
		return err_set(
			e, ERR_USAGE,
			"-r -: standard input is where keys come from; --batch reads a capture "
			"there");
	if (find_window(a, &o.from, &o.to, e))
		return -1;
	return console_run(&o, e);
}

/* The options that print something and are done. */
static bool told(struct app *a, struct text *out)
{
	if (a->s.help) {
		text_str(out, "Usage: cdredge [OPTIONS] [FILTER]\n"
			      "Containers, tasks, apps, ports and connections as tables, live (as "
			      "root) or from a capture.\n");
		console_settings_help(out);
		text_str(out, "\nSee cdredge(1), dredge-views(7), dredge-filter(5).\n");
	} else if (a->s.version) {
		text_str(out, "cdredge " DREDGE_VERSION "\n");
	} else if (a->s.list_fields) {
		list_fields(false, false, out);
	} else if (a->s.list_views) {
		views_print(&a->views, a->s.batch && a->s.format == TABLE_JSON, out);
	} else {
		return false;
	}
	return true;
}

static int run(struct app *a, struct err *e)
{
	struct text out = {0};
	int status = 0;

	views_load(&a->views, plugin_dirs("chisels"));
	bool done = told(a, &out);
	console_log(!done && !a->s.batch);
	if (done)
		a->status = show(a, &out);
	else if (open_table(a, e) || open_feed(a, e) || (a->s.batch ? batch(a, e) : screen(a, e)))
		status = -1;
	console_log(false);
	text_done(&out);
	return status;
}

int main(int argc, char **argv)
{
	static struct app a;
	struct err e = {0};

	log_init("cdredge", LOG_LEVEL_INFO);
	if (console_settings_parse(&a.s, argc, argv, &e))
		return report(&e);
	int status = run(&a, &e) ? report(&e) : a.status;
	signals_stop(NULL);
	table_close(a.table);
	if (a.feed)
		a.feed->close(a.feed);
	mesos_poller_stop(a.poller);
	views_free(&a.views);
	console_settings_done(&a.s);
	return status;
}
