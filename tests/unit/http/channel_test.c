/* SPDX-License-Identifier: Apache-2.0 */
/* The events of one filter: places in the ring, what is missed, ids to come back by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/channel.h"

static void put(struct channel *c, unsigned n)
{
	char json[64];

	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(json, sizeof(json), "{\"n\":%llu}",
				   (unsigned long long)c->events + 1);
		channel_event(c, json, (size_t)len, 1);
	}
}

/* All there is for a place, read in pieces of so many bytes; owned by the caller. */
static char *get(const struct channel *c, struct place *p, size_t piece)
{
	struct text t = {0};
	size_t got;

	while ((got = channel_read(c, p, text_room(&t, piece), piece)))
		t.len += got;
	char *all = xstrdup(text_cstr(&t));
	text_done(&t);
	return all;
}

static void expect(const struct channel *c, struct place *p, size_t piece, const char *wanted)
{
	cleanup_free char *got = get(c, p, piece);

	assert_string_equal(got, wanted);
}

static void test_order(void **state)
{
	struct channel *c = channel_new("", NULL, 0xab);
	struct place p;

	(void)state;
	put(c, 2);
	channel_enter(c, &p, NULL);
	expect(c, &p, 100, "retry: 2000\n\n");
	put(c, 1);
	channel_line(c, ":\n\n", 1);
	put(c, 1);
	expect(c, &p, 100, "id: ab-3\ndata: {\"n\":3}\n\n:\n\nid: ab-4\ndata: {\"n\":4}\n\n");
	expect(c, &p, 100, "");
	channel_free(c);
}

/* Pieces smaller than an event, and an event that leaves the ring while it is read. */
static void test_pieces(void **state)
{
	struct channel *c = channel_new("", NULL, 1);
	struct place p;
	char first[5];

	(void)state;
	channel_enter(c, &p, NULL);
	expect(c, &p, 3, "retry: 2000\n\n");
	put(c, 1);
	assert_int_equal(channel_read(c, &p, first, sizeof(first)), 5);
	assert_memory_equal(first, "id: 1", 5);
	put(c, CHANNEL_ITEMS + 10);
	cleanup_free char *rest = get(c, &p, 7);
	assert_memory_equal(rest,
			    "-1\ndata: {\"n\":1}\n\nevent: missed\ndata: {\"missed\":10}\n\n"
			    "id: 1-12\n",
			    61);
	channel_free(c);
}

static void count(const char *text, unsigned *events, unsigned long long *missed)
{
	*events = 0;
	*missed = 0;
	for (const char *s = text; (s = strstr(s, "id: ")); s++)
		++*events;
	for (const char *s = text; (s = strstr(s, "{\"missed\":")); s++)
		*missed += strtoull(s + 10, NULL, 10);
}

/* Whatever the sizes and pauses: what was got and what was missed is all there was. */
static void test_slow(void **state)
{
	static char big[40000];
	struct channel *c = channel_new("", NULL, 1);
	struct place p;
	unsigned events, all = 0;
	unsigned long long missed, all_missed = 0;

	(void)state;
	memset(big, 'x', sizeof(big));
	srand(3);
	channel_enter(c, &p, NULL);
	for (unsigned round = 0; round < 300; round++) {
		unsigned n = (unsigned)rand() % (round % 20 ? 30 : 6000);
		for (unsigned i = 0; i < n; i++)
			channel_event(c, big, (size_t)rand() % (round % 7 ? 300 : sizeof(big)), 1);
		if (round % 5 == 0)
			channel_line(c, ":\n\n", 1);
		cleanup_free char *got = get(c, &p, 1000);
		count(got, &events, &missed);
		all += events;
		all_missed += missed;
		assert_int_equal(all + all_missed, c->events);
	}
	assert_true(all_missed > 1000);
	channel_free(c);
}

static void test_coming_back(void **state)
{
	static const struct {
		const char *id, *wanted;
	} rows[] = {
		{"ab-3", "id: ab-4\ndata: {\"n\":4}\n\nid: ab-5\ndata: {\"n\":5}\n\n"},
		{"ab-5", ""},
		{"ab-6", "event: missed\ndata: {\"missed\":null}\n\n"}, /* not yet */
		{"ac-3", "event: missed\ndata: {\"missed\":null}\n\n"},
		{"", ""},
		{"-1", "event: missed\ndata: {\"missed\":null}\n\n"},
		{"99999999999999999999999999-1", "event: missed\ndata: {\"missed\":null}\n\n"},
		{"ab--9", "event: missed\ndata: {\"missed\":null}\n\n"},
		{"x", "event: missed\ndata: {\"missed\":null}\n\n"},
	};
	struct channel *c = channel_new("", NULL, 0xab);
	struct place p;

	(void)state;
	put(c, 5);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_free char *wanted = xasprintf("retry: 2000\n\n%s", rows[i].wanted);
		channel_enter(c, &p, rows[i].id);
		expect(c, &p, 512, wanted);
	}
	put(c, CHANNEL_ITEMS);
	channel_enter(c, &p, "ab-3");
	cleanup_free char *got = get(c, &p, 512);
	assert_memory_equal(got, "retry: 2000\n\nevent: missed\ndata: {\"missed\":2}\n\nid: ab-6\n",
			    56);
	channel_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_coming_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
