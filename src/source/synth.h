/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets of the synthetic source: conversations as scripts of steps, each
 * step a header written in front of a payload that already lies in memory.
 */
#ifndef DREDGE_SOURCE_SYNTH_H
#define DREDGE_SOURCE_SYNTH_H

#include "base/base.h"

#define SYNTH_SIZE_MIX 0u
#define SYNTH_HEADER   66u    /* Ethernet, IPv4, TCP with timestamps */
#define SYNTH_SIZE_MAX 9014u  /* a jumbo frame */
#define SYNTH_PORT     31401u /* one container serves on it, whatever the options */
#define SYNTH_BLOCKS   4000u  /* port blocks of 8 between 31000 and 63000 */

struct synth_host {
	uint8_t mac[6];
	uint8_t ip[4];
};

/* One packet, and where it is seen: at its sender and, between two containers, at its receiver. */
struct synth_packet {
	uint8_t *data; /* borrowed until the next packet is made */
	uint32_t len;
	uint32_t from, to; /* container numbers or IFACE_NONE */
	uint64_t key;	   /* the same for both sights, another for every other packet */
	bool ip;
};

/* ---- payloads ---- */

#define SYNTH_HEADROOM	128u /* over the longest header, so headers go in front of payloads */
#define SYNTH_BODIES	32u
#define SYNTH_HOLES_MAX 96u

/* A payload with holes of 8 bytes, refilled for every packet. */
struct synth_body {
	uint8_t *at; /* SYNTH_HEADROOM bytes before it are free for headers */
	uint32_t len;
	uint64_t sum; /* Internet checksum, unfolded, of everything but the holes */
	uint32_t holes;
	uint16_t hole[SYNTH_HOLES_MAX];
};

enum talk { TALK_HTTP, TALK_REDIS, TALKS };

struct synth_bodies {
	struct synth_body request[TALKS][SYNTH_BODIES], response[TALKS][SYNTH_BODIES];
	uint8_t *bytes; /* behind all of them */
};

/* size as in synth_traffic_new. */
void synth_bodies_make(struct synth_bodies *b, uint32_t size);
void synth_bodies_done(struct synth_bodies *b);
/* Fill the holes from the packet's own key, so that a retransmission carries the same bytes.
 * Returns the sum of the whole payload. */
uint64_t synth_body_refill(struct synth_body *b, uint64_t key);
/* Even HTTP responses begin an answer of so many packets, the odd one behind each goes on with
 * it; the header tells the length of all. */
uint32_t synth_reply_segments(uint32_t i);
/* RFC 1071: the sum may be taken over wider words and in any byte order, then folded. */
uint64_t synth_sum(const uint8_t *p, uint32_t n);

/* ---- conversations ---- */

struct synth_traffic;
/* containers 1..SYNTH_BLOCKS; size SYNTH_SIZE_MIX or bytes of every packet after the handshake. */
struct synth_traffic *synth_traffic_new(uint32_t containers, uint32_t apps, uint32_t size,
					bool equal, uint64_t seed);
void synth_traffic_free(struct synth_traffic *t);
/* The next packet; now in ns goes into the TCP timestamps. */
void synth_traffic_next(struct synth_traffic *t, uint64_t now, struct synth_packet *p);
/* Turn the packet as its sender's interface shows it into what the receiver's shows: one hop on. */
void synth_traffic_hop(struct synth_traffic *t, struct synth_packet *p);

const struct synth_host *synth_traffic_host(const struct synth_traffic *t, uint32_t container);
uint16_t synth_port_block(uint32_t containers, uint32_t container); /* first of eight ports */
const char *synth_app(uint32_t app, char buf[32]);		    /* "/shop/web" */

static inline uint64_t synth_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull; /* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

#endif
