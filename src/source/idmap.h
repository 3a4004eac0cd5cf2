/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room source: number -> pointer, with removal. Values are borrowed and never NULL. */
#ifndef DREDGE_SOURCE_IDMAP_H
#define DREDGE_SOURCE_IDMAP_H

#include "base/base.h"

struct idmap_slot {
	uint64_t key;
	void *value; /* NULL = free slot */
};

struct idmap {
	struct idmap_slot *slots;
	size_t n, cap; /* cap: 0 or a power of two; iterate over slots[0..cap) */
};

void idmap_done(struct idmap *m);
void idmap_put(struct idmap *m, uint64_t key, void *value); /* stores or overwrites */
void *idmap_remove(struct idmap *m, uint64_t key);	    /* what was there, or NULL */

/* The slot that holds key, or the free one where it belongs; cap is not 0. */
static inline size_t idmap_slot_of(const struct idmap *m, uint64_t key)
{
	size_t i = hash_u64(key) & (m->cap - 1);
	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static inline void *idmap_find(const struct idmap *m, uint64_t key)
{
	return m->cap ? m->slots[idmap_slot_of(m, key)].value : NULL;
}

#endif
