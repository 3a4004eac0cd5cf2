/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cdredge_options.h"
#include "cmd/options.h"

#include <stdlib.h>

enum {
	OPT_BATCH = OPTION_LONG + 1,
	OPT_ROWS,
	OPT_THREADS,
};

#define INTERVAL_DEFAULT (2 * NSEC_PER_SEC)
#define INTERVAL_MIN_MS	 100u

#define SETS(kind, member) OPTION_##kind, offsetof(struct console_settings, member)

/* Why options of csysdig are not here. */
#define NO_CALLS      "no system calls are captured here; csysdig shows those"
#define NO_KUBERNETES "Kubernetes is not asked; -m asks Mesos who the containers are"
#define NO_CRI	      "the runtime is not asked; containers are found by themselves, and -m asks Mesos"
#define NO_BUFFERS    "views have no payloads; dredge -X and -A print those of packets"

static const struct option_row rows[] = {
	{0, "Where events come from", NULL, NULL, 0, 0},
	{'r', "read", "FILE", "look into a capture instead of the live system; - is stdin", 0, 0},
	{OPTION_LONG, "connect", "URL", "look at another host through the API of its dredged",
	 SETS(TEXT, connect)},
	{OPTION_LONG, "token-file", "FILE", "of --connect: 'read TOKEN', as dredged has it",
	 SETS(TEXT, token_file)},
	MESOS_ROWS(struct console_settings, mesos),
	{'s', "snaplen", "LEN", "live: bytes of each packet to take (all)", OPTION_VALUE, 0},
	{OPTION_LONG, "cgroups-root", "NAME", "live: name of Mesos' cgroup root (mesos)",
	 SETS(TEXT, cgroups_root)},
	{OPTION_LONG, "from", "TIME", "begin here: '2026-01-31 12:00:00', 12:00, @SECONDS, +10s",
	 SETS(TEXT, from)},
	{OPTION_LONG, "to", "TIME", "end here", SETS(TEXT, to)},
	{0, "What is shown", NULL, NULL, 0, 0},
	{'v', "view", "VIEW", "the view to begin with (marathon_apps)", SETS(TEXT, view)},
	{'p', "print", "c", "as csysdig takes it; containers are shown without it too", 0, 0},
	{'d', "delay", "MS", "time between refreshes in milliseconds, at least 100 (2000)",
	 OPTION_VALUE, 0},
	{OPT_BATCH, "batch", "FORMAT",
	 "print the view as text, csv or json: of a file once, live once or,\n"
	 "with -d, every MS milliseconds",
	 OPTION_BARE, 0},
	{'j', "json", NULL, "same as --batch=json", 0, 0},
	{OPTION_LONG, "sort", "COLUMN", "sort by this column; -COLUMN = the least first",
	 SETS(TEXT, sort)},
	{OPT_ROWS, "rows", "N", "print N rows at most", OPTION_VALUE, 0},
	{0, "Help", NULL, NULL, 0, 0},
	{OPTION_LONG, "list-views", NULL, "views with their columns; -j as JSON",
	 SETS(TRUE, list_views)},
	{'l', "list", NULL, "fields for filters and views", SETS(TRUE, list_fields)},
	{OPT_THREADS, "threads", "N", "threads for reading, 1 or 2 (2)", OPTION_VALUE, 0},
	{'h', "help", NULL, "this text", SETS(TRUE, help)},
	{OPTION_LONG, "version", NULL, "version", SETS(TRUE, version)},
	/* csysdig's */
	{'E', "exclude-users", NULL, "", OPTION_HIDDEN, 0},
	{'A', "print-ascii", NULL, NO_BUFFERS, OPTION_REFUSED, 0},
	{'X', "print-hex-ascii", NULL, NO_BUFFERS, OPTION_REFUSED, 0},
	{'B', "bpf", "PROBE", "packets come without a probe; leave it out",
	 OPTION_REFUSED | OPTION_BARE, 0},
	{OPTION_LONG, "cri", "PATH", NO_CRI, OPTION_REFUSED, 0},
	{OPTION_LONG, "cri-timeout", "MS", NO_CRI, OPTION_REFUSED, 0},
	{OPTION_LONG, "force-term-compat", NULL,
	 "keys and mouse of PuTTY work without it; else set TERM", OPTION_REFUSED, 0},
	{'k', "k8s-api", "URL", NO_KUBERNETES, OPTION_REFUSED, 0},
	{'K', "k8s-api-cert", "FILE", NO_KUBERNETES, OPTION_REFUSED, 0},
	{OPTION_LONG, "node-name", "NAME", NO_KUBERNETES, OPTION_REFUSED, 0},
	{OPTION_LONG, "large-environment", NULL, NO_CALLS, OPTION_REFUSED, 0},
	{OPTION_LONG, "page-faults", NULL, NO_CALLS, OPTION_REFUSED, 0},
	{'T', "force-tracers-capture", NULL, NO_CALLS, OPTION_REFUSED, 0},
	{OPTION_LONG, "logfile", "FILE", "with --batch, 2>FILE takes the messages", OPTION_REFUSED,
	 0},
	{'n', "numevents", "N", "dredge -n N -w FILE writes so many, cdredge -r FILE shows them",
	 OPTION_REFUSED, 0},
	{'R', "resolve-ports", NULL, "view sports has a column SERVICE; dredge -R names ports",
	 OPTION_REFUSED, 0},
	{OPTION_LONG, "raw", NULL, "--batch prints plain text", OPTION_REFUSED, 0},
	{OPTION_LONG, "interactive", NULL, "--batch=json, or the API of dredged", OPTION_REFUSED,
	 0},
	{OPTION_LONG, "sortingcol", "N", "--sort COLUMN", OPTION_REFUSED, 0},
};

static int set_number(struct console_settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (str_u64(arg, false, &n))
		return err_set(e, ERR_USAGE, "'%s' is no number", arg);
	switch (id) {
	case 'd':
		if (n < INTERVAL_MIN_MS || n > UINT32_MAX)
			return err_set(e, ERR_USAGE, "%u milliseconds at least", INTERVAL_MIN_MS);
		s->interval = n * NSEC_PER_MSEC;
		s->repeat = true;
		return 0;
	case 's':
		if (n > SAVEFILE_MAX_PACKET)
			return err_set(e, ERR_USAGE, "%s is out of range", arg);
		s->source.snaplen = (unsigned)n;
		return 0;
	case OPT_THREADS:
		if (n < 1 || n > 2)
			return err_set(e, ERR_USAGE, "1 or 2 is wanted, not %s", arg);
		s->threads = (unsigned)n;
		return 0;
	default:
		s->rows = n;
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
	case 'j':
		return set_batch(s, "json", e);
	case OPT_BATCH:
		return set_batch(s, arg, e);
	case 'E':
		return 0;
	case 'p':
		return str_eq(arg, "c") || str_eq(arg, "container")
			       ? 0
			       : err_set(e, ERR_USAGE, "-p takes c; views say what is shown");
	default:
		return set_number(s, id, arg, e);
	}
}

int console_settings_parse(struct console_settings *s, int argc, char **argv, struct err *e)
{
	s->interval = INTERVAL_DEFAULT;
	s->threads = 2;
	s->source.statistics.sockets = true;
	int first = options_parse_mixed(rows, ARRAY_SIZE(rows), argc, argv, set_option, s, e);
	if (first < 0)
		return -1;
	s->filter = words_join(argc, argv, first);
	if (!s->input && words_refuse_file(argc, argv, first, e))
		return -1;
	uint64_t row;
	if (s->from && !str_u64(s->from, false, &row))
		return err_set(e, ERR_USAGE, "--from %s: is a time here; --rows N prints N rows",
			       s->from);
	if (s->mesos.urls && s->input)
		return err_set(e, ERR_USAGE,
			       "-m and -r do not go together: a capture carries its names, and "
			       "replay asks nobody");
	if (s->connect && (s->input || s->mesos.urls))
		return err_set(e, ERR_USAGE, "--connect goes with neither -r nor -m");
	return 0;
}

void console_settings_done(struct console_settings *s)
{
	free(s->filter);
	options_done(rows, ARRAY_SIZE(rows), s);
}

void console_settings_help(struct text *out)
{
	options_help(rows, ARRAY_SIZE(rows), out);
}
