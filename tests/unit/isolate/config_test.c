/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_bytes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0B", 0},
		{"1", 1},
		{"1KB", 1024},
		{"37500KB", 38400000},
		{"10MB", 10485760},
		{"2gb", 2147483648},
		{"1TB", 1099511627776},
	};
	static const char *const bad[] = {
		"", "B", "1.5MB", "-1", "1 MB", "1XB", "99999999999999999TB"};
	struct err e;
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(bytes_parse(good[i].text, &n, &e), 0);
		assert_int_equal(n, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(bytes_parse(bad[i], &n, &e), -1);
}

/* ScaleEgressWithCPU, ScaleEgressWithCPULarge, SmallEgressLimit, and T5. */
static void test_shapes(void **state)
{
	static const struct {
		struct limit_flags f;
		double cpus;
		struct shape wanted;
	} rows[] = {
		{{0}, 4, {.rate = 0}},
		{{.rate = 2000, .no_floor = true}, 1, {.rate = 2000}},
		{{.per_cpu = 2000, .no_floor = true}, 0.9, {.rate = 125000}}, /* no limit? no */
		{{.per_cpu = 2000}, 1e30, {.rate = 131072000}},
		{{.per_cpu = UINT64_MAX / 2}, 3, {.rate = UINT64_MAX}},
		{{.per_cpu = 2000}, -1, {.rate = 125000}},
		{{.rate = 2000}, 1, {.rate = 125000}},
		{{.rate = 1000000}, 1, {.rate = 1000000}},
		{{.per_cpu = 1000, .minimum = 2000, .maximum = 4000}, 1, {.rate = 2000}},
		{{.per_cpu = 1000, .minimum = 2000, .maximum = 4000}, 3.1, {.rate = 3000}},
		{{.per_cpu = 1000, .minimum = 2000, .maximum = 4000}, 5, {.rate = 4000}},
		{{.per_cpu = 200000}, 0.9, {.rate = 125000}}, /* cut to no cpu at all: the floor */
		{{.per_cpu = 195312500, .minimum = 625000000, .maximum = 11250000000},
		 30,
		 {.rate = 5859375000}},
		{{.per_cpu = 195312500, .minimum = 625000000, .maximum = 11250000000},
		 1,
		 {.rate = 625000000}},
		{{.per_cpu = 195312500, .minimum = 625000000, .maximum = 11250000000},
		 60,
		 {.rate = 11250000000}},
		{{.rate = 500000, .ceil = 800000, .burst = 9000}, 1, {500000, 800000, 9000}},
		{{.rate = 500000, .ceil = 500000, .burst = 9000}, 1, {.rate = 500000}},
		{{.rate = 500000, .burst = 9000}, 1, {.rate = 500000}},
		{{.rate = 500000, .maximum = 64000}, 1, {.rate = 64000}}, /* the maximum wins */
		{{.minimum = 500000}, 1, {.rate = 0}}, /* T5: a floor of nothing */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shape s = shape_for(&rows[i].f, rows[i].cpus);
		assert_int_equal(s.rate, rows[i].wanted.rate);
		assert_int_equal(s.ceil, rows[i].wanted.ceil);
		assert_int_equal(s.burst, rows[i].wanted.burst);
	}
}

struct flag {
	const char *name, *value;
};

static int configure(const struct flag *flags, size_t n, struct isolate_config *c, struct text *t,
		     struct err *e)
{
	struct isolate_facts facts = {.root = true, .link_speed = 125000000};

	*c = (struct isolate_config){0};
	*e = (struct err){0};
	local_ports_parse("32768\t60999", &facts.local, e);
	for (size_t i = 0; i < n && flags[i].name; i++)
		if (isolate_config_set(c, flags[i].name, flags[i].value, e))
			return -1;
	return isolate_config_check(c, &facts, t, e);
}

#define GOOD_POOLS                                                                                \
	{                                                                                         \
		"resources", "cpus:2;mem:62189;ports:[31000-32000];ephemeral_ports:[30001-30999]" \
	}

#define SIXTEEN                                       \
	{                                             \
		"ephemeral_ports_per_container", "16" \
	}

/* What Mesos' isolator refuses, by the numbers of the list of its 27 refusals. */
static void test_refusals(void **state)
{
	static const struct {
		unsigned number; /* 0: not on that list */
		const char *why; /* NULL: accepted */
		const char *notice;
		struct flag flags[6];
	} rows[] = {
		{0, NULL, NULL, {GOOD_POOLS, SIXTEEN}},
		{5, "NAME:VALUE", NULL, {{"resources", "ports"}}},
		{5, "NAME:VALUE", NULL, {{"resources", "cpus"}}},
		{5, "files are not read", NULL, {{"resources", "file:///etc/mesos/resources"}}},
		{5, "files are not read", NULL, {{"resources", "/etc/mesos/resources"}}},
		{5, "is no number", NULL, {{"resources", "cpus:many"}}},
		{5, "is no number", NULL, {{"resources", "cpus:"}}},
		{5, "is no number", NULL, {{"resources", "cpus:inf"}}},
		{5, "is no number", NULL, {{"resources", "cpus:nan"}}},
		{5, "is no number", NULL, {{"resources", "cpus:1e30"}}}, /* was a division by 0 */
		{5, "is no number", NULL, {{"resources", "cpus:-1"}}},
		{6, "no port and no range", NULL, {{"resources", "ports:[0-100]"}}}, /* T8 */
		{6, "no port and no range", NULL, {{"resources", "ports:[1-65536]"}}},
		{6, "no port and no range", NULL, {{"resources", "ephemeral_ports:[1-70000]"}}},
		{7, "ephemeral_ports are wanted", NULL, {{"resources", "ports:[31000-32000]"}}},
		{8,
		 "is in ports and in ephemeral_ports",
		 NULL,
		 {{"resources", "ports:[31000-32000];ephemeral_ports:[32000-32500]"}}},
		{9,
		 "is a well-known port",
		 NULL,
		 {{"resources", "ports:[31000-32000];ephemeral_ports:[1000-3000]"}}},
		{9, /* of ports Mesos does not look at them */
		 NULL,
		 "port 80 of ports is a well-known port",
		 {{"resources", "ports:[80];ephemeral_ports:[30001-30999]"}, SIXTEEN}},
		{11,
		 "the host's kernel gives away",
		 NULL,
		 {{"resources", "ports:[31000-32000];ephemeral_ports:[32768-57344]"}}},
		{11, /* nor at these */
		 NULL,
		 "port 33000 of ports is one that the host's kernel gives away",
		 {{"resources", "ports:[33000];ephemeral_ports:[30001-30999]"}, SIXTEEN}},
		{12, /* several blocks */
		 NULL,
		 "100 is no power of two; as filters a range would be 3 blocks",
		 {GOOD_POOLS, {"ephemeral_ports_per_container", "100"}}},
		{13, "have no room for 1024", NULL, {GOOD_POOLS}},
		{13, /* enough of them, but not in an aligned row */
		 "have no room for 512",
		 NULL,
		 {{"resources", "ephemeral_ports:[30001-30700]"},
		  {"ephemeral_ports_per_container", "512"}}},
		{14, "between 16 and", NULL, {GOOD_POOLS, {"ephemeral_ports_per_container", "15"}}},
		{17,
		 "exclude each other",
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"egress_rate_limit_per_container", "1MB"},
		  {"egress_rate_per_cpu", "1MB"}}},
		{18,
		 "exclude each other",
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"ingress_rate_limit_per_container", "1MB"},
		  {"ingress_rate_per_cpu", "auto"}}},
		{19,
		 "minimum_egress_rate_limit is above the maximum",
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"minimum_egress_rate_limit", "2MB"},
		  {"maximum_egress_rate_limit", "1MB"}}},
		{19,
		 "minimum_ingress_rate_limit is above the maximum",
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"minimum_ingress_rate_limit", "2MB"},
		  {"maximum_ingress_rate_limit", "1MB"}}},
		{20,
		 "wants cpus",
		 NULL,
		 {{"resources", "ephemeral_ports:[30001-30999]"},
		  SIXTEEN,
		  {"egress_rate_per_cpu", "auto"}}},
		{20, /* less than a whole one */
		 "wants cpus",
		 NULL,
		 {{"resources", "cpus:0.9;ephemeral_ports:[30001-30999]"},
		  SIXTEEN,
		  {"ingress_rate_per_cpu", "auto"}}},
		{22,
		 "--egress_rate_per_cpu: 'fast' is no size",
		 NULL,
		 {GOOD_POOLS, {"egress_rate_per_cpu", "fast"}}},
		{24,
		 "the egress limit is above the speed of the link",
		 NULL,
		 {GOOD_POOLS, SIXTEEN, {"egress_rate_limit_per_container", "1GB"}}},
		{24,
		 "the ingress limit is above the speed of the link",
		 NULL,
		 {GOOD_POOLS, SIXTEEN, {"minimum_ingress_rate_limit", "1GB"}}},
		{24, /* network_link_speed is for auto only */
		 "above the speed",
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"network_link_speed", "2GB"},
		  {"egress_rate_limit_per_container", "1GB"}}},
		{24,
		 NULL,
		 "maximum_egress_rate_limit is above the speed of the link",
		 {GOOD_POOLS, SIXTEEN, {"maximum_egress_rate_limit", "1GB"}}},
		{0, "true or false", NULL, {GOOD_POOLS, {"egress_unique_flow_per_container", "1"}}},
		{0, "no flag --nosuch", NULL, {{"nosuch", "1"}}},
		{0,
		 "can be one network isolator only",
		 NULL,
		 {{"isolation", "network/port_mapping, network/cni"}}},
		{0,
		 "can be one network isolator only",
		 NULL,
		 {{"isolation", "network/cni,network/port_mapping"}}},
		{0,
		 NULL,
		 NULL,
		 {GOOD_POOLS,
		  SIXTEEN,
		  {"isolation", "cgroups/cpu,cgroups/blkio,network/port_mapping,network/ports"}}},
		{0, "unknown isolator 'network/x'", NULL, {GOOD_POOLS, {"isolation", "network/x"}}},
		{0,
		 "unknown isolator 'cgroup/cpu'",
		 NULL,
		 {GOOD_POOLS, {"isolation", "cgroup/cpu"}}},
		{0, /* a module brings it */
		 NULL,
		 NULL,
		 {GOOD_POOLS, SIXTEEN, {"isolation", "com_x_Isolator"}, {"modules", "file:///m"}}},
		{0, "is neither root nor", NULL, {{"egress_flow_classifier_parent", "1"}}},
		{0, "is neither root nor", NULL, {{"egress_flow_classifier_parent", "0x1:2"}}},
		{0, "is neither root nor", NULL, {{"egress_flow_classifier_parent", "1:10000"}}},
		{0, "is neither root nor", NULL, {{"egress_flow_classifier_parent", "0:1"}}},
		{0, "is neither root nor", NULL, {{"egress_flow_classifier_parent", ""}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct isolate_config c;
		struct text t = {0};
		struct err e;
		int status = configure(rows[i].flags, ARRAY_SIZE(rows[i].flags), &c, &t, &e);
		if (!rows[i].why && status)
			fail_msg("row %zu, number %u: %s", i, rows[i].number, e.message);
		if (rows[i].why && (!status || !strstr(e.message, rows[i].why)))
			fail_msg("row %zu, number %u: '%s', not '%s'", i, rows[i].number,
				 status ? e.message : "accepted", rows[i].why);
		if (rows[i].notice && !strstr(text_cstr(&t), rows[i].notice))
			fail_msg("row %zu, number %u: told '%s'", i, rows[i].number, text_cstr(&t));
		isolate_config_done(&c);
		text_done(&t);
	}
}

static const struct flag with_limit[] = {
	GOOD_POOLS, SIXTEEN, {"egress_rate_limit_per_container", "1GB"}};

static int check_with(const struct flag *flags, size_t n, const struct isolate_facts *facts,
		      struct text *t, struct err *e)
{
	struct isolate_config c = {0};

	for (size_t i = 0; i < n; i++)
		assert_int_equal(isolate_config_set(&c, flags[i].name, flags[i].value, e), 0);
	int status = isolate_config_check(&c, facts, t, e);
	isolate_config_done(&c);
	return status;
}

/* Numbers 1, 21 and 23: what the host is. Speeds that say nothing are no reason to refuse (T5). */
static void test_refusals_by_host(void **state)
{
	static const struct flag with_auto[] = {
		GOOD_POOLS, SIXTEEN, {"ingress_rate_per_cpu", "auto"}};
	struct isolate_facts facts = {.root = true, .link_speed = link_speed_parse("-1")};
	struct text t = {0};
	struct err e;

	(void)state;
	assert_int_equal(check_with(with_limit, 3, &facts, &t, &e), 0);
	assert_non_null(strstr(text_cstr(&t), "the speed of the link is not known"));
	assert_int_equal(check_with(with_auto, 3, &facts, &t, &e), -1);
	assert_non_null(strstr(e.message, "the link speed is not known"));
	facts = (struct isolate_facts){.link_speed = 125000000};
	assert_int_equal(check_with(with_auto, 3, &facts, &t, &e), -1);
	assert_non_null(strstr(e.message, "needs root"));
	text_done(&t);
}

/* ScaleEgressWithCPUAutoConfig */
static void test_auto(void **state)
{
	static const struct flag flags[] = {
		{"isolation", "cgroups/cpu,cgroups/mem,network/port_mapping"},
		{"resources", "cpus:10;ephemeral_ports:[30001-30999]"},
		{"ephemeral_ports_per_container", "16"},
		{"network_link_speed", "10000B"},
		{"egress_rate_per_cpu", "auto"},
	};
	struct isolate_config c;
	struct text t = {0};
	struct err e;

	(void)state;
	assert_int_equal(configure(flags, ARRAY_SIZE(flags), &c, &t, &e), 0);
	assert_true(c.wanted);
	assert_int_equal(c.egress.per_cpu, 1000);
	assert_int_equal(c.ingress.per_cpu, 0);
	isolate_config_done(&c);
	text_done(&t);
}

/* SmallEgressLimit: 2000 B/s with a minimum of 0B, which is not the same as none. */
static void test_minimum_of_nothing(void **state)
{
	static const struct flag flags[] = {
		{"resources", "ephemeral_ports:[30001-30999]"},
		{"ephemeral_ports_per_container", "16"},
		{"minimum_egress_rate_limit", "0B"},
		{"egress_rate_limit_per_container", "2000B"},
		{"ingress_rate_limit_per_container", "2000B"},
	};
	struct isolate_config c;
	struct text t = {0};
	struct err e;

	(void)state;
	assert_int_equal(configure(flags, ARRAY_SIZE(flags), &c, &t, &e), 0);
	assert_int_equal(shape_for(&c.egress, 1).rate, 2000);
	assert_int_equal(shape_for(&c.ingress, 1).rate, 125000);
	isolate_config_done(&c);
	text_done(&t);
}

/* Blanks as Mesos allows them, the default role, and T7: pools that touch stay two. */
static void test_resources_text(void **state)
{
	struct isolate_config c = {0};
	struct err e = {0};
	struct text t = {0};

	(void)state;
	assert_int_equal(isolate_config_set(&c, "resources",
					    " cpus : 8.5 ; mem:62189; ports(*):[31000-31899] ;"
					    "ports(web/shop):[31900-31999];"
					    "ephemeral_ports:[32000-32499];",
					    &e),
			 0);
	assert_true(c.cpus == 8.5);
	port_set_text(&t, &c.ports);
	assert_string_equal(text_cstr(&t), "31000-31999");
	text_reset(&t);
	port_set_text(&t, &c.ephemeral);
	assert_string_equal(text_cstr(&t), "32000-32499");
	text_done(&t);
}

/* The command line behind the settings file. */
static void test_last_one_counts(void **state)
{
	struct isolate_config c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(isolate_config_set(&c, "resources", "cpus:4;ports:[31000-32000]", &e), 0);
	assert_int_equal(isolate_config_set(&c, "resources", "ports:[20000-20009]", &e), 0);
	assert_int_equal(port_set_count(&c.ports), 10);
	assert_true(c.cpus == 0);
	assert_int_equal(isolate_config_set(&c, "resources", "ports:[1-9];ports:[0]", &e), -1);
	assert_int_equal(port_set_count(&c.ports), 10); /* untouched */
	assert_int_equal(isolate_config_set(&c, "isolation", "network/port_mapping", &e), 0);
	assert_true(c.wanted);
	assert_int_equal(isolate_config_set(&c, "isolation", "cgroups/cpu", &e), 0);
	assert_false(c.wanted);
}

static void test_flags(void **state)
{
	struct isolate_config c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(isolate_config_set(&c, "enforce", NULL, &e), 0);
	assert_true(c.wanted);
	assert_int_equal(isolate_config_set(&c, "egress_flow_classifier_parent", "a:ffff", &e), 0);
	assert_int_equal(c.flow_parent, 0xaffff);
	assert_int_equal(isolate_config_set(&c, "egress_flow_classifier_parent", "root", &e), 0);
	assert_int_equal(c.flow_parent, 0);
	assert_false(c.spare_ingress);
	const char *existing = "ingress_isolate_existing_containers";
	assert_int_equal(isolate_config_set(&c, existing, "false", &e), 0);
	assert_true(c.spare_ingress);
	assert_int_equal(isolate_config_set(&c, existing, NULL, &e), 0);
	assert_false(c.spare_ingress);
	isolate_config_done(&c);
}

static void test_host_texts(void **state)
{
	struct port_set s = {0};
	struct err e;

	(void)state;
	assert_int_equal(local_ports_parse("32768\t60999\n", &s, &e), 0);
	assert_int_equal(local_ports_parse("32768   60999", &s, &e), 0); /* number 10, T16 */
	assert_int_equal(port_set_count(&s), 60999 - 32768 + 1);
	assert_int_equal(local_ports_parse("32768", &s, &e), -1);
	assert_int_equal(local_ports_parse("5 4", &s, &e), -1);
	assert_int_equal(local_ports_parse("1 2 3", &s, &e), -1);
	assert_int_equal(link_speed_parse("10000\n"), 1250000000);
	assert_int_equal(link_speed_parse("-1\n"), 0); /* T5 */
	assert_int_equal(link_speed_parse("4294967295"), 0);
	assert_int_equal(link_speed_parse(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refusals_by_host),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_minimum_of_nothing),
		cmocka_unit_test(test_resources_text),
		cmocka_unit_test(test_last_one_counts),
		cmocka_unit_test(test_host_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
