/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"
#include "source/synth.h"
#include "packet/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define CONTAINERS_MAX 300

struct seen {
	uint64_t hash, events, packets, bytes, notices, starts, ends, counters, drops, lost;
	uint64_t ts, disorder, port, twice, pairs, kinds[5];
	uint64_t per[CONTAINERS_MAX], port_on[CONTAINERS_MAX];
	uint64_t pair_id, weight;
	uint32_t ifaces, containers;
	struct counters last[CONTAINERS_MAX];
	uint64_t stop_after;
	bool partial; /* only some interfaces are asked for */
};

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	return hash_u64(h ^ hash_bytes(p, n));
}

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct seen *s = ctx;

	assert_int_equal(r->number, s->ifaces);
	assert_int_equal(r->linktype, LINKTYPE_ETHERNET);
	assert_non_null(r->container->meta[META_CONTAINER]);
	s->ifaces++;
	s->hash = mix(s->hash, r->name, strlen(r->name));
	for (int i = 0; i < META_KEYS; i++) {
		const char *m = r->container->meta[i];
		if (m)
			s->hash = mix(s->hash, m, strlen(m));
	}
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	struct seen *s = ctx;

	assert_true(strlen(r->meta[META_CONTAINER]) == 36);
	s->containers++;
	return 0;
}

/* The sum over a header or segment that holds its own checksum is 0xffff (RFC 1071). */
static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void check_sums(const uint8_t *d, uint32_t len)
{
	const uint8_t *ip = d + 14;
	uint32_t n = len - 34;

	assert_int_equal(load_be16(ip + 2), len - 14);
	assert_int_equal(fold(synth_sum(ip, 20)), 0xffff);
	uint64_t sum = synth_sum(ip + 20, n);
	if (ip[9] != 1)
		sum += synth_sum(ip + 12, 8) + ((uint64_t)ip[9] << 8) +
		       __builtin_bswap16((uint16_t)n);
	assert_int_equal(fold(sum), 0xffff);
}

static void on_packet(struct seen *s, const struct event *ev)
{
	const uint8_t *d = ev->data;
	struct packet p;

	s->packets++;
	s->bytes += ev->len;
	s->per[ev->iface]++;
	s->weight += ev->weight;
	packet_decode(&p, LINKTYPE_ETHERNET, d, ev->caplen, ev->len);
	uint32_t has = p.layer[0].has;
	s->kinds[has & PACKET_TCP    ? 0
		 : has & PACKET_UDP  ? 1
		 : has & PACKET_ICMP ? 2
		 : has & PACKET_ARP  ? 3
				     : 4]++;
	if (has & PACKET_IP4 && ev->caplen == ev->len)
		check_sums(d, ev->len);
	if (has & PACKET_TCP &&
	    (p.layer[0].sport == SYNTH_PORT || p.layer[0].dport == SYNTH_PORT)) {
		s->port++;
		s->port_on[ev->iface]++;
	}
	if (ev->packet_id) {
		s->twice++;
		/* The sender's sight comes first, the receiver's right behind it. */
		if (event_is_second_sight(ev) && !s->partial) {
			assert_int_equal(packet_id(&p), s->pair_id);
			s->pairs++;
		}
		assert_int_equal(ev->packet_id, PACKET_ID_OF_BYTES);
		s->pair_id = packet_id(&p);
	}
}

static int on_event(void *ctx, struct event *ev)
{
	struct seen *s = ctx;
	size_t n;

	s->hash = mix(s->hash, ev->data, ev->caplen);
	s->hash = hash_u64(s->hash ^ ev->ts ^ ((uint64_t)ev->iface << 32) ^ ev->flags ^
			   ev->packet_id);
	s->disorder += ev->ts < s->ts;
	s->ts = ev->ts;
	s->lost += ev->lost;
	s->events++;
	if (ev->type == EVENT_PACKET) {
		on_packet(s, ev);
	} else if (ev->type == EVENT_COUNTERS) {
		s->counters++;
		memcpy(&s->last[ev->iface], ev->data, sizeof(struct counters));
	} else if (ev->type == EVENT_DROP) {
		s->drops++;
	} else {
		const char *kind = notice_find(ev->data, ev->caplen, "DREDGE_EVENT", &n);
		assert_non_null(kind);
		s->notices++;
		s->starts += n == 15 && !memcmp(kind, "container_start", n);
		s->ends += n == 13 && !memcmp(kind, "container_end", n);
	}
	return s->stop_after && s->events == s->stop_after;
}

static int run(struct seen *s, const char *what, const struct source_options *o,
	       const struct reader_query *q, struct source_stats *stats)
{
	const struct sink sink = {
		.ctx = s, .iface = on_iface, .container = on_container, .event = on_event};
	struct err e = {0};
	struct source *src = source_open(what, o, &e);

	if (!src)
		fail_msg("%s", e.message);
	int rc = src->kind->run(src, q, &sink, &e);
	if (stats)
		src->kind->stats(src, stats);
	source_close(src);
	return rc;
}

static void the_same_every_time(void **state)
{
	struct seen a = {0}, b = {0}, c = {0};

	(void)state;
	run(&a, "synth:containers=20,rate=5000,seconds=2", NULL, NULL, NULL);
	run(&b, "synth:containers=20,rate=5000,seconds=2", NULL, NULL, NULL);
	run(&c, "synth:containers=20,rate=5000,seconds=2,seed=2", NULL, NULL, NULL);
	assert_int_equal(a.hash, b.hash);
	assert_int_not_equal(a.hash, c.hash);
}

static void counts(void **state)
{
	static const char *const shares[] = {"zipf", "equal"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		struct seen s = {0};
		struct source_stats stats;
		cleanup_free char *what =
			xasprintf("synth:containers=200,rate=30000,seconds=3,share=%s", shares[i]);

		assert_int_equal(run(&s, what, NULL, NULL, &stats), 0);
		assert_int_equal(s.packets, 90000);
		assert_int_equal(s.ifaces, 200);
		assert_int_equal(s.containers, 200);
		assert_int_equal(s.starts, 200);
		assert_int_equal(s.ends, 200);
		assert_int_equal(s.counters, 3 * 200); /* at 1 s, 2 s and the end */
		assert_int_equal(s.disorder, 0);
		assert_int_equal(s.ts, 1700000003 * NSEC_PER_SEC);
		assert_int_equal(s.twice, 2 * s.pairs);
		assert_in_range(s.pairs, 90000 / 5, 90000 / 2);
		assert_int_equal(stats.seen, 90000);
		assert_int_equal(stats.delivered, s.events);
		for (int k = 0; k < 4; k++)
			assert_true(s.kinds[k] > 0);
		assert_int_equal(s.kinds[4], 0);
		uint64_t least = UINT64_MAX, most = 0, rx = 0;
		for (int c = 0; c < 200; c++) {
			least = MIN(least, s.per[c]);
			most = MAX(most, s.per[c]);
			rx += s.last[c].value[COUNTER_NET_RX_PACKETS] +
			      s.last[c].value[COUNTER_NET_TX_PACKETS];
		}
		assert_true(least > 0);
		assert_true(i ? most < least * 3 / 2 : most > least * 20);
		assert_int_equal(rx, 90000);
	}
}

/* One container serves on port 31401, and its partner talks to it. */
static void bench_port(void **state)
{
	static const unsigned sizes[] = {1, 2, 20, 200, 300};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct seen s = {0};
		unsigned at = 0, servers = 0;
		cleanup_free char *what = xasprintf(
			"synth:containers=%u,apps=3,rate=30000,seconds=2,share=equal", sizes[i]);

		run(&s, what, NULL, NULL, NULL);
		for (unsigned c = 0; c < sizes[i]; c++) {
			unsigned block = synth_port_block(sizes[i], c);
			if (block <= SYNTH_PORT && SYNTH_PORT < block + 8)
				servers++, at = c;
		}
		assert_int_equal(servers, 1);
		assert_true(s.port > 0);
		assert_true(s.port_on[at] > 0);
		assert_int_equal(s.port, s.port_on[at] + (sizes[i] > 1 ? s.port_on[at ^ 1] : 0));
	}
}

static void loss_snaplen_and_sampling(void **state)
{
	const struct source_options o = {.snaplen = 96, .sample = 10};
	struct seen s = {0};
	struct source_stats stats;

	(void)state;
	run(&s, "synth:containers=10,rate=40000,seconds=3,loss=7,counters=0", &o, NULL, &stats);
	assert_int_equal(s.drops, 2); /* at 1 s and 2 s */
	assert_int_equal(s.lost, 14);
	assert_int_equal(stats.lost, 14);
	assert_int_equal(s.counters, 0);
	assert_int_equal(s.weight, s.packets * 10);
	assert_int_equal(stats.sampled_out + s.packets, 120000);
	assert_in_range(s.packets, 10800, 13200);
	assert_int_equal(s.twice, 2 * s.pairs); /* both sights or none */
}

static bool only_three(void *ctx, uint32_t number)
{
	(void)ctx;
	return number == 3;
}

static void query(void **state)
{
	const struct reader_query q = {.from = 1700000001 * NSEC_PER_SEC,
				       .to = 1700000002 * NSEC_PER_SEC,
				       .iface_wanted = only_three,
				       .types = 1u << EVENT_PACKET};
	struct seen all = {0}, some = {.partial = true};

	(void)state;
	run(&all, "synth:containers=10,rate=10000,seconds=3", NULL, NULL, NULL);
	run(&some, "synth:containers=10,rate=10000,seconds=3", NULL, &q, NULL);
	assert_int_equal(some.events, some.packets);
	assert_int_equal(some.packets, some.per[3]);
	assert_true(some.per[3] > all.per[3] / 4 && some.per[3] < all.per[3] / 2);
}

static void ends_when_the_sink_says_so(void **state)
{
	struct seen s = {.stop_after = 1000};

	(void)state;
	assert_int_equal(run(&s, "synth:containers=5,seconds=0", NULL, NULL, NULL), 1);
	assert_int_equal(s.events, 1000);
}

static void sizes_are_kept(void **state)
{
	static const unsigned sizes[] = {90, 200, 1514, 9014};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct seen s = {0};
		cleanup_free char *what =
			xasprintf("synth:containers=4,rate=10000,seconds=1,size=%u", sizes[i]);

		run(&s, what, NULL, NULL, NULL);
		assert_true(s.bytes > s.packets * sizes[i] * 9 / 10);
		assert_true(s.bytes <= s.packets * MAX(sizes[i], 74u));
	}
}

static void bad_options(void **state)
{
	static const struct {
		const char *what, *why;
	} rows[] = {
		{"synth:containers=0", "containers=0"},
		{"synth:containers=5000", "from 1 to 4000"},
		{"synth:speed=1", "unknown key \"speed\""},
		{"synth:rate", "not of the form key=value"},
		{"synth:share=fair", "zipf or equal"},
		{"synth:size=10", "from 90 to 9014"},
		{"synth:rate=x", "rate=x"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		assert_null(source_open(rows[i].what, NULL, &e));
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.message, rows[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_every_time),
		cmocka_unit_test(counts),
		cmocka_unit_test(bench_port),
		cmocka_unit_test(loss_snaplen_and_sampling),
		cmocka_unit_test(query),
		cmocka_unit_test(ends_when_the_sink_says_so),
		cmocka_unit_test(sizes_are_kept),
		cmocka_unit_test(bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
