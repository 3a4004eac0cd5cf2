/* SPDX-License-Identifier: Apache-2.0 */
#include "http/worker.h"
#include "http/front.h"
#include "http/peers.h"

#ifdef HAVE_HTTPD

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS   640u	  /* of each worker; more wait until one leaves */
#define CLIENT_S      5u	  /* a client that moves no byte for so long is left */
#define STREAM_S      30u	  /* as CLIENT_S, of one that has a stream; it has no end */
#define STREAM_BYTES  (16u << 10) /* that are sent at once */
#define CLIENT_MEMORY (32u << 10) /* of each: headers are refused beyond */
#define MAX_BODY      (64u << 10) /* of a request */
#define TURN_MS	      500
#define READY	      64 /* of streams, at once */

struct worker {
	struct worker_options o;
	void (*thread_begins)(void);
	struct MHD_Daemon *daemon;
	int wake;    /* eventfd: a client's reply is there */
	int streams; /* epoll: what streams wait for */
	struct front *front;
	pthread_t thread;
	bool running;
	struct mailbox views;
	struct view *view; /* newest */
	struct peers peers;
	struct client *streaming; /* clients with a stream */
};

/* What an event of epoll is about. */
struct watch {
	struct client *client;
	bool socket; /* it was closed, at the other end */
};

/* One request. */
struct client {
	struct render_wait wait; /* first: on_made gets it */
	struct worker *worker;
	struct MHD_Connection *connection;
	struct ask ask;
	bool begun, too_long; /* too_long: its body, which is thrown away */
	struct text body;
	/* A reply that is made while it is sent. */
	struct stream *stream;
	struct watch of_stream, of_socket;
	bool suspended, gone;
	struct client *next, **link;
};

/* ---- replies ---- */

/* Takes the body over. */
static enum MHD_Result send_body(struct MHD_Connection *connection, struct body *b)
{
	const char *known = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_IF_NONE_MATCH);
	enum MHD_Result result;

	if (b->status != MHD_HTTP_OK || !known || !strstr(known, b->etag)) {
		result = MHD_queue_response(connection, b->status, b->response);
	} else {
		struct MHD_Response *same = MHD_create_response_from_buffer(0, NULL,
									    MHD_RESPMEM_PERSISTENT);
		MHD_add_response_header(same, MHD_HTTP_HEADER_ETAG, b->etag);
		result = MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, same);
		MHD_destroy_response(same);
	}
	body_unref(b);
	return result;
}

/* On a thread of the renderer: the worker comes back to the request. */
static void on_made(struct render_wait *o)
{
	struct client *c = (struct client *)o;
	int wake = c->worker->wake; /* from the next line on the client may be gone */

	MHD_resume_connection(c->connection);
	(void)!eventfd_write(wake, 1);
}

/* ---- streams ---- */

static void wait_for(struct client *c)
{
	c->suspended = true;
	MHD_suspend_connection(c->connection);
}

static void wake(struct client *c)
{
	if (!c->suspended)
		return;
	c->suspended = false;
	MHD_resume_connection(c->connection);
}

static ssize_t read_stream(void *cls, uint64_t at, char *to, size_t n)
{
	struct client *c = cls;
	ssize_t got = c->gone ? STREAM_FAILED : c->stream->kind->read(c->stream, to, n);

	(void)at;
	if (got > 0)
		return got;
	if (got == STREAM_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (got < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	wait_for(c);
	return 0;
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static int watch(struct worker *w, int fd, unsigned events, void *data)
{
	struct epoll_event ev = {.events = events, .data.ptr = data};

	return epoll_ctl(w->streams, EPOLL_CTL_ADD, fd, &ev);
}

/* Takes the stream over. */
static enum MHD_Result keep_stream(struct client *c, struct stream *s)
{
	struct worker *w = c->worker;

	c->stream = s;
	c->of_stream = (struct watch){c, false};
	c->of_socket = (struct watch){c, true};
	c->next = w->streaming;
	c->link = &w->streaming;
	if (c->next)
		c->next->link = &c->next;
	w->streaming = c;
	peer_of(c->connection)->streams = true;
	MHD_set_connection_option(c->connection, MHD_CONNECTION_OPTION_TIMEOUT, STREAM_S);
	if (s->kind->socket_bytes)
		setsockopt(peer_of(c->connection)->fd, SOL_SOCKET, SO_SNDBUF,
			   &s->kind->socket_bytes, sizeof(s->kind->socket_bytes));
	if (watch(w, s->fd, EPOLLIN | EPOLLET, &c->of_stream) ||
	    watch(w, peer_of(c->connection)->fd, EPOLLRDHUP | EPOLLET, &c->of_socket))
		return MHD_NO;
	return MHD_YES;
}

static void drop_stream(struct client *c)
{
	if (!c->stream)
		return;
	epoll_ctl(c->worker->streams, EPOLL_CTL_DEL, peer_of(c->connection)->fd, NULL);
	peer_of(c->connection)->streams = false;
	MHD_set_connection_option(c->connection, MHD_CONNECTION_OPTION_TIMEOUT, CLIENT_S);
	epoll_ctl(c->worker->streams, EPOLL_CTL_DEL, c->stream->fd, NULL);
	c->stream->kind->close(c->stream);
	c->stream = NULL;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
}

/* Its answer, if it has begun by now. */
static enum MHD_Result begin_stream(struct client *c)
{
	struct reply a = {0};

	if (c->gone)
		return MHD_NO;
	if (!c->stream->kind->begin(c->stream, &a)) {
		wait_for(c);
		return MHD_YES;
	}
	if (!a.stream)
		return send_body(c->connection, body_new(&a));
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES,
								   read_stream, c, NULL);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a.type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result result = MHD_queue_response(c->connection, a.status, r);
	MHD_destroy_response(r);
	return result;
}

static void on_event(const struct watch *at)
{
	at->client->gone |= at->socket;
	wake(at->client);
}

/* ---- requests ---- */

static enum MHD_Result answer_live(struct worker *w, struct client *c)
{
	struct reply a = {0};

	c->ask.live = w->o.live;
	c->ask.last_event_id = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND,
							   "Last-Event-ID");
	api_reply(w->view, &c->ask, &a);
	if (!a.stream)
		return send_body(c->connection, body_new(&a));
	return keep_stream(c, a.stream) == MHD_YES ? begin_stream(c) : MHD_NO;
}

static enum MHD_Result answer(struct worker *w, struct client *c)
{
	if (c->stream)
		return begin_stream(c);
	struct view *fresh = mailbox_take(&w->views);
	struct body *body = c->wait.body;

	if (fresh) {
		view_unref(w->view);
		w->view = fresh;
	}
	if (c->ask.method || api_is_live(c->ask.target))
		return answer_live(w, c);
	if (!body)
		body = renderer_ready(w->o.renderer, w->view, &c->ask);
	c->wait.body = NULL;
	if (body)
		return send_body(c->connection, body);
	MHD_suspend_connection(c->connection);
	renderer_submit(w->o.renderer, w->view, &c->ask, &c->wait);
	return MHD_YES;
}

/* The target as it came, before anything in it is decoded. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->worker = cls;
	c->wait.done = on_made;
	c->connection = connection;
	c->ask.target = xstrdup(target);
	return c;
}

static void on_done(void *cls, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode why)
{
	struct client *c = *state;
	struct peer *p = peer_of(connection);

	(void)cls;
	if (p)
		peer_answered(p, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	if (!c)
		return;
	drop_stream(c);
	text_done(&c->body);
	body_unref(c->wait.body);
	free((char *)c->ask.target);
	free(c);
	*state = NULL;
}

static const char *header(struct client *c, const char *name)
{
	return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

/* Who may not ask this learns nothing else. */
static struct body *refuse(struct client *c, const char *method)
{
	bool control = !str_eq(method, MHD_HTTP_METHOD_GET) &&
		       !str_eq(method, MHD_HTTP_METHOD_HEAD);
	const char *why = NULL;
	unsigned status = access_check(c->worker->o.access, control,
				       header(c, MHD_HTTP_HEADER_HOST),
				       header(c, MHD_HTTP_HEADER_AUTHORIZATION), &why);

	if (control) {
		c->ask.method = method;
		c->ask.body = &c->body;
	}
	return status == MHD_HTTP_OK ? NULL : body_error(status, why);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct client *c = *state;

	(void)url;
	(void)version;
	peer_asked(peer_of(connection));
	if (!c->begun) {
		c->begun = true;
		struct body *refusal = refuse(c, method);
		if (refusal)
			return send_body(connection, refusal);
		c->ask.openmetrics = api_wants_openmetrics(MHD_lookup_connection_value(
			connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
		return MHD_YES;
	}
	if (*upload_size) {
		c->too_long |= *upload_size > MAX_BODY - c->body.len;
		if (!c->too_long)
			text_put(&c->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (c->too_long)
		return send_body(connection, body_error(MHD_HTTP_CONTENT_TOO_LARGE,
							"the body of the request is too long"));
	return answer(cls, c);
}

/* ---- connections ---- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode what)
{
	struct worker *w = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		peer_remove(&w->peers, *state);
	else
		*state = peer_add(&w->peers, MHD_get_connection_info(
						     connection, MHD_CONNECTION_INFO_CONNECTION_FD)
						     ->connect_fd);
}

static void take_connection(void *ctx, int fd, const struct sockaddr *address, socklen_t n)
{
	MHD_add_connection(((struct worker *)ctx)->daemon, fd, address,
			   n); /* closes what it refuses */
}

static bool is_full(void *ctx)
{
	return ((const struct worker *)ctx)->peers.n >= MAX_CLIENTS;
}

/* ---- the thread ---- */

static void *serve(void *arg)
{
	struct worker *w = arg;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd p[] = {{.fd = info->epoll_fd, .events = POLLIN},
			     {.fd = w->wake, .events = POLLIN},
			     {.fd = w->o.stop, .events = POLLIN},
			     {.fd = w->streams, .events = POLLIN},
			     {.fd = front_fd(w->front), .events = POLLIN}};
	struct epoll_event ready[READY];
	eventfd_t count;

	if (w->thread_begins)
		w->thread_begins();
	while (!p[2].revents) {
		MHD_UNSIGNED_LONG_LONG ms = TURN_MS;
		if (MHD_get_timeout(w->daemon, &ms) != MHD_YES)
			ms = TURN_MS;
		poll(p, ARRAY_SIZE(p), (int)MIN(ms, TURN_MS));
		(void)!eventfd_read(w->wake, &count);
		int n = p[3].revents ? epoll_wait(w->streams, ready, READY, 0) : 0;
		for (int i = 0; i < n; i++)
			on_event(ready[i].data.ptr);
		front_turn(w->front);
		MHD_run(w->daemon);
		peers_leave_the_slow(&w->peers);
	}
	return NULL;
}

static struct MHD_Daemon *start_daemon(struct worker *w)
{
	const struct access *access = w->o.access;
	/* GnuTLS: what is usual, and nothing before TLS 1.2. */
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, access->key},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, access->certificate},
		{MHD_OPTION_HTTPS_PRIORITIES, 0,
		 (char *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;

	if (access->key) {
		flags |= MHD_USE_TLS;
	} else {
		flags |= MHD_USE_TURBO; /* no shutdown before peer_remove */
		tls[0] = tls[3];
	}
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, w, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_URI_LOG_CALLBACK,
		on_target, w, MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_S, MHD_OPTION_CONNECTION_LIMIT,
		MAX_CLIENTS + READY, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

struct worker *worker_open(const struct worker_options *o, struct err *e)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	const struct front_options front = {.listening = o->listening,
					    .blind = o->access->key != NULL,
					    .take = take_connection,
					    .is_full = is_full,
					    .ctx = w};

	w->o = *o;
	w->peers.encrypted = o->access->key != NULL;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->streams = epoll_create1(EPOLL_CLOEXEC);
	w->front = w->wake >= 0 && w->streams >= 0 ? front_open(&front, e) : NULL;
	if (w->front && (w->daemon = start_daemon(w)))
		return w;
	front_close(w->front);
	for (const int *at = (const int[]){w->wake, w->streams, -1}; *at >= 0; at++)
		close(*at);
	free(w);
	err_set(e, ERR_FAILED,
		o->access->key ? "cannot serve HTTPS: the certificate and its key do "
				 "not fit, or libmicrohttpd has no TLS"
			       : "cannot serve HTTP");
	return NULL;
}

int worker_start(struct worker *w, void (*thread_begins)(void), struct err *e)
{
	w->thread_begins = thread_begins;
	int why = pthread_create(&w->thread, NULL, serve, w);

	if (why)
		return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	w->running = true;
	return 0;
}

void worker_tell(struct worker *w, struct view *v)
{
	view_unref(mailbox_send(&w->views, v));
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	if (w->running)
		pthread_join(w->thread, NULL);
	for (struct client *c = w->streaming; c; c = c->next) {
		c->gone = true;
		wake(c);
	}
	front_close(w->front);
	MHD_stop_daemon(w->daemon);
	close(w->streams);
	close(w->wake);
	view_unref(mailbox_take(&w->views));
	view_unref(w->view);
	free(w);
}

#endif
