/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room mesos: who a container is, as the Mesos master, the agent of this host
 * and Marathon tell it. Pure parsers turn their answers into a builder, the
 * builder becomes an immutable snapshot with hash lookups, and a poller fills
 * builders over HTTP on a thread of its own and passes snapshots through a
 * mailbox. The event path only takes and looks up: it never waits for an API.
 *
 * Answers are hostile: sizes and nesting are bounded, wrong types count as
 * absent, control characters of names are shown as '?'.
 */
#ifndef DREDGE_MESOS_H
#define DREDGE_MESOS_H

#include "event/event.h"

/* A task that vanished from the answers keeps its name for so long. */
#define MESOS_KEEP_NS (600 * NSEC_PER_SEC)

/* ---- snapshot: immutable; may be read by several threads ---- */

struct mesos_snapshot;
struct mesos_snapshot *mesos_snapshot_ref(struct mesos_snapshot *s);
void mesos_snapshot_free(struct mesos_snapshot *s); /* NULL is fine */

/*
 * Who is this container? Asked by container id (top level, "parent.child" or the child's id), then
 * by docker name ("mesos-ID", "mesos-AGENT.ID"), then by task id; each may be NULL. Fills the keys
 * it knows with strings borrowed from the snapshot and leaves the others alone; never
 * META_CONTAINER, and META_NAME only when docker_name is NULL. META_RUNG tells how: "status",
 * "agent", "executor", "docker-name" or "env". A container that several running tasks share gets
 * what they have in common, without META_TASK. Returns whether a task or an executor was found.
 */
bool mesos_lookup(const struct mesos_snapshot *s, const char *container_id, const char *docker_name,
		  const char *task_id_hint, const char *meta[META_KEYS]);
/*
 * Append "31000-31007,31016": the ports that the running tasks of the container were assigned from
 * the agent's resources, those in nested containers included. false: none is known.
 */
bool mesos_assigned_ports(const struct mesos_snapshot *s, const char *container_id,
			  struct text *out);

/* ---- the whole cluster, and how it was ---- */

struct mesos_task {
	/* Borrowed from the snapshot, NULL = unknown; META_CONTAINER only as Mesos told it. */
	const char *meta[META_KEYS];
	/* ns since 1970: it was so from then (0 = since before the first answer) until then (0 =
	 * it still is). */
	uint64_t since, until;
	bool running; /* in no terminal state, and not vanished */
};
/*
 * Every state in which a task was at some time between from and to, ns, inclusive: one at most for
 * each task if both are the same moment. 0 and 0: as they are now, finished ones included.
 * Non-zero of fn ends it and is returned.
 */
int mesos_each_task(const struct mesos_snapshot *s, uint64_t from, uint64_t to,
		    int (*fn)(void *ctx, const struct mesos_task *t), void *ctx);

/* The tasks of this host's agent as they are now; META_CONTAINER only as Mesos told it. */
int mesos_each_here(const struct mesos_snapshot *s,
		    int (*fn)(void *ctx, const struct mesos_task *t), void *ctx);
/* As mesos_task.since, of the task that meta names by framework id and task id; 0 = not known. */
uint64_t mesos_task_since(const struct mesos_snapshot *s, const char *const meta[META_KEYS]);

/* Of the whole cluster; strings, since and until as above. */
struct mesos_agent {
	const char *id, *hostname, *pid; /* pid: "slave(1)@10.0.0.1:5051" */
	uint64_t since, until;
	bool registered; /* else recovered, and awaited */
	bool here;	 /* it runs on this host */
};
struct mesos_framework {
	const char *id, *name, *webui_url;
	uint64_t since, until;
	bool active, marathon;
};
struct mesos_app {
	const char *id, *labels, *version, *deployment;
	uint64_t since, until;
};
/* Times as mesos_each_task takes them. */
int mesos_each_agent(const struct mesos_snapshot *s, uint64_t from, uint64_t to,
		     int (*fn)(void *ctx, const struct mesos_agent *a), void *ctx);
int mesos_each_framework(const struct mesos_snapshot *s, uint64_t from, uint64_t to,
			 int (*fn)(void *ctx, const struct mesos_framework *f), void *ctx);
int mesos_each_app(const struct mesos_snapshot *s, uint64_t from, uint64_t to,
		   int (*fn)(void *ctx, const struct mesos_app *a), void *ctx);

/* ---- builder: the parsers, without network ---- */

struct mesos_builder;
/* now: ns since 1970, the time of the snapshot and of all that is added. */
struct mesos_builder *mesos_builder_new(uint64_t now);
void mesos_builder_free(struct mesos_builder *b);
/*
 * Each takes one whole JSON answer, borrowed, and adds what it knows; they may come in any order
 * and combination. Returns 0, or -1 with the builder unchanged when the text is no JSON of that
 * kind or is nested deeper than 64.
 */
/* /state, or the lists /tasks, /slaves, /frameworks. */
int mesos_add_master_state(struct mesos_builder *b, const char *text, size_t n, struct err *e);
/* An answer of /api/v1 (GET_STATE, GET_TASKS, GET_CONTAINERS ...) or one event of its stream. */
int mesos_add_v1(struct mesos_builder *b, const char *text, size_t n, struct err *e);
int mesos_add_agent_containers(struct mesos_builder *b, const char *text, size_t n, struct err *e);
int mesos_add_agent_state(struct mesos_builder *b, const char *text, size_t n, struct err *e);
int mesos_add_marathon_groups(struct mesos_builder *b, const char *text, size_t n, struct err *e);
int mesos_add_marathon_apps(struct mesos_builder *b, const char *text, size_t n, struct err *e);
int mesos_add_marathon_pods(struct mesos_builder *b, const char *text, size_t n, struct err *e);
/* The data of one server-sent event. *more: it changes what only the other answers tell. */
int mesos_add_marathon_event(struct mesos_builder *b, const char *text, size_t n, bool *more,
			     struct err *e);
/* Join what was added. Frees the builder. */
struct mesos_snapshot *mesos_builder_finish(struct mesos_builder *b);

/* ---- poller ---- */

struct mesos_options {
	/* Copied. The first is a master; others are masters (port 5050, or if they answer as such)
	 * or Marathons. "zk://HOST[:PORT],.../PATH" is where masters are elected. "user:password@"
	 * is taken out and never shown. Without a Marathon the active framework named marathon
	 * gives its address (webui_url). */
	const char *const *urls;
	size_t n;
	const char *agent_url; /* NULL: the master's entry for this host, else 127.0.0.1:5051 */
	uint64_t interval_ns;  /* 0 = 5 s; up to a tenth is added or taken off at random */
	size_t max_body;       /* decoded bytes of one answer; 0 = 64 MiB */
	unsigned timeout_ms;   /* of one request; 0 = 10 s */
	/* Each may be NULL. "principal secret" as in Mesos, or its JSON form; a bearer token alone;
	 * {"login": URL, "uid": ..., "password": ...} for a token of DC/OS. */
	const char *credentials_file, *token_file, *login_file;
	const char *ca_file;  /* PEM; NULL = the system's */
	bool no_follow;	      /* ask the given URLs alone, whoever leads */
	bool no_stream;	      /* ask again and again instead of reading event streams */
	uint64_t history_ns;  /* how it all was is known for so long; 0 = 24 h */
	size_t history_bytes; /* and in so much memory; 0 = 64 MiB */
	/* Gets what changed of apps, frameworks and this host's agent (of tasks the flow tells).
	 * NULL = nobody wants it. Borrowed until mesos_poller_stop. */
	struct message_box *news;
	/* Called first on the poller's thread, which reads foreign bytes: gives up privileges. */
	void (*thread_begins)(void);
};

/* Append "URL[,URL]" of the master, and of the Marathon, that run on this host: by the process'
 * name and flags, or because its port answers. Nothing when there is none. */
void mesos_find_local(struct text *urls);

struct mesos_poller;
/* The first poll begins at once. NULL: bad URL or file, or a build without libcurl. */
struct mesos_poller *mesos_poller_start(const struct mesos_options *o, struct err *e);
/* Who takes snapshots: each on a thread of its own. */
enum mesos_reader { MESOS_EVENTS, MESOS_ISOLATION, MESOS_SERVING, MESOS_READERS };
/* The newest snapshot, now the caller's, or NULL when there is none since the reader's last call.
 */
struct mesos_snapshot *mesos_poller_take(struct mesos_poller *p, enum mesos_reader who);
/* Append plain words: age of the last success, last error. Only on the thread of
 * MESOS_EVENTS. */
void mesos_poller_status(struct mesos_poller *p, struct text *t);
/* The same in numbers, on the same thread. error: borrowed until the next call; NULL = none. */
struct mesos_health {
	uint64_t answered; /* ns since 1970, of the newest snapshot; 0 = there was none */
	size_t tasks;
	const char *error;
};
void mesos_poller_health(struct mesos_poller *p, struct mesos_health *out);
/* Poll soon, because an unknown container appeared; at most twice a second. */
void mesos_poller_kick(struct mesos_poller *p);
/* Ends a request that is under way, waits for the thread, frees. NULL is fine. */
void mesos_poller_stop(struct mesos_poller *p);

#endif
