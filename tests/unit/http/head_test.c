/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/head.h"

#define GET  "GET / HTTP/1.1\r\n"
#define HOST GET "Host: x\r\n"

static const struct {
	const char *head;
	unsigned status;
} rows[] = {
	{HOST "\r\n", 200},
	{"GET /a?b=%20&c HTTP/1.0\r\n\r\n", 200},
	{"GET / HTTP/1.1\nhost:x\n\n", 200},
	{"\r\nGET / HTTP/1.1\r\nHOST: \r\n\r\n", 200},
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200},
	{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked \r\n\r\n", 200},
	{"", 0},
	{"GE", 0},
	{HOST, 0},
	{HOST "A: b\r\n", 0},
	{GET "\r\n", 400},
	{"GET /\r\n\r\n", 400},
	{"GET\r\n\r\n", 400},
	{" GET / HTTP/1.1\r\n", 400},
	{"GET  / HTTP/1.1\r\n", 400},
	{"GET /  HTTP/1.1\r\n", 400},
	{"GET / HTTP/1.1 \r\n", 400},
	{"GET\t/\tHTTP/1.1\r\n", 400},
	{"GET /\x01 HTTP/1.1\r\n", 400},
	{"GET /\xff HTTP/1.1\r\n", 400},
	{"G\xffT / HTTP/1.1\r\n", 400},
	{"\x16\x03\x01", 400},
	{"GET / HTTP/1.\r\n", 400},
	{"GET / http/1.1\r\n", 400},
	{"GET / HTTP/2.0\r\n", 505},
	{"GET / HTTP/1.2\r\n", 505},
	{HOST "Host: x\r\n\r\n", 400},
	{HOST "A b\r\n", 400},
	{HOST "A : b\r\n", 400},
	{HOST ": b\r\n", 400},
	{HOST " A: b\r\n", 400},
	{HOST "A: b\x7f\r\n", 400},
	{HOST "A: b\rc\r\n", 400},
	{HOST "Content-Length: -1\r\n", 400},
	{HOST "Content-Length: 99999999999999999999\r\n", 400},
	{HOST "Content-Length:\r\n", 400},
	{HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
	{HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{HOST "Transfer-Encoding: gzip\r\n", 400},
	{"AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDD", 400},
};

/* A verdict stays the same whatever follows, and none is given of a part that may become good. */
static void test_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = NULL;
		unsigned verdict = 0;
		for (size_t n = 0; n <= strlen(rows[i].head); n++) {
			unsigned status = head_check(rows[i].head, n, &why);
			if (verdict && status != verdict)
				fail_msg("row %zu: %u, then %u", i, verdict, status);
			verdict = status;
		}
		if (verdict != rows[i].status)
			fail_msg("row %zu: %u (%s)", i, verdict, why ? why : "");
		assert_true((verdict >= 400) == (why != NULL));
	}
}

static void test_nul(void **unused)
{
	static const char target[] = "GET /\0 HTTP/1.1\r\n", field[] = HOST "A: b\0c\r\n";
	const char *why;

	(void)unused;
	assert_int_equal(head_check(target, sizeof(target) - 1, &why), 400);
	assert_int_equal(head_check(field, sizeof(field) - 1, &why), 400);
}

static void test_long(void **unused)
{
	char head[HEAD_MAX];
	const char *why;

	(void)unused;
	memset(head, 'a', sizeof(head));
	memcpy(head, "GET /", 5);
	assert_int_equal(head_check(head, 8000, &why), 0);
	assert_int_equal(head_check(head, sizeof(head), &why), 414);
	memcpy(head + 9000, " HTTP/1.1\r\n", 11);
	assert_int_equal(head_check(head, 9011, &why), 414);
	memset(head, 'a', sizeof(head));
	memcpy(head, HOST "A: ", strlen(HOST "A: "));
	assert_int_equal(head_check(head, sizeof(head) - 1, &why), 0);
	assert_int_equal(head_check(head, sizeof(head), &why), 431);
	memset(head, '\n', sizeof(head));
	assert_int_equal(head_check(head, sizeof(head), &why), 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
