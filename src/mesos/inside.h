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
};

const char *strings_add(struct strings *s, const char *p, size_t n);
/* "a\nb", the key of a pair. */
const char *strings_pair(struct strings *s, const char *a, const char *b);
void strings_done(struct strings *s);
uint32_t index_find(const struct index *x, const char *key, size_t n); /* NO_ROW = none */
uint32_t index_find_str(const struct index *x, const char *key);
uint32_t index_find_pair(const struct index *x, const char *a, const char *b);
void index_put(struct index *x, const char *key, uint32_t row); /* stores or overwrites */
void index_done(struct index *x);

/* ---- rows; every string is interned, NULL = unknown ---- */

struct task {
	const char *id, *name, *framework_id, *executor_id, *agent_id, *state;
	const char *container_id, *container_path; /* path: "grandparent.parent.id" when nested */
	const char *image, *ports, *labels;
	const char *assigned; /* ports that the scheduler was given for it; part of ports */
	const char *framework, *hostname, *app, *app_version, *app_labels; /* set by the join */
	double status_time; /* s since 1970 of the newest status, 0 = none */
	uint64_t seen;	    /* ns when an answer last had it */
	bool live;	    /* in no list of completed tasks and in no terminal state */
	uint32_t next;	    /* next task of the same executor */
};

struct framework {
	const char *id, *name, *webui_url;
	bool active, marathon;
};

struct agent {
	const char *id, *hostname, *pid; /* pid: "slave(1)@10.0.0.1:5051" */
	bool registered;		 /* with the leader that answered */
};

/* A container that is an executor's, or a task's own, or the parent of one. */
struct holder {
	const char *id, *framework_id, *executor_id, *agent_id, *rung;
	const char *framework; /* set by the join */
	uint64_t seen;
	uint32_t links; /* first of the tasks in it */
};

struct link {
	uint32_t task, next;
	bool direct; /* the task runs in this very container */
	const char *rung;
};

struct app {
	const char *id, *labels;
};

struct app_task {
	const char *app, *version, *labels;
};

/* Every array beside its count and room. */
struct mesos_snapshot {
	_Atomic unsigned refs; /* the poller keeps the last one for what vanishes */
	uint64_t time;
	struct strings strings;
	struct task *tasks;
	uint32_t n_tasks, cap_tasks;
	struct holder *holders;
	uint32_t n_holders, cap_holders;
	struct link *links;
	uint32_t n_links, cap_links;
	struct index by_pair;	   /* framework id and task id */
	struct index by_task;	   /* task id; the running or newest one */
	struct index by_container; /* id, and path of nested ones */
	uint32_t *ports;	   /* [65536] task that holds the port, or NULL */
	const char *agent_id;	   /* this host's agent */
};

struct mesos_builder {
	struct mesos_snapshot *s;
	struct framework *frameworks;
	uint32_t n_frameworks, cap_frameworks;
	struct agent *agents;
	uint32_t n_agents, cap_agents;
	struct app *apps;
	uint32_t n_apps, cap_apps;
	struct app_task *app_tasks;
	uint32_t n_app_tasks, cap_app_tasks;
	struct index by_framework, by_agent, by_executor /* framework and executor id -> task */;
	struct index by_app, by_form /* app id as in task ids */, by_app_task;
	const char *leader, *pid; /* of the master that answered */
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
const char *json_clean(struct mesos_builder *b, const json_t *string);
double json_number(const json_t *o, const char *key, double otherwise);
bool json_truth(const json_t *o, const char *key);
/* Label list of [{key,value}], {"labels": [...]} or {key: value}; NULL when there is none. */
const char *json_labels(struct mesos_builder *b, const json_t *labels);
/*
 * The ports of resources, {"ports": "[31000-31007, 31016-31016]"} or a list of ranges, as
 * "31000-31007,31016"; NULL when there is none.
 */
const char *json_ports(struct mesos_builder *b, const json_t *resources);
/* Step through "a-b,c" as json_ports makes it; false at the end. */
bool ports_next(const char **ports, uint16_t *first, uint16_t *last);

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
void add_task(struct mesos_builder *b, const json_t *o, const struct where *w);
void add_tasks(struct mesos_builder *b, const json_t *list, const struct where *from,
	       bool completed);
void add_container(struct mesos_builder *b, const json_t *o);

/* ---- host.c ---- */

/* By address, else by name; borrowed, NULL = none. */
const struct agent *agent_of_host(const struct mesos_builder *b);

/* ---- marathon.c ---- */

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
struct mesos_snapshot *snapshot_ref(struct mesos_snapshot *s);

#endif
