/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked over the control socket, and its answers. */
#include "http/control.h"
#include "http/statistics.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- answers ---- */

void control_refuse(struct answer *a, unsigned status, const char *why)
{
	a->status = status;
	a->json = json_pack("{s:s}", "error", why);
}

static void refuse_err(struct answer *a, const struct err *e)
{
	control_refuse(a,
		       e->code == ERR_USAGE ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
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
	if (c->ending)
		json_object_set_new(one, "ending", json_true());
	else if (c->missing >= 0)
		json_object_set_new(one, "missing", json_integer(c->missing));
	add_interface(one, c);
	json_array_append_new(ctx, one);
	text_done(&ports);
	return 0;
}

static void add_names(const struct control_desk *c, json_t *containers)
{
	json_t *one;
	size_t k;

	json_array_foreach(containers, k, one)
	{
		const char *meta[META_KEYS] = {0};
		c->names(c->ctx, json_string_value(json_object_get(one, "id")), meta);
		if (meta[META_APP])
			json_object_set_new(one, "app", json_string(meta[META_APP]));
		if (meta[META_TASK])
			json_object_set_new(one, "task", json_string(meta[META_TASK]));
	}
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

static void list(struct control_desk *c, const char *id, const struct text *body, struct answer *a)
{
	struct text ports = {0}, ephemeral = {0};
	json_t *containers = json_array(), *foreign = json_array();
	struct isolate_room room;

	(void)id;
	(void)body;
	isolate_each(c->isolator, NULL, add_container, containers);
	isolate_each_foreign(c->isolator, add_foreign, foreign);
	add_names(c, containers);
	add_names(c, foreign);
	isolate_room(c->isolator, &room);
	port_set_text(&ports, &room.ports);
	port_set_text(&ephemeral, &room.ephemeral);
	a->status = MHD_HTTP_OK;
	a->json = json_pack("{s:o,s:o,s:{s:i}}", "containers", containers, "foreign", foreign,
			    "free", "containers", (int)room.containers);
	add_text(json_object_get(a->json, "free"), "ports", &ports);
	add_text(json_object_get(a->json, "free"), "ephemeral_ports", &ephemeral);
}

static void show_one(struct control_desk *c, const char *id, const struct text *body,
		     struct answer *a)
{
	json_t *found = json_array();

	(void)body;
	isolate_each(c->isolator, id, add_container, found);
	add_names(c, found);
	a->json = json_incref(json_array_get(found, 0));
	json_decref(found);
	if (a->json)
		a->status = MHD_HTTP_OK;
	else
		control_refuse(a, MHD_HTTP_NOT_FOUND, "no such container");
}

static void explain(struct control_desk *c, const char *id, const struct text *body,
		    struct answer *a)
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

static void all_samples(struct control_desk *c, const char *id, const struct text *body,
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

static void one_sample(struct control_desk *c, const char *id, const struct text *body,
		       struct answer *a)
{
	struct choosing x = {id, &a->text};

	(void)body;
	c->samples(c->ctx, add_sample, &x);
	a->text_is_json = true;
	if (a->text.len)
		a->status = MHD_HTTP_OK;
	else
		control_refuse(a, MHD_HTTP_NOT_FOUND, "no such container");
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
	static const char *const known[] = {"netns", "pid",    "until",	 "ports",
					    "cpus",  "egress", "ingress"};
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

static int parse_request(struct control_desk *c, const json_t *root, struct isolate_request *r,
			 char netns[64], struct err *e)
{
	const json_t *ports = json_object_get(root, "ports"), *pid = json_object_get(root, "pid");
	const json_t *path = json_object_get(root, "netns"), *cpus = json_object_get(root, "cpus");
	const json_t *until = json_object_get(root, "until");

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
	if (until && (!json_is_integer(until) || json_integer_value(until) < 1 ||
		      json_integer_value(until) > INT32_MAX))
		return err_set(e, ERR_USAGE, "until: the number of a process is wanted");
	r->until = (uint32_t)json_integer_value(until);
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

static void change(struct control_desk *c, const char *id, bool attach, const struct text *body,
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

static void attach(struct control_desk *c, const char *id, const struct text *body,
		   struct answer *a)
{
	change(c, id, true, body, a);
}

static void update(struct control_desk *c, const char *id, const struct text *body,
		   struct answer *a)
{
	change(c, id, false, body, a);
}

static void detach(struct control_desk *c, const char *id, const struct text *body,
		   struct answer *a)
{
	struct err e = {0};

	(void)body;
	if (isolate_detach(c->isolator, id, &e)) {
		control_refuse(a,
			       e.code == ERR_USAGE ? MHD_HTTP_NOT_FOUND
						   : MHD_HTTP_INTERNAL_SERVER_ERROR,
			       e.message);
		return;
	}
	a->status = MHD_HTTP_OK;
	a->json = json_object();
}

static const struct route {
	const char *method, *path; /* "*" stands for the id of a container */
	void (*run)(struct control_desk *c, const char *id, const struct text *body,
		    struct answer *a);
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

void control_answer(struct control_desk *c, const char *method, const char *url,
		    const struct text *body, struct answer *a)
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
	control_refuse(a, status,
		       status == MHD_HTTP_NOT_FOUND ? "no such resource"
						    : "no such method for this resource");
}
