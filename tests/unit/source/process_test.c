/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/process.h"

#define ENV(s) s, sizeof(s) - 1

static void expect(const struct identity *id, enum meta_key key, const char *want)
{
	if (!want)
		assert_null(id->meta[key]);
	else
		assert_string_equal(id->meta[key], want);
}

static void test_environ(void **state)
{
	(void)state;
	static const struct {
		const char *env;
		size_t n;
		const char *task, *app, *image, *host, *ports;
	} rows[] = {
		{ENV("MESOS_TASK_ID=shop_web.1\0MARATHON_APP_ID=/shop/web\0HOST=agent1\0"
		     "MARATHON_APP_DOCKER_IMAGE=nginx:1\0PORTS=31000,31001\0"),
		 "shop_web.1", "/shop/web", "nginx:1", "agent1", "31000,31001"},
		{ENV("mesos_task_id=ct:1_0\0"), "ct:1_0", NULL, NULL, NULL, NULL},
		{ENV("MESOS_EXECUTOR_ID=exec.1\0"), "exec.1", NULL, NULL, NULL, NULL},
		/* the task id wins, wherever it stands */
		{ENV("MESOS_EXECUTOR_ID=exec.1\0MESOS_TASK_ID=t.2\0"), "t.2", NULL, NULL, NULL,
		 NULL},
		/* no Marathon, so HOST and PORTS are anybody's */
		{ENV("HOST=x\0PORTS=1\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("MESOS_TASK_ID=abc\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("MESOS_TASK_ID=._\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("XMESOS_TASK_ID=a.b\0MESOS_TASK_IDX=c.d\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("MARATHON_APP_ID=/a\nb\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("MARATHON_APP_ID=\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV("MARATHON_APP_ID=/cut"), NULL, "/cut", NULL, NULL,
		 NULL}, /* no NUL at the end */
		{ENV("MARATHON_APP_ID"), NULL, NULL, NULL, NULL, NULL},
		{ENV("\0\0\0"), NULL, NULL, NULL, NULL, NULL},
		{ENV(""), NULL, NULL, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct identity id = {0};
		/* Exactly so many bytes on the heap: reading beyond is a fault under ASan. */
		char *env = malloc(rows[i].n ? rows[i].n : 1);
		memcpy(env, rows[i].env, rows[i].n);
		identity_environ(&id, env, rows[i].n);
		free(env);
		expect(&id, META_TASK, rows[i].task);
		expect(&id, META_APP, rows[i].app);
		expect(&id, META_IMAGE, rows[i].image);
		expect(&id, META_HOSTNAME, rows[i].host);
		expect(&id, META_PORTS, rows[i].ports);
		identity_done(&id);
	}
}

static void test_environ_long(void **state)
{
	(void)state;
	size_t n = 100000;
	char *env = malloc(n);
	memset(env, 'a', n);
	memcpy(env, "MARATHON_APP_ID=", 16);
	struct identity id = {0};
	identity_environ(&id, env, n);
	assert_null(id.meta[META_APP]);
	free(env);
	identity_done(&id);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_stat(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		const char *comm;
	} rows[] = {
		{"7 (sh) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n", 0, "sh"},
		{"7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n", 0, "a) b (c"},
		{"7 (sh) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n", -1, NULL},
		{"7 (much-too-long-a-name) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0\n", 0,
		 "much-too-long-a"},
		{"7 (sh) S 1 7\n", -1, NULL},
		{"7 (sh)", -1, NULL},
		{"7 )(", -1, NULL},
		{"", -1, NULL},
	};
	char root[] = "/tmp/process-test-XXXXXX", dir[128];
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/7", root);
	mkdir(dir, 0700);
	uint64_t start = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct process p = {0};
		write_file(dir, "stat", rows[i].text);
		assert_int_equal(process_read(root, 7, &p), rows[i].rc);
		if (rows[i].rc)
			continue;
		assert_string_equal(p.comm, rows[i].comm);
		assert_true(p.start > 5 * NSEC_PER_SEC);
		assert_true(!start || p.start == start); /* the same tick, the same time */
		start = p.start;
	}
	struct process p;
	assert_int_equal(process_read(root, 8, &p), -1);
	write_file(dir, "cgroup.procs", "12\n0\n13\n");
	int pids[4];
	assert_int_equal(process_list(dir, pids, 4), 2); /* 0: of a foreign pid namespace */
	assert_int_equal(pids[0], 12);
	assert_int_equal(pids[1], 13);
	assert_int_equal(process_list(dir, pids, 1), 1);
	assert_int_equal(process_list(root, pids, 4), 0);
	char path[256];
	snprintf(path, sizeof(path), "%s/stat", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	unlink(path);
	rmdir(dir);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environ),
		cmocka_unit_test(test_environ_long),
		cmocka_unit_test(test_stat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
