/* SPDX-License-Identifier: Apache-2.0 */
/* From what was added to a snapshot: tasks and their containers, apps, agents and ports. */
#include "mesos/inside.h"

#include <stdlib.h>

struct mesos_snapshot *snapshot_ref(struct mesos_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void mesos_snapshot_free(struct mesos_snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	strings_done(&s->strings);
	free(s->tasks);
	free(s->holders);
	free(s->links);
	index_done(&s->by_pair);
	index_done(&s->by_task);
	index_done(&s->by_container);
	free(s->ports);
	free(s);
}

/* ---- what the last snapshot knew ---- */

static const char *again(struct mesos_builder *b, const char *s)
{
	return s ? strings_add(&b->s->strings, s, strlen(s)) : NULL;
}

static bool is_kept(const struct mesos_builder *b, uint64_t seen, bool frozen)
{
	return frozen || b->s->time < seen || b->s->time - seen < MESOS_KEEP_NS;
}

/* Not among the agents that have registered: a new leader cannot know its tasks yet. */
static bool is_awaited(const struct mesos_builder *b, const char *agent_id)
{
	uint32_t row = index_find_str(&b->by_agent, agent_id);

	return b->settling && (row == NO_ROW || !b->agents[row].registered);
}

#define CARRY(field) t->field = t->field ? t->field : again(b, old->field)

static void carry_task(struct mesos_builder *b, const struct task *old, bool frozen)
{
	frozen = frozen || is_awaited(b, old->agent_id);
	if (index_find_pair(&b->s->by_pair, old->framework_id, old->id) == NO_ROW &&
	    !is_kept(b, old->seen, frozen))
		return;
	struct task *t = task_row(b, again(b, old->framework_id), again(b, old->id));
	if (!t->seen) {
		t->seen = frozen ? b->s->time : old->seen;
		t->live = frozen && old->live;
		t->status_time = old->status_time;
	}
	CARRY(name);
	CARRY(executor_id);
	CARRY(agent_id);
	CARRY(state);
	CARRY(image);
	CARRY(ports);
	CARRY(assigned);
	CARRY(labels);
	CARRY(framework);
	CARRY(hostname);
	CARRY(app);
	CARRY(app_version);
	CARRY(app_labels);
	if (!t->container_id) {
		t->container_id = again(b, old->container_id);
		t->container_path = again(b, old->container_path);
	}
}

void builder_carry(struct mesos_builder *b, const struct mesos_snapshot *old, bool frozen)
{
	for (uint32_t i = 0; i < old->n_tasks; i++)
		carry_task(b, &old->tasks[i], frozen);
	for (uint32_t i = 0; i < old->n_holders; i++) {
		const struct holder *o = &old->holders[i];
		if (!o->executor_id || index_find_str(&b->s->by_container, o->id) != NO_ROW ||
		    !is_kept(b, o->seen, frozen))
			continue;
		struct holder *h = holder_row(b->s, again(b, o->id), o->rung);
		h->framework_id = again(b, o->framework_id);
		h->executor_id = again(b, o->executor_id);
		h->agent_id = again(b, o->agent_id);
		h->framework = again(b, o->framework);
		h->seen = frozen ? b->s->time : o->seen;
	}
	if (!b->s->agent_id)
		b->s->agent_id = again(b, old->agent_id);
}

/* ---- tasks ---- */

static bool is_better(const struct task *a, const struct task *b)
{
	if (a->live != b->live)
		return a->live;
	if (a->seen != b->seen)
		return a->seen > b->seen;
	return a->status_time > b->status_time;
}

static void join_tasks(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct task *t = &s->tasks[i];
		uint32_t f = index_find_str(&b->by_framework, t->framework_id);
		uint32_t a = index_find_str(&b->by_agent, t->agent_id);
		if (f != NO_ROW && b->frameworks[f].name)
			t->framework = b->frameworks[f].name;
		if (a != NO_ROW && b->agents[a].hostname)
			t->hostname = b->agents[a].hostname;
		if (!t->executor_id)
			t->executor_id = t->id;
		const char *pair = strings_pair(&s->strings, t->framework_id, t->executor_id);
		t->next = index_find_str(&b->by_executor, pair);
		index_put(&b->by_executor, pair, i);
		uint32_t known = index_find_str(&s->by_task, t->id);
		if (known == NO_ROW || is_better(t, &s->tasks[known]))
			index_put(&s->by_task, t->id, i);
	}
}

/* ---- containers ---- */

static void add_link(struct mesos_snapshot *s, struct holder *h, uint32_t task, bool direct,
		     const char *rung)
{
	for (uint32_t l = h->links; l != NO_ROW; l = s->links[l].next)
		if (s->links[l].task == task)
			return;
	GROW(s->links, s->n_links, s->cap_links);
	s->links[s->n_links] = (struct link){task, h->links, direct, rung};
	h->links = s->n_links++;
}

/* The task's own container under its id and its path; then its parents. */
static void link_own(struct mesos_snapshot *s, uint32_t row)
{
	struct task *t = &s->tasks[row];

	add_link(s, holder_row(s, t->container_id, "status"), row, true, "status");
	index_put(&s->by_container, t->container_path,
		  index_find_str(&s->by_container, t->container_id));
	for (const char *dot = strrchr(t->container_path, '.'); dot;
	     dot = memrchr(t->container_path, '.', (size_t)(dot - t->container_path))) {
		const char *path = strings_add(&s->strings, t->container_path,
					       (size_t)(dot - t->container_path));
		add_link(s, holder_row(s, path, "status"), row, false, "status");
	}
}

static void join_holders(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].container_id && s->tasks[i].container_path)
			link_own(s, i);
	for (uint32_t i = 0; i < s->n_holders; i++) {
		struct holder *h = &s->holders[i];
		if (!h->executor_id)
			continue;
		uint32_t f = index_find_str(&b->by_framework, h->framework_id);
		if (f != NO_ROW && b->frameworks[f].name)
			h->framework = b->frameworks[f].name;
		if (!h->agent_id)
			h->agent_id = s->agent_id;
		uint32_t row = index_find_pair(&b->by_executor, h->framework_id, h->executor_id);
		for (; row != NO_ROW; row = s->tasks[row].next) {
			const struct task *t = &s->tasks[row];
			bool nested = t->container_path && strchr(t->container_path, '.');
			add_link(s, h, row, !nested, h->rung);
		}
	}
}

/* ---- ports ---- */

static void join_ports(struct mesos_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		const struct task *t = &s->tasks[i];
		const char *ports = t->ports;
		uint16_t first, last;
		if (!t->live || !ports || !s->agent_id || t->agent_id != s->agent_id)
			continue;
		if (!s->ports) {
			s->ports = xmalloc((UINT16_MAX + 1) * sizeof(*s->ports));
			memset(s->ports, 0xff, (UINT16_MAX + 1) * sizeof(*s->ports));
		}
		while (ports_next(&ports, &first, &last)) {
			for (uint32_t p = first; p <= last; p++)
				if (s->ports[p] == NO_ROW || is_better(t, &s->tasks[s->ports[p]]))
					s->ports[p] = i;
		}
	}
}

struct mesos_snapshot *mesos_builder_finish(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	marathon_join(b);
	join_tasks(b);
	join_holders(b);
	join_ports(s);
	b->s = NULL;
	mesos_builder_free(b);
	return s;
}
