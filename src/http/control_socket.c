/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: its clients, and the thread that alone uses the isolator. */
#include "http/control.h"
#include "http/listen.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_BODY      (64u << 10)
#define REPAIR_MSEC   1000		  /* between looks at what nobody tells of */
#define NOTICE_MSEC   100		  /* at least, between looks at what was noticed */
#define REFUSED_MSEC  200		  /* between looks at the counters of refused packets */
#define TURN_MSEC     200		  /* of control_options.turn */
#define REPAIR_BUDGET (5 * NSEC_PER_MSEC) /* each second: half a percent of a core */
#define CLIENT_S      5u		  /* a client that says nothing for so long is left */
#define MAX_CLIENTS   64u

struct control {
	char *path;
	bool repair;
	void (*turn)(void *ctx, struct isolator *i);
	struct control_desk desk;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool running;
	atomic_bool stop;
};

/* ---- HTTP ---- */

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *a)
{
	char *bytes = a->json ? json_dumps(a->json, JSON_COMPACT) : NULL;
	size_t n = bytes ? strlen(bytes) : a->text.len;
	struct MHD_Response *r = MHD_create_response_from_buffer(n, bytes ? bytes : a->text.data,
								 MHD_RESPMEM_MUST_COPY);

	MHD_add_response_header(r, "Content-Type",
				bytes || a->text_is_json ? "application/json"
							 : "text/plain; charset=utf-8");
	enum MHD_Result result = MHD_queue_response(connection, a->status, r);
	MHD_destroy_response(r);
	free(bytes);
	json_decref(a->json);
	text_done(&a->text);
	return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct text *body = *state;
	struct answer a = {0};

	(void)version;
	if (!body) {
		*state = xcalloc(1, sizeof(*body));
		return MHD_YES;
	}
	if (*upload_size) {
		if (body->len <= MAX_BODY)
			text_put(body, upload, MIN(*upload_size, MAX_BODY + 1));
		*upload_size = 0;
		return MHD_YES;
	}
	if (body->len > MAX_BODY)
		control_refuse(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than 64 KiB");
	else
		control_answer(cls, method, url, body, &a);
	return send_answer(connection, &a);
}

static void on_done(void *cls, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode why)
{
	struct text *body = *state;

	(void)cls;
	(void)connection;
	(void)why;
	if (body)
		text_done(body);
	free(body);
	*state = NULL;
}

/* ---- the thread ---- */

static bool due(uint64_t *last, unsigned msec)
{
	if (time_monotonic() - *last < msec * NSEC_PER_MSEC)
		return false;
	*last = time_monotonic();
	return true;
}

static void *serve(void *arg)
{
	struct control *c = arg;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	uint64_t looked = 0, counted = 0, turned = 0;

	while (!atomic_load(&c->stop)) {
		struct pollfd p[] = {{.fd = info->epoll_fd, .events = POLLIN},
				     {.fd = isolate_fd(c->desk.isolator), .events = POLLIN}};
		poll(p, ARRAY_SIZE(p), NOTICE_MSEC);
		MHD_run(c->daemon);
		bool noticed = isolate_notice(c->desk.isolator);
		if (due(&looked, noticed ? NOTICE_MSEC : REPAIR_MSEC))
			isolate_look(c->desk.isolator, c->repair, REPAIR_BUDGET);
		if (due(&counted, REFUSED_MSEC))
			isolate_look_at_refused(c->desk.isolator);
		if (c->turn && due(&turned, TURN_MSEC))
			c->turn(c->desk.ctx, c->desk.isolator);
	}
	return NULL;
}

struct control *control_open(const struct control_options *o, struct isolator *i, struct err *e)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->repair = o->repair;
	c->turn = o->turn;
	c->desk = (struct control_desk){.isolator = i,
					.spare_ingress = o->spare_ingress,
					.egress = o->egress,
					.ingress = o->ingress,
					.samples = o->samples,
					.names = o->names,
					.ctx = o->ctx};
	c->path = xstrdup(o->path);
	int fd = listen_unix(c->path, o->group, e);
	if (fd < 0)
		goto fail;
	c->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, &c->desk,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
				     on_done, NULL, MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_S,
				     MHD_OPTION_CONNECTION_LIMIT, MAX_CLIENTS, MHD_OPTION_END);
	if (!c->daemon) {
		close(fd);
		err_set(e, ERR_FAILED, "cannot serve %s", c->path);
		goto fail;
	}
	return c;
fail:
	control_close(c);
	return NULL;
}

int control_start(struct control *c, struct err *e)
{
	int why = pthread_create(&c->thread, NULL, serve, c);

	if (why)
		return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	c->running = true;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	atomic_store(&c->stop, true);
	if (c->running)
		pthread_join(c->thread, NULL);
	if (c->daemon) {
		MHD_stop_daemon(c->daemon);
		unlink(c->path);
	}
	isolate_close(c->desk.isolator);
	free(c->path);
	free(c);
}
