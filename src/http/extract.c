/* SPDX-License-Identifier: Apache-2.0 */
#include "http/extract.h"
#include "flow/flow.h"
#include "http/api.h"
#include "print/print.h"
#include "savefile/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_BYTES   (256 << 10)
#define LINES_BYTES  (64u << 10)
#define WINDOW_BYTES (4u << 20) /* of an extract that is compressed again */
#define NICENESS     10		/* the event path goes first */

enum { FORMAT_PCAPNG, FORMAT_PCAPNG_LZ4, FORMAT_JSON, FORMAT_TEXT };

const struct extract_format extract_formats[] = {
	[FORMAT_PCAPNG] = {"pcapng", "application/x-pcapng"},
	[FORMAT_PCAPNG_LZ4] = {"pcapng.lz4", "application/x-lz4"},
	[FORMAT_JSON] = {"json", "application/x-ndjson"},
	[FORMAT_TEXT] = {"text", "text/plain; charset=utf-8"},
	{0},
};

/* Held by the client's stream and by the thread. */
struct extract {
	struct stream stream;
	struct extracts *all;
	atomic_uint refs;
	atomic_bool left; /* the client */
	unsigned format;
	int file, out; /* out: the thread's end of the pipe */
	char *name;
	uint64_t bytes, from, to;
	struct filter *filter;
	/* Set by the thread before it closes its end. */
	atomic_bool failed;
	struct err why;
	/* of the stream */
	bool begun, ended;
	/* of the thread: lines */
	struct format *lines;
	struct text text;
	uint64_t printed;
};

static void unref(struct extract *x)
{
	if (atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	filter_free(x->filter);
	free(x->name);
	free(x);
}

/* ---- the thread ---- */

static bool is_over(const struct extract *x)
{
	return atomic_load(&x->left) || atomic_load(&x->all->stop);
}

static int flush_lines(struct extract *x)
{
	const char *at = x->text.data;
	size_t left = x->text.len;

	while (left) {
		ssize_t n = write(x->out, at, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		left -= (size_t)n;
	}
	text_reset(&x->text);
	return 0;
}

static int put_line(void *ctx, struct context *c)
{
	struct extract *x = ctx;

	c->printed_ts = x->printed;
	if (!format_line(x->lines, c, &x->text))
		return 0;
	x->printed = c->ev->ts;
	return x->text.len >= LINES_BYTES && flush_lines(x);
}

static int on_tick(void *ctx, uint64_t now)
{
	(void)now;
	return is_over(ctx);
}

static int run_flow(struct extract *x, struct source *source, struct writer *writer, struct err *e)
{
	if (!source) /* nothing has been written yet */
		return 0;
	bool flows = filter_needs(x->filter, FIELD_FLOW);
	struct state *state = state_new(flows ? FLOWS_TRACKED : 0);
	struct flow_totals totals = {0};
	struct recorder recorder = {.writer = writer};
	struct recorder *const recorders = writer ? &recorder : NULL;
	const struct flow_options o = {
		.source = source,
		.state = state,
		.filter = x->filter,
		.recorders = &recorders,
		.from = x->from,
		.to = x->to,
		.present = x->lines ? put_line : NULL,
		.tick = on_tick,
		.ctx = x,
	};
	int status = flow_run(&o, &totals, e);

	state_free(state);
	return status;
}

static int write_lines(struct extract *x, struct source *source, struct err *e)
{
	const struct print_options o = {.json = x->format == FORMAT_JSON};

	x->lines = format_compile(print_format_default, NULL, &o, e);
	if (!x->lines)
		return -1;
	int status = run_flow(x, source, NULL, e);
	if (!status && flush_lines(x))
		status = err_sys(e, "cannot send");
	return status;
}

static int write_packets(struct extract *x, struct source *source, struct err *e)
{
	const struct writer_options o = {
		.path = "-",
		.fd = x->out,
		.format = x->format == FORMAT_PCAPNG ? SAVEFILE_PCAPNG : SAVEFILE_PCAPNG_LZ4,
		.window_bytes = WINDOW_BYTES,
	};
	struct err closing = {0};
	struct writer *writer = writer_open(&o, e);

	if (!writer)
		return -1;
	int status = run_flow(x, source, writer, e);
	if (writer_close(writer, &closing) && !status) {
		*e = closing;
		status = -1;
	}
	return status;
}

static int extract_all(struct extract *x, struct err *e)
{
	struct source *source = NULL;

	if (x->bytes) {
		struct reader *reader = reader_open_part(x->file, x->name, x->bytes, e);
		if (!reader)
			return -1;
		source = source_of_reader(reader);
	} else {
		close(x->file);
	}
	int status = x->format == FORMAT_JSON || x->format == FORMAT_TEXT
			     ? write_lines(x, source, e)
			     : write_packets(x, source, e);
	source_close(source);
	return status;
}

static void *extract_thread(void *arg)
{
	struct extract *x = arg;
	struct extracts *all = x->all;
	struct err e = {0};
	sigset_t pipes;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, NULL);
	if (all->thread_begins)
		all->thread_begins();
	(void)!nice(NICENESS);
	if (extract_all(x, &e) && !is_over(x)) {
		log_warn("%s", e.message);
		x->why = e;
		atomic_store(&x->failed, true);
	}
	format_free(x->lines);
	text_done(&x->text);
	close(x->out);
	unref(x);
	pthread_mutex_lock(&all->lock);
	all->running--;
	pthread_cond_signal(&all->gone);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* ---- the stream ---- */

/* Nothing is said before the first byte is there: what fails at once has a status of its own. */
static bool extract_begin(struct stream *s, struct reply *a)
{
	struct extract *x = (struct extract *)s;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (!(p.revents & POLLIN) && atomic_load(&x->failed)) {
		reply_error(a, 500, x->why.message);
		return true;
	}
	a->status = 200;
	a->type = extract_formats[x->format].type;
	a->stream = s;
	return true;
}

static ssize_t extract_read(struct stream *s, char *to, size_t n)
{
	struct extract *x = (struct extract *)s;
	ssize_t got;

	do
		got = read(s->fd, to, n);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	if (got < 0 && errno == EAGAIN)
		return 0;
	return got < 0 || atomic_load(&x->failed) ? STREAM_FAILED : STREAM_END;
}

static void extract_close(struct stream *s)
{
	struct extract *x = (struct extract *)s;

	atomic_store(&x->left, true);
	close(s->fd); /* a thread that waits for room in the pipe goes on, and fails */
	unref(x);
}

static const struct stream_kind extract_kind = {
	.begin = extract_begin, .read = extract_read, .close = extract_close};

/* ---- opening ---- */

static unsigned format_of(const char *name)
{
	unsigned i = 0;

	while (extract_formats[i].name && !str_eq(extract_formats[i].name, name))
		i++;
	return extract_formats[i].name ? i : 0;
}

static int count_one(struct extracts *all, struct err *e)
{
	pthread_mutex_lock(&all->lock);
	bool fits = !all->over && all->running < EXTRACTS_MAX;
	all->running += fits;
	pthread_mutex_unlock(&all->lock);
	return fits ? 0
		    : err_set(e, ERR_FAILED, "%u captures are being read out; try again later",
			      EXTRACTS_MAX);
}

static int start(struct extract *x, struct err *e)
{
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, "cannot make a pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one does, too */
	x->stream.fd = ends[0];
	x->out = ends[1];
	int why = pthread_create(&thread, NULL, extract_thread, x);
	if (!why) {
		pthread_detach(thread);
		return 0;
	}
	close(ends[0]);
	close(ends[1]);
	return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
}

struct stream *extract_open(struct extracts *all, const struct extract_wish *wish, struct err *e)
{
	struct extract *x = xcalloc(1, sizeof(*x));
	bool counted = !count_one(all, e);

	x->stream.kind = &extract_kind;
	x->all = all;
	x->name = xstrdup(wish->name);
	x->file = wish->fd;
	x->bytes = wish->bytes;
	x->from = wish->from;
	x->to = wish->to;
	x->filter = wish->filter;
	x->format = format_of(wish->format);
	atomic_init(&x->refs, 2);
	if (counted && !start(x, e))
		return &x->stream;
	if (counted) {
		pthread_mutex_lock(&all->lock);
		all->running--;
		pthread_mutex_unlock(&all->lock);
	}
	close(x->file);
	atomic_init(&x->refs, 1);
	unref(x);
	return NULL;
}

void extracts_init(struct extracts *all)
{
	*all = (struct extracts){0};
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->gone, NULL);
}

void extracts_done(struct extracts *all)
{
	atomic_store(&all->stop, true);
	pthread_mutex_lock(&all->lock);
	all->over = true;
	while (all->running)
		pthread_cond_wait(&all->gone, &all->lock);
	pthread_mutex_unlock(&all->lock);
	pthread_cond_destroy(&all->gone);
	pthread_mutex_destroy(&all->lock);
}
