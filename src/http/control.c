/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"
#include "http/statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
	bool repair, spare_ingress;
	void (*turn)(void *ctx, struct isolator *i);
	const struct limit_flags *egress, *ingress;
	void (*samples)(void *ctx, void (*fn)(void *to, const struct control_sample *s), void *to);
	void *ctx;
	struct isolator *isolator;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool running;
	atomic_bool stop;
};

/* ---- answers ---- */

struct answer {
	unsigned status;
	json_t *json;	  /* owned, or NULL */
	struct text text; /* instead of it */
	bool text_is_json;
};

static void refuse(struct answer *a, unsigned status, const char *why)
{
	a->status = status;
	a->json = json_pack("{s:s}", "error", why);
}

static void refuse_err(struct answer *a, const struct err *e)
{
	refuse(a, e->code == ERR_USAGE ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
	       e->message);
}

static json_t *shape_json(const struct shape *s)
{
	return s->rate ? json_pack("{s:I,s:I,s:I}", "rate", (json_int_t)s->rate, "ceil",
				   (json_int_t)s->ceil, "burst", (json_int_t)s->burst)
		       : json_null();
}

static void add_text(json_t *to, const char *key, struct text *value)
{
	json_object_set_new(to, key, json_string(text_cstr(value)));
	text_done(value);
}

static void add_interface(json_t *to, const struct isolate_container *c)
{
	static const uint8_t none[16];
	struct text address = {0}, gateway = {0}, mac = {0}, address6 = {0}, gateway6 = {0};

	text_ipv4(&address, c->address);
	text_fmt(&address, "/%u", c->prefix);
	text_ipv4(&gateway, c->gateway);
	text_mac(&mac, c->mac);
	text_ipv6(&address6, c->address6);
	text_fmt(&address6, "/%u", c->prefix6);
	text_ipv6(&gateway6, c->gateway6);
	json_object_set_new(to, "interface", json_string(c->interface));
	add_text(to, "address", &address);
	if (memcmp(c->gateway, none, sizeof(c->gateway)))
		add_text(to, "gateway", &gateway);
	if (memcmp(c->address6, none, sizeof(c->address6)))
		add_text(to, "address6", &address6);
	if (memcmp(c->gateway6, none, sizeof(c->gateway6)))
		add_text(to, "gateway6", &gateway6);
	add_text(to, "mac", &mac);
	json_object_set_new(to, "netns_inode", json_integer((json_int_t)c->netns_inode));
	text_done(&gateway);
	text_done(&address6);
	text_done(&gateway6);
}

static int add_container(void *ctx, const struct isolate_container *c)
{
	static const char *const names[DP_COUNTERS] = {"foreign_port", "spoofed", "fragment",
						       "other"};
	struct text ports = {0};
	json_t *refused = json_object();

	port_set_text(&ports, c->ports);
	for (unsigned k = 0; k < DP_COUNTERS; k++)
		json_object_set_new(refused, names[k], json_integer((json_int_t)c->refused[k]));
	json_t *one = json_pack("{s:s,s:s,s:s,s:{s:i,s:i},s:o,s:o,s:o}", "id", c->id, "veth",
				c->veth, "ports", text_cstr(&ports), "ephemeral_ports", "begin",
				(int)c->ephemeral_begin, "end", (int)c->ephemeral_end, "egress",
				shape_json(&c->egress), "ingress", shape_json(&c->ingress),
				"refused", refused);
	if (c->missing >= 0)
		json_object_set_new(one, "missing", json_integer(c->missing));
	add_interface(one, c);
	json_array_append_new(ctx, one);
	text_done(&ports);
	return 0;
}

static void add_foreign(void *ctx, const struct isolate_foreign *f)
{
	struct text ports = {0};

	port_set_text(&ports, f->ports);
	json_t *one = json_pack("{s:s?,s:s,s:s,s:o,s:o}", "id", f->id, "veth", f->veth, "ports",
				text_cstr(&ports), "egress", shape_json(&f->egress), "ingress",
				shape_json(&f->ingress));
	if (f->ephemeral_begin)
		json_object_set_new(one, "ephemeral_ports",
				    json_pack("{s:i,s:i}", "begin", (int)f->ephemeral_begin, "end",
					      (int)f->ephemeral_end));
	if (f->why)
		json_object_set_new(one, "why", json_string(f->why));
	json_array_append_new(ctx, one);
	text_done(&ports);
}

static void list(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	struct text ports = {0}, ephemeral = {0};
	json_t *containers = json_array(), *foreign = json_array();
	struct isolate_room room;

	(void)id;
	(void)body;
	isolate_each(c->isolator, NULL, add_container, containers);
	isolate_each_foreign(c->isolator, add_foreign, foreign);
	isolate_room(c->isolator, &room);
	port_set_text(&ports, &room.ports);
	port_set_text(&ephemeral, &room.ephemeral);
	a->status = MHD_HTTP_OK;
	a->json = json_pack("{s:o,s:o,s:{s:i}}", "containers", containers, "foreign", foreign,
			    "free", "containers", (int)room.containers);
	add_text(json_object_get(a->json, "free"), "ports", &ports);
	add_text(json_object_get(a->json, "free"), "ephemeral_ports", &ephemeral);
}

static void show_one(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	json_t *found = json_array();

	(void)body;
	isolate_each(c->isolator, id, add_container, found);
	a->json = json_incref(json_array_get(found, 0));
	json_decref(found);
	if (a->json)
		a->status = MHD_HTTP_OK;
	else
		refuse(a, MHD_HTTP_NOT_FOUND, "no such container");
}

static void explain(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	struct err e = {0};

	(void)body;
	if (isolate_explain(c->isolator, str_eq(id, "host") ? NULL : id, &a->text, &e)) {
		refuse_err(a, &e);
		return;
	}
	a->status = MHD_HTTP_OK;
}

struct choosing {
	const char *id; /* NULL = all */
	struct text *found;
};

static void add_sample(void *ctx, const struct control_sample *s)
{
	struct choosing *x = ctx;

	if (x->id && !str_eq(x->id, s->id) && !str_eq(x->id, s->container))
		return;
	if (x->found->len && x->found->data[x->found->len - 1] == '}')
		text_char(x->found, ',');
	text_str(x->found, "{\"id\":");
	text_quoted(x->found, s->id);
	if (*s->container) {
		text_str(x->found, ",\"container_id\":");
		text_quoted(x->found, s->container);
	}
	text_str(x->found, ",\"statistics\":");
	statistics_text(x->found, s->ts, s->counters);
	text_char(x->found, '}');
}

static void all_samples(struct control *c, const char *id, const struct text *body,
			struct answer *a)
{
	struct choosing x = {.found = &a->text};

	(void)id;
	(void)body;
	text_str(&a->text, "{\"containers\":[");
	c->samples(c->ctx, add_sample, &x);
	text_str(&a->text, "]}");
	a->status = MHD_HTTP_OK;
	a->text_is_json = true;
}

static void one_sample(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	struct choosing x = {id, &a->text};

	(void)body;
	c->samples(c->ctx, add_sample, &x);
	a->text_is_json = true;
	if (a->text.len)
		a->status = MHD_HTTP_OK;
	else
		refuse(a, MHD_HTTP_NOT_FOUND, "no such container");
}

/* ---- requests ---- */

/* What is not named comes from the flags of dredged. */
static int take_shape(const json_t *root, const char *key, const struct limit_flags *flags,
		      double cpus, struct shape *out, struct err *e)
{
	const json_t *v = json_object_get(root, key);
	static const char *const names[] = {"rate", "ceil", "burst"};
	uint64_t *to[] = {&out->rate, &out->ceil, &out->burst};

	if (!v || json_is_null(v)) {
		*out = shape_for(flags, cpus);
		return 0;
	}
	if (!json_is_integer(json_object_get(v, "rate")))
		return err_set(e, ERR_USAGE, "%s: an object with a rate is wanted", key);
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
		const json_t *n = json_object_get(v, names[k]);
		if (n && (!json_is_integer(n) || json_integer_value(n) < 0))
			return err_set(e, ERR_USAGE, "%s.%s: a number of bytes is wanted", key,
				       names[k]);
		*to[k] = (uint64_t)json_integer_value(n);
	}
	return 0;
}

/* Of a word that is misspelt nobody would know. */
static int check_keys(json_t *root, struct err *e)
{
	static const char *const known[] = {"netns", "pid", "ports", "cpus", "egress", "ingress"};
	const char *key;
	json_t *value;

	if (!json_is_object(root))
		return err_set(e, ERR_USAGE, "a JSON object is wanted");
	json_object_foreach(root, key, value)
	{
		size_t k = 0;
		while (k < ARRAY_SIZE(known) && !str_eq(known[k], key))
			k++;
		if (k == ARRAY_SIZE(known))
			return err_set(e, ERR_USAGE, "'%.40s' is not known here", key);
	}
	return 0;
}

static int parse_request(struct control *c, const json_t *root, struct isolate_request *r,
			 char netns[64], struct err *e)
{
	const json_t *ports = json_object_get(root, "ports"), *pid = json_object_get(root, "pid");
	const json_t *path = json_object_get(root, "netns"), *cpus = json_object_get(root, "cpus");

	if (ports && !json_is_string(ports))
		return err_set(e, ERR_USAGE, "ports: a text as \"31000-31007,31016\" is wanted");
	if (ports)
		r->ports = (struct port_set){0};
	if (ports &&
	    port_set_parse(json_string_value(ports), json_string_length(ports), &r->ports, e))
		return -1;
	if (cpus && (!json_is_number(cpus) || json_number_value(cpus) < 0))
		return err_set(e, ERR_USAGE, "cpus: a number is wanted");
	if (cpus)
		r->cpus = json_number_value(cpus);
	if (json_is_integer(pid) && json_integer_value(pid) > 0) {
		snprintf(netns, 64, "/proc/%lld/ns/net", (long long)json_integer_value(pid));
		r->netns = netns;
	} else if (json_is_string(path)) {
		r->netns = json_string_value(path);
	}
	r->spare_ingress = c->spare_ingress && !json_is_object(json_object_get(root, "ingress"));
	if (take_shape(root, "egress", c->egress, r->cpus, &r->egress, e))
		return -1;
	return take_shape(root, "ingress", c->ingress, r->cpus, &r->ingress, e);
}

/* What an update that does not name it leaves as it is. */
static int keep(void *ctx, const struct isolate_container *has)
{
	struct isolate_request *r = ctx;

	r->ports = *has->ports;
	r->cpus = has->cpus;
	return 1;
}

static void change(struct control *c, const char *id, bool attach, const struct text *body,
		   struct answer *a)
{
	json_t *root = json_loadb(body->data ? body->data : "", body->len, JSON_REJECT_DUPLICATES,
				  NULL);
	struct isolate_request r = {.id = id};
	struct err e = {0};
	char netns[64];
	int status = -1;

	if (!attach)
		isolate_each(c->isolator, id, keep, &r);
	if (!root)
		err_set(&e, ERR_USAGE, "the body is no JSON");
	else if (!check_keys(root, &e) && !parse_request(c, root, &r, netns, &e) && attach &&
		 !r.netns)
		err_set(&e, ERR_USAGE, "netns or pid is wanted");
	else if (!e.code)
		status = attach ? isolate_attach(c->isolator, &r, &e)
				: isolate_update(c->isolator, &r, &e);
	json_decref(root);
	if (status)
		refuse_err(a, &e);
	else
		show_one(c, id, NULL, a);
}

static void attach(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	change(c, id, true, body, a);
}

static void update(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	change(c, id, false, body, a);
}

static void detach(struct control *c, const char *id, const struct text *body, struct answer *a)
{
	struct err e = {0};

	(void)body;
	if (isolate_detach(c->isolator, id, &e)) {
		refuse(a, e.code == ERR_USAGE ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR,
		       e.message);
		return;
	}
	a->status = MHD_HTTP_OK;
	a->json = json_object();
}

static const struct route {
	const char *method, *path; /* "*" stands for the id of a container */
	void (*run)(struct control *c, const char *id, const struct text *body, struct answer *a);
} routes[] = {
	{"GET", "/v1/isolation", list},		{"GET", "/v1/isolation/*", show_one},
	{"PUT", "/v1/isolation/*", attach},	{"PATCH", "/v1/isolation/*", update},
	{"DELETE", "/v1/isolation/*", detach},	{"GET", "/v1/isolation/*/plan", explain},
	{"GET", "/v1/statistics", all_samples}, {"GET", "/v1/statistics/*", one_sample},
};

/* *id, *n: what stands for the "*". A '/' at the end changes nothing. */
static bool path_matches(const char *path, const char *url, const char **id, size_t *n)
{
	for (; *path; path++) {
		if (*path != '*') {
			if (*url++ != *path)
				return false;
			continue;
		}
		*id = url;
		*n = strcspn(url, "/");
		url += *n;
		if (!*n)
			return false;
	}
	return !*url || str_eq(url, "/");
}

static void route(struct control *c, const char *method, const char *url, const struct text *body,
		  struct answer *a)
{
	unsigned status = MHD_HTTP_NOT_FOUND;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		const char *id = "";
		size_t n = 0;
		if (!path_matches(routes[i].path, url, &id, &n))
			continue;
		if (str_eq(method, routes[i].method)) {
			cleanup_free char *copy = xstrndup(id, n);
			routes[i].run(c, copy, body, a);
			return;
		}
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	refuse(a, status,
	       status == MHD_HTTP_NOT_FOUND ? "no such resource"
					    : "no such method for this resource");
}

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
		refuse(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than 64 KiB");
	else
		route(cls, method, url, body, &a);
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
				     {.fd = isolate_fd(c->isolator), .events = POLLIN}};
		poll(p, ARRAY_SIZE(p), NOTICE_MSEC);
		MHD_run(c->daemon);
		bool noticed = isolate_notice(c->isolator);
		if (due(&looked, noticed ? NOTICE_MSEC : REPAIR_MSEC))
			isolate_look(c->isolator, c->repair, REPAIR_BUDGET);
		if (due(&counted, REFUSED_MSEC))
			isolate_look_at_refused(c->isolator);
		if (c->turn && due(&turned, TURN_MSEC))
			c->turn(c->ctx, c->isolator);
	}
	return NULL;
}

struct control *control_open(const struct control_options *o, struct isolator *i, struct err *e)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->isolator = i;
	c->repair = o->repair;
	c->turn = o->turn;
	c->spare_ingress = o->spare_ingress;
	c->egress = o->egress;
	c->ingress = o->ingress;
	c->samples = o->samples;
	c->ctx = o->ctx;
	c->path = xstrdup(o->path);
	int fd = listen_unix(c->path, o->group, e);
	if (fd < 0)
		goto fail;
	c->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, c,
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
	if (pthread_create(&c->thread, NULL, serve, c))
		return err_sys(e, "cannot start a thread");
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
	isolate_close(c->isolator);
	free(c->path);
	free(c);
}
