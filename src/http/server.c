/* SPDX-License-Identifier: Apache-2.0 */
#include "http/boards.h"
#include "http/hub.h"
#include "http/listen.h"
#include "http/orders.h"
#include "http/worker.h"

#ifdef HAVE_HTTPD

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKERS	 2u
#define NICENESS 5 /* of who makes what is answered: those who answer, and capture, go first */

struct server {
	char *path; /* of a unix socket, else NULL */
	int listening, stop;
	struct renderer *renderer;
	struct live live;
	struct access access;
	struct extracts extracts;
	struct orders orders;
	struct worker *workers[WORKERS];
	void (*thread_begins)(void);
	struct mesos_poller *poller;  /* or NULL */
	struct mesos_snapshot *names; /* newest; of the maker */
	/* of the event thread */
	struct past past;
	uint64_t published; /* realtime ns */
	/* the maker, and its letters */
	pthread_t maker;
	bool making;
	struct mailbox views;
	int fresh; /* eventfd: there is one */
};

static int listen_at(struct server *s, const struct server_options *o, struct err *e)
{
	const struct access_files files = {o->certificate, o->key, o->tokens};
	struct text where = {0};
	int at = listen_where(o->address, e);

	if (at < 0)
		return -1;
	s->access.where = (enum where)at;
	if (access_load(&s->access, &files, e))
		return -1;
	if (at == AT_SOCKET) {
		const char *path = o->address + strlen(LISTEN_UNIX);
		s->listening = listen_unix(path, NULL, e);
		if (s->listening >= 0)
			s->path = xstrdup(path);
		text_str(&where, o->address);
	} else {
		text_str(&where, s->access.key ? "https://" : "http://");
		s->listening = listen_tcp(o->address, &where, e);
	}
	if (s->listening >= 0)
		log_info("HTTP at %s", text_cstr(&where));
	text_done(&where);
	return s->listening < 0 ? -1 : 0;
}

struct server *server_open(const struct server_options *o, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->listening = s->stop = s->fresh = -1;
	s->renderer = renderer_new();
	extracts_init(&s->extracts);
	s->live.extracts = &s->extracts;
	s->live.hub = hub_new(e);
	s->live.orders = &s->orders;
	s->live.boards = boards_new();
	bool failed = !s->live.hub || listen_at(s, o, e);
	if (!failed && ((s->stop = eventfd(0, EFD_CLOEXEC)) < 0 ||
			(s->fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0))
		failed = err_sys(e, "cannot make an event descriptor");
	const struct worker_options w = {s->listening, s->stop, s->renderer, &s->live, &s->access};
	for (unsigned i = 0; i < WORKERS && !failed; i++)
		failed = !(s->workers[i] = worker_open(&w, e));
	if (!failed)
		return s;
	server_close(s);
	return NULL;
}

/* ---- the maker: from the event thread's view to what is answered ---- */

static void take_names(struct server *s)
{
	struct mesos_snapshot *fresh = s->poller ? mesos_poller_take(s->poller, MESOS_SERVING)
						 : NULL;

	if (!fresh)
		return;
	mesos_snapshot_free(s->names);
	s->names = fresh;
}

static void *make(void *arg)
{
	struct server *s = arg;
	struct pollfd p[] = {{.fd = s->fresh, .events = POLLIN}, {.fd = s->stop, .events = POLLIN}};
	eventfd_t count;

	if (s->thread_begins)
		s->thread_begins();
	(void)!nice(NICENESS);
	while (poll(p, ARRAY_SIZE(p), -1) >= 0 && !p[1].revents) {
		(void)!eventfd_read(s->fresh, &count);
		struct view *v = mailbox_take(&s->views);
		if (!v)
			continue;
		take_names(s);
		v->names = s->names ? mesos_snapshot_ref(s->names) : NULL;
		renderer_prepare(s->renderer, v);
		for (unsigned i = 0; i < WORKERS; i++)
			worker_tell(s->workers[i], view_ref(v));
		view_unref(v);
	}
	return NULL;
}

int server_start(struct server *s, struct mesos_poller *poller, void (*thread_begins)(void),
		 struct err *e)
{
	s->poller = poller;
	s->thread_begins = s->extracts.thread_begins = thread_begins;
	if (hub_start(s->live.hub, thread_begins, e) ||
	    renderer_start(s->renderer, thread_begins, e))
		return -1;
	int why = pthread_create(&s->maker, NULL, make, s);
	if (why)
		return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	s->making = true;
	for (unsigned i = 0; i < WORKERS; i++)
		if (worker_start(s->workers[i], thread_begins, e))
			return -1;
	return 0;
}

bool server_is_due(const struct server *s, uint64_t now)
{
	return now - s->published >= NSEC_PER_SEC; /* also when the clock was set back */
}

void server_publish(struct server *s, const struct state *state, const struct health *h,
		    uint64_t now)
{
	s->published = now;
	boards_tick(s->live.boards, now);
	view_unref(mailbox_send(&s->views, view_new(state, h, &s->past, now)));
	(void)!eventfd_write(s->fresh, 1);
}

void server_take_orders(struct server *s, capture_taker *take, void *ctx)
{
	if (orders_take(&s->orders, take, ctx))
		s->published = 0; /* the next view tells of it */
}

void server_views(struct server *s, const struct views *views)
{
	boards_set_views(s->live.boards, views);
}

void server_event(struct server *s, struct context *c)
{
	hub_put(s->live.hub, c);
	boards_put(s->live.boards, c);
}

void server_close(struct server *s)
{
	if (!s)
		return;
	if (s->stop >= 0)
		(void)!eventfd_write(s->stop, 1);
	if (s->making)
		pthread_join(s->maker, NULL);
	renderer_close(s->renderer);
	hub_stop(s->live.hub);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_close(s->workers[i]);
	extracts_done(&s->extracts);
	hub_free(s->live.hub);
	orders_done(&s->orders);
	access_done(&s->access);
	boards_free(s->live.boards);
	renderer_free(s->renderer);
	view_unref(mailbox_take(&s->views));
	mesos_snapshot_free(s->names);
	for (const int *fd = (const int[]){s->listening, s->stop, s->fresh, -1}; *fd >= 0; fd++)
		close(*fd);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s->past.of);
	free(s);
}

#else

struct server *server_open(const struct server_options *o, struct err *e)
{
	(void)o;
	err_set(e, ERR_FAILED, "built without libmicrohttpd: no HTTP server");
	return NULL;
}

int server_start(struct server *s, struct mesos_poller *poller, void (*thread_begins)(void),
		 struct err *e)
{
	(void)s;
	(void)poller;
	(void)thread_begins;
	(void)e;
	return 0;
}

bool server_is_due(const struct server *s, uint64_t now)
{
	(void)s;
	(void)now;
	return false;
}

void server_publish(struct server *s, const struct state *state, const struct health *h,
		    uint64_t now)
{
	(void)s;
	(void)state;
	(void)h;
	(void)now;
}

void server_take_orders(struct server *s, capture_taker *take, void *ctx)
{
	(void)s;
	(void)take;
	(void)ctx;
}

void server_views(struct server *s, const struct views *views)
{
	(void)s;
	(void)views;
}

void server_event(struct server *s, struct context *c)
{
	(void)s;
	(void)c;
}

void server_close(struct server *s)
{
	(void)s;
}

#endif
