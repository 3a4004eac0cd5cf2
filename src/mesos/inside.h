/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room mesos: the rows of a builder and of a snapshot. */
#ifndef DREDGE_MESOS_INSIDE_H
#define DREDGE_MESOS_INSIDE_H

#include "mesos/mesos.h"

#include <jansson.h>

#define NO_ROW UINT32_MAX

/* ---- strings.c: an arena of interned strings, and hash maps over borrowed keys ---- */

struct arena {
	struct arena_block *blocks;
};

struct index_slot {
	const char *key; /* borrowed; NULL = free */
	uint32_t hash, row;
};

struct index {
	struct index_slot *slots;
	size_t count, size; /* size: 0 or a power of two */
};

/* Interned in one arena: equal strings are one pointer. */
struct strings {
	struct arena arena;
	struct index seen;
	size_t bytes; /* of the strings */
};

const char *strings_add(struct strings *s, const char *p, size_t n);
/* "a\nb", the key of a pair. */
const char *strings_pair(struct strings *s, const char *a, const char *b);
size_t strings_bytes(const struct strings *s); /* of memory */
void strings_done(struct strings *s);
uint32_t index_find(const struct index *x, const char *key, size_t n); /* NO_ROW = none */
uint32_t index_find_str(const struct index *x, const char *key);
void index_put(struct index *x, const char *key, uint32_t row); /* stores or overwrites */
void index_done(struct index *x);

/* ---- rows; every string is interned in its own snapshot, NULL = unknown ---- */

/* The strings of a task: of its framework and executor, of itself, and those the join sets. */
/* clang-format off */
#define TASK_STRINGS(X) \
	X(id) X(framework_id) X(executor_id) X(agent_id) \
	X(name) X(state) X(health) X(container_id) X(container_path) X(image) X(ports) \
	X(labels) X(assigned) \
	X(framework) X(hostname) X(address) X(app) X(app_version) X(app_labels) X(deployment)
/* clang-format on */

struct task {
#define FIELD(name) const char *name;
	TASK_STRINGS(FIELD)
#undef FIELD
	const char *pair;   /* framework id and task id, the key of by_pair */
	double status_time; /* s since 1970 of the newest status, 0 = none */
	uint64_t seen;	    /* ns when an answer last had it */
	uint64_t since;	    /* ns since when it has been as it is; 0 = before the first answer */
	bool live;	    /* in no list of completed tasks and in no terminal state */
	uint32_t next;	    /* next task of the same executor */
};

#define FRAMEWORK_STRINGS(X) X(id) X(name) X(webui_url)
struct framework {
	const char *id, *name, *webui_url;
	uint64_t since; /* as of a task; so below */
	bool active, marathon;
};

#define AGENT_STRINGS(X) X(id) X(hostname) X(pid)
struct agent {
	const char *id, *hostname, *pid; /* pid: "slave(1)@10.0.0.1:5051" */
	uint64_t since;
	bool registered; /* with the leader that answered */
};

/* A container that is an executor's, or a task's own, or the parent of one. */
struct holder {
	const char *id, *framework_id, *executor_id, *agent_id, *rung;
	const char *framework; /* set by the join */
	uint64_t seen;
	uint32_t links;	 /* first of the tasks in it */
	uint32_t next;	 /* next container of the same executor */
	uint32_t before; /* how many of them are behind it in this list */
};

struct link {
	uint32_t task, next;
	bool direct; /* the task runs in this very container */
	const char *rung;
};

#define APP_STRINGS(X) X(id) X(labels) X(version) X(deployment)
struct app {
	const char *id, *labels, *version, *deployment;
	uint64_t since;
};

struct app_task {
	const char *id, *app, *version, *labels, *health;
};

/*
 * A layer: what it lacks is in the layers below. Tasks and containers of one executor on one agent
 * are never torn apart: the topmost layer that has one of them has them all. Every array beside
 * its count and room.
 */
struct mesos_snapshot {
	_Atomic unsigned refs; /* the poller keeps the last one for what vanishes */
	uint64_t time;
	struct mesos_snapshot *below; /* a reference; NULL: this one is whole */
	struct history *history;      /* of the topmost; a reference, or NULL */
	size_t visible;		      /* tasks, those below included */
	struct strings strings;
	struct task *tasks;
	uint32_t n_tasks, cap_tasks;
	struct holder *holders;
	uint32_t n_holders, cap_holders;
	struct link *links;
	uint32_t n_links, cap_links;
	struct framework *frameworks;
	uint32_t n_frameworks, cap_frameworks;
	struct agent *agents;
	uint32_t n_agents, cap_agents;
	struct app *apps;
	uint32_t n_apps, cap_apps;
	struct app_task *app_tasks;
	uint32_t n_app_tasks, cap_app_tasks;
	struct index by_pair;	   /* framework id and task id */
	struct index by_task;	   /* task id; the running or newest one */
	struct index by_container; /* id, and path of nested ones */
	struct index by_executor;  /* framework and executor id: the tasks */
	struct index by_held;	   /* the same: the containers */
	struct index by_framework, by_agent;
	struct index by_app, by_form /* app id as in task ids */, by_app_task;
	uint32_t *here; /* rows of tasks of this host's agent */
	uint32_t n_here, cap_here;
	const char *agent_id; /* this host's agent */
};

struct mesos_builder {
	struct mesos_snapshot *s;
	const char *leader, *pid; /* of the master that answered */
	double heartbeat;	  /* s between heartbeats of the stream; 0 = not said */
	struct index pulled;	  /* executors that were taken over from below */
	bool whole;    /* a change that may concern any task: no layer can be put on top */
	bool settling; /* it leads since shortly: its agents and frameworks still register */
};

/* ---- json.c: checked access; wrong types count as absent ---- */

/* Whole text as an object or array, or NULL; kind is for the message. */
json_t *json_text(const char *text, size_t n, const char *kind, struct err *e);
/*
 * Interned string member without control characters, also of {"value": ...}, which are the ids of
 * /api/v1; NULL when absent, empty or too long.
 */
const char *json_name(struct mesos_builder *b, const json_t *o, const char *key);
/* The state and /api/v1 name the same thing differently. */
const char *json_either(struct mesos_builder *b, const json_t *o, const char *key,
			const char *other);
double json_number(const json_t *o, const char *key, double otherwise);
bool json_truth(const json_t *o, const char *key);
/* Label list of [{key,value}], {"labels": [...]} or {key: value}; NULL when there is none. */
const char *json_labels(struct mesos_builder *b, const json_t *labels);
/*
 * The ports of resources, {"ports": "[31000-31007, 31016-31016]"} or a list of ranges, as
 * "31000-31007,31016"; NULL when there is none.
 */
const char *json_ports(struct mesos_builder *b, const json_t *resources);

/* ---- layers.c: a snapshot as layers ---- */

/* A builder of a layer on top, which takes over what is changed. */
struct mesos_builder *builder_on(struct mesos_snapshot *below, uint64_t now);
/* The topmost row; NULL = none. The key is that of the index. */
const struct task *task_find(const struct mesos_snapshot *s, const char *pair);
const struct framework *framework_find(const struct mesos_snapshot *s, const char *id);
const struct agent *agent_find(const struct mesos_snapshot *s, const char *id);
const struct app *app_find(const struct mesos_snapshot *s, const char *id);
const struct app_task *app_task_find(const struct mesos_snapshot *s, const char *task);
/* Whether a layer above `layer` has the task: then the row there counts. */
bool task_is_hidden(const struct mesos_snapshot *top, const struct mesos_snapshot *layer,
		    const struct task *t);
/* The string in the builder's arena. */
const char *again(struct mesos_builder *b, const char *s);
/* Rows of another snapshot, in the builder's; what the builder has already stays. */
struct task *copy_task(struct mesos_builder *b, const struct task *old);
struct holder *copy_holder(struct mesos_builder *b, const struct holder *old);
void copy_frameworks(struct mesos_builder *b, const struct mesos_snapshot *s); /* and agents */
void copy_apps(struct mesos_builder *b, const struct mesos_snapshot *s);
/* Before anything of an executor is added: take over what the layers below have of it. */
void pull_executor(struct mesos_builder *b, const char *framework_id, const char *executor_id,
		   const char *agent_id);
/* The task, with its executor. */
void pull_task(struct mesos_builder *b, const struct task *t);
/*
 * Takes over the reference and returns one: layers that have grown to the size of the next one
 * are made one with it, so that a row is copied once for each doubling of what is above it.
 */
struct mesos_snapshot *layers_settle(struct mesos_snapshot *s);
/* All of them one, without what vanished or ended longer than MESOS_KEEP_NS ago. */
struct mesos_snapshot *layers_unite(struct mesos_snapshot *s);

/* ---- history.c ---- */

struct history_limits {
	uint64_t ns;  /* what ended longer ago is forgotten */
	size_t bytes; /* and the oldest beyond this */
};
/* What has a history. */
enum past_kind { PAST_TASK, PAST_APP, PAST_AGENT, PAST_FRAMEWORK, PAST_KINDS };
/* The row of the kind with that key; a task's is its pair. NULL = none. */
const void *past_find(const struct mesos_snapshot *s, enum past_kind kind, const char *key);
/*
 * Note in fresh, which nobody else has yet, since when its rows have been as they are, and how they
 * were before; old (may be NULL) is what was published last. told (may be NULL): called for each
 * row that changed or is new (row) or that is gone (row NULL), with what it was (was, NULL = it was
 * not), but not when old is NULL; when: since then, ns.
 */
typedef void past_told(void *ctx, enum past_kind kind, const void *row, const void *was,
		       uint64_t when);
void history_note(struct mesos_snapshot *fresh, const struct mesos_snapshot *old,
		  const struct history_limits *limits, past_told *told, void *ctx);
struct history *history_ref(struct history *h); /* h may be NULL */
void history_unref(struct history *h);
/* How each was between from and to, ns, inclusive; fn's non-zero ends and is returned. */
int history_each(const struct history *h, enum past_kind kind, uint64_t from, uint64_t to,
		 int (*fn)(void *ctx, const void *row, uint64_t until), void *ctx);

/* ---- news.c ---- */

struct news {
	struct message_box *box;
	const char *agent; /* of this host, or NULL */
};
/* As past_told of history_note, ctx = struct news. */
past_told news_tell;

/* ---- rows.c ---- */

struct framework *framework_row(struct mesos_builder *b, const char *id);
struct agent *agent_row(struct mesos_builder *b, const char *id);
struct task *task_row(struct mesos_builder *b, const char *framework_id, const char *id);
struct holder *holder_row(struct mesos_snapshot *s, const char *id, const char *rung);
/* Where: the framework and executor that list the task count for more than its own members. */
struct where {
	const char *framework_id, *executor_id, *agent_id;
	bool completed;
};
const char *health_name(struct mesos_builder *b, bool healthy);
void add_task(struct mesos_builder *b, const json_t *o, const struct where *w);
void add_tasks(struct mesos_builder *b, const json_t *list, const struct where *from,
	       bool completed);
void add_container(struct mesos_builder *b, const json_t *o);

/* ---- host.c ---- */

/* By address, else by name; its strings borrowed. */
bool agent_of_host(const struct mesos_snapshot *s, struct mesos_agent *out);

/* ---- marathon.c ---- */

struct app *app_row(struct mesos_builder *b, const char *id);
struct app_task *app_task_row(struct mesos_builder *b, const char *task);
/* The app of every task, as far as Marathon's answers or the form of the task id tell. */
void marathon_join(struct mesos_builder *b);

/* ---- join.c ---- */

/*
 * Take over what `old` knew and the answers lack. Tasks and containers they lack altogether stay
 * until they have been missing for MESOS_KEEP_NS; with `frozen` (the master did not answer)
 * their time does not run. So it is for the tasks of agents that have not registered with a new
 * leader yet.
 */
void builder_carry(struct mesos_builder *b, const struct mesos_snapshot *old, bool frozen);
/* Of two rows with one task id. */
bool task_is_better(const struct task *a, const struct task *b);

#endif
