/* SPDX-License-Identifier: Apache-2.0 */
/* What /api/v1 of master and agent answers, and the events of its stream. */
#include "mesos/inside.h"

static void add_framework(struct mesos_builder *b, const json_t *o, bool active)
{
	const json_t *info = json_object_get(o, "framework_info");
	const char *id = json_name(b, info, "id");

	if (!id)
		return;
	struct framework *f = framework_row(b, id);
	const char *name = json_name(b, info, "name"), *url = json_name(b, info, "webui_url");
	f->name = name ? name : f->name;
	f->webui_url = url ? url : f->webui_url;
	f->active = active && json_truth(o, "active");
	/* All its tasks bear the new name. */
	const struct framework *old = framework_find(b->s->below, id);
	b->whole |= old && old->name && f->name && !str_eq(old->name, f->name);
}

/* Recovered agents are the bare description. */
static void add_agent(struct mesos_builder *b, const json_t *o, bool registered)
{
	const json_t *info = json_object_get(o, "agent_info");
	const char *pid = json_name(b, o, "pid");

	info = info ? info : o;
	const char *id = json_name(b, info, "id"), *hostname = json_name(b, info, "hostname");
	if (!id)
		return;
	struct agent *a = agent_row(b, id);
	a->hostname = hostname ? hostname : a->hostname;
	a->pid = pid ? pid : a->pid;
	a->registered |= registered;
}

/* It is not registered any more; who it was is still known, as of a framework that is gone. */
static void remove_agent(struct mesos_builder *b, const json_t *o)
{
	const char *id = json_name(b, o, "agent_id");

	if (id && agent_find(b->s, id))
		agent_row(b, id)->registered = false;
}

static void add_task_lists(struct mesos_builder *b, const json_t *tasks)
{
	static const struct {
		const char *name;
		bool completed;
	} lists[] = {
		/* of a master */
		{"pending_tasks", false},
		{"tasks", false},
		{"unreachable_tasks", false},
		{"orphan_tasks", false},
		/* of an agent */
		{"queued_tasks", false},
		{"launched_tasks", false},
		{"terminated_tasks", true},
		/* of both */
		{"completed_tasks", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		add_tasks(b, json_object_get(tasks, lists[i].name), &(struct where){0},
			  lists[i].completed);
}

static void add_lists(struct mesos_builder *b, const json_t *o)
{
	const json_t *frameworks = json_object_get(o, "get_frameworks");
	const json_t *agents = json_object_get(o, "get_agents");
	const json_t *containers = json_object_get(o, "get_containers");
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(frameworks, "frameworks"), i, v)
		add_framework(b, v, true);
	json_array_foreach(json_object_get(frameworks, "completed_frameworks"), i, v)
		add_framework(b, v, false);
	json_array_foreach(json_object_get(agents, "agents"), i, v) add_agent(b, v, true);
	json_array_foreach(json_object_get(agents, "recovered_agents"), i, v)
		add_agent(b, v, false);
	add_task_lists(b, json_object_get(o, "get_tasks"));
	json_array_foreach(json_object_get(containers, "containers"), i, v) add_container(b, v);
}

/* The event carries the status alone; the task's latest state may be ahead of it. */
static void add_update(struct mesos_builder *b, const json_t *update)
{
	const json_t *status = json_object_get(update, "status");
	const json_t *state = json_object_get(update, "state");
	json_t *task =
		json_pack("{sO* sO* sO* sO* s[O]}", "task_id", json_object_get(status, "task_id"),
			  "agent_id", json_object_get(status, "agent_id"), "executor_id",
			  json_object_get(status, "executor_id"), "state",
			  state ? state : json_object_get(status, "state"), "statuses", status);
	const struct where w = {.framework_id = json_name(b, update, "framework_id")};

	if (task && w.framework_id)
		add_task(b, task, &w);
	json_decref(task);
}

static void add_event(struct mesos_builder *b, const json_t *o)
{
	static const char *const frameworks[] = {"framework_added", "framework_updated"};

	const json_t *subscribed = json_object_get(o, "subscribed");

	add_lists(b, json_object_get(subscribed, "get_state"));
	b->heartbeat = json_number(subscribed, "heartbeat_interval_seconds", b->heartbeat);
	const json_t *task = json_object_get(json_object_get(o, "task_added"), "task");
	if (task)
		add_task(b, task, &(struct where){0});
	if (json_object_get(o, "task_updated"))
		add_update(b, json_object_get(o, "task_updated"));
	add_agent(b, json_object_get(json_object_get(o, "agent_added"), "agent"), true);
	remove_agent(b, json_object_get(o, "agent_removed"));
	for (size_t i = 0; i < ARRAY_SIZE(frameworks); i++)
		add_framework(b, json_object_get(json_object_get(o, frameworks[i]), "framework"),
			      true);
	add_framework(b, json_object_get(o, "framework_removed"), false);
}

int mesos_add_v1(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "/api/v1", e);

	if (!root)
		return -1;
	if (!json_is_string(json_object_get(root, "type"))) {
		json_decref(root);
		return err_set(e, ERR_FAILED, "/api/v1: JSON of another kind");
	}
	add_lists(b, root);
	add_lists(b, json_object_get(root, "get_state"));
	add_event(b, root);
	json_decref(root);
	return 0;
}
