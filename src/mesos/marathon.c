/* SPDX-License-Identifier: Apache-2.0 */
/* Marathon's apps and pods, and which of them a task belongs to. */
#include "mesos/inside.h"

#include <ctype.h>
#include <strings.h>

#define GROUP_DEPTH_MAX 32u
#define UUID_LENGTH	36u
#define AMBIGUOUS	(NO_ROW - 1)

/* "/shop/web" stands in task ids as "shop_web". */
static const char *task_form(struct mesos_builder *b, const char *app)
{
	struct text t = {0};

	for (const char *p = *app == '/' ? app + 1 : app; *p; p++)
		text_char(&t, *p == '/' ? '_' : *p);
	const char *form = strings_add(&b->s->strings, t.data ? t.data : "", t.len);
	text_done(&t);
	return form;
}

static const struct app *app_row(struct mesos_builder *b, const char *id)
{
	uint32_t row = index_find_str(&b->by_app, id);

	if (row != NO_ROW)
		return &b->apps[row];
	const char *form = task_form(b, id);
	GROW(b->apps, b->n_apps, b->cap_apps);
	b->apps[b->n_apps] = (struct app){.id = id};
	index_put(&b->by_app, id, b->n_apps);
	index_put(&b->by_form, form,
		  index_find_str(&b->by_form, form) == NO_ROW ? b->n_apps : AMBIGUOUS);
	return &b->apps[b->n_apps++];
}

static void add_app_task(struct mesos_builder *b, const char *task, const struct app *app,
			 const char *version)
{
	uint32_t row = index_find_str(&b->by_app_task, task);

	if (!task)
		return;
	if (row == NO_ROW) {
		row = b->n_app_tasks;
		GROW(b->app_tasks, b->n_app_tasks, b->cap_app_tasks);
		index_put(&b->by_app_task, task, b->n_app_tasks++);
		b->app_tasks[row] = (struct app_task){0};
	}
	b->app_tasks[row].app = app->id;
	b->app_tasks[row].labels = app->labels;
	if (version)
		b->app_tasks[row].version = version;
}

static void add_app(struct mesos_builder *b, const json_t *o)
{
	const char *id = json_name(b, o, "id");
	size_t i;
	json_t *task;

	if (!id)
		return;
	const char *labels = json_labels(b, json_object_get(o, "labels"));
	struct app *app = (struct app *)app_row(b, id);
	app->labels = labels ? labels : app->labels;
	json_array_foreach(json_object_get(o, "tasks"), i, task)
		add_app_task(b, json_name(b, task, "id"), app, json_name(b, task, "version"));
}

/* A pod's containers are tasks; their containerId is the Mesos task id. */
static void add_pod(struct mesos_builder *b, const json_t *o)
{
	const char *id = json_name(b, o, "id");
	const json_t *spec = json_object_get(o, "spec");
	size_t i, j;
	json_t *instance, *container;

	if (!id)
		return;
	const char *labels = json_labels(b, json_object_get(spec ? spec : o, "labels"));
	struct app *app = (struct app *)app_row(b, id);
	app->labels = labels ? labels : app->labels;
	json_array_foreach(json_object_get(o, "instances"), i, instance)
		json_array_foreach(json_object_get(instance, "containers"), j, container)
			add_app_task(b, json_name(b, container, "containerId"), app, NULL);
}

static void add_group(struct mesos_builder *b, const json_t *o, unsigned depth)
{
	size_t i;
	json_t *part;

	json_array_foreach(json_object_get(o, "apps"), i, part) add_app(b, part);
	json_array_foreach(json_object_get(o, "pods"), i, part) add_pod(b, part);
	if (depth < GROUP_DEPTH_MAX)
		json_array_foreach(json_object_get(o, "groups"), i, part)
			add_group(b, part, depth + 1);
}

int mesos_add_marathon_groups(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "Marathon groups", e);

	if (!root)
		return -1;
	if (!json_is_string(json_object_get(root, "id")) &&
	    !json_is_array(json_object_get(root, "groups"))) {
		json_decref(root);
		return err_set(e, ERR_FAILED, "Marathon groups: JSON of another kind");
	}
	add_group(b, root, 0);
	json_decref(root);
	return 0;
}

int mesos_add_marathon_apps(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "Marathon apps", e), *o;
	size_t i;

	if (!root)
		return -1;
	/* Some proxies and clients hand on the bare list. */
	const json_t *apps = json_is_array(root) ? root : json_object_get(root, "apps");
	if (!json_is_array(apps)) {
		json_decref(root);
		return err_set(e, ERR_FAILED, "Marathon apps: JSON of another kind");
	}
	json_array_foreach(apps, i, o) add_app(b, o);
	json_decref(root);
	return 0;
}

/* ---- which app ---- */

static bool is_uuid(const char *s)
{
	for (unsigned i = 0; i < UUID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

/*
 * Length of the app's part of a task id that has Marathon's form, else 0: APP.UUID,
 * APP.instance-UUID._app.N, APP.marathon-UUID, POD.instance-UUID.CONTAINER.
 */
static size_t app_part(const char *id)
{
	for (const char *dot = strrchr(id, '.'); dot && dot > id;
	     dot = memrchr(id, '.', (size_t)(dot - id))) {
		const char *rest = dot + 1;
		bool instance = str_starts(rest, "instance-") || str_starts(rest, "marathon-");
		rest += instance ? strlen("instance-") : 0;
		if (!is_uuid(rest))
			continue;
		char end = rest[UUID_LENGTH];
		return end == '\0' || (instance && end == '.') ? (size_t)(dot - id) : 0;
	}
	return 0;
}

/* Segments of app ids hold no '_', so the path can be read back; for apps that are gone. */
static const char *path_of_form(struct mesos_builder *b, const char *form, size_t n)
{
	struct text t = {0};
	bool good = true;

	text_char(&t, '/');
	for (size_t i = 0; i < n && good; i++) {
		char c = form[i];
		good = islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-' ||
		       c == '.' || (c == '_' && i && i + 1 < n && form[i - 1] != '_');
		text_char(&t, c == '_' ? '/' : c);
	}
	const char *path = good ? strings_add(&b->s->strings, t.data, t.len) : NULL;
	text_done(&t);
	return path;
}

static void app_by_form(struct mesos_builder *b, struct task *t)
{
	size_t n = app_part(t->id);

	if (!n)
		return;
	uint32_t row = index_find(&b->by_form, t->id, n);
	if (row == AMBIGUOUS)
		return;
	if (row == NO_ROW) {
		t->app = path_of_form(b, t->id, n);
		return;
	}
	t->app = b->apps[row].id;
	t->app_labels = b->apps[row].labels;
}

void marathon_join(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	for (uint32_t i = 0; i < b->n_frameworks; i++) {
		struct framework *f = &b->frameworks[i];
		f->marathon = f->name && !strncasecmp(f->name, "marathon", strlen("marathon"));
	}
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct task *t = &s->tasks[i];
		uint32_t row = index_find_str(&b->by_app_task, t->id);
		if (row == NO_ROW)
			continue;
		t->app = b->app_tasks[row].app;
		t->app_version = b->app_tasks[row].version;
		t->app_labels = b->app_tasks[row].labels;
		/* Whatever it is called, a framework with Marathon's tasks is a Marathon. */
		framework_row(b, t->framework_id)->marathon = true;
	}
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct task *t = &s->tasks[i];
		uint32_t f = index_find_str(&b->by_framework, t->framework_id);
		if (!t->app && f != NO_ROW && b->frameworks[f].marathon)
			app_by_form(b, t);
	}
}
