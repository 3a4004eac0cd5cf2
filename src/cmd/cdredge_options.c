/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cdredge_options.h"
#include "cmd/options.h"

#include <stdlib.h>

enum {
	OPT_BATCH = 256,
	OPT_LIST_VIEWS,
	OPT_SORT,
	OPT_ROWS,
	OPT_FROM,
	OPT_TO,
	OPT_AGENT,
	OPT_CREDENTIALS,
	OPT_CA_FILE,
	OPT_NO_FOLLOW,
	OPT_INTERFACE,
	OPT_THREADS,
	OPT_VERSION,
};

#define INTERVAL_DEFAULT (2 * NSEC_PER_SEC)
#define INTERVAL_MIN_MS	 100u

static const struct option_row rows[] = {
	{0, "Where events come from", NULL, NULL, 0},
	{'r', "read", "FILE", "look into a capture instead of the live system; - is stdin", 0},
	{'m', "mesos-api", "URL[,URL]", "ask this Mesos master (and Marathon) who containers are",
	 OPTION_JOINS},
	{OPT_AGENT, "mesos-agent", "URL",
	 "this host's Mesos agent (found from the master otherwise)", 0},
	{OPT_CREDENTIALS, "mesos-credentials", "FILE",
	 "file with 'PRINCIPAL SECRET', as Mesos takes it", 0},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust for https", 0},
	{OPT_NO_FOLLOW, "no-follow", NULL, "ask the given Mesos URLs alone, whoever leads", 0},
	{'s', "snaplen", "LEN", "live: bytes of each packet to take (all)", 0},
	{OPT_FROM, "from", "TIME", "begin here: '2026-01-31 12:00:00', 12:00, @SECONDS, +10s", 0},
	{OPT_TO, "to", "TIME", "end here", 0},
	{0, "What is shown", NULL, NULL, 0},
	{'v', "view", "VIEW", "the view to begin with (marathon_apps)", 0},
	{'d', "delay", "MS", "time between refreshes in milliseconds, at least 100 (2000)", 0},
	{OPT_BATCH, "batch", "FORMAT",
	 "print the view as text, csv or json: of a file once, live once or,\n"
	 "with -d, every MS milliseconds",
	 OPTION_BARE},
	{'j', "json", NULL, "same as --batch=json", 0},
	{OPT_SORT, "sort", "COLUMN", "sort by this column; -COLUMN = the least first", 0},
	{OPT_ROWS, "rows", "N", "print N rows at most", 0},
	{0, "Help", NULL, NULL, 0},
	{OPT_LIST_VIEWS, "list-views", NULL, "views with their columns; -j as JSON", 0},
	{'l', "list", NULL, "fields for filters and views", 0},
	{OPT_THREADS, "threads", "N", "threads for reading, 1 or 2 (2)", 0},
	{'h', "help", NULL, "this text", 0},
	{OPT_VERSION, "version", NULL, "version", 0},
};

static int keep(char **where, const char *arg)
{
	free(*where);
	*where = xstrdup(arg);
	return 0;
}

static int set_number(struct console_settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (str_u64(arg, false, &n))
		return err_set(e, ERR_USAGE, "'%s' is no number", arg);
	switch (id) {
	case 'd':
		if (n < INTERVAL_MIN_MS || n > UINT32_MAX)
			return err_set(e, ERR_USAGE, "-d takes %u milliseconds at least",
				       INTERVAL_MIN_MS);
		s->interval = n * NSEC_PER_MSEC;
		s->repeat = true;
		return 0;
	case 's':
		if (n > SAVEFILE_MAX_PACKET)
			return err_set(e, ERR_USAGE, "-s: %s is out of range", arg);
		s->source.snaplen = (unsigned)n;
		return 0;
	case OPT_THREADS:
		if (n < 1 || n > 2)
			return err_set(e, ERR_USAGE, "--threads takes 1 or 2");
		s->threads = (unsigned)n;
		return 0;
	default:
		s->rows = n;
		return 0;
	}
}

static int set_names(struct console_settings *s, int id, const char *arg)
{
	switch (id) {
	case 'm':
		return keep(&s->mesos, arg);
	case OPT_AGENT:
		s->names.agent_url = arg;
		return 0;
	case OPT_CREDENTIALS:
		s->names.credentials_file = arg;
		return 0;
	case OPT_CA_FILE:
		s->names.ca_file = arg;
		return 0;
	default:
		s->names.no_follow = true;
		return 0;
	}
}

static int set_batch(struct console_settings *s, const char *format, struct err *e)
{
	s->batch = true;
	return table_format_parse(format ? format : "text", &s->format, e);
}

static int set_option(void *ctx, int id, const char *arg, struct err *e)
{
	struct console_settings *s = ctx;

	switch (id) {
	case 'r':
		if (s->input)
			return err_set(e, ERR_USAGE, "-r can be given once");
		s->input = arg;
		return 0;
	case 'v':
		s->view = arg;
		return 0;
	case 'j':
		return set_batch(s, "json", e);
	case OPT_BATCH:
		return set_batch(s, arg, e);
	case OPT_FROM:
		s->from = arg;
		return 0;
	case OPT_TO:
		s->to = arg;
		return 0;
	case OPT_SORT:
		s->sort = arg;
		return 0;
	case OPT_LIST_VIEWS:
		s->list_views = true;
		return 0;
	case 'l':
		s->list_fields = true;
		return 0;
	case 'h':
		s->help = true;
		return 0;
	case OPT_VERSION:
		s->version = true;
		return 0;
	case 'd':
	case 's':
	case OPT_ROWS:
	case OPT_THREADS:
		return set_number(s, id, arg, e);
	default:
		return set_names(s, id, arg);
	}
}

int console_settings_parse(struct console_settings *s, int argc, char **argv, struct err *e)
{
	s->view = "marathon_apps";
	s->interval = INTERVAL_DEFAULT;
	s->threads = 2;
	s->source.statistics.sockets = true;
	int first = options_parse(rows, ARRAY_SIZE(rows), argc, argv, set_option, s, e);
	if (first < 0)
		return -1;
	s->filter = words_join(argc, argv, first);
	if (s->mesos && s->input)
		return err_set(e, ERR_USAGE,
			       "-m and -r do not go together: a capture carries its names, and "
			       "replay asks nobody");
	return 0;
}

void console_settings_done(struct console_settings *s)
{
	free(s->mesos);
	free(s->filter);
}

void console_settings_help(struct text *out)
{
	options_help(rows, ARRAY_SIZE(rows), out);
}
