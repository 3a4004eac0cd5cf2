/* SPDX-License-Identifier: Apache-2.0 */
#include "http/statistics.h"

#include <pthread.h>

/* Where "GROUP.name" belongs. Counters of one place follow each other in counters.def. */
struct place {
	const char *outer; /* member of the statistics that holds the group; NULL = none */
	const char *group; /* NULL = none */
	size_t group_len;
	char *key; /* "\"name\":" */
	size_t key_len;
	enum counter_kind kind;
	bool listed;	  /* the groups of the outer member are a list of objects with an id */
	bool real;	  /* in Mesos' message a double, though it counts */
	unsigned section; /* counters of the same are neighbours in one object; 0 = the outermost */
};

static struct place places[COUNTERS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool ends(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n >= m && !memcmp(s + n - m, end, m);
}

static void place_of(const struct counter_row *row, struct place *p)
{
	const char *dot = strchr(row->name, '.');

	p->key = xasprintf("\"%s\":", dot ? dot + 1 : row->name);
	p->key_len = strlen(p->key);
	p->kind = row->kind;
	p->group = dot ? row->name : NULL;
	p->group_len = dot ? (size_t)(dot - row->name) : 0;
	p->real = str_starts(row->name, "net_tcp_");
	p->listed = ends(row->name, p->group_len, "bw_limit") ||
		    ends(row->name, p->group_len, "bloat_reduction");
	if (p->listed)
		p->outer = "net_traffic_control_statistics";
	else if (ends(row->name, p->group_len, "_stats"))
		p->outer = "net_snmp_statistics";
	else if (ends(row->name, p->group_len, "_rate") || str_starts(row->name, "sampling_"))
		p->outer = "net_rate_statistics";
}

static bool same_group(const struct place *a, const struct place *b)
{
	return a->group_len == b->group_len &&
	       (!a->group_len || !memcmp(a->group, b->group, a->group_len));
}

static void place_all(void)
{
	static const struct place root;
	const struct place *last = &root;
	unsigned sections = 0;

	for (unsigned i = 0; i < COUNTERS; i++) {
		struct place *p = &places[i];
		place_of(&counter_rows[i], p);
		if (p->outer || p->group_len)
			p->section = p->outer == last->outer && same_group(p, last) ? last->section
										    : ++sections;
		last = p;
	}
}

void text_quoted(struct text *t, const char *s)
{
	if (!s) {
		text_str(t, "null");
		return;
	}
	text_char(t, '"');
	text_json(t, s, strlen(s));
	text_char(t, '"');
}

/* Seconds with a fraction, as short as they are exact. */
static void put_seconds(struct text *t, uint64_t ns)
{
	char digits[9];
	size_t n = sizeof(digits);

	digits_nine(digits, (uint32_t)(ns % NSEC_PER_SEC));
	while (n > 1 && digits[n - 1] == '0')
		n--;
	text_u64(t, ns / NSEC_PER_SEC);
	text_char(t, '.');
	text_put(t, digits, n);
}

static void put_value(struct text *t, const struct place *p, uint64_t v)
{
	switch (p->kind) {
	case COUNTER_SECONDS:
		put_seconds(t, v);
		return;
	case COUNTER_SIGNED:
		text_i64(t, (int64_t)v);
		return;
	default:
		text_u64(t, v);
	}
	if (p->real)
		text_str(t, ".0");
}

static void comma(struct text *t)
{
	if (!strchr("{[,", t->data[t->len - 1]))
		text_char(t, ',');
}

static void begin(struct text *t, const char *name, size_t n, char bracket)
{
	text_char(t, '"');
	text_put(t, name, n);
	text_str(t, "\":");
	text_char(t, bracket);
}

static void leave(struct text *t, const struct place *from, const struct place *to)
{
	if (from->group && (from->outer != to->outer || !same_group(from, to)))
		text_char(t, '}');
	if (from->outer && from->outer != to->outer)
		text_char(t, from->listed ? ']' : '}');
}

static void enter(struct text *t, const struct place *from, const struct place *to)
{
	if (to->outer && to->outer != from->outer)
		begin(t, to->outer, strlen(to->outer), to->listed ? '[' : '{');
	if (!to->group || (from->outer == to->outer && same_group(from, to)))
		return;
	if (!to->listed) {
		begin(t, to->group, to->group_len, '{');
		return;
	}
	text_str(t, "{\"id\":\"");
	text_put(t, to->group, to->group_len);
	text_str(t, "\",");
}

void statistics_text(struct text *t, uint64_t ts, const struct counters *c)
{
	static const struct place root;
	const struct place *last = &root;

	pthread_once(&once, place_all);
	text_str(t, "{\"timestamp\":");
	put_seconds(t, ts);
	for (unsigned i = 0; i < COUNTERS; i++) {
		const struct place *p = &places[i];
		if (!counters_has(c, i))
			continue;
		if (p->section != last->section) {
			leave(t, last, p);
			comma(t);
			enter(t, last, p);
			comma(t);
		} else {
			text_char(t, ',');
		}
		text_put(t, p->key, p->key_len);
		put_value(t, p, c->value[i]);
		last = p;
	}
	leave(t, last, &root);
	text_char(t, '}');
}
