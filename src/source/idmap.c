/* SPDX-License-Identifier: Apache-2.0 */
#include "source/idmap.h"

#include <stdlib.h>

void idmap_done(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){0};
}

static void grow(struct idmap *m)
{
	struct idmap old = *m;
	m->cap = old.cap ? old.cap * 2 : 64;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			m->slots[idmap_slot_of(m, old.slots[i].key)] = old.slots[i];
	free(old.slots);
}

void idmap_put(struct idmap *m, uint64_t key, void *value)
{
	if (m->n * 2 >= m->cap)
		grow(m);
	struct idmap_slot *s = &m->slots[idmap_slot_of(m, key)];
	m->n += !s->value;
	*s = (struct idmap_slot){key, value};
}

void *idmap_remove(struct idmap *m, uint64_t key)
{
	if (!m->cap)
		return NULL;
	size_t mask = m->cap - 1, hole = idmap_slot_of(m, key);
	void *value = m->slots[hole].value;
	if (!value)
		return NULL;
	/* Pull back what had to step over the removed slot. */
	for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		size_t home = hash_u64(m->slots[i].key) & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = NULL;
	m->n--;
	return value;
}
