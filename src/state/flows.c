/* SPDX-License-Identifier: Apache-2.0 */
#include "state/flows.h"
#include "state/tcp.h"

#include <stdlib.h>

#define WAYS		16u
#define EPHEMERAL_FIRST 32768u /* net.ipv4.ip_local_port_range of Linux */
#define PROTO_TCP	6u
#define PROTO_UDP	17u
#define PORT_DNS	53u

/* What tells conversations apart; compared as bytes, so without holes. */
struct conversation {
	struct flow_key key;
	uint32_t iface, vni;
};

_Static_assert(sizeof(struct conversation) == 48, "no holes");

struct flow {
	struct conversation who;
	uint64_t stream;
	struct opening opening;
	uint8_t out_known, out; /* bit per direction: which way the interface saw it first */
	struct talk talk[];	/* one, where conversations are followed */
};

struct flows {
	/* WAYS per set. */
	struct slot {
		uint32_t tag;	/* hash of who is there, 0 = nobody */
		uint32_t place; /* and which flow that is */
		uint64_t
			used; /* by which packet; here, as a set is looked through for its oldest */
	} * slots;
	/* struct flow, each `size` bytes, in the order of their coming: few take little memory. */
	uint8_t *flow;
	size_t size;
	struct slot *last; /* of the packet before: often this one is of it too */
	uint32_t known;
	uint64_t mask; /* sets - 1 */
	uint64_t streams, packets;
};

struct flows *flows_new(unsigned flows, bool follow)
{
	struct flows *f = xcalloc(1, sizeof(*f));
	uint64_t sets = 1;

	while (sets * WAYS < MIN(flows, FLOWS_MAX))
		sets *= 2;
	f->mask = sets - 1;
	f->slots = xcalloc(sets * WAYS, sizeof(*f->slots));
	f->size = sizeof(struct flow) + (follow ? sizeof(struct talk) : 0);
	f->flow = xcalloc(sets * WAYS, f->size);
	f->last = f->slots;
	return f;
}

void flows_free(struct flows *f)
{
	if (!f)
		return;
	free(f->slots);
	free(f->flow);
	free(f);
}

/* Three products side by side: a packet waits for this before it can look for its conversation. */
static inline uint64_t hash_conversation(const struct conversation *who)
{
	uint64_t w[6];

	memcpy(w, who, sizeof(w));
	return hash_pair(w[0] ^ 0x9e3779b97f4a7c15ull, w[1] ^ 0xd1b54a32d192ed03ull) ^
	       hash_pair(w[2] ^ 0x8cb92ba72f3d8dd7ull, w[3] ^ 0xaef17502108ef2d9ull) ^
	       hash_pair(w[4] ^ 0xf1357aea2e62a9c5ull, w[5] ^ 0xbf58476d1ce4e5b9ull);
}

static inline bool same_conversation(const struct conversation *a, const struct conversation *b)
{
	uint64_t x[6], y[6];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	/* By the words that have just been written, not by larger ones, which would wait for them.
	 */
	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4] &&
	       x[5] == y[5];
}

/* Each begins to look at a place of its own in the set: who is there is mostly found at once. */
static inline unsigned way_at(uint64_t hash, unsigned k)
{
	return ((unsigned)(hash >> 24) + k) % WAYS;
}

static inline struct flow *flow_of(const struct flows *f, const struct slot *s)
{
	return (struct flow *)(f->flow + s->place * f->size);
}

static inline struct slot *find(struct flows *f, const struct conversation *who, uint64_t hash)
{
	struct slot *set = &f->slots[(hash & f->mask) * WAYS];
	uint32_t tag = (uint32_t)(hash >> 32) | 1;

	for (unsigned k = 0; k < WAYS; k++) {
		struct slot *s = &set[way_at(hash, k)];
		if (!s->tag) /* nor was any behind it ever taken */
			return NULL;
		if (s->tag == tag && LIKELY(same_conversation(&flow_of(f, s)->who, who)))
			return s;
	}
	return NULL;
}

/* NULL: they are not followed. */
static inline struct talk *talk_of(const struct flows *f, struct flow *flow)
{
	return f->size > sizeof(*flow) ? flow->talk : NULL;
}

static void begin(struct flows *f, struct flow *flow, struct conversation who)
{
	memset(flow, 0, f->size);
	flow->who = who;
	flow->stream = f->streams++;
}

static struct slot *insert(struct flows *f, const struct conversation *who, uint64_t hash)
{
	struct slot *set = &f->slots[(hash & f->mask) * WAYS], *best = set;

	for (unsigned k = 0; k < WAYS; k++) {
		struct slot *s = &set[way_at(hash, k)];
		if (!s->tag) {
			s->place = f->known++;
			best = s;
			break;
		}
		if (s->used < best->used)
			best = s;
	}
	best->tag = (uint32_t)(hash >> 32) | 1;
	begin(f, flow_of(f, best), *who);
	return best;
}

static inline struct flow *get(struct flows *f, const struct conversation *who, bool *first)
{
	struct slot *s = f->last;

	*first = false;
	if (!same_conversation(&flow_of(f, s)->who, who)) {
		uint64_t hash = hash_conversation(who);
		s = find(f, who, hash);
		*first = !s;
		f->last = s = s ? s : insert(f, who, hash);
	}
	s->used = ++f->packets;
	return flow_of(f, s);
}

/* dir: 0 = a sends to b. The side that looks like the client when no SYN tells. */
static unsigned guess_client(const struct flow_key *key, unsigned dir)
{
	bool a_low = key->aport < EPHEMERAL_FIRST, b_low = key->bport < EPHEMERAL_FIRST;

	if (a_low && b_low) {
		a_low = key->aport < key->bport;
		b_low = key->bport < key->aport;
	}
	return a_low == b_low ? dir : a_low ? 1 : 0;
}

/* The interface saw this direction first going the other way: loopback shows packets twice. */
static bool second_sight(struct flow *flow, unsigned dir, bool out)
{
	uint8_t bit = (uint8_t)(1u << dir);

	if (!(flow->out_known & bit)) {
		flow->out_known |= bit;
		flow->out |= out ? bit : 0;
		return false;
	}
	return !!(flow->out & bit) != out;
}

static void restart(struct flows *f, struct flow *flow, unsigned dir, bool out)
{
	begin(f, flow, flow->who);
	second_sight(flow, dir, out);
}

static void follow_udp(struct talk *t, const struct flow *flow, unsigned dir, uint64_t ts,
		       const struct packet *p, const struct packet_layer *l,
		       struct flow_facts *facts)
{
	const uint8_t *dns = p->data + l->payload;
	bool is_dns = flow->who.key.aport == PORT_DNS || flow->who.key.bport == PORT_DNS;

	if (is_dns && l->payload_len >= 4 && p->caplen - l->payload >= 4) {
		talk_dns(t, load_be16(dns), load_be16(dns + 2) & 0x8000, ts, facts);
		return;
	}
	if (l->payload_len)
		talk_turn(t, dir == flow->opening.client, ts, facts);
}

/* ICMP type 3, or ICMPv6 type 1, that quotes the SYN of a connect nobody answered yet. */
static void track_unreachable(struct flows *f, uint32_t iface, const struct packet *p,
			      const struct packet_layer *l, struct flow_facts *facts)
{
	const uint8_t *h = p->data + l->l4;
	bool ip4 = l->has & PACKET_ICMP;
	uint32_t here = packet_head_here(p, l);
	struct packet quoted;
	struct conversation who;

	if (ip4 ? h[0] != 3 || h[1] == 4 : h[0] != 1)
		return;
	packet_decode(&quoted, LINKTYPE_RAW, p->data + l->payload, here, here);
	const struct packet_layer *q = &quoted.layer[0];
	int way = q->proto == PROTO_TCP && q->has & PACKET_PORTS ? packet_flow(q, &who.key) : 0;
	if (!way || quoted.caplen - q->l4 < 8)
		return;
	who.iface = iface;
	who.vni = p->tunnel == TUNNEL_NONE ? 0 : p->vni;
	const struct slot *s = find(f, &who, hash_conversation(&who));
	struct flow *flow = s ? flow_of(f, s) : NULL;
	if (!flow || !opening_refuse(&flow->opening, way == 2, load_be32(quoted.data + q->l4 + 4)))
		return;
	facts->valid = facts->quoted = true;
	facts->stream = flow->stream;
	facts->way = (uint8_t)(3 * flow->opening.client);
	facts->refused = true;
}

bool context_quoted(const struct context *c, struct quoted *out)
{
	const struct packet *p = &c->packet;
	const struct packet_layer *l = packet_inner(p), *syn = &out->context.packet.layer[0];
	uint32_t here = packet_head_here(p, l);

	out->event = *c->ev;
	if (out->event.flags & EVENT_DIR_MASK)
		out->event.flags ^= EVENT_DIR_MASK;
	out->context = *c;
	out->context.ev = &out->event;
	out->context.facts.quoted = out->context.facts.refused = false;
	out->context.facts.from_client = true;
	/* An error need not quote more than eight bytes of TCP; the rest of the header is made up.
	 */
	memset(out->head, 0, sizeof(out->head));
	memcpy(out->head, p->data + l->payload, here);
	packet_decode(&out->context.packet, LINKTYPE_RAW, out->head, here, here);
	uint32_t size = syn->l4 + TCP_HEAD;
	out->head[syn->l4 + 13] = TCP_SYN;
	packet_decode(&out->context.packet, LINKTYPE_RAW, out->head, size, size);
	return syn->has & PACKET_TCP;
}

void flows_packet(struct flows *f, uint64_t ts, uint32_t iface, bool out, const struct packet *p,
		  struct flow_facts *facts)
{
	const struct packet_layer *l = packet_inner(p);
	struct conversation who;

	*facts = (struct flow_facts){0};
	if (l->has & (PACKET_ICMP | PACKET_ICMP6)) {
		track_unreachable(f, iface, p, l, facts);
		return;
	}
	if (!(l->has & (PACKET_TCP | PACKET_UDP)))
		return;
	int way = packet_flow(l, &who.key);
	if (!way)
		return;
	who.iface = iface;
	who.vni = p->tunnel == TUNNEL_NONE ? 0 : p->vni;
	unsigned dir = way == 2;
	bool first;
	struct flow *flow = get(f, &who, &first);
	bool again = second_sight(flow, dir, out);
	struct opening *o = &flow->opening;
	struct segment s;
	if (l->has & PACKET_TCP) {
		segment_read(&s, p, l);
		if (!again && opening_is_over(o, dir, &s)) {
			restart(f, flow, dir, out);
			first = true;
		}
	}
	if (first)
		o->client = (uint8_t)guess_client(&who.key, dir);
	facts->valid = true;
	facts->first = first;
	facts->stream = flow->stream;
	unsigned news = l->has & PACKET_TCP && !again ? opening_take(o, dir, &s, facts) : 0;
	struct talk *talk = talk_of(f, flow);
	if (talk && l->has & PACKET_TCP)
		talk_tcp(talk, o, dir, ts, &s, again, news, facts);
	else if (talk && !again)
		follow_udp(talk, flow, dir, ts, p, l, facts);
	unsigned client = o->client;
	/* Of itself a SYN tells, whatever was seen before. */
	if (UNLIKELY(l->has & PACKET_TCP && s.flags & TCP_SYN))
		client = s.flags & TCP_ACK ? !dir : dir;
	facts->from_client = client == dir;
	facts->way = (uint8_t)(dir << 1 | client);
}
