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
void *idmap_find(const struct idmap *m, uint64_t key);
void idmap_put(struct idmap *m, uint64_t key, void *value); /* stores or overwrites */
void *idmap_remove(struct idmap *m, uint64_t key);	    /* what was there, or NULL */

#endif
