/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dredge_options.h"

#include <getopt.h>
#include <stdlib.h>

enum {
	OPT_WRITE_FORMAT = OPTION_LONG + 1,
	OPT_SAMPLE,
	OPT_COUNTERS,
	OPT_INTERFACE,
	OPT_THREADS,
};

#define SETS(kind, member) OPTION_##kind, offsetof(struct settings, member)

static const struct option_row rows[] = {
	{0, "Where events come from", NULL, NULL, 0, 0},
	{'r', "read", "FILE",
	 "read a capture instead of the live system; may be given again;\n"
	 "- is stdin, synth:KEY=VALUE,... makes traffic up",
	 0, 0},
	MESOS_ROWS(struct settings, mesos),
	{'s', "snaplen", "LEN", "live: bytes of each packet to take (all)", OPTION_VALUE, 0},
	{OPT_SAMPLE, "sample", "N", "live: take 1 packet in N, the same ones at every point",
	 OPTION_VALUE, 0},
	{OPT_COUNTERS, "counters", "TIME", "live: time between counter samples (1s; 0 = never)",
	 OPTION_VALUE, 0},
	{OPT_INTERFACE, "interface", "NAME", "live: also capture this host interface whole", 0, 0},
	{OPTION_LONG, "capture-filter", "EXPR", "live: pcap-filter(7) applied in the kernel",
	 SETS(TEXT, capture_filter)},
	{OPTION_LONG, "cgroups-root", "NAME", "live: name of Mesos' cgroup root (mesos)",
	 SETS(TEXT, cgroups_root)},
	{OPTION_LONG, "from", "TIME", "begin here: '2026-01-31 12:00:00', 12:00, @SECONDS, +10s",
	 SETS(TEXT, from)},
	{OPTION_LONG, "to", "TIME", "end here", SETS(TEXT, to)},
	{'n', "numevents", "N", "end after N events that passed the filter", OPTION_VALUE, 0},
	{'M', "max-time", "SEC", "end after SEC seconds of event time", SETS(TIME, max_ns)},
	{0, "What is printed", NULL, NULL, 0, 0},
	{'p', "print", "FORMAT",
	 "line format; c = with container ids, m = Mesos, @NAME = from a\n"
	 "file, p = show the default",
	 0, 0},
	{'t', "timetype", "h|a|r|d|D",
	 "time: human, absolute, relative, response, since the last line", 0, 0},
	{'j', "json", NULL, "one JSON object a line", SETS(TRUE, print.json)},
	{'A', "print-ascii", NULL, "payload as text", 0, 0},
	{'x', "print-hex", NULL, "payload as hex", 0, 0},
	{'X', "print-hex-ascii", NULL, "payload as hex and text", 0, 0},
	{'b', "print-base64", NULL, "payload as base64", 0, 0},
	{'R', "resolve-ports", NULL, "port numbers as service names",
	 SETS(TRUE, print.resolve_ports)},
	{'v', "verbose", NULL, "whole payloads; totals at the end", 0, 0},
	{'q', "quiet", NULL, "print no events", SETS(TRUE, quiet)},
	{'S', "summary", "FIELD", "at the end, counts by evt.type or by FIELD", OPTION_BARE, 0},
	{'P', "progress", NULL, "progress bar even where stderr is no terminal",
	 SETS(TRUE, want_progress)},
	{OPTION_LONG, "unbuffered", NULL, "write each line at once", SETS(TRUE, unbuffered)},
	{0, "Chisels", NULL, NULL, 0, 0},
	{'c', "chisel", "NAME [ARG...]",
	 "run this script over the events; may be given again; -cl lists them", 0, 0},
	{'i', "chisel-info", "NAME", "what a chisel does, and its arguments",
	 SETS(TEXT, chisel_info)},
	{OPTION_LONG, "trust-chisels", NULL,
	 "let chisels behind it use files, programs and foreign functions",
	 SETS(TRUE, trust_chisels)},
	{0, "Writing a capture", NULL, NULL, 0, 0},
	{'w', "write", "FILE",
	 "write the events to FILE (.pcapng.lz4 .pcapng .pcap; - = pcapng\n"
	 "on stdout) and print none",
	 SETS(TEXT, write)},
	{OPT_WRITE_FORMAT, "write-format", "FORMAT",
	 "pcapng.lz4, pcapng or pcap, whatever the name", 0, 0},
	{'z', "compress", NULL, "same as --write-format=pcapng.lz4", 0, 0},
	{'C', "file-size", "MB", "a new file after so many million bytes", OPTION_VALUE, 0},
	{'G', "file-time", "SEC", "a new file each SEC seconds; FILE may hold strftime(3) codes",
	 OPTION_VALUE, 0},
	{'e', "file-events", "N", "a new file after N events", OPTION_VALUE, 0},
	{'W', "file-count", "N", "with -C, -G or -e: keep a ring of N files", OPTION_VALUE, 0},
	{0, "Help", NULL, NULL, 0, 0},
	{OPTION_LONG, "info", NULL, "what a capture holds: containers, tasks, apps, times, losses",
	 SETS(TRUE, info)},
	{OPTION_LONG, "explain", NULL, "how a filter is understood and where it is decided",
	 SETS(TRUE, explain)},
	{'l', "list", NULL, "fields for filters and formats; -lv with their types",
	 SETS(TRUE, list)},
	{OPTION_LONG, "list-markdown", NULL, "the same as Markdown tables",
	 SETS(TRUE, list_markdown)},
	{'L', "list-events", NULL, "event types", SETS(TRUE, list_events)},
	{OPT_THREADS, "threads", "N", "threads for reading, 1 or 2 (2)", OPTION_VALUE, 0},
	{'h', "help", NULL, "this text", SETS(TRUE, help)},
	{OPTION_LONG, "version", NULL, "version", SETS(TRUE, version)},
};

static int number(const char *arg, uint64_t *out, struct err *e)
{
	return str_u64(arg, false, out) ? err_set(e, ERR_USAGE, "'%s' is no number", arg) : 0;
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
		if (number(arg, &n, e))
			return -1;
		if (n > SAVEFILE_MAX_PACKET || (id == OPT_SAMPLE && !n))
			return err_set(e, ERR_USAGE, "%s is out of range", arg);
		*(id == 's' ? &s->source.snaplen : &s->source.sample) = (unsigned)n;
		return 0;
	case OPT_COUNTERS:
		if (duration_parse(arg, &s->source.counter_interval, e))
			return -1;
		if (!s->source.counter_interval)
			s->source.counter_interval = UINT64_MAX;
		return 0;
	default:
		if (s->interface_count + 1 == ARRAY_SIZE(s->interfaces))
			return err_set(e, ERR_USAGE, "too many interfaces");
		s->interfaces[s->interface_count++] = arg;
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
	if (number(arg, &n, e))
		return -1;
	if (!n || n > UINT32_MAX)
		return err_set(e, ERR_USAGE, "%s is out of range", arg);
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

	if (number(arg, &n, e))
		return -1;
	if (id == 'n') {
		s->max_events = n;
		return 0;
	}
	if (n < 1 || n > 2)
		return err_set(e, ERR_USAGE, "1 or 2 is wanted, not %s", arg);
	s->threads = (unsigned)n;
	return 0;
}

struct chisel_host settings_chisel_host(const struct settings *s)
{
	return (struct chisel_host){
		.dirs = plugin_dirs("chisels"),
		.filter_dirs = plugin_dirs("filters"),
		.format_dirs = plugin_dirs("formats"),
		.trusted = s->trust_chisels,
		.print = s->print,
		.source = "",
		.write = s->chisel_text,
		.ctx = s->chisel_ctx,
	};
}

/* How many of the words behind the name are its arguments, only the chisel can tell. */
static int set_chisel(struct settings *s, const char *name, struct err *e)
{
	const struct chisel_host host = settings_chisel_host(s);
	unsigned used = 0, n;
	char **behind = options_behind(&n);

	if (str_eq(name, "l")) {
		s->list_chisels = true;
		return 0;
	}
	if (!s->chisels)
		s->chisels = chisels_new(&host);
	if (s->chisels)
		chisels_host(s->chisels)->trusted = s->trust_chisels;
	if (chisels_add(s->chisels, name, behind, n, &used, e))
		return -1;
	optind += (int)used;
	return 0;
}

static int set_option(void *ctx, int id, const char *arg, struct err *e)
{
	struct settings *s = ctx;

	switch (id) {
	case 'c':
		return set_chisel(s, arg, e);
	case 'r':
	case 's':
	case OPT_SAMPLE:
	case OPT_COUNTERS:
	case OPT_INTERFACE:
		return set_source(s, id, arg, e);
	case OPT_WRITE_FORMAT:
	case 'z':
	case 'C':
	case 'G':
	case 'e':
	case 'W':
		return set_writing(s, id, arg, e);
	case 'n':
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
	case 'p':
		set_format(s, arg);
		break;
	case 'v':
		s->verbose = s->print.whole_buffers = true;
		break;
	case 'S':
		s->want_summary = true;
		s->summary_field = arg;
		break;
	}
	return 0;
}

/* "--summary container.name": what may be left out stands behind '='. A field alone is a filter,
 * too, but hardly what is meant here. */
static int refuse_lone_field(const char *word, struct err *e)
{
	size_t used = 0, n = strlen(word);
	cleanup_free char *arg = NULL;

	if (!field_find(word, n, &used, &arg) || used < n)
		return 0;
	return err_set(e, ERR_USAGE, "did you mean --summary=%s? (a filter would be '%s exists')",
		       word, word);
}

int settings_parse(struct settings *s, int argc, char **argv, char **words, struct err *e)
{
	s->threads = 2;
	s->source.interfaces = s->interfaces;
	s->source.statistics.sockets = true;
	int first = options_parse_mixed(rows, ARRAY_SIZE(rows), argc, argv, set_option, s, e);
	if (first < 0)
		return -1;
	if (s->info) {
		*words = NULL;
		while (first < argc)
			if (set_source(s, 'r', argv[first++], e))
				return -1;
		return s->input_count ? 0 : err_set(e, ERR_USAGE, "--info needs a file");
	}
	*words = words_join(argc, argv, first);
	if (s->want_summary && !s->summary_field && argc - first == 1 &&
	    refuse_lone_field(argv[first], e))
		return -1;
	if (s->explain && !*words)
		return err_set(e, ERR_USAGE, "--explain needs a filter");
	const struct writer_options *o = &s->out;
	if (!s->write && (s->format_chosen || o->rotate_bytes || o->rotate_ns || o->rotate_events ||
			  o->rotate_files))
		return err_set(e, ERR_USAGE,
			       "-z, --write-format, -C, -G, -e and -W go with -w FILE");
	return s->input_count ? 0 : words_refuse_file(argc, argv, first, e);
}

void settings_done(struct settings *s)
{
	chisels_free(s->chisels);
	options_done(rows, ARRAY_SIZE(rows), s);
}

void settings_help(struct text *out)
{
	options_help(rows, ARRAY_SIZE(rows), out);
}
