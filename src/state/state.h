/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room state: the tables of containers and interfaces, fed by records and
 * events, live or from a file alike; and, where somebody asks for it, the
 * conversations (TCP handshakes, responses, retransmits). The flow owns the
 * state and calls it from the event thread before filters and printers look.
 */
#ifndef DREDGE_STATE_H
#define DREDGE_STATE_H

#include "event/event.h"
#include "packet/packet.h"

#define CONTAINER_META_ROOM 16u

struct container {
	/* What each packet touches comes first, in as few cache lines as it takes. */
	uint32_t index;
	/* Of a file: how it was before something of it changed is a container of its own, for the
	 * events of that time; `now` is the index of the last one, `past` of the one before. */
	uint32_t now, past; /* past: CONTAINER_NONE = there is none */
	unsigned rung;	    /* of META_RUNG, inside the state */
	bool has_iface;
	/* 1 << key: nothing in it that a terminal obeys, meta_len bytes long, and
	 * CONTAINER_META_ROOM to read. */
	uint32_t plain;
	uint16_t meta_len[META_KEYS];
	uint64_t packets_in, packets_out, bytes_in, bytes_out; /* events seen, bytes on the wire */
	uint64_t lost;
	char *meta[META_KEYS];	  /* owned by the state; NULL = unknown */
	uint64_t start, end;	  /* ns, 0 = unknown / alive */
	int pid;		  /* of its first process, 0 = unknown */
	uint64_t sampled;	  /* ns, when counters were taken; 0 = never */
	struct counters counters; /* newest sample, merged over the container's interfaces */
	struct counters measured; /* from packets, where flows are tracked: TCP_*, RESPONSES ... */
};

/* Packets by how it was found whose they are. */
struct attribution {
	const char *rung; /* as META_RUNG, "unknown", "record" = a file says no more; borrowed */
	uint64_t packets;
};

struct iface {
	uint32_t container; /* index or CONTAINER_NONE */
	bool known;
	struct iface_record record; /* strings owned by the state; record.container is NULL */
};

/* What the conversation tells about one packet. */
struct flow_facts {
	bool valid; /* the packet belongs to a tracked conversation */
	bool retransmission, out_of_order, duplicate_ack, zero_window, refused;
	bool from_client;    /* the sender of this packet is the client */
	bool handshake_done; /* this packet completed the handshake */
	bool response;	     /* this packet is the first of an answer */
	bool first;	     /* first packet of its conversation */
	bool quoted; /* it is no packet of the conversation, but an ICMP error about its SYN */
	/* Which end sends (of quoted: sent), and which is the client: packets of one stream with
	 * the same way have the same ends. 2 bits. */
	uint8_t way;
	uint64_t stream;	 /* number of the conversation, from 0 */
	uint64_t rtt;		 /* ns, this ACK to the segment it acknowledges; 0 = none */
	uint64_t initial_rtt;	 /* ns, SYN to the ACK that ends the handshake; 0 = not seen */
	uint64_t response_time;	 /* ns, last request byte to first response byte; 0 = none */
	uint32_t seq, ack;	 /* relative to the first seen */
	uint64_t handshake_time; /* ns, first SYN to the ACK that ends the handshake; there only */
};

/* Packets of one state with the same value have the same ends, direction and interface; an ICMP
 * error has that of the packet it is about. Of valid facts. */
static inline uint64_t flow_talk(const struct flow_facts *f, uint32_t flags)
{
	uint32_t dir = flags & EVENT_DIR_MASK;

	if (f->quoted && dir)
		dir ^= EVENT_DIR_MASK;
	return f->stream << 4 | (uint64_t)f->way << 2 | dir;
}

/* Its place in a table of a power of two: most conversations have two, one for each direction. */
static inline uint64_t flow_talk_place(uint64_t talk)
{
	return talk >> 4 << 1 | (talk >> 3 & 1);
}

/* One event joined with what is known: what fields and printers look at. */
struct context {
	const struct event *ev;
	const struct container *container; /* NULL = none */
	const struct iface *iface;	   /* NULL = none */
	const struct counters *counters;   /* of a counters event, else NULL */
	bool by_port;			   /* the container is known by address and port alone */
	bool repeated;		 /* by_port, and interfaces of the container show its packets too */
	struct flow_facts facts; /* valid only when the state tracks flows */
	uint64_t version;	 /* another one when more is known of some container or interface */
	uint64_t first_ts;	 /* of the run */
	uint64_t previous_ts;	 /* of the event before */
	uint64_t printed_ts;	 /* of the line printed before; set by the printer's caller */
	bool decoded;
	struct packet packet; /* by context_packet only */
};

/* The decoded packet, made at first use; NULL for events without one. */
static inline const struct packet *context_packet(struct context *c)
{
	if (!c->decoded) {
		if (c->ev->type != EVENT_PACKET || !c->iface)
			return NULL;
		packet_decode(&c->packet, c->iface->record.linktype, c->ev->data, c->ev->caplen,
			      c->ev->len);
		c->decoded = true;
	}
	return &c->packet;
}

/* Its flow_talk, or where it has no conversation what its ends hash to, which tells an IP packet
 * from others as surely as 63 bits can. false: whose it is depends on more than its ends. */
static inline bool context_talk(struct context *c, uint64_t *talk)
{
	if (c->by_port || c->ev->type != EVENT_PACKET)
		return false;
	if (LIKELY(c->facts.valid)) {
		*talk = flow_talk(&c->facts, c->ev->flags);
		return true;
	}
	const struct packet *p = context_packet(c);
	const struct packet_layer *l = p ? packet_inner(p) : NULL;
	if (!l || !(l->has & (PACKET_IP4 | PACKET_IP6)))
		return false;
	uint64_t side = (uint64_t)c->ev->iface << 2 | (c->ev->flags & EVENT_DIR_MASK);
	*talk = 1ull << 63 | (packet_ends(l) ^ side * 0x9e3779b97f4a7c15ull);
	return true;
}

#define TCP_HEAD 20u /* bytes without options, RFC 9293 */

/* The SYN that an ICMP error is about, as an event of its own. */
struct quoted {
	struct context context;
	struct event event;
	uint8_t head[PACKET_HEAD + TCP_HEAD];
};

/* Of facts that are quoted: the ends of the SYN, its way, and that it is one. False: not to be had.
 * *out stays where it is. */
bool context_quoted(const struct context *c, struct quoted *out);

#define FLOWS_TRACKED 65536u /* conversations remembered where somebody asks for them */

struct state;
/* flows = conversations to remember, 0 = do not track. */
struct state *state_new(unsigned flows);
/* Likewise, in a fourth of the memory, for who wants no more of conversations than whose packets
 * are whose: of the facts valid, first, from_client, handshake_done, refused, quoted, way and
 * stream. */
struct state *state_new_ends(unsigned flows);
void state_free(struct state *s);
/* No more events will come; tables of containers and interfaces stay. */
void state_forget_flows(struct state *s);
/* An empty one learns whose the ports of hosts are and were from another, which forgets it. */
void state_take_ports(struct state *s, struct state *from);
/* Whether packets on an interface that is nobody's may have owners. */
bool state_knows_ports(const struct state *s);
int state_iface(struct state *s, const struct iface_record *r);
/*
 * Returns the container's index; new knowledge is merged in, knowledge is never taken away. Records
 * with the same id are of the same container, and while it lives those with its network namespace:
 * the id is then that of the record with a process, and either finds it. Where a file says
 * that something changed, what was told before stays with the interfaces and ports it was told of.
 */
uint32_t state_container(struct state *s, const struct container_record *r);
/* When the run began, where that is known before its first event; ns. */
void state_begin(struct state *s, uint64_t first);
/* Number the event, join it, keep the tables; *c stays valid until the next call. */
struct context *state_event(struct state *s, struct event *ev);
size_t state_containers(const struct state *s);
struct container *state_container_at(const struct state *s, uint32_t index);
/* By full id or any unique prefix of at least 6 characters; NULL when there is none. */
struct container *state_container_find(const struct state *s, const char *id);
size_t state_ifaces(const struct state *s);
const struct iface *state_iface_at(const struct state *s, uint32_t number); /* NULL = unknown */
#define ATTRIBUTIONS 16u
/* How many there are, ATTRIBUTIONS at most. */
size_t state_attribution(const struct state *s, struct attribution out[ATTRIBUTIONS]);

#endif
