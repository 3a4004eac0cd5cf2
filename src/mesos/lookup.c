/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/inside.h"

uint64_t mesos_snapshot_time(const struct mesos_snapshot *s)
{
	return s->time;
}

size_t mesos_snapshot_tasks(const struct mesos_snapshot *s)
{
	return s->n_tasks;
}

static void set(const char *meta[META_KEYS], enum meta_key key, const char *value)
{
	if (value)
		meta[key] = value;
}

/* What all tasks of one executor may have in common. */
static void shared_keys(const struct task *t, const char *out[META_KEYS])
{
	out[META_APP] = t->app;
	out[META_FRAMEWORK] = t->framework;
	out[META_AGENT] = t->agent_id;
	out[META_FRAMEWORK_ID] = t->framework_id;
	out[META_EXECUTOR] = t->executor_id;
	out[META_HOSTNAME] = t->hostname;
	out[META_APP_VERSION] = t->app_version;
	out[META_APP_LABELS] = t->app_labels;
}

static void fill_task(const struct task *t, bool named, const char *rung,
		      const char *meta[META_KEYS])
{
	const char *own[META_KEYS] = {
		[META_TASK] = t->id,
		[META_IMAGE] = t->image,
		[META_NAME] = named	? NULL
			      : t->name ? t->name
					: t->id,
		[META_TASK_NAME] = t->name,
		[META_RUNG] = rung,
		[META_TASK_STATE] = t->state,
		[META_PORTS] = t->ports,
		[META_TASK_LABELS] = t->labels,
	};

	shared_keys(t, own);
	for (unsigned k = 0; k < META_KEYS; k++)
		set(meta, k, own[k]);
}

/* Only what every linked task agrees on; strings are interned, so pointers compare. */
static void fill_shared(const struct mesos_snapshot *s, const struct holder *h, bool live_only,
			const char *rung, const char *meta[META_KEYS])
{
	const char *common[META_KEYS] = {0}, *one[META_KEYS] = {0};
	bool first = true;

	for (uint32_t l = h->links; l != NO_ROW; l = s->links[l].next) {
		const struct task *t = &s->tasks[s->links[l].task];
		if (live_only && !t->live)
			continue;
		shared_keys(t, one);
		for (unsigned k = 0; k < META_KEYS; k++)
			common[k] = first || common[k] == one[k] ? one[k] : NULL;
		first = false;
	}
	common[META_RUNG] = rung;
	for (unsigned k = 0; k < META_KEYS; k++)
		set(meta, k, common[k]);
}

static void fill_executor(const struct holder *h, bool named, const char *rung,
			  const char *meta[META_KEYS])
{
	set(meta, META_FRAMEWORK, h->framework);
	set(meta, META_FRAMEWORK_ID, h->framework_id);
	set(meta, META_EXECUTOR, h->executor_id);
	set(meta, META_AGENT, h->agent_id);
	if (!named)
		set(meta, META_NAME, h->executor_id);
	meta[META_RUNG] = rung;
}

static bool is_newer(const struct task *a, const struct task *b)
{
	return a->seen != b->seen ? a->seen > b->seen : a->status_time > b->status_time;
}

/*
 * A running task that alone has the container wins; of finished ones the newest. rung NULL: as the
 * link says.
 */
static bool fill_holder(const struct mesos_snapshot *s, const struct holder *h, bool named,
			const char *rung, const char *meta[META_KEYS])
{
	const struct link *best = NULL;
	unsigned live = 0;

	for (uint32_t l = h->links; l != NO_ROW; l = s->links[l].next) {
		const struct link *link = &s->links[l];
		const struct task *t = &s->tasks[link->task];
		live += t->live;
		if (!best || (t->live && !s->tasks[best->task].live) ||
		    (t->live == s->tasks[best->task].live && is_newer(t, &s->tasks[best->task])))
			best = link;
	}
	if (!best) {
		if (h->executor_id)
			fill_executor(h, named, rung ? rung : h->rung, meta);
		return h->executor_id != NULL;
	}
	const char *by = rung ? rung : best->rung;
	if (live <= 1 && best->direct)
		fill_task(&s->tasks[best->task], named, by, meta);
	else
		fill_shared(s, h, live > 0, by, meta);
	return true;
}

static const struct holder *holder_find(const struct mesos_snapshot *s, const char *id, size_t n)
{
	uint32_t row = index_find(&s->by_container, id, n);

	return row == NO_ROW ? NULL : &s->holders[row];
}

/* By the whole id, the innermost child, then by its parents from the inside out. */
static const struct holder *holder_of(const struct mesos_snapshot *s, const char *id)
{
	size_t n = strlen(id);
	const struct holder *h = holder_find(s, id, n);
	const char *dot = strrchr(id, '.');

	if (!h && dot)
		h = holder_find(s, dot + 1, strlen(dot + 1));
	for (; !h && dot; dot = memrchr(id, '.', (size_t)(dot - id)))
		h = holder_find(s, id, (size_t)(dot - id));
	return h;
}

/* mesos-ID (up to 0.22, from 1.4), mesos-AGENT.ID (between); ".executor" behind it. */
static const struct holder *holder_of_docker(const struct mesos_snapshot *s, const char *name)
{
	static const char prefix[] = "mesos-", suffix[] = ".executor";

	name += *name == '/';
	if (!str_starts(name, prefix))
		return NULL;
	name += strlen(prefix);
	size_t n = strlen(name), m = strlen(suffix);
	if (n > m && str_eq(name + n - m, suffix))
		n -= m;
	const struct holder *h = holder_find(s, name, n);
	const char *dot = memchr(name, '.', n);
	if (!h && dot)
		h = holder_find(s, dot + 1, n - (size_t)(dot + 1 - name));
	return h;
}

bool mesos_lookup(const struct mesos_snapshot *s, const char *container_id, const char *docker_name,
		  const char *task_id_hint, const char *meta[META_KEYS])
{
	bool named = docker_name != NULL;
	const struct holder *h = container_id ? holder_of(s, container_id) : NULL;

	if (h && fill_holder(s, h, named, NULL, meta))
		return true;
	h = docker_name ? holder_of_docker(s, docker_name) : NULL;
	if (h && fill_holder(s, h, named, "docker-name", meta))
		return true;
	uint32_t row = index_find_str(&s->by_task, task_id_hint);
	if (row == NO_ROW)
		return false;
	fill_task(&s->tasks[row], named, "env", meta);
	return true;
}

bool mesos_lookup_port(const struct mesos_snapshot *s, uint16_t port, const char *meta[META_KEYS])
{
	if (!s->ports || s->ports[port] == NO_ROW)
		return false;
	fill_task(&s->tasks[s->ports[port]], false, "port", meta);
	return true;
}

bool mesos_assigned_ports(const struct mesos_snapshot *s, const char *container_id,
			  struct text *out)
{
	const struct holder *h = holder_of(s, container_id);
	bool found = false;

	for (uint32_t l = h ? h->links : NO_ROW; l != NO_ROW; l = s->links[l].next) {
		const struct task *t = &s->tasks[s->links[l].task];
		if (!t->live || !t->assigned)
			continue;
		if (found)
			text_char(out, ',');
		text_str(out, t->assigned);
		found = true;
	}
	return found;
}
