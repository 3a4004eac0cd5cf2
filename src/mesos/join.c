/* SPDX-License-Identifier: Apache-2.0 */
/* From what was added to a snapshot: tasks and their containers, apps, agents and ports. */
#include "mesos/inside.h"

#include <stdlib.h>

#define HOLDERS_MAX 64u /* containers that an executor had, one at a time, and is known in */

/* ---- what the last snapshot knew ---- */

static bool is_kept(const struct mesos_builder *b, uint64_t seen, bool frozen)
{
	return frozen || b->s->time < seen || b->s->time - seen < MESOS_KEEP_NS;
}

/* Not among the agents that have registered: a new leader cannot know its tasks yet. */
static bool is_awaited(const struct mesos_builder *b, const char *agent_id)
{
	const struct agent *a = agent_id ? agent_find(b->s, agent_id) : NULL;

	return b->settling && !(a && a->registered);
}

static void carry_task(struct mesos_builder *b, const struct task *old, bool frozen)
{
	uint32_t row = index_find_str(&b->s->by_pair, old->pair);

	frozen = frozen || is_awaited(b, old->agent_id);
	if (row == NO_ROW) {
		if (!is_kept(b, old->seen, frozen))
			return;
		struct task *t = copy_task(b, old);
		t->seen = frozen ? b->s->time : old->seen;
		t->live = frozen && old->live;
		return;
	}
	struct task *t = &b->s->tasks[row];
	bool other = t->container_id != NULL;
	const char *path = t->container_path;
#define CARRY(name) t->name = t->name ? t->name : again(b, old->name);
	TASK_STRINGS(CARRY)
#undef CARRY
	if (other) /* the path of one container does not fit the id of another */
		t->container_path = path;
}

static void carry_holder(struct mesos_builder *b, const struct holder *o, bool frozen)
{
	if (!o->executor_id || index_find_str(&b->s->by_container, o->id) != NO_ROW ||
	    !is_kept(b, o->seen, frozen))
		return;
	copy_holder(b, o)->seen = frozen ? b->s->time : o->seen;
}

void builder_carry(struct mesos_builder *b, const struct mesos_snapshot *old, bool frozen)
{
	bool apps = !b->s->n_apps; /* no Marathon answered */

	for (const struct mesos_snapshot *s = old; s; s = s->below) {
		if (frozen)
			copy_frameworks(b, s);
		if (apps)
			copy_apps(b, s);
		for (uint32_t i = 0; i < s->n_tasks; i++)
			if (!task_is_hidden(old, s, &s->tasks[i]))
				carry_task(b, &s->tasks[i], frozen);
		for (uint32_t i = 0; i < s->n_holders; i++)
			carry_holder(b, &s->holders[i], frozen);
	}
	if (!b->s->agent_id)
		b->s->agent_id = again(b, old->agent_id);
}

/* ---- tasks ---- */

bool task_is_better(const struct task *a, const struct task *b)
{
	if (a->live != b->live)
		return a->live;
	if (a->seen != b->seen)
		return a->seen > b->seen;
	return a->status_time > b->status_time;
}

/* The host of "slave(1)@10.0.0.1:5051" or "slave(1)@[fd00::1]:5051". */
static const char *address_of(struct mesos_builder *b, const struct agent *a)
{
	const char *at = a && a->pid ? strchr(a->pid, '@') : NULL;
	const char *end = at ? strrchr(at, ':') : NULL;

	if (!end)
		return NULL;
	at++;
	if (*at == '[' && end[-1] == ']') {
		at++;
		end--;
	}
	return end > at ? strings_add(&b->s->strings, at, (size_t)(end - at)) : NULL;
}

static void join_tasks(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	s->visible = s->below ? s->below->visible : 0;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct task *t = &s->tasks[i];
		const struct framework *f = framework_find(s, t->framework_id);
		const struct agent *a = agent_find(s, t->agent_id);
		if (f && f->name)
			t->framework = again(b, f->name);
		if (a && a->hostname)
			t->hostname = again(b, a->hostname);
		const char *address = address_of(b, a);
		t->address = address ? address : t->address;
		if (!t->executor_id)
			t->executor_id = t->id;
		const char *pair = strings_pair(&s->strings, t->framework_id, t->executor_id);
		t->next = index_find_str(&s->by_executor, pair);
		index_put(&s->by_executor, pair, i);
		uint32_t known = index_find_str(&s->by_task, t->id);
		if (known == NO_ROW || task_is_better(t, &s->tasks[known]))
			index_put(&s->by_task, t->id, i);
		s->visible += !s->below || !task_find(s->below, t->pair);
	}
}

/* ---- containers ---- */

/* Task by task: one that is linked already is the newest link. */
static void add_link(struct mesos_snapshot *s, struct holder *h, uint32_t task, bool direct,
		     const char *rung)
{
	if (h->links != NO_ROW && s->links[h->links].task == task)
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

/* A nested container that a task's status names is its own, and of no other of the executor. */
static bool is_nested_own(const struct mesos_snapshot *s, const struct holder *h)
{
	for (uint32_t l = h->links; l != NO_ROW; l = s->links[l].next)
		if (s->links[l].direct && strchr(s->tasks[s->links[l].task].container_path, '.'))
			return true;
	return false;
}

/* linked: by task, the holder (index and one) that had its link when it was asked for last. */
static void link_executor(struct mesos_builder *b, uint32_t index, uint32_t *linked)
{
	struct mesos_snapshot *s = b->s;
	struct holder *h = &s->holders[index];
	const struct framework *f = framework_find(s, h->framework_id);
	const char *pair = strings_pair(&s->strings, h->framework_id, h->executor_id);

	if (f && f->name)
		h->framework = again(b, f->name);
	if (!h->agent_id)
		h->agent_id = s->agent_id;
	h->next = index_find_str(&s->by_held, pair);
	h->before = h->next == NO_ROW ? 0 : s->holders[h->next].before + 1;
	index_put(&s->by_held, pair, index);
	if (is_nested_own(s, h) || h->before >= HOLDERS_MAX)
		return;
	for (uint32_t l = h->links; l != NO_ROW; l = s->links[l].next)
		linked[s->links[l].task] = index + 1;
	uint32_t row = index_find_str(&s->by_executor, pair);
	for (; row != NO_ROW; row = s->tasks[row].next) {
		const struct task *t = &s->tasks[row];
		bool nested = t->container_path && strchr(t->container_path, '.');
		/* Executors of one name run on several agents. */
		if (linked[row] != index + 1 &&
		    (!t->agent_id || !h->agent_id || str_eq(t->agent_id, h->agent_id)))
			add_link(s, h, row, !nested, h->rung);
	}
}

static void join_holders(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;
	cleanup_free uint32_t *linked = xcalloc(s->n_tasks + 1, sizeof(*linked));

	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].container_id && s->tasks[i].container_path)
			link_own(s, i);
	for (uint32_t i = 0; i < s->n_holders; i++)
		if (s->holders[i].executor_id)
			link_executor(b, i, linked);
}

/* ---- tasks of this host ---- */

static void join_here(struct mesos_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		if (!s->agent_id || s->tasks[i].agent_id != s->agent_id)
			continue;
		GROW(s->here, s->n_here, s->cap_here);
		s->here[s->n_here++] = i;
	}
}

struct mesos_snapshot *mesos_builder_finish(struct mesos_builder *b)
{
	struct mesos_snapshot *s = b->s;

	marathon_join(b);
	join_tasks(b);
	join_holders(b);
	join_here(s);
	b->s = NULL;
	mesos_builder_free(b);
	return s;
}
