/* SPDX-License-Identifier: Apache-2.0 */
/* Counter samples out of cgroup files as kernels of both versions write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/counters.h"

struct file {
	const char *name, *text;
};

struct want {
	enum counter_id id;
	uint64_t value;
};

static char root[] = "/tmp/counters-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect(const struct counters *c, const struct want *want, size_t n)
{
	struct counters left = *c;
	for (size_t i = 0; i < n; i++) {
		if (!counters_has(c, want[i].id))
			fail_msg("counter %u is missing", want[i].id);
		assert_int_equal(c->value[want[i].id], want[i].value);
		left.known[want[i].id / 64] &= ~(1ull << want[i].id % 64);
	}
	for (unsigned i = 0; i < COUNTERS; i++)
		if (counters_has(&left, i))
			fail_msg("counter %u = %llu from nowhere", i,
				 (unsigned long long)c->value[i]);
}

static void run(const struct file *files, size_t file_count, const struct want *want, size_t n)
{
	assert_non_null(mkdtemp(strcpy(root, "/tmp/counters-test-XXXXXX")));
	for (size_t i = 0; i < file_count; i++)
		write_file(files[i].name, files[i].text);
	struct source_options o = {0};
	struct err e;
	struct sampler *s = sampler_new(&o, &e);
	assert_non_null(s);
	const char *dirs[] = {root, NULL};
	struct discovered c = {.key = 16, .cgroup_dirs = dirs};
	struct counters out;
	for (unsigned round = 0; round < 2; round++) {
		sampler_read(s, &c, &out);
		expect(&out, want, n);
	}
	for (size_t i = 0; i < file_count; i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", root, files[i].name);
		unlink(path);
	}
	rmdir(root);
	/* The last words of an ended one: its link's, and its cgroup's while descriptors live. */
	struct counters final = {0};
	counters_set(&final, COUNTER_NET_RX_BYTES, 99);
	c.final = &final;
	c.record.end = 1;
	sampler_read(s, &c, &out);
	assert_int_equal(out.value[COUNTER_NET_RX_BYTES], 99);
	sampler_forget(s, c.key);
	sampler_read(s, &c, &out);
	expect(&out, &(struct want){COUNTER_NET_RX_BYTES, 99}, 1);
	sampler_free(s);
}

/* What podman makes of version 2: nothing in the group of the container, all in groups inside. */
static void test_processes_inside(void **state)
{
	static const char *const dirs[] = {"payload", "payload/init.scope"};
	static const struct file files[] = {
		{"cgroup.controllers", ""},
		{"cgroup.procs", ""},
		{"payload/cgroup.procs", "11\n"},
		{"payload/init.scope/cgroup.procs", "12\n13\n"},
	};
	struct source_options o = {0};
	struct counters out;
	struct err e;
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(strcpy(root, "/tmp/counters-test-XXXXXX")));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		write_file(files[i].name, files[i].text);
	struct sampler *s = sampler_new(&o, &e);
	assert_non_null(s);
	const char *top[] = {root, NULL};
	const struct discovered c = {.key = 16, .cgroup_dirs = top};
	sampler_read(s, &c, &out);
	expect(&out, &(struct want){COUNTER_PROCESSES, 3}, 1);
	sampler_forget(s, c.key);
	sampler_free(s);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i].name);
		unlink(path);
	}
	for (size_t i = ARRAY_SIZE(dirs); i--;) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		rmdir(path);
	}
	rmdir(root);
}

static void test_v1(void **state)
{
	(void)state;
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	static const struct file files[] = {
		{"cpuacct.stat", "user 150\nsystem 50\n"},
		{"cpu.stat", "nr_periods 10\nnr_throttled 3\nthrottled_time 12345\n"},
		{"memory.usage_in_bytes", "1048576\n"},
		{"memory.limit_in_bytes", "9223372036854771712\n"},
		{"memory.stat", "cache 1\nrss 2\ntotal_cache 100\ntotal_rss 200\ntotal_rss_huge 7\n"
				"total_mapped_file 50\ntotal_swap 25\n"},
		{"blkio.throttle.io_service_bytes",
		 "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 0\n8:16 Read 1000\n8:16 Write 1\nTotal "
		 "13289\n"},
		{"blkio.throttle.io_serviced", "8:0 Read 4\n8:0 Write 5\nTotal 9\n"},
		{"pids.current", "12\n"},
		{"cgroup.procs", "1\n2\n3\n"},
	};
	const struct want want[] = {
		{COUNTER_CPUS_USER, 150 * tick}, {COUNTER_CPUS_SYSTEM, 50 * tick},
		{COUNTER_CPUS_NR_PERIODS, 10},	 {COUNTER_CPUS_NR_THROTTLED, 3},
		{COUNTER_CPUS_THROTTLED, 12345}, {COUNTER_MEM_TOTAL, 1048576},
		{COUNTER_MEM_RSS, 200},		 {COUNTER_MEM_FILE, 100},
		{COUNTER_MEM_MAPPED_FILE, 50},	 {COUNTER_MEM_SWAP, 25},
		{COUNTER_DISK_READ_BYTES, 5096}, {COUNTER_DISK_WRITE_BYTES, 8193},
		{COUNTER_DISK_READ_OPS, 4},	 {COUNTER_DISK_WRITE_OPS, 5},
		{COUNTER_THREADS, 12},		 {COUNTER_PROCESSES, 3},
	};
	run(files, ARRAY_SIZE(files), want, ARRAY_SIZE(want));
}

static void test_v2(void **state)
{
	(void)state;
	static const struct file files[] = {
		{"cgroup.controllers", "cpu memory io pids\n"},
		{"cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 1\n"
			     "nr_throttled 0\nthrottled_usec 5\n"},
		{"memory.current", "500\n"},
		{"memory.max", "1000\n"},
		{"memory.stat", "anon 1\nfile 2\nfile_mapped 3\nanon_thp 9\n"},
		{"memory.swap.current", "4\n"},
		{"memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\n"
				    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"},
		{"io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"
			    "8:16 rbytes=5 wbytes=6 rios=7 wios=8 dbytes=99 dios=9\n"},
		{"cgroup.procs", "7\n"},
		{"cgroup.threads", "7\n8\n"},
	};
	const struct want want[] = {
		{COUNTER_CPUS_USER, 20000},	{COUNTER_CPUS_SYSTEM, 10000},
		{COUNTER_CPUS_NR_PERIODS, 1},	{COUNTER_CPUS_NR_THROTTLED, 0},
		{COUNTER_CPUS_THROTTLED, 5000}, {COUNTER_MEM_TOTAL, 500},
		{COUNTER_MEM_LIMIT, 1000},	{COUNTER_MEM_RSS, 1},
		{COUNTER_MEM_FILE, 2},		{COUNTER_MEM_MAPPED_FILE, 3},
		{COUNTER_MEM_SWAP, 4},		{COUNTER_MEM_PRESSURE, 77000},
		{COUNTER_DISK_READ_BYTES, 15},	{COUNTER_DISK_WRITE_BYTES, 26},
		{COUNTER_DISK_READ_OPS, 8},	{COUNTER_DISK_WRITE_OPS, 10},
		{COUNTER_PROCESSES, 1},		{COUNTER_THREADS, 2},
	};
	run(files, ARRAY_SIZE(files), want, ARRAY_SIZE(want));
}

static void test_unlimited_and_odd(void **state)
{
	(void)state;
	static const struct file files[] = {
		{"cgroup.controllers", "\n"},	 {"memory.max", "max\n"}, {"memory.pressure", "\n"},
		{"cpu.stat", "user_usecs 20\n"}, {"cgroup.procs", ""},
	};
	run(files, ARRAY_SIZE(files), NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_inside),
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_unlimited_and_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
