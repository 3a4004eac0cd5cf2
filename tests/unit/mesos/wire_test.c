// SPDX-License-Identifier: Apache-2.0
/* Streams cut into messages, at every byte; and the nodes of ZooKeeper. */
#include "mesos/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* "a|bc|", then the end: "more" or the error. The first `cut` bytes come first. */
static const char *records(const char *bytes, size_t cut, struct text *out)
{
	size_t n = strlen(bytes), used = 0;
	struct err e = {0};
	int rc = 0;

	text_reset(out);
	for (size_t end = cut;; end = n) {
		/* A copy of just this size: a sanitizer sees every step beyond it. */
		char *copy = xmalloc(end - used + 1);
		memcpy(copy, bytes + used, end - used);
		copy = xrealloc(copy, end - used + !(end - used));
		struct cursor c = cursor_of(copy, end - used);
		const char *record;
		size_t length;
		while ((rc = recordio_next(&c, 20, &record, &length, &e)) > 0)
			text_fmt(out, "%.*s|", (int)length, record);
		used += (size_t)((const char *)c.pos - copy);
		free(copy);
		if (rc < 0 || end == n)
			break;
	}
	text_str(out, rc < 0 ? e.message : "more");
	return text_cstr(out);
}

static void test_recordio(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{"", "more"},
		{"5\nhello", "hello|more"},
		{"5\nhello0\n3\na\nb", "hello||a\nb|more"},
		{"5\nhell", "more"},
		{"00000005\nhello2\nab", "hello|ab|more"},
		{"\n", "no RecordIO"},
		{"-1\n", "no RecordIO"},
		{"5 \nhello", "no RecordIO"},
		{"<html>", "no RecordIO"},
		{"1\na<html>", "a|no RecordIO"},
		{"21\n", "record larger than 20 bytes"},
		{"9999999999\n", "record larger than 20 bytes"},
		{"99999999999", "no RecordIO"},
	};
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].bytes); cut++)
			assert_string_equal(records(cases[i].bytes, cut, &t), cases[i].expected);
	text_done(&t);
}

static const char *events(const char *bytes, size_t cut, struct text *out)
{
	size_t n = strlen(bytes), used = 0;
	struct text data = {0};
	struct err e = {0};
	int rc = 0;

	text_reset(out);
	for (size_t end = cut;; end = n) {
		struct cursor c = cursor_of(bytes + used, end - used);
		while ((rc = sse_next(&c, 40, &data, &e)) > 0)
			text_fmt(out, "%s|", text_cstr(&data));
		used = (size_t)((const char *)c.pos - bytes);
		if (rc < 0 || end == n)
			break;
	}
	text_str(out, rc < 0 ? e.message : "more");
	text_done(&data);
	return text_cstr(out);
}

static void test_sse(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{"", "more"},
		{"event: a\ndata: one\n\n", "one|more"},
		{"data: one\r\n\r\ndata:two\r\n\r\n", "one|two|more"},
		{"data: one\rdata: two\r\rdata", "one\ntwo|more"},
		{": note\n\ndata: {}\n\n", "|{}|more"},
		{"data\n\n", "|more"},
		{"data:  x\n\n", " x|more"},
		{"data: one\n", "more"},
		{"id: 1\nretry: 5\ndata: one\n\n", "one|more"},
		{"data: 01234567890123456789012345678901234567890123456789",
		 "event larger than 40 bytes"},
	};
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].bytes); cut++)
			assert_string_equal(events(cases[i].bytes, cut, &t), cases[i].expected);
	text_done(&t);
}

#define BYTES(s) s, sizeof(s) - 1

static void test_master_info(void **state)
{
	static const struct {
		const char *node;
		size_t n;
		const char *address; /* NULL = refused */
	} cases[] = {
		{BYTES("{\"address\":{\"hostname\":\"m\",\"ip\":\"10.0.0.1\",\"port\":5051},\"ip\":"
		       "16777226,"
		       "\"port\":5050}"),
		 "10.0.0.1:5051"},
		{BYTES("{\"pid\":\"master@10.0.0.1:5050\",\"hostname\":\"m\",\"port\":5050}"),
		 "10.0.0.1:5050"},
		{BYTES("{\"pid\":\"master@[2001:db8::1]:5050\"}"), "[2001:db8::1]:5050"},
		{BYTES("{\"hostname\":\"master.example\",\"port\":5050}"), "master.example:5050"},
		{BYTES("{\"hostname\":\"a/b?c\",\"port\":5050}"), NULL},
		{BYTES("{\"hostname\":\"m\",\"port\":70000}"), NULL},
		{BYTES("{\"hostname\":5,\"pid\":{}}"), NULL},
		{BYTES("{"), NULL},
		/* 172.16.4.200 as a number of 32 bits; the name is last */
		{BYTES("\x0a\x07some-id\x10\xac\xa1\x90\xc0\x0c\x18\xba\x27\x2a\x04node"),
		 "172.16.4.200:5050"},
		{BYTES("\x0a\x02id\x18\xba\x27\x2a\x04node"), "node:5050"},
		{BYTES("\x22\x14master@10.0.0.1:5050"), "10.0.0.1:5050"},
		{BYTES("\x3a\x0f\x0a\x01m\x12\x07"
		       "1.2.3.4\x18\x91\x4e"),
		 "1.2.3.4:10001"},
		{BYTES("\x31\x00\x00\x00\x00\x00\x00\x00\x00\x35\x00\x00\x00\x00\x18\x01\x2a\x01m"),
		 "m:1"},
		{BYTES(""), NULL},
		{BYTES("\x2a\xff\xff\xff\xff\x0f"), NULL},
		{BYTES("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NULL},
		{BYTES("\x33"), NULL},
	};
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		text_reset(&t);
		int rc = master_info_address(cases[i].node, cases[i].n, &t, &e);
		assert_int_equal(rc, cases[i].address ? 0 : -1);
		assert_string_equal(rc ? e.message[0] ? "" : "no reason" : text_cstr(&t),
				    cases[i].address ? cases[i].address : "");
		for (size_t n = 0; n < cases[i].n; n++) {
			char *copy = xmalloc(n + !n);
			memcpy(copy, cases[i].node, n);
			text_reset(&t);
			master_info_address(copy, n, &t, &e);
			free(copy);
		}
	}
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recordio),
		cmocka_unit_test(test_sse),
		cmocka_unit_test(test_master_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
