/* SPDX-License-Identifier: Apache-2.0 */
#include "state/tcp.h"

#define SPAN_MAX (1 << 30) /* the largest window (RFC 7323, 2.3); farther is another story */

static inline int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

/* Clocks of captures step back. */
static inline uint64_t elapsed(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* ---- who called whom ---- */

/* Where the numbers of the sides begin. */
static bool begin_sides(struct opening *o, unsigned dir, const struct segment *s)
{
	uint8_t me = (uint8_t)(1u << dir), peer = me ^ 3;
	bool syn = s->flags & TCP_SYN;
	bool anew = !(o->has_seq & me) || (syn && s->seq != o->base[dir]);

	if (anew) {
		if (!(o->has_base & me) || syn)
			o->base[dir] = syn ? s->seq : s->seq - 1;
		o->has_base |= me;
		o->has_seq |= me;
		o->syn = (o->syn & peer) | (syn ? me : 0);
	}
	if (s->flags & TCP_ACK && !(o->has_base & peer)) {
		o->base[!dir] = s->ack - 1;
		o->has_base |= peer;
	}
	return anew;
}

/* A SYN; true: the first of the client. */
static bool call(struct opening *o, unsigned dir, const struct segment *s)
{
	bool first = !o->syn_sent;

	if (s->flags & TCP_ACK) {
		o->client = !dir;
		if (o->syn_sent && o->syn >> !dir & 1 && s->ack == o->base[!dir] + 1)
			o->syn_acked = true;
		return false;
	}
	o->syn_sent = true;
	o->client = (uint8_t)dir;
	return first;
}

unsigned opening_look(struct opening *o, unsigned dir, const struct segment *s,
		      struct flow_facts *facts)
{
	unsigned news = !(s->flags & TCP_RST) && begin_sides(o, dir, s) ? NEWS_SIDE : 0;

	if ((s->flags & (TCP_SYN | TCP_RST)) == TCP_SYN)
		return news | (call(o, dir, s) ? NEWS_CALL : 0);
	if (LIKELY(o->done || !o->syn_sent))
		return news;
	/* Nothing but the RST may be known of the server: its SYN-ACK may have been lost to us. */
	if (!o->syn_acked && !o->refused && s->flags & TCP_RST && dir != o->client &&
	    !(o->has_seq >> dir & 1)) {
		o->refused = true;
		facts->refused = true;
	}
	if (o->syn_acked && dir == o->client && s->flags & TCP_ACK && !(s->flags & TCP_RST) &&
	    o->syn == 3 && distance(o->base[!dir] + 1, s->ack) >= 0) {
		o->done = true;
		facts->handshake_done = true;
	}
	return news;
}

bool opening_refuse(struct opening *o, unsigned dir, uint32_t seq)
{
	if (!o->syn_sent || o->syn_acked || o->refused || dir != o->client || seq != o->base[dir])
		return false;
	o->refused = true;
	return true;
}

/* ---- what the segments tell ---- */

static void drop_gap(struct side *me, unsigned i)
{
	me->gaps--;
	for (; i < me->gaps; i++)
		me->gap[i] = me->gap[i + 1];
}

static void add_gap(struct side *me, uint32_t from, uint32_t to)
{
	if (me->gaps == TALK_GAPS)
		drop_gap(me, 0);
	me->gap[me->gaps].from = from;
	me->gap[me->gaps++].to = to;
}

static bool in_gap(const struct side *me, uint32_t seq)
{
	for (unsigned i = 0; i < me->gaps; i++)
		if (distance(me->gap[i].from, seq) >= 0 && distance(seq, me->gap[i].to) > 0)
			return true;
	return false;
}

/* The bytes from..to are seen now. Backwards, as gaps disappear and a split one goes to the end. */
static void fill_gaps(struct side *me, uint32_t from, uint32_t to)
{
	for (unsigned i = me->gaps; i-- > 0;) {
		uint32_t begin = me->gap[i].from, end = me->gap[i].to;

		if (distance(begin, to) <= 0 || distance(from, end) <= 0)
			continue;
		bool head = distance(begin, from) > 0, tail = distance(to, end) > 0;
		if (head) {
			me->gap[i].to = from;
			if (tail && me->gaps < TALK_GAPS)
				add_gap(me, to, end);
		} else if (tail) {
			me->gap[i].from = to;
		} else {
			drop_gap(me, i);
		}
	}
}

static void start_side(struct side *me, const struct segment *s)
{
	me->low = s->seq;
	me->next = s->seq + s->len;
	me->gaps = me->pending = 0;
}

/* One byte that was there already, sent to hear an answer (RFC 9293, 3.8.4 and 3.8.6.1). */
static bool is_probe(const struct side *me, const struct side *peer, const struct segment *s)
{
	if (s->flags & (TCP_SYN | TCP_FIN) || s->len > 1 || s->seq + 1 != me->next ||
	    !peer->has_ack)
		return false;
	return distance(peer->acked, me->next) <= 0 || !peer->window;
}

/* Segments whose acknowledgement would be ambiguous are not measured. */
static void forget_pending(struct side *me, uint32_t seq)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < me->pending; i++) {
		if (distance(seq, me->pending_end[i]) > 0)
			continue;
		me->pending_end[kept] = me->pending_end[i];
		me->pending_ts[kept++] = me->pending_ts[i];
	}
	me->pending = (uint8_t)kept;
}

/* Place the segment among those seen before; true when its first byte is new. anew: there are none
 * of this side. */
static bool place(struct side *me, const struct side *peer, bool anew, uint64_t ts,
		  const struct segment *s, struct flow_facts *facts)
{
	uint32_t end = s->seq + s->len;
	int32_t ahead = anew ? 0 : distance(me->next, s->seq);

	if (anew || ahead > SPAN_MAX || ahead < -SPAN_MAX) {
		start_side(me, s);
		ahead = 0;
	}
	if (!s->len)
		return false;
	if (ahead < 0) {
		bool before = distance(s->seq, me->low) > 0;
		bool fresh = before || in_gap(me, s->seq);

		facts->out_of_order = fresh;
		facts->retransmission = !fresh && !is_probe(me, peer, s);
		fill_gaps(me, s->seq, end);
		if (before) {
			if (distance(end, me->low) > 0)
				add_gap(me, end, me->low);
			me->low = s->seq;
		}
		if (!fresh)
			forget_pending(me, s->seq);
		if (distance(me->next, end) > 0)
			me->next = end;
		return fresh;
	}
	if (ahead > 0)
		add_gap(me, me->next, s->seq);
	me->next = end;
	if (distance(me->low, me->next) > SPAN_MAX || distance(me->low, me->next) < 0)
		me->low = me->next - SPAN_MAX;
	if (me->pending < TALK_PENDING) {
		me->pending_end[me->pending] = end;
		me->pending_ts[me->pending++] = ts;
	}
	return true;
}

/* peer_known: segments of it were seen. */
static void take_ack(struct side *me, struct side *peer, bool peer_known, uint64_t ts,
		     const struct segment *s, struct flow_facts *facts)
{
	bool quiet = !s->len && !(s->flags & TCP_RST);
	int32_t step = me->has_ack ? distance(me->acked, s->ack) : 1;

	if (step == 0 && quiet && s->window && s->window == me->window && s->seq == me->next &&
	    peer_known && distance(s->ack, peer->next) > 0)
		facts->duplicate_ack = true;
	if (step <= 0 && step > -SPAN_MAX)
		return;
	me->acked = s->ack;
	me->has_ack = true;
	unsigned kept = 0;
	for (unsigned i = 0; i < peer->pending; i++) {
		if (peer->pending_end[i] == s->ack)
			facts->rtt = elapsed(peer->pending_ts[i], ts);
		if (distance(peer->pending_end[i], s->ack) >= 0)
			continue;
		peer->pending_end[kept] = peer->pending_end[i];
		peer->pending_ts[kept++] = peer->pending_ts[i];
	}
	peer->pending = (uint8_t)kept;
}

/* The first SYN counts, and the last one. */
static void time_handshake(struct talk *t, unsigned news, uint64_t ts, const struct segment *s,
			   struct flow_facts *facts)
{
	if ((s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_SYN) {
		if (news & NEWS_CALL)
			t->syn_first = ts;
		t->syn_last = ts;
	}
	if (facts->handshake_done) {
		t->initial_rtt = elapsed(t->syn_last, ts);
		facts->handshake_time = elapsed(t->syn_first, ts);
	}
}

void talk_turn(struct talk *t, bool by_client, uint64_t ts, struct flow_facts *facts)
{
	if (by_client) {
		t->asked = true;
		t->request_ts = ts;
	} else if (t->asked) {
		t->asked = false;
		facts->response = true;
		facts->response_time = elapsed(t->request_ts, ts);
	}
}

void talk_tcp(struct talk *t, const struct opening *o, unsigned dir, uint64_t ts,
	      const struct segment *s, bool again, unsigned news, struct flow_facts *facts)
{
	struct side *me = &t->side[dir], *peer = &t->side[!dir];

	if (!again && !(s->flags & TCP_RST)) {
		bool fresh = place(me, peer, news & NEWS_SIDE, ts, s, facts);
		if (s->flags & TCP_ACK)
			take_ack(me, peer, o->has_seq >> !dir & 1, ts, s, facts);
		me->window = s->window;
		facts->zero_window = !s->window && !(s->flags & (TCP_SYN | TCP_FIN));
		time_handshake(t, news, ts, s, facts);
		if (fresh && s->payload)
			talk_turn(t, dir == o->client, ts, facts);
	}
	facts->seq = o->has_base >> dir & 1 ? s->seq - o->base[dir] : 0;
	facts->ack = s->flags & TCP_ACK && o->has_base >> !dir & 1 ? s->ack - o->base[!dir] : 0;
	facts->initial_rtt = t->initial_rtt;
}

/* Both questions of a resolver (A and AAAA) travel on one socket, so the id tells them apart. */
void talk_dns(struct talk *t, uint16_t id, bool response, uint64_t ts, struct flow_facts *facts)
{
	struct side *s = &t->side[0];
	unsigned i = 0;

	while (i < s->pending && s->pending_end[i] != id)
		i++;
	if (response ? i == s->pending : i < s->pending)
		return;
	if (response) {
		facts->response = true;
		facts->response_time = elapsed(s->pending_ts[i], ts);
	}
	/* An answered query leaves; a fifth open one pushes the oldest out. */
	if (response || s->pending == TALK_PENDING) {
		s->pending--;
		for (i = response ? i : 0; i < s->pending; i++) {
			s->pending_end[i] = s->pending_end[i + 1];
			s->pending_ts[i] = s->pending_ts[i + 1];
		}
	}
	if (!response) {
		s->pending_end[s->pending] = id;
		s->pending_ts[s->pending++] = ts;
	}
}
