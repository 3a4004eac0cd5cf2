/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that are refused: the column of the caret, and words that help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>

#include "filter/filter.h"

struct row {
	const char *expression;
	unsigned column;
	const char *says;
};

static const struct row rows[] = {
	{"", 1, "unexpected end of filter"},
	{"   ", 4, "unexpected end of filter"},
	{"tcp.dport=80", 1, "did you mean tcp.dstport?"},
	{"ip.src=10.0.0.1 and tcp.dport=80", 21, "did you mean tcp.dstport?"},
	{"ip.sc=10.0.0.1", 1, "did you mean ip.src?"},
	{"task=x", 1, "did you mean mesos.task.id?"},
	{"foo.bar=1", 1, "unknown field foo.bar"},
	{"proc.name=nginx", 1, "proc.name is a system call field; this build captures packets"},
	{"k8s.pod.name=x", 1, "Kubernetes"},
	{"tcp.port", 0, NULL},
	{"tcp.porty=1", 1, "did you mean tcp.port?"},
	{"tcp.port=", 10, "a value is missing"},
	{"tcp.port= and x", 11, "and is not a port number"},
	{"tcp.port=)", 10, "a value is missing"},
	{"tcp.port ~ 80", 10, "did you mean regex?"},
	{"tcp.port eq 80", 10, "did you mean =?"},
	{"evt.info contain x", 10, "did you mean contains?"},
	{"tcp.port=abc", 10, "abc is not a port number or a known service"},
	{"tcp.port=65536", 10, "65536 is not a port number"},
	{"tcp.port=-1", 10, "is not a port number"},
	{"frame.len=0x", 11, "0x is not a valid number"},
	{"frame.len=2000.5", 11, "2000.5 is not a valid number"},
	{"frame.len=99999999999999999999", 11, "is not a valid number"},
	{"frame.len in (1, 2x)", 18, "2x is not a valid number"},
	{"frame.len in (5..2)", 15, "its end comes first"},
	{"frame.len in 5", 14, "expected '(' after in"},
	{"frame.len in ()", 15, "the list is empty"},
	{"frame.len in (1 2)", 17, "expected ',' or ')'"},
	{"frame.len in (1,2", 18, "expected ',' or ')'"},
	{"frame.len=(1,2)", 11, "a list is written"},
	{"evt.type=open", 10, "unknown event type open"},
	{"evt.type!=open", 11, "known types: packet counters notice drop"},
	{"evt.type in (packet, open)", 22, "unknown event type open"},
	{"mesos.task.label=front", 17, "write mesos.task.label.NAME or mesos.task.label[NAME]"},
	{"ip.src=1.2", 8, "1.2 is not an address or network"},
	{"ip.src=10.0.0.0/33", 8, "invalid netmask in 10.0.0.0/33"},
	{"ip.src=10.0.0.0/255.0.255.0", 8, "invalid netmask"},
	{"ip.src=fd00::1", 8, "did you mean ipv6.src?"},
	{"ipv6.dst=10.0.0.1", 10, "did you mean ip.dst?"},
	{"fd.ip in (10.0.0.1, x)", 21, "x is not an address or network"},
	{"eth.src=02:00:00", 9, "is not a MAC address"},
	{"tcp.port contains 80", 10, "contains does not work on tcp.port (PORT)"},
	{"ip.src contains 10", 8, "operators for it: exists = != in intersects"},
	{"tcp.flags.syn=maybe", 15, "maybe is not true or false"},
	{"evt.latency>10", 0, NULL},
	{"evt.latency>1.5", 13, "write 5ms"},
	{"evt.latency>5parsecs", 13, "is not a valid duration"},
	{"evt.rawtime>22:13", 13, "is not a valid time"},
	{"evt.outputtime=1", 1, "for output formats only"},
	{"evt.info='x", 10, "unclosed quotes"},
	{"evt.info='a\\qb'", 12, "unrecognized escape sequence"},
	{"evt.info='a'b", 13, "behind the closing quote"},
	{"evt.info regex '('", 16, "bad regular expression"},
	{"evt.info regex '(a)\\1'", 16, "back-references"},
	{"evt.info regex 'a{100}b{100}'", 16, "repetitions multiply"},
	{"evt.buffer bcontains 0g", 22, "is not a row of bytes"},
	{"evt.buffer bcontains 123", 22, "is not a row of bytes"},
	{"evt.num=1 evt.num=2", 11, "expected 'and' or 'or'"},
	{"evt.num=1 AND evt.num=2", 11, "lower case"},
	{"evt.num=1 and", 14, "unexpected end of filter"},
	{"evt.num=1 or or", 14, "unknown field or"},
	{"not", 4, "unexpected end of filter"},
	{"(evt.num=1", 1, "this bracket is never closed"},
	{"evt.num=1)", 10, "this bracket was never opened"},
	{"(evt.num=1 evt.num=2)", 12, "expected 'and', 'or' or ')'"},
	{"evt.num=1 &", 11, "expected 'and' or 'or'"},
	{"=1", 1, "a field name is expected"},
	{"@nothing", 1, "no named filter @nothing"},
	{"@", 1, "a name is expected after '@'"},
	{"@../etc/passwd", 1, "a name is expected after '@'"},
	{"evt.info=\xc3\xa4\xc3\xb6 and tcp.dport=1", 19, "did you mean"},
};

/* The caret stands below the place, counted in characters. */
static void check_caret(const struct row *row, const struct err *e)
{
	const char *line = strchr(e->message, '\n'), *caret;

	assert_non_null(line);
	caret = strchr(++line, '\n');
	assert_non_null(caret);
	size_t length = strspn(++caret, " ");

	assert_int_equal(caret[length], '^');
	assert_true(caret[length + 1] == '\n' || caret[length + 1] == '\0');
	if (row->expression[0] & 0x80 || strchr(row->expression, '\xc3'))
		return;
	assert_int_equal(length, 2 + row->column - 1);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		struct filter *f = filter_compile(rows[i].expression, NULL, &e);

		if (!rows[i].says) {
			assert_non_null(f);
			filter_free(f);
			continue;
		}
		if (f)
			fail_msg("%s: compiled", rows[i].expression);
		if (e.column != rows[i].column || !strstr(e.message, rows[i].says))
			fail_msg("%s: wanted column %u, \"%s\"; got column %u\n%s",
				 rows[i].expression, rows[i].column, rows[i].says, e.column,
				 e.message);
		assert_int_equal(e.code, ERR_USAGE);
		check_caret(&rows[i], &e);
	}
}

static void test_whole_message(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(filter_compile("ip.src=10.0.0.1 and tcp.dport=80", NULL, &e));
	assert_string_equal(e.message, "unknown field tcp.dport\n"
				       "  ip.src=10.0.0.1 and tcp.dport=80\n"
				       "                      ^\n"
				       "did you mean tcp.dstport?");
	assert_null(filter_compile("evt.info=\xc3\xa4 and foo.bar=1", NULL, &e));
	assert_string_equal(e.message, "unknown field foo.bar\n"
				       "  evt.info=\xc3\xa4 and foo.bar=1\n"
				       "                 ^\n"
				       "option -l lists the known fields");
}

/* A long filter is shown in a window, and control bytes do not reach the terminal. */
static void test_window(void **state)
{
	char text[400];
	struct err e = {0};
	size_t n = 0;

	(void)state;
	while (n < 300)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "evt.num=1 or ");
	snprintf(text + n, sizeof(text) - n,
		 "foo\033[31m and evt.num=1 and evt.num=1 and evt.num=1");
	assert_null(filter_compile(text, NULL, &e));
	assert_int_equal(e.column, n + 1);
	assert_null(strchr(e.message, '\033'));
	assert_non_null(strstr(e.message, "\n  ..."));
	check_caret(&(struct row){"\xc3", 0, NULL}, &e);
	assert_true(strlen(e.message) < 300);
}

static void test_bounds(void **state)
{
	char *text = xmalloc(200000);
	struct err e = {0};
	struct filter *f;

	(void)state;
	memset(text, '(', 300);
	text[300] = '\0';
	assert_null(filter_compile(text, NULL, &e));
	assert_non_null(strstr(e.message, "nested more than 200"));
	assert_int_equal(e.column, 201);
	text[0] = '\0';
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "not ");
	strcat(text, "evt.num=1");
	f = filter_compile(text, NULL, &e);
	assert_non_null(f);
	filter_free(f);
	memset(text, ' ', 70000);
	text[70000] = '\0';
	assert_null(filter_compile(text, NULL, &e));
	assert_non_null(strstr(e.message, "64 KiB"));
	free(text);
}

/* ---- named filters ---- */

static char dir[] = "/tmp/dredge-filter-test-XXXXXX";

static void write_named(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s.filter", dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

static void remove_named(const char *name)
{
	char *path = xasprintf("%s/%s.filter", dir, name);

	unlink(path);
	free(path);
}

static const char *const names[] = {"good", "outer", "bad", "loop", "loop2", "empty"};

static int setup_named(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	write_named("good",
		    "# a comment with and or (\n  # another\ntcp.port=80\n  or tcp.port=443\n");
	write_named("outer", "# two\n@good and not @good");
	write_named("bad", "# first\ntcp.port=80 and\n  tcp.dport=1\n");
	write_named("loop", "@loop2");
	write_named("loop2", "not (@loop)");
	write_named("empty", "# nothing\n");
	return 0;
}

static int teardown_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove_named(names[i]);
	rmdir(dir);
	return 0;
}

static void test_named(void **state)
{
	const char *dirs[] = {"/nonexistent", dir, NULL};
	struct err e = {0};
	struct filter *f;

	(void)state;
	f = filter_compile("@good and (@outer or not @good)", dirs, &e);
	assert_non_null(f);
	filter_free(f);
	assert_null(filter_compile("evt.num=1 and @bad", dirs, &e));
	assert_string_equal(e.message, "in @bad, line 3: unknown field tcp.dport\n"
				       "    tcp.dport=1\n"
				       "    ^\n"
				       "did you mean tcp.dstport?");
	assert_int_equal(e.line, 3);
	assert_int_equal(e.column, 3);
	assert_null(filter_compile("@loop", dirs, &e));
	assert_non_null(strstr(e.message, "in @loop2, line 1: named filter @loop contains itself"));
	assert_null(filter_compile("@empty", dirs, &e));
	assert_non_null(strstr(e.message, "in @empty"));
	assert_null(filter_compile("@none", dirs, &e));
	assert_non_null(strstr(e.message, "looked for it in /nonexistent, /tmp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_whole_message),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test_setup_teardown(test_named, setup_named, teardown_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
