/* SPDX-License-Identifier: Apache-2.0 */
/* dredge: print, filter, count and rewrite packets of containers, live or from a capture. */
#include "cmd/about.h"
#include "cmd/printer.h"
#include "cmd/second.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct app {
	struct settings s;
	uint64_t from_ns, to_ns;
	struct filter *filter;
	struct writer *writer;
	struct mesos_poller *poller;
	struct message_box messages; /* of its thread */
	bool flows, follow;	     /* conversations are wanted, and what their packets tell */
	uint32_t ifaces_before;	     /* of the inputs already read */
	struct printer printer;
	struct summary *summary;
	struct progress progress;
	struct source *running;
	struct state *state; /* of the input now, or the last one */
	struct flow_totals totals;
	struct reader_work work;
	bool printing;
	bool ran;    /* something was read, to its end or not */
	bool missed; /* and of an input not all, which has been told */
};

/* That the reader of a pipe has seen enough is no failure. */
static int stdout_failed(int error)
{
	if (error == EPIPE)
		return 0;
	log_error("cannot write to standard output: %s", strerror(error));
	return ERR_FAILED;
}

static int show(const struct text *t)
{
	return write_all(STDOUT_FILENO, t->data, t->len) ? stdout_failed(errno) : 0;
}

static int chisel_text(void *ctx, const char *p, size_t n)
{
	return printer_put(&((struct app *)ctx)->printer, p, n);
}

static int present(void *ctx, struct context *c)
{
	struct app *a = ctx;

	if (a->summary)
		summary_event(a->summary, c);
	if (a->s.chisels)
		return chisels_event(a->s.chisels, c);
	return a->printing ? printer_event(&a->printer, c) : 0;
}

static int tick(void *ctx, uint64_t now)
{
	struct app *a = ctx;
	bool live = str_eq(a->running->kind->scheme ? a->running->kind->scheme : "", "live");

	if (live && a->s.chisels && chisels_tick(a->s.chisels, now))
		return 1;
	if (live && printer_flush(&a->printer))
		return 1;
	progress_show(&a->progress, a->running, a->totals.read);
	return atomic_load(&a->running->stop);
}

static int compile_output(struct app *a, struct err *e)
{
	const char *text = a->s.format ? a->s.format : print_format_default;

	a->printing = !a->s.quiet && !a->s.write && !a->s.chisels;
	a->printer.format = format_compile(text, plugin_dirs("formats"), &a->s.print, e);
	if (!a->printer.format)
		return -1;
	if (!a->s.want_summary)
		return 0;
	a->summary = summary_new(a->s.summary_field ? a->s.summary_field : "evt.type", e);
	return a->summary ? 0 : -1;
}

/* Opening it for writing would empty the input. */
static int refuse_same_file(const struct settings *s, struct err *e)
{
	struct stat out, in;

	if (stat(s->write, &out) || !S_ISREG(out.st_mode))
		return 0;
	for (unsigned i = 0; i < s->input_count; i++)
		if (!stat(s->inputs[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return err_set(e, ERR_USAGE, "%s: is the input too", s->write);
	return 0;
}

static int open_writer(struct app *a, struct err *e)
{
	if (!a->s.write)
		return 0;
	if (refuse_same_file(&a->s, e))
		return -1;
	a->s.out.path = a->s.write;
	if (!a->s.format_chosen && savefile_format_of(a->s.write, &a->s.out.format, e))
		return -1;
	a->writer = writer_open(&a->s.out, e);
	return a->writer ? 0 : -1;
}

static int parse_times(struct app *a, uint64_t base, struct err *e)
{
	if (a->s.from && time_parse(a->s.from, base, &a->from_ns, e))
		return err_wrap(e, "--from");
	if (a->s.to && time_parse(a->s.to, base, &a->to_ns, e))
		return err_wrap(e, "--to");
	return a->s.to && a->to_ns < a->from_ns
		       ? err_set(e, ERR_USAGE, "--to %s lies before --from %s", a->s.to, a->s.from)
		       : 0;
}

static int keep_time(void *ctx, struct event *ev)
{
	*(uint64_t *)ctx = ev->ts;
	return 1;
}

/* "--from 12:00" means a time of the day on which the capture begins, "+10s" one after its first
 * event; live they count from now. */
static int times_of(struct app *a, struct source *s, const char *what, struct err *e)
{
	uint64_t first = time_now();
	struct reader *r = s->kind->reader ? s->kind->reader(s) : NULL;
	const struct reader_query q = {.to = UINT64_MAX};
	const struct sink sink = {.ctx = &first, .event = keep_time};

	if (!a->s.from && !a->s.to)
		return 0;
	if (r && str_eq(what, "-"))
		return err_set(e, ERR_USAGE, "--from and --to need a file, not a pipe");
	if (r)
		reader_run(r, &q, &sink, NULL);
	return parse_times(a, first, e);
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

/* What comes now is foreign: a reader needs no privilege, a writer that of its directory. */
static int give_up(bool live, struct err *e)
{
	const int watching[] = {
		CAP_NET_ADMIN,	  CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
		CAP_DAC_OVERRIDE, -1};
	const int reading[] = {CAP_DAC_OVERRIDE, -1};

	return privileges_keep(live ? watching : reading, e);
}

/* Of a file all losses are read, and not all packets. */
static void warn_of_loss(const struct source *s, uint64_t beside, bool live, bool damaged)
{
	struct source_stats stats = {0};

	if (s->kind->stats)
		s->kind->stats(s, &stats);
	stats.lost += beside;
	if (stats.lost && live)
		log_warn("the kernel dropped %llu of %llu packets before they could be read",
			 (unsigned long long)stats.lost, (unsigned long long)stats.seen);
	else if (stats.lost)
		log_warn("%llu packets are missing: they were lost when this was captured%s",
			 (unsigned long long)stats.lost, damaged ? ", or to the damage" : "");
}

/* Has a field that is asked for one of these FIELD_* flags? */
static bool needs(const struct app *a, unsigned flags)
{
	return filter_needs(a->filter, flags) ||
	       (a->printing && format_needs(a->printer.format, flags)) ||
	       (a->summary && summary_needs(a->summary, flags)) ||
	       (a->s.chisels && chisels_need(a->s.chisels, flags));
}

/* A chisel may ask for any field while it runs. */
static enum packet_depth depth_of(const struct app *a)
{
	bool whole = a->writer || a->s.chisels || needs(a, FIELD_PAYLOAD);

	return field_depth(whole, needs(a, FIELD_HEAD));
}

static bool only_sums(const struct app *a)
{
	return (a->s.chisels || a->summary) && !a->printing && !a->writer && !a->s.max_events;
}

static bool only_chisels(const struct app *a)
{
	return only_sums(a) && !a->summary;
}

static enum verdict verdict_of(const struct app *a, const struct table_part *p)
{
	return a->filter ? filter_packets(a->filter, p->container, p->iface) : VERDICT_YES;
}

static bool is_enough(void *ctx, const struct table_part *p)
{
	const struct app *a = ctx;

	return verdict_of(a, p) != VERDICT_MAYBE &&
	       (!a->s.chisels || chisels_part_enough(a->s.chisels, p)) &&
	       (!a->summary || summary_part_enough(a->summary, p));
}

static bool take_part(void *ctx, const struct table_part *p)
{
	struct app *a = ctx;

	if (verdict_of(a, p) != VERDICT_YES)
		return true;
	if (a->s.chisels)
		chisels_part(a->s.chisels, p);
	if (a->summary)
		summary_part(a->summary, p);
	return true;
}

/* What a file's directory says of a chunk is counted instead of its packets. */
static bool chunk_enough(void *ctx, const struct chunk *k)
{
	struct app *a = ctx;

	return !k->counters && flow_parts(a->state, k, is_enough, a) &&
	       flow_parts(a->state, k, take_part, a);
}

/* Where only sums are asked for, chunks may come as they are read. */
static bool order_is_free(const struct app *a)
{
	return !a->printing && !a->writer && !a->s.max_events && !a->s.max_ns &&
	       !filter_needs(a->filter, FIELD_ORDER) &&
	       !(a->s.chisels && chisels_need_order(a->s.chisels));
}

/* The tables of the last input stay until chisels have had their last words. */
static struct state *new_state(struct app *a, unsigned flows, bool live)
{
	/* Live, what is followed is measured too. */
	struct state *fresh = a->follow || live ? state_new(flows) : state_new_ends(flows);

	if (a->s.chisels)
		chisels_state(a->s.chisels, fresh);
	if (a->state)
		state_take_ports(fresh, a->state);
	state_free(a->state);
	a->state = fresh;
	return fresh;
}

/* Each input has tables of its own: interface numbers of one mean nothing in another. The addresses
 * and ports of hosts do. */
static int run_source(struct app *a, const char *what, struct err *e)
{
	bool live = str_eq(what, "live");
	a->s.source.capture_filter = a->s.capture_filter;
	a->s.source.mesos_cgroup = a->s.cgroups_root;
	struct source *s = source_open(what, &a->s.source, e);

	if (!s)
		return -1;
	a->running = s;
	signals_stop(s);
	int status = give_up(live, e);
	if (!status)
		status = times_of(a, s, what, e);
	struct flow_second second = {0};
	if (!status && only_chisels(a) && order_is_free(a) && !a->s.verbose && !a->poller &&
	    a->s.threads > 1 && !(a->state && state_knows_ports(a->state)))
		second_open(&second, s, a->s.chisels, a->filter, a->from_ns, a->to_ns);
	unsigned flows = second.of ? FLOWS_TRACKED / 2 : FLOWS_TRACKED;
	struct state *state = new_state(a, a->flows ? flows : 0, live);
	struct recorder recorder = {.writer = a->writer, .base = a->ifaces_before};
	struct recorder *const recorders = a->writer ? &recorder : NULL;
	bool sums = only_sums(a) && order_is_free(a) && !a->s.verbose;
	const struct flow_options o = {
		.source = s,
		.state = state,
		.filter = a->filter,
		.hint = only_chisels(a) ? chisels_filter(a->s.chisels) : NULL,
		.poller = a->poller,
		.messages = &a->messages,
		.recorders = &recorders,
		.from = a->from_ns,
		.to = a->to_ns,
		.max_events = a->s.max_events,
		.max_ns = a->s.max_ns,
		.threads = a->s.threads,
		.live = live,
		.unordered = order_is_free(a),
		.by_iface = a->flows,
		.depth = depth_of(a),
		.chunk_enough = sums ? chunk_enough : NULL,
		.second = second.of ? &second : NULL,
		.present = present,
		.tick = tick,
		.ctx = a,
	};
	const uint64_t beside = a->totals.beside;
	a->ran |= !status;
	if (!status)
		status = flow_run(&o, &a->totals, e);
	second_join(&second, a->s.chisels);
	progress_done(&a->progress);
	warn_of_loss(s, a->totals.beside - beside, live, status < 0);
	add_work(a, s);
	a->ifaces_before += (uint32_t)state_ifaces(state);
	signals_stop(NULL);
	source_close(s);
	a->running = NULL;
	return status;
}

/* An input was not read, or not to its end: what was read counts, and others may be read. */
static bool is_of_input(const struct app *a, const struct err *e)
{
	return e->code == ERR_FAILED && !a->totals.broken;
}

static int run_all(struct app *a, struct err *e)
{
	if (!a->s.input_count)
		return run_source(a, "live", e);
	int status = 0;
	for (unsigned i = 0; i < a->s.input_count && !signals_caught(); i++) {
		if (a->s.max_events && a->totals.events >= a->s.max_events)
			break;
		if (status && !is_of_input(a, e))
			return status;
		if (status) { /* told behind what it has, and in front of what comes */
			printer_flush(&a->printer);
			report(e);
			a->missed = true;
		}
		*e = (struct err){0};
		status = run_source(a, a->s.inputs[i], e);
	}
	return status;
}

static void print_totals(struct app *a, uint64_t started)
{
	double seconds = (double)(time_monotonic() - started) / 1e9;
	const struct flow_totals *t = &a->totals;

	log_info("%llu events read, %llu passed: %llu packets (%llu of %llu bytes "
		 "without second sights), %llu counter samples, %llu notices, %llu lost; %.3f s, "
		 "%.0f events/s",
		 (unsigned long long)t->read, (unsigned long long)t->events,
		 (unsigned long long)t->sights, (unsigned long long)t->packets,
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

static int close_writer(struct app *a, struct err *e)
{
	const char *trouble = a->writer ? writer_trouble(a->writer) : NULL;
	struct writer_stats s = {0};

	if (trouble)
		log_error("%s", trouble);
	if (a->writer)
		writer_get_stats(a->writer, &s);
	if (writer_close(a->writer, e))
		return -1;
	return s.lost ? err_set(e, ERR_FAILED, "%s: %llu events could not be written", a->s.write,
				(unsigned long long)s.lost)
		      : 0;
}

static int finish(struct app *a, int status, struct err *e)
{
	struct err closing = {0};

	bool whole = !status || (a->ran && is_of_input(a, e));
	if (close_writer(a, &closing)) {
		if (status)
			report(e);
		*e = closing;
		status = -1;
	}
	unsigned failures = a->s.chisels && whole ? chisels_end(a->s.chisels) : 0;
	printer_flush(&a->printer);
	if (a->printer.error && !status)
		return stdout_failed(a->printer.error);
	if (a->summary && (!status || a->ran)) {
		struct text t = {0};
		summary_print(a->summary, a->s.print.json, &t);
		int failed = show(&t);
		text_done(&t);
		if (failed && !status)
			return failed;
	}
	return status ? report(e) : failures || a->missed ? ERR_FAILED : 0;
}

static unsigned chisel_progress(void *ctx)
{
	const struct source *s = ((const struct app *)ctx)->running;
	double part = s && s->kind->progress ? s->kind->progress(s) : 0;

	return part > 0 ? (unsigned)(part * 100) : 0;
}

static int prepare_chisels(struct app *a, const char *filter, struct err *e)
{
	struct chisel_host *h = a->s.chisels ? chisels_host(a->s.chisels) : NULL;

	if (!h)
		return 0;
	h->live = !a->s.input_count;
	h->source = h->live ? "" : a->s.inputs[0];
	h->containers = a->s.format == print_format_containers;
	h->buffers_chosen = a->s.buffer_chosen;
	h->filter = filter;
	h->print = a->s.print;
	h->progress = chisel_progress;
	return chisels_init(a->s.chisels, e);
}

static int prepare(struct app *a, const char *filter, struct err *e)
{
	if (compile_output(a, e))
		return -1;
	if (filter && !(a->filter = filter_compile(filter, plugin_dirs("filters"), e)))
		return -1;
	if (prepare_chisels(a, filter, e))
		return -1;
	if (a->s.mesos.urls && a->s.input_count)
		return err_set(e, ERR_USAGE,
			       "-m and -r do not go together: a capture carries its names, and "
			       "replay asks nobody");
	if (open_writer(a, e))
		return -1;
	if (start_poller(&a->s.mesos, (struct mesos_options){.news = &a->messages}, &a->poller, e))
		return -1;
	a->follow = needs(a, FIELD_FOLLOW) || (a->printing && a->s.print.time == TIME_DELTA_PAIR);
	a->flows = needs(a, FIELD_FLOW) || a->follow;
	return 0;
}

static int run(struct app *a, const char *filter, struct err *e)
{
	uint64_t started = time_monotonic();

	progress_init(&a->progress, a->s.want_progress);
	int status = prepare(a, filter, e);
	bool began = !status;
	if (began)
		status = run_all(a, e);
	int code = finish(a, status, e);
	if (a->s.verbose && began)
		print_totals(a, started);
	mesos_poller_stop(a->poller);
	message_free(message_take(&a->messages));
	state_free(a->state);
	filter_free(a->filter);
	printer_done(&a->printer);
	summary_free(a->summary);
	return code;
}

int main(int argc, char **argv)
{
	static struct app a;
	struct err e = {0};
	struct text out = {0};
	cleanup_free char *words = NULL;
	int status;

	log_init("dredge", LOG_LEVEL_INFO);
	a.s.chisel_text = chisel_text;
	a.s.chisel_ctx = &a;
	if (settings_parse(&a.s, argc, argv, &words, &e)) {
		printer_flush(&a.printer);
		return report(&e);
	}
	a.printer.unbuffered = a.s.unbuffered;
	int answer = about(&a.s, words, &out, &e);
	if (answer == ABOUT_NOTHING)
		status = run(&a, words, &e);
	else
		status = show(&out);
	if (answer < 0)
		status = report(&e);
	text_done(&out);
	settings_done(&a.s);
	return status;
}
