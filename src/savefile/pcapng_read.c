/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng, block by block: draft-ietf-opsawg-pcapng. */
#include "savefile/read.h"

#include <stdio.h>

#define BLOCK_CUSTOM	     0x00000badu
#define BLOCK_CUSTOM_NO_COPY 0x40000badu

int64_t pcapng_length(struct pcapng *p, const uint8_t head[12], struct reason *why)
{
	uint32_t type = load_le32(head); /* the section header's type reads the same both ways */

	if (type == BLOCK_SHB) {
		uint32_t magic = load_le32(head + 8);
		if (magic != BYTE_ORDER_MAGIC && __builtin_bswap32(magic) != BYTE_ORDER_MAGIC)
			return reason_set(why, "byte-order magic 0x%08x is unknown", magic);
		p->swap = magic != BYTE_ORDER_MAGIC;
	}
	uint32_t size = pcapng_u32(p, head + 4);
	if (size >= SAVEFILE_MAX_BLOCK)
		return reason_set(why, "block length %u is 16 MiB or more", size);
	if (size < 12 || size % 4 || (type == BLOCK_SHB && size < 28))
		return reason_set(why, "block length %u is impossible", size);
	return size;
}

int pcapng_option(const struct pcapng *p, struct cursor *c, struct option *o)
{
	const uint8_t *head = cursor_take(c, 4);

	if (!head)
		return 0;
	o->code = pcapng_u16(p, head);
	o->size = pcapng_u16(p, head + 2);
	if (o->code == OPT_END)
		return 0;
	/* The last option may come without its padding, and the list without an end mark. */
	size_t padded = MIN((o->size + 3u) & ~3u, cursor_left(c));
	if (padded < o->size)
		return 0;
	o->value = cursor_take(c, padded);
	return 1;
}

const uint8_t *pcapng_custom(const struct pcapng *p, const struct option *o, size_t *n)
{
	if (o->size < 4 || pcapng_u32(p, o->value) != SAVEFILE_PEN)
		return NULL;
	*n = o->size - 4u;
	return o->value + 4;
}

/* Units of if_tsresol since 1970 to ns; out of range is held at the ends. */
static uint64_t to_ns(const struct iface_in *i, uint64_t units)
{
	unsigned exponent = i->resolution & 0x7f;
	unsigned __int128 ns = units;

	if (i->resolution & 0x80) {
		ns = ns * NSEC_PER_SEC >> exponent;
	} else if (exponent <= 9) {
		for (; exponent < 9; exponent++)
			ns *= 10;
	} else {
		for (; exponent > 9 && ns; exponent--)
			ns /= 10;
	}
	__int128 shifted = (__int128)MIN(ns, (unsigned __int128)UINT64_MAX) +
			   (__int128)i->offset * (__int128)NSEC_PER_SEC;
	if (shifted < 0)
		return 0;
	return shifted > (__int128)UINT64_MAX ? UINT64_MAX : (uint64_t)shifted;
}

static const struct iface_in *find_iface(const struct pcapng *p, uint32_t id)
{
	return id < p->limit ? &p->ifaces->items[p->base + id] : NULL;
}

static uint64_t event_time(const struct pcapng *p, const struct iface_in *i, const uint8_t *at)
{
	uint64_t units = (uint64_t)pcapng_u32(p, at) << 32 | pcapng_u32(p, at + 4);

	return !i || i->plain_ns ? units : to_ns(i, units);
}

static int no_iface(uint32_t id, struct reason *why)
{
	return reason_set(why, "interface %u has not been described", id);
}

static bool is_twice(const struct pcapng *p, const struct option *o)
{
	size_t n;
	const uint8_t *v = pcapng_custom(p, o, &n);

	return v && n >= 2 && v[0] == CUSTOM_TWICE && v[1] == CUSTOM_VERSION;
}

void pcapng_more_options(const struct pcapng *p, const uint8_t *from, const uint8_t *end,
			 struct event *ev)
{
	struct cursor c = {from, end};
	struct option o;

	while (pcapng_option(p, &c, &o)) {
		if (o.code == OPT_EPB_FLAGS && o.size == 4)
			ev->flags = pcapng_u32(p, o.value);
		else if (o.code == OPT_EPB_DROPCOUNT && o.size == 8)
			ev->lost = (uint32_t)MIN(pcapng_u64(p, o.value), UINT32_MAX);
		else if (o.code == OPT_EPB_PACKETID && o.size == 8)
			ev->packet_id = pcapng_u64(p, o.value);
		else if (o.code == OPT_CUSTOM_BYTES && is_twice(p, &o))
			ev->packet_id = PACKET_ID_OF_BYTES;
	}
}

/* The part that enhanced and obsolete packets have in common: from the time at block + 12 on. */
static int timed_packet(struct pcapng *p, const uint8_t *block, uint32_t size, uint32_t id,
			uint32_t lost, struct event *ev, struct reason *why)
{
	uint32_t room = size - PACKET_LEAST, caplen = pcapng_u32(p, block + 20);
	const struct iface_in *i = find_iface(p, id);

	if (!i && !p->loose)
		return no_iface(id, why);
	if (caplen > room)
		return reason_set(why, "packet of %u bytes in a block of %u", caplen, size);
	if (caplen > SAVEFILE_MAX_PACKET)
		return reason_set(why, "packet length %u is impossible", caplen);
	ev->ts = event_time(p, i, block + 12);
	ev->num = ++p->frames;
	ev->data = block + PACKET_AT;
	ev->caplen = caplen;
	ev->len = MAX(caplen, pcapng_u32(p, block + 24));
	ev->iface = i ? p->base + id : IFACE_NONE;
	ev->container = CONTAINER_NONE;
	ev->type = EVENT_PACKET;
	ev->hop = i ? i->hop : 0;
	ev->flags = 0;
	ev->lost = lost;
	ev->weight = i ? i->weight : 1;
	ev->packet_id = 0;
	uint32_t padded = (caplen + 3) & ~3u;
	if (room - caplen >= 8)
		pcapng_packet_options(p, block + PACKET_AT + padded, block + size - 4, ev);
	p->last_ts = ev->ts;
	return 1;
}

static int obsolete_packet(struct pcapng *p, const uint8_t *block, uint32_t size, struct event *ev,
			   struct reason *why)
{
	uint16_t lost = pcapng_u16(p, block + 10);

	return timed_packet(p, block, size, pcapng_u16(p, block + 8), lost == UINT16_MAX ? 0 : lost,
			    ev, why);
}

/* A simple packet has no time: it gets that of the packet before it. */
static int simple_packet(struct pcapng *p, const uint8_t *block, uint32_t size, struct event *ev,
			 struct reason *why)
{
	const struct iface_in *i = find_iface(p, 0);

	if (!i && !p->loose)
		return no_iface(0, why);
	uint32_t len = pcapng_u32(p, block + 8), caplen = MIN(len, size - 16);
	if (i && i->snaplen)
		caplen = MIN(caplen, i->snaplen);
	if (caplen > SAVEFILE_MAX_PACKET)
		return reason_set(why, "packet length %u is impossible", caplen);
	*ev = (struct event){
		.ts = p->last_ts,
		.num = ++p->frames,
		.data = block + 12,
		.caplen = caplen,
		.len = len,
		.iface = i ? p->base : IFACE_NONE,
		.container = CONTAINER_NONE,
		.type = EVENT_PACKET,
		.hop = i ? i->hop : 0,
		.weight = i ? i->weight : 1,
	};
	return 1;
}

/* What another program lost on the interface up to here. */
static int statistics_loss(struct pcapng *p, struct iface_in *i, uint64_t ts, uint64_t dropped,
			   struct event *ev)
{
	uint64_t lost = dropped > i->dropped ? dropped - i->dropped : 0;

	if (!lost)
		return 0;
	i->dropped = dropped;
	ts = ts ? ts : p->last_ts;
	int n = snprintf(p->drop, sizeof(p->drop),
			 "__REALTIME_TIMESTAMP=%llu\nPRIORITY=4\nDREDGE_EVENT=drop\n"
			 "MESSAGE=%llu packets lost: so the statistics of the interface\n"
			 "DREDGE_COUNT=%llu\nDREDGE_REASON=interface statistics\n",
			 (unsigned long long)(ts / NSEC_PER_USEC), (unsigned long long)lost,
			 (unsigned long long)lost);
	*ev = (struct event){
		.ts = ts,
		.data = (const uint8_t *)p->drop,
		.caplen = (uint32_t)n,
		.len = (uint32_t)n,
		.iface = IFACE_NONE,
		.container = CONTAINER_NONE,
		.type = EVENT_DROP,
		.lost = (uint32_t)MIN(lost, UINT32_MAX),
		.weight = 1,
	};
	return 1;
}

/* Our own samples are events; of foreign statistics only that packets were lost. run: NULL where
 * there are only ours. */
static int statistics(struct pcapng *p, const struct run *run, const uint8_t *block, uint32_t size,
		      struct event *ev, struct reason *why)
{
	struct cursor c = {block + 20, block + size - 4};
	uint32_t id = pcapng_u32(p, block + 8);
	uint64_t dropped = 0;
	struct option o;

	while (pcapng_option(p, &c, &o)) {
		size_t n;
		if (o.code == OPT_ISB_IFDROP && o.size == 8)
			dropped = pcapng_u64(p, o.value);
		const uint8_t *v = o.code == OPT_CUSTOM_BYTES_NO_COPY ? pcapng_custom(p, &o, &n)
								      : NULL;
		if (!v || n < 2 || v[0] != CUSTOM_COUNTERS || v[1] != CUSTOM_VERSION)
			continue;
		if (counters_unpack(&p->counters, v + 2, n - 2))
			return reason_set(why, "counter sample is damaged");
		const struct iface_in *i = find_iface(p, id);
		if (!i && !p->loose)
			return no_iface(id, why);
		*ev = (struct event){
			.ts = event_time(p, i, block + 12),
			.data = (const uint8_t *)&p->counters,
			.caplen = sizeof(p->counters),
			.len = sizeof(p->counters),
			.iface = i ? p->base + id : IFACE_NONE,
			.container = CONTAINER_NONE,
			.type = EVENT_COUNTERS,
			.hop = i ? i->hop : 0,
			.weight = 1,
		};
		return 1;
	}
	if (!run || !dropped || id >= p->limit)
		return 0;
	struct iface_in *i = &p->ifaces->items[p->base + id];
	return statistics_loss(p, i, event_time(p, i, block + 12), dropped, ev);
}

/* Fixed part of a block with its header and trailer, bytes. */
static uint32_t least(uint32_t type)
{
	switch (type) {
	case BLOCK_SHB:
		return 28;
	case BLOCK_IDB:
		return 20;
	case BLOCK_PACKET:
	case BLOCK_EPB:
		return PACKET_LEAST;
	case BLOCK_SPB:
		return 16;
	case BLOCK_ISB:
		return 24;
	default:
		return 12;
	}
}

int pcapng_whole(const struct pcapng *p, const uint8_t *block, uint32_t size, struct reason *why)
{
	uint32_t type = pcapng_u32(p, block), again = pcapng_u32(p, block + size - 4);

	if (again != size)
		return reason_set(why, "block lengths %u and %u differ", size, again);
	if (size < least(type))
		return reason_set(why, "block of type %u is too short", type);
	return 0;
}

int pcapng_block(struct pcapng *p, struct run *run, const uint8_t *block, uint32_t size,
		 struct event *ev, struct reason *why)
{
	if (pcapng_whole(p, block, size, why))
		return -1;
	switch (pcapng_u32(p, block)) {
	case BLOCK_EPB:
		return timed_packet(p, block, size, pcapng_u32(p, block + 8), 0, ev, why);
	case BLOCK_ISB:
		return statistics(p, run, block, size, ev, why);
	case BLOCK_JEB:
		describe_journal(run, block + 8, size - 12, ev);
		ev->num = ++p->frames;
		return 1;
	case BLOCK_IDB:
		return describe_iface(p, run, block, size, why);
	case BLOCK_SHB:
		p->base += p->limit;
		p->limit = 0;
		p->loose = false;
		describe_section(p, block, size);
		return 0;
	case BLOCK_PACKET:
		return obsolete_packet(p, block, size, ev, why);
	case BLOCK_SPB:
		return simple_packet(p, block, size, ev, why);
	case BLOCK_SYSDIG:
		return p->limit ? 0
				: reason_set(why, "a capture of sysdig, which holds system calls "
						  "and no packets, is not read");
	case BLOCK_CUSTOM:
	case BLOCK_CUSTOM_NO_COPY:
		p->frames++; /* Wireshark shows them as frames */
		return 0;
	default:
		return 0;
	}
}
