/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random expressions, judged twice: by the compiled program, and here by a walk
 * over the tree they were written from, with the verdicts of their single
 * conditions. And what is promised early (interface, types, time) must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "../field/fixture.h"
#include "filter/filter.h"

static const char *const atoms[] = {
	"tcp.port=31401",
	"ip.addr!=10.1.0.9",
	"tcp.flags.syn",
	"marathon.app.id=/shop/web",
	"marathon.app.id!=/shop/web",
	"marathon.app.label.tier=front",
	"container.id=0123456789ab",
	"container.id!=host",
	"container.image exists",
	"frame.interface_name startswith web",
	"frame.interface_id=2",
	"evt.type=packet",
	"evt.type in (counters, drop)",
	"evt.rawtime>=1700000000004000000",
	"evt.rawtime in (1700000000002000000..1700000000003000000)",
	"evt.rawtime.s!=1700000000",
	"frame.time_epoch<1700000000.009",
	"net_rx_bytes>0",
	"notice.priority<=6",
	"evt.buffer regex GET|HTTP",
	"evt.failed",
	"tcp.analysis.retransmission=false",
	"evt.num>5",
};

#define CONTAINER_ATOMS_FIRST 3u
#define CONTAINER_ATOMS_LAST  8u

static uint64_t seed = 42;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static bool truth[ARRAY_SIZE(atoms)][SAMPLES];

/* Writes an expression of at least the given strength (0 or, 1 and, 2 single) and computes it. */
static void grow(struct text *t, unsigned depth, unsigned strength, unsigned first, unsigned last,
		 bool result[SAMPLES])
{
	bool other[SAMPLES];
	unsigned kind = depth ? pick(5) : 0;

	if (kind == 0) {
		unsigned a = first + pick(last - first + 1);

		text_str(t, atoms[a]);
		memcpy(result, truth[a], sizeof(truth[a]));
		return;
	}
	if (kind == 1) {
		text_str(t, pick(2) ? "not " : "!");
		grow(t, depth - 1, 2, first, last, result);
		for (unsigned i = 0; i < SAMPLES; i++)
			result[i] = !result[i];
		return;
	}
	bool is_and = kind < 4;
	bool bracket = strength > (is_and ? 1 : 0) || pick(4) == 0;
	unsigned members = 1 + pick(3);

	text_str(t, bracket ? "(" : "");
	grow(t, depth - 1, is_and ? 2 : 1, first, last, result);
	for (unsigned m = 0; m < members; m++) {
		text_str(t, is_and ? (pick(2) ? " and " : "&&") : (pick(2) ? " or " : "||"));
		grow(t, depth - 1, is_and ? 2 : 1, first, last, other);
		for (unsigned i = 0; i < SAMPLES; i++)
			result[i] = is_and ? result[i] && other[i] : result[i] || other[i];
	}
	text_str(t, bracket ? ")" : "");
}

static void check_early(const struct filter *f, const struct fixture *x, unsigned i, bool match,
			const char *text)
{
	enum verdict v = filter_iface(f, x->c[i].container, x->c[i].iface);
	uint64_t from, to;

	if ((v == VERDICT_NO && match) || (v == VERDICT_YES && !match))
		fail_msg("%s: filter_iface is wrong about %s", text, sample_names[i]);
	v = filter_packets(f, x->c[i].container, x->c[i].iface);
	if (x->ev[i].type == EVENT_PACKET &&
	    ((v == VERDICT_NO && match) || (v == VERDICT_YES && !match)))
		fail_msg("%s: filter_packets is wrong about %s", text, sample_names[i]);
	if (!match)
		return;
	filter_time(f, &from, &to);
	if (x->ev[i].ts < from || x->ev[i].ts > to)
		fail_msg("%s: filter_time leaves %s out", text, sample_names[i]);
	if (!(filter_types(f) >> x->ev[i].type & 1))
		fail_msg("%s: filter_types leaves %s out", text, sample_names[i]);
}

static void run(unsigned rounds, unsigned first, unsigned last, bool settled)
{
	static struct fixture x;
	bool wanted[SAMPLES];
	struct text t = {0};

	fixture_init(&x);
	for (unsigned r = 0; r < rounds; r++) {
		struct err e = {0};

		text_reset(&t);
		grow(&t, 4, 0, first, last, wanted);
		struct filter *f = filter_compile(text_cstr(&t), NULL, &e);

		if (!f)
			fail_msg("%s: %s", text_cstr(&t), e.message);
		for (unsigned i = 0; i < SAMPLES; i++) {
			bool match = filter_match(f, &x.c[i]);

			if (match != wanted[i])
				fail_msg("%s: wrong about %s", text_cstr(&t), sample_names[i]);
			check_early(f, &x, i, match, text_cstr(&t));
			if (settled && x.c[i].container &&
			    filter_iface(f, x.c[i].container, x.c[i].iface) == VERDICT_MAYBE)
				fail_msg("%s: not settled by the container", text_cstr(&t));
		}
		filter_free(f);
	}
	text_done(&t);
}

static int setup(void **state)
{
	static struct fixture x;

	(void)state;
	fixture_init(&x);
	for (unsigned a = 0; a < ARRAY_SIZE(atoms); a++) {
		struct err e = {0};
		struct filter *f = filter_compile(atoms[a], NULL, &e);

		assert_non_null(f);
		for (unsigned i = 0; i < SAMPLES; i++)
			truth[a][i] = filter_match(f, &x.c[i]);
		filter_free(f);
	}
	return 0;
}

static void test_everything(void **state)
{
	(void)state;
	run(5000, 0, ARRAY_SIZE(atoms) - 1, false);
}

/* Expressions about the container alone leave nothing open. */
static void test_containers(void **state)
{
	(void)state;
	run(2000, CONTAINER_ATOMS_FIRST, CONTAINER_ATOMS_LAST, true);
}

/* A host's interface carries the packets of several containers: each event decides. */
static void test_host_interface(void **state)
{
	static struct fixture x;
	struct filter *f = filter_compile("marathon.app.id=/shop/web", NULL, NULL);

	(void)state;
	fixture_init(&x);
	assert_non_null(f);
	assert_int_equal(filter_iface(f, NULL, &x.iface_host), VERDICT_MAYBE);
	assert_int_equal(filter_iface(f, &x.web, NULL), VERDICT_YES);
	assert_int_equal(filter_iface(f, &x.web2, &x.iface_web2), VERDICT_NO);
	struct context c = x.c[DNS];

	assert_false(filter_match(f, &c));
	c.container = &x.web;
	assert_true(filter_match(f, &c));
	filter_free(f);
}

/* All packets of a container are judged alike where nothing but their type is asked for. */
static void test_packets(void **state)
{
	static const struct {
		const char *expression;
		enum verdict web, web2;
	} rows[] = {
		{"evt.type=packet and marathon.app.id=/shop/web", VERDICT_YES, VERDICT_NO},
		{"evt.type=counters or marathon.app.id=/shop/web", VERDICT_YES, VERDICT_NO},
		{"not notice.kind exists", VERDICT_YES, VERDICT_YES},
		{"evt.type=counters", VERDICT_NO, VERDICT_NO},
		{"frame.len > 5", VERDICT_MAYBE, VERDICT_MAYBE},
	};
	static struct fixture x;

	(void)state;
	fixture_init(&x);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter *f = filter_compile(rows[i].expression, NULL, NULL);
		assert_non_null(f);
		assert_int_equal(filter_packets(f, &x.web, &x.iface_web), rows[i].web);
		assert_int_equal(filter_packets(f, &x.web2, &x.iface_web2), rows[i].web2);
		filter_free(f);
	}
}

struct bounds {
	const char *expression;
	uint64_t from, to;
};

static const struct bounds times[] = {
	{"evt.num=1", 0, UINT64_MAX},
	{"evt.rawtime>=5 and evt.rawtime<9", 5, 8},
	{"not (evt.rawtime<5 or evt.rawtime>=9)", 5, 8},
	{"evt.rawtime=5 or evt.rawtime=9", 5, 9},
	{"evt.rawtime=5 and evt.rawtime=9", UINT64_MAX, 0},
	{"evt.rawtime in (3, 7..9)", 3, 9},
	{"evt.rawtime!=5", 0, UINT64_MAX},
	{"evt.rawtime>5 or evt.num=1", 0, UINT64_MAX},
	{"evt.rawtime>5 and evt.num=1", 6, UINT64_MAX},
	{"not evt.rawtime>5", 0, 5},
	{"evt.rawtime.s=2", 2000000000, 2999999999},
	{"evt.rawtime.s>2 and evt.rawtime.s<=4", 3000000000, 4999999999},
	{"frame.time_epoch>=1.5 and frame.time_epoch<=2", 1500000000, 2000000000},
	{"evt.rawtime>='1970-01-01T00:00:01Z'", 1000000000, UINT64_MAX},
};

static void test_time_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct err e = {0};
		struct filter *f = filter_compile(times[i].expression, NULL, &e);
		uint64_t from, to;

		if (!f)
			fail_msg("%s: %s", times[i].expression, e.message);
		filter_time(f, &from, &to);
		if (from != times[i].from || to != times[i].to)
			fail_msg("%s: %llu..%llu", times[i].expression, (unsigned long long)from,
				 (unsigned long long)to);
		filter_free(f);
	}
}

#define P   (1u << EVENT_PACKET)
#define C   (1u << EVENT_COUNTERS)
#define ND  (1u << EVENT_NOTICE | 1u << EVENT_DROP)
#define ALL (P | C | ND | 1u << EVENT_SYSCALL | 1u << EVENT_HOP)

static const struct {
	const char *expression;
	uint32_t types;
} kinds[] = {
	{"evt.num=1", ALL},
	{"tcp.port=80", P},
	{"tcp.port!=80", P},
	{"not tcp.port=80", ALL},
	{"tcp.port=80 or net_rx_bytes>5", P | C},
	{"tcp.port=80 and net_rx_bytes>5", 0},
	{"notice.kind=drop", ND},
	{"evt.type=counters", C},
	{"evt.type!=packet and evt.type in (counters, packet)", C},
	{"not evt.type=packet", ALL & ~P},
	{"marathon.app.id=/a and evt.category=net", P},
	{"evt.dir='<'", P | C},
};

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err e = {0};
		struct filter *f = filter_compile(kinds[i].expression, NULL, &e);

		if (!f)
			fail_msg("%s: %s", kinds[i].expression, e.message);
		if (filter_types(f) != kinds[i].types)
			fail_msg("%s: %#x", kinds[i].expression, filter_types(f));
		filter_free(f);
	}
}

/* A SYN tells who is the client, where nothing else passes. */
static void test_flows(void **state)
{
	static const struct {
		const char *expression;
		bool needs;
	} rows[] = {
		{"tcp.port=80", false},
		{"tcp.port=80 or not tcp.analysis.retransmission", true},
		{"fd.sport=80", true},
		{"fd.sport=80 and tcp.flags.syn=true", false},
		{"tcp.flags.syn=true and tcp.flags.ack=false and not fd.cip=10.0.0.1", false},
		{"fd.sport=80 and tcp.flags.syn=false", true},
		{"fd.sport=80 and not tcp.flags.syn=true", true},
		{"fd.sport=80 and not tcp.flags.syn=false", true},	   /* UDP has no flags */
		{"fd.sport=80 and tcp and not tcp.flags.syn=false", true}, /* nor the cut */
		{"fd.sport=80 and tcp.flags.syn exists", true},
		{"tcp.flags.syn=true or fd.sport=80", true},
		{"tcp.flags.syn=true and (fd.sport=80 or fd.sport=443)", false},
		{"tcp.flags.syn=true and tcp.stream=3", true},
		{"tcp.flags.syn=true and evt.failed=true", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		struct filter *f = filter_compile(rows[i].expression, NULL, &e);
		if (!f)
			fail_msg("%s: %s", rows[i].expression, e.message);
		if (filter_needs(f, FIELD_FLOW) != rows[i].needs)
			fail_msg("%s", rows[i].expression);
		filter_free(f);
	}
}

static void test_explain(void **state)
{
	struct filter *f = filter_compile("ip.addr!=10.0.0.1 and mesos.task.id=x or frame.len<0",
					  NULL, NULL);
	struct text t = {0};

	(void)state;
	assert_non_null(f);
	filter_explain(f, &t);
	const char *s = text_cstr(&t);

	assert_non_null(strstr(s, "   0  frame.len<0"));
	assert_non_null(strstr(s, "   1  mesos.task.id=x"));
	assert_non_null(strstr(s, "yes: accept  no: reject"));
	assert_non_null(strstr(s, "1 of 3 conditions settled before decoding"));
	assert_non_null(strstr(s, "events that can match: packet\n"));
	assert_non_null(strstr(s, "condition 2 holds when every value of ip.addr differs"));
	assert_non_null(strstr(s, "condition 0 can never hold"));
	text_done(&t);
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),     cmocka_unit_test(test_containers),
		cmocka_unit_test(test_host_interface), cmocka_unit_test(test_packets),
		cmocka_unit_test(test_time_bounds),    cmocka_unit_test(test_types),
		cmocka_unit_test(test_flows),	       cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
