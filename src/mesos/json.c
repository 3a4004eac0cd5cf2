/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/inside.h"

#include <math.h>
#include <stdlib.h>

#define DEPTH_MAX	 64u
#define NAME_MAX_BYTES	 4096u
#define LABELS_MAX_BYTES 65536u
#define RANGES_MAX	 4096u

/* Before the parser recurses and allocates; what is no JSON at all it finds itself. */
static bool too_deep(const char *text, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

json_t *json_text(const char *text, size_t n, const char *kind, struct err *e)
{
	json_error_t why;

	if (too_deep(text, n)) {
		err_set(e, ERR_FAILED, "%s: nested deeper than %u", kind, DEPTH_MAX);
		return NULL;
	}
	/* Integers beyond 64 bits must not cost the whole answer, nor must a \u0000 in a label. */
	json_t *root = json_loadb(text, n, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);
	if (!root)
		err_set(e, ERR_FAILED, "%s: no valid JSON: line %d: %s", kind, why.line, why.text);
	return root;
}

/* Control characters (C0, DEL, and C1 in UTF-8) become '?'. */
static void put_clean(struct text *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)p[i];
		bool c1 = c == 0xc2 && i + 1 < n && (uint8_t)p[i + 1] < 0xa0;
		text_char(t, c < 0x20 || c == 0x7f || c1 ? '?' : p[i]);
		i += c1;
	}
}

static const char *json_clean(struct mesos_builder *b, const json_t *string)
{
	size_t n = json_string_length(string);

	if (!n || n > NAME_MAX_BYTES)
		return NULL;
	struct text t = {0};
	put_clean(&t, json_string_value(string), n);
	const char *s = strings_add(&b->s->strings, t.data, t.len);
	text_done(&t);
	return s;
}

const char *json_name(struct mesos_builder *b, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_clean(b, json_is_object(v) ? json_object_get(v, "value") : v);
}

const char *json_either(struct mesos_builder *b, const json_t *o, const char *key,
			const char *other)
{
	const char *s = json_name(b, o, key);

	return s ? s : json_name(b, o, other);
}

double json_number(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) && isfinite(json_number_value(v)) ? json_number_value(v)
								   : otherwise;
}

bool json_truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void put_label(struct text *t, const char *key, size_t n, const json_t *value)
{
	const char *v = json_string_value(value);
	size_t room = v ? json_string_length(value) : 0;

	if (!n || t->len + 3 * (n + room) + 2 > LABELS_MAX_BYTES)
		return;
	if (t->len)
		text_char(t, '\n');
	text_percent(t, key, n, "=");
	text_char(t, '=');
	if (v)
		text_percent(t, v, room, "");
}

const char *json_labels(struct mesos_builder *b, const json_t *labels)
{
	struct text t = {0};
	const char *key, *list = NULL;
	json_t *value;
	size_t i;

	if (json_is_array(json_object_get(labels, "labels")))
		labels = json_object_get(labels, "labels");
	if (json_is_object(labels)) {
		json_object_foreach((json_t *)labels, key, value)
			put_label(&t, key, strlen(key), value);
	} else if (json_is_array(labels)) {
		json_array_foreach(labels, i, value)
		{
			const json_t *k = json_object_get(value, "key");
			put_label(&t, json_string_value(k), json_string_length(k),
				  json_object_get(value, "value"));
		}
	}
	if (t.len)
		list = strings_add(&b->s->strings, t.data, t.len);
	text_done(&t);
	return list;
}

static const char *blanks(const char *s)
{
	return s + strspn(s, " ");
}

/* A port number; *s moves behind it. -1 = none. */
static int port_number(const char **s)
{
	int v = 0;
	const char *p = blanks(*s);

	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (*p - '0');
		if (v > UINT16_MAX)
			return -1;
	}
	*s = blanks(p);
	return v;
}

static void put_range(struct text *t, unsigned first, unsigned last)
{
	if (t->len)
		text_char(t, ',');
	text_u64(t, first);
	if (last > first) {
		text_char(t, '-');
		text_u64(t, last);
	}
}

/* "[31000-31007, 31016-31016]", as the state writes it. */
static void put_range_text(struct text *t, const char *s)
{
	if (*s++ != '[')
		return;
	for (unsigned i = 0; i < RANGES_MAX; i++) {
		int first = port_number(&s);
		if (first < 0 || *s++ != '-')
			break;
		int last = port_number(&s);
		if (last < first)
			break;
		put_range(t, (unsigned)first, (unsigned)last);
		if (*s++ != ',')
			break;
	}
}

/* [{"begin": 31000, "end": 31007}], as /api/v1 writes it. */
static void put_range_list(struct text *t, const json_t *ranges)
{
	size_t i;
	json_t *range;

	json_array_foreach(ranges, i, range)
	{
		double first = json_number(range, "begin", -1);
		double last = json_number(range, "end", -1);
		if (i < RANGES_MAX && first >= 0 && last >= first && last <= UINT16_MAX)
			put_range(t, (unsigned)first, (unsigned)last);
	}
}

const char *json_ports(struct mesos_builder *b, const json_t *resources)
{
	const char *s = json_string_value(json_object_get(resources, "ports")), *out = NULL;
	struct text t = {0};
	size_t i;
	json_t *one;

	if (s)
		put_range_text(&t, s);
	json_array_foreach(resources, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		if (name && str_eq(name, "ports"))
			put_range_list(&t,
				       json_object_get(json_object_get(one, "ranges"), "range"));
	}
	if (t.len)
		out = strings_add(&b->s->strings, t.data, t.len);
	text_done(&t);
	return out;
}
