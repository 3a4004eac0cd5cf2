// SPDX-License-Identifier: Apache-2.0
/*
 * Recorded answers of Mesos 0.19 to 1.11 and Marathon: the client's records equal the checked-in
 * tables row for row (tables.py made them), and no cut of an answer does harm. The answers are
 * data/KIND-NAME.json, and KIND/NAME.json in the folder that DREDGE_MESOS_DATA names: there every
 * file of a kind that the client reads must have its table.
 */
#include "mesos/inside.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW    (1700000000 * NSEC_PER_SEC)
#define DATA   TEST_DATA_DIR "/unit/mesos/data/"
#define TABLES TEST_DATA_DIR "/unit/mesos/tables/"
#define EVERY_CUT                                                                      \
	1500u /* longer answers are cut at every 97th byte, and at 2000 places at most \
	       */

typedef int (*add_fn)(struct mesos_builder *b, const char *text, size_t n, struct err *e);

/* A stream of events was recorded as one list. */
static int add_v1_list(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "/api/v1", e), *event;
	int result = root ? 0 : -1;
	size_t i;

	if (root && !json_is_array(root))
		result = mesos_add_v1(b, text, n, e);
	json_array_foreach(root, i, event)
	{
		cleanup_free char *one = json_dumps(event, JSON_COMPACT);
		result |= mesos_add_v1(b, one, strlen(one), e);
	}
	json_decref(root);
	return result;
}

static const struct kind {
	const char *name;
	add_fn add;
} kinds[] = {
	{"master-state", mesos_add_master_state},
	{"master-tasks", mesos_add_master_state},
	{"master-slaves", mesos_add_master_state},
	{"agent-state", mesos_add_agent_state},
	{"agent-containers", mesos_add_agent_containers},
	{"marathon-group", mesos_add_marathon_groups},
	{"marathon-apps", mesos_add_marathon_apps},
	{"v1-agent", add_v1_list},
	{"v1-events", add_v1_list},
	{"v1-master", add_v1_list},
};

static bool slurp(const char *path, struct text *t)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	for (size_t got; (got = fread(text_room(t, 65536), 1, 65536, f)) > 0;)
		t->len += got;
	fclose(f);
	text_cstr(t);
	return true;
}

/* ---- the client's records as a table ---- */

struct lines {
	char **at;
	size_t n, cap;
};

static const char *shown(const char *s)
{
	return s ? s : "";
}

static char *group_of(const char *app)
{
	const char *slash = app ? strrchr(app, '/') : NULL;

	if (!slash)
		return xstrdup("");
	return xstrndup(app, slash == app ? 1 : (size_t)(slash - app));
}

static char *one_line(const char *labels)
{
	char *s = xstrdup(shown(labels));

	for (char *p = s; (p = strchr(p, '\n'));)
		*p = ' ';
	return s;
}

static void put(struct lines *l, char *line)
{
	GROW(l->at, l->n, l->cap);
	l->at[l->n++] = line;
}

static void put_builder(struct lines *l, const struct mesos_builder *b)
{
	for (uint32_t i = 0; i < b->s->n_apps; i++) {
		cleanup_free char *group = group_of(b->s->apps[i].id);
		cleanup_free char *labels = one_line(b->s->apps[i].labels);
		put(l, xasprintf("app\t%s\t%s\t%s\n", b->s->apps[i].id, group, labels));
	}
	for (size_t i = 0; i < b->s->by_app_task.size; i++) {
		const struct index_slot *slot = &b->s->by_app_task.slots[i];
		if (slot->key)
			put(l, xasprintf("app-task\t%s\t%s\t%s\n", slot->key,
					 b->s->app_tasks[slot->row].app,
					 shown(b->s->app_tasks[slot->row].version)));
	}
	for (uint32_t i = 0; i < b->s->n_agents; i++)
		put(l, xasprintf("agent\t%s\t%s\t%s\n", b->s->agents[i].id,
				 shown(b->s->agents[i].hostname), shown(b->s->agents[i].pid)));
	for (uint32_t i = 0; i < b->s->n_frameworks; i++)
		put(l,
		    xasprintf("framework\t%s\t%s\t%s\t%s\n", b->s->frameworks[i].id,
			      shown(b->s->frameworks[i].name), shown(b->s->frameworks[i].webui_url),
			      b->s->frameworks[i].active ? "active" : ""));
}

static void put_snapshot(struct lines *l, const struct mesos_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		const struct task *t = &s->tasks[i];
		cleanup_free char *group = group_of(t->app);
		cleanup_free char *labels = one_line(t->labels);
		put(l,
		    xasprintf("task\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t->id,
			      shown(t->framework), shown(t->app), group, shown(t->container_path),
			      shown(t->agent_id), shown(t->state), shown(t->ports), labels));
	}
	for (uint32_t i = 0; i < s->n_holders; i++)
		if (s->holders[i].executor_id)
			put(l, xasprintf("container\t%s\t%s\t%s\n", s->holders[i].id,
					 s->holders[i].framework_id, s->holders[i].executor_id));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Frees the builder. */
static char *table_of(struct mesos_builder *b)
{
	struct lines l = {0};
	struct text t = {0};

	put_builder(&l, b);
	struct mesos_snapshot *s = mesos_builder_finish(b);
	put_snapshot(&l, s);
	mesos_snapshot_free(s);
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), by_text);
	for (size_t i = 0; i < l.n; i++) {
		text_str(&t, l.at[i]);
		free(l.at[i]);
	}
	free(l.at);
	text_cstr(&t);
	return t.data;
}

static void compare(const char *name, const char *table, const char *expected)
{
	size_t line = 0, i = 0;

	for (; table[i] && table[i] == expected[i]; i++)
		if (table[i] == '\n')
			line = i + 1;
	if (table[i] != expected[i])
		fail_msg("%s: the table differs:\n%.*s\nexpected:\n%.*s", name,
			 (int)strcspn(table + line, "\n"), table + line,
			 (int)strcspn(expected + line, "\n"), expected + line);
}

/* ---- one answer ---- */

static void whole(const struct kind *k, const char *name, const struct text *answer)
{
	cleanup_free char *path = xasprintf(TABLES "%s/%.*s.tsv", k->name,
					    (int)(strlen(name) - strlen(".json")), name);
	struct mesos_builder *b = mesos_builder_new(NOW);
	struct text expected = {0};
	struct err e = {0};

	if (!slurp(path, &expected))
		fail_msg("%s %s: no table", k->name, name);
	if (k->add(b, answer->data, answer->len, &e))
		fail_msg("%s %s: %s", k->name, name, e.message);
	cleanup_free char *table = table_of(b);
	compare(path, table, expected.data);
	text_done(&expected);
}

/* Out of a copy of just this size: a sanitizer sees every step beyond it. */
static void cut_at(const struct kind *k, const char *text, size_t n)
{
	struct mesos_builder *b = mesos_builder_new(NOW);
	char *copy = xmalloc(n + !n);
	struct err e = {0};

	memcpy(copy, text, n);
	if (k->add(b, copy, n, &e))
		assert_true(e.message[0] != '\0');
	free(copy);
	mesos_snapshot_free(mesos_builder_finish(b));
}

static void cuts(const struct kind *own, const struct text *answer)
{
	size_t step = answer->len <= EVERY_CUT ? 1 : MAX(97u, answer->len / 200);

	for (size_t n = 0; n <= answer->len; n += step)
		cut_at(own, answer->data, n);
	/* An answer of another kind, or its half, is refused or taken, and does no harm. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		cut_at(&kinds[i], answer->data, answer->len);
		cut_at(&kinds[i], answer->data, answer->len / 2);
	}
}

static void one_answer(const struct kind *k, const char *path, const char *name)
{
	struct text answer = {0};

	assert_true(slurp(path, &answer));
	whole(k, name, &answer);
	cuts(k, &answer);
	text_done(&answer);
}

static bool is_json(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && str_eq(name + n - 5, ".json");
}

static void test_copies(void **state)
{
	DIR *d = opendir(DATA);
	size_t files = 0;

	(void)state;
	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d));) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			size_t n = strlen(kinds[i].name);
			if (!str_starts(f->d_name, kinds[i].name) || f->d_name[n] != '-' ||
			    !is_json(f->d_name))
				continue;
			cleanup_free char *path = xasprintf(DATA "%s", f->d_name);
			one_answer(&kinds[i], path, f->d_name + n + 1);
			files++;
		}
	}
	closedir(d);
	assert_true(files > 40);
}

static void test_folder(void **state)
{
	const char *folder = getenv("DREDGE_MESOS_DATA");

	(void)state;
	if (!folder || access(folder, R_OK))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		cleanup_free char *dir = xasprintf("%s/%s", folder, kinds[i].name);
		DIR *d = opendir(dir);
		if (!d)
			continue;
		for (struct dirent *f; (f = readdir(d));) {
			cleanup_free char *path = xasprintf("%s/%s", dir, f->d_name);
			if (is_json(f->d_name))
				one_answer(&kinds[i], path, f->d_name);
		}
		closedir(d);
	}
}

/* The same cluster at the same moment: Marathon names the apps of the master's tasks. */
static void test_set(void **state)
{
	struct mesos_builder *b = mesos_builder_new(NOW);
	struct text master = {0}, groups = {0}, expected = {0};
	struct err e = {0};

	(void)state;
	assert_true(slurp(DATA "master-state-dcos19-uswest2-a-cut.json", &master));
	assert_true(slurp(DATA "marathon-group-dcos19-uswest2-a.json", &groups));
	assert_true(slurp(TABLES "sets/dcos19-uswest2-a.tsv", &expected));
	assert_int_equal(mesos_add_marathon_groups(b, groups.data, groups.len, &e), 0);
	assert_int_equal(mesos_add_master_state(b, master.data, master.len, &e), 0);
	cleanup_free char *table = table_of(b);
	compare("sets/dcos19-uswest2-a", table, expected.data);
	text_done(&master);
	text_done(&groups);
	text_done(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
