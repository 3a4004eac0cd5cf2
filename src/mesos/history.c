/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How tasks were. Each change keeps the row as it was and for how long; what changed at one time
 * is a block, immutable from then on. A history is a list of blocks that snapshots share; blocks
 * of like size are made one, so there are few.
 */
#include "mesos/inside.h"

#include <stdlib.h>

#define BLOCK_SHARE 8u /* a block of so small a share of all grows no more: blocks go whole */

struct version {
	struct task task;
	uint64_t until; /* ns; task.since is where it begins */
};

struct history_block {
	_Atomic unsigned refs;
	struct strings strings;
	struct version *versions;
	uint32_t n, cap;
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
	free(k->versions);
	free(k);
}

static void block_add(struct history_block *k, const struct task *old, uint64_t until)
{
	GROW(k->versions, k->n, k->cap);
	struct version *v = &k->versions[k->n++];

	*v = (struct version){*old, until};
#define COPY(name) \
	v->task.name = old->name ? strings_add(&k->strings, old->name, strlen(old->name)) : NULL;
	TASK_STRINGS(COPY)
#undef COPY
	v->task.pair = strings_add(&k->strings, old->pair, strlen(old->pair));
	k->newest = MAX(k->newest, until);
}

static size_t block_bytes(const struct history_block *k)
{
	return sizeof(*k) + k->cap * sizeof(*k->versions) + strings_bytes(&k->strings);
}

static struct history_block *block_join(const struct history_block *a,
					const struct history_block *b)
{
	struct history_block *one = block_new();

	for (uint32_t i = 0; i < a->n; i++)
		block_add(one, &a->versions[i].task, a->versions[i].until);
	for (uint32_t i = 0; i < b->n; i++)
		block_add(one, &b->versions[i].task, b->versions[i].until);
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

static bool task_is_same(const struct task *a, const struct task *b)
{
	bool all = a->live == b->live;
#define COMPARE(name) all = all && same(a->name, b->name);
	TASK_STRINGS(COMPARE)
#undef COMPARE
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
static void note_task(struct history_block *k, struct task *t, const struct task *old, uint64_t now)
{
	if (task_is_same(t, old)) {
		t->since = old->since;
		return;
	}
	uint64_t when = same(t->state, old->state) ? now : status_ns(t, now);
	t->since = MAX(when, old->since);
	block_add(k, old, t->since);
}

static void note_tasks(struct history_block *k, struct mesos_snapshot *fresh,
		       const struct mesos_snapshot *old)
{
	for (uint32_t i = 0; i < fresh->n_tasks; i++) {
		struct task *t = &fresh->tasks[i];
		const struct task *before = task_find(old, t->pair);
		if (before)
			note_task(k, t, before, fresh->time);
		else /* who ran before the first question may have done so for long */
			t->since = old || t->status_time > 0 ? status_ns(t, fresh->time) : 0;
	}
	for (const struct mesos_snapshot *s = old; s && !fresh->below; s = s->below)
		for (uint32_t i = 0; i < s->n_tasks; i++)
			if (index_find_str(&fresh->by_pair, s->tasks[i].pair) == NO_ROW &&
			    !task_is_hidden(old, s, &s->tasks[i]))
				block_add(k, &s->tasks[i], fresh->time);
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
		  const struct history_limits *limits)
{
	struct history_block *k = block_new();

	note_tasks(k, fresh, old);
	if (k->n) {
		fresh->history = with_block(old ? old->history : NULL, k, fresh->time, limits);
		return;
	}
	block_unref(k);
	fresh->history = history_ref(old ? old->history : NULL);
}

int history_each(const struct history *h, uint64_t from, uint64_t to,
		 int (*fn)(void *ctx, const struct task *t, uint64_t until), void *ctx)
{
	for (size_t i = 0; h && i < h->n; i++) {
		const struct history_block *k = h->blocks[i];
		for (uint32_t j = 0; k->newest > from && j < k->n; j++) {
			const struct version *v = &k->versions[j];
			int rc = v->task.since <= to && v->until > from
					 ? fn(ctx, &v->task, v->until)
					 : 0;
			if (rc)
				return rc;
		}
	}
	return 0;
}
