/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room state: the analysis of one conversation. The definitions stand in flows.h. */
#ifndef DREDGE_STATE_TCP_H
#define DREDGE_STATE_TCP_H

#include "state/state.h"

#define TALK_GAPS    4u
#define TALK_PENDING 4u

/* One direction. */
struct side {
	uint32_t base;	 /* relative number 0 */
	uint32_t low;	 /* first number seen */
	uint32_t next;	 /* behind the highest number seen */
	uint32_t acked;	 /* highest acknowledgement sent */
	uint16_t window; /* as in the last segment, unscaled */
	bool has_base : 1, has_seq : 1, has_ack : 1, syn : 1;
	uint8_t gaps, pending;
	struct {
		uint32_t from, to;
	} gap[TALK_GAPS];		    /* oldest first */
	uint32_t pending_end[TALK_PENDING]; /* segments nobody acknowledged yet; DNS: query ids */
	uint64_t pending_ts[TALK_PENDING];
};

struct talk {
	uint64_t syn_first, syn_last, request_ts;
	uint64_t initial_rtt;
	uint8_t client; /* side that is the client */
	bool syn_sent : 1, syn_acked : 1, done : 1, refused : 1, asked : 1;
	struct side side[2];
};

/* The numbers of one segment; len counts SYN and FIN. */
struct segment {
	uint32_t seq, ack, len, payload;
	uint16_t window;
	uint8_t flags;
};

/* A layer with PACKET_TCP. */
void segment_read(struct segment *s, const struct packet *p, const struct packet_layer *l);
/* The segment opens a new conversation on the same addresses and ports. */
bool talk_is_over(const struct talk *t, unsigned dir, const struct segment *s);
/* again: this segment was looked at before, only its relative numbers are wanted. */
void talk_tcp(struct talk *t, unsigned dir, uint64_t ts, const struct segment *s, bool again,
	      struct flow_facts *facts);
/* New payload by side dir: question or answer. */
void talk_turn(struct talk *t, unsigned dir, uint64_t ts, struct flow_facts *facts);
void talk_dns(struct talk *t, uint16_t id, bool response, uint64_t ts, struct flow_facts *facts);
/* An ICMP error about the SYN of side dir; true when that ends an unanswered connect. */
bool talk_refuse(struct talk *t, unsigned dir, uint32_t seq);

#endif
