/* SPDX-License-Identifier: Apache-2.0 */
#include "http/api.h"
#include "http/listen.h"

#ifdef HAVE_HTTPD

#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKERS	      2u
#define MAX_CLIENTS   256u	  /* of each worker; more wait until one leaves */
#define CLIENT_S      5u	  /* a client that moves no byte for so long is left */
#define CLIENT_MEMORY (32u << 10) /* of each: headers are refused beyond */
#define MAX_BODY      (64u << 10) /* of a request; it is not looked at */
#define TURN_MS	      500
#define CACHED	      16u /* replies that are kept until there is another view */

struct cached {
	char *target; /* NULL = free */
	unsigned status;
	struct MHD_Response *response; /* shared by the clients that get it */
	char etag[24];
};

struct worker {
	struct server *server;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool running;
	struct mailbox views;
	struct view *view; /* newest */
	struct cached cached[CACHED];
};

struct server {
	char *path; /* of a unix socket, else NULL */
	int listening, stop;
	void (*thread_begins)(void);
	struct worker workers[WORKERS];
	/* of the event thread */
	struct past past;
	uint64_t published; /* realtime ns */
};

/* ---- replies ---- */

static void cached_done(struct cached *c)
{
	if (!c->target)
		return;
	MHD_destroy_response(c->response);
	free(c->target);
	c->target = NULL;
}

static void take_view(struct worker *w)
{
	struct view *fresh = mailbox_take(&w->views);

	if (!fresh)
		return;
	view_unref(w->view);
	w->view = fresh;
	for (size_t i = 0; i < CACHED; i++)
		cached_done(&w->cached[i]);
}

static void make_reply(const struct view *view, const char *target, struct cached *c)
{
	struct reply a = {0};

	api_reply(view, target, &a);
	struct text etag = {0};
	text_char(&etag, '"');
	text_hex(&etag, hash_bytes(a.body.data, a.body.len), 16);
	text_char(&etag, '"');
	memcpy(c->etag, text_cstr(&etag), etag.len + 1);
	text_done(&etag);
	c->target = xstrdup(target);
	c->status = a.status;
	c->response = MHD_create_response_from_buffer(a.body.len, a.body.data,
						      MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(c->response, MHD_HTTP_HEADER_CONTENT_TYPE,
				a.type ? a.type : "application/json");
	MHD_add_response_header(c->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	if (a.status == MHD_HTTP_OK)
		MHD_add_response_header(c->response, MHD_HTTP_HEADER_ETAG, c->etag);
}

static enum MHD_Result send_cached(struct MHD_Connection *connection, const struct cached *c)
{
	const char *known = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_IF_NONE_MATCH);

	if (c->status != MHD_HTTP_OK || !known || !strstr(known, c->etag))
		return MHD_queue_response(connection, c->status, c->response);
	struct MHD_Response *same = MHD_create_response_from_buffer(0, NULL,
								    MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(same, MHD_HTTP_HEADER_ETAG, c->etag);
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, same);
	MHD_destroy_response(same);
	return result;
}

static enum MHD_Result answer(struct worker *w, struct MHD_Connection *connection,
			      const char *target)
{
	struct cached *c = &w->cached[hash_bytes(target, strlen(target)) % CACHED];

	take_view(w);
	if (!c->target || !str_eq(c->target, target)) {
		cached_done(c);
		make_reply(w->view, target, c);
	}
	enum MHD_Result result = send_cached(connection, c);
	if (!w->view) /* what is not ready may be at any time */
		cached_done(c);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
	struct reply a = {0};

	reply_error(&a, status, why);
	struct MHD_Response *r = MHD_create_response_from_buffer(a.body.len, a.body.data,
								 MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result result = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return result;
}

/* ---- requests ---- */

struct client {
	char *target;
	bool begun;
	size_t body;
};

/* The target as it came, before anything in it is decoded. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct client *c = xcalloc(1, sizeof(*c));

	(void)cls;
	(void)connection;
	c->target = xstrdup(target);
	return c;
}

static void on_done(void *cls, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode why)
{
	struct client *c = *state;

	(void)cls;
	(void)connection;
	(void)why;
	if (c)
		free(c->target);
	free(c);
	*state = NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct client *c = *state;

	(void)url;
	(void)version;
	(void)upload;
	if (!c->begun) {
		c->begun = true;
		if (!str_eq(method, MHD_HTTP_METHOD_GET) && !str_eq(method, MHD_HTTP_METHOD_HEAD))
			return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				      "only GET and HEAD are served");
		return MHD_YES;
	}
	if (*upload_size) {
		c->body += *upload_size;
		*upload_size = 0;
		return c->body > MAX_BODY ? MHD_NO : MHD_YES;
	}
	return answer(cls, connection, c->target);
}

/* ---- threads ---- */

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct server *s = w->server;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd p[] = {{.fd = info->epoll_fd, .events = POLLIN},
			     {.fd = s->stop, .events = POLLIN}};

	if (s->thread_begins)
		s->thread_begins();
	while (!p[1].revents) {
		MHD_UNSIGNED_LONG_LONG ms = TURN_MS;
		if (MHD_get_timeout(w->daemon, &ms) != MHD_YES)
			ms = TURN_MS;
		poll(p, ARRAY_SIZE(p), (int)MIN(ms, TURN_MS));
		MHD_run(w->daemon);
	}
	return NULL;
}

static int worker_open(struct worker *w, struct server *s, struct err *e)
{
	int fd = fcntl(s->listening, F_DUPFD_CLOEXEC, 0);

	w->server = s;
	if (fd < 0)
		return err_sys(e, "cannot listen");
	w->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, w, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target,
		NULL, MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_S, MHD_OPTION_CONNECTION_LIMIT,
		MAX_CLIENTS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (w->daemon)
		return 0;
	close(fd);
	return err_set(e, ERR_FAILED, "cannot serve HTTP");
}

static void worker_close(struct worker *w)
{
	if (w->running)
		pthread_join(w->thread, NULL);
	if (w->daemon)
		MHD_stop_daemon(w->daemon);
	for (size_t i = 0; i < CACHED; i++)
		cached_done(&w->cached[i]);
	view_unref(mailbox_take(&w->views));
	view_unref(w->view);
}

struct server *server_open(const char *address, struct err *e)
{
	static const char unix_prefix[] = "unix:";
	struct server *s = xcalloc(1, sizeof(*s));
	struct text where = {0};

	s->stop = -1;
	if (str_starts(address, unix_prefix)) {
		const char *path = address + strlen(unix_prefix);
		s->listening = listen_unix(path, NULL, e);
		if (s->listening >= 0)
			s->path = xstrdup(path);
		text_str(&where, address);
	} else {
		s->listening = listen_loopback(address, &where, e);
	}
	if (s->listening >= 0)
		s->stop = eventfd(0, EFD_CLOEXEC);
	if (s->stop < 0 && s->listening >= 0)
		err_sys(e, "cannot make an event descriptor");
	bool failed = s->stop < 0;
	for (unsigned i = 0; i < WORKERS && !failed; i++)
		failed = worker_open(&s->workers[i], s, e);
	if (!failed)
		log_info("HTTP at %s", text_cstr(&where));
	text_done(&where);
	if (!failed)
		return s;
	server_close(s);
	return NULL;
}

int server_start(struct server *s, void (*thread_begins)(void), struct err *e)
{
	s->thread_begins = thread_begins;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &s->workers[i];
		int why = pthread_create(&w->thread, NULL, serve, w);
		if (why)
			return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
		w->running = true;
	}
	return 0;
}

bool server_is_due(const struct server *s, uint64_t now)
{
	return now - s->published >= NSEC_PER_SEC; /* also when the clock was set back */
}

void server_publish(struct server *s, const struct state *state, const struct health *h,
		    uint64_t now)
{
	struct view *v = view_new(state, h, &s->past, now);

	s->published = now;
	for (unsigned i = 0; i < WORKERS; i++)
		view_unref(mailbox_send(&s->workers[i].views, view_ref(v)));
	view_unref(v);
}

void server_close(struct server *s)
{
	if (!s)
		return;
	if (s->stop >= 0)
		(void)!eventfd_write(s->stop, 1);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_close(&s->workers[i]);
	if (s->listening >= 0)
		close(s->listening);
	if (s->stop >= 0)
		close(s->stop);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s->past.of);
	free(s);
}

#else

struct server *server_open(const char *address, struct err *e)
{
	(void)address;
	err_set(e, ERR_FAILED, "built without libmicrohttpd: no HTTP server");
	return NULL;
}

int server_start(struct server *s, void (*thread_begins)(void), struct err *e)
{
	(void)s;
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

void server_close(struct server *s)
{
	(void)s;
}

#endif
