/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of master and agent become rows. Several answers may tell of the same task. */
#include "mesos/inside.h"

#include <stdlib.h>

#define PARENTS_MAX 8u /* of a nested container */

struct mesos_builder *mesos_builder_new(uint64_t now)
{
	struct mesos_builder *b = xcalloc(1, sizeof(*b));

	b->s = xcalloc(1, sizeof(*b->s));
	b->s->refs = 1;
	b->s->time = now;
	return b;
}

void mesos_builder_free(struct mesos_builder *b)
{
	if (!b)
		return;
	mesos_snapshot_free(b->s);
	index_done(&b->pulled);
	free(b);
}

struct framework *framework_row(struct mesos_builder *b, const char *id)
{
	struct mesos_snapshot *s = b->s;
	uint32_t row = index_find_str(&s->by_framework, id);

	if (row != NO_ROW)
		return &s->frameworks[row];
	struct framework f = {.id = id};
	const struct framework *old = framework_find(s->below, id);
	if (old)
		f = (struct framework){.id = id,
				       .name = again(b, old->name),
				       .webui_url = again(b, old->webui_url),
				       .active = old->active,
				       .marathon = old->marathon};
	GROW(s->frameworks, s->n_frameworks, s->cap_frameworks);
	index_put(&s->by_framework, id, s->n_frameworks);
	s->frameworks[s->n_frameworks] = f;
	return &s->frameworks[s->n_frameworks++];
}

struct agent *agent_row(struct mesos_builder *b, const char *id)
{
	struct mesos_snapshot *s = b->s;
	uint32_t row = index_find_str(&s->by_agent, id);

	if (row != NO_ROW)
		return &s->agents[row];
	struct agent a = {.id = id};
	const struct agent *old = agent_find(s->below, id);
	if (old)
		a = (struct agent){.id = id,
				   .hostname = again(b, old->hostname),
				   .pid = again(b, old->pid),
				   .registered = old->registered};
	GROW(s->agents, s->n_agents, s->cap_agents);
	index_put(&s->by_agent, id, s->n_agents);
	s->agents[s->n_agents] = a;
	return &s->agents[s->n_agents++];
}

struct task *task_row(struct mesos_builder *b, const char *framework_id, const char *id)
{
	struct mesos_snapshot *s = b->s;
	const char *pair = strings_pair(&s->strings, framework_id, id);
	uint32_t row = index_find_str(&s->by_pair, pair);
	const struct task *old = row == NO_ROW ? task_find(s->below, pair) : NULL;

	if (old) {
		pull_task(b, old);
		row = index_find_str(&s->by_pair, pair);
	}
	if (row != NO_ROW)
		return &s->tasks[row];
	GROW(s->tasks, s->n_tasks, s->cap_tasks);
	index_put(&s->by_pair, pair, s->n_tasks);
	s->tasks[s->n_tasks] =
		(struct task){.id = id, .framework_id = framework_id, .pair = pair, .next = NO_ROW};
	return &s->tasks[s->n_tasks++];
}

struct holder *holder_row(struct mesos_snapshot *s, const char *id, const char *rung)
{
	uint32_t row = index_find_str(&s->by_container, id);

	if (row != NO_ROW)
		return &s->holders[row];
	GROW(s->holders, s->n_holders, s->cap_holders);
	index_put(&s->by_container, id, s->n_holders);
	s->holders[s->n_holders] = (struct holder){
		.id = id, .rung = rung, .seen = s->time, .links = NO_ROW, .next = NO_ROW};
	return &s->holders[s->n_holders++];
}

/* ---- one task ---- */

static bool state_is_live(const char *state)
{
	static const char *const live[] = {"TASK_STAGING", "TASK_STARTING",    "TASK_RUNNING",
					   "TASK_KILLING", "TASK_UNREACHABLE", "TASK_UNKNOWN"};

	for (size_t i = 0; state && i < ARRAY_SIZE(live); i++)
		if (str_eq(state, live[i]))
			return true;
	return !state;
}

const char *health_name(struct mesos_builder *b, bool healthy)
{
	return again(b, healthy ? "healthy" : "unhealthy");
}

/* Mesos lets no id have a dot (validateContainerId): they join ids to paths. */
static const char *container_name(struct mesos_builder *b, const json_t *id)
{
	const char *name = json_name(b, id, "value");

	return name && !strchr(name, '.') ? name : NULL;
}

/* {"value": "child", "parent": {"value": ...}} */
static void read_container_id(struct mesos_builder *b, const json_t *id, struct task *t)
{
	const char *own = container_name(b, id);
	struct text path = {0};

	if (!own)
		return;
	t->container_id = own;
	text_str(&path, own);
	const json_t *parent = json_object_get(id, "parent");
	for (unsigned i = 0; i < PARENTS_MAX && json_is_object(parent); i++) {
		const char *name = container_name(b, parent);
		if (!name)
			break;
		struct text longer = {0};
		text_str(&longer, name);
		text_char(&longer, '.');
		text_put(&longer, path.data, path.len);
		text_done(&path);
		path = longer;
		parent = json_object_get(parent, "parent");
	}
	t->container_path = strings_add(&b->s->strings, path.data, path.len);
	text_done(&path);
}

/*
 * The order of statuses is not guaranteed; the newest that tells of a container counts, and the
 * newest that tells of health.
 */
static void read_statuses(struct mesos_builder *b, const json_t *statuses, struct task *t)
{
	double best = -1, checked = -1;
	size_t i;
	json_t *status;

	json_array_foreach(statuses, i, status)
	{
		double when = json_number(status, "timestamp", 0);
		t->status_time = MAX(t->status_time, when);
		const json_t *id = json_object_get(json_object_get(status, "container_status"),
						   "container_id");
		if (when >= best && json_name(b, id, "value")) {
			best = when;
			read_container_id(b, id, t);
		}
		const json_t *healthy = json_object_get(status, "healthy");
		if (when >= checked && json_is_boolean(healthy)) {
			checked = when;
			t->health = health_name(b, json_is_true(healthy));
		}
	}
}

static const char *read_image(struct mesos_builder *b, const json_t *container)
{
	const char *image = json_name(b, json_object_get(container, "docker"), "image");
	const json_t *mesos = json_object_get(json_object_get(container, "mesos"), "image");

	if (!image)
		image = json_name(b, json_object_get(mesos, "docker"), "name");
	return image ? image : json_name(b, json_object_get(mesos, "appc"), "name");
}

static bool on_host_network(const json_t *container)
{
	const char *docker =
		json_string_value(json_object_get(json_object_get(container, "docker"), "network"));

	if (docker)
		return str_eq(docker, "HOST");
	return json_array_size(json_object_get(container, "network_infos")) == 0;
}

/* Off the host's network discovery may name ports inside the container. */
static const char *read_ports(struct mesos_builder *b, const json_t *task, const char *assigned)
{
	const char *ports = assigned;
	const json_t *list = json_object_get(
		json_object_get(json_object_get(task, "discovery"), "ports"), "ports");
	struct text t = {0};
	size_t i;
	json_t *port;

	if (ports || !on_host_network(json_object_get(task, "container")))
		return ports;
	double before = 0;
	json_array_foreach(list, i, port)
	{
		double v = json_number(port, "number", 0);
		if (v < 1 || v > UINT16_MAX || v == before)
			continue;
		before = v;
		if (t.len)
			text_char(&t, ',');
		text_u64(&t, (uint64_t)v);
	}
	if (t.len)
		ports = strings_add(&b->s->strings, t.data, t.len);
	text_done(&t);
	return ports;
}

#define TAKE(field)                                      \
	do {                                             \
		if (fresh.field && (newer || !t->field)) \
			t->field = fresh.field;          \
	} while (0)

void add_task(struct mesos_builder *b, const json_t *o, const struct where *w)
{
	struct task fresh = {
		.id = json_either(b, o, "id", "task_id"),
		.name = json_name(b, o, "name"),
		.framework_id = w->framework_id ? w->framework_id : json_name(b, o, "framework_id"),
		.executor_id = w->executor_id ? w->executor_id : json_name(b, o, "executor_id"),
		.agent_id = json_either(b, o, "slave_id", "agent_id"),
		.state = json_name(b, o, "state"),
		.image = read_image(b, json_object_get(o, "container")),
		.assigned = json_ports(b, json_object_get(o, "resources")),
		.labels = json_labels(b, json_object_get(o, "labels")),
	};

	fresh.ports = read_ports(b, o, fresh.assigned);
	if (!fresh.id || !fresh.framework_id)
		return;
	if (!fresh.agent_id)
		fresh.agent_id = w->agent_id;
	read_statuses(b, json_object_get(o, "statuses"), &fresh);
	fresh.live = !w->completed && state_is_live(fresh.state);

	pull_executor(b, fresh.framework_id, fresh.executor_id ? fresh.executor_id : fresh.id,
		      fresh.agent_id);
	struct task *t = task_row(b, fresh.framework_id, fresh.id);
	bool newer = !t->seen || (fresh.live && !t->live && fresh.status_time >= t->status_time) ||
		     fresh.status_time > t->status_time;
	if (newer) {
		t->live = fresh.live;
		t->status_time = fresh.status_time;
	}
	t->seen = b->s->time;
	TAKE(assigned);
	TAKE(name);
	TAKE(executor_id);
	TAKE(agent_id);
	TAKE(state);
	TAKE(health);
	TAKE(container_id);
	TAKE(container_path);
	TAKE(image);
	TAKE(ports);
	TAKE(labels);
}

void add_tasks(struct mesos_builder *b, const json_t *list, const struct where *from,
	       bool completed)
{
	struct where w = *from;
	size_t i;
	json_t *o;

	w.completed |= completed;
	json_array_foreach(list, i, o) add_task(b, o, &w);
}

/* ---- master ---- */

static void add_framework(struct mesos_builder *b, const json_t *o, bool completed)
{
	struct where w = {.framework_id = json_name(b, o, "id"), .completed = completed};

	if (!w.framework_id)
		return;
	struct framework *f = framework_row(b, w.framework_id);
	const char *name = json_name(b, o, "name"), *url = json_name(b, o, "webui_url");
	if (name)
		f->name = name;
	if (url)
		f->webui_url = url;
	f->active |= !completed && json_truth(o, "active");
	add_tasks(b, json_object_get(o, "tasks"), &w, false);
	add_tasks(b, json_object_get(o, "unreachable_tasks"), &w, false);
	add_tasks(b, json_object_get(o, "completed_tasks"), &w, true);
}

static void add_agents(struct mesos_builder *b, const json_t *list, bool registered)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		const char *id = json_name(b, o, "id");
		if (!id)
			continue;
		struct agent *a = agent_row(b, id);
		const char *hostname = json_name(b, o, "hostname"), *pid = json_name(b, o, "pid");
		a->hostname = hostname ? hostname : a->hostname;
		a->pid = pid ? pid : a->pid;
		a->registered |= registered;
	}
}

static int wrong_kind(json_t *root, const char *kind, struct err *e)
{
	json_decref(root);
	return err_set(e, ERR_FAILED, "%s: JSON of another kind", kind);
}

int mesos_add_master_state(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	static const char kind[] = "master state";
	json_t *root = json_text(text, n, kind, e), *o;
	size_t i;

	if (!root)
		return -1;
	if (!json_is_array(json_object_get(root, "frameworks")) &&
	    !json_is_array(json_object_get(root, "tasks")) &&
	    !json_is_array(json_object_get(root, "slaves")))
		return wrong_kind(root, kind, e);
	b->leader = json_name(b, root, "leader");
	b->pid = json_name(b, root, "pid");
	add_agents(b, json_object_get(root, "slaves"), true);
	add_agents(b, json_object_get(root, "recovered_slaves"), false);
	json_array_foreach(json_object_get(root, "frameworks"), i, o) add_framework(b, o, false);
	json_array_foreach(json_object_get(root, "completed_frameworks"), i, o)
		add_framework(b, o, true);
	add_tasks(b, json_object_get(root, "orphan_tasks"), &(struct where){0}, false);
	add_tasks(b, json_object_get(root, "tasks"), &(struct where){0}, false);
	json_decref(root);
	return 0;
}

/* ---- agent ---- */

static void add_holder(struct mesos_builder *b, const char *container, const char *framework_id,
		       const char *executor_id, const char *rung)
{
	if (!container || !framework_id || !executor_id)
		return;
	pull_executor(b, framework_id, executor_id, b->s->agent_id);
	struct holder *h = holder_row(b->s, container, rung);
	h->seen = b->s->time;
	h->framework_id = framework_id;
	h->executor_id = executor_id;
	h->agent_id = b->s->agent_id;
	if (str_eq(rung, "agent"))
		h->rung = rung;
}

static void add_executors(struct mesos_builder *b, const json_t *list, const char *framework_id,
			  bool completed)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		struct where w = {framework_id, json_name(b, o, "id"), b->s->agent_id, completed};
		add_holder(b, json_name(b, o, "container"), framework_id, w.executor_id,
			   "executor");
		add_tasks(b, json_object_get(o, "tasks"), &w, false);
		add_tasks(b, json_object_get(o, "queued_tasks"), &w, false);
		add_tasks(b, json_object_get(o, "completed_tasks"), &w, true);
	}
}

static void add_agent_frameworks(struct mesos_builder *b, const json_t *list, bool completed)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		const char *id = json_name(b, o, "id"), *name = json_name(b, o, "name");
		if (!id)
			continue;
		struct framework *f = framework_row(b, id);
		f->name = f->name ? f->name : name;
		add_executors(b, json_object_get(o, "executors"), id, completed);
		add_executors(b, json_object_get(o, "completed_executors"), id, true);
	}
}

int mesos_add_agent_state(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	static const char kind[] = "agent state";
	json_t *root = json_text(text, n, kind, e);

	if (!root)
		return -1;
	if (!json_is_array(json_object_get(root, "frameworks")))
		return wrong_kind(root, kind, e);
	const char *id = json_name(b, root, "id");
	if (id) {
		struct agent *a = agent_row(b, id);
		const char *hostname = json_name(b, root, "hostname");
		const char *pid = json_name(b, root, "pid");
		a->hostname = hostname ? hostname : a->hostname;
		a->pid = pid ? pid : a->pid;
		b->s->agent_id = id;
	}
	add_agent_frameworks(b, json_object_get(root, "frameworks"), false);
	add_agent_frameworks(b, json_object_get(root, "completed_frameworks"), true);
	json_decref(root);
	return 0;
}

/*
 * A command executor has its task's id. Without the master's word that is all there is of the task;
 * the name of the executor shows that it is one.
 */
static void add_command_task(struct mesos_builder *b, const json_t *o, const struct holder *h)
{
	const char *name = json_string_value(json_object_get(o, "executor_name"));

	if (!name || !str_starts(name, "Command Executor (Task: "))
		return;
	struct task *t = task_row(b, h->framework_id, h->executor_id);
	t->live = t->seen ? t->live : true;
	t->seen = b->s->time;
}

/* A nested one is named by its task's status or is nobody's own. */
void add_container(struct mesos_builder *b, const json_t *o)
{
	const json_t *parent = json_object_get(json_object_get(o, "container_id"), "parent");
	const char *id = json_name(b, o, "container_id");
	const char *framework_id = json_name(b, o, "framework_id");
	const char *executor_id = json_name(b, o, "executor_id");

	if (parent || !id || !framework_id || !executor_id)
		return;
	add_holder(b, id, framework_id, executor_id, "agent");
	add_command_task(b, o, &b->s->holders[index_find_str(&b->s->by_container, id)]);
}

int mesos_add_agent_containers(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	static const char kind[] = "agent containers";
	json_t *root = json_text(text, n, kind, e), *o;
	size_t i;

	if (!root)
		return -1;
	if (!json_is_array(root))
		return wrong_kind(root, kind, e);
	json_array_foreach(root, i, o) add_container(b, o);
	json_decref(root);
	return 0;
}
