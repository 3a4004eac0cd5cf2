/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define SHAPE "{\"rate\":0,\"ceil\":0,\"burst\":0}"
/* What stands in place of one key of a container that is right. */
#define ONE(id, slot, ports, ephemeral, cpus, egress)                                      \
	"{\"version\":1,\"containers\":[{\"id\":" id ",\"slot\":" slot ",\"ports\":" ports \
	",\"ephemeral_ports\":" ephemeral ",\"until\":0,\"begun\":0,\"cpus\":" cpus        \
	",\"egress\":" egress ",\"ingress\":" SHAPE "}]}"

static void count(void *ctx, const struct asked *a)
{
	(void)a;
	++*(unsigned *)ctx;
}

/* A list of several, with what is rare in it. */
static void fill(struct asked *a, uint32_t slot)
{
	memset(a, 0, sizeof(*a));
	snprintf(a->id, sizeof(a->id), "%u.%0*u", slot, slot % 2 ? 1 : DP_ID_SIZE - 8, slot);
	a->slot = slot;
	a->ephemeral_begin = slot * 16;
	a->ephemeral_end = slot == DP_SLOTS - 1 ? PORT_MAX : slot * 16 + 15;
	a->until = slot % 7 ? 0 : INT32_MAX;
	a->begun = slot % 7 ? 0 : slot;
	a->cpus = slot % 3 * 0.125;
	if (slot % 2)
		port_set_add(&a->ports, 1, slot % 4 + 1);
	a->egress = (struct shape){slot % 5 ? 0 : (uint64_t)INT64_MAX, slot, 0};
	a->ingress = (struct shape){slot, 0, UINT32_MAX + 1ull};
}

static void is_as_filled(void *ctx, const struct asked *a)
{
	unsigned *slot = ctx;
	struct asked wanted;

	fill(&wanted, ++*slot);
	assert_memory_equal(&wanted, a, sizeof(wanted));
}

static void test_written_and_read(void **state)
{
	char *lines[DP_SLOTS] = {0};
	struct asked a;
	struct text t = {0};
	struct err e;
	unsigned n = 0;

	(void)state;
	asked_join(lines, DP_SLOTS, &t);
	assert_int_equal(asked_parse(text_cstr(&t), t.len, count, &n, &e), 0);
	assert_int_equal(n, 0);
	text_reset(&t);
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		fill(&a, slot);
		lines[slot] = asked_text(&a);
	}
	asked_join(lines, DP_SLOTS, &t);
	assert_in_range(t.len, 1, ASKED_BYTES_MAX);
	if (asked_parse(text_cstr(&t), t.len, is_as_filled, &n, &e))
		fail_msg("%s", e.message);
	assert_int_equal(n, DP_SLOTS - 1);
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		free(lines[slot]);
	text_done(&t);
}

/* The most that a host can have: every port one range of its own, every id as long as can be. */
static void test_longest(void **state)
{
	char *lines[DP_SLOTS] = {0};
	struct text t = {0};

	(void)state;
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		struct asked a = {.slot = slot, .ephemeral_begin = 60000, .ephemeral_end = 60015};
		a.cpus = ASKED_CPUS_MAX;
		a.egress.rate = a.egress.ceil = a.egress.burst = UINT64_MAX;
		a.ingress = a.egress;
		memset(a.id, 'x', sizeof(a.id) - 1);
		for (uint32_t port = 2 * slot; port <= PORT_MAX; port += 2 * (DP_SLOTS - 1))
			port_set_add(&a.ports, port, port);
		lines[slot] = asked_text(&a);
	}
	asked_join(lines, DP_SLOTS, &t);
	print_message("%zu bytes\n", t.len);
	assert_in_range(t.len, 1 << 20, ASKED_BYTES_MAX);
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		free(lines[slot]);
	text_done(&t);
}

static void test_every_truncation(void **state)
{
	char *lines[3] = {0};
	struct text t = {0};

	(void)state;
	for (uint32_t slot = 1; slot < 3; slot++) {
		struct asked a;
		fill(&a, slot);
		lines[slot] = asked_text(&a);
	}
	asked_join(lines, 3, &t);
	for (size_t n = 0; n < t.len - 1; n++) { /* without the last newline it is whole */
		struct err e = {0};
		unsigned seen = 0;
		cleanup_free char *part = xstrndup(t.data, n); /* bounds that a sanitizer sees */
		if (!asked_parse(part, n, count, &seen, &e))
			fail_msg("%zu bytes were accepted", n);
		assert_int_equal(seen, 0);
		assert_int_equal(e.code, ERR_FAILED);
	}
	for (uint32_t slot = 1; slot < 3; slot++)
		free(lines[slot]);
	text_done(&t);
}

static void test_refused(void **state)
{
	static const char *const good[] = {
		ONE("\"a\"", "1", "\"\"", "\"1\"", "0", SHAPE),
		ONE("\"a\"", "4095", "\"2-65535\"", "\"1\"", "0.5", SHAPE),
		"{\"version\":1,\"containers\":[]}",
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "line"},
		{"[]", "version"},
		{"{}", "version"},
		{"{\"version\":2,\"containers\":[]}", "version 1"},
		{"{\"version\":\"1\",\"containers\":[]}", "version 1"},
		{"{\"version\":1}", "list"},
		{"{\"version\":1,\"containers\":{}}", "list"},
		{"{\"version\":1,\"containers\":[],\"more\":1}", "list"},
		{"{\"version\":1,\"version\":1,\"containers\":[]}", "duplicate"},
		{"{\"version\":1,\"containers\":[]}x", "end of file"},
		{"{\"version\":1,\"containers\":[1]}", "container 1"},
		{"{\"version\":1,\"containers\":[{}]}", "container 1"},
		{ONE("\"a\"", "4294967297", "\"\"", "\"1\"", "0", SHAPE), "slot 4294967297"},
		{ONE("\"../a\"", "1", "\"\"", "\"1\"", "0", SHAPE), "container id"},
		{ONE("\"host\"", "1", "\"\"", "\"1\"", "0", SHAPE), "host itself"},
		{ONE("\"\"", "1", "\"\"", "\"1\"", "0", SHAPE), "container id"},
		{ONE("\"a\\u0000\"", "1", "\"\"", "\"1\"", "0", SHAPE), "line"},
		{ONE("7", "1", "\"\"", "\"1\"", "0", SHAPE), "string"},
		{ONE("\"a\"", "0", "\"\"", "\"1\"", "0", SHAPE), "slot 0"},
		{ONE("\"a\"", "-1", "\"\"", "\"1\"", "0", SHAPE), "slot -1"},
		{ONE("\"a\"", "4096", "\"\"", "\"1\"", "0", SHAPE), "slot 4096"},
		{ONE("\"a\"", "1e3", "\"\"", "\"1\"", "0", SHAPE), "integer"},
		{ONE("\"a\"", "99999999999999999999", "\"\"", "\"1\"", "0", SHAPE), "big"},
		{ONE("\"a\"", "1", "\"0-5\"", "\"9\"", "0", SHAPE), "port"},
		{ONE("\"a\"", "1", "\"1-65536\"", "\"9\"", "0", SHAPE), "port"},
		{ONE("\"a\"", "1", "\"\"", "\"\"", "0", SHAPE), "one range"},
		{ONE("\"a\"", "1", "\"\"", "\"1,3\"", "0", SHAPE), "one range"},
		{ONE("\"a\"", "1", "\"5-9\"", "\"9-10\"", "0", SHAPE), "one range"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "-1", SHAPE), "cpus"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "4294968", SHAPE), "cpus"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "NaN", SHAPE), "line"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "0", "null"), "object"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "0", "{\"rate\":-1,\"ceil\":0,\"burst\":0}"),
		 "egress"},
		{ONE("\"a\"", "1", "\"\"", "\"1\"", "0", SHAPE ",\"more\":1"), "unpacked"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(good); k++) {
		struct err e;
		unsigned n = 0;
		if (asked_parse(good[k], strlen(good[k]), count, &n, &e))
			fail_msg("%s: %s", good[k], e.message);
	}
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		struct err e = {0};
		unsigned n = 0;
		if (!asked_parse(bad[k].text, strlen(bad[k].text), count, &n, &e))
			fail_msg("'%s' was accepted", bad[k].text);
		if (!strstr(e.message, bad[k].why))
			fail_msg("'%s': %s", bad[k].text, e.message);
		assert_int_equal(n, 0);
	}
}

/* The second of two is wrong: nobody sees the first. */
static void test_all_or_nothing(void **state)
{
	static const char one[] = ONE("\"a\"", "1", "\"\"", "\"1\"", "0", SHAPE);
	cleanup_free char *text = xasprintf("%.*s,{}]}", (int)strlen(one) - 2, one);
	struct err e;
	unsigned n = 0;

	(void)state;
	assert_int_equal(asked_parse(text, strlen(text), count, &n, &e), -1);
	assert_non_null(strstr(e.message, "container 2"));
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_and_read), cmocka_unit_test(test_longest),
		cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
