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

static const struct app *app_of_form(const struct mesos_snapshot *s, const char *form, size_t n,
				     bool *ambiguous)
{
	for (; s; s = s->below) {
		uint32_t row = index_find(&s->by_form, form, n);
		*ambiguous = row == AMBIGUOUS;
		if (row != NO_ROW)
			return *ambiguous ? NULL : &s->apps[row];
	}
	return NULL;
}

struct app *app_row(struct mesos_builder *b, const char *id)
{
	struct mesos_snapshot *s = b->s;
	uint32_t row = index_find_str(&s->by_app, id);

	if (row != NO_ROW)
		return &s->apps[row];
	const char *form = task_form(b, id);
	const struct app *old = app_find(s->below, id);
	struct app a = {.id = id};
	if (old)
		a = (struct app){.id = id,
				 .labels = again(b, old->labels),
				 .version = again(b, old->version),
				 .deployment = again(b, old->deployment)};
	GROW(s->apps, s->n_apps, s->cap_apps);
	s->apps[s->n_apps] = a;
	index_put(&s->by_app, id, s->n_apps);
	bool ambiguous = false;
	const struct app *other = app_of_form(s, form, strlen(form), &ambiguous);
	ambiguous |= other && !str_eq(other->id, id);
	index_put(&s->by_form, form, ambiguous ? AMBIGUOUS : s->n_apps);
	return &s->apps[s->n_apps++];
}

struct app_task *app_task_row(struct mesos_builder *b, const char *task)
{
	struct mesos_snapshot *s = b->s;
	uint32_t row = index_find_str(&s->by_app_task, task);

	if (row != NO_ROW)
		return &s->app_tasks[row];
	const struct app_task *old = app_task_find(s->below, task);
	struct app_task t = {.id = task};
	if (old)
		t = (struct app_task){task, again(b, old->app), again(b, old->version),
				      again(b, old->labels), again(b, old->health)};
	GROW(s->app_tasks, s->n_app_tasks, s->cap_app_tasks);
	index_put(&s->by_app_task, task, s->n_app_tasks);
	s->app_tasks[s->n_app_tasks] = t;
	return &s->app_tasks[s->n_app_tasks++];
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && str_eq(a, b));
}

/* Task in a layer: only when it says something new. */
static void add_app_task(struct mesos_builder *b, const char *task, const struct app *app,
			 const char *version, const char *health)
{
	const struct app_task *old = task ? app_task_find(b->s, task) : NULL;

	if (!task ||
	    (old && same(old->app, app->id) && same(old->labels, app->labels) &&
	     (!version || same(old->version, version)) && (!health || same(old->health, health))))
		return;
	struct app_task *t = app_task_row(b, task);
	t->app = app->id;
	t->labels = app->labels;
	t->version = version ? version : t->version;
	t->health = health ? health : t->health;
}

/* What its checks found: {"alive": true} each. NULL = there are none, or none yet. */
static const char *check_results(struct mesos_builder *b, const json_t *results)
{
	bool any = false, good = true;
	size_t i;
	json_t *one;

	json_array_foreach(results, i, one)
	{
		const json_t *alive = json_object_get(one, "alive");
		any |= json_is_boolean(alive);
		good &= !json_is_false(alive);
	}
	return any ? health_name(b, good) : NULL;
}

static void add_app(struct mesos_builder *b, const json_t *o)
{
	const char *id = json_name(b, o, "id");
	const json_t *deployments = json_object_get(o, "deployments");
	size_t i;
	json_t *task;

	if (!id)
		return;
	const char *labels = json_labels(b, json_object_get(o, "labels"));
	const char *version = json_name(b, o, "version");
	struct app *app = app_row(b, id);
	app->labels = labels || json_object_get(o, "labels") ? labels : app->labels;
	app->version = version ? version : app->version;
	const char *deployment = json_name(b, json_array_get(deployments, 0), "id");
	app->deployment = deployment ? deployment : app->deployment;
	json_array_foreach(json_object_get(o, "tasks"), i, task)
		add_app_task(b, json_name(b, task, "id"), app, json_name(b, task, "version"),
			     check_results(b, json_object_get(task, "healthCheckResults")));
}

/* The end of "/v2/pods/web::versions/2017-07-13T21:33:07.389Z". */
static const char *version_of(struct mesos_builder *b, const char *reference)
{
	static const char mark[] = "::versions/";
	const char *at = reference ? strstr(reference, mark) : NULL;

	return at ? again(b, at + strlen(mark)) : NULL;
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
	const char *version = json_name(b, spec ? spec : o, "version");
	struct app *app = app_row(b, id);
	app->labels = labels ? labels : app->labels;
	app->version = version ? version : app->version;
	json_array_foreach(json_object_get(o, "instances"), i, instance)
		json_array_foreach(json_object_get(instance, "containers"), j, container)
			add_app_task(b, json_name(b, container, "containerId"), app,
				     version_of(b, json_name(b, instance, "specReference")), NULL);
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

int mesos_add_marathon_pods(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "Marathon pods", e), *o;
	size_t i;

	if (!root)
		return -1;
	if (!json_is_array(root)) {
		json_decref(root);
		return err_set(e, ERR_FAILED, "Marathon pods: JSON of another kind");
	}
	json_array_foreach(root, i, o) add_pod(b, o);
	json_decref(root);
	return 0;
}

/* ---- its events ---- */

static void add_status_update(struct mesos_builder *b, const json_t *o)
{
	const char *id = json_name(b, o, "appId"), *task = json_name(b, o, "taskId");

	if (id && task)
		add_app_task(b, task, app_row(b, id), json_name(b, o, "version"), NULL);
}

/* Until 1.3 it names the task, then the instance: the task without its last part. */
static void add_health(struct mesos_builder *b, const json_t *o, bool *more)
{
	const char *id = json_name(b, o, "appId"), *task = json_name(b, o, "taskId");
	const json_t *alive = json_object_get(o, "alive");

	*more |= !task;
	if (id && task && json_is_boolean(alive))
		add_app_task(b, task, app_row(b, id), NULL, health_name(b, json_is_true(alive)));
}

static void add_deployment(struct mesos_builder *b, const json_t *o)
{
	const json_t *plan = json_object_get(o, "plan");
	const char *deployment = json_name(b, plan, "id");
	size_t i, j;
	json_t *step, *action;

	json_array_foreach(json_object_get(plan, "steps"), i, step)
		json_array_foreach(json_object_get(step, "actions"), j, action)
	{
		const char *app = json_name(b, action, "app");
		if (app && deployment)
			app_row(b, app)->deployment = deployment;
	}
}

int mesos_add_marathon_event(struct mesos_builder *b, const char *text, size_t n, bool *more,
			     struct err *e)
{
	/* After these the apps, their tasks or their labels are others. */
	static const char *const changes[] = {
		"api_post_event",     "app_terminated_event", "deployment_failed",
		"deployment_success", "group_change_success", "instance_changed_event",
		"pod_created_event",  "pod_deleted_event",    "pod_updated_event",
	};
	json_t *root = json_text(text, n, "Marathon event", e);

	if (!root)
		return -1;
	const char *type = json_string_value(json_object_get(root, "eventType"));
	if (!type) {
		json_decref(root);
		return err_set(e, ERR_FAILED, "Marathon event: JSON of another kind");
	}
	if (str_eq(type, "status_update_event"))
		add_status_update(b, root);
	else if (str_eq(type, "health_status_changed_event"))
		add_health(b, root, more);
	else if (str_eq(type, "deployment_info"))
		add_deployment(b, root);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		*more |= str_eq(type, changes[i]);
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
	bool ambiguous = false;

	if (!n)
		return;
	const struct app *app = app_of_form(b->s, t->id, n, &ambiguous);
	if (app) {
		t->app = again(b, app->id);
		t->app_labels = again(b, app->labels);
	} else if (!ambiguous) {
		t->app = path_of_form(b, t->id, n);
	}
}

static void join_app_task(struct mesos_builder *b, struct task *t)
{
	const struct app_task *known = app_task_find(b->s, t->id);

	if (!known)
		return;
	t->app = again(b, known->app);
	t->app_version = again(b, known->version);
	t->app_labels = again(b, known->labels);
	t->health = known->health ? again(b, known->health) : t->health;
	/* Whatever it is called, a framework with Marathon's tasks is a Marathon. */
	const struct framework *f = framework_find(b->s, t->framework_id);
	if (!f || !f->marathon)
		framework_row(b, t->framework_id)->marathon = true;
}

/* Marathon tells of a task by its id, or of an app: the layer needs the tasks themselves. */
static void pull_told(struct mesos_builder *b)
{
	const struct mesos_snapshot *below = b->s->below;
	bool changed = false;

	for (uint32_t i = 0; i < b->s->n_app_tasks; i++)
		for (const struct mesos_snapshot *s = below; s; s = s->below) {
			uint32_t row = index_find_str(&s->by_task, b->s->app_tasks[i].id);
			if (row != NO_ROW)
				task_row(b, again(b, s->tasks[row].framework_id),
					 again(b, s->tasks[row].id));
		}
	for (uint32_t i = 0; i < b->s->n_apps && !changed; i++) {
		const struct app *a = &b->s->apps[i], *old = app_find(below, a->id);
		changed = old &&
			  (!same(a->labels, old->labels) || !same(a->deployment, old->deployment));
	}
	for (const struct mesos_snapshot *s = below; s && changed; s = s->below)
		for (uint32_t i = 0; i < s->n_tasks; i++)
			if (index_find_str(&b->s->by_app, s->tasks[i].app) != NO_ROW &&
			    !task_is_hidden(b->s, s, &s->tasks[i]))
				pull_task(b, &s->tasks[i]);
}

void marathon_join(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	pull_told(b);
	for (uint32_t i = 0; i < s->n_frameworks; i++) {
		struct framework *f = &s->frameworks[i];
		f->marathon |= f->name && !strncasecmp(f->name, "marathon", strlen("marathon"));
	}
	for (uint32_t i = 0; i < s->n_tasks; i++)
		join_app_task(b, &s->tasks[i]);
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct task *t = &s->tasks[i];
		const struct framework *f = framework_find(s, t->framework_id);
		if (!t->app && f && f->marathon)
			app_by_form(b, t);
		const struct app *app = t->app ? app_find(s, t->app) : NULL;
		if (app && app->deployment)
			t->deployment = again(b, app->deployment);
	}
}
