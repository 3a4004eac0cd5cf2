/* SPDX-License-Identifier: Apache-2.0 */
#include "source/discover.h"

#include <stdlib.h>

#define LOOP_WINDOW_NS (60 * NSEC_PER_SEC)
#define LOOP_ENDS      3
#define MAX_KEYS       4096 /* beyond it nothing new is watched until old keys fall quiet */

struct loop {
	char *key;
	uint64_t ends[LOOP_ENDS]; /* the latest, oldest first; 0 = none */
	unsigned waiting;	  /* ends that no start has followed yet */
	unsigned restarts;	  /* starts that followed an end, within this loop */
	unsigned count;		  /* ends within this loop */
	unsigned next;		  /* count that is worth the next report */
};

struct restarts {
	struct loop *loops;
	size_t n, cap;
};

struct restarts *restarts_new(void)
{
	return xcalloc(1, sizeof(struct restarts));
}

void restarts_free(struct restarts *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->loops[i].key);
	free(r->loops);
	free(r);
}

static bool is_quiet(const struct loop *l, uint64_t ts)
{
	return l->ends[LOOP_ENDS - 1] + LOOP_WINDOW_NS < ts;
}

static struct loop *loop_find(struct restarts *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->loops[i].key, key))
			return &r->loops[i];
	return NULL;
}

static struct loop *loop_get(struct restarts *r, const char *key, uint64_t ts)
{
	struct loop *l = loop_find(r, key);
	if (l)
		return l;
	for (size_t i = 0; i < r->n && r->n >= MAX_KEYS / 2; i++)
		if (is_quiet(&r->loops[i], ts)) {
			free(r->loops[i].key);
			r->loops[i--] = r->loops[--r->n];
		}
	if (r->n >= MAX_KEYS)
		return NULL;
	GROW(r->loops, r->n, r->cap);
	l = &r->loops[r->n++];
	*l = (struct loop){.key = xstrdup(key), .next = LOOP_ENDS};
	return l;
}

static void loop_expire(struct loop *l, uint64_t ts)
{
	if (is_quiet(l, ts))
		*l = (struct loop){.key = l->key, .next = LOOP_ENDS};
}

void restarts_start(struct restarts *r, const char *key, uint64_t ts)
{
	/* Only keys that ended before are known: a start alone is no news. */
	struct loop *l = loop_find(r, key);
	if (!l)
		return;
	for (size_t i = 0; i < LOOP_ENDS; i++)
		if (l->ends[i]) { /* the oldest of the latest ends */
			l->restarts += l->ends[i] <= ts;
			return;
		}
}

unsigned restarts_end(struct restarts *r, const char *key, uint64_t ts)
{
	struct loop *l = loop_get(r, key, ts);
	if (!l)
		return 0;
	loop_expire(l, ts);
	memmove(l->ends, l->ends + 1, sizeof(l->ends) - sizeof(l->ends[0]));
	l->ends[LOOP_ENDS - 1] = ts;
	l->count++;
	/* Many ends without starts are an application scaled down, not a loop. */
	if (l->count < l->next || l->restarts + 1 < LOOP_ENDS || !l->ends[0] ||
	    l->ends[0] + LOOP_WINDOW_NS < ts)
		return 0;
	while (l->next <= l->count)
		l->next *= 2;
	return l->count;
}
