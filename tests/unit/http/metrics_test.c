/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in both formats, and the names in samples/prometheus, which must be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/api.h"

#define AT (1700000000 * NSEC_PER_SEC)

static struct view_item items[5000];
static struct view view = {.items = items,
			   .time = AT,
			   .health = {.capture = "x.pcapng",
				      .sample = 1,
				      .metadata = true,
				      .answered = AT,
				      .notices = {{"drift_repaired", 3}}}};

static char *metrics(size_t containers, bool openmetrics)
{
	struct reply a = {0};
	char *out;

	view.n = containers;
	api_reply(&view, &(struct ask){.target = "/metrics", .openmetrics = openmetrics}, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.type, openmetrics ? "application/openmetrics-text; version=1.0.0; "
						  "charset=utf-8"
						: "text/plain; version=0.0.4; charset=utf-8");
	out = xstrdup(text_cstr(&a.body));
	text_done(&a.body);
	return out;
}

static int set_up(void **unused)
{
	static char ids[ARRAY_SIZE(items)][16];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		struct container *c = &items[i].c;
		snprintf(ids[i], sizeof(ids[i]), "c%zu", i);
		c->meta[META_CONTAINER] = ids[i];
		c->meta[META_APP] = (char *)"/a\"b\\c\nd";
		c->start = c->sampled = AT;
		for (unsigned k = 0; k < COUNTERS; k++)
			counters_set(&c->counters, k, 2000000000);
	}
	return 0;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no %s", line);
}

static void test_formats(void **unused)
{
	cleanup_free char *plain = metrics(1, false), *open = metrics(1, true);

	(void)unused;
	assert_has(plain, "\n# HELP container_cpu_user_seconds_total CPU time in user mode.\n"
			  "# TYPE container_cpu_user_seconds_total counter\n"
			  "container_cpu_user_seconds_total{id=\"c0\",app=\"/a\\\"b\\\\c d\"} "
			  "2.000000000\n");
	assert_has(open, "\n# HELP container_cpu_user_seconds CPU time in user mode.\n"
			 "# TYPE container_cpu_user_seconds counter\n"
			 "# UNIT container_cpu_user_seconds seconds\n"
			 "container_cpu_user_seconds_total{id=\"c0\"");
	assert_has(plain, "\ndredge_qdisc_drops_total{id=\"c0\",app=\"/a\\\"b\\\\c d\","
			  "qdisc=\"ingress_bw_limit\"} 2000000000\n");
	assert_has(plain, "\ncontainer_start_time_seconds{id=\"c0\",app=\"/a\\\"b\\\\c d\"} "
			  "1700000000.000000000\n");
	assert_has(plain, "\ndredge_notices_total{kind=\"drift_repaired\"} 3\n");
	assert_null(strstr(plain, "# UNIT"));
	assert_null(strstr(plain, "# EOF"));
	assert_string_equal(open + strlen(open) - 6, "# EOF\n");
}

static void test_too_many(void **unused)
{
	cleanup_free char *few = metrics(4096, false), *many = metrics(5000, false);
	size_t series = 0;

	(void)unused;
	for (const char *s = few; (s = strstr(s, "{id=\"c0\"")); s++)
		series++;
	assert_true(series > 60);
	assert_has(few, "\ndredge_series_dropped 0\n");
	assert_null(strstr(many, "{id=\"c4096\""));
	cleanup_free char *dropped = xasprintf("\ndredge_series_dropped %zu\n",
					       (5000 - 4096) * (series - 2));
	assert_has(many, dropped); /* the two times are no counters */
}

static void test_accept(void **unused)
{
	static const struct {
		const char *accept;
		bool openmetrics;
	} rows[] = {
		{NULL, false},
		{"", false},
		{"*/*", false},
		{"text/plain", false},
		{"application/openmetrics-text", true},
		{"application/openmetrics-text; version=1.0.0; charset=utf-8", true},
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version="
		 "0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 true},
		{"text/plain;q=0.9, application/openmetrics-text;q=0.5", false},
		{"application/openmetrics-text;q=0", false},
		{"application/openmetrics-text;q=-1", false},
		{"application/openmetrics-textual", false},
		{"Application/OpenMetrics-Text;Q=1", true},
		{",,;;q=,application/openmetrics-text;", true},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (api_wants_openmetrics(rows[i].accept) != rows[i].openmetrics)
			fail_msg("Accept: %s", rows[i].accept);
}

/* ---- samples/prometheus ---- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static unsigned check_file(const char *path, const char *exposed)
{
	FILE *f = fopen(path, "r");
	cleanup_free char *text = xcalloc(1, 1 << 20);
	unsigned names = 0;

	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	for (const char *s = text; *s; s++) {
		size_t n = 0;
		if (!str_starts(s, "container_") && !str_starts(s, "dredge_"))
			continue;
		if (s > text && is_name(s[-1]))
			continue;
		while (is_name(s[n]))
			n++;
		cleanup_free char *name = xasprintf("\n%.*s", (int)n, s);
		const char *there = exposed;
		while ((there = strstr(there, name)) && is_name(there[n + 1]))
			there++;
		if (!there)
			fail_msg("%s: /metrics has no %s", path, name + 1);
		names++;
	}
	return names;
}

static void test_samples(void **unused)
{
	cleanup_free char *exposed = metrics(1, false);

	(void)unused;
	assert_true(check_file(SAMPLES_DIR "/prometheus/alerts.yml", exposed) >= 15);
	assert_true(check_file(SAMPLES_DIR "/prometheus/grafana-dashboard.json", exposed) >= 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
