/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room state: the analysis of one conversation. The definitions stand in flows.h. */
#ifndef DREDGE_STATE_TCP_H
#define DREDGE_STATE_TCP_H

#include "state/state.h"

#define TALK_GAPS    4u
#define TALK_PENDING 4u

/* What tells who called whom, and whether that is over: of every conversation. Of the fields with
 * one bit per side, bit 0 is that of side 0. */
struct opening {
	uint32_t base[2]; /* relative number 0 */
	uint8_t client;	  /* side that is the client */
	uint8_t has_base : 2, has_seq : 2;
	uint8_t syn : 2; /* base is the number of its SYN */
	bool syn_sent : 1, syn_acked : 1, done : 1, refused : 1;
};

/* One direction. */
struct side {
	uint32_t low;	 /* first number seen */
	uint32_t next;	 /* behind the highest number seen */
	uint32_t acked;	 /* highest acknowledgement sent */
	uint16_t window; /* as in the last segment, unscaled */
	bool has_ack;
	uint8_t gaps : 4, pending : 4;
	struct {
		uint32_t from, to;
	} gap[TALK_GAPS];		    /* oldest first */
	uint32_t pending_end[TALK_PENDING]; /* segments nobody acknowledged yet; DNS: query ids */
	uint64_t pending_ts[TALK_PENDING];
};

/* What its segments tell: only of conversations that are followed. */
struct talk {
	uint64_t syn_first, syn_last, request_ts;
	uint64_t initial_rtt;
	struct side side[2];
	bool asked;
};

/* The numbers of one segment; len counts SYN and FIN. */
struct segment {
	uint32_t seq, ack, len, payload;
	uint16_t window;
	uint8_t flags;
};

#define SEGMENT_MAX (1u << 24) /* above any real one, BIG TCP included */

/* A layer with PACKET_TCP. */
static inline void segment_read(struct segment *s, const struct packet *p,
				const struct packet_layer *l)
{
	const uint8_t *h = p->data + l->l4;

	s->seq = load_be32(h + 4);
	s->ack = load_be32(h + 8);
	s->window = load_be16(h + 14);
	s->flags = l->tcp_flags;
	s->payload = MIN(l->payload_len, SEGMENT_MAX);
	s->len = s->payload + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
}

/* The segment opens a new conversation on the same addresses and ports. */
static inline bool opening_is_over(const struct opening *o, unsigned dir, const struct segment *s)
{
	return (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && o->has_seq >> dir & 1 &&
	       s->seq != o->base[dir];
}

#define NEWS_SIDE 1u /* the numbers of this side begin here */
#define NEWS_CALL 2u /* the first SYN */
unsigned opening_look(struct opening *o, unsigned dir, const struct segment *s,
		      struct flow_facts *facts);
/* A segment that was not looked at before, in front of talk_tcp. Returns NEWS_*: mostly both sides
 * are known and nothing is waited for. */
static inline unsigned opening_take(struct opening *o, unsigned dir, const struct segment *s,
				    struct flow_facts *facts)
{
	bool waits = o->syn_sent && !o->done;

	if (LIKELY(!waits && (o->has_seq & o->has_base) == 3 && !(s->flags & (TCP_SYN | TCP_RST))))
		return 0;
	return opening_look(o, dir, s, facts);
}
/* An ICMP error about the SYN of side dir; true when that ends an unanswered connect. */
bool opening_refuse(struct opening *o, unsigned dir, uint32_t seq);

/* again: this segment was looked at before, only its relative numbers are wanted; else news is what
 * opening_take returned. */
void talk_tcp(struct talk *t, const struct opening *o, unsigned dir, uint64_t ts,
	      const struct segment *s, bool again, unsigned news, struct flow_facts *facts);
/* New payload: question, if the client sent it, or answer. */
void talk_turn(struct talk *t, bool by_client, uint64_t ts, struct flow_facts *facts);
void talk_dns(struct talk *t, uint16_t id, bool response, uint64_t ts, struct flow_facts *facts);

#endif
