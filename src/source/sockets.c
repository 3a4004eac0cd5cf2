/* SPDX-License-Identifier: Apache-2.0 */
#include "source/sockets.h"

#include <stdlib.h>

struct socket_table {
	struct socket_entry *entries;
	uint32_t *slots; /* index + 1 into entries, 0 = free; open addressing */
	size_t cap;	 /* power of two */
	uint64_t ts;
};

static uint64_t key_hash(uint8_t protocol, const uint8_t addr[16], uint16_t port)
{
	return hash_u64(((uint64_t)protocol << 16 | port) ^ hash_u64(load_le64(addr)) ^
			hash_u64(load_le64(addr + 8) + 1));
}

static bool key_is(const struct socket_entry *s, uint8_t protocol, const uint8_t addr[16],
		   uint16_t port)
{
	return s->protocol == protocol && s->port == port && !memcmp(s->local, addr, 16);
}

/* Of two sockets with the same local end (reused ports, a listener and what it accepted) the one
 * of a container wins, then the listener, then the one with a known process. */
static unsigned rank(const struct socket_entry *s)
{
	return (s->container ? 4u : 0) + (s->listening ? 2u : 0) + (s->pid ? 1u : 0);
}

static uint32_t *slot_find(const struct socket_table *t, uint8_t protocol, const uint8_t addr[16],
			   uint16_t port)
{
	size_t i = key_hash(protocol, addr, port) & (t->cap - 1);
	while (t->slots[i] && !key_is(&t->entries[t->slots[i] - 1], protocol, addr, port))
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

struct socket_table *socket_table_new(const struct socket_entry *entries, size_t n, uint64_t ts)
{
	struct socket_table *t = xcalloc(1, sizeof(*t));
	t->ts = ts;
	t->entries = xmalloc(MAX(n, 1) * sizeof(*entries));
	if (n)
		memcpy(t->entries, entries, n * sizeof(*entries));
	for (t->cap = 64; t->cap < n * 2; t->cap *= 2)
		;
	t->slots = xcalloc(t->cap, sizeof(*t->slots));
	for (size_t i = 0; i < n; i++) {
		const struct socket_entry *s = &t->entries[i];
		uint32_t *slot = slot_find(t, s->protocol, s->local, s->port);
		if (!*slot || rank(s) > rank(&t->entries[*slot - 1]))
			*slot = (uint32_t)(i + 1);
	}
	return t;
}

void socket_table_free(struct socket_table *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->slots);
	free(t);
}

const struct socket_entry *socket_table_find(const struct socket_table *t, uint8_t protocol,
					     const uint8_t *addr, unsigned addr_len, uint16_t port)
{
	/* Any IPv4 address is ::ffff:0.0.0.0 here; an IPv6 wildcard takes IPv4 packets too. */
	uint8_t a[16], any4[16] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t any6[16];
	if (addr_len == 16) {
		memcpy(a, addr, 16);
	} else if (addr_len == 4) {
		memcpy(a, any4, sizeof(a));
		memcpy(a + 12, addr, 4);
	} else {
		return NULL;
	}
	uint32_t i = *slot_find(t, protocol, a, port);
	if (!i && !memcmp(a, any4, 12))
		i = *slot_find(t, protocol, any4, port);
	if (!i)
		i = *slot_find(t, protocol, any6, port);
	return i ? &t->entries[i - 1] : NULL;
}

uint64_t socket_table_time(const struct socket_table *t)
{
	return t->ts;
}
