/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot is a pile of layers: an update makes a small one on top instead of everything anew,
 * and readers go on with the pile they have.
 */
#include "mesos/inside.h"

#include <stdlib.h>

struct mesos_snapshot *mesos_snapshot_ref(struct mesos_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static void layer_free(struct mesos_snapshot *s)
{
	strings_done(&s->strings);
	struct index *const all[] = {
		&s->by_pair,	  &s->by_task,	&s->by_container, &s->by_executor, &s->by_held,
		&s->by_framework, &s->by_agent, &s->by_app,	  &s->by_form,	   &s->by_app_task};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		index_done(all[i]);
	free(s->tasks);
	free(s->holders);
	free(s->links);
	free(s->frameworks);
	free(s->agents);
	free(s->apps);
	free(s->app_tasks);
	free(s->here);
	history_unref(s->history);
	free(s);
}

void mesos_snapshot_free(struct mesos_snapshot *s)
{
	while (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
		struct mesos_snapshot *below = s->below;
		layer_free(s);
		s = below;
	}
}

struct mesos_builder *builder_on(struct mesos_snapshot *below, uint64_t now)
{
	struct mesos_builder *b = mesos_builder_new(now);

	b->s->below = mesos_snapshot_ref(below);
	b->s->agent_id = again(b, below->agent_id);
	return b;
}

/* ---- the topmost row ---- */

#define FIND(kind, rows, index)                                                         \
	const struct kind *kind##_find(const struct mesos_snapshot *s, const char *key) \
	{                                                                               \
		for (; s; s = s->below) {                                               \
			uint32_t row = index_find_str(&s->index, key);                  \
			if (row != NO_ROW)                                              \
				return &s->rows[row];                                   \
		}                                                                       \
		return NULL;                                                            \
	}

FIND(task, tasks, by_pair)
FIND(framework, frameworks, by_framework)
FIND(agent, agents, by_agent)
FIND(app, apps, by_app)
FIND(app_task, app_tasks, by_app_task)

bool task_is_hidden(const struct mesos_snapshot *top, const struct mesos_snapshot *layer,
		    const struct task *t)
{
	for (; top != layer; top = top->below)
		if (index_find_str(&top->by_pair, t->pair) != NO_ROW)
			return true;
	return false;
}

/* ---- taking over from below ---- */

const char *again(struct mesos_builder *b, const char *s)
{
	return s ? strings_add(&b->s->strings, s, strlen(s)) : NULL;
}

struct task *copy_task(struct mesos_builder *b, const struct task *old)
{
	struct mesos_snapshot *s = b->s;
	uint32_t row = index_find_str(&s->by_pair, old->pair);

	if (row != NO_ROW)
		return &s->tasks[row];
	struct task t = *old;
#define COPY(name) t.name = again(b, old->name);
	TASK_STRINGS(COPY)
#undef COPY
	t.pair = again(b, old->pair);
	t.next = NO_ROW;
	GROW(s->tasks, s->n_tasks, s->cap_tasks);
	index_put(&s->by_pair, t.pair, s->n_tasks);
	s->tasks[s->n_tasks] = t;
	return &s->tasks[s->n_tasks++];
}

struct holder *copy_holder(struct mesos_builder *b, const struct holder *old)
{
	struct holder *h = holder_row(b->s, again(b, old->id), old->rung);
	h->framework_id = again(b, old->framework_id);
	h->executor_id = again(b, old->executor_id);
	h->agent_id = again(b, old->agent_id);
	h->framework = again(b, old->framework);
	h->seen = old->seen;
	return h;
}

/* Those of tasks alone are made again from the tasks. */
static void copy_new_holder(struct mesos_builder *b, const struct holder *old)
{
	if (old->executor_id && index_find_str(&b->s->by_container, old->id) == NO_ROW)
		copy_holder(b, old);
}

static bool same_agent(const char *a, const char *b)
{
	return !a || !b || str_eq(a, b);
}

/* Returns whether the layer has anything of it. */
static bool pull_from(struct mesos_builder *b, const struct mesos_snapshot *layer, const char *pair,
		      const char *agent_id)
{
	bool found = false;
	uint32_t row = index_find_str(&layer->by_executor, pair);

	for (; row != NO_ROW; row = layer->tasks[row].next) {
		const struct task *t = &layer->tasks[row];
		if (!same_agent(t->agent_id, agent_id))
			continue;
		found = true;
		if (!task_is_hidden(b->s->below, layer, t))
			copy_task(b, t);
	}
	row = index_find_str(&layer->by_held, pair);
	for (; row != NO_ROW; row = layer->holders[row].next) {
		if (!same_agent(layer->holders[row].agent_id, agent_id))
			continue;
		found = true;
		copy_new_holder(b, &layer->holders[row]);
	}
	return found;
}

void pull_executor(struct mesos_builder *b, const char *framework_id, const char *executor_id,
		   const char *agent_id)
{
	const struct mesos_snapshot *layer = b->s->below;

	if (!layer || !framework_id || !executor_id)
		return;
	const char *pair = strings_pair(&b->s->strings, framework_id, executor_id);
	const char *key = agent_id ? strings_pair(&b->s->strings, pair, agent_id) : pair;
	if (index_find_str(&b->pulled, key) != NO_ROW)
		return;
	index_put(&b->pulled, key, 0);
	while (layer && !pull_from(b, layer, pair, agent_id))
		layer = layer->below;
}

void pull_task(struct mesos_builder *b, const struct task *t)
{
	pull_executor(b, t->framework_id, t->executor_id, t->agent_id);
}

/* ---- two layers become one ---- */

void copy_frameworks(struct mesos_builder *b, const struct mesos_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_frameworks; i++) {
		const struct framework *old = &s->frameworks[i];
		if (index_find_str(&b->s->by_framework, old->id) != NO_ROW)
			continue;
		struct framework *f = framework_row(b, again(b, old->id));
		f->name = again(b, old->name);
		f->webui_url = again(b, old->webui_url);
		f->since = old->since;
		f->active = old->active;
		f->marathon = old->marathon;
	}
	for (uint32_t i = 0; i < s->n_agents; i++) {
		const struct agent *old = &s->agents[i];
		if (index_find_str(&b->s->by_agent, old->id) != NO_ROW)
			continue;
		struct agent *a = agent_row(b, again(b, old->id));
		a->hostname = again(b, old->hostname);
		a->pid = again(b, old->pid);
		a->since = old->since;
		a->registered = old->registered;
	}
}

void copy_apps(struct mesos_builder *b, const struct mesos_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_apps; i++) {
		const struct app *old = &s->apps[i];
		if (index_find_str(&b->s->by_app, old->id) != NO_ROW)
			continue;
		struct app *a = app_row(b, again(b, old->id));
		a->labels = again(b, old->labels);
		a->version = again(b, old->version);
		a->deployment = again(b, old->deployment);
		a->since = old->since;
	}
	for (uint32_t i = 0; i < s->n_app_tasks; i++) {
		const struct app_task *old = &s->app_tasks[i];
		if (index_find_str(&b->s->by_app_task, old->id) != NO_ROW)
			continue;
		struct app_task *t = app_task_row(b, again(b, old->id));
		t->app = again(b, old->app);
		t->version = again(b, old->version);
		t->labels = again(b, old->labels);
		t->health = again(b, old->health);
	}
}

/* What the builder has already, from the layer above, stays; what ended before `since` goes. */
static void copy_layer(struct mesos_builder *b, const struct mesos_snapshot *top,
		       const struct mesos_snapshot *s, uint64_t since)
{
	copy_frameworks(b, s);
	copy_apps(b, s);
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if ((s->tasks[i].live || s->tasks[i].seen >= since) &&
		    !task_is_hidden(top, s, &s->tasks[i]))
			copy_task(b, &s->tasks[i]);
	for (uint32_t i = 0; i < s->n_holders; i++)
		if (s->holders[i].seen >= since)
			copy_new_holder(b, &s->holders[i]);
}

/* The layers down to `end` as one. Takes over the reference. */
static struct mesos_snapshot *unite(struct mesos_snapshot *s, struct mesos_snapshot *end,
				    uint64_t since)
{
	struct mesos_builder *b = mesos_builder_new(s->time);

	b->s->below = end ? mesos_snapshot_ref(end) : NULL;
	b->s->agent_id = again(b, s->agent_id);
	for (const struct mesos_snapshot *layer = s; layer != end; layer = layer->below)
		copy_layer(b, s, layer, since);
	b->s->history = history_ref(s->history);
	struct mesos_snapshot *one = mesos_builder_finish(b);
	mesos_snapshot_free(s);
	return one;
}

static size_t size_of(const struct mesos_snapshot *s)
{
	return (size_t)s->n_tasks + s->n_holders + s->n_agents + s->n_frameworks + s->n_apps;
}

struct mesos_snapshot *layers_settle(struct mesos_snapshot *s)
{
	while (s->below && size_of(s) >= size_of(s->below))
		s = unite(s, s->below->below, 0);
	return s;
}

struct mesos_snapshot *layers_unite(struct mesos_snapshot *s)
{
	if (!s->below)
		return s;
	return unite(s, NULL, s->time > MESOS_KEEP_NS ? s->time - MESOS_KEEP_NS : 0);
}
