/* SPDX-License-Identifier: Apache-2.0 */
#include "http/columns.h"

#include <stdlib.h>

/* ---- members of our own ---- */

static void put_id(struct text *t, const struct row *r)
{
	text_quoted(t, r->id);
}

static void put_number(struct text *t, const struct row *r, uint64_t v)
{
	if (r->sums)
		text_u64(t, v);
	else
		text_str(t, "null");
}

static void put_containers(struct text *t, const struct row *r)
{
	text_u64(t, r->sums ? r->sums->containers : 0);
}

static void put_running(struct text *t, const struct row *r)
{
	text_u64(t, r->running);
}

static void put_limited(struct text *t, const struct row *r)
{
	put_number(t, r, r->sums ? r->sums->limited : 0);
}

static void put_pid(struct text *t, const struct row *r)
{
	if (r->sums && r->sums->c.pid)
		text_u64(t, (uint64_t)r->sums->c.pid);
	else
		text_str(t, "null");
}

static void put_time(struct text *t, uint64_t ns)
{
	if (ns)
		text_time_seconds(t, ns);
	else
		text_str(t, "null");
}

static void put_started(struct text *t, const struct row *r)
{
	put_time(t, r->sums ? r->sums->c.start : 0);
}

static void put_active(struct text *t, const struct row *r)
{
	text_str(t, r->active ? "true" : "false");
}

static void put_since(struct text *t, const struct row *r)
{
	put_time(t, r->since);
}

static void put_until(struct text *t, const struct row *r)
{
	put_time(t, r->until);
}

static void put_app(struct text *t, const struct row *r)
{
	text_quoted(t, r->meta[META_APP] ? r->meta[META_APP] : NOBODY);
}

static void put_group(struct text *t, const struct row *r)
{
	const char *app = r->meta[META_APP];
	size_t n = app ? group_len(app) : 0;
	cleanup_free char *group = xstrndup(n ? app : NOBODY, n ? n : strlen(NOBODY));

	text_quoted(t, group);
}

static void put_cpus(struct text *t, const struct row *r)
{
	if (r->sums && r->sums->rates.known)
		text_double(t, r->sums->rates.cpus, 3);
	else
		text_str(t, "null");
}

static void put_rates(struct text *t, const struct row *r)
{
	const struct rates none = {0}, *v = r->sums ? &r->sums->rates : &none;
	const struct {
		const char *name;
		double v;
	} rates[] = {{"{\"rx_bytes\":", v->rx_bytes},
		     {",\"tx_bytes\":", v->tx_bytes},
		     {",\"rx_packets\":", v->rx_packets},
		     {",\"tx_packets\":", v->tx_packets}};

	if (!v->known) {
		text_str(t, "null");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		text_str(t, rates[i].name);
		text_double(t, rates[i].v, 1);
	}
	text_char(t, '}');
}

static void put_sum(struct text *t, const struct row *r, const enum counter_id *ids, size_t n)
{
	uint64_t sum = 0;
	bool known = false;

	for (size_t i = 0; i < n && r->sums; i++) {
		known |= counters_has(&r->sums->c.counters, ids[i]);
		sum += r->sums->c.counters.value[ids[i]];
	}
	if (known)
		text_u64(t, sum);
	else
		text_str(t, "null");
}

static void put_memory(struct text *t, const struct row *r)
{
	put_sum(t, r, (const enum counter_id[]){COUNTER_MEM_TOTAL}, 1);
}

static void put_drops(struct text *t, const struct row *r)
{
	static const enum counter_id ids[] = {COUNTER_NET_RX_DROPPED, COUNTER_NET_TX_DROPPED,
					      COUNTER_BW_LIMIT_DROPS,
					      COUNTER_INGRESS_BW_LIMIT_DROPS};

	put_sum(t, r, ids, ARRAY_SIZE(ids));
}

/* As the kernel of the container counts them, else as they are seen in packets. */
static void put_retransmits(struct text *t, const struct row *r)
{
	bool kernel = r->sums && counters_has(&r->sums->c.counters, COUNTER_TCP_RETRANS_SEGS);

	put_sum(t, r,
		(const enum counter_id[]){kernel ? COUNTER_TCP_RETRANS_SEGS
						 : COUNTER_TCP_RETRANSMITS},
		1);
}

static void put_statistics(struct text *t, const struct row *r)
{
	if (r->sums)
		statistics_text(t, r->sums->c.sampled, &r->sums->c.counters);
	else
		text_str(t, "null");
}

static void put_part(struct text *t, const char *s, size_t n)
{
	struct text plain = {0};

	text_unpercent(&plain, s, n);
	text_char(t, '"');
	text_json(t, plain.data, plain.len);
	text_char(t, '"');
	text_done(&plain);
}

static void put_label_list(struct text *t, const char *s)
{
	text_char(t, '{');
	while (s && *s) {
		size_t line = strcspn(s, "\n"), key = strcspn(s, "=\n");
		put_part(t, s, key);
		text_char(t, ':');
		put_part(t, s + key + (key < line), line - key - (key < line));
		s += line + (s[line] == '\n');
		if (*s)
			text_char(t, ',');
	}
	text_char(t, '}');
}

static void put_task_labels(struct text *t, const struct row *r)
{
	put_label_list(t, r->meta[META_TASK_LABELS]);
}

static void put_app_labels(struct text *t, const struct row *r)
{
	put_label_list(t, r->meta[META_APP_LABELS]);
}

static const struct {
	const char *name;
	void (*put)(struct text *t, const struct row *r);
} members[] = {
	{"id", put_id},
	{"app", put_app},
	{"group", put_group},
	{"running", put_running},
	{"active", put_active},
	{"since", put_since},
	{"until", put_until},
	{"containers", put_containers},
	{"limited", put_limited},
	{"pid", put_pid},
	{"started", put_started},
	{"cpus", put_cpus},
	{"memory", put_memory},
	{"rates", put_rates},
	{"drops", put_drops},
	{"retransmits", put_retransmits},
	{"statistics", put_statistics},
	{"task_labels", put_task_labels},
	{"app_labels", put_app_labels},
};

/* ---- columns ---- */

static int column_find(struct column *c, struct err *e)
{
	size_t n = strlen(c->name), used = 0;

	c->meta = -1;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (str_eq(c->name, members[i].name))
			c->put = members[i].put;
	for (int k = 0; k < META_KEYS && !c->put; k++)
		if (str_eq(c->name, meta_rows[k].key))
			c->meta = k;
	if (c->put || c->meta >= 0)
		return 0;
	c->field = field_find(c->name, n, &used, &c->arg);
	if (c->field && used == n && !(c->field->flags & FIELD_PACKETS))
		return 0;
	return err_set(e, ERR_USAGE, "'%.60s' is neither a member nor a field of a sample",
		       c->name);
}

int columns_parse(struct columns *c, const char *names, struct err *e)
{
	while (*names) {
		size_t n = strcspn(names, ",");
		if (c->n == COLUMNS_MAX)
			return err_set(e, ERR_USAGE, "more than %u fields", COLUMNS_MAX);
		struct column *to = &c->of[c->n++];
		to->name = xstrndup(names, n);
		if (column_find(to, e))
			return -1;
		names += n + (names[n] == ',');
	}
	return 0;
}

void columns_done(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->of[i].name);
		free(c->of[i].arg);
	}
}

static void put_field(const struct column *c, const struct row *r, uint64_t now, struct text *t)
{
	static const struct counters none;
	const struct event ev = {
		.ts = now, .type = EVENT_COUNTERS, .iface = IFACE_NONE, .weight = 1};
	struct container *who = xcalloc(1, sizeof(*who));
	struct context context = {
		.ev = &ev, .container = who, .counters = r->sums ? &r->sums->c.counters : &none};
	struct value values[FIELD_MAX_VALUES];
	struct text scratch = {0};

	who->start = r->sums ? r->sums->c.start : 0;
	memcpy(who->meta, r->meta, sizeof(r->meta));
	if (c->field->get(c->field, c->arg, &context, &scratch, values))
		value_json(t, c->field, &values[0]);
	else
		text_str(t, "null");
	text_done(&scratch);
	free(who);
}

void column_value(const struct column *c, const struct row *r, uint64_t now, struct text *t)
{
	if (c->put)
		c->put(t, r);
	else if (c->meta >= 0)
		text_quoted(t, r->meta[c->meta]);
	else
		put_field(c, r, now, t);
}

void columns_put(const struct columns *c, const struct row *r, uint64_t now, struct text *t)
{
	for (size_t i = 0; i < c->n; i++) {
		text_str(t, i ? ",\"" : "\"");
		text_json(t, c->of[i].name, strlen(c->of[i].name));
		text_str(t, "\":");
		column_value(&c->of[i], r, now, t);
	}
}
