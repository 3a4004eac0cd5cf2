/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../field/fixture.h"
#include "print/print.h"

#include <stdlib.h>

static struct fixture fx;

static const char *line(const char *format, const struct print_options *o, enum sample at)
{
	static char out[4096];
	struct text t = {0};
	struct err e = {0};
	struct format *f = format_compile(format, NULL, o, &e);

	assert_non_null(f);
	bool printed = format_line(f, &fx.c[at], &t);
	strcpy(out, printed ? text_cstr(&t) : "(skipped)");
	text_done(&t);
	format_free(f);
	return out;
}

static void test_text(void **state)
{
	static const struct {
		const char *format;
		enum sample at;
		const char *line;
	} cases[] = {
		{"%marathon.app.id|", WEB_SYN, "/shop/web|\n"},
		{"%4marathon.app.id|", WEB_SYN, "/sho|\n"},
		{"%12marathon.app.id|", WEB_SYN, "/shop/web   |\n"},
		{"%tcp.dstportx", WEB_SYN, "31401x\n"},
		{"a\\tb\\\\%evt.dir", WEB_SYN, "a\tb\\<\n"},
		{"%tcp.dstport", ARP, "(skipped)"},
		{"*%tcp.dstport.", ARP, "<NA>.\n"},
		{"*%6tcp.dstport.", ARP, "<NA>  .\n"},
		{"%notice.kind", NOTICE, "container_start\n"},
		{"%evt.type", COUNTERS_, "counters\n"},
	};
	const struct print_options o = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(line(cases[i].format, &o, cases[i].at), cases[i].line);
}

/* Lines of names of any length, short ones of which are moved without a look at it. */
static void test_names(void **state)
{
	static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 65535, 65536, 70000};
	const struct print_options o = {0};
	struct text t = {0}, want = {0};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (unsigned control = 0; control < 2; control++) {
			size_t n = lengths[i];
			char *name = xcalloc(1, n + 1);
			memset(name, 'n', n);
			if (control && n)
				name[n - 1] = '\x1b';
			struct container_record r = {
				.meta = {[META_CONTAINER] = (char *)"id", [META_NAME] = name}};
			struct iface_record at = {.container = &r, .linktype = 1, .sample = 1};
			struct state *s = state_new(0);
			struct format *f = format_compile("%container.name|%12container.name|",
							  NULL, &o, &e);
			assert_int_equal(state_iface(s, &at), 0);
			struct event ev = fx.ev[WEB_SYN];
			ev.iface = 0;
			assert_true(format_line(f, state_event(s, &ev), &t));
			if (control && n)
				name[n - 1] = '.';
			text_str(&want, name);
			text_fmt(&want, "|%-12.12s|\n", name);
			assert_int_equal(t.len, want.len);
			assert_memory_equal(t.data, want.data, t.len);
			text_reset(&t);
			text_reset(&want);
			format_free(f);
			state_free(s);
			free(name);
		}
	}
	text_done(&t);
	text_done(&want);
}

static void test_json(void **state)
{
	const struct print_options o = {.json = true};

	(void)state;
	/* Sorted, once each, literals left out, absent = null only where the format is lenient. */
	assert_string_equal(
		line("*x %tcp.dstport %marathon.app.id %tcp.dstport %arp.opcode", &o, WEB_SYN),
		"{\"arp.opcode\":null,\"marathon.app.id\":\"/shop/web\","
		"\"tcp.dstport\":31401}\n");
	assert_string_equal(line("%arp.opcode", &o, WEB_SYN), "(skipped)");
}

static void test_time(void **state)
{
	struct print_options o = {.time = TIME_ABSOLUTE};

	(void)state;
	fx.c[WEB_SYN].first_ts = fx.c[WEB_SYN].ev->ts - 1500;
	fx.c[WEB_SYN].printed_ts = fx.c[WEB_SYN].ev->ts - 20;
	cleanup_free char *absolute = xstrdup(line("%evt.outputtime", &o, WEB_SYN));
	assert_int_equal(strlen(absolute), 21); /* all nine digits of the fraction */
	o.time = TIME_RELATIVE;
	assert_string_equal(line("%evt.outputtime", &o, WEB_SYN), "0.000001500\n");
	o.time = TIME_DELTA;
	assert_string_equal(line("%evt.outputtime", &o, WEB_SYN), "0.000000020\n");
	o.time = TIME_DELTA_PAIR;
	assert_string_equal(line("%evt.outputtime", &o, WEB_REPLY), "0.012500000\n");
	assert_string_equal(line("%evt.outputtime", &o, WEB_SYN), "0.000000000\n");
}

static void test_payload(void **state)
{
	struct print_options o = {.buffer = BUFFER_HEX_ASCII};

	(void)state;
	const char *dump = line("%evt.type", &o, WEB_DATA);
	assert_non_null(strstr(dump, "packet\n\t0x0000: 4745 5420"));
	assert_non_null(strstr(dump, "  GET "));
	assert_string_equal(line("%evt.type", &o, WEB_SYN), "packet\n"); /* nothing to show */
	o.buffer = BUFFER_BASE64;
	assert_non_null(strstr(line("%evt.type", &o, WEB_DATA), "packet\nR0VUI"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *format, *message;
	} cases[] = {
		{"", "empty formatting token"},
		{"*", "empty formatting token"},
		{"%", "cannot end with a %"},
		{"a %12", "cannot end with a number"},
		{"%tcp.dstprt", "did you mean tcp.dstport"},
		{"*%evt.num %tcp.dstprt x", "token 'tcp.dstprt'\n"
					    "  *%evt.num %tcp.dstprt x\n"
					    "             ^\n"
					    "did you mean tcp.dstport?"},
		{"%9999evt.num", "width over"},
		{"@../x", "invalid format name"},
		{"@nowhere", "no format named"},
	};
	const struct print_options o = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		assert_null(format_compile(cases[i].format, NULL, &o, &e));
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.message, cases[i].message));
	}
}

static void test_flows_are_asked_for(void **state)
{
	const struct print_options o = {0};
	struct format *plain = format_compile("%tcp.dstport", NULL, &o, NULL);
	struct format *flow = format_compile("%tcp.analysis.initial_rtt", NULL, &o, NULL);

	(void)state;
	assert_false(format_needs(plain, FIELD_FLOW));
	assert_true(format_needs(flow, FIELD_FLOW));
	format_free(plain);
	format_free(flow);
}

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	fixture_init(&fx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_flows_are_asked_for),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
