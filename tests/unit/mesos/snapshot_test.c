// SPDX-License-Identifier: Apache-2.0
#include "mesos/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW  (1700000000 * NSEC_PER_SEC)
#define DATA TEST_DATA_DIR "/unit/mesos/data/"

typedef int (*add_fn)(struct mesos_builder *b, const char *text, size_t n, struct err *e);

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return NULL;
	struct text t = {0};
	for (size_t got; (got = fread(text_room(&t, 65536), 1, 65536, f)) > 0;)
		t.len += got;
	fclose(f);
	*n = t.len;
	text_cstr(&t);
	return t.data;
}

static void add_file(struct mesos_builder *b, add_fn add, const char *name)
{
	cleanup_free char *path = xasprintf(DATA "%s", name);
	struct err e = {0};
	size_t n = 0;
	cleanup_free char *text = slurp(path, &n);

	if (!text)
		fail_msg("%s: cannot be read", path);
	if (add(b, text, n, &e))
		fail_msg("%s: %s", name, e.message);
}

static void add_text(struct mesos_builder *b, add_fn add, const char *text)
{
	struct err e = {0};

	if (add(b, text, strlen(text), &e))
		fail_msg("%s: %s", text, e.message);
}

static const char *shown(const char *s)
{
	return s ? s : "";
}

/* ---- who is it ---- */

struct question {
	const char *container, *docker, *hint;
	const char *task, *rung; /* rung NULL = not found */
};

static void ask(const struct mesos_snapshot *s, const struct question *q, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *meta[META_KEYS] = {0};
		bool found = mesos_lookup(s, q[i].container, q[i].docker, q[i].hint, meta);
		if (found != (q[i].rung != NULL) ||
		    !str_eq(shown(meta[META_TASK]), shown(q[i].task)) ||
		    !str_eq(shown(meta[META_RUNG]), shown(q[i].rung)))
			fail_msg("question %zu: found %d, task '%s' by '%s'", i, found,
				 shown(meta[META_TASK]), shown(meta[META_RUNG]));
		assert_null(meta[META_CONTAINER]);
		if (q[i].docker)
			assert_null(meta[META_NAME]);
	}
}

/* The executor's container of this agent differs from the one in the task's status. */
static void test_same_cluster(void **state)
{
	static const char task[] = "foo.124b1048-a17a-11e6-9182-080027fb5b88";
	static const struct question questions[] = {
		{"e4faacb2-f69f-4ea1-9d96-eb06fea75eef", NULL, NULL, task, "status"},
		{"e4c2f9f6-47aa-481d-a183-a21e8435bc06", NULL, NULL, task, "executor"},
		{"0123abcd", "mesos-e4faacb2-f69f-4ea1-9d96-eb06fea75eef", NULL, task,
		 "docker-name"},
		{"0123abcd",
		 "/mesos-34b46033-69c0-4663-887c-f64b526e47a6-S0."
		 "e4faacb2-f69f-4ea1-9d96-eb06fea75eef.executor",
		 NULL, task, "docker-name"},
		{"unknown", NULL, task, task, "env"},
		{"unknown", "redis", NULL, NULL, NULL},
		{NULL, NULL, NULL, NULL, NULL},
		{"623cd286-0b5e-4d1b-895b-8ca30d1fbe05", NULL, NULL,
		 "boba_20170731215525xd01p.87bf554a-763f-11e7-90b8-70b3d5800001", "agent"},
	};
	struct mesos_builder *b = mesos_builder_new(NOW);

	(void)state;
	add_file(b, mesos_add_agent_containers, "agent-containers-dcos-metrics-nostats.json");
	add_file(b, mesos_add_agent_state, "agent-state-dcos-metrics-minimal.json");
	struct mesos_snapshot *s = mesos_builder_finish(b);
	ask(s, questions, ARRAY_SIZE(questions));
	mesos_snapshot_free(s);
}

#define UUID1 "00000000-0000-4000-8000-000000000001"
#define UUID2 "00000000-0000-4000-8000-000000000002"

static const char pod_state[] =
	"{\"frameworks\":[{\"id\":\"F\",\"name\":\"marathon\",\"active\":true,\"tasks\":["
	"{\"id\":\"pod.instance-" UUID1 ".a\",\"executor_id\":\"E\",\"state\":\"TASK_RUNNING\","
	"\"slave_id\":\"S\",\"statuses\":[{\"timestamp\":2,\"container_status\":{\"container_id\":"
	"{\"value\":\"A\",\"parent\":{\"value\":\"P\"}}}},{\"timestamp\":3}]},"
	"{\"id\":\"pod.instance-" UUID1 ".b\",\"executor_id\":\"E\",\"state\":\"TASK_RUNNING\","
	"\"slave_id\":\"S\",\"statuses\":[{\"timestamp\":2,\"container_status\":{\"container_id\":"
	"{\"value\":\"B\",\"parent\":{\"value\":\"P\"}}}}]}]}]}";

static void test_pod(void **state)
{
	static const struct question questions[] = {
		{"P.A", NULL, NULL, "pod.instance-" UUID1 ".a", "status"},
		{"B", NULL, NULL, "pod.instance-" UUID1 ".b", "status"},
		{"P", NULL, NULL, NULL, "status"},
		{"P.check", NULL, NULL, NULL, "status"},
	};
	struct mesos_builder *b = mesos_builder_new(NOW);
	const char *meta[META_KEYS] = {0};

	(void)state;
	add_text(b, mesos_add_master_state, pod_state);
	struct mesos_snapshot *s = mesos_builder_finish(b);
	ask(s, questions, ARRAY_SIZE(questions));
	assert_true(mesos_lookup(s, "P", NULL, NULL, meta));
	assert_string_equal(meta[META_APP], "/pod");
	assert_string_equal(meta[META_EXECUTOR], "E");
	mesos_snapshot_free(s);
}

/* ---- apps ---- */

static void test_apps(void **state)
{
	static const struct {
		const char *framework, *task, *app;
	} cases[] = {
		{"marathon", "shop_web." UUID1, "/shop/web"},
		{"marathon", "shop_web2." UUID1, "/shop/web2"},
		{"marathon", "shop_web2.instance-" UUID1 "._app.3", "/shop/web2"},
		{"marathon", "shop_web.v2.marathon-" UUID1, "/shop/web.v2"},
		{"marathon", "gone_app." UUID2, "/gone/app"},
		{"marathon", "shop_web", NULL},
		{"marathon", "a_b." UUID1, NULL}, /* /a/b and /a_b */
		{"marathon", "shop__web." UUID1, NULL},
		{"marathon", "odd", "/shop/web"}, /* embedded in the app */
		{"chronos", "shop_web." UUID2, NULL},
		{"renamed", "shop_web2." UUID2, "/shop/web2"},
	};
	static const char apps[] =
		"{\"apps\":[{\"id\":\"/shop/web\",\"labels\":{\"a b\":\"1=\\n%\"},\"tasks\":"
		"[{\"id\":\"odd\",\"version\":\"v1\"}]},{\"id\":\"/shop/web2\",\"tasks\":"
		"[{\"id\":\"other\"}]},{\"id\":\"/shop/web.v2\"},{\"id\":\"/a/b\"},"
		"{\"id\":\"/a_b\"}]}";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *meta[META_KEYS] = {0};
		cleanup_free char *master = xasprintf(
			"{\"frameworks\":[{\"id\":\"F\",\"name\":\"%s\",\"tasks\":[{\"id\":\"%s\"}"
			",{\"id\":\"%s\"}]}]}",
			cases[i].framework, cases[i].task,
			str_eq(cases[i].framework, "renamed") ? "other" : "none");
		struct mesos_builder *b = mesos_builder_new(NOW);
		add_text(b, mesos_add_marathon_apps, apps);
		add_text(b, mesos_add_master_state, master);
		struct mesos_snapshot *s = mesos_builder_finish(b);
		assert_true(mesos_lookup(s, NULL, NULL, cases[i].task, meta));
		if (!str_eq(shown(meta[META_APP]), shown(cases[i].app)))
			fail_msg("%s is of '%s'", cases[i].task, shown(meta[META_APP]));
		if (meta[META_APP] && str_eq(meta[META_APP], "/shop/web"))
			assert_string_equal(meta[META_APP_LABELS], "a%20b=1=%0A%25");
		mesos_snapshot_free(s);
	}
}

static void test_pods_of_groups(void **state)
{
	struct mesos_builder *b = mesos_builder_new(NOW);
	const char *meta[META_KEYS] = {0};

	(void)state;
	add_file(b, mesos_add_marathon_groups, "marathon-group-pods-2.json");
	add_text(b, mesos_add_master_state,
		 "{\"frameworks\":[{\"id\":\"F\",\"tasks\":[{\"id\":"
		 "\"podses.instance-4cf25ccd-2615-11e7-9101-763097586b99.container-2\"}]}]}");
	struct mesos_snapshot *s = mesos_builder_finish(b);
	assert_true(mesos_lookup(s, NULL, NULL,
				 "podses.instance-4cf25ccd-2615-11e7-9101-763097586b99.container-2",
				 meta));
	assert_string_equal(meta[META_APP], "/podses");
	mesos_snapshot_free(s);
}

/* ---- ports ---- */

struct tenant {
	const char *port, *task, *address;
};

static int find_port(void *ctx, const struct mesos_task *t)
{
	struct tenant *wanted = ctx;

	if (!t->running || !t->meta[META_PORTS] || !str_eq(t->meta[META_PORTS], wanted->port))
		return 0;
	wanted->task = t->meta[META_TASK];
	wanted->address = t->meta[META_ADDRESS];
	return 1;
}

static void test_tasks_of_this_host(void **state)
{
	static const struct tenant cases[] = {
		{"31461", "dev_infra_mysql.b331f6c9-fb9e-11e7-ab4b-faf0633ea91f", "127.0.0.1"},
		{"31948", NULL, NULL}, /* the failed task's */
	};
	struct mesos_builder *b = mesos_builder_new(NOW);

	(void)state;
	add_file(b, mesos_add_agent_state, "agent-state-asgard-141.json");
	struct mesos_snapshot *s = mesos_builder_finish(b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tenant got = {.port = cases[i].port};
		mesos_each_here(s, find_port, &got);
		assert_string_equal(shown(got.task), shown(cases[i].task));
		assert_string_equal(shown(got.address), shown(cases[i].address));
	}
	mesos_snapshot_free(s);
}

static void test_assigned_ports(void **state)
{
	static const char text[] =
		"{\"frameworks\":[{\"id\":\"F\",\"tasks\":["
		"{\"id\":\"a\",\"state\":\"TASK_RUNNING\",\"resources\":{\"ports\":"
		"\"[31000-31003, 31010-31010]\"},\"statuses\":[{\"container_status\":"
		"{\"container_id\":{\"value\":\"C\"}}}]},"
		"{\"id\":\"b\",\"state\":\"TASK_RUNNING\",\"resources\":{\"ports\":"
		"\"[31004-31005]\"},\"statuses\":[{\"container_status\":{\"container_id\":"
		"{\"value\":\"N\",\"parent\":{\"value\":\"C\"}}}}]},"
		"{\"id\":\"c\",\"state\":\"TASK_FINISHED\",\"resources\":{\"ports\":"
		"\"[31006-31006]\"},\"statuses\":[{\"container_status\":{\"container_id\":"
		"{\"value\":\"C\"}}}]},"
		/* What it only says of itself is no assignment. */
		"{\"id\":\"d\",\"state\":\"TASK_RUNNING\",\"discovery\":{\"ports\":{\"ports\":"
		"[{\"number\":31007}]}},\"statuses\":[{\"container_status\":{\"container_id\":"
		"{\"value\":\"D\"}}}]}]}]}";
	struct mesos_builder *b = mesos_builder_new(NOW);
	struct text t = {0};
	struct err e;

	(void)state;
	assert_int_equal(mesos_add_master_state(b, text, sizeof(text) - 1, &e), 0);
	struct mesos_snapshot *s = mesos_builder_finish(b);
	assert_true(mesos_assigned_ports(s, "C", &t));
	/* The order of tasks is nobody's business. */
	assert_non_null(strstr(text_cstr(&t), "31000-31003,31010"));
	assert_non_null(strstr(text_cstr(&t), "31004-31005"));
	assert_null(strstr(text_cstr(&t), "31006"));
	text_reset(&t);
	assert_false(mesos_assigned_ports(s, "D", &t));
	assert_false(mesos_assigned_ports(s, "E", &t));
	assert_int_equal(t.len, 0);
	text_done(&t);
	mesos_snapshot_free(s);
}

/* ---- answers that would cost more than they are worth ---- */

/* Mesos lets no container's id have a dot: a path of one that has thousands would have as many
 * parents. */
static void test_dotted_ids(void **state)
{
	struct text t = {0};

	(void)state;
	text_str(&t, "{\"frameworks\":[{\"id\":\"F\",\"tasks\":[");
	for (unsigned i = 0; i < 10; i++) {
		text_fmt(&t, "%s{\"id\":\"t%u\",\"statuses\":[{\"container_status\":{",
			 i ? "," : "", i);
		text_fmt(&t, "\"container_id\":{\"value\":\"%u", i);
		for (unsigned k = 0; k < 4000; k++)
			text_char(&t, '.');
		text_str(&t, "\",\"parent\":{\"value\":\"P\"}}}}]}");
	}
	text_str(&t, ",{\"id\":\"u\",\"statuses\":[{\"container_status\":{\"container_id\":{"
		     "\"value\":\"C\",\"parent\":{\"value\":\"P.Q\"}}}}]}]}]}");
	struct mesos_builder *b = mesos_builder_new(NOW);
	add_text(b, mesos_add_master_state, text_cstr(&t));
	struct mesos_snapshot *s = mesos_builder_finish(b);
	static const struct question questions[] = {{"C", NULL, NULL, "u", "status"},
						    {"P", NULL, NULL, NULL, NULL},
						    {"Q", NULL, NULL, NULL, NULL}};
	ask(s, questions, ARRAY_SIZE(questions));
	assert_in_range(strings_bytes(&s->strings), 0, 2 * t.len);
	mesos_snapshot_free(s);
	text_done(&t);
}

/* Many tasks of an executor with many containers: not each in each. */
static void test_crowded_executor(void **state)
{
	enum { MANY = 500 };
	struct text tasks = {0}, containers = {0};

	(void)state;
	text_str(&tasks, "{\"frameworks\":[{\"id\":\"F\",\"tasks\":[");
	for (unsigned i = 0; i < MANY; i++) {
		const char *comma = i ? "," : "";
		text_fmt(&tasks, "%s{\"id\":\"t%u\",\"executor_id\":\"E\",\"statuses\":[{", comma,
			 i);
		text_str(&tasks, "\"container_status\":{\"container_id\":{\"value\":\"c0\"}}}]}");
		text_fmt(&containers, "%s{\"container_id\":\"c%u\",\"framework_id\":\"F\",",
			 i ? "," : "[", i);
		text_str(&containers, "\"executor_id\":\"E\"}");
	}
	text_str(&tasks, "]}]}");
	text_char(&containers, ']');
	struct mesos_builder *b = mesos_builder_new(NOW);
	add_text(b, mesos_add_master_state, text_cstr(&tasks));
	add_text(b, mesos_add_agent_containers, text_cstr(&containers));
	struct mesos_snapshot *s = mesos_builder_finish(b);
	assert_int_equal(s->n_links,
			 64 * MANY); /* c0 has each once, as the status and the agent say */
	mesos_snapshot_free(s);
	text_done(&tasks);
	text_done(&containers);
}

/* ---- names of what vanished ---- */

static const char one_task[] =
	"{\"frameworks\":[{\"id\":\"F\",\"name\":\"marathon\",\"tasks\":[{\"id\":\"t\",\"state\":"
	"\"TASK_RUNNING\",\"statuses\":[{\"timestamp\":1.5,\"container_status\":{\"container_id\":"
	"{\"value\":\"C\"}}}]}]}]}";

static void test_carry(void **state)
{
	static const struct {
		uint64_t later;
		bool frozen, known;
	} cases[] = {{MESOS_KEEP_NS - 1, false, true},
		     {MESOS_KEEP_NS, false, false},
		     {MESOS_KEEP_NS, true, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *meta[META_KEYS] = {0};
		struct mesos_builder *b = mesos_builder_new(NOW);
		add_text(b, mesos_add_master_state, one_task);
		struct mesos_snapshot *old = mesos_builder_finish(b);
		b = mesos_builder_new(NOW + cases[i].later);
		add_text(b, mesos_add_master_state, "{\"frameworks\":[]}");
		builder_carry(b, old, cases[i].frozen);
		mesos_snapshot_free(old);
		struct mesos_snapshot *s = mesos_builder_finish(b);
		assert_int_equal(mesos_lookup(s, "C", NULL, NULL, meta), cases[i].known);
		assert_string_equal(shown(meta[META_FRAMEWORK]), cases[i].known ? "marathon" : "");
		mesos_snapshot_free(s);
	}
}

/* With show_nested the agent lists containers inside others without saying so. */
static void test_nested_containers(void **state)
{
	static const char tasks[] = "{\"type\":\"GET_TASKS\",\"get_tasks\":{\"tasks\":["
				    "{\"task_id\":{\"value\":\"t1\"},\"framework_id\":{\"value\":"
				    "\"F\"},\"executor_id\":{\"value\":"
				    "\"X\"},\"state\":\"TASK_RUNNING\",\"statuses\":[{\"container_"
				    "status\":{\"container_id\":"
				    "{\"value\":\"c1\",\"parent\":{\"value\":\"e\"}}}}]},"
				    "{\"task_id\":{\"value\":\"t2\"},\"framework_id\":{\"value\":"
				    "\"F\"},\"executor_id\":{\"value\":"
				    "\"X\"},\"state\":\"TASK_RUNNING\",\"statuses\":[{\"container_"
				    "status\":{\"container_id\":"
				    "{\"value\":\"c2\",\"parent\":{\"value\":\"e\"}}}}]}]}}";
	static const char containers[] =
		"{\"type\":\"GET_CONTAINERS\",\"get_containers\":{\"containers\":["
		"{\"container_id\":{\"value\":\"e\"},\"framework_id\":{\"value\":\"F\"},\"executor_"
		"id\":"
		"{\"value\":\"X\"}},{\"container_id\":{\"value\":\"c1\"},\"framework_id\":{"
		"\"value\":\"F\"},"
		"\"executor_id\":{\"value\":\"X\"}},{\"container_id\":{\"value\":\"check\"},"
		"\"framework_id\":"
		"{\"value\":\"F\"},\"executor_id\":{\"value\":\"X\"}}]}}";
	static const struct {
		const char *id, *task;
	} cases[] = {{"c1", "t1"}, {"c2", "t2"}, {"e", ""}, {"check", ""}};

	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		struct mesos_builder *b = mesos_builder_new(NOW);
		add_text(b, mesos_add_v1, order ? tasks : containers);
		add_text(b, mesos_add_v1, order ? containers : tasks);
		struct mesos_snapshot *s = mesos_builder_finish(b);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			const char *meta[META_KEYS] = {0};
			assert_true(mesos_lookup(s, cases[i].id, NULL, NULL, meta));
			assert_string_equal(shown(meta[META_TASK]), cases[i].task);
			assert_string_equal(shown(meta[META_EXECUTOR]), "X");
		}
		mesos_snapshot_free(s);
	}
}

/* ---- hostile answers ---- */

/* A new leader knows the tasks of an agent once that has registered; until then they go on. */
static void test_new_leader(void **state)
{
	static const char before[] =
		"{\"slaves\":[{\"id\":\"S\"}],\"frameworks\":[{\"id\":\"F\",\"tasks\":["
		"{\"id\":\"t\",\"slave_id\":\"S\",\"state\":\"TASK_RUNNING\"}]}]}";
	static const struct {
		const char *text;
		bool settling, live;
	} after[] = {
		{"{\"frameworks\":[]}", true, true},
		{"{\"frameworks\":[],\"recovered_slaves\":[{\"id\":\"S\"}]}", true, true},
		{"{\"frameworks\":[],\"slaves\":[{\"id\":\"S\"}]}", true, false},
		{"{\"frameworks\":[]}", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		struct mesos_builder *b = mesos_builder_new(NOW);
		add_text(b, mesos_add_master_state, before);
		struct mesos_snapshot *old = mesos_builder_finish(b);
		b = mesos_builder_new(NOW + NSEC_PER_SEC);
		add_text(b, mesos_add_master_state, after[i].text);
		b->settling = after[i].settling;
		builder_carry(b, old, false);
		struct mesos_snapshot *s = mesos_builder_finish(b);
		assert_int_equal(s->n_tasks, 1);
		assert_int_equal(s->tasks[0].live, after[i].live);
		mesos_snapshot_free(old);
		mesos_snapshot_free(s);
	}
}

static void test_hostile(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"", false},
		{"[]", false},
		{"{}", false},
		{"nonsense", false},
		{"{\"frameworks\":{}}", false},
		{"{\"frameworks\":[]}", true},
		{"{\"frameworks\":[null,1,\"x\",[],{\"id\":7},{\"id\":\"F\",\"tasks\":[{\"id\":"
		 "[]},{\"id\":\"t\",\"statuses\":{\"a\":1},\"labels\":7,\"resources\":[],"
		 "\"discovery\":{\"ports\":{}},\"container\":null}]}],\"slaves\":{}}",
		 true},
		{"{\"frameworks\":[],\"n\":99999999999999999999999999}", true},
		{"{\"frameworks\":[{\"id\":\"F\",\"tasks\":[{\"id\":\"a\\u0000b\\u001b["
		 "31m\\u0085\"}"
		 "]}]}",
		 true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mesos_builder *b = mesos_builder_new(NOW);
		struct err e = {0};
		int r = mesos_add_master_state(b, cases[i].text, strlen(cases[i].text), &e);
		if ((r == 0) != cases[i].good)
			fail_msg("%s: %d %s", cases[i].text, r, e.message);
		struct mesos_snapshot *s = mesos_builder_finish(b);
		if (i + 1 == ARRAY_SIZE(cases))
			assert_string_equal(s->tasks[0].id, "a?b?[31m?");
		mesos_snapshot_free(s);
	}
}

static void test_deep(void **state)
{
	char deep[10000];
	struct err e = {0};
	struct mesos_builder *b = mesos_builder_new(NOW);

	(void)state;
	memset(deep, '[', sizeof(deep));
	assert_int_equal(mesos_add_agent_containers(b, deep, sizeof(deep), &e), -1);
	assert_non_null(strstr(e.message, "deeper than 64"));
	mesos_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_cluster),
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_apps),
		cmocka_unit_test(test_pods_of_groups),
		cmocka_unit_test(test_tasks_of_this_host),
		cmocka_unit_test(test_assigned_ports),
		cmocka_unit_test(test_dotted_ids),
		cmocka_unit_test(test_crowded_executor),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_new_leader),
		cmocka_unit_test(test_nested_containers),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
