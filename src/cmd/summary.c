/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"
#include "cmd/printer.h"

#include <stdlib.h>

#define SUMMARY_MAX_ROWS (1u << 20)

struct row {
	char *key;
	uint64_t events, packets, bytes;
};

struct summary {
	const struct field *field;
	char *arg;
	struct strmap *by_key;
	struct row *rows;
	size_t count, cap;
	uint64_t beyond; /* events whose key found no place any more */
	struct text scratch, key;
};

struct summary *summary_new(const char *field, struct err *e)
{
	size_t used;
	char *arg = NULL;
	const struct field *f = field_find(field, strlen(field), &used, &arg);

	if (!f || field[used]) {
		const char *near = field_nearest(field, strlen(field));
		free(arg);
		err_set(e, ERR_USAGE, "no field named '%.80s'%s%s%s", field,
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
		return NULL;
	}
	struct summary *s = xcalloc(1, sizeof(*s));
	s->field = f;
	s->arg = arg;
	s->by_key = strmap_new();
	return s;
}

void summary_free(struct summary *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->rows[i].key);
	free(s->rows);
	free(s->arg);
	strmap_free(s->by_key);
	text_done(&s->scratch);
	text_done(&s->key);
	free(s);
}

bool summary_needs(const struct summary *s, unsigned flags)
{
	return s->field->flags & flags;
}

static struct row *row_for(struct summary *s, const char *key)
{
	int64_t found = strmap_find(s->by_key, key);

	if (found >= 0)
		return &s->rows[found];
	if (s->count >= SUMMARY_MAX_ROWS)
		return NULL;
	strmap_put(s->by_key, key, (uint32_t)s->count);
	GROW(s->rows, s->count, s->cap);
	s->rows[s->count] = (struct row){.key = xstrdup(key)};
	return &s->rows[s->count++];
}

static struct row *row_of(struct summary *s, struct context *c)
{
	struct value v[FIELD_MAX_VALUES];

	text_reset(&s->scratch);
	text_reset(&s->key);
	unsigned n = s->field->get(s->field, s->arg, c, &s->scratch, v);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_char(&s->key, ',');
		value_text(&s->key, s->field, &v[i]);
	}
	return row_for(s, n ? text_cstr(&s->key) : "<NA>");
}

static void add(struct summary *s, struct context *c, uint64_t events, uint64_t packets,
		uint64_t bytes)
{
	struct row *r = row_of(s, c);

	if (!r) {
		s->beyond += events;
		return;
	}
	r->events += events;
	r->packets += packets;
	r->bytes += bytes;
}

void summary_event(struct summary *s, struct context *c)
{
	bool packet = c->ev->type == EVENT_PACKET;

	add(s, c, 1, packet, packet ? c->ev->len : 0);
}

bool summary_part_enough(const struct summary *s, const struct table_part *p)
{
	return s->field->scope == SCOPE_TYPE ||
	       (s->field->scope == SCOPE_CONTAINER && p->container);
}

void summary_part(struct summary *s, const struct table_part *p)
{
	struct event ev = {.type = EVENT_PACKET};
	struct context c = {.ev = &ev, .container = p->container, .iface = p->iface};

	if (p->packets)
		add(s, &c, p->packets, p->packets, p->bytes);
}

static int most_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	return strcmp(x->key, y->key);
}

static void print_json(const struct summary *s, struct text *out)
{
	for (size_t i = 0; i < s->count; i++) {
		text_str(out, "{\"");
		text_str(out, s->field->name);
		text_str(out, "\":\"");
		text_json(out, s->rows[i].key, strlen(s->rows[i].key));
		text_str(out, "\",\"events\":");
		text_u64(out, s->rows[i].events);
		text_str(out, ",\"packets\":");
		text_u64(out, s->rows[i].packets);
		text_str(out, ",\"bytes\":");
		text_u64(out, s->rows[i].bytes);
		text_str(out, "}\n");
	}
}

void summary_print(struct summary *s, bool json, struct text *out)
{
	if (s->count)
		qsort(s->rows, s->count, sizeof(*s->rows), most_first);
	if (json) {
		print_json(s, out);
		return;
	}
	text_fmt(out, "%10s %10s %14s  %s\n", "events", "packets", "bytes", s->field->name);
	for (size_t i = 0; i < s->count; i++) {
		const struct row *r = &s->rows[i];
		text_fmt(out, "%10llu %10llu %14llu  ", (unsigned long long)r->events,
			 (unsigned long long)r->packets, (unsigned long long)r->bytes);
		text_plain(out, r->key, strlen(r->key));
		text_char(out, '\n');
	}
	if (s->beyond)
		text_fmt(out, "%10llu events of keys beyond the first %u\n",
			 (unsigned long long)s->beyond, SUMMARY_MAX_ROWS);
}
