// SPDX-License-Identifier: Apache-2.0
/* Updates as layers on a snapshot say what one snapshot of all answers would; and how it was. */
#include "mesos/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW   (1700000000 * NSEC_PER_SEC)
#define TASKS 300u

static const struct history_limits limits = {3600 * NSEC_PER_SEC, 1u << 20};

/* On top of what there is. Takes old over. */
static struct mesos_snapshot *update_within(struct mesos_snapshot *old, uint64_t now,
					    const char *event, const struct history_limits *within)
{
	struct mesos_builder *b = builder_on(old, now);
	struct err e = {0};

	if (mesos_add_v1(b, event, strlen(event), &e))
		fail_msg("%s: %s", event, e.message);
	struct mesos_snapshot *s = mesos_builder_finish(b);
	history_note(s, old, within, NULL, NULL);
	mesos_snapshot_free(old);
	return layers_settle(s);
}

static struct mesos_snapshot *update(struct mesos_snapshot *old, uint64_t now, const char *event)
{
	return update_within(old, now, event, &limits);
}

static char *added(unsigned i, const char *executor)
{
	return xasprintf(
		"{\"type\":\"TASK_ADDED\",\"task_added\":{\"task\":{\"task_id\":{\"value\":"
		"\"shop_web%u.00000000-0000-4000-8000-%012u\"},\"framework_id\":{\"value\":"
		"\"F\"},\"agent_id\":{\"value\":\"S%u\"},\"executor_id\":{\"value\":\"%s\"},"
		"\"name\":\"web%u\",\"state\":\"TASK_STAGING\"}}}",
		i % 7, i, i % 3, executor, i % 7);
}

static char *updated(unsigned i, const char *executor, const char *state, unsigned second)
{
	return xasprintf(
		"{\"type\":\"TASK_UPDATED\",\"task_updated\":{\"framework_id\":{\"value\":\"F\"},"
		"\"state\":\"%s\",\"status\":{\"task_id\":{\"value\":\"shop_web%u.00000000-0000-"
		"4000-"
		"8000-%012u\"},\"agent_id\":{\"value\":\"S%u\"},\"executor_id\":{\"value\":\"%s\"},"
		"\"state\":\"%s\",\"timestamp\":%llu,\"container_status\":{\"container_id\":{"
		"\"value\":\"c%u\",\"parent\":{\"value\":\"e%sx%u\"}}}}}}",
		state, i % 7, i, i % 3, executor, state,
		(unsigned long long)(NOW / NSEC_PER_SEC + second), i, executor, i % 3);
}

static const char first[] =
	"{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"get_state\":{\"get_frameworks\":{"
	"\"frameworks\":["
	"{\"active\":true,\"framework_info\":{\"id\":{\"value\":\"F\"},\"name\":\"marathon\"}}]},"
	"\"get_agents\":{\"agents\":[{\"agent_info\":{\"id\":{\"value\":\"S0\"},\"hostname\":"
	"\"node0\"}},"
	"{\"agent_info\":{\"id\":{\"value\":\"S1\"},\"hostname\":\"node1\"}}]}}}}";

static struct mesos_snapshot *beginning(void)
{
	struct mesos_builder *b = mesos_builder_new(NOW);

	assert_int_equal(mesos_add_v1(b, first, strlen(first), NULL), 0);
	struct mesos_snapshot *s = mesos_builder_finish(b);
	history_note(s, NULL, &limits, NULL, NULL);
	return s;
}

static int put_task(void *ctx, const struct mesos_task *t)
{
	struct text *out = ctx;

	for (unsigned k = 0; k < META_KEYS; k++) {
		text_str(out, t->meta[k] ? t->meta[k] : "-");
		text_char(out, ' ');
	}
	text_str(out, t->running ? "running\n" : "ended\n");
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All tasks, and what containers and task ids lead to; sorted lines. */
static char *dump(const struct mesos_snapshot *s)
{
	struct text t = {0}, sorted = {0};
	char *lines[4 * TASKS], *save = NULL;
	size_t n = 0;

	mesos_each_task(s, 0, 0, put_task, &t);
	for (unsigned i = 0; i < TASKS; i++) {
		char id[32];
		const char *meta[META_KEYS] = {0};
		snprintf(id, sizeof(id), i % 2 ? "c%u" : "e%ux%u", i / 2, i / 2 % 3);
		bool known = mesos_lookup(s, id, NULL, NULL, meta);
		text_fmt(&t, "%s: %d %s %s\n", id, known, meta[META_TASK] ? meta[META_TASK] : "-",
			 meta[META_APP] ? meta[META_APP] : "-");
	}
	text_cstr(&t);
	for (char *l = strtok_r(t.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		lines[n++] = l;
	qsort(lines, n, sizeof(*lines), by_line);
	for (size_t i = 0; i < n; i++)
		text_fmt(&sorted, "%s\n", lines[i]);
	text_done(&t);
	text_cstr(&sorted);
	return sorted.data;
}

/* Steps in which tasks come and change; some share an executor, and some change theirs. */
static char *event_of(unsigned step)
{
	static const char *const states[] = {"TASK_RUNNING", "TASK_UNREACHABLE", "TASK_FINISHED"};
	bool new = step % 3 == 0;
	unsigned known = step / 3 + 1, i = new ? step / 3 : (step * 7919) % known;
	char executor[16];

	snprintf(executor, sizeof(executor), "%u", i % 5 ? i : i % 10 + 1000 * (i % 4 && !new));
	return new ? added(i, executor) : updated(i, executor, states[step % 7 % 3], step);
}

static void compare(const struct mesos_snapshot *s, unsigned steps)
{
	struct mesos_builder *b = mesos_builder_new(NOW);

	mesos_add_v1(b, first, strlen(first), NULL);
	for (unsigned step = 0; step <= steps; step++) {
		cleanup_free char *event = event_of(step);
		assert_int_equal(mesos_add_v1(b, event, strlen(event), NULL), 0);
	}
	struct mesos_snapshot *whole = mesos_builder_finish(b);
	cleanup_free char *expected = dump(whole), *got = dump(s);
	size_t line = 0, at = 0;
	for (; got[at] && got[at] == expected[at]; at++)
		line = got[at] == '\n' ? at + 1 : line;
	if (got[at] != expected[at])
		fail_msg("after step %u:\n%.*s\nexpected:\n%.*s", steps,
			 (int)strcspn(got + line, "\n"), got + line,
			 (int)strcspn(expected + line, "\n"), expected + line);
	assert_int_equal(s->visible, whole->visible);
	mesos_snapshot_free(whole);
}

static void test_layers_equal_whole(void **state)
{
	struct mesos_snapshot *s = beginning();
	size_t layers = 0;

	(void)state;
	for (unsigned step = 0; step < 3 * TASKS; step++) {
		cleanup_free char *event = event_of(step);
		s = update(s, NOW + step * NSEC_PER_SEC, event);
		if (step % 31 == 30)
			compare(s, step);
	}
	for (const struct mesos_snapshot *l = s; l; l = l->below)
		layers++;
	assert_in_range(layers, 1, 12);
	mesos_snapshot_free(s);
}

/* Marathon's answer on top: the app of a task that nobody's id tells, and a new label. */
static void test_marathon_layer(void **state)
{
	static const char *const apps[] = {
		"{\"apps\":[{\"id\":\"/shop/"
		"front\",\"labels\":{\"v\":\"1\"},\"tasks\":[{\"id\":\"odd\","
		"\"version\":\"V1\",\"healthCheckResults\":[{\"alive\":false}]}]}]}",
		"{\"apps\":[{\"id\":\"/shop/"
		"front\",\"labels\":{\"v\":\"2\"},\"deployments\":[{\"id\":\"D\"}],"
		"\"tasks\":[{\"id\":\"odd\",\"version\":\"V1\",\"healthCheckResults\":[{\"alive\":"
		"true}]}]}]}",
	};
	static const char event[] =
		"{\"type\":\"TASK_ADDED\",\"task_added\":{\"task\":{\"task_id\":{\"value\":\"odd\"}"
		","
		"\"framework_id\":{\"value\":\"F\"},\"state\":\"TASK_RUNNING\"}}}";
	struct mesos_snapshot *s = update(beginning(), NOW, event);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *meta[META_KEYS] = {0}, *text = apps[MIN(i, 1)];
		struct mesos_builder *b = builder_on(s, NOW + i * NSEC_PER_SEC);
		assert_int_equal(mesos_add_marathon_apps(b, text, strlen(text), NULL), 0);
		struct mesos_snapshot *next = mesos_builder_finish(b);
		history_note(next, s, &limits, NULL, NULL);
		/* What was known already is not said again. */
		assert_int_equal(next->n_tasks, i < 2);
		mesos_snapshot_free(s);
		s = next;
		assert_true(mesos_lookup(s, NULL, NULL, "odd", meta));
		assert_string_equal(meta[META_APP], "/shop/front");
		assert_string_equal(meta[META_APP_VERSION], "V1");
		assert_string_equal(meta[META_APP_LABELS], i ? "v=2" : "v=1");
		assert_string_equal(meta[META_HEALTH], i ? "healthy" : "unhealthy");
		assert_string_equal(meta[META_DEPLOYMENT] ? meta[META_DEPLOYMENT] : "",
				    i ? "D" : "");
	}
	mesos_snapshot_free(s);
}

static int keep_state(void *ctx, const struct mesos_task *t)
{
	struct text *out = ctx;

	text_fmt(out, "%s%s", out->len ? " " : "", t->meta[META_TASK_STATE] + strlen("TASK_"));
	return 0;
}

static const char *states_at(const struct mesos_snapshot *s, struct text *t, unsigned from,
			     unsigned to)
{
	text_reset(t);
	mesos_each_task(s, NOW + from * NSEC_PER_SEC, NOW + to * NSEC_PER_SEC, keep_state, t);
	return text_cstr(t);
}

static void test_history(void **state)
{
	cleanup_free char *add = added(1, "1"), *run = updated(1, "1", "TASK_RUNNING", 20),
			  *end = updated(1, "1", "TASK_FAILED", 30);
	struct text t = {0};
	struct mesos_snapshot *s = beginning();

	(void)state;
	s = update(s, NOW + 10 * NSEC_PER_SEC, add);
	s = update(s, NOW + 21 * NSEC_PER_SEC, run);
	s = update(s, NOW + 31 * NSEC_PER_SEC, end);
	assert_string_equal(states_at(s, &t, 9, 9), "");
	assert_string_equal(states_at(s, &t, 10, 10), "STAGING");
	assert_string_equal(states_at(s, &t, 19, 19), "STAGING");
	assert_string_equal(states_at(s, &t, 20, 20), "RUNNING"); /* the status' time, not ours */
	assert_string_equal(states_at(s, &t, 29, 29), "RUNNING");
	assert_string_equal(states_at(s, &t, 30, 30), "FAILED");
	assert_string_equal(states_at(s, &t, 15, 25), "STAGING RUNNING");
	/* Missing for longer than its name is kept: gone now, but known to have been. */
	struct mesos_builder *b = mesos_builder_new(NOW + 3000 * NSEC_PER_SEC);
	mesos_add_v1(b, first, strlen(first), NULL);
	builder_carry(b, s, false);
	struct mesos_snapshot *later = mesos_builder_finish(b);
	history_note(later, s, &limits, NULL, NULL);
	mesos_snapshot_free(s);
	assert_int_equal(later->visible, 0);
	assert_string_equal(states_at(later, &t, 25, 25), "RUNNING");
	assert_string_equal(states_at(later, &t, 2999, 2999), "FAILED");
	assert_string_equal(states_at(later, &t, 3000, 3000), "");
	mesos_snapshot_free(later);
	text_done(&t);
}

static int keep_app(void *ctx, const struct mesos_app *a)
{
	text_fmt(ctx, "%s %s %s\n", a->id, a->version, a->deployment ? a->deployment : "-");
	return 0;
}

static int keep_agent(void *ctx, const struct mesos_agent *a)
{
	text_fmt(ctx, "%s %s %d\n", a->id, a->hostname, a->registered);
	return 0;
}

static int keep_framework(void *ctx, const struct mesos_framework *f)
{
	text_fmt(ctx, "%s %s %d\n", f->id, f->name, f->active);
	return 0;
}

static void expect_then(const struct mesos_snapshot *s, int second, const char *expected)
{
	uint64_t at = NOW + (uint64_t)second * NSEC_PER_SEC;
	struct text t = {0};

	mesos_each_app(s, at, at, keep_app, &t);
	mesos_each_agent(s, at, at, keep_agent, &t);
	mesos_each_framework(s, at, at, keep_framework, &t);
	assert_string_equal(text_cstr(&t), expected);
	text_done(&t);
}

static void expect_news(struct message_box *box, const char *expected)
{
	struct message *all = message_take(box);
	struct text t = {0};

	for (struct message *m = all; m; m = m->next)
		text_fmt(&t, "%s: %s\n", m->kind, text_cstr(&m->text));
	assert_string_equal(text_cstr(&t), expected);
	message_free(all);
	text_done(&t);
}

/* Apps, agents and frameworks: in layers, and where all is told anew. */
static void test_history_of_the_cluster(void **state)
{
	static const char *const apps[] = {
		"[{\"id\":\"/shop/web\",\"version\":\"v1\"}]",
		"[{\"id\":\"/shop/web\",\"version\":\"v2\",\"deployments\":[{\"id\":\"D\"}]}]",
		"[{\"id\":\"/shop/web\",\"version\":\"v2\"}]"};
	static const char later[] = "{\"slaves\":[{\"id\":\"S0\",\"hostname\":\"other\"}],"
				    "\"recovered_slaves\":[{\"id\":"
				    "\"S1\",\"hostname\":\"node1\"}],\"frameworks\":[{\"id\":\"F\","
				    "\"name\":\"marathon\","
				    "\"active\":false}]}";
	static const char other[] = "[{\"id\":\"/a\",\"version\":\"v\"}]";
	struct message_box box = {.waiting = 0};
	struct news news = {&box, "S1"};
	struct mesos_snapshot *s = beginning();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(apps); i++) {
		struct mesos_builder *b = builder_on(s, NOW + (10 + 10 * i) * NSEC_PER_SEC);
		assert_int_equal(mesos_add_marathon_apps(b, apps[i], strlen(apps[i]), NULL), 0);
		struct mesos_snapshot *next = mesos_builder_finish(b);
		history_note(next, s, &limits, news_tell, &news);
		mesos_snapshot_free(s);
		s = next;
	}
	expect_news(&box, "app_changed: app /shop/web is new\n"
			  "app_changed: app /shop/web has now version=v2 deployment=D\n");
	struct mesos_builder *b = mesos_builder_new(NOW + 40 * NSEC_PER_SEC);
	assert_int_equal(mesos_add_master_state(b, later, strlen(later), NULL), 0);
	assert_int_equal(mesos_add_marathon_apps(b, other, strlen(other), NULL), 0);
	struct mesos_snapshot *next = mesos_builder_finish(b);
	history_note(next, s, &limits, news_tell, &news);
	mesos_snapshot_free(s);
	expect_news(&box, "app_changed: app /a is new\napp_changed: app /shop/web is gone\n"
			  "agent_changed: agent S1 has now no master that knows it\n"
			  "framework_changed: framework F has now no active scheduler\n");
#define BEFORE "S0 node0 1\nS1 node1 1\nF marathon 1\n"
	expect_then(next, -1, BEFORE); /* who was there at first may have been for long */
	expect_then(next, 5, BEFORE);
	expect_then(next, 10, "/shop/web v1 -\n" BEFORE);
	expect_then(next, 19, "/shop/web v1 -\n" BEFORE);
	expect_then(next, 20, "/shop/web v2 D\n" BEFORE);
	expect_then(next, 39, "/shop/web v2 D\n" BEFORE);
	expect_then(next, 40, "/a v -\nS0 other 1\nS1 node1 0\nF marathon 0\n");
	mesos_snapshot_free(next);
}

/* An agent that the stream says is gone is registered no more, and who was never there is not made.
 */
static void test_agent_removed(void **state)
{
	static const char event[] = "{\"type\":\"AGENT_REMOVED\",\"agent_removed\":{\"agent_id\":{"
				    "\"value\":\"%s\"}}}";
	static const char *const gone[] = {"S1", "S9"};
	struct message_box box = {.waiting = 0};
	struct news news = {&box, "S1"};
	struct mesos_snapshot *s = beginning();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(gone); i++) {
		struct text t = {0};
		text_fmt(&t, event, gone[i]);
		struct mesos_builder *b = builder_on(s, NOW + (10 + 10 * i) * NSEC_PER_SEC);
		assert_int_equal(mesos_add_v1(b, t.data, t.len, NULL), 0);
		struct mesos_snapshot *next = mesos_builder_finish(b);
		history_note(next, s, &limits, news_tell, &news);
		mesos_snapshot_free(s);
		s = next;
		text_done(&t);
	}
	expect_news(&box, "agent_changed: agent S1 has now no master that knows it\n");
	expect_then(s, 9, "S1 node1 1\nS0 node0 1\nF marathon 1\n");
	expect_then(s, 20, "S1 node1 0\nS0 node0 1\nF marathon 1\n");
	mesos_snapshot_free(s);
}

static int count_one(void *ctx, const struct mesos_task *t)
{
	size_t *n = ctx;

	(void)t;
	++*n;
	return 0;
}

/* One task that changes for ever: what is kept stays within the memory, and within the time. */
static void test_history_limits(void **state)
{
	static const char *const states[] = {"TASK_RUNNING", "TASK_UNREACHABLE"};
	static const struct {
		struct history_limits limits;
		size_t least, most;
	} cases[] = {
		{{100000 * NSEC_PER_SEC, 1u << 20}, 2000, (1u << 20) / sizeof(struct task)},
		{{1000 * NSEC_PER_SEC, 1u << 20}, 1000, 2000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mesos_snapshot *s = beginning();
		size_t n = 0;
		for (unsigned j = 0; j < 20000; j++) {
			cleanup_free char *event = updated(1, "1", states[j % 2], j + 1);
			s = update_within(s, NOW + (j + 1) * NSEC_PER_SEC, event, &cases[i].limits);
		}
		mesos_each_task(s, NOW, NOW + 20001 * NSEC_PER_SEC, count_one, &n);
		assert_in_range(n, cases[i].least, cases[i].most);
		mesos_snapshot_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers_equal_whole),
		cmocka_unit_test(test_marathon_layer),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_history_of_the_cluster),
		cmocka_unit_test(test_agent_removed),
		cmocka_unit_test(test_history_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
