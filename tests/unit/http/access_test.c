/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask: tokens of a file, headers of requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/access.h"

#define READ	"read-read-read-read"
#define CONTROL "c0ntrol/c0ntrol+c0ntrol=="

static void test_tokens(void **state)
{
	static const struct {
		const char *text;
		unsigned read, control; /* 0 and 0: refused */
	} rows[] = {
		{"read " READ "\n", 1, 0},
		{"# who\n\nread " READ "\r\ncontrol\t" CONTROL "\nread " READ "2", 2, 1},
		{"", 0, 0},
		{"# nobody\n", 0, 0},
		{"read short\n", 0, 0},
		{"write " READ "\n", 0, 0},
		{READ "\n", 0, 0},
		{"read\n", 0, 0},
		{"read " READ " " READ "\n", 0, 0},
		{"read " READ "\nread " READ "\"\n", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access a = {.where = ANYWHERE};
		struct err e = {0};
		unsigned control = 0;
		int status = access_tokens(&a, rows[i].text, "file", &e);
		for (size_t k = 0; k < a.n; k++)
			control += a.tokens[k].control;
		if (!rows[i].read) {
			assert_int_equal(status, -1);
			assert_int_equal(e.code, ERR_USAGE);
			assert_null(strstr(e.message, READ)); /* a secret */
		} else {
			assert_int_equal(status, 0);
			assert_int_equal(a.n - control, rows[i].read);
			assert_int_equal(control, rows[i].control);
		}
		access_done(&a);
	}
}

static void test_long_tokens(void **state)
{
	(void)state;
	for (unsigned n = TOKEN_MIN - 1; n <= TOKEN_MAX + 1; n += TOKEN_MAX - TOKEN_MIN + 1) {
		struct access a = {.where = ANYWHERE};
		struct err e = {0};
		struct text line = {0}, head = {0};
		const char *why;
		text_str(&line, "read ");
		text_str(&head, "Bearer ");
		for (unsigned i = 0; i < n; i++) {
			text_char(&line, 'x');
			text_char(&head, 'x');
		}
		bool fits = n >= TOKEN_MIN && n <= TOKEN_MAX;
		assert_int_equal(access_tokens(&a, text_cstr(&line), "file", &e), fits ? 0 : -1);
		if (fits)
			assert_int_equal(access_check(&a, false, NULL, text_cstr(&head), &why),
					 200);
		text_char(&head, 'x'); /* one more */
		if (fits)
			assert_int_equal(access_check(&a, false, NULL, text_cstr(&head), &why),
					 401);
		text_done(&line);
		text_done(&head);
		access_done(&a);
	}
}

static void test_requests(void **state)
{
	static const char read[] = "Bearer " READ, control[] = "bearer   " CONTROL;
	static const struct {
		enum where where;
		bool tokens, control;
		const char *host, *authorization;
		unsigned status;
	} rows[] = {
		{AT_SOCKET, false, true, "x", NULL, 200},
		{AT_SOCKET, true, true, "x", NULL, 200},
		{AT_LOOPBACK, false, false, NULL, NULL, 200},
		{AT_LOOPBACK, false, false, "localhost:5052", NULL, 200},
		{AT_LOOPBACK, false, false, "LOCALHOST", NULL, 200},
		{AT_LOOPBACK, false, false, "127.0.0.1", NULL, 200},
		{AT_LOOPBACK, false, false, "127.9.9.9:1", NULL, 200},
		{AT_LOOPBACK, false, false, "[::1]:5052", NULL, 200},
		{AT_LOOPBACK, false, false, "[::1]", NULL, 200},
		{AT_LOOPBACK, false, false, "evil.example", NULL, 421},
		{AT_LOOPBACK, false, false, "localhost.evil.example", NULL, 421},
		{AT_LOOPBACK, false, false, "127.0.0.1.evil.example:5052", NULL, 421},
		{AT_LOOPBACK, false, false, "localhost:5052.evil.example", NULL, 421},
		{AT_LOOPBACK, false, false, "10.0.0.1", NULL, 421},
		{AT_LOOPBACK, false, false, "[::2]", NULL, 421},
		{AT_LOOPBACK, false, false, "[::1", NULL, 200},
		{AT_LOOPBACK, false, false, "[::1]x", NULL, 421},
		{AT_LOOPBACK, false, false, "", NULL, 421},
		{AT_LOOPBACK, false, true, "localhost", NULL, 403},
		{AT_LOOPBACK, false, true, "localhost", read, 403},
		{AT_LOOPBACK, true, false, "localhost", NULL, 401},
		{AT_LOOPBACK, true, false, "localhost", read, 200},
		{AT_LOOPBACK, true, false, "evil.example", read, 421},
		{ANYWHERE, true, false, "host.example", read, 200},
		{ANYWHERE, true, false, NULL, NULL, 401},
		{ANYWHERE, true, false, NULL, "", 401},
		{ANYWHERE, true, false, NULL, "Bearer ", 401},
		{ANYWHERE, true, false, NULL, "Bearer", 401},
		{ANYWHERE, true, false, NULL, READ, 401},
		{ANYWHERE, true, false, NULL, "Basic " READ, 401},
		{ANYWHERE, true, false, NULL, "Bearer " READ "x", 401},
		{ANYWHERE, true, false, NULL, "Bearer read-read-read-rea", 401},
		{ANYWHERE, true, false, NULL, "Bearer " READ " " READ, 401},
		{ANYWHERE, true, true, NULL, read, 403},
		{ANYWHERE, true, true, NULL, control, 200},
		{ANYWHERE, true, false, NULL, control, 200},
		{ANYWHERE, true, true, NULL, NULL, 401},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access a = {.where = rows[i].where};
		struct err e;
		const char *why = NULL;
		if (rows[i].tokens)
			assert_int_equal(
				access_tokens(&a, "read " READ "\ncontrol " CONTROL, "", &e), 0);
		unsigned status = access_check(&a, rows[i].control, rows[i].host,
					       rows[i].authorization, &why);
		if (status != rows[i].status)
			fail_msg("row %zu: %u (%s)", i, status, why ? why : "");
		assert_true(status == 200 || why);
		access_done(&a);
	}
}

/* What an address wants before anything listens there. */
static void test_where(void **state)
{
	static const struct {
		enum where where;
		struct access_files files;
	} refused[] = {
		{ANYWHERE, {NULL, NULL, NULL}},	  {ANYWHERE, {"c", "k", NULL}},
		{ANYWHERE, {NULL, NULL, "t"}},	  {ANYWHERE, {"c", NULL, "t"}},
		{AT_LOOPBACK, {"c", NULL, NULL}}, {AT_LOOPBACK, {NULL, "k", NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct access a = {.where = refused[i].where};
		struct err e = {0};
		assert_int_equal(access_load(&a, &refused[i].files, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		access_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
