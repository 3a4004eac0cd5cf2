/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/inside.h"

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
	out[META_ADDRESS] = t->address;
	out[META_APP_VERSION] = t->app_version;
	out[META_APP_LABELS] = t->app_labels;
	out[META_DEPLOYMENT] = t->deployment;
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
		[META_HEALTH] = t->health,
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

struct place {
	const struct mesos_snapshot *layer; /* NULL = not found */
	const struct holder *holder;
};

static struct place holder_find(const struct mesos_snapshot *s, const char *id, size_t n)
{
	for (; s; s = s->below) {
		uint32_t row = index_find(&s->by_container, id, n);
		if (row != NO_ROW)
			return (struct place){s, &s->holders[row]};
	}
	return (struct place){0};
}

/* By the whole id, the innermost child, then by its parents from the inside out. */
static struct place holder_of(const struct mesos_snapshot *s, const char *id)
{
	size_t n = strlen(id);
	struct place h = holder_find(s, id, n);
	const char *dot = strrchr(id, '.');

	if (!h.layer && dot)
		h = holder_find(s, dot + 1, strlen(dot + 1));
	for (; !h.layer && dot; dot = memrchr(id, '.', (size_t)(dot - id)))
		h = holder_find(s, id, (size_t)(dot - id));
	return h;
}

/* mesos-ID (up to 0.22, from 1.4), mesos-AGENT.ID (between); ".executor" behind it. */
static struct place holder_of_docker(const struct mesos_snapshot *s, const char *name)
{
	static const char prefix[] = "mesos-", suffix[] = ".executor";

	name += *name == '/';
	if (!str_starts(name, prefix))
		return (struct place){0};
	name += strlen(prefix);
	size_t n = strlen(name), m = strlen(suffix);
	if (n > m && str_eq(name + n - m, suffix))
		n -= m;
	struct place h = holder_find(s, name, n);
	const char *dot = memchr(name, '.', n);
	if (!h.layer && dot)
		h = holder_find(s, dot + 1, n - (size_t)(dot + 1 - name));
	return h;
}

/* The running or newest one of that id. */
static const struct task *task_of_id(const struct mesos_snapshot *top, const char *id)
{
	const struct task *best = NULL;

	for (const struct mesos_snapshot *s = top; s; s = s->below) {
		uint32_t row = index_find_str(&s->by_task, id);
		if (row != NO_ROW && !task_is_hidden(top, s, &s->tasks[row]) &&
		    (!best || task_is_better(&s->tasks[row], best)))
			best = &s->tasks[row];
	}
	return best;
}

bool mesos_lookup(const struct mesos_snapshot *s, const char *container_id, const char *docker_name,
		  const char *task_id_hint, const char *meta[META_KEYS])
{
	bool named = docker_name != NULL;
	struct place h = container_id ? holder_of(s, container_id) : (struct place){0};

	if (h.layer && fill_holder(h.layer, h.holder, named, NULL, meta))
		return true;
	h = docker_name ? holder_of_docker(s, docker_name) : (struct place){0};
	if (h.layer && fill_holder(h.layer, h.holder, named, "docker-name", meta))
		return true;
	const struct task *t = task_of_id(s, task_id_hint);
	if (!t)
		return false;
	fill_task(t, named, "env", meta);
	return true;
}

bool mesos_assigned_ports(const struct mesos_snapshot *s, const char *container_id,
			  struct text *out)
{
	struct place h = holder_of(s, container_id);
	bool found = false;

	for (uint32_t l = h.layer ? h.holder->links : NO_ROW; l != NO_ROW;
	     l = h.layer->links[l].next) {
		const struct task *t = &h.layer->tasks[h.layer->links[l].task];
		if (!t->live || !t->assigned)
			continue;
		if (found)
			text_char(out, ',');
		text_str(out, t->assigned);
		found = true;
	}
	return found;
}

/* ---- everything ---- */

struct caller {
	int (*fn)(void *ctx, const struct mesos_task *t);
	void *ctx;
};

static int tell_task(void *ctx, const void *row, uint64_t until)
{
	const struct caller *to = ctx;
	const struct task *t = row;
	struct mesos_task out = {.since = t->since, .until = until, .running = t->live};

	fill_task(t, false, NULL, out.meta);
	out.meta[META_CONTAINER] = t->container_path;
	return to->fn(to->ctx, &out);
}

int mesos_each_task(const struct mesos_snapshot *top, uint64_t from, uint64_t to,
		    int (*fn)(void *ctx, const struct mesos_task *t), void *ctx)
{
	struct caller caller = {fn, ctx};
	bool now = !from && !to;
	int rc = now ? 0 : history_each(top->history, PAST_TASK, from, to, tell_task, &caller);

	for (const struct mesos_snapshot *s = top; s && !rc; s = s->below)
		for (uint32_t i = 0; i < s->n_tasks && !rc; i++)
			if ((now || s->tasks[i].since <= to) &&
			    !task_is_hidden(top, s, &s->tasks[i]))
				rc = tell_task(&caller, &s->tasks[i], 0);
	return rc;
}

int mesos_each_here(const struct mesos_snapshot *top,
		    int (*fn)(void *ctx, const struct mesos_task *t), void *ctx)
{
	struct caller caller = {fn, ctx};
	int rc = 0;

	for (const struct mesos_snapshot *s = top; s && !rc; s = s->below)
		for (uint32_t i = 0; i < s->n_here && !rc; i++) {
			const struct task *t = &s->tasks[s->here[i]];
			if (!task_is_hidden(top, s, t))
				rc = tell_task(&caller, t, 0);
		}
	return rc;
}

uint64_t mesos_task_since(const struct mesos_snapshot *s, const char *const meta[META_KEYS])
{
	const char *framework = meta[META_FRAMEWORK_ID], *id = meta[META_TASK];
	const struct task *t = NULL;
	struct text pair = {0};

	if (framework && id) {
		text_fmt(&pair, "%s\n%s", framework, id);
		t = task_find(s, text_cstr(&pair));
		text_done(&pair);
	}
	return t ? t->since : 0;
}

/* Rows of kind that no layer above has, and what they were; told is what is told of one. */
#define EACH(kind, past, count, rows, ...)                                                       \
	struct kind##_caller {                                                                   \
		const struct mesos_snapshot *top;                                                \
		int (*fn)(void *ctx, const struct mesos_##kind *o);                              \
		void *ctx;                                                                       \
	};                                                                                       \
	static int tell_##kind(void *ctx, const void *row, uint64_t until)                       \
	{                                                                                        \
		const struct kind##_caller *to = ctx;                                            \
		const struct mesos_snapshot *top = to->top;                                      \
		const struct kind *r = row;                                                      \
		const struct mesos_##kind out = __VA_ARGS__;                                     \
		(void)top;                                                                       \
		return to->fn(to->ctx, &out);                                                    \
	}                                                                                        \
	int mesos_each_##kind(const struct mesos_snapshot *top, uint64_t from, uint64_t to,      \
			      int (*fn)(void *ctx, const struct mesos_##kind *o), void *ctx)     \
	{                                                                                        \
		struct kind##_caller caller = {top, fn, ctx};                                    \
		bool now = !from && !to;                                                         \
		int rc = now ? 0                                                                 \
			     : history_each(top->history, past, from, to, tell_##kind, &caller); \
		for (const struct mesos_snapshot *s = top; s && !rc; s = s->below)               \
			for (uint32_t i = 0; i < s->count && !rc; i++)                           \
				if (past_find(top, past, s->rows[i].id) == &s->rows[i] &&        \
				    (now || s->rows[i].since <= to))                             \
					rc = tell_##kind(&caller, &s->rows[i], 0);               \
		return rc;                                                                       \
	}

EACH(agent, PAST_AGENT, n_agents, agents,
     {r->id, r->hostname, r->pid, r->since, until, r->registered,
      top->agent_id &&str_eq(top->agent_id, r->id)})
EACH(framework, PAST_FRAMEWORK, n_frameworks, frameworks,
     {r->id, r->name, r->webui_url, r->since, until, r->active, r->marathon})
EACH(app, PAST_APP, n_apps, apps, {r->id, r->labels, r->version, r->deployment, r->since, until})
