/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of ports, their blocks, and the pool of ephemeral ranges. Bounds are inclusive, 32 bits
 * wide (65535 + 1 must not overflow), and never include port 0. */
#ifndef DREDGE_ISOLATE_PORTS_H
#define DREDGE_ISOLATE_PORTS_H

#include "base/base.h"

#define PORT_MAX 65535u

struct port_set {
	uint64_t bits[1024]; /* by port */
};

void port_set_add(struct port_set *s, uint32_t begin, uint32_t end);
void port_set_remove(struct port_set *s, uint32_t begin, uint32_t end);
/* All of `other` too; all of it away. */
void port_set_join(struct port_set *s, const struct port_set *other);
void port_set_subtract(struct port_set *s, const struct port_set *other);
static inline bool port_set_has(const struct port_set *s, uint32_t port)
{
	return port <= PORT_MAX && s->bits[port / 64] >> (port % 64) & 1;
}
uint32_t port_set_count(const struct port_set *s);
bool port_set_empty(const struct port_set *s);
/* Is all of b in a? */
bool port_set_contains(const struct port_set *a, const struct port_set *b);
/* Do they share a port? *first: the lowest, may be NULL. */
bool port_set_intersects(const struct port_set *a, const struct port_set *b, uint32_t *first);
/* The first whole range that begins at or behind `from`; false when there is none. */
bool port_set_next_range(const struct port_set *s, uint32_t from, uint32_t *begin, uint32_t *end);
/* "31000-31007,31016" */
void port_set_text(struct text *t, const struct port_set *s);
/* "31000-31007, 31016", with or without brackets as Mesos writes it; adds to *s. */
int port_set_parse(const char *text, size_t n, struct port_set *s, struct err *e);

/* Each range cut into aligned blocks of a power of two, from below. */
void port_blocks(const struct port_set *s, void (*fn)(void *ctx, uint32_t begin, uint32_t size),
		 void *ctx);

struct ephemeral_pool {
	struct port_set pool, used;
};

/* First fit, with none of `avoid`; aligned to the size where that is a power of two. */
int ephemeral_allocate(struct ephemeral_pool *p, const struct port_set *avoid, uint32_t size,
		       uint32_t *begin, struct err *e);
/* This very range, of a container that has it already. */
int ephemeral_take(struct ephemeral_pool *p, uint32_t begin, uint32_t size, struct err *e);
void ephemeral_release(struct ephemeral_pool *p, uint32_t begin, uint32_t size);
/* How many ranges of this size can still be had. */
uint32_t ephemeral_left(const struct ephemeral_pool *p, uint32_t size);

#endif
