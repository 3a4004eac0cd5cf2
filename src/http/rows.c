/* SPDX-License-Identifier: Apache-2.0 */
#include "http/rows.h"

#include <stdlib.h>

/* ---- sums ---- */

/* Percentiles, limits and settings of several have no sum. */
static bool has_sum(const struct counter_row *row)
{
	static const char *const units[] = {"bytes", "packets", "processes", "threads",
					    "connections"};

	if (row->kind == COUNTER_TOTAL)
		return true;
	if (row->kind == COUNTER_SECONDS)
		return !str_starts(row->name, "sampling_");
	for (size_t i = 0; i < ARRAY_SIZE(units) && row->kind == COUNTER_GAUGE; i++)
		if (str_eq(row->unit, units[i]))
			return true;
	return false;
}

static void sum_counters(struct counters *sum, const struct counters *c, bool first)
{
	if (first) {
		*sum = *c;
		return;
	}
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (!has_sum(&counter_rows[i])) {
			sum->known[i / 64] &= ~(1ull << i % 64);
			sum->value[i] = 0;
		} else if (counters_has(c, i)) {
			counters_set(sum, i, sum->value[i] + c->value[i]);
		}
	}
}

static void sum_rates(struct rates *sum, const struct rates *r)
{
	sum->known |= r->known;
	sum->rx_bytes += r->rx_bytes;
	sum->tx_bytes += r->tx_bytes;
	sum->rx_packets += r->rx_packets;
	sum->tx_packets += r->tx_packets;
	sum->cpus += r->cpus;
}

static void agree(struct container *c, const struct container *other, bool first)
{
	if (first) {
		*c = *other;
		return;
	}
	for (unsigned k = 0; k < META_KEYS; k++)
		if (!c->meta[k] || !other->meta[k] || !str_eq(c->meta[k], other->meta[k]))
			c->meta[k] = NULL;
	c->pid = 0;
	c->start = c->start && other->start ? MIN(c->start, other->start) : 0;
	c->sampled = MAX(c->sampled, other->sampled);
}

static void add(struct rows *rows, const char *id, const struct view_item *item)
{
	int64_t at = strmap_find(rows->by_id, id);
	bool first = at < 0;

	if (first) {
		GROW(rows->items, rows->n, rows->cap);
		at = (int64_t)rows->n;
		rows->items[rows->n++] = (struct row){.id = xstrdup(id)};
		strmap_put(rows->by_id, id, (uint32_t)at);
	}
	struct row *row = &rows->items[at];
	struct counters sum = row->c.counters;
	sum_counters(&sum, &item->c.counters, first);
	agree(&row->c, &item->c, first);
	row->c.counters = sum;
	sum_rates(&row->rates, &item->rates);
	row->containers++;
	row->limited += item->c.counters.value[COUNTER_BW_LIMIT_OVERLIMITS] ||
			item->c.counters.value[COUNTER_INGRESS_BW_LIMIT_OVERLIMITS];
}

/* ---- ids ---- */

/* "/shop/web" is in "/" and "/shop". */
static void add_groups(struct rows *rows, const struct view_item *item)
{
	const char *app = item->c.meta[META_APP];

	if (!app || *app != '/') {
		add(rows, NOBODY, item);
		return;
	}
	add(rows, "/", item);
	for (const char *s = strchr(app + 1, '/'); s; s = strchr(s + 1, '/')) {
		cleanup_free char *id = xstrndup(app, (size_t)(s - app));
		add(rows, id, item);
	}
}

static void add_ports(struct rows *rows, const struct view_item *item)
{
	const uint64_t *v = item->c.counters.value;

	for (const char *s = item->c.meta[META_PORTS]; s && *s;) {
		size_t n = strcspn(s, ",");
		cleanup_free char *id = xstrndup(s, n);
		add(rows, id, item);
		s += n + (s[n] == ',');
	}
	if (!counters_has(&item->c.counters, COUNTER_EPHEMERAL_BEGIN))
		return;
	cleanup_free char *id = xasprintf("%u-%u", (unsigned)v[COUNTER_EPHEMERAL_BEGIN],
					  (unsigned)v[COUNTER_EPHEMERAL_END]);
	add(rows, id, item);
}

static void add_item(struct rows *rows, enum rows_kind kind, const struct view_item *item)
{
	static const struct {
		enum meta_key key;
		const char *otherwise;
	} keys[] = {
		[ROWS_CONTAINERS] = {META_CONTAINER, NULL},
		[ROWS_TASKS] = {META_TASK, NULL},
		[ROWS_APPS] = {META_APP, NOBODY},
		[ROWS_FRAMEWORKS] = {META_FRAMEWORK_ID, NOBODY},
		[ROWS_AGENTS] = {META_AGENT, NULL},
	};

	if (kind == ROWS_GROUPS) {
		add_groups(rows, item);
		return;
	}
	if (kind == ROWS_PORTS) {
		add_ports(rows, item);
		return;
	}
	const char *id = item->c.meta[keys[kind].key];
	id = id ? id : keys[kind].otherwise;
	if (id)
		add(rows, id, item);
}

static bool is_let_through(const struct filter *f, const struct view *v,
			   const struct view_item *item)
{
	const struct event ev = {.ts = v->time,
				 .type = EVENT_COUNTERS,
				 .data = (const uint8_t *)&item->c.counters,
				 .caplen = sizeof(item->c.counters),
				 .len = sizeof(item->c.counters),
				 .iface = IFACE_NONE,
				 .weight = 1};
	struct context c = {.ev = &ev,
			    .container = &item->c,
			    .iface = item->iface.known ? &item->iface : NULL,
			    .counters = &item->c.counters,
			    .first_ts = v->time,
			    .previous_ts = v->time};

	return filter_match(f, &c);
}

void rows_make(struct rows *rows, enum rows_kind kind, const struct view *v,
	       const struct filter *filter)
{
	*rows = (struct rows){.by_id = strmap_new()};
	for (size_t i = 0; i < v->n; i++)
		if (!filter || is_let_through(filter, v, &v->items[i]))
			add_item(rows, kind, &v->items[i]);
}

void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->items[i].id);
	free(rows->items);
	strmap_free(rows->by_id);
}
