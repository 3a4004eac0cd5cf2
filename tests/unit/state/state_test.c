/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "state/state.h"

#define A "aaaaaaaa-0000-4000-8000-000000000001"
#define B "aaaabbbb-0000-4000-8000-000000000002"

static struct container_record record(const char *id, const char *app)
{
	struct container_record r = {0};

	r.meta[META_CONTAINER] = id;
	r.meta[META_APP] = app;
	return r;
}

static void announce(struct state *s, uint32_t number, const struct container_record *who)
{
	const struct iface_record r = {
		.number = number,
		.name = "eth0",
		.container = who,
		.linktype = LINKTYPE_ETHERNET,
		.sample = 1,
	};

	assert_int_equal(state_iface(s, &r), 0);
}

static struct event packet(uint32_t iface, uint32_t flags, uint32_t len)
{
	static const uint8_t bytes[64];

	return (struct event){
		.ts = 1000,
		.data = bytes,
		.caplen = sizeof(bytes),
		.len = len,
		.iface = iface,
		.type = EVENT_PACKET,
		.flags = flags,
		.weight = 1,
	};
}

static void test_knowledge_is_merged_and_never_lost(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = record(A, NULL);

	(void)ctx;
	uint32_t index = state_container(s, &r);
	r = record(A, "/shop/web");
	assert_int_equal(state_container(s, &r), index);
	r = record(A, NULL);
	r.end = 7;
	assert_int_equal(state_container(s, &r), index);
	const struct container *c = state_container_at(s, index);
	assert_string_equal(c->meta[META_APP], "/shop/web");
	assert_int_equal(c->end, 7);
	assert_int_equal(state_containers(s), 1);
	state_free(s);
}

static void test_find_by_prefix(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record a = record(A, "/a"), b = record(B, "/b");

	(void)ctx;
	state_container(s, &a);
	state_container(s, &b);
	assert_string_equal(state_container_find(s, A)->meta[META_APP], "/a");
	assert_string_equal(state_container_find(s, "aaaabbbb")->meta[META_APP], "/b");
	assert_null(state_container_find(s, "aaaab"));	 /* too short */
	assert_null(state_container_find(s, "aaaaaab")); /* nobody */
	state_free(s);
}

/* Who confines a container may call it otherwise than whoever started it. */
static void test_a_namespace_is_one_container(void **ctx)
{
	static const bool orders[][3] = {{true, false, false}, {false, true, true}};
	const struct container_record confined = {.meta[META_CONTAINER] = "web", .netns = 9},
				      late = record(A, NULL);
	struct container_record found = record(A, "/shop/web");

	(void)ctx;
	found.pid = 17;
	found.start = 5;
	found.netns = 9;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct state *s = state_new(0);
		if (i) /* known, but not where it lives */
			state_container(s, &late);
		for (size_t k = 0; k < 3; k++)
			state_container(s, orders[i][k] ? &found : &confined);
		uint32_t index = state_container(s, &confined);
		const struct container *c = state_container_at(s, index);
		assert_string_equal(c->meta[META_CONTAINER], A);
		assert_string_equal(c->meta[META_NAME], "web");
		assert_ptr_equal(state_container_find(s, "web"), c);
		assert_ptr_equal(state_container_find(s, A), c);
		assert_int_equal(c->end, 0);
		for (uint32_t k = 0; k < state_containers(s); k++)
			assert_true(k == index || state_container_at(s, k)->end);
		/* The number of a namespace comes again. */
		found.end = 8;
		state_container(s, &found);
		const struct container_record next = {
			.meta[META_CONTAINER] = B, .pid = 18, .start = 9, .netns = 9};
		assert_int_not_equal(state_container(s, &next), index);
		found.end = 0;
		state_free(s);
	}
}

/* As of a pod; and of who had it for a moment only, on the way into another one. */
static void test_two_may_share_a_namespace(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record a = record(A, "/shop/web"), b = record(B, NULL);

	(void)ctx;
	a.pid = 17;
	b.pid = 18;
	a.netns = b.netns = 9;
	for (unsigned i = 0; i < 2; i++) { /* told again, too */
		const struct container *one = state_container_at(s, state_container(s, &a));
		const struct container *other = state_container_at(s, state_container(s, &b));
		assert_ptr_not_equal(one, other);
		assert_string_equal(one->meta[META_CONTAINER], A);
		assert_string_equal(one->meta[META_APP], "/shop/web");
		assert_string_equal(other->meta[META_CONTAINER], B);
		assert_null(other->meta[META_APP]);
		assert_int_equal(one->end, 0);
	}
	assert_int_equal(state_containers(s), 2);
	state_free(s);
}

static void test_a_late_name_reaches_the_interface(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = record(A, NULL);
	struct event ev = packet(3, EVENT_OUT, 100);

	(void)ctx;
	announce(s, 3, NULL);
	assert_null(state_event(s, &ev)->container);
	announce(s, 3, &r);
	ev = packet(3, EVENT_OUT, 100);
	assert_string_equal(state_event(s, &ev)->container->meta[META_CONTAINER], A);
	assert_null(state_iface_at(s, 0));
	assert_null(state_iface_at(s, 4));
	state_free(s);
}

static void test_counts_by_direction(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = record(A, NULL);
	struct event out = packet(0, EVENT_OUT, 100), in = packet(0, EVENT_IN, 40);

	(void)ctx;
	announce(s, 0, &r);
	in.lost = 5;
	state_event(s, &out);
	const struct container *c = state_event(s, &in)->container;
	assert_int_equal(c->packets_out, 1);
	assert_int_equal(c->bytes_out, 100);
	assert_int_equal(c->packets_in, 1);
	assert_int_equal(c->bytes_in, 40);
	assert_int_equal(c->lost, 5);
	state_free(s);
}

static void test_numbers_of_events(void **ctx)
{
	struct state *s = state_new(0);
	struct counters k = {0};
	struct event ev = packet(0, 0, 60);

	(void)ctx;
	announce(s, 0, NULL);
	assert_int_equal(state_event(s, &ev)->ev->num, 1);
	struct event sample = ev;
	sample.type = EVENT_COUNTERS;
	sample.data = (const uint8_t *)&k;
	sample.num = 0;
	assert_int_equal(state_event(s, &sample)->ev->num, 0); /* a sample is no frame */
	ev.num = 0;
	assert_int_equal(state_event(s, &ev)->ev->num, 2);
	ev.num = 77; /* the file knows better */
	assert_int_equal(state_event(s, &ev)->ev->num, 77);
	state_free(s);
}

static void test_samples_are_merged(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = record(A, NULL);
	struct counters k = {0};
	struct event ev = {.ts = 1, .type = EVENT_COUNTERS, .iface = 0, .weight = 1};

	(void)ctx;
	announce(s, 0, &r);
	ev.data = (const uint8_t *)&k;
	counters_set(&k, COUNTER_NET_RX_BYTES, 9);
	state_event(s, &ev);
	k = (struct counters){0};
	counters_set(&k, COUNTER_MEM_TOTAL, 4096);
	const struct container *c = state_event(s, &ev)->container;
	assert_int_equal(c->counters.value[COUNTER_NET_RX_BYTES], 9);
	assert_int_equal(c->counters.value[COUNTER_MEM_TOTAL], 4096);
	assert_false(counters_has(&c->counters, COUNTER_NET_TX_BYTES));
	state_free(s);
}

static void test_a_notice_names_its_container(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = record(A, NULL);
	struct text t = {0};

	(void)ctx;
	state_container(s, &r);
	notice_format(&t, 5000, "container_end", 6, r.meta, "it ended");
	struct event ev = {
		.ts = 5000,
		.type = EVENT_NOTICE,
		.data = (const uint8_t *)t.data,
		.caplen = (uint32_t)t.len,
		.len = (uint32_t)t.len,
		.iface = IFACE_NONE,
		.weight = 1,
	};
	assert_string_equal(state_event(s, &ev)->container->meta[META_CONTAINER], A);
	text_done(&t);
	state_free(s);
}

static void test_numbers_beyond_the_bound_are_refused(void **ctx)
{
	struct state *s = state_new(0);
	const struct iface_record r = {.number = 1u << 20, .sample = 1};

	(void)ctx;
	assert_int_equal(state_iface(s, &r), -1);
	assert_int_equal(state_ifaces(s), 0);
	state_free(s);
}

/* ---- a file tells of changes ---- */

static struct container_record recorded(const char *id, const char *task, const char *health)
{
	struct container_record r = {.recorded = true};

	r.meta[META_CONTAINER] = id;
	r.meta[META_TASK] = task;
	r.meta[META_HEALTH] = health;
	return r;
}

static const char *health_at(struct state *s, uint32_t iface)
{
	struct event ev = packet(iface, EVENT_OUT, 100);

	return state_event(s, &ev)->container->meta[META_HEALTH];
}

static void test_events_keep_the_names_of_their_time(void **ctx)
{
	struct state *s = state_new(0);
	struct container_record r = recorded(A, NULL, "healthy");

	(void)ctx;
	announce(s, 0, &r);
	r = recorded(A, "task", "unhealthy");
	announce(s, 1, &r);
	r = recorded(A, NULL, "healthy");
	announce(s, 2, &r);
	assert_string_equal(health_at(s, 0), "healthy");
	assert_string_equal(health_at(s, 1), "unhealthy");
	assert_string_equal(health_at(s, 2), "healthy");
	/* What was learnt late and did not change is known of earlier events too. */
	struct event ev = packet(0, EVENT_OUT, 100);
	const struct container *was = state_event(s, &ev)->container;
	assert_string_equal(was->meta[META_TASK], "task");
	const struct container *now = state_container_find(s, A);
	assert_int_equal(was->now, now->index);
	assert_int_equal(now->now, now->index);
	static const char text[] = "CONTAINER_ID=" A "\nMESOS_TASK_HEALTH=unhealthy\n";
	ev = (struct event){.ts = 1,
			    .type = EVENT_NOTICE,
			    .data = (const uint8_t *)text,
			    .caplen = sizeof(text) - 1,
			    .iface = IFACE_NONE};
	assert_string_equal(state_event(s, &ev)->container->meta[META_HEALTH], "unhealthy");
	state_free(s);
}

/* ---- whose a port is ---- */

/* Ethernet, IPv4, UDP between two addresses "a.b.c.d". */
static void datagram(uint8_t frame[64], const uint8_t src[4], uint16_t sport, const uint8_t dst[4],
		     uint16_t dport)
{
	memset(frame, 0, 64);
	frame[12] = 8;
	frame[14] = 0x45;
	frame[17] = 50;
	frame[23] = 17;
	memcpy(frame + 26, src, 4);
	memcpy(frame + 30, dst, 4);
	frame[34] = (uint8_t)(sport >> 8);
	frame[35] = (uint8_t)sport;
	frame[36] = (uint8_t)(dport >> 8);
	frame[37] = (uint8_t)dport;
	frame[39] = 30;
}

static const uint8_t here[4] = {10, 0, 0, 1}, there[4] = {10, 0, 0, 9}, loop[4] = {127, 0, 0, 1};

static const char *owner(struct state *s, const uint8_t src[4], uint16_t sport,
			 const uint8_t dst[4], uint16_t dport, uint64_t ts, bool *repeated)
{
	uint8_t frame[64];
	struct event ev = packet(9, 0, 64);

	datagram(frame, src, sport, dst, dport);
	ev.data = frame;
	ev.ts = ts;
	const struct context *c = state_event(s, &ev);
	*repeated = c->repeated;
	return c->container ? c->container->meta[META_TASK] : "-";
}

static void claim(struct state *s, const char *task, const char *container, const char *ports,
		  uint64_t since, uint64_t end)
{
	struct container_record r = {.recorded = true, .since = since, .end = end};

	r.meta[META_TASK] = task;
	r.meta[META_CONTAINER] = container;
	r.meta[META_PORTS] = ports;
	r.meta[META_ADDRESS] = "10.0.0.1";
	state_container(s, &r);
}

static void test_a_port_has_its_owner_of_the_time(void **ctx)
{
	static const struct {
		const uint8_t *src;
		uint16_t sport;
		const uint8_t *dst;
		uint16_t dport;
		uint64_t ts;
		const char *task;
		bool repeated;
	} rows[] = {
		{there, 4000, here, 31005, 150, "one", false},
		{here, 31006, there, 4000, 150, "one", false},
		{there, 4000, loop, 31006, 150, "one", false},
		{there, 4000, here, 31007, 150, "-", false},
		{there, 31005, there, 31006, 150, "-", false}, /* another host's */
		{there, 4000, here, 31005, 50, "-", false},    /* before */
		{there, 4000, here, 31005, 250, "-", false},   /* it had ended */
		{there, 4000, here, 31005, 270, "late", false},
		{there, 4000, here, 31005, 350, "two", false}, /* the next one's */
		{there, 4000, here, 31100, 350, "three", true},
		{there, 4000, here, 30020, 350, "three", true},
	};
	struct state *s = state_new(0), *next = state_new(0);
	struct container_record r = record(A, NULL);
	struct attribution shares[ATTRIBUTIONS];
	bool repeated;

	(void)ctx;
	announce(s, 9, NULL);
	announce(s, 1, &r);
	claim(s, "one", NULL, "31005-31006", 100, 200);
	claim(s, "two", NULL, "31005", 300, 0);
	claim(s, "late", NULL, "31005", 260, 0); /* told last, and was before */
	claim(s, "three", A, "31100-31101", 0, 0);
	r.meta[META_EPHEMERAL] = "30016-30031";
	state_container(s, &r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(owner(s, rows[i].src, rows[i].sport, rows[i].dst, rows[i].dport,
					  rows[i].ts, &repeated),
				    rows[i].task);
		assert_int_equal(repeated, rows[i].repeated);
	}
	assert_true(state_attribution(s, shares) >= 2);
	assert_string_equal(shares[0].rung, "unknown");
	assert_int_equal(shares[0].packets, 4);
	assert_string_equal(shares[1].rung, "port");
	assert_int_equal(shares[1].packets, 7);
	/* Its own interface shows these packets: they count there. */
	assert_int_equal(state_container_find(s, A)->packets_in, 0);
	state_take_ports(next, s);
	announce(next, 9, NULL);
	assert_string_equal(owner(next, there, 1, here, 31005, 350, &repeated), "two");
	assert_string_equal(owner(next, there, 1, here, 31005, 250, &repeated), "-");
	state_free(s);
	state_free(next);
}

static void test_ports_that_are_none(void **ctx)
{
	static const char *const ports[] = {
		"", "-", "x", "70000", "5-", "9-1", "0-65536", "1,,2", "99999999999999999999"};
	struct state *s = state_new(0);
	struct container_record r = {.meta[META_TASK] = "t"};
	bool repeated;

	(void)ctx;
	announce(s, 9, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		r.meta[META_PORTS] = ports[i];
		r.meta[META_ADDRESS] = i % 2 ? "10.0.0.1" : "no address";
		state_container(s, &r);
	}
	/* More hosts than are remembered, more claims than there is room for. */
	for (unsigned i = 0; i < 40; i++) {
		cleanup_free char *address = xasprintf("10.1.0.%u", i);
		cleanup_free char *task = xasprintf("t%u", i);
		r.meta[META_TASK] = task;
		r.meta[META_PORTS] = "1-65535";
		r.meta[META_ADDRESS] = address;
		state_container(s, &r);
	}
	assert_string_equal(owner(s, there, 1, here, 31005, 1, &repeated), "-");
	state_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knowledge_is_merged_and_never_lost),
		cmocka_unit_test(test_find_by_prefix),
		cmocka_unit_test(test_a_namespace_is_one_container),
		cmocka_unit_test(test_two_may_share_a_namespace),
		cmocka_unit_test(test_a_late_name_reaches_the_interface),
		cmocka_unit_test(test_counts_by_direction),
		cmocka_unit_test(test_events_keep_the_names_of_their_time),
		cmocka_unit_test(test_a_port_has_its_owner_of_the_time),
		cmocka_unit_test(test_ports_that_are_none),
		cmocka_unit_test(test_numbers_of_events),
		cmocka_unit_test(test_samples_are_merged),
		cmocka_unit_test(test_a_notice_names_its_container),
		cmocka_unit_test(test_numbers_beyond_the_bound_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
