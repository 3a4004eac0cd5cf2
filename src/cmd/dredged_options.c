/* SPDX-License-Identifier: Apache-2.0 */
/* Room cmd: dredged's options as rows, and what they set. */
#include "cmd/dredged_options.h"
#include "cmd/agent_flags.h"
#include "cmd/resources.h"

#include <stdlib.h>

enum {
	OPT_CONFIG = OPTION_LONG + 1,
	OPT_WRITE_FORMAT,
	OPT_SAMPLE,
	OPT_COUNTERS,
	OPT_INTERFACE,
	OPT_RING_SIZE,
	OPT_ISOLATE, /* and behind it, in the order of isolate_flags */
};

#define SETS(kind, member) OPTION_##kind, offsetof(struct dredged_settings, member)

static const struct option_row own_rows[] = {
	{0, "What is watched", NULL, NULL, 0, 0},
	{OPTION_LONG, "no-capture", NULL,
	 "nothing of this host; without root, for what Mesos says alone", SETS(TRUE, no_capture)},
	{'s', "snaplen", "LEN", "bytes of each packet to take (all)", OPTION_VALUE, 0},
	{OPT_SAMPLE, "sample", "N", "take 1 packet in N, the same ones at every point",
	 OPTION_VALUE, 0},
	{OPT_COUNTERS, "counters", "TIME", "time between counter samples (1s; 0 = never)",
	 OPTION_VALUE, 0},
	{OPTION_LONG, "capture-filter", "EXPR", "pcap-filter(7) applied in the kernel",
	 SETS(TEXT, capture_filter)},
	{OPT_INTERFACE, "interface", "NAME", "also capture this host interface whole", 0, 0},
	{OPTION_LONG, "no-host-network", NULL, "leave out containers on the host's network",
	 SETS(TRUE, source.no_host_network)},
	{OPTION_LONG, "latency", NULL,
	 "follow conversations: handshake and response times, retransmits\n"
	 "and refused connects as counters of each container",
	 SETS(TRUE, latency)},
	{OPT_RING_SIZE, "ring-size", "SIZE", "packet ring shared with the kernel, such as 64MB",
	 OPTION_VALUE, 0},
	{OPTION_LONG, "cgroup-root", "DIR", "where cgroups are mounted (/sys/fs/cgroup)",
	 SETS(TEXT, cgroup_root)},
	{OPTION_LONG, "cgroups_root", "NAME", "Mesos' cgroup (mesos)", SETS(TEXT, mesos_cgroup)},
	{0, "Who they are", NULL, NULL, 0, 0},
	MESOS_ROWS(struct dredged_settings, mesos),
	{OPTION_LONG, "mesos-interval", "TIME", "time between questions (5s)",
	 SETS(TIME, mesos_interval)},
	{OPTION_LONG, "max-body", "SIZE", "longest answer of Mesos to take (64MB)",
	 SETS(SIZE, max_body)},
	{OPTION_LONG, "history", "TIME", "how long it is known how tasks were (24h)",
	 SETS(TIME, history)},
	{OPTION_LONG, "history-size", "SIZE", "memory for that (64MB)", SETS(SIZE, history_size)},
	{0, "What is recorded", NULL, NULL, 0, 0},
	{'w', "write", "FILE", "capture to write (.pcapng.lz4 .pcapng .pcap); none = watch only",
	 SETS(TEXT, write)},
	{OPT_WRITE_FORMAT, "write-format", "FORMAT",
	 "pcapng.lz4, pcapng or pcap, whatever the name", 0, 0},
	{OPTION_LONG, "window", "TIME", "longest time an event waits before it is on disk (1s)",
	 SETS(TIME, out.window_ns)},
	{'C', "file-size", "MB", "a new file after so many million bytes", OPTION_VALUE, 0},
	{'G', "file-time", "SEC", "a new file each SEC seconds; FILE may hold strftime(3) codes",
	 OPTION_VALUE, 0},
	{'e', "file-events", "N", "a new file after N events", OPTION_VALUE, 0},
	{'W', "file-count", "N", "with -C, -G or -e: keep a ring of N files", OPTION_VALUE, 0},
	{'M', "max-time", "SEC", "end after SEC seconds", SETS(TIME, max_ns)},
	{OPTION_LONG, "capture-dir", "DIR", "where clients of the HTTP server may start captures",
	 SETS(TEXT, capture_dir)},
	{0, "How it runs", NULL, NULL, 0, 0},
	{OPT_CONFIG, "config", "FILE", "settings: lines 'NAME = VALUE' with the long names above",
	 0, 0},
	{OPTION_LONG, "listen", "ADDRESS",
	 "serve HTTP at 127.0.0.1:5052 (port 0: any free one) or unix:/path;\n"
	 "at other addresses with the three options below",
	 SETS(TEXT, listen)},
	{OPTION_LONG, "tls-cert", "FILE", "certificate of the HTTP server, PEM",
	 SETS(TEXT, tls_cert)},
	{OPTION_LONG, "tls-key", "FILE", "and its key", SETS(TEXT, tls_key)},
	{OPTION_LONG, "token-file", "FILE",
	 "lines 'read TOKEN' and 'control TOKEN': who may ask over HTTP", SETS(TEXT, token_file)},
	{OPTION_LONG, "status-interval", "TIME", "time between state lines (10s; 0 = none)",
	 SETS(TIME, status_interval)},
	{OPTION_LONG, "check", NULL,
	 "tell whether enforcement with these flags can start here, and end", SETS(TRUE, check)},
	{OPTION_LONG, "json", NULL, "with --check: as JSON", SETS(TRUE, json)},
	{'v', "verbose", NULL, "say more", SETS(TRUE, verbose)},
	{'h', "help", NULL, "this text", SETS(TRUE, help)},
	{OPTION_LONG, "version", NULL, "version", SETS(TRUE, version)},
};

/* The options above, and those of the isolator. */
static struct option_row *rows;
static size_t row_count;

static void add_row(struct option_row row)
{
	rows = xrealloc(rows, (row_count + 1) * sizeof(*rows));
	rows[row_count++] = row;
}

static void collect_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_rows); i++)
		add_row(own_rows[i]);
	for (size_t i = 0; i < statistics_row_count; i++)
		add_row(statistics_rows[i]);
	add_row((struct option_row){.name = "What is enforced; SIZE with a unit, 1 KB = 1024 B"});
	for (size_t i = 0; i < isolate_flag_count; i++) {
		const struct isolate_flag *f = &isolate_flags[i];
		add_row((struct option_row){
			.id = OPT_ISOLATE + (int)i,
			.name = f->name,
			.arg = f->arg ? f->arg : "true|false",
			.help = f->help,
			.flags = f->arg ? 0 : OPTION_BARE | OPTION_BOOL,
		});
	}
	for (size_t i = 0; i < agent_flag_count; i++)
		add_row((struct option_row){
			.id = OPT_ISOLATE + (int)(isolate_flag_count + i),
			.name = agent_flags[i].name,
			.arg = "",
			.help = "",
			.flags = OPTION_HIDDEN |
				 (agent_flags[i].truth ? OPTION_BARE | OPTION_BOOL : 0),
		});
}

static int number(const char *arg, bool units, uint64_t most, uint64_t *out, struct err *e)
{
	if (str_u64(arg, units, out) || *out > most)
		return err_set(e, ERR_USAGE, "'%s' is no number in range", arg);
	return 0;
}

static int set_rotation(struct writer_options *o, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (number(arg, false, UINT32_MAX, &n, e))
		return -1;
	if (!n)
		return err_set(e, ERR_USAGE, "must be greater than zero");
	switch (id) {
	case 'C':
		o->rotate_bytes = n * 1000000;
		break;
	case 'G':
		o->rotate_ns = n * NSEC_PER_SEC;
		break;
	case 'e':
		o->rotate_events = n;
		break;
	default:
		o->rotate_files = (unsigned)n;
	}
	return 0;
}

static int set_source(struct dredged_settings *s, int id, const char *arg, struct err *e)
{
	uint64_t n;

	switch (id) {
	case 's':
	case OPT_SAMPLE:
		if (number(arg, false, SAVEFILE_MAX_PACKET, &n, e))
			return -1;
		if (id == OPT_SAMPLE && !n)
			return err_set(e, ERR_USAGE, "must be greater than zero");
		*(id == 's' ? &s->source.snaplen : &s->source.sample) = (unsigned)n;
		return 0;
	case OPT_RING_SIZE:
		if (number(arg, true, 4ull << 30, &n, e))
			return -1;
		s->source.ring_bytes = n;
		return 0;
	case OPT_COUNTERS:
		if (duration_parse(arg, &s->source.counter_interval, e))
			return -1;
		if (!s->source.counter_interval)
			s->source.counter_interval = UINT64_MAX;
		return 0;
	default:
		if (s->interface_count + 1 == DREDGED_INTERFACES_MAX)
			return err_set(e, ERR_USAGE, "too many interfaces");
		s->interfaces[s->interface_count++] = xstrdup(arg);
		return 0;
	}
}

/* A flag of Mesos' agent: the isolator's, or none of ours. */
static int set_flag(struct dredged_settings *s, size_t i, const char *arg, struct err *e)
{
	cleanup_free char *text = NULL;

	if (i >= isolate_flag_count) {
		text_fmt(&s->ignored, " --%s", agent_flags[i - isolate_flag_count].name);
		return 0;
	}
	if (arg && str_eq(isolate_flags[i].name, "resources")) {
		text = resources_text(arg, e);
		if (!text)
			return -1;
		arg = text;
	}
	return isolate_config_set(&s->isolate, isolate_flags[i].name, arg, e);
}

static int set_option(void *ctx, int id, const char *arg, struct err *e);

/* A file names no others, itself least of all. */
static int read_config(struct dredged_settings *s, const char *path, struct err *e)
{
	if (s->reading)
		return err_set(e, ERR_USAGE, "a file of settings names no other");
	s->reading = true;
	int status = options_read_file(rows, row_count, path, set_option, s, e);
	s->reading = false;
	return status;
}

static int set_option(void *ctx, int id, const char *arg, struct err *e)
{
	struct dredged_settings *s = ctx;

	if (id >= STATISTICS_OPTION)
		return statistics_option(&s->statistics, id, arg, e);
	if (id >= OPT_ISOLATE)
		return set_flag(s, (size_t)(id - OPT_ISOLATE), arg, e);
	switch (id) {
	case 's':
	case OPT_SAMPLE:
	case OPT_RING_SIZE:
	case OPT_COUNTERS:
	case OPT_INTERFACE:
		return set_source(s, id, arg, e);
	case 'C':
	case 'G':
	case 'e':
	case 'W':
		return set_rotation(&s->out, id, arg, e);
	case OPT_WRITE_FORMAT:
		s->format_chosen = true;
		return savefile_format_parse(arg, &s->out.format, e);
	case OPT_CONFIG:
		return read_config(s, arg, e);
	}
	return 0;
}

int dredged_settings_parse(struct dredged_settings *s, int argc, char **argv, struct err *e)
{
	s->status_interval = 10 * NSEC_PER_SEC;
	collect_rows();
	return options_parse(rows, row_count, argc, argv, set_option, s, e);
}

void dredged_settings_done(struct dredged_settings *s)
{
	isolate_config_done(&s->isolate);
	text_done(&s->ignored);
	statistics_done(&s->statistics);
	for (unsigned i = 0; i < s->interface_count; i++)
		free(s->interfaces[i]);
	options_done(rows, row_count, s);
	free(rows);
}

void dredged_help(struct text *t)
{
	text_str(t, "Usage: dredged [OPTIONS] [FILTER]\n"
		    "Watch the containers of this host: find them, name them, record their packets "
		    "and counters.\n");
	options_help(rows, row_count, t);
	text_str(t, "The other options of mesos-agent are accepted, and told.\n"
		    "\nSignals: HUP a new file, USR1 a state line, TERM and INT end it.\n"
		    "See dredged(8).\n");
}
