/* SPDX-License-Identifier: Apache-2.0 */
#include "state/owners.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PORTS (UINT16_MAX + 1u)

struct claim {
	uint64_t since;
	uint32_t container;
	uint32_t older; /* another claim to the same port, of before, or OWNER_NONE */
};

struct host {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t *newest;    /* [PORTS]: of the claims, or OWNER_NONE */
};

struct owners {
	struct host hosts[OWNERS_ADDRESSES];
	size_t n_hosts;
	struct claim *claims;
	size_t n, cap;
};

struct owners *owners_new(void)
{
	return xcalloc(1, sizeof(struct owners));
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n_hosts; i++)
		free(o->hosts[i].newest);
	free(o->claims);
	free(o);
}

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool parse_address(const char *text, uint8_t out[16])
{
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static const struct host *find_host(const struct owners *o, const uint8_t address[16])
{
	for (size_t i = 0; i < o->n_hosts; i++)
		if (!memcmp(o->hosts[i].address, address, 16))
			return &o->hosts[i];
	return NULL;
}

static const struct host *get_host(struct owners *o, const uint8_t address[16])
{
	const struct host *known = find_host(o, address);

	if (known || o->n_hosts == OWNERS_ADDRESSES)
		return known;
	struct host *h = &o->hosts[o->n_hosts++];
	memcpy(h->address, address, 16);
	h->newest = xmalloc(PORTS * sizeof(*h->newest));
	memset(h->newest, 0xff, PORTS * sizeof(*h->newest));
	return h;
}

static void claim(struct owners *o, uint32_t *newest, uint64_t since, uint32_t container)
{
	if (*newest != OWNER_NONE && o->claims[*newest].container == container)
		return;
	if (o->n == OWNERS_MAX)
		return;
	GROW(o->claims, o->n, o->cap);
	while (*newest != OWNER_NONE && o->claims[*newest].since > since)
		newest = &o->claims[*newest].older;
	o->claims[o->n] = (struct claim){since, container, *newest};
	*newest = (uint32_t)o->n++;
}

void owners_put(struct owners *o, const char *address, const char *ports, uint64_t since,
		uint32_t container)
{
	uint8_t key[16];
	const struct host *h = parse_address(address, key) ? get_host(o, key) : NULL;

	while (h && *ports) {
		char *end;
		unsigned long first = strtoul(ports, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
		for (unsigned long p = first; p && p <= last && last < PORTS; p++)
			claim(o, &h->newest[p], since, container);
		if (*end != ',')
			return;
		ports = end + 1;
	}
}

void owners_move(struct owners *o, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->claims[i].container == from)
			o->claims[i].container = to;
}

static bool is_loopback(const uint8_t address[16])
{
	static const uint8_t six[16] = {[15] = 1};

	return (!memcmp(address, mapped, sizeof(mapped)) && address[12] == 127) ||
	       !memcmp(address, six, sizeof(six));
}

/* The last who claimed it before ts and is still there. */
static uint32_t find_end(const struct owners *o, const uint8_t *ip, bool six, uint16_t port,
			 uint64_t ts, bool (*is_gone)(const void *, uint32_t, uint64_t),
			 const void *ctx)
{
	uint8_t address[16];

	memcpy(address, mapped, sizeof(mapped));
	memcpy(six ? address : address + 12, ip, six ? 16 : 4);
	const struct host *h = find_host(o, address);
	/* Where the packets are of one host only, its loopback is meant. */
	if (!h && o->n_hosts == 1 && is_loopback(address))
		h = &o->hosts[0];
	uint32_t i = h ? h->newest[port] : OWNER_NONE;
	while (i != OWNER_NONE &&
	       (o->claims[i].since > ts || is_gone(ctx, o->claims[i].container, ts)))
		i = o->claims[i].older;
	return i != OWNER_NONE ? o->claims[i].container : OWNER_NONE;
}

uint32_t owners_find(const struct owners *o, const struct packet_layer *l, uint32_t flags,
		     uint64_t ts, bool (*is_gone)(const void *, uint32_t, uint64_t),
		     const void *ctx)
{
	bool six = l->has & PACKET_IP6, source = flags & EVENT_OUT;

	if (!(l->has & PACKET_PORTS) || !(l->has & (PACKET_IP4 | PACKET_IP6)))
		return OWNER_NONE;
	for (unsigned i = 0; i < 2; i++, source = !source) {
		uint32_t found = find_end(o, source ? l->src : l->dst, six,
					  source ? l->sport : l->dport, ts, is_gone, ctx);
		if (found != OWNER_NONE)
			return found;
	}
	return OWNER_NONE;
}
