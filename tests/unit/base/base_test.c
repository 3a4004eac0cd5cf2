/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void test_err(void **state)
{
	struct err e = {.line = 3, .column = 4};

	(void)state;
	assert_int_equal(err_set(&e, ERR_USAGE, "%s: %d", "bad", 7), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(e.line, 0);
	assert_int_equal(e.column, 0);
	assert_string_equal(e.message, "bad: 7");
	assert_int_equal(err_wrap(&e, "file %s", "x"), -1);
	assert_string_equal(e.message, "file x: bad: 7");
	assert_int_equal(e.code, ERR_USAGE);
	errno = ENOENT;
	assert_int_equal(err_sys(&e, "%s", "x.pcap"), -1);
	assert_string_equal(e.message, "x.pcap: No such file or directory");
	assert_int_equal(e.code, ERR_FAILED);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err_set(NULL, ERR_FAILED, "nobody listens"), -1);
	assert_int_equal(err_sys(NULL, "nobody listens"), -1);
	assert_int_equal(err_wrap(NULL, "nobody listens"), -1);
}

static void test_err_long(void **state)
{
	char longest[1000];
	struct err e;

	(void)state;
	memset(longest, 'm', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	err_set(&e, ERR_FAILED, "%s", longest);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	err_wrap(&e, "front");
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	assert_memory_equal(e.message, "front: mmm", 10);
	err_wrap(&e, "%s", longest);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	errno = EIO;
	err_sys(&e, "%s", longest);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
}

/* What log_line(level, "%s", text) puts on stderr. */
static size_t logged(enum log_level level, const char *text, char *out, size_t size)
{
	int pipes[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	dup2(pipes[1], STDERR_FILENO);
	errno = EXDEV;
	log_line(level, "%s", text);
	assert_int_equal(errno, EXDEV);
	dup2(saved, STDERR_FILENO);
	ssize_t n = read(pipes[0], out, size - 1);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static char diverted[64];
static bool diverted_all;

static bool divert(const char *text, size_t n)
{
	snprintf(diverted, sizeof(diverted), "%.*s", (int)n, text);
	return diverted_all;
}

static void test_log_divert(void **state)
{
	char out[100];

	(void)state;
	log_init("harbour", LOG_LEVEL_WARN);
	log_divert(divert);
	logged(LOG_LEVEL_WARN, "gate\nshut", out, sizeof(out));
	assert_string_equal(diverted, "gate?shut");
	assert_string_equal(out, "harbour: gate?shut\n");
	diverted_all = true;
	assert_int_equal(logged(LOG_LEVEL_WARN, "gate open", out, sizeof(out)), 0);
	assert_string_equal(diverted, "gate open");
	log_divert(NULL);
	logged(LOG_LEVEL_WARN, "gate", out, sizeof(out));
	assert_string_equal(out, "harbour: gate\n");
}

static void test_log(void **state)
{
	char out[8192], big[6000];

	(void)state;
	log_init("harbour", LOG_LEVEL_WARN);
	logged(LOG_LEVEL_ERROR, "broken", out, sizeof(out));
	assert_string_equal(out, "harbour: broken\n");
	logged(LOG_LEVEL_WARN, "a\nb\x1b[31m\x7f", out, sizeof(out));
	assert_string_equal(out, "harbour: a?b?[31m?\n");
	logged(LOG_LEVEL_WARN,
	       "e\xe2\x80\xae"
	       "d\xe4\xb8\xad\xff",
	       out, sizeof(out));
	assert_string_equal(out, "harbour: e???d\xe4\xb8\xad?\n");
	assert_int_equal(logged(LOG_LEVEL_INFO, "quiet", out, sizeof(out)), 0);
	memset(big, 'z', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	size_t n = logged(LOG_LEVEL_ERROR, big, out, sizeof(out));
	assert_in_range(n, 1000, 2048);
	assert_int_equal(out[n - 1], '\n');
	assert_int_equal(out[n - 2], 'z');
}

static void test_cursor(void **state)
{
	const uint8_t data[5] = {1, 2, 3, 4, 5};
	struct cursor c = cursor_of(data, sizeof(data));

	(void)state;
	assert_ptr_equal(cursor_take(&c, 0), data);
	assert_ptr_equal(cursor_take(&c, 2), data);
	assert_null(cursor_take(&c, 4));
	assert_null(cursor_take(&c, SIZE_MAX));
	assert_int_equal(cursor_left(&c), 3);
	assert_ptr_equal(cursor_take(&c, 3), data + 2);
	assert_null(cursor_take(&c, 1));
	assert_non_null(cursor_take(&c, 0));
	assert_int_equal(load_le16(data), 0x0201);
	assert_int_equal(load_be16(data), 0x0102);
	assert_int_equal(load_le32(data + 1), 0x05040302);
	assert_int_equal(load_be32(data + 1), 0x02030405);
	const uint8_t eight[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	assert_true(load_le64(eight + 1) == 0x0807060504030201ull);
	assert_true(load_be64(eight + 1) == 0x0102030405060708ull);
}

static void test_builder(void **state)
{
	static const uint8_t want[] = {0x34, 0x12, 0, 0, 0xef, 0xbe, 0xad, 0xde, 8, 7,
				       6,    5,	   4, 3, 2,    1,    'x',  0,	 0, 0};
	struct builder b = {0};

	(void)state;
	builder_u16(&b, 0x1234);
	builder_pad4(&b);
	builder_u32(&b, 0);
	builder_u64(&b, 0x0102030405060708ull);
	builder_put(&b, "x", 1);
	builder_put(&b, NULL, 0);
	builder_pad4(&b);
	builder_pad4(&b);
	builder_patch_u32(&b, 4, 0xdeadbeef);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
	size_t len = b.len;
	memset(builder_room(&b, 100000), 1, 100000);
	assert_int_equal(b.len, len);
	assert_memory_equal(b.data, want, sizeof(want));
	builder_done(&b);
	assert_null(b.data);
}

static void test_memory(void **state)
{
	struct {
		unsigned *items;
		size_t n, cap;
	} v = {0};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		GROW(v.items, v.n, v.cap);
		v.items[v.n++] = i;
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(v.items[i], i);
	assert_in_range(v.cap, 1000, 2048);
	free(v.items);
	cleanup_free char *nothing = xmalloc(0), *none = xcalloc(0, 8);
	cleanup_free char *text = xasprintf("%s-%d", "n", 5), *part = xstrndup("abc", 2);
	assert_non_null(nothing);
	assert_non_null(none);
	assert_string_equal(text, "n-5");
	assert_string_equal(part, "ab");
}

static void test_cleanup_close(void **state)
{
	int fd, other = -1;

	(void)state;
	{
		cleanup_close int mine = open("/dev/null", O_RDONLY | O_CLOEXEC);
		fd = mine;
		assert_in_range(fd, 0, 1000);
	}
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	cleanup_close_fn(&other);
}

static void test_mailbox(void **state)
{
	struct mailbox m = {NULL};
	int first, second;

	(void)state;
	assert_null(mailbox_take(&m));
	assert_null(mailbox_send(&m, &first));
	assert_ptr_equal(mailbox_send(&m, &second), &first);
	assert_ptr_equal(mailbox_take(&m), &second);
	assert_null(mailbox_take(&m));
}

static void test_library(void **state)
{
	static const char *const names[] = {"strlen", "in6addr_any"};
	static const char *const strange[] = {"strlen", "no_such_call"};
	struct {
		__typeof__(strlen) *strlen;
		const uint8_t *any;
	} lib = {0};
	struct err e;

	(void)state;
	assert_int_equal(library_load("libc.so.6", names, 2, &lib, &e), 0);
	assert_int_equal(lib.strlen("four"), 4);
	assert_int_equal(lib.any[15], 0);
	assert_int_equal(library_load("libc.so.6", strange, 2, &lib, &e), -1);
	assert_string_equal(e.message, "libc.so.6 is missing or cannot be used");
	assert_int_equal(library_load("libnowhere.so.1", names, 2, &lib, &e), -1);
	assert_string_equal(e.message, "libnowhere.so.1 is missing or cannot be used");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err),	cmocka_unit_test(test_err_long),
		cmocka_unit_test(test_log),	cmocka_unit_test(test_log_divert),
		cmocka_unit_test(test_cursor),	cmocka_unit_test(test_builder),
		cmocka_unit_test(test_memory),	cmocka_unit_test(test_cleanup_close),
		cmocka_unit_test(test_mailbox), cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
