/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "source/sockets.h"

static void address(const char *text, uint8_t out[16], unsigned *len)
{
	*len = strchr(text, ':') ? 16 : 4;
	assert_int_equal(inet_pton(*len == 16 ? AF_INET6 : AF_INET, text, out), 1);
}

static struct socket_entry entry(uint8_t protocol, const char *local, uint16_t port, uint64_t owner,
				 bool listening)
{
	struct socket_entry s = {.protocol = protocol, .port = port, .listening = listening};
	unsigned len;
	uint8_t a[16];
	address(local, a, &len);
	s.container = owner;
	s.v6 = len == 16;
	if (len == 16) {
		memcpy(s.local, a, 16);
	} else {
		s.local[10] = s.local[11] = 0xff;
		memcpy(s.local + 12, a, 4);
	}
	return s;
}

static void test_find(void **state)
{
	(void)state;
	const struct socket_entry entries[] = {
		entry(6, "0.0.0.0", 80, 1, true),   entry(6, "10.0.0.1", 80, 2, true),
		entry(6, "::", 81, 3, true),	    entry(17, "127.0.0.1", 53, 4, true),
		entry(6, "fd00::1", 82, 5, false),  entry(6, "::ffff:10.0.0.2", 83, 6, false),
		entry(6, "0.0.0.0", 84, 0, true),   entry(6, "0.0.0.0", 85, 0, false),
		entry(6, "0.0.0.0", 85, 7, false),  entry(6, "::", 80, 8, true),
		entry(6, "10.0.0.3", 86, 9, false), entry(6, "10.0.0.3", 86, 10, true),
	};
	static const struct {
		uint8_t protocol;
		const char *addr;
		uint16_t port;
		int64_t owner; /* -1 = no socket */
	} rows[] = {
		{6, "10.0.0.1", 80, 2}, /* exact before wildcard */
		{6, "10.9.9.9", 80, 1}, /* wildcard */
		{6, "fd00::9", 80, 8},	/* each family its own wildcard */
		{6, "10.9.9.9", 81, 3}, /* an IPv6 wildcard takes IPv4 */
		{6, "fd00::9", 84, -1}, /* not the other way round */
		{17, "127.0.0.1", 53, 4}, {6, "127.0.0.1", 53, -1}, {17, "127.0.0.2", 53, -1},
		{6, "fd00::1", 82, 5},	  {6, "fd00::2", 82, -1},   {6, "10.0.0.2", 83, 6},
		{6, "10.0.0.9", 84, 0},	 /* a stranger is known as such */
		{6, "10.0.0.9", 85, 7},	 /* a container before a stranger */
		{6, "10.0.0.3", 86, 10}, /* a listener before what it accepted */
		{6, "10.0.0.3", 87, -1},
	};
	struct socket_table *t = socket_table_new(entries, ARRAY_SIZE(entries), 77);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t a[16];
		unsigned len;
		address(rows[i].addr, a, &len);
		const struct socket_entry *s = socket_table_find(t, rows[i].protocol, a, len,
								 rows[i].port);
		if ((s ? (int64_t)s->container : -1) != rows[i].owner)
			fail_msg("%s port %u: %lld", rows[i].addr, rows[i].port,
				 s ? (long long)s->container : -1ll);
	}
	assert_null(socket_table_find(t, 6, (const uint8_t *)"abcdef", 6, 80));
	assert_int_equal(socket_table_time(t), 77);
	socket_table_free(t);
}

static void test_many(void **state)
{
	(void)state;
	enum { N = 5000 };
	static struct socket_entry entries[N];
	for (unsigned i = 0; i < N; i++)
		entries[i] = entry(6, "10.1.2.3", (uint16_t)(10000 + i), i + 1, false);
	struct socket_table *t = socket_table_new(entries, N, 0);
	const uint8_t a[4] = {10, 1, 2, 3};
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(socket_table_find(t, 6, a, 4, (uint16_t)(10000 + i))->container,
				 i + 1);
	assert_null(socket_table_find(t, 6, a, 4, 9999));
	socket_table_free(t);
	t = socket_table_new(NULL, 0, 0);
	assert_null(socket_table_find(t, 6, a, 4, 1));
	socket_table_free(t);
	socket_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
