/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_types(void **state)
{
	static const char *const names[EVENT_TYPES] = {"none", "packet",  "counters", "notice",
						       "drop", "syscall", "hop"};

	(void)state;
	for (unsigned i = 0; i < EVENT_TYPES; i++)
		assert_string_equal(event_type_name(i), names[i]);
	assert_string_equal(event_type_name(EVENT_TYPES), "unknown");
	assert_string_equal(event_type_name((enum event_type)UINT32_MAX), "unknown");
}

static void test_second_sight(void **state)
{
	static const struct {
		uint64_t id;
		uint32_t flags;
		bool want;
	} rows[] = {
		{0, EVENT_IN, false},
		{7, EVENT_IN, true},
		{7, EVENT_OUT, false},
		{7, 0, false},
		{7, EVENT_IN | EVENT_TSO, true},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event ev = {.packet_id = rows[i].id, .flags = rows[i].flags};
		assert_int_equal(event_is_second_sight(&ev), rows[i].want);
	}
}

static void test_counters(void **state)
{
	struct counters in = {0}, out;
	struct builder b = {0};

	(void)state;
	counters_pack(&in, &b);
	assert_int_equal(b.len, 2);
	assert_int_equal(counters_unpack(&out, b.data, b.len), 0);
	for (unsigned i = 0; i < COUNTERS; i++)
		assert_false(counters_has(&out, i));
	for (unsigned i = 0; i < COUNTERS; i += 3)
		counters_set(&in, i, UINT64_MAX - i);
	b.len = 0;
	counters_pack(&in, &b);
	assert_int_equal(counters_unpack(&out, b.data, b.len), 0);
	for (unsigned i = 0; i < COUNTERS; i++) {
		assert_int_equal(counters_has(&out, i), i % 3 == 0);
		assert_true(out.value[i] == (i % 3 ? 0 : UINT64_MAX - i));
	}
	struct counters kept = out;
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *cut = xmalloc(n); /* exactly as long, for AddressSanitizer */
		memcpy(cut, b.data, n);
		assert_int_equal(counters_unpack(&out, cut, n), -1);
		assert_memory_equal(&out, &kept, sizeof(out));
		free(cut);
	}
	builder_done(&b);
}

/* A file of a later version has counters this one does not know. */
static void test_counters_unknown(void **state)
{
	struct counters out;
	struct builder b = {0};

	(void)state;
	builder_u16(&b, 3);
	builder_u16(&b, COUNTERS);
	builder_u64(&b, 1);
	builder_u16(&b, UINT16_MAX);
	builder_u64(&b, 2);
	builder_u16(&b, COUNTER_NET_TX_BYTES);
	builder_u64(&b, 3);
	builder_put(&b, "padding", 2);
	assert_int_equal(counters_unpack(&out, b.data, b.len), 0);
	assert_true(out.value[COUNTER_NET_TX_BYTES] == 3);
	assert_true(counters_has(&out, COUNTER_NET_TX_BYTES));
	unsigned known = 0;
	for (unsigned i = 0; i < COUNTERS; i++)
		known += counters_has(&out, i);
	assert_int_equal(known, 1);
	builder_done(&b);
}

/* Positions are ids in files: these may never change. */
static void test_counter_ids(void **state)
{
	(void)state;
	assert_string_equal(counter_rows[0].name, "net_rx_packets");
	assert_string_equal(counter_rows[5].name, "net_tx_bytes");
	assert_string_equal(counter_rows[13].name, "mem_total_bytes");
	assert_string_equal(counter_rows[29].name, "net_tcp_active_connections");
	assert_string_equal(counter_rows[37].name, "packets_seen");
	assert_int_equal(COUNTER_PACKETS_SAMPLED_OUT, 39);
	assert_int_equal(COUNTER_NET_REFUSED_OTHER, 43);
	assert_int_equal(EVENT_PACKET, 1);
	assert_int_equal(EVENT_HOP, 6);
}

static void post(struct message_box *b, int priority)
{
	struct message *m = message_new();

	m->priority = priority;
	message_post(b, m);
}

static void test_messages_are_taken_in_order(void **state)
{
	struct message_box b = {.waiting = 0};

	(void)state;
	assert_null(message_take(&b));
	for (int i = 0; i < 3; i++)
		post(&b, i);
	struct message *all = message_take(&b);
	assert_null(message_take(&b));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(all->priority, i);
		struct message *rest = all->next;
		all->next = NULL;
		message_free(all);
		all = rest;
	}
	assert_null(all);
	/* Nobody takes: the first ones stay, and there is room again afterwards. */
	for (unsigned i = 0; i < MESSAGES_WAITING + 10; i++)
		post(&b, (int)i);
	unsigned n = 0;
	all = message_take(&b);
	assert_int_equal(all->priority, 0);
	for (const struct message *m = all; m; m = m->next)
		n++;
	assert_int_equal(n, MESSAGES_WAITING);
	message_free(all);
	post(&b, 7);
	all = message_take(&b);
	assert_int_equal(all->priority, 7);
	message_free(all);
}

/* All keys at once are found as each alone is, whatever the text is made of. */
static void test_meta_of_any_text(void **state)
{
	static const char bytes[] = "==\n\n\0DX_";
	uint64_t random = 1;
	char text[300];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = 0;
		while (size < 200 && (random = hash_u64(random + round)) % 16) {
			const char *key = meta_rows[(random >> 8) % META_KEYS].journal;
			size_t n = (random >> 16) % (strlen(key) + 1);
			n = random >> 32 & 3 ? strlen(key) : n;
			memcpy(text + size, key, n);
			size += n;
			for (n = (random >> 40) % 4; n--; random = hash_u64(random))
				text[size++] = bytes[random % (sizeof(bytes) - 1)];
		}
		char *exact = memcpy(xmalloc(size), text, size);
		struct notice_value all[META_KEYS];
		notice_meta(exact, size, all);
		for (unsigned k = 0; k < META_KEYS; k++) {
			size_t n = 0;
			const char *p = notice_find(exact, size, meta_rows[k].journal, &n);
			assert_ptr_equal(all[k].p, p);
			assert_int_equal(all[k].n, n);
		}
		free(exact);
	}
}

/* A name that goes on behind a zero byte is none of ours, and no key is looked at beyond its end.
 */
static void test_meta_of_long_name(void **state)
{
	size_t key = strlen(meta_rows[META_TASK].journal), size = 1 << 26;
	char *text = xcalloc(1, size);
	struct notice_value all[META_KEYS];

	(void)state;
	memcpy(text, meta_rows[META_TASK].journal, key);
	memcpy(text + size - 2, "=x", 2);
	notice_meta(text, size, all);
	assert_null(all[META_TASK].p);
	text[key] = '=';
	notice_meta(text, size, all);
	assert_ptr_equal(all[META_TASK].p, text + key + 1);
	assert_int_equal(all[META_TASK].n, size - key - 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_second_sight),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_counters_unknown),
		cmocka_unit_test(test_meta_of_any_text),
		cmocka_unit_test(test_meta_of_long_name),
		cmocka_unit_test(test_counter_ids),
		cmocka_unit_test(test_messages_are_taken_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
