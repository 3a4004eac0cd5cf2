/* SPDX-License-Identifier: Apache-2.0 */
/* dredge: print, filter, count and rewrite packets of containers, live or from a capture. */
#include "cmd/options.h"
#include "cmd/printer.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_MAX     1024u

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
	{OPT_CREDENTIALS, "mesos-credentials", "FILE", "file with 'PRINCIPAL SECRET', as Mesos takes it",
	 0},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust for https", 0},
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
	{OPT_INFO, "info", "FILE", "what a capture holds: containers, tasks, apps, times, losses",
	 0},
	{OPT_EXPLAIN, "explain", "FILTER", "how a filter is understood and where it is decided", 0},
	{'l', "list", NULL, "fields for filters and formats; -lv with their types", 0},
	{OPT_LIST_MARKDOWN, "list-markdown", NULL, "the same as Markdown tables", 0},
	{'L', "list-events", NULL, "event types", 0},
	{OPT_THREADS, "threads", "N", "threads for reading, 1 or 2 (2)", 0},
	{'h', "help", NULL, "this text", 0},
	{OPT_VERSION, "version", NULL, "version", 0},
};

struct app {
	const char *inputs[FILES_MAX];
	unsigned input_count;
	const char *format, *write, *info, *explain, *from, *to;
	char *mesos, *agent, *credentials, *ca_file;
	char *summary_field;
	bool verbose, quiet, list, list_markdown, list_events, want_progress;
	bool help, version, buffer_chosen, format_chosen;
	uint64_t max_events, max_ns, from_ns, to_ns;
	unsigned threads, interface_count;
	const char *interfaces[64];
	struct print_options print;
	struct source_options source;
	struct writer_options out;
	bool want_summary;
	/* the run */
	struct printer printer;
	struct summary *summary;
	struct progress progress;
	struct source *running;
	struct flow_totals totals;
	struct reader_work work;
	bool printing;
};

static int number(const char *name, const char *arg, uint64_t *out, struct err *e)
{
	return str_u64(arg, false, out) ? err_set(e, ERR_USAGE, "%s: '%s' is no number", name, arg)
					: 0;
}

static int set_buffer(struct app *a, enum print_buffer how, struct err *e)
{
	if (a->buffer_chosen)
		return err_set(e, ERR_USAGE, "only one of -A, -x, -X and -b can be given");
	a->buffer_chosen = true;
	a->print.buffer = how;
	return 0;
}

static int set_time(struct app *a, const char *arg, struct err *e)
{
	static const char letters[] = "hardD";
	const char *at = *arg && !arg[1] ? strchr(letters, *arg) : NULL;

	if (!at)
		return err_set(e, ERR_USAGE, "-t takes one of h, a, r, d and D, not '%s'", arg);
	a->print.time = (enum print_time)(at - letters);
	return 0;
}

static void set_format(struct app *a, const char *arg)
{
	static const struct {
		const char *name, *format;
	} presets[] = {
		{"c", print_format_containers},
		{"container", print_format_containers},
		{"m", print_format_mesos},
		{"mesos", print_format_mesos},
	};

	a->format = arg;
	for (unsigned i = 0; i < ARRAY_SIZE(presets); i++)
		if (str_eq(arg, presets[i].name))
			a->format = presets[i].format;
}

static int set_source(struct app *a, int id, const char *arg, struct err *e)
{
	uint64_t n;

	switch (id) {
	case 'r':
		if (a->input_count == FILES_MAX)
			return err_set(e, ERR_USAGE, "more than %u files", FILES_MAX);
		a->inputs[a->input_count++] = arg;
		return 0;
	case 's':
	case OPT_SAMPLE:
		if (number(id == 's' ? "-s" : "--sample", arg, &n, e))
			return -1;
		if (n > SAVEFILE_MAX_PACKET)
			return err_set(e, ERR_USAGE, "%s is out of range", arg);
		*(id == 's' ? &a->source.snaplen : &a->source.sample) = (unsigned)n;
		return 0;
	case OPT_COUNTERS:
		if (duration_parse(arg, &a->source.counter_interval, e))
			return -1;
		if (!a->source.counter_interval)
			a->source.counter_interval = UINT64_MAX;
		return 0;
	case OPT_INTERFACE:
		if (a->interface_count + 1 == ARRAY_SIZE(a->interfaces))
			return err_set(e, ERR_USAGE, "too many interfaces");
		a->interfaces[a->interface_count++] = arg;
		return 0;
	default:
		a->source.capture_filter = arg;
		return 0;
	}
}

static int set_writing(struct app *a, int id, const char *arg, struct err *e)
{
	uint64_t n = 0;

	if (id == OPT_WRITE_FORMAT || id == 'z') {
		a->format_chosen = true;
		return savefile_format_parse(arg ? arg : "pcapng.lz4", &a->out.format, e);
	}
	if (number("rotation", arg, &n, e))
		return -1;
	if (!n || n > UINT32_MAX)
		return err_set(e, ERR_USAGE, "-%c: '%s' is out of range", id, arg);
	if (id == 'C')
		a->out.rotate_bytes = n * 1000000;
	else if (id == 'G')
		a->out.rotate_ns = n * NSEC_PER_SEC;
	else if (id == 'e')
		a->out.rotate_events = n;
	else
		a->out.rotate_files = (unsigned)n;
	return 0;
}

static int set_limit(struct app *a, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (id == 'M')
		return duration_parse(arg, &a->max_ns, e);
	if (number(id == 'n' ? "-n" : "--threads", arg, &n, e))
		return -1;
	if (id == 'n') {
		a->max_events = n;
		return 0;
	}
	if (n < 1 || n > 2)
		return err_set(e, ERR_USAGE, "--threads takes 1 or 2");
	a->threads = (unsigned)n;
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
	struct app *a = ctx;

	switch (id) {
	case 'r':
	case 's':
	case OPT_SAMPLE:
	case OPT_COUNTERS:
	case OPT_INTERFACE:
	case OPT_CAPTURE_FILTER:
		return set_source(a, id, arg, e);
	case OPT_WRITE_FORMAT:
	case 'z':
	case 'C':
	case 'G':
	case 'e':
	case 'W':
		return set_writing(a, id, arg, e);
	case 'n':
	case 'M':
	case OPT_THREADS:
		return set_limit(a, id, arg, e);
	case 'A':
		return set_buffer(a, BUFFER_ASCII, e);
	case 'x':
		return set_buffer(a, BUFFER_HEX, e);
	case 'X':
		return set_buffer(a, BUFFER_HEX_ASCII, e);
	case 'b':
		return set_buffer(a, BUFFER_BASE64, e);
	case 't':
		return set_time(a, arg, e);
	case 'm':
		return keep(&a->mesos, arg);
	case OPT_AGENT:
		return keep(&a->agent, arg);
	case OPT_CREDENTIALS:
		return keep(&a->credentials, arg);
	case OPT_CA_FILE:
		return keep(&a->ca_file, arg);
	case 'p':
		set_format(a, arg);
		break;
	case 'w':
		a->write = arg;
		break;
	case 'j':
		a->print.json = true;
		break;
	case 'R':
		a->print.resolve_ports = true;
		break;
	case 'v':
		a->verbose = a->print.whole_buffers = true;
		break;
	case 'q':
		a->quiet = true;
		break;
	case 'S':
		a->want_summary = true;
		return keep(&a->summary_field, arg);
	case 'P':
		a->want_progress = true;
		break;
	case 'l':
		a->list = true;
		break;
	case 'L':
		a->list_events = true;
		break;
	case 'h':
		a->help = true;
		break;
	case OPT_FROM:
		a->from = arg;
		break;
	case OPT_TO:
		a->to = arg;
		break;
	case OPT_INFO:
		a->info = arg;
		break;
	case OPT_EXPLAIN:
		a->explain = arg;
		break;
	case OPT_LIST_MARKDOWN:
		a->list_markdown = true;
		break;
	case OPT_UNBUFFERED:
		a->printer.unbuffered = true;
		break;
	case OPT_VERSION:
		a->version = true;
		break;
	}
	return 0;
}

static int show(const struct text *t)
{
	return write_all(STDOUT_FILENO, t->data, t->len) ? ERR_FAILED : 0;
}

static int explain(const char *filter, struct text *out, struct err *e)
{
	struct filter *f = filter_compile(filter, plugin_dirs("filters"), e);
	if (!f)
		return -1;
	filter_explain(f, out);
	filter_free(f);
	return 0;
}

/* The options that print something and are done; false: there is a run to make. */
static bool told(struct app *a, struct text *out, int *status, struct err *e)
{
	*status = 0;
	if (a->help) {
		text_str(out, "Usage: dredge [OPTIONS] [FILTER]\n"
			      "Print, filter, count and record the packets of containers, live (as "
			      "root) or from a capture.\n");
		options_help(rows, ARRAY_SIZE(rows), out);
		text_str(out, "\nSee dredge(1), dredge-filter(5), dredge-fields(7).\n");
	} else if (a->version) {
		text_str(out, "dredge " DREDGE_VERSION "\n");
	} else if (a->list || a->list_markdown) {
		list_fields(a->verbose, a->list_markdown, out);
	} else if (a->list_events) {
		list_events(out);
	} else if (a->format && str_eq(a->format, "p")) {
		text_fmt(out, "%s\n", print_format_default);
	} else if (a->explain) {
		*status = explain(a->explain, out, e) ? report(e) : 0;
	} else if (a->info) {
		const int none[] = {CAP_DAC_OVERRIDE, -1};
		if (privileges_keep(none, e) || info_print(a->info, a->print.json, out, e)) {
			show(out);
			*status = report(e);
			text_reset(out);
		}
	} else {
		return false;
	}
	*status = *status ? *status : show(out);
	return true;
}

static int present(void *ctx, struct context *c)
{
	struct app *a = ctx;

	if (a->summary)
		summary_event(a->summary, c);
	return a->printing ? printer_event(&a->printer, c) : 0;
}

static int tick(void *ctx, uint64_t now)
{
	struct app *a = ctx;
	bool live = str_eq(a->running->kind->scheme ? a->running->kind->scheme : "", "live");

	(void)now;
	if (live && printer_flush(&a->printer))
		return 1;
	progress_show(&a->progress, a->running, a->totals.read);
	return atomic_load(&a->running->stop);
}

static int compile_output(struct app *a, struct err *e)
{
	const char *text = a->format ? a->format : print_format_default;

	a->printing = !a->quiet && !a->write;
	a->printer.format = format_compile(text, plugin_dirs("formats"), &a->print, e);
	if (!a->printer.format)
		return -1;
	if (!a->want_summary)
		return 0;
	a->summary = summary_new(a->summary_field ? a->summary_field : "evt.type", e);
	return a->summary ? 0 : -1;
}

static int open_writer(struct app *a, struct writer **w, struct err *e)
{
	if (!a->write)
		return 0;
	a->out.path = a->write;
	if (!a->format_chosen)
		a->out.format = savefile_format_of(a->write);
	*w = writer_open(&a->out, e);
	return *w ? 0 : -1;
}

static int parse_times(struct app *a, uint64_t base, struct err *e)
{
	if (a->from && time_parse(a->from, base, &a->from_ns, e))
		return -1;
	return a->to ? time_parse(a->to, base, &a->to_ns, e) : 0;
}

/* "--from 12:00" means a time of the day on which the capture begins. */
static uint64_t first_time(struct source *s)
{
	size_t n = 0;
	struct reader *r = s->kind->reader ? s->kind->reader(s) : NULL;
	const struct chunk *chunks = r ? reader_chunks(r, &n) : NULL;
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (!chunks[i].metadata)
			first = MIN(first, chunks[i].first);
	return first == UINT64_MAX ? time_now() : first;
}

static void add_work(struct app *a, struct source *s)
{
	struct reader *r = s->kind->reader ? s->kind->reader(s) : NULL;
	struct reader_work w;

	if (!r)
		return;
	reader_get_work(r, &w);
	a->work.bytes_read += w.bytes_read;
	a->work.chunks_seen += w.chunks_seen;
	a->work.chunks_decoded += w.chunks_decoded;
	a->work.bytes_decoded += w.bytes_decoded;
}

static int run_source(struct app *a, const char *what, const struct filter *filter,
		      struct state *state, struct writer *w, struct mesos_poller *poller,
		      struct err *e)
{
	struct source *s = source_open(what, &a->source, e);

	if (!s)
		return -1;
	a->running = s;
	signals_stop(s);
	/* What comes now is foreign: a reader needs no privilege, a writer that of its directory.
	 */
	const int live[] = {
		CAP_NET_ADMIN,	  CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
		CAP_DAC_OVERRIDE, -1};
	const int file[] = {CAP_DAC_OVERRIDE, -1};
	int status = privileges_keep(str_eq(what, "live") ? live : file, e);
	if (!status && (a->from || a->to))
		status = parse_times(a, first_time(s), e);
	const struct flow_options o = {
		.source = s,
		.state = state,
		.filter = filter,
		.poller = poller,
		.writer = w,
		.from = a->from_ns,
		.to = a->to_ns,
		.max_events = a->max_events,
		.max_ns = a->max_ns,
		.threads = a->threads,
		.live = str_eq(what, "live"),
		.unordered = !a->printing && !w && !a->max_events,
		.present = present,
		.tick = tick,
		.ctx = a,
	};
	if (!status)
		status = flow_run(&o, &a->totals, e);
	progress_done(&a->progress);
	struct source_stats stats = {0};
	if (s->kind->stats)
		s->kind->stats(s, &stats);
	if (stats.lost)
		log_warn("the kernel dropped %llu of %llu packets before they could be read",
			 (unsigned long long)stats.lost, (unsigned long long)stats.seen);
	add_work(a, s);
	signals_stop(NULL);
	source_close(s);
	return status;
}

static int run_all(struct app *a, const struct filter *filter, struct state *state,
		   struct writer *w, struct mesos_poller *poller, struct err *e)
{
	if (!a->input_count)
		return run_source(a, "live", filter, state, w, poller, e);
	int status = 0;
	for (unsigned i = 0; i < a->input_count && !status && !signals_caught(); i++)
		status = run_source(a, a->inputs[i], filter, state, w, poller, e);
	return status;
}

static void print_totals(struct app *a, uint64_t started)
{
	double seconds = (double)(time_monotonic() - started) / 1e9;
	const struct flow_totals *t = &a->totals;

	log_info("%llu events read, %llu passed: %llu packets (%llu records), %llu bytes, %llu "
		 "counter samples, %llu notices, %llu lost; %.3f s, %.0f events/s",
		 (unsigned long long)t->read, (unsigned long long)t->events,
		 (unsigned long long)t->packets, (unsigned long long)t->sights,
		 (unsigned long long)t->bytes, (unsigned long long)t->counters,
		 (unsigned long long)t->notices, (unsigned long long)t->lost, seconds,
		 seconds > 0 ? (double)t->read / seconds : 0);
	if (a->work.bytes_read)
		log_info("%llu bytes read from files, %llu decoded; %llu of %llu chunks",
			 (unsigned long long)a->work.bytes_read,
			 (unsigned long long)a->work.bytes_decoded,
			 (unsigned long long)a->work.chunks_decoded,
			 (unsigned long long)a->work.chunks_seen);
}

static int finish(struct app *a, struct writer *w, int status, struct err *e)
{
	struct err closing = {0};

	const char *trouble = w ? writer_trouble(w) : NULL;
	if (trouble)
		log_error("%s", trouble);
	if (writer_close(w, &closing) && !status) {
		*e = closing;
		status = -1;
	}
	if (printer_flush(&a->printer) && !status && !signals_caught())
		return ERR_FAILED; /* stdout was closed: nobody is left to tell */
	if (a->summary) {
		struct text t = {0};
		summary_print(a->summary, a->print.json, &t);
		show(&t);
		text_done(&t);
	}
	return status ? report(e) : 0;
}

static int run(struct app *a, const char *filter_text, struct err *e)
{
	uint64_t started = time_monotonic();
	struct filter *filter = NULL;
	struct writer *w = NULL;
	struct mesos_poller *poller = NULL;
	struct state *state = NULL;
	int status = compile_output(a, e);

	if (!status && filter_text)
		status = (filter = filter_compile(filter_text, plugin_dirs("filters"), e)) ? 0 : -1;
	if (!status)
		status = open_writer(a, &w, e);
	if (!status && a->mesos && a->input_count)
		status = err_set(e, ERR_USAGE,
				 "-m and -r do not go together: a capture carries its "
				 "names, and replay asks nobody");
	if (!status && a->mesos)
		status = (poller = start_poller(a->mesos, a->agent, a->credentials, a->ca_file, 0,
						e))
				 ? 0
				 : -1;
	if (!status) {
		bool flows = (filter && filter_needs_flows(filter)) ||
			     (a->printing && format_needs_flows(a->printer.format)) ||
			     (a->printing && a->print.time == TIME_DELTA_PAIR) ||
			     (a->summary && summary_needs_flows(a->summary));
		state = state_new(flows ? FLOWS_TRACKED : 0);
		progress_init(&a->progress, a->want_progress);
		status = run_all(a, filter, state, w, poller, e);
	}
	int code = finish(a, w, status, e);
	if (a->verbose)
		print_totals(a, started);
	mesos_poller_stop(poller);
	state_free(state);
	filter_free(filter);
	printer_done(&a->printer);
	summary_free(a->summary);
	return code;
}

/* All words behind the options are the filter. */
static char *join(int argc, char **argv, int from)
{
	struct text t = {0};

	for (int i = from; i < argc; i++) {
		if (i > from)
			text_char(&t, ' ');
		text_str(&t, argv[i]);
	}
	char *joined = t.len ? xstrdup(text_cstr(&t)) : NULL;
	text_done(&t);
	return joined;
}

int main(int argc, char **argv)
{
	static struct app a;
	struct err e = {0};
	struct text out = {0};
	int status;

	log_init("dredge", LOG_LEVEL_INFO);
	a.threads = 2;
	a.source.interfaces = a.interfaces;
	int first = options_parse(rows, ARRAY_SIZE(rows), argc, argv, set_option, &a, &e);
	if (first < 0)
		return report(&e);
	cleanup_free char *filter = join(argc, argv, first);
	if (!told(&a, &out, &status, &e))
		status = run(&a, filter, &e);
	text_done(&out);
	free(a.mesos);
	free(a.agent);
	free(a.credentials);
	free(a.ca_file);
	free(a.summary_field);
	return status;
}
