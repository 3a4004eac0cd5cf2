/* SPDX-License-Identifier: Apache-2.0 */
#include "http/hub.h"
#include "http/api.h"
#include "http/channel.h"
#include "print/print.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TAP_BYTES    (16u << 20)
#define TURN_MS	     100
#define HEARTBEAT_NS (15 * NSEC_PER_SEC)
#define LINGER_NS    (60 * NSEC_PER_SEC) /* a channel waits for its listeners to come back */
#define SOCKET_BYTES (64 << 10)		 /* what may wait in the kernel for one listener */
#define NICENESS     5			 /* the event path goes first */

struct listener {
	struct stream stream;
	struct hub *hub;
	struct channel *channel;
	struct place place;
	bool waits;
	struct listener *next, **link;
};

struct hub {
	struct tap *tap;
	int wake; /* eventfd: the first listener, or stop */
	atomic_bool stop;
	void (*thread_begins)(void);
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of all below */
	struct channel *channels[HUB_CHANNELS];
	struct listener *listeners;
	unsigned listener_count;
	uint64_t epoch;
	/* of the thread; channels are removed by it alone */
	struct state *state;
	bool flows; /* the state tracks them */
	struct format *format;
	struct text line;
	struct channel *now[HUB_CHANNELS];
	unsigned now_count;
};

/* ---- the thread: events to channels ---- */

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct hub *h = ctx;

	return state_iface(h->state, r);
}

static int on_container(void *ctx, const struct container_record *r)
{
	struct hub *h = ctx;

	state_container(h->state, r);
	return 0;
}

/* The line is made when the first filter lets it through. */
static int on_event(void *ctx, struct event *ev)
{
	struct hub *h = ctx;
	struct context *c = state_event(h->state, ev);
	bool made = false;

	for (unsigned i = 0; i < h->now_count; i++) {
		struct channel *to = h->now[i];
		if (to->filter && !filter_match(to->filter, c))
			continue;
		if (!made) {
			text_reset(&h->line);
			format_line(h->format, c, &h->line);
			made = true;
		}
		if (!h->line.len)
			return 0;
		pthread_mutex_lock(&h->lock);
		channel_event(to, h->line.data, h->line.len - 1, time_monotonic());
		pthread_mutex_unlock(&h->lock);
	}
	return 0;
}

static void tell_lost(struct hub *h, uint64_t now)
{
	uint64_t lost = tap_lost(h->tap);
	cleanup_free char *line = xasprintf("event: missed\ndata: {\"missed\":%llu,\"of\":\"all\"}"
					    "\n\n",
					    (unsigned long long)lost);

	for (unsigned i = 0; i < h->now_count && lost; i++)
		channel_line(h->now[i], line, now);
}

/* Under the lock. */
static void wake_waiting(struct hub *h)
{
	for (struct listener *l = h->listeners; l; l = l->next) {
		if (!l->waits || l->place.item == l->channel->next)
			continue;
		l->waits = false;
		(void)!eventfd_write(l->stream.fd, 1);
	}
}

/* Under the lock: which channels there are; those that nobody came back to go. */
static uint32_t take_channels(struct hub *h, uint64_t now)
{
	uint32_t types = 0;
	bool flows = false;

	h->now_count = 0;
	for (unsigned i = 0; i < HUB_CHANNELS; i++) {
		struct channel *c = h->channels[i];
		if (c && !c->listeners && now - c->left > LINGER_NS) {
			channel_free(c);
			c = h->channels[i] = NULL;
		}
		if (!c)
			continue;
		h->now[h->now_count++] = c;
		types |= c->filter ? filter_types(c->filter) : UINT32_MAX;
		flows |= filter_needs(c->filter, FIELD_FLOW);
	}
	if (h->now_count && (!h->state || (flows && !h->flows))) {
		state_free(h->state);
		h->state = state_new(flows ? FLOWS_TRACKED : 0);
		h->flows = flows;
		tap_restart(h->tap);
	} else if (!h->now_count) {
		state_free(h->state);
		h->state = NULL;
	}
	return h->flows && types ? types | 1u << EVENT_PACKET : types;
}

static void turn(struct hub *h)
{
	const struct sink sink = {
		.ctx = h, .iface = on_iface, .container = on_container, .event = on_event};
	uint64_t now = time_monotonic();

	pthread_mutex_lock(&h->lock);
	tap_want(h->tap, take_channels(h, now));
	pthread_mutex_unlock(&h->lock);
	if (h->now_count)
		tap_take(h->tap, &sink);
	pthread_mutex_lock(&h->lock);
	tell_lost(h, now);
	for (unsigned i = 0; i < h->now_count; i++)
		if (now - h->now[i]->put > HEARTBEAT_NS)
			channel_line(h->now[i], ":\n\n", now);
	wake_waiting(h);
	pthread_mutex_unlock(&h->lock);
}

static void *hub_thread(void *arg)
{
	struct hub *h = arg;
	struct pollfd p = {.fd = h->wake, .events = POLLIN};
	eventfd_t count;

	if (h->thread_begins)
		h->thread_begins();
	(void)!nice(NICENESS);
	while (!atomic_load(&h->stop)) {
		poll(&p, 1, h->now_count ? TURN_MS : -1);
		(void)!eventfd_read(h->wake, &count);
		turn(h);
	}
	return NULL;
}

/* ---- listeners ---- */

static bool listener_begin(struct stream *s, struct reply *a)
{
	a->status = 200;
	a->type = "text/event-stream";
	a->stream = s;
	return true;
}

static ssize_t listener_read(struct stream *s, char *to, size_t n)
{
	struct listener *l = (struct listener *)s;

	pthread_mutex_lock(&l->hub->lock);
	size_t got = channel_read(l->channel, &l->place, to, n);
	l->waits = !got;
	pthread_mutex_unlock(&l->hub->lock);
	return (ssize_t)got;
}

static void listener_close(struct stream *s)
{
	struct listener *l = (struct listener *)s;
	struct hub *h = l->hub;

	pthread_mutex_lock(&h->lock);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	h->listener_count--;
	l->channel->listeners--;
	l->channel->left = time_monotonic();
	pthread_mutex_unlock(&h->lock);
	text_done(&l->place.pending);
	close(s->fd);
	free(l);
}

static const struct stream_kind listener_kind = {
	.begin = listener_begin,
	.read = listener_read,
	.close = listener_close,
	.socket_bytes = SOCKET_BYTES,
};

/* Under the lock; the channel of a text, and a free slot. */
static struct channel *channel_find(struct hub *h, const char *text, struct channel ***slot)
{
	*slot = NULL;
	for (unsigned i = 0; i < HUB_CHANNELS; i++) {
		if (!h->channels[i])
			*slot = &h->channels[i];
		else if (str_eq(h->channels[i]->text, text))
			return h->channels[i];
	}
	return NULL;
}

static int filter_parse(const char *text, struct filter **out, struct err *e)
{
	*out = NULL;
	if (!*text)
		return 0;
	*out = filter_compile(text, NULL, e);
	return *out ? 0 : -1;
}

/* Under the lock: a filter is compiled once for all who ask for it. */
static struct channel *channel_get(struct hub *h, const char *text, struct err *e)
{
	struct channel **slot, *c = channel_find(h, text, &slot);
	struct filter *filter;

	if (h->listener_count == HUB_LISTENERS || (!c && !slot)) {
		err_set(e, ERR_FAILED, "too many listen already; try again later");
		return NULL;
	}
	if (c || filter_parse(text, &filter, e))
		return c;
	*slot = channel_new(text, filter, ++h->epoch);
	(*slot)->put = time_monotonic();
	(void)!eventfd_write(h->wake, 1);
	return *slot;
}

struct stream *hub_listen(struct hub *h, const char *filter, const char *last_id, struct err *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		err_sys(e, "cannot make an event descriptor");
		return NULL;
	}
	pthread_mutex_lock(&h->lock);
	struct channel *c = channel_get(h, filter, e);
	if (!c) {
		pthread_mutex_unlock(&h->lock);
		close(fd);
		return NULL;
	}
	struct listener *l = xcalloc(1, sizeof(*l));
	l->stream = (struct stream){&listener_kind, fd};
	l->hub = h;
	l->channel = c;
	channel_enter(c, &l->place, last_id);
	c->listeners++;
	h->listener_count++;
	l->next = h->listeners;
	l->link = &h->listeners;
	if (l->next)
		l->next->link = &l->next;
	h->listeners = l;
	pthread_mutex_unlock(&h->lock);
	return &l->stream;
}

/* ---- the hub ---- */

void hub_put(struct hub *h, const struct context *c)
{
	tap_put(h->tap, c);
}

struct hub *hub_new(struct err *e)
{
	const struct print_options o = {.json = true};
	struct hub *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	h->tap = tap_new(TAP_BYTES);
	h->epoch = time_now(); /* ids of a run before do not fit */
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->format = format_compile(print_format_default, NULL, &o, e);
	if (h->wake >= 0 && h->format)
		return h;
	if (h->wake < 0)
		err_sys(e, "cannot make an event descriptor");
	hub_free(h);
	return NULL;
}

int hub_start(struct hub *h, void (*thread_begins)(void), struct err *e)
{
	h->thread_begins = thread_begins;
	int why = pthread_create(&h->thread, NULL, hub_thread, h);
	if (why)
		return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	h->running = true;
	return 0;
}

void hub_stop(struct hub *h)
{
	if (!h || !h->running)
		return;
	atomic_store(&h->stop, true);
	(void)!eventfd_write(h->wake, 1);
	pthread_join(h->thread, NULL);
	h->running = false;
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < HUB_CHANNELS; i++)
		channel_free(h->channels[i]);
	state_free(h->state);
	format_free(h->format);
	text_done(&h->line);
	tap_free(h->tap);
	if (h->wake >= 0)
		close(h->wake);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
