/* SPDX-License-Identifier: Apache-2.0 */
#include "state/flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { F = 0x01, S = 0x02, R = 0x04, P = 0x08, A = 0x10 };
enum { CLIENT, SERVER }; /* 10.0.0.1:cport and 10.0.0.2:sport */

/* What may be set in the facts of a step. */
#define RETRANS	 0x01u
#define ORDER	 0x02u
#define DUP	 0x04u
#define ZERO	 0x08u
#define REFUSED	 0x10u
#define DONE	 0x20u
#define RESPONSE 0x40u
#define FIRST	 0x80u

struct step {
	unsigned from;
	uint64_t at; /* µs */
	unsigned flags;
	uint32_t seq, ack;
	uint16_t window;
	uint32_t len;
	unsigned facts;
	uint32_t rtt, response; /* µs */
};

#define FRAME_SIZE 74u /* IPv4 and UDP or TCP headers, quoted ones behind ICMP */

struct wire {
	uint16_t cport, sport;
	uint32_t iface;
	bool udp;
	uint8_t bytes[FRAME_SIZE];
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Raw IPv4; the payload counts in the lengths only, as after a short snap length. */
static uint32_t build(struct wire *w, const struct step *s, struct packet *p)
{
	uint32_t header = w->udp ? 8 : 20, n = 20 + header;
	uint8_t *h = w->bytes;

	memset(h, 0, sizeof(w->bytes));
	h[0] = 0x45;
	put16(h + 2, n + s->len);
	h[8] = 64;
	h[9] = w->udp ? 17 : 6;
	put32(h + 12, s->from == CLIENT ? 0x0a000001 : 0x0a000002);
	put32(h + 16, s->from == CLIENT ? 0x0a000002 : 0x0a000001);
	put16(h + 20, s->from == CLIENT ? w->cport : w->sport);
	put16(h + 22, s->from == CLIENT ? w->sport : w->cport);
	if (w->udp) {
		put16(h + 24, 8 + s->len);
		/* DNS id and flags, when there is payload */
		put16(h + 28, s->seq);
		put16(h + 30, s->flags);
		n += s->len ? 4 : 0;
	} else {
		put32(h + 24, s->seq);
		put32(h + 28, s->ack);
		h[32] = 0x50;
		h[33] = (uint8_t)s->flags;
		put16(h + 34, s->window);
	}
	packet_decode(p, LINKTYPE_RAW, h, n, 20 + header + s->len);
	return n;
}

static struct flow_facts feed(struct flows *f, struct wire *w, const struct step *s)
{
	struct flow_facts facts;
	struct packet p;

	memset(&facts, 0xff, sizeof(facts));
	build(w, s, &p);
	flows_packet(f, 1000000000ull + s->at * 1000, w->iface, s->from == CLIENT, &p, &facts);
	return facts;
}

static unsigned fact_bits(const struct flow_facts *f)
{
	return (f->retransmission ? RETRANS : 0) | (f->out_of_order ? ORDER : 0) |
	       (f->duplicate_ack ? DUP : 0) | (f->zero_window ? ZERO : 0) |
	       (f->refused ? REFUSED : 0) | (f->handshake_done ? DONE : 0) |
	       (f->response ? RESPONSE : 0) | (f->first ? FIRST : 0);
}

/* Runs a script; every step must say exactly the facts of its row. */
static void play(struct flows *f, struct wire *w, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		struct flow_facts facts = feed(f, w, s);

		if (!facts.valid || fact_bits(&facts) != s->facts ||
		    facts.rtt != s->rtt * 1000ull || facts.response_time != s->response * 1000ull ||
		    facts.from_client != (s->from == CLIENT))
			fail_msg("step %zu: valid %d facts 0x%02x rtt %llu response %llu client %d",
				 i, facts.valid, fact_bits(&facts), (unsigned long long)facts.rtt,
				 (unsigned long long)facts.response_time, facts.from_client);
	}
}

#define PLAY(f, w, steps) play(f, w, steps, ARRAY_SIZE(steps))

#define HANDSHAKE                                                    \
	{CLIENT, 0, S, 1000, 0, 500, 0, FIRST, 0, 0},                \
		{SERVER, 300, S | A, 5000, 1001, 500, 0, 0, 300, 0}, \
	{                                                            \
		CLIENT, 400, A, 1001, 5001, 500, 0, DONE, 100, 0     \
	}

static void test_plain_conversation(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		HANDSHAKE,
		{CLIENT, 500, P | A, 1001, 5001, 500, 18, 0, 0, 0},
		{SERVER, 700, A, 5001, 1019, 500, 0, 0, 200, 0},
		{SERVER, 2500, A, 5001, 1019, 500, 1000, RESPONSE, 0, 2000},
		{SERVER, 2600, A, 6001, 1019, 500, 1000, 0, 0, 0},
		{CLIENT, 2700, A, 1019, 7001, 500, 0, 0, 100, 0},
		{CLIENT, 3000, P | A, 1019, 7001, 500, 10, 0, 0, 0},
		{CLIENT, 3100, P | A, 1029, 7001, 500, 10, 0, 0, 0},
		{CLIENT, 3300, P | A, 1029, 7001, 500, 10, RETRANS, 0, 0}, /* asks no later */
		{SERVER, 3600, P | A, 7001, 1039, 500, 10, RESPONSE, 0, 500},
		{CLIENT, 3700, F | A, 1039, 7011, 500, 0, 0, 100, 0},
		{SERVER, 3800, F | A, 7011, 1040, 500, 0, 0, 100, 0},
		{CLIENT, 3900, A, 1040, 7012, 500, 0, 0, 100, 0},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

static void test_handshake_times_and_relative_numbers(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);
	static const struct step steps[] = {
		{.from = CLIENT, .at = 0, .flags = S, .seq = UINT32_MAX},
		{.from = CLIENT, .at = 1000000, .flags = S, .seq = UINT32_MAX},
		{.from = SERVER, .at = 1000300, .flags = S | A, .seq = 7, .ack = 0},
		{.from = CLIENT, .at = 1000400, .flags = A, .seq = 0, .ack = 8, .window = 9},
		{.from = CLIENT,
		 .at = 1000500,
		 .flags = A,
		 .seq = 0,
		 .ack = 8,
		 .window = 9,
		 .len = 5},
	};

	feed(f, &w, &steps[0]);
	struct flow_facts facts = feed(f, &w, &steps[1]);
	assert_true(facts.retransmission);
	facts = feed(f, &w, &steps[2]);
	assert_int_equal(facts.rtt, 0); /* which SYN was answered? */
	assert_int_equal(facts.seq, 0);
	assert_int_equal(facts.ack, 1);
	assert_int_equal(facts.initial_rtt, 0);
	facts = feed(f, &w, &steps[3]);
	assert_true(facts.handshake_done);
	assert_int_equal(facts.initial_rtt, 400000);
	assert_int_equal(facts.handshake_time, 1000400000);
	facts = feed(f, &w, &steps[4]);
	assert_false(facts.handshake_done);
	assert_int_equal(facts.initial_rtt, 400000);
	assert_int_equal(facts.handshake_time, 0);
	assert_int_equal(facts.seq, 1);
	assert_int_equal(facts.ack, 1);
	assert_int_equal(facts.stream, 0);
	flows_free(f);
}

static void test_loss(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		HANDSHAKE,
		{CLIENT, 1000, A, 1001, 5001, 500, 100, 0, 0, 0},
		{CLIENT, 1010, A, 1201, 5001, 500, 100, 0, 0, 0}, /* 1101 is missing */
		{SERVER, 1100, A, 5001, 1101, 500, 0, 0, 100, 0},
		{SERVER, 1110, A, 5001, 1101, 500, 0, DUP, 0, 0},
		{SERVER, 1120, A, 5001, 1101, 501, 0, 0, 0, 0}, /* a window update */
		{CLIENT, 1200, A, 1101, 5001, 500, 100, ORDER, 0, 0},
		{CLIENT, 1210, A, 1101, 5001, 500, 100, RETRANS, 0, 0},
		{CLIENT, 1220, A, 1251, 5001, 500, 100, RETRANS, 0, 0}, /* half of it is new */
		{SERVER, 1300, A, 5001, 1351, 501, 0, 0, 0, 0},
		{CLIENT, 1400, A, 1351, 5001, 500, 100, 0, 0, 0},
		{SERVER, 1500, A, 5001, 1451, 501, 0, 0, 100, 0},
		{SERVER, 1510, A, 5001, 1451, 501, 0, 0, 0, 0}, /* nothing is outstanding */
		{CLIENT, 1600, F | A, 1451, 5001, 500, 0, 0, 0, 0},
		{CLIENT, 1900, F | A, 1451, 5001, 500, 0, RETRANS, 0, 0},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

static void test_gap_filled_from_its_middle(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		HANDSHAKE,
		{CLIENT, 1000, A, 1301, 5001, 500, 100, 0, 0, 0},
		{CLIENT, 1010, A, 1101, 5001, 500, 100, ORDER, 0, 0},
		{CLIENT, 1020, A, 1201, 5001, 500, 100, ORDER, 0, 0},
		{CLIENT, 1025, A, 1001, 5001, 500, 50, ORDER, 0, 0},
		{CLIENT, 1027, A, 1001, 5001, 500, 50, RETRANS, 0, 0},
		{CLIENT, 1030, A, 1051, 5001, 500, 50, ORDER, 0, 0},
		{CLIENT, 1035, A, 1001, 5001, 500, 20, RETRANS, 0, 0},
		{CLIENT, 1040, A, 1001, 5001, 500, 100, RETRANS, 0, 0},
		{CLIENT, 1050, A, 1201, 5001, 500, 100, RETRANS, 0, 0},
		{CLIENT, 1060, A, 1401, 5001, 500, 100, 0, 0, 0},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

/* Five gaps: the first is given up, so what fills it counts as seen before. */
static void test_gaps_are_bounded(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	for (uint32_t i = 0; i < 6; i++)
		feed(f, &w,
		     &(struct step){.from = CLIENT,
				    .at = i,
				    .flags = A,
				    .seq = 100 + 20 * i,
				    .window = 1,
				    .len = 10});
	for (uint32_t i = 0; i < 5; i++) {
		struct flow_facts facts = feed(f, &w,
					       &(struct step){.from = CLIENT,
							      .at = 10 + i,
							      .flags = A,
							      .seq = 110 + 20 * i,
							      .window = 1,
							      .len = 10});
		assert_int_equal(facts.retransmission, i == 0);
		assert_int_equal(facts.out_of_order, i != 0);
	}
	flows_free(f);
}

static void test_keepalive_and_window(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		HANDSHAKE,
		{CLIENT, 1000, A, 1001, 5001, 500, 100, 0, 0, 0},
		{CLIENT, 1100, A, 1100, 5001, 500, 1, RETRANS, 0, 0}, /* not acknowledged yet */
		{SERVER, 1150, A, 5001, 1099, 500, 0, 0, 0, 0},
		{CLIENT, 1160, A, 1100, 5001, 500, 1, RETRANS, 0, 0}, /* not wholly so either */
		{SERVER, 1200, A, 5001, 1101, 0, 0, ZERO, 0, 0},
		{CLIENT, 2000, A, 1100, 5001, 500, 1, 0, 0, 0}, /* keepalive */
		{SERVER, 2100, A, 5001, 1101, 0, 0, ZERO, 0, 0},
		{CLIENT, 3000, A, 1101, 5001, 500, 1, 0, 0, 0}, /* probes the window */
		{SERVER, 3100, A, 5001, 1101, 0, 0, ZERO, 0, 0},
		{CLIENT, 4000, A, 1101, 5001, 500, 1, 0, 0, 0}, /* again */
		{SERVER, 4100, A, 5001, 1102, 700, 0, 0, 0, 0},
		{SERVER, 4200, R, 5001, 0, 0, 0, 0, 0, 0}, /* a reset has no window */
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

/* A server may talk before it hears the client's ACK: that does not end the handshake. */
static void test_server_talks_first(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		{CLIENT, 0, S, 1000, 0, 0, 0, FIRST, 0, 0}, /* no window yet: nothing to report */
		{SERVER, 300, S | A, 5000, 1001, 0, 0, 0, 300, 0},
		{SERVER, 350, P | A, 5001, 1001, 500, 10, 0, 0, 0},
		{CLIENT, 400, A, 1001, 5011, 500, 0, DONE, 50, 0},
	};
	struct wire w = {.cport = 40000, .sport = 25};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

static void test_relative_numbers_without_syn(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);
	struct flow_facts facts = feed(
		f, &w, &(struct step){.from = CLIENT, .flags = A, .seq = 900, .ack = 70, .len = 5});

	assert_int_equal(facts.seq, 1);
	assert_int_equal(facts.ack, 1);
	facts = feed(f, &w, &(struct step){.from = SERVER, .flags = A, .seq = 75, .ack = 905});
	assert_int_equal(facts.seq, 6);
	assert_int_equal(facts.ack, 6);
	flows_free(f);
}

static void test_refused(void **unused)
{
	(void)unused;
	static const struct step refused[] = {
		{CLIENT, 0, S, 1000, 0, 500, 0, FIRST, 0, 0},
		{SERVER, 100, R | A, 0, 1001, 0, 0, REFUSED, 0, 0},
		{SERVER, 200, R | A, 0, 1001, 0, 0, 0, 0, 0},
		{CLIENT, 300, S, 9000, 0, 500, 0, FIRST, 0, 0},
		{SERVER, 400, R | A, 0, 9001, 0, 0, REFUSED, 0, 0},
	};
	static const struct step reset[] = {
		HANDSHAKE,
		{SERVER, 500, R | A, 5001, 1001, 0, 0, 0, 0, 0},
	};
	static const struct step given_up[] = {
		{CLIENT, 0, S, 1000, 0, 500, 0, FIRST, 0, 0},
		{CLIENT, 100, R, 1001, 0, 0, 0, 0, 0, 0},
	};
	/* SYN-ACK was not captured; the reset of a living connection is no refusal. */
	static const struct step half_seen[] = {
		{CLIENT, 0, S, 1000, 0, 500, 0, FIRST, 0, 0},
		{SERVER, 100, A, 5001, 1001, 500, 10, 0, 100, 0},
		{SERVER, 200, R, 5011, 0, 0, 0, 0, 0, 0},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, refused);
	w.cport = 40001;
	PLAY(f, &w, reset);
	w.cport = 40002;
	PLAY(f, &w, given_up);
	w.cport = 40003;
	PLAY(f, &w, half_seen);
	flows_free(f);
}

/* An ICMP error of a router about the packet that w holds; quotes its first 28 bytes. */
static struct flow_facts unreachable(struct flows *f, const struct wire *w, uint8_t type,
				     uint8_t code)
{
	uint8_t error[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1};
	struct flow_facts facts;
	struct packet p;

	error[20] = type;
	error[21] = code;
	memcpy(error + 28, w->bytes, 28);
	packet_decode(&p, LINKTYPE_RAW, error, sizeof(error), sizeof(error));
	flows_packet(f, 2000000000, w->iface, false, &p, &facts);
	return facts;
}

static void test_unreachable(void **unused)
{
	(void)unused;
	static const struct step syn = {.from = CLIENT, .flags = S, .seq = 77};
	struct wire w = {.cport = 40000, .sport = 80, .iface = 4};
	struct flows *f = flows_new(64, true);

	feed(f, &w, &syn);
	struct wire other = w;
	put32(other.bytes + 24, 78); /* another sequence number: not this connect */
	assert_false(unreachable(f, &other, 3, 1).valid);
	other = w;
	other.iface = 5;
	assert_false(unreachable(f, &other, 3, 1).valid);
	assert_false(unreachable(f, &w, 3, 4).valid); /* fragmentation needed */
	assert_false(unreachable(f, &w, 11, 0).valid);
	struct flow_facts facts = unreachable(f, &w, 3, 1);
	assert_true(facts.valid);
	assert_true(facts.refused);
	assert_int_equal(facts.stream, 0);
	assert_false(unreachable(f, &w, 3, 1).refused); /* once */

	feed(f, &w, &(struct step){.from = CLIENT, .flags = S, .seq = 99});
	feed(f, &w, &(struct step){.from = SERVER, .flags = S | A, .seq = 1, .ack = 100});
	build(&w, &(struct step){.from = CLIENT, .flags = S, .seq = 99}, &(struct packet){0});
	assert_false(unreachable(f, &w, 3, 1).refused); /* it was answered */
	flows_free(f);
}

static void test_new_conversation_on_old_ports(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);
	static const struct step steps[] = {HANDSHAKE};

	PLAY(f, &w, steps);
	struct flow_facts facts =
		feed(f, &w, &(struct step){.from = CLIENT, .at = 9, .flags = S, .seq = 50});
	assert_int_equal(facts.stream, 1);
	assert_true(facts.first);
	assert_int_equal(facts.initial_rtt, 0);
	w.iface = 1; /* the same ports at another interface */
	facts = feed(f, &w, &(struct step){.from = SERVER, .at = 9, .flags = A, .seq = 50});
	assert_int_equal(facts.stream, 2);
	flows_free(f);
}

static void test_who_is_client(void **unused)
{
	(void)unused;
	static const struct {
		uint16_t cport, sport;
		unsigned from, flags;
		bool from_client;
	} rows[] = {
		{80, 443, CLIENT, S, true},	      {40000, 80, SERVER, S, true},
		{40000, 50000, CLIENT, S | A, false}, {40000, 6379, SERVER, A, false},
		{40000, 6379, CLIENT, A, true},	      {8080, 80, CLIENT, A, true},
		{8080, 9092, CLIENT, A, false},	      {40000, 50000, CLIENT, A, true},
		{40000, 50000, SERVER, A, true},      {123, 123, SERVER, A, true},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire w = {.cport = rows[i].cport, .sport = rows[i].sport};
		struct flows *f = flows_new(64, true);
		struct flow_facts facts = feed(
			f, &w,
			&(struct step){
				.from = rows[i].from, .flags = rows[i].flags, .seq = 5, .ack = 6});

		if (facts.from_client != rows[i].from_client)
			fail_msg("row %u", i);
		flows_free(f);
	}
}

/* A SYN says by itself who is the client, whatever was seen before and however often. */
static void test_syn_tells(void **unused)
{
	(void)unused;
	static const struct {
		unsigned from, flags;
		bool out, from_client;
	} rows[] = {
		{SERVER, A, true, false},	   {SERVER, S | R, true, true},
		{CLIENT, S | A | R, false, false}, {CLIENT, A, false, true},
		{SERVER, S, true, true},	   {CLIENT, S, false, true},
		{SERVER, S, false, true}, /* the one before the last, as a loopback shows it */
		{SERVER, A, true, false},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct step step = {
			.from = rows[i].from, .flags = rows[i].flags, .seq = 5, .ack = 6};
		struct flow_facts facts;
		struct packet p;
		build(&w, &step, &p);
		flows_packet(f, 1, 0, rows[i].out, &p, &facts);
		if (facts.from_client != rows[i].from_client)
			fail_msg("row %u", i);
	}
	flows_free(f);
}

static void test_udp_and_dns(void **unused)
{
	(void)unused;
	/* seq is the id, flags the DNS flags */
	static const struct step dns[] = {
		{CLIENT, 0, 0x0100, 1, 0, 0, 30, FIRST, 0, 0},
		{CLIENT, 100, 0x0100, 2, 0, 0, 30, 0, 0, 0},
		{CLIENT, 5000, 0x0100, 1, 0, 0, 30, 0, 0, 0}, /* asked again */
		{SERVER, 6000, 0x8180, 2, 0, 0, 60, RESPONSE, 0, 5900},
		{SERVER, 7000, 0x8180, 1, 0, 0, 60, RESPONSE, 0, 7000},
		{SERVER, 7100, 0x8180, 1, 0, 0, 60, 0, 0, 0}, /* both questions were answered */
		{SERVER, 7200, 0x8180, 9, 0, 0, 60, 0, 0, 0}, /* nobody asked */
	};
	static const struct step other[] = {
		{CLIENT, 0, 0, 0, 0, 0, 30, FIRST, 0, 0},
		{CLIENT, 100, 0, 0, 0, 0, 30, 0, 0, 0},
		{SERVER, 600, 0, 0, 0, 0, 60, RESPONSE, 0, 500},
		{SERVER, 700, 0, 0, 0, 0, 60, 0, 0, 0},
	};
	struct wire w = {.cport = 50000, .sport = 53, .udp = true};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, dns);
	w.sport = 8125;
	PLAY(f, &w, other);
	flows_free(f);
}

static void test_dns_questions_are_bounded(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 50000, .sport = 53, .udp = true};
	struct flows *f = flows_new(64, true);

	for (uint32_t i = 0; i < 5; i++)
		feed(f, &w, &(struct step){.from = CLIENT, .at = i, .seq = i, .len = 20});
	for (uint32_t i = 0; i < 5; i++) {
		struct flow_facts facts = feed(
			f, &w,
			&(struct step){
				.from = SERVER, .at = 100, .flags = 0x8000, .seq = i, .len = 20});
		assert_int_equal(facts.response, i > 0);
		assert_int_equal(facts.response_time, i ? (100 - i) * 1000 : 0);
	}
	flows_free(f);
}

/* Loopback: each packet is seen leaving and arriving at one interface. */
static void test_seen_in_both_directions(void **unused)
{
	(void)unused;
	static const struct step steps[] = {HANDSHAKE};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);
	struct flow_facts facts;
	struct packet p;

	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		build(&w, &steps[i], &p);
		flows_packet(f, steps[i].at * 1000, 0, true, &p, &facts);
		assert_int_equal(fact_bits(&facts), steps[i].facts);
		flows_packet(f, steps[i].at * 1000, 0, false, &p, &facts);
		assert_true(facts.valid);
		assert_int_equal(fact_bits(&facts), 0);
		assert_int_equal(facts.seq, i == 2);
	}
	flows_free(f);
}

static void test_clock_steps_back(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		{CLIENT, 900, S, 1000, 0, 500, 0, FIRST, 0, 0},
		{SERVER, 300, S | A, 5000, 1001, 500, 0, 0, 0, 0},
		{CLIENT, 100, A, 1001, 5001, 500, 10, DONE, 0, 0},
		{SERVER, 50, A, 5001, 1011, 500, 10, RESPONSE, 0, 0},
	};
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);

	PLAY(f, &w, steps);
	flows_free(f);
}

/* 3 GiB through one conversation: numbers wrap and the first ones are forgotten. */
static void test_wrap(void **unused)
{
	(void)unused;
	struct wire w = {.cport = 40000, .sport = 80};
	struct flows *f = flows_new(64, true);
	uint32_t seq = 1;

	feed(f, &w, &(struct step){.from = CLIENT, .flags = S, .seq = 0});
	for (unsigned i = 0; i < 3u << 14; i++) {
		struct flow_facts facts = feed(
			f, &w,
			&(struct step){
				.from = CLIENT, .at = i, .flags = A, .seq = seq, .len = 65000});
		assert_int_equal(fact_bits(&facts) & (RETRANS | ORDER), 0);
		seq += 65000;
	}
	struct flow_facts facts = feed(
		f, &w,
		&(struct step){
			.from = CLIENT, .at = 9, .flags = A, .seq = seq - 65000, .len = 65000});
	assert_true(facts.retransmission);
	flows_free(f);
}

/* A table of 16 forgets who was silent for longest, and only that one. */
static void test_least_recently_used_is_forgotten(void **unused)
{
	(void)unused;
	struct flows *f = flows_new(1, true);
	struct step s = {.from = CLIENT, .flags = A, .seq = 9, .len = 1};
	struct wire w = {.sport = 80};

	for (uint16_t i = 0; i < 16; i++) {
		w.cport = (uint16_t)(40000 + i);
		assert_true(feed(f, &w, &s).first);
	}
	w.cport = 40000;
	assert_false(feed(f, &w, &s).first); /* now 40001 is the oldest */
	w.cport = 50000;
	assert_int_equal(feed(f, &w, &s).stream, 16);
	w.cport = 40000;
	assert_int_equal(feed(f, &w, &s).stream, 0);
	w.cport = 40001;
	struct flow_facts facts = feed(f, &w, &s);
	assert_true(facts.first);
	assert_int_equal(facts.stream, 17);
	assert_false(facts.retransmission);
	flows_free(f);
}

/* Who only wants to know whose packets are whose is told the same of it. */
static void test_ends_alone(void **unused)
{
	(void)unused;
	static const struct step steps[] = {
		HANDSHAKE,
		{SERVER, 500, P | A, 5001, 1001, 500, 18, 0, 0, 0},
		{CLIENT, 600, S, 70000, 0, 500, 0, 0, 0, 0}, /* another one */
		{SERVER, 700, R | A, 0, 70001, 0, 0, 0, 0, 0},
		{SERVER, 800, A, 5, 6, 500, 1, 0, 0, 0},
	};
	struct wire w = {.cport = 80, .sport = 40000};
	struct flows *whole = flows_new(64, true), *ends = flows_new(64, false);

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct flow_facts a = feed(whole, &w, &steps[i]), b = feed(ends, &w, &steps[i]);
		assert_true(b.valid);
		assert_int_equal(b.stream, i > 3);
		assert_int_equal(b.first, i == 0 || i == 4);
		assert_int_equal(b.handshake_done, i == 2);
		assert_int_equal(b.refused, i == 5);
		assert_int_equal(b.from_client, steps[i].from == CLIENT);
		assert_true(a.stream == b.stream && a.first == b.first && a.way == b.way &&
			    a.refused == b.refused && a.handshake_done == b.handshake_done &&
			    a.from_client == b.from_client);
	}
	flows_free(whole);
	flows_free(ends);
}

static void test_not_tracked(void **unused)
{
	(void)unused;
	uint8_t fragment[40] = {0x45, 0, 0, 40, 0, 1, 0, 9, 64, 6};
	struct flows *f = flows_new(64, true);
	struct flow_facts facts;
	struct packet p;

	packet_decode(&p, LINKTYPE_RAW, fragment, sizeof(fragment), sizeof(fragment));
	memset(&facts, 0xff, sizeof(facts));
	flows_packet(f, 1, 0, false, &p, &facts);
	assert_false(facts.valid);
	assert_int_equal(fact_bits(&facts), 0);
	flows_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_conversation),
		cmocka_unit_test(test_handshake_times_and_relative_numbers),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_gap_filled_from_its_middle),
		cmocka_unit_test(test_gaps_are_bounded),
		cmocka_unit_test(test_keepalive_and_window),
		cmocka_unit_test(test_server_talks_first),
		cmocka_unit_test(test_relative_numbers_without_syn),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_new_conversation_on_old_ports),
		cmocka_unit_test(test_who_is_client),
		cmocka_unit_test(test_syn_tells),
		cmocka_unit_test(test_udp_and_dns),
		cmocka_unit_test(test_dns_questions_are_bounded),
		cmocka_unit_test(test_seen_in_both_directions),
		cmocka_unit_test(test_clock_steps_back),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_least_recently_used_is_forgotten),
		cmocka_unit_test(test_ends_alone),
		cmocka_unit_test(test_not_tracked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
