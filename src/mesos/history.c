/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How tasks, apps, agents and frameworks were. Each change keeps the row as it was and for how
 * long; what changed at one time is a block, immutable from then on. A history is a list of blocks
 * that snapshots share; blocks of like size are made one, so there are few.
 */
#include "mesos/inside.h"

#include <stdlib.h>

#define BLOCK_SHARE 8u /* a block of so small a share of all grows no more: blocks go whole */

/* Rows of a kind, as history sees them: strings, whether it lives, and since when it is so. */
struct shape {
	size_t size, key, since;
	size_t live;		   /* of a bool; 0 = it always does */
	size_t rows, count, index; /* in a snapshot */
	const size_t *strings;
	size_t n;
};

#define AT(kind, field) offsetof(struct kind, field)
#define SHAPE(kind, many, keyed, alive, indexed, list)                          \
	{                                                                       \
		sizeof(struct kind), AT(kind, keyed), AT(kind, since), alive,   \
			AT(mesos_snapshot, many), AT(mesos_snapshot, n_##many), \
			AT(mesos_snapshot, indexed), list, ARRAY_SIZE(list)     \
	}
#define IN_TASK(name)	   AT(task, name),
#define IN_APP(name)	   AT(app, name),
#define IN_AGENT(name)	   AT(agent, name),
#define IN_FRAMEWORK(name) AT(framework, name),

static const size_t task_strings[] = {TASK_STRINGS(IN_TASK) AT(task, pair)};
static const size_t app_strings[] = {APP_STRINGS(IN_APP)};
static const size_t agent_strings[] = {AGENT_STRINGS(IN_AGENT)};
static const size_t framework_strings[] = {FRAMEWORK_STRINGS(IN_FRAMEWORK)};

static const struct shape shapes[PAST_KINDS] = {
	[PAST_TASK] = SHAPE(task, tasks, pair, AT(task, live), by_pair, task_strings),
	[PAST_APP] = SHAPE(app, apps, id, 0, by_app, app_strings),
	[PAST_AGENT] = SHAPE(agent, agents, id, AT(agent, registered), by_agent, agent_strings),
	[PAST_FRAMEWORK] = SHAPE(framework, frameworks, id, AT(framework, active), by_framework,
				 framework_strings),
};

static const char **string_at(const void *row, size_t offset)
{
	return (const char **)((uintptr_t)row + offset);
}

static const char *key_of(const struct shape *p, const void *row)
{
	return *string_at(row, p->key);
}

static uint64_t *since_of(const struct shape *p, const void *row)
{
	return (uint64_t *)((uintptr_t)row + p->since);
}

static bool lives(const struct shape *p, const void *row)
{
	return !p->live || *(const bool *)((uintptr_t)row + p->live);
}

static uint8_t *rows_of(const struct shape *p, const struct mesos_snapshot *s, uint32_t *n)
{
	*n = *(const uint32_t *)((uintptr_t)s + p->count);
	return *(uint8_t *const *)((uintptr_t)s + p->rows);
}

static const struct index *index_of(const struct shape *p, const struct mesos_snapshot *s)
{
	return (const struct index *)((uintptr_t)s + p->index);
}

const void *past_find(const struct mesos_snapshot *s, enum past_kind kind, const char *key)
{
	const struct shape *p = &shapes[kind];
	uint32_t n;

	for (; s; s = s->below) {
		uint32_t row = index_find_str(index_of(p, s), key);
		if (row != NO_ROW)
			return rows_of(p, s, &n) + row * p->size;
	}
	return NULL;
}

/* ---- blocks ---- */

struct versions { /* of a kind: rows one behind the other, and until when each was so, ns */
	uint8_t *rows;
	uint64_t *until;
	uint32_t n, cap;
};

struct history_block {
	_Atomic unsigned refs;
	struct strings strings;
	struct versions of[PAST_KINDS];
	uint32_t n;
	uint64_t newest; /* the last `until` */
};

struct history {
	_Atomic unsigned refs;
	size_t n;
	struct history_block *blocks[]; /* the oldest first */
};

static struct history_block *block_new(void)
{
	struct history_block *k = xcalloc(1, sizeof(*k));

	atomic_init(&k->refs, 1);
	return k;
}

static void block_unref(struct history_block *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	strings_done(&k->strings);
	for (unsigned i = 0; i < PAST_KINDS; i++) {
		free(k->of[i].rows);
		free(k->of[i].until);
	}
	free(k);
}

static void block_add(struct history_block *k, enum past_kind kind, const void *old, uint64_t until)
{
	const struct shape *p = &shapes[kind];
	struct versions *v = &k->of[kind];

	if (v->n == v->cap) {
		v->cap = MAX(16, v->cap * 2);
		v->rows = xrealloc(v->rows, v->cap * p->size);
		v->until = xrealloc(v->until, v->cap * sizeof(*v->until));
	}
	uint8_t *row = v->rows + v->n * p->size;
	memcpy(row, old, p->size);
	for (size_t i = 0; i < p->n; i++) {
		const char **s = string_at(row, p->strings[i]);
		*s = *s ? strings_add(&k->strings, *s, strlen(*s)) : NULL;
	}
	v->until[v->n++] = until;
	k->n++;
	k->newest = MAX(k->newest, until);
}

static size_t block_bytes(const struct history_block *k)
{
	size_t bytes = sizeof(*k) + strings_bytes(&k->strings);

	for (unsigned i = 0; i < PAST_KINDS; i++)
		bytes += k->of[i].cap * (shapes[i].size + sizeof(uint64_t));
	return bytes;
}

static void block_copy(struct history_block *to, const struct history_block *from)
{
	for (unsigned kind = 0; kind < PAST_KINDS; kind++)
		for (uint32_t i = 0; i < from->of[kind].n; i++)
			block_add(to, kind, from->of[kind].rows + i * shapes[kind].size,
				  from->of[kind].until[i]);
}

static struct history_block *block_join(const struct history_block *a,
					const struct history_block *b)
{
	struct history_block *one = block_new();

	block_copy(one, a);
	block_copy(one, b);
	return one;
}

struct history *history_ref(struct history *h)
{
	if (h)
		atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void history_unref(struct history *h)
{
	if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < h->n; i++)
		block_unref(h->blocks[i]);
	free(h);
}

/* ---- what changed ---- */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && str_eq(a, b));
}

static bool is_as_it_was(const struct shape *p, const void *a, const void *b)
{
	bool all = lives(p, a) == lives(p, b);

	for (size_t i = 0; i < p->n && all; i++)
		all = same(*string_at(a, p->strings[i]), *string_at(b, p->strings[i]));
	return all;
}

static uint64_t status_ns(const struct task *t, uint64_t now)
{
	double s = t->status_time;

	return s > 0 && s < (double)now / (double)NSEC_PER_SEC
		       ? (uint64_t)(s * (double)NSEC_PER_SEC)
		       : now;
}

/* A new state is told with its time; whatever else is new is so since it was seen. */
static uint64_t changed_at(enum past_kind kind, const void *row, const void *was, uint64_t now)
{
	const struct task *t = row, *old = was;

	return kind == PAST_TASK && !same(t->state, old->state) ? status_ns(t, now) : now;
}

/* Who ran before the first question may have done so for long. */
static uint64_t began_at(enum past_kind kind, const void *row, bool first, uint64_t now)
{
	const struct task *t = row;

	if (kind == PAST_TASK)
		return !first || t->status_time > 0 ? status_ns(t, now) : 0;
	return first ? 0 : now;
}

struct noting {
	struct history_block *k;
	struct mesos_snapshot *fresh;
	const struct mesos_snapshot *old;
	past_told *told;
	void *ctx;
};

static void tell(const struct noting *n, enum past_kind kind, const void *row, const void *was,
		 uint64_t when)
{
	if (n->told && n->old)
		n->told(n->ctx, kind, row, was, when);
}

static void note_row(const struct noting *n, enum past_kind kind, void *row)
{
	const struct shape *p = &shapes[kind];
	const void *was = past_find(n->old, kind, key_of(p, row));
	uint64_t now = n->fresh->time, *since = since_of(p, row);

	if (!was) {
		*since = began_at(kind, row, !n->old, now);
		tell(n, kind, row, NULL, *since);
	} else if (is_as_it_was(p, row, was)) {
		*since = *since_of(p, was);
	} else {
		*since = MAX(changed_at(kind, row, was, now), *since_of(p, was));
		block_add(n->k, kind, was, *since);
		tell(n, kind, row, was, *since);
	}
}

static void note_kind(const struct noting *n, enum past_kind kind)
{
	const struct shape *p = &shapes[kind];
	uint32_t count;
	uint8_t *rows = rows_of(p, n->fresh, &count);

	for (uint32_t i = 0; i < count; i++)
		note_row(n, kind, rows + i * p->size);
	for (const struct mesos_snapshot *s = n->old; s && !n->fresh->below; s = s->below) {
		rows = rows_of(p, s, &count);
		for (uint32_t i = 0; i < count; i++) {
			const void *was = rows + i * p->size;
			const char *key = key_of(p, was);
			if (index_find_str(index_of(p, n->fresh), key) != NO_ROW ||
			    past_find(n->old, kind, key) != was)
				continue;
			block_add(n->k, kind, was, n->fresh->time);
			tell(n, kind, NULL, was, n->fresh->time);
		}
	}
}

/* The blocks of old that are still wanted, and the new one, which is taken over. */
static struct history *with_block(const struct history *old, struct history_block *k, uint64_t now,
				  const struct history_limits *limits)
{
	size_t count = old ? old->n : 0, first = 0, bytes = block_bytes(k);
	struct history *h = xmalloc(sizeof(*h) + (count + 1) * sizeof(struct history_block *));

	for (size_t i = count; i > first; i--) {
		bytes += block_bytes(old->blocks[i - 1]);
		if (bytes > limits->bytes || old->blocks[i - 1]->newest + limits->ns < now)
			first = i;
	}
	atomic_init(&h->refs, 1);
	h->n = 0;
	for (size_t i = first; i < count; i++) {
		atomic_fetch_add_explicit(&old->blocks[i]->refs, 1, memory_order_relaxed);
		h->blocks[h->n++] = old->blocks[i];
	}
	while (h->n && h->blocks[h->n - 1]->n <= k->n &&
	       block_bytes(h->blocks[h->n - 1]) < limits->bytes / BLOCK_SHARE) {
		struct history_block *one = block_join(h->blocks[h->n - 1], k);
		block_unref(h->blocks[--h->n]);
		block_unref(k);
		k = one;
	}
	h->blocks[h->n++] = k;
	return h;
}

void history_note(struct mesos_snapshot *fresh, const struct mesos_snapshot *old,
		  const struct history_limits *limits, past_told *told, void *ctx)
{
	const struct noting n = {block_new(), fresh, old, told, ctx};

	for (unsigned kind = 0; kind < PAST_KINDS; kind++)
		note_kind(&n, kind);
	if (n.k->n) {
		fresh->history = with_block(old ? old->history : NULL, n.k, fresh->time, limits);
		return;
	}
	block_unref(n.k);
	fresh->history = history_ref(old ? old->history : NULL);
}

int history_each(const struct history *h, enum past_kind kind, uint64_t from, uint64_t to,
		 int (*fn)(void *ctx, const void *row, uint64_t until), void *ctx)
{
	const struct shape *p = &shapes[kind];
	int rc = 0;

	for (size_t i = 0; h && i < h->n; i++) {
		const struct versions *v = &h->blocks[i]->of[kind];
		for (uint32_t j = 0; h->blocks[i]->newest > from && j < v->n && !rc; j++) {
			const void *row = v->rows + j * p->size;
			if (*since_of(p, row) <= to && v->until[j] > from)
				rc = fn(ctx, row, v->until[j]);
		}
	}
	return rc;
}
