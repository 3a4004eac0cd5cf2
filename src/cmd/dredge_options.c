/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dredge_options.h"

#include <stdlib.h>

enum {
	OPT_FROM = 256,
	OPT_TO,
	OPT_INFO,
	OPT_EXPLAIN,
	OPT_WRITE_FORMAT,
	OPT_LIST_MARKDOWN,
	OPT_UNBUFFERED,
	OPT_SAMPLE,
	OPT_COUNTERS,
	OPT_INTERFACE,
	OPT_CAPTURE_FILTER,
	OPT_THREADS,
	OPT_AGENT,
	OPT_CREDENTIALS,
	OPT_CA_FILE,
	OPT_NO_FOLLOW,
	OPT_VERSION,
};

static const struct option_row rows[] = {
	{0, "Where events come from", NULL, NULL, 0},
	{'r', "read", "FILE",
	 "read a capture instead of the live system; may be given again;\n"
	 "- is stdin, synth:KEY=VALUE,... makes traffic up",
	 0},
	{'m', "mesos-api", "URL[,URL]", "ask this Mesos master (and Marathon) who containers are",
	 OPTION_JOINS},
	{OPT_AGENT, "mesos-agent", "URL",
	 "this host's Mesos agent (found from the master otherwise)", 0},
	{OPT_CREDENTIALS, "mesos-credentials", "FILE",
	 "file with 'PRINCIPAL SECRET', as Mesos takes it", 0},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust for https", 0},
	{OPT_NO_FOLLOW, "no-follow", NULL, "ask the given Mesos URLs alone, whoever leads", 0},
	{'s', "snaplen", "LEN", "live: bytes of each packet to take (all)", 0},
	{OPT_SAMPLE, "sample", "N", "live: take 1 packet in N, the same ones at every point", 0},
	{OPT_COUNTERS, "counters", "TIME", "live: time between counter samples (1s; 0 = never)", 0},
	{OPT_INTERFACE, "interface", "NAME", "live: also capture this host interface whole", 0},
	{OPT_CAPTURE_FILTER, "capture-filter", "EXPR", "live: pcap-filter(7) applied in the kernel",
	 0},
	{OPT_FROM, "from", "TIME", "begin here: '2026-01-31 12:00:00', 12:00, @SECONDS, +10s", 0},
	{OPT_TO, "to", "TIME", "end here", 0},
	{'n', "numevents", "N", "end after N events that passed the filter", 0},
	{'M', "max-time", "SEC", "end after SEC seconds of event time", 0},
	{0, "What is printed", NULL, NULL, 0},
	{'p', "print", "FORMAT",
	 "line format; c = with container ids, m = Mesos, @NAME = from a\n"
	 "file, p = show the default",
	 0},
	{'t', "timetype", "h|a|r|d|D",
	 "time: human, absolute, relative, response, since the last line", 0},
	{'j', "json", NULL, "one JSON object a line", 0},
	{'A', "print-ascii", NULL, "payload as text", 0},
	{'x', "print-hex", NULL, "payload as hex", 0},
	{'X', "print-hex-ascii", NULL, "payload as hex and text", 0},
	{'b', "print-base64", NULL, "payload as base64", 0},
	{'R', "resolve-ports", NULL, "port numbers as service names", 0},
	{'v', "verbose", NULL, "whole payloads; totals at the end", 0},
	{'q', "quiet", NULL, "print no events", 0},
	{'S', "summary", "FIELD", "at the end, counts by evt.type or by FIELD", OPTION_BARE},
	{'P', "progress", NULL, "progress bar even where stderr is no terminal", 0},
	{OPT_UNBUFFERED, "unbuffered", NULL, "write each line at once", 0},
	{0, "Writing a capture", NULL, NULL, 0},
	{'w', "write", "FILE",
	 "write the events to FILE (.pcapng.lz4 .pcapng .pcap; - = pcapng\n"
	 "on stdout) and print none",
	 0},
	{OPT_WRITE_FORMAT, "write-format", "FORMAT",
	 "pcapng.lz4, pcapng or pcap, whatever the name", 0},
	{'z', "compress", NULL, "same as --write-format=pcapng.lz4", 0},
	{'C', "file-size", "MB", "a new file after so many million bytes", 0},
	{'G', "file-time", "SEC", "a new file each SEC seconds; FILE may hold strftime(3) codes",
	 0},
	{'e', "file-events", "N", "a new file after N events", 0},
	{'W', "file-count", "N", "with -C, -G or -e: keep a ring of N files", 0},
	{0, "Help", NULL, NULL, 0},
	{OPT_INFO, "info", NULL, "what a capture holds: containers, tasks, apps, times, losses", 0},
	{OPT_EXPLAIN, "explain", NULL, "how a filter is understood and where it is decided", 0},
	{'l', "list", NULL, "fields for filters and formats; -lv with their types", 0},
	{OPT_LIST_MARKDOWN, "list-markdown", NULL, "the same as Markdown tables", 0},
	{'L', "list-events", NULL, "event types", 0},
	{OPT_THREADS, "threads", "N", "threads for reading, 1 or 2 (2)", 0},
	{'h', "help", NULL, "this text", 0},
	{OPT_VERSION, "version", NULL, "version", 0},
};

static int number(const char *name, const char *arg, uint64_t *out, struct err *e)
{
	return str_u64(arg, false, out) ? err_set(e, ERR_USAGE, "%s: '%s' is no number", name, arg)
					: 0;
}

static int set_buffer(struct settings *s, enum print_buffer how, struct err *e)
{
	if (s->buffer_chosen)
		return err_set(e, ERR_USAGE, "only one of -A, -x, -X and -b can be given");
	s->buffer_chosen = true;
	s->print.buffer = how;
	return 0;
}

static int set_time(struct settings *s, const char *arg, struct err *e)
{
	static const char letters[] = "hardD";
	const char *at = *arg && !arg[1] ? strchr(letters, *arg) : NULL;

	if (!at)
		return err_set(e, ERR_USAGE, "-t takes one of h, a, r, d and D, not '%s'", arg);
	s->print.time = (enum print_time)(at - letters);
	return 0;
}

static void set_format(struct settings *s, const char *arg)
{
	static const struct {
		const char *name, *format;
	} presets[] = {
		{"c", print_format_containers},
		{"container", print_format_containers},
		{"m", print_format_mesos},
		{"mesos", print_format_mesos},
	};

	s->format = arg;
	for (unsigned i = 0; i < ARRAY_SIZE(presets); i++)
		if (str_eq(arg, presets[i].name))
			s->format = presets[i].format;
}

static int set_source(struct settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n;

	switch (id) {
	case 'r':
		if (s->input_count == DREDGE_FILES_MAX)
			return err_set(e, ERR_USAGE, "more than %u files", DREDGE_FILES_MAX);
		s->inputs[s->input_count++] = arg;
		return 0;
	case 's':
	case OPT_SAMPLE:
		if (number(id == 's' ? "-s" : "--sample", arg, &n, e))
			return -1;
		if (n > SAVEFILE_MAX_PACKET)
			return err_set(e, ERR_USAGE, "%s is out of range", arg);
		*(id == 's' ? &s->source.snaplen : &s->source.sample) = (unsigned)n;
		return 0;
	case OPT_COUNTERS:
		if (duration_parse(arg, &s->source.counter_interval, e))
			return -1;
		if (!s->source.counter_interval)
			s->source.counter_interval = UINT64_MAX;
		return 0;
	case OPT_INTERFACE:
		if (s->interface_count + 1 == ARRAY_SIZE(s->interfaces))
			return err_set(e, ERR_USAGE, "too many interfaces");
		s->interfaces[s->interface_count++] = arg;
		return 0;
	default:
		s->source.capture_filter = arg;
		return 0;
	}
}

static int set_writing(struct settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n = 0;

	if (id == OPT_WRITE_FORMAT || id == 'z') {
		s->format_chosen = true;
		return savefile_format_parse(arg ? arg : "pcapng.lz4", &s->out.format, e);
	}
	if (number("rotation", arg, &n, e))
		return -1;
	if (!n || n > UINT32_MAX)
		return err_set(e, ERR_USAGE, "-%c: '%s' is out of range", id, arg);
	if (id == 'C')
		s->out.rotate_bytes = n * 1000000;
	else if (id == 'G')
		s->out.rotate_ns = n * NSEC_PER_SEC;
	else if (id == 'e')
		s->out.rotate_events = n;
	else
		s->out.rotate_files = (unsigned)n;
	return 0;
}

static int set_limit(struct settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (id == 'M')
		return duration_parse(arg, &s->max_ns, e);
	if (number(id == 'n' ? "-n" : "--threads", arg, &n, e))
		return -1;
	if (id == 'n') {
		s->max_events = n;
		return 0;
	}
	if (n < 1 || n > 2)
		return err_set(e, ERR_USAGE, "--threads takes 1 or 2");
	s->threads = (unsigned)n;
	return 0;
}

static int keep(char **where, const char *arg)
{
	free(*where);
	*where = arg ? xstrdup(arg) : NULL;
	return 0;
}

/* Arguments live in argv, except joined lists, which are copied. */
static int set_option(void *ctx, int id, const char *arg, struct err *e)
{
	struct settings *s = ctx;

	switch (id) {
	case 'r':
	case 's':
	case OPT_SAMPLE:
	case OPT_COUNTERS:
	case OPT_INTERFACE:
	case OPT_CAPTURE_FILTER:
		return set_source(s, id, arg, e);
	case OPT_WRITE_FORMAT:
	case 'z':
	case 'C':
	case 'G':
	case 'e':
	case 'W':
		return set_writing(s, id, arg, e);
	case 'n':
	case 'M':
	case OPT_THREADS:
		return set_limit(s, id, arg, e);
	case 'A':
		return set_buffer(s, BUFFER_ASCII, e);
	case 'x':
		return set_buffer(s, BUFFER_HEX, e);
	case 'X':
		return set_buffer(s, BUFFER_HEX_ASCII, e);
	case 'b':
		return set_buffer(s, BUFFER_BASE64, e);
	case 't':
		return set_time(s, arg, e);
	case 'm':
		return keep(&s->mesos, arg);
	case OPT_AGENT:
		return keep(&s->agent, arg);
	case OPT_CREDENTIALS:
		return keep(&s->credentials, arg);
	case OPT_CA_FILE:
		return keep(&s->ca_file, arg);
	case OPT_NO_FOLLOW:
		s->no_follow = true;
		return 0;
	case 'p':
		set_format(s, arg);
		break;
	case 'w':
		s->write = arg;
		break;
	case 'j':
		s->print.json = true;
		break;
	case 'R':
		s->print.resolve_ports = true;
		break;
	case 'v':
		s->verbose = s->print.whole_buffers = true;
		break;
	case 'q':
		s->quiet = true;
		break;
	case 'S':
		s->want_summary = true;
		return keep(&s->summary_field, arg);
	case 'P':
		s->want_progress = true;
		break;
	case 'l':
		s->list = true;
		break;
	case 'L':
		s->list_events = true;
		break;
	case 'h':
		s->help = true;
		break;
	case OPT_FROM:
		s->from = arg;
		break;
	case OPT_TO:
		s->to = arg;
		break;
	case OPT_INFO:
		s->info = true;
		break;
	case OPT_EXPLAIN:
		s->explain = true;
		break;
	case OPT_LIST_MARKDOWN:
		s->list_markdown = true;
		break;
	case OPT_UNBUFFERED:
		s->unbuffered = true;
		break;
	case OPT_VERSION:
		s->version = true;
		break;
	}
	return 0;
}

/* "dredge --info FILE... -j": the words are files, and options may stand behind them. */
static int take_files(struct settings *s, int argc, char **argv, int first, struct err *e)
{
	while (first < argc) {
		if (argv[first][0] != '-' || !argv[first][1]) {
			if (set_source(s, 'r', argv[first++], e))
				return -1;
			continue;
		}
		int used = options_parse(rows, ARRAY_SIZE(rows), argc - first + 1, argv + first - 1,
					 set_option, s, e);
		if (used < 0)
			return -1;
		first += used - 1;
	}
	return 0;
}

int settings_parse(struct settings *s, int argc, char **argv, char **words, struct err *e)
{
	s->threads = 2;
	s->source.interfaces = s->interfaces;
	s->source.statistics.sockets = true;
	int first = options_parse(rows, ARRAY_SIZE(rows), argc, argv, set_option, s, e);
	if (first < 0)
		return -1;
	if (s->info) {
		*words = NULL;
		if (take_files(s, argc, argv, first, e))
			return -1;
		return s->input_count ? 0 : err_set(e, ERR_USAGE, "--info needs a file");
	}
	*words = words_join(argc, argv, first);
	if (s->explain && !*words)
		return err_set(e, ERR_USAGE, "--explain needs a filter");
	return 0;
}

void settings_done(struct settings *s)
{
	free(s->mesos);
	free(s->agent);
	free(s->credentials);
	free(s->ca_file);
	free(s->summary_field);
}

void settings_help(struct text *out)
{
	options_help(rows, ARRAY_SIZE(rows), out);
}
