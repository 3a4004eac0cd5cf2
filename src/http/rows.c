/* SPDX-License-Identifier: Apache-2.0 */
#include "http/rows.h"

#include <stdlib.h>

#define GROUP_DEPTH 64u /* groups nested deeper count for those above alone */

/* What goes into rows: a container of this host, or a task of the cluster. */
struct item {
	const char *const *meta;
	const struct view_item *here; /* NULL = a task */
	const struct mesos_task *task;
};

struct making {
	struct rows *rows;
	enum rows_kind kind;
	const struct view *v;
	const struct filter *filter;
	const char *agent;		     /* of this host, or NULL */
	struct container *as_seen_by_filter; /* a task as a container */
	struct strmap *tasks_here;	     /* that have a container here */
	struct text key;
};

/* Borrowed until the next call. */
static const char *pair(struct making *m, const char *a, const char *b)
{
	text_reset(&m->key);
	text_str(&m->key, a ? a : "");
	text_char(&m->key, '\n');
	text_str(&m->key, b ? b : "");
	return text_cstr(&m->key);
}

/* Ids of tasks are those of their framework. */
static const char *task_key(struct making *m, const char *const meta[META_KEYS])
{
	return pair(m, meta[META_FRAMEWORK_ID], meta[META_TASK]);
}

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

static void sum_counters(struct counters *sum, const struct counters *c)
{
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

static void sum_up(struct row *row, const struct view_item *item)
{
	const struct container *c = &item->c;

	if (!row->sums) {
		row->sums = xcalloc(1, sizeof(*row->sums));
		row->sums->c = *c;
	} else {
		struct container *sum = &row->sums->c;
		sum_counters(&sum->counters, &c->counters);
		sum->pid = 0;
		sum->start = sum->start && c->start ? MIN(sum->start, c->start) : 0;
		sum->sampled = MAX(sum->sampled, c->sampled);
	}
	sum_rates(&row->sums->rates, &item->rates);
	row->sums->containers++;
	row->sums->limited += c->counters.value[COUNTER_BW_LIMIT_OVERLIMITS] ||
			      c->counters.value[COUNTER_INGRESS_BW_LIMIT_OVERLIMITS];
}

/* ---- a row ---- */

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && str_eq(a, b));
}

static void agree(struct row *row, const char *const meta[META_KEYS])
{
	for (unsigned k = 0; k < META_KEYS; k++)
		if (!row->members || !is_same(row->meta[k], meta[k]))
			row->meta[k] = row->members ? NULL : meta[k];
	row->members++;
}

/* A task that has containers here: what they lack. */
static void complete(struct row *row, const char *const meta[META_KEYS])
{
	for (unsigned k = 0; k < META_KEYS; k++)
		row->meta[k] = row->meta[k] ? row->meta[k] : meta[k];
}

static struct row *row_of(struct making *m, const char *key, const char *id)
{
	struct rows *rows = m->rows;
	int64_t at = strmap_find(rows->by_key, key);

	if (at < 0) {
		GROW(rows->items, rows->n, rows->cap);
		at = (int64_t)rows->n;
		rows->items[rows->n++] = (struct row){.id = xstrdup(id)};
		strmap_put(rows->by_key, key, (uint32_t)at);
	}
	return &rows->items[at];
}

static void add_as(struct making *m, const char *key, const char *id, const struct item *item)
{
	struct row *row = row_of(m, key, id);
	bool alone = m->kind == ROWS_TASKS || m->kind == ROWS_PORTS || m->kind == ROWS_CONTAINERS ||
		     m->kind == ROWS_LEAVES;

	if (item->here) {
		agree(row, item->meta);
		sum_up(row, item->here);
		return;
	}
	if (alone && row->sums)
		complete(row, item->meta);
	else
		agree(row, item->meta);
	if (!item->task)
		return;
	row->running += item->task->running;
	if (alone) {
		row->since = item->task->since;
		row->until = item->task->until;
	}
}

static void add(struct making *m, const char *id, const struct item *item)
{
	add_as(m, id, id, item);
}

/* ---- ids ---- */

size_t group_len(const char *id)
{
	const char *slash = *id == '/' ? strrchr(id, '/') : NULL;
	unsigned depth = 0;

	if (!slash || !id[1])
		return 0;
	for (const char *s = id + 1; s < slash && (s = strchr(s, '/')); s++)
		if (++depth == GROUP_DEPTH)
			return (size_t)(s - id);
	return slash == id ? 1 : (size_t)(slash - id);
}

/* "/shop/web" is in "/" and "/shop". */
static void add_groups(struct making *m, const struct item *item)
{
	const char *app = item->meta[META_APP];
	size_t n = app ? group_len(app) : 0;

	if (!n)
		add(m, NOBODY, item);
	while (n) {
		cleanup_free char *id = xstrndup(app, n);
		add(m, id, item);
		n = group_len(id);
	}
}

/* A port is one of a host: here, or where else the task runs. */
static void add_port(struct making *m, const char *id, const struct item *item)
{
	const char *agent = item->meta[META_AGENT];
	bool here = item->here || (agent && m->agent && str_eq(agent, m->agent)) ||
		    strmap_find(m->tasks_here, task_key(m, item->meta)) >= 0;

	add_as(m, pair(m, here ? NULL : agent, id), id, item);
}

static void add_ports(struct making *m, const struct item *item)
{
	const struct counters *c = item->here ? &item->here->c.counters : NULL;

	if (item->task && !item->task->running)
		return;
	for (const char *s = item->meta[META_PORTS]; s && *s;) {
		size_t n = strcspn(s, ",");
		cleanup_free char *id = xstrndup(s, n);
		add_port(m, id, item);
		s += n + (s[n] == ',');
	}
	if (!c || !counters_has(c, COUNTER_EPHEMERAL_BEGIN))
		return;
	cleanup_free char *id = xasprintf("%u-%u", (unsigned)c->value[COUNTER_EPHEMERAL_BEGIN],
					  (unsigned)c->value[COUNTER_EPHEMERAL_END]);
	add_port(m, id, item);
}

static void add_task_of(struct making *m, const struct item *item)
{
	const char *task = item->meta[META_TASK];

	if (task)
		add_as(m, task_key(m, item->meta), task, item);
	else if (item->here && m->kind == ROWS_LEAVES)
		add_as(m, item->meta[META_CONTAINER], NOBODY, item);
}

static void add_item(struct making *m, const struct item *item)
{
	static const struct {
		enum meta_key key;
		const char *otherwise;
	} keys[] = {
		[ROWS_CONTAINERS] = {META_CONTAINER, NULL},
		[ROWS_APPS] = {META_APP, NOBODY},
		[ROWS_FRAMEWORKS] = {META_FRAMEWORK_ID, NOBODY},
		[ROWS_AGENTS] = {META_AGENT, NULL},
	};

	switch (m->kind) {
	case ROWS_GROUPS:
		add_groups(m, item);
		return;
	case ROWS_PORTS:
		add_ports(m, item);
		return;
	case ROWS_TASKS:
	case ROWS_LEAVES:
		add_task_of(m, item);
		return;
	default:;
		const char *id = item->meta[keys[m->kind].key];
		id = id ? id : keys[m->kind].otherwise;
		if (id)
			add(m, id, item);
	}
}

/* ---- what is let through ---- */

static bool is_let_through(const struct making *m, const struct container *container,
			   const struct iface *iface)
{
	const struct event ev = {.ts = m->v->time,
				 .type = EVENT_COUNTERS,
				 .data = (const uint8_t *)&container->counters,
				 .caplen = sizeof(container->counters),
				 .len = sizeof(container->counters),
				 .iface = IFACE_NONE,
				 .weight = 1};
	struct context c = {.ev = &ev,
			    .container = container,
			    .iface = iface && iface->known ? iface : NULL,
			    .counters = &container->counters,
			    .first_ts = m->v->time,
			    .previous_ts = m->v->time};

	return !m->filter || filter_match(m->filter, &c);
}

static void add_here(struct making *m)
{
	for (size_t i = 0; i < m->v->n; i++) {
		const struct view_item *here = &m->v->items[i];
		const struct item item = {(const char *const *)here->c.meta, here, NULL};
		if (here->c.meta[META_TASK])
			strmap_put(m->tasks_here, task_key(m, item.meta), 0);
		if (is_let_through(m, &here->c, &here->iface))
			add_item(m, &item);
	}
}

/* Whether a container of it that is here was let through decides, as that has counters too. */
static bool is_decided(struct making *m, const struct mesos_task *t)
{
	if (!m->filter || (m->kind != ROWS_TASKS && m->kind != ROWS_LEAVES))
		return false;
	const char *key = task_key(m, t->meta);
	return strmap_find(m->tasks_here, key) >= 0 && strmap_find(m->rows->by_key, key) < 0;
}

static int add_task(void *ctx, const struct mesos_task *t)
{
	struct making *m = ctx;
	const struct item item = {t->meta, NULL, t};
	bool summed = m->kind != ROWS_TASKS && m->kind != ROWS_LEAVES && m->kind != ROWS_PORTS;

	if ((summed && !t->running) || is_decided(m, t))
		return 0;
	memcpy(m->as_seen_by_filter->meta, t->meta, sizeof(t->meta));
	if (is_let_through(m, m->as_seen_by_filter, NULL))
		add_item(m, &item);
	return 0;
}

/* ---- those that have no task now ---- */

static void stand_for(struct making *m, const char *id, const char *const meta[META_KEYS],
		      const struct row *as)
{
	struct row *row = row_of(m, id, id);

	complete(row, meta);
	row->since = as->since;
	row->until = as->until;
	row->active = as->active;
}

static int add_agent(void *ctx, const struct mesos_agent *a)
{
	const char *meta[META_KEYS] = {[META_AGENT] = a->id, [META_HOSTNAME] = a->hostname};

	stand_for(ctx, a->id, meta,
		  &(struct row){.since = a->since, .until = a->until, .active = a->registered});
	return 0;
}

static int find_here(void *ctx, const struct mesos_agent *a)
{
	struct making *m = ctx;

	if (a->here)
		m->agent = a->id;
	return a->here;
}

static int add_framework(void *ctx, const struct mesos_framework *f)
{
	const char *meta[META_KEYS] = {[META_FRAMEWORK_ID] = f->id, [META_FRAMEWORK] = f->name};

	stand_for(ctx, f->id, meta,
		  &(struct row){.since = f->since, .until = f->until, .active = f->active});
	return 0;
}

static int add_app(void *ctx, const struct mesos_app *a)
{
	const char *meta[META_KEYS] = {[META_APP] = a->id,
				       [META_APP_LABELS] = a->labels,
				       [META_APP_VERSION] = a->version,
				       [META_DEPLOYMENT] = a->deployment};

	stand_for(ctx, a->id, meta, &(struct row){.since = a->since, .until = a->until});
	return 0;
}

static int add_groups_of(void *ctx, const struct mesos_app *a)
{
	const char *meta[META_KEYS] = {[META_APP] = a->id};

	add_groups(ctx, &(struct item){meta, NULL, NULL});
	return 0;
}

static void add_idle(struct making *m, uint64_t at)
{
	if (m->kind == ROWS_AGENTS)
		mesos_each_agent(m->v->names, at, at, add_agent, m);
	if (m->kind == ROWS_FRAMEWORKS)
		mesos_each_framework(m->v->names, at, at, add_framework, m);
	if (m->kind == ROWS_APPS)
		mesos_each_app(m->v->names, at, at, add_app, m);
	if (m->kind == ROWS_GROUPS)
		mesos_each_app(m->v->names, at, at, add_groups_of, m);
}

/* ---- rows ---- */

/* Containers are known of here, and leaves of elsewhere would have no numbers. */
static bool wants_tasks(const struct making *m, uint64_t at)
{
	return at || m->v->health.metadata_alone ||
	       (m->kind != ROWS_CONTAINERS && m->kind != ROWS_LEAVES);
}

void rows_make(struct rows *rows, enum rows_kind kind, const struct view *v, uint64_t at,
	       const struct filter *filter)
{
	struct making m = {.rows = rows, .kind = kind, .v = v, .filter = filter};

	*rows = (struct rows){.by_key = strmap_new()};
	m.as_seen_by_filter = xcalloc(1, sizeof(*m.as_seen_by_filter));
	m.tasks_here = strmap_new();
	if (v->names)
		mesos_each_agent(v->names, 0, 0, find_here, &m);
	if (!at)
		add_here(&m);
	if (v->names && wants_tasks(&m, at))
		mesos_each_task(v->names, at, at, add_task, &m);
	if (v->names && !filter)
		add_idle(&m, at);
	strmap_free(m.tasks_here);
	text_done(&m.key);
	free(m.as_seen_by_filter);
}

void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->items[i].id);
		free(rows->items[i].sums);
	}
	free(rows->items);
	strmap_free(rows->by_key);
}
