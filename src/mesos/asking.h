/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room mesos: who is asked what, on the poller's thread. */
#ifndef DREDGE_MESOS_ASKING_H
#define DREDGE_MESOS_ASKING_H

#include "mesos/http.h"
#include "mesos/inside.h"

#include <pthread.h>

#define TARGETS_MAX   32u
#define MARATHONS_MAX 32u /* frameworks that may be one */

enum role { ROLE_MASTER, ROLE_MARATHON };

/* How the last round went; passed on through a mailbox. */
struct report {
	uint64_t success; /* ns since 1970, 0 = never */
	size_t tasks;
	bool streaming;
	char error[sizeof(((struct err *)0)->message)];
};

struct poller_target {
	struct target at;
	enum role role;
};

/* What cannot be known without asking again. Times are ns, monotonic. */
struct marathon {
	struct target at;
	char *framework_id; /* NULL = was given */
	enum { MARATHON_MAYBE, MARATHON_YES, MARATHON_NO } is;
	struct http_stream *events;
	uint64_t due;	     /* its answers are asked for again */
	uint64_t events_due; /* so are its events, after a failure */
};

/* The event stream of the leading master. */
struct subscription {
	struct http_stream *stream; /* NULL = none */
	uint64_t patience;	    /* ns of silence after which it is dead; 0 = it sends none */
	uint64_t opened;	    /* ns, monotonic, as the next */
	uint64_t again;		    /* not opened before then */
	unsigned losses;	    /* in a row, of streams that did not last */
	char *refused;		    /* owned: the master that knows no such stream */
};

enum asked { ASKED_MASTER, ASKED_STREAM, ASKED_MARATHON, ASKED_AGENT, ASKED_KINDS };

struct login; /* login.c */
struct zk;    /* zk.c */

struct mesos_poller {
	struct http *http;
	struct poller_target targets[TARGETS_MAX];
	size_t n_targets, first_master; /* the master that answered last is asked first */
	struct target agent;		/* url NULL: to be found */
	bool no_follow, no_stream;
	void (*thread_begins)(void);
	struct login *login;
	struct zk *zk; /* NULL = none was given */
	uint64_t interval;
	size_t max_body;
	unsigned timeout_ms;
	struct history_limits history;
	struct message_box *news;
	unsigned seed;
	pthread_t thread;
	atomic_bool kicked;
	struct mailbox snapshots[MESOS_READERS], reports;
	/* the thread's own */
	struct mesos_snapshot *last;
	struct target leader; /* learnt; asked when none of the given masters answers */
	char *leader_pid;
	uint64_t leads_since; /* ns, monotonic; 0 = since before the first question */
	uint64_t whole_since; /* ns, monotonic, of the last snapshot in one layer */
	unsigned failures;    /* rounds without a master, in a row */
	struct subscription master;
	struct marathon marathons[MARATHONS_MAX];
	size_t n_marathons;
	struct report now;
	char errors[ASKED_KINDS][sizeof(((struct err *)0)->message)];
	struct text body;
	/* the caller's own */
	struct report *shown;
};

/* ---- poller.c ---- */

typedef int (*add_fn)(struct mesos_builder *b, const char *text, size_t n, struct err *e);

/* One way to ask for something. */
struct way {
	struct request request;
	add_fn add;
};

#define NOT_THERE 404
/*
 * The first of the ways that the target knows. Returns 0, -1, NOT_THERE when it knows none, or
 * HTTP_TOO_LARGE.
 */
int fetch(struct mesos_poller *p, const struct target *t, const struct way *ways, size_t n,
	  struct mesos_builder *b, struct err *e);
/* "master@10.0.0.1:5050", "slave(1)@[2001:db8::1]:5051": an address with the scheme of `like`. */
int target_of_pid(struct target *t, const char *pid, const struct target *like, struct err *e);
/* The target is shown the credentials. */
void with_credentials(const struct mesos_poller *p, struct target *t);
/* ns, up to `most`, at random. */
uint64_t at_random(struct mesos_poller *p, uint64_t most);
/* Takes the builder over. frozen: the master did not answer. */
void publish(struct mesos_poller *p, struct mesos_builder *b, bool frozen);
/* How it went with one of them, no error included. */
void tell(struct mesos_poller *p, enum asked who, const struct err *e);

/* ---- masters.c ---- */

/* Returns the master that answered, or NULL. */
const struct target *ask_masters(struct mesos_poller *p, struct mesos_builder *b, struct err *e);
/* Whether the stream that is open is still the leader's. */
bool still_streaming(struct mesos_poller *p);
/* Remember who leads, and since when if that changed. */
void note_leader(struct mesos_poller *p, const struct target *asked, struct mesos_builder *b);
void targets_done(struct mesos_poller *p);

/* ---- subscribe.c ---- */

/* 0 with the state added and the stream open; NOT_THERE: the master has no stream; -1. */
int subscribe(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
	      struct err *e);
/* Publish what the stream said since the last time. When it is dead it is closed. */
void subscription_turn(struct mesos_poller *p);
/* When to look at it next, ns, monotonic. */
uint64_t subscription_due(const struct mesos_poller *p);
void subscription_done(struct mesos_poller *p);

/* ---- marathons.c ---- */

/* Those that are due; `all`: all of them. Returns whether one answered. */
bool ask_marathons(struct mesos_poller *p, struct mesos_builder *b, bool all, struct err *e);
void marathons_turn(struct mesos_poller *p);
void marathons_done(struct mesos_poller *p);

/* ---- login.c ---- */

struct login *login_new(const struct mesos_options *o, struct err *e);
void login_free(struct login *l); /* NULL is fine */
/* Principal and secret of Basic authentication, or NULL. Borrowed. */
const char *login_user(const struct login *l);
const char *login_secret(const struct login *l);
bool login_has_token(const struct login *l);
/*
 * Before questions are asked: read the token's file if it changed, or log in (again, after
 * login_refused). Shows the token to h.
 */
int login_turn(struct login *l, struct http *h, struct err *e);
void login_refused(struct login *l); /* an answer was 401 */

/* ---- sign.c ---- */

/* A token that says so, for five minutes, signed with an RSA key (PEM). Owned by the caller, or
 * NULL. */
char *sign_login(const char *uid, const char *key, struct err *e);

/* ---- zk.c ---- */

/* "zk://[user:password@]host[:port][,...]/path" */
bool zk_is_url(const char *url);
struct zk *zk_open(const char *url, struct err *e);
void zk_close(struct zk *z); /* NULL is fine */
/* Who sleeps in it is woken when the leader may have changed. Once, before the next two. */
void zk_wakes(struct zk *z, struct http *wake);
bool zk_has_news(const struct zk *z);
/* "host:port" of the leader, or -1 with the reason. *changed since the last time. */
int zk_leader(struct zk *z, struct text *out, bool *changed, struct err *e);

#endif
