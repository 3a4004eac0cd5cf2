/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct port_set none;

static struct port_set set_of(const char *text)
{
	struct port_set s = {0};
	struct err e = {0};

	if (port_set_parse(text, strlen(text), &s, &e))
		fail_msg("%s: %s", text, e.message);
	return s;
}

static void test_parse(void **state)
{
	static const struct {
		const char *text, *canonical;
		uint32_t count;
	} good[] = {
		{"31000-31007", "31000-31007", 8},
		{"[31000-32000]", "31000-32000", 1001},
		{" [31000-31007, 31016-31023] ", "31000-31007,31016-31023", 16},
		{"31008-31010,31000-31007", "31000-31010", 11}, /* in any order, touching */
		{"1-65535", "1-65535", 65535},			/* T8: the last port */
		{"65535", "65535", 1},
		{"80,80", "80", 1},
		{"", "", 0},
		{"[]", "", 0},
	};
	static const char *const bad[] = {
		"0",  "0-10", "65536", "1-65536", "99999999999", "10-9", "a",	  "1-",
		"-5", "1,,2", "1,",    "[1",	  "1]",		 "1 2",	 "1-2-3",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct port_set s = set_of(good[i].text);
		struct text t = {0};
		port_set_text(&t, &s);
		assert_string_equal(text_cstr(&t), good[i].canonical);
		assert_int_equal(port_set_count(&s), good[i].count);
		assert_int_equal(port_set_empty(&s), !good[i].count);
		text_done(&t);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct port_set s = {0};
		struct err e = {0};
		if (!port_set_parse(bad[i], strlen(bad[i]), &s, &e))
			fail_msg("'%s' was accepted", bad[i]);
		assert_true(port_set_empty(&s));
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void test_sets(void **state)
{
	struct port_set a = set_of("100-199,300-399"), b = set_of("150-160"), c = set_of("200-299");
	uint32_t first;

	(void)state;
	assert_true(port_set_contains(&a, &b));
	assert_false(port_set_contains(&b, &a));
	assert_true(port_set_intersects(&a, &b, &first));
	assert_int_equal(first, 150);
	assert_false(port_set_intersects(&a, &c, NULL));
	port_set_remove(&a, 150, 160);
	assert_false(port_set_intersects(&a, &b, NULL));
	assert_int_equal(port_set_count(&a), 189);
	assert_true(port_set_has(&a, 149) && !port_set_has(&a, 150) && port_set_has(&a, 161));
	assert_false(port_set_has(&a, 70000));
}

static char blocks[256];

static void add_block(void *ctx, uint32_t begin, uint32_t size)
{
	(void)ctx;
	size_t n = strlen(blocks);

	snprintf(blocks + n, sizeof(blocks) - n, "%s%u/%u", n ? " " : "", begin, size);
}

/* Port ranges of Mesos' own tests and documentation; T8: the ends of the space. */
static void test_blocks(void **state)
{
	static const struct {
		const char *ports, *blocks;
	} rows[] = {
		{"31000-31499", "31000/8 31008/32 31040/64 31104/128 31232/256 31488/8 31496/4"},
		{"30016-30031", "30016/16"},
		{"31000-31007", "31000/8"},
		{"1", "1/1"},
		{"65535", "65535/1"},
		{"1-65535", "1/1 2/2 4/4 8/8 16/16 32/32 64/64 128/128 256/256 512/512 1024/1024 "
			    "2048/2048 4096/4096 8192/8192 16384/16384 32768/32768"},
		{"4-11", "4/4 8/4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct port_set s = set_of(rows[i].ports);
		blocks[0] = '\0';
		port_blocks(&s, add_block, NULL);
		assert_string_equal(blocks, rows[i].blocks);
	}
}

static void test_ephemeral(void **state)
{
	struct ephemeral_pool p = {.pool = set_of("30001-30999")};
	struct err e = {0};
	uint32_t begin;

	(void)state;
	assert_int_equal(ephemeral_left(&p, 16), 61);
	assert_int_equal(ephemeral_allocate(&p, &none, 16, &begin, &e), 0);
	assert_int_equal(begin, 30016); /* aligned */
	assert_int_equal(ephemeral_allocate(&p, &none, 16, &begin, &e), 0);
	assert_int_equal(begin, 30032);
	ephemeral_release(&p, 30016, 16);
	assert_int_equal(ephemeral_allocate(&p, &none, 16, &begin, &e), 0);
	assert_int_equal(begin, 30016); /* first fit */
	const struct port_set taken = set_of("30050");
	assert_int_equal(ephemeral_allocate(&p, &taken, 16, &begin, &e), 0);
	assert_int_equal(begin, 30064);
	ephemeral_release(&p, 30064, 16);
	ephemeral_release(&p, 30016, 16);
	ephemeral_release(&p, 30032, 16);
	/* TooManyContainers */
	assert_int_equal(ephemeral_allocate(&p, &none, 512, &begin, &e), 0);
	assert_int_equal(begin, 30208);
	assert_int_equal(ephemeral_allocate(&p, &none, 512, &begin, &e), -1);
	assert_non_null(strstr(e.message, "no 512 ephemeral ports"));
	/* sizes that are no powers of two need no alignment */
	assert_int_equal(ephemeral_allocate(&p, &none, 100, &begin, &e), 0);
	assert_int_equal(begin, 30001);
	assert_int_equal(ephemeral_allocate(&p, &none, 0, &begin, &e), -1);
	assert_int_equal(ephemeral_left(&p, 0), 0);
}

static void test_recovered_ranges(void **state)
{
	struct ephemeral_pool p = {.pool = set_of("30001-30999")};
	struct err e = {0};
	uint32_t begin;

	(void)state;
	assert_int_equal(ephemeral_take(&p, 30016, 16, &e), 0);
	assert_int_equal(ephemeral_take(&p, 30016, 16, &e), -1); /* not twice */
	assert_int_equal(ephemeral_allocate(&p, &none, 16, &begin, &e), 0);
	assert_int_equal(begin, 30032);
	/* T10: of a pool that has changed; kept, and told */
	assert_int_equal(ephemeral_take(&p, 40000, 16, &e), -1);
	assert_non_null(strstr(e.message, "not in the pool any more"));
	assert_int_equal(ephemeral_take(&p, 40000, 16, &e), -1);
	assert_non_null(strstr(e.message, "taken already"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_ephemeral),
		cmocka_unit_test(test_recovered_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
