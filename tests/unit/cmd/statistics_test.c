/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of the statistics: what is refused as Mesos refuses it, and the table of dredgectl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cmd/statistics.h"
#include "cmd/stats_table.h"

/* words: "NAME=VALUE ..." without the "network_" in front of each. */
static int check(const char *words, struct statistics_options *o, struct err *e)
{
	static struct statistics s;

	s = (struct statistics){0};
	for (const char *at = words; *at;) {
		size_t n = strcspn(at, " "), name = strcspn(at, "= ");
		cleanup_free char *flag = xasprintf("network_%.*s", (int)name, at);
		cleanup_free char *value = name < n ? xstrndup(at + name + 1, n - name - 1) : NULL;
		size_t i = 0;
		while (!statistics_rows[i].name || !str_eq(statistics_rows[i].name, flag))
			assert_true(++i < statistics_row_count);
		if (statistics_option(&s, statistics_rows[i].id, value, e))
			return -1;
		at += n + (at[n] == ' ');
	}
	return statistics_check(&s, o, e);
}

#define RATES  "enable_rate_statistics "
#define WINDOW "rate_statistics_window="
#define STEP   "rate_statistics_interval="

static void test_refused(void **state)
{
	static const struct {
		const char *flags, *why; /* NULL: fine */
	} rows[] = {
		{"", NULL},
		{WINDOW "1secs " STEP "1secs", NULL}, /* of no use, and no harm */
		{RATES WINDOW "5secs " STEP "50ms", NULL},
		{RATES WINDOW "21ms " STEP "20ms", NULL},
		{RATES, "wants network_rate_statistics_window"},
		{RATES WINDOW "5secs", "wants network_rate_statistics_window"},
		{RATES STEP "50ms", "wants network_rate_statistics_window"},
		{RATES WINDOW "5secs " STEP "5secs", "longer than the interval"},
		{RATES WINDOW "1secs " STEP "5secs", "longer than the interval"},
		{RATES WINDOW "5secs " STEP "19ms", "shorter than 20ms"},
		{RATES WINDOW "5 " STEP "soon", "no duration"},
		{"enable_snmp_statistics=yes", "true or false"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct statistics_options o;
		struct err e = {0};
		int status = check(rows[i].flags, &o, &e);
		assert_int_equal(status, rows[i].why ? -1 : 0);
		if (rows[i].why && !strstr(e.message, rows[i].why))
			fail_msg("%s: %s", rows[i].flags, e.message);
	}
}

static void test_switches(void **state)
{
	struct statistics_options o;
	struct err e;

	(void)state;
	assert_int_equal(check("", &o, &e), 0);
	assert_true(!o.sockets && !o.rtt && !o.snmp && !o.rate_interval); /* as in Mesos */
	assert_int_equal(check("enable_socket_statistics_summary "
			       "enable_socket_statistics_details=false enable_snmp_statistics=true",
			       &o, &e),
			 0);
	assert_true(o.sockets && !o.rtt && o.snmp && !o.rate_interval);
	assert_int_equal(check(RATES WINDOW "1mins " STEP "2secs", &o, &e), 0);
	assert_true(o.rate_window == 60 * NSEC_PER_SEC && o.rate_interval == 2 * NSEC_PER_SEC);
}

static void test_table(void **state)
{
	struct text t = {0};

	(void)state;
	stats_table("{\"containers\":[{\"id\":\"a\",\"statistics\":{\"net_rx_bytes\":1500,"
		    "\"net_tcp_rtt_microsecs_p50\":1230.0,\"net_traffic_control_statistics\":"
		    "[{\"id\":\"ingress_bw_limit\",\"overlimits\":9},"
		    "{\"id\":\"bw_limit\",\"overlimits\":7}]}},"
		    "{\"id\":7,\"statistics\":[]}]}",
		    &t);
	assert_string_equal(
		strchr(text_cstr(&t), '\n') + 1,
		"a                             1.5 kB           -           -           "
		"-           7           -           -     1.23 ms           -\n"
		"                                   -           -           -           "
		"-           -           -           -           -           -\n");
	text_done(&t);
	stats_table("no JSON", &t);
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
