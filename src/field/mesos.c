/* SPDX-License-Identifier: Apache-2.0 */
/* Class mesos: task, framework and agent; Marathon app and group. Absent when unknown. */
#include "field/class.h"

/* A notice may be about an app, a framework or an agent, and no container. */
static unsigned meta_value(struct context *c, enum meta_key key, struct value *out)
{
	return c->container ? value_meta(out, c->container, key)
			    : notice_value(c, meta_rows[key].journal, out);
}

GETTER(get_meta)
{
	return meta_value(c, (enum meta_key)f->detail, out);
}

GETTER(get_task_name)
{
	const char *name = context_meta(c, META_TASK_NAME), *id = context_meta(c, META_TASK);

	if (name || !id)
		return value_str(out, name);
	const char *dot = strrchr(id, '.');

	return value_bytes(out, VALUE_STRING, id, dot ? (size_t)(dot - id) : strlen(id));
}

GETTER(get_label)
{
	size_t n, from = scratch->len;
	const char *labels = context_meta(c, (enum meta_key)f->detail);
	const char *v = labels && arg ? labels_find(labels, arg, &n) : NULL;

	if (!v)
		return 0;
	if (!memchr(v, '%', n))
		return value_bytes(out, VALUE_STRING, v, n);
	text_unpercent(scratch, v, n);
	return value_scratch(out, scratch, from);
}

/* All labels as sysdig shows them: "key:value, key:value". */
GETTER(get_labels)
{
	size_t from = scratch->len;
	const char *s = context_meta(c, (enum meta_key)f->detail);

	if (!s || !*s)
		return 0;
	while (*s) {
		size_t line = strcspn(s, "\n");
		const char *equals = memchr(s, '=', line);
		size_t key = equals ? (size_t)(equals - s) : line;

		if (scratch->len > from)
			text_put(scratch, ", ", 2);
		text_unpercent(scratch, s, key);
		text_char(scratch, ':');
		if (equals)
			text_unpercent(scratch, equals + 1, line - key - 1);
		s += line;
		s += *s == '\n';
	}
	return value_scratch(out, scratch, from);
}

/* "/shop/web" belongs to group "/shop", "/web" to "/". */
GETTER(get_group)
{
	struct value app;
	const char *slash = meta_value(c, META_APP, &app) ? memrchr(app.p, '/', app.n) : NULL;

	if (!slash)
		return 0;
	return value_bytes(out, VALUE_STRING, app.p, slash == app.p ? 1 : (size_t)(slash - app.p));
}

static const struct field rows[] = {
	{"mesos.task.id", VALUE_STRING, SCOPE_CONTAINER, 0, META_TASK, get_meta, "full task id"},
	{"mesos.task.name", VALUE_STRING, SCOPE_CONTAINER, 0, 0, get_task_name,
	 "task name, else the task id up to its last dot"},
	{"mesos.task.state", VALUE_STRING, SCOPE_CONTAINER, 0, META_TASK_STATE, get_meta,
	 "last known task state, e.g. TASK_RUNNING"},
	{"mesos.task.health", VALUE_STRING, SCOPE_CONTAINER, 0, META_HEALTH, get_meta,
	 "what the newest check of the task found: healthy or unhealthy"},
	{"mesos.task.label", VALUE_STRING, SCOPE_CONTAINER, FIELD_ARG, META_TASK_LABELS, get_label,
	 "one label of the task: mesos.task.label.KEY or mesos.task.label[KEY]"},
	{"mesos.task.labels", VALUE_STRING, SCOPE_CONTAINER, 0, META_TASK_LABELS, get_labels,
	 "all labels of the task as key:value, key:value"},
	{"mesos.framework.id", VALUE_STRING, SCOPE_CONTAINER, 0, META_FRAMEWORK_ID, get_meta,
	 "id of the task's framework"},
	{"mesos.framework.name", VALUE_STRING, SCOPE_CONTAINER, 0, META_FRAMEWORK, get_meta,
	 "name of the task's framework"},
	{"mesos.executor.id", VALUE_STRING, SCOPE_CONTAINER, 0, META_EXECUTOR, get_meta,
	 "id of the task's executor"},
	{"mesos.agent.id", VALUE_STRING, SCOPE_CONTAINER, 0, META_AGENT, get_meta,
	 "id of the agent the container runs on"},
	{"mesos.agent.hostname", VALUE_STRING, SCOPE_CONTAINER, 0, META_HOSTNAME, get_meta,
	 "host name of the agent"},
	{"marathon.app.id", VALUE_STRING, SCOPE_CONTAINER, 0, META_APP, get_meta,
	 "path of the Marathon app, e.g. /shop/web"},
	{"marathon.app.name", VALUE_STRING, SCOPE_CONTAINER, 0, META_APP, get_meta,
	 "same as marathon.app.id"},
	{"marathon.app.label", VALUE_STRING, SCOPE_CONTAINER, FIELD_ARG, META_APP_LABELS, get_label,
	 "one label of the app: marathon.app.label.KEY or marathon.app.label[KEY]"},
	{"marathon.app.labels", VALUE_STRING, SCOPE_CONTAINER, 0, META_APP_LABELS, get_labels,
	 "all labels of the app as key:value, key:value"},
	{"marathon.app.version", VALUE_STRING, SCOPE_CONTAINER, 0, META_APP_VERSION, get_meta,
	 "version of the app the task was started from"},
	{"marathon.app.deployment", VALUE_STRING, SCOPE_CONTAINER, 0, META_DEPLOYMENT, get_meta,
	 "id of the newest deployment that concerned the app"},
	{"marathon.group.id", VALUE_STRING, SCOPE_CONTAINER, 0, 0, get_group,
	 "path of the app's group, e.g. /shop; / for apps at the top"},
	{"marathon.group.name", VALUE_STRING, SCOPE_CONTAINER, 0, 0, get_group,
	 "same as marathon.group.id"},
};

const struct field_class field_class_mesos = {"mesos", "Mesos tasks and Marathon apps", rows,
					      ARRAY_SIZE(rows)};
