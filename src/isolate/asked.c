/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/asked.h"

#include <jansson.h>
#include <stdio.h>

#define VERSION 1

/* Of one container, for json_pack, and with another letter for its cpus for json_unpack. */
#define SHAPE	    "{s:I,s:I,s:I}"
#define ASKED(cpus) "{s:s,s:I,s:s,s:s,s:I,s:I,s:" cpus ",s:" SHAPE ",s:" SHAPE "}"

int id_valid(const char *id, struct err *e)
{
	size_t n = strlen(id);

	if (str_eq(id, "host"))
		return err_set(e, ERR_USAGE, "container id 'host': that is the host itself");
	if (!n || n >= DP_ID_SIZE || id[0] == '.' ||
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n)
		return err_set(e, ERR_USAGE,
			       "container id '%.40s': 1 to %d letters, digits, '.', '_' and '-' "
			       "are wanted",
			       id, DP_ID_SIZE - 1);
	return 0;
}

/* ---- writing ---- */

static json_int_t number(uint64_t n)
{
	return (json_int_t)MIN(n, (uint64_t)INT64_MAX);
}

char *asked_text(const struct asked *a)
{
	struct text ports = {0};

	port_set_text(&ports, &a->ports);
	cleanup_free char *ephemeral = xasprintf("%u-%u", a->ephemeral_begin, a->ephemeral_end);
	json_t *j = json_pack(ASKED("f"), "id", a->id, "slot", number(a->slot), "ports",
			      text_cstr(&ports), "ephemeral_ports", ephemeral, "until",
			      number(a->until), "begun", number(a->begun), "cpus", a->cpus,
			      "egress", "rate", number(a->egress.rate), "ceil",
			      number(a->egress.ceil), "burst", number(a->egress.burst), "ingress",
			      "rate", number(a->ingress.rate), "ceil", number(a->ingress.ceil),
			      "burst", number(a->ingress.burst));
	char *line = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	text_done(&ports);
	return line;
}

void asked_join(char *const lines[], size_t n, struct text *out)
{
	const char *before = "\n";

	text_fmt(out, "{\"version\":%d,\"containers\":[", VERSION);
	for (size_t k = 0; k < n; k++) {
		if (!lines[k])
			continue;
		text_str(out, before);
		text_str(out, lines[k]);
		before = ",\n";
	}
	text_str(out, "\n]}\n");
}

/* ---- reading ---- */

static int take_shape(const char *what, const json_int_t from[3], struct shape *to, struct err *e)
{
	for (unsigned k = 0; k < 3; k++)
		if (from[k] < 0)
			return err_set(e, ERR_FAILED, "%s: less than nothing", what);
	*to = (struct shape){(uint64_t)from[0], (uint64_t)from[1], (uint64_t)from[2]};
	return 0;
}

static int take_ephemeral(const char *text, struct asked *a, struct err *e)
{
	struct port_set s = {0};

	if (port_set_parse(text, strlen(text), &s, e))
		return -1;
	if (!port_set_next_range(&s, 0, &a->ephemeral_begin, &a->ephemeral_end) ||
	    port_set_count(&s) != a->ephemeral_end - a->ephemeral_begin + 1 ||
	    port_set_intersects(&s, &a->ports, NULL))
		return err_set(e, ERR_FAILED, "ephemeral_ports: one range of its own is wanted");
	return 0;
}

static int take_one(json_t *j, struct asked *a, struct err *e)
{
	const char *id, *ports, *ephemeral;
	json_int_t egress[3], ingress[3], slot, until, begun;
	json_error_t why;

	*a = (struct asked){0};
	if (json_unpack_ex(j, &why, JSON_STRICT, ASKED("F"), "id", &id, "slot", &slot, "ports",
			   &ports, "ephemeral_ports", &ephemeral, "until", &until, "begun", &begun,
			   "cpus", &a->cpus, "egress", "rate", &egress[0], "ceil", &egress[1],
			   "burst", &egress[2], "ingress", "rate", &ingress[0], "ceil", &ingress[1],
			   "burst", &ingress[2]))
		return err_set(e, ERR_FAILED, "%s", why.text);
	if (id_valid(id, e))
		return -1;
	snprintf(a->id, sizeof(a->id), "%s", id);
	if (slot < 1 || slot >= DP_SLOTS)
		return err_set(e, ERR_FAILED, "slot %lld: 1 to %d are wanted", (long long)slot,
			       DP_SLOTS - 1);
	a->slot = (uint32_t)slot;
	if (until < 0 || until > INT32_MAX || begun < 0)
		return err_set(e, ERR_FAILED, "until, begun: a process is wanted");
	a->until = (uint64_t)until;
	a->begun = (uint64_t)begun;
	if (!(a->cpus >= 0 && a->cpus <= ASKED_CPUS_MAX))
		return err_set(e, ERR_FAILED, "cpus: 0 to %.0f are wanted", ASKED_CPUS_MAX);
	if (port_set_parse(ports, strlen(ports), &a->ports, e) || take_ephemeral(ephemeral, a, e) ||
	    take_shape("egress", egress, &a->egress, e))
		return -1;
	return take_shape("ingress", ingress, &a->ingress, e);
}

static int each(json_t *list, void (*fn)(void *ctx, const struct asked *a), void *ctx,
		struct err *e)
{
	struct asked a;
	json_t *one;
	size_t k;

	json_array_foreach(list, k, one)
	{
		if (take_one(one, &a, e))
			return err_wrap(e, "container %zu", k + 1);
		if (fn)
			fn(ctx, &a);
	}
	return 0;
}

int asked_parse(const char *text, size_t n, void (*fn)(void *ctx, const struct asked *a), void *ctx,
		struct err *e)
{
	json_error_t why;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	json_t *list = json_object_get(root, "containers");
	json_int_t version = json_integer_value(json_object_get(root, "version"));
	int status = -1;

	if (!root)
		err_set(e, ERR_FAILED, "line %d: %s", why.line, why.text);
	else if (version != VERSION)
		err_set(e, ERR_FAILED, "version %d is wanted", VERSION);
	else if (!json_is_array(list) || json_object_size(root) != 2)
		err_set(e, ERR_FAILED, "a list of containers is wanted");
	else if (!each(list, NULL, NULL, e))
		status = each(list, fn, ctx, NULL);
	json_decref(root);
	return status;
}
