/* SPDX-License-Identifier: Apache-2.0 */
/* The poller: rounds of requests on a thread of its own. */
#include "mesos/inside.h"
#include "mesos/http.h"

#ifdef HAVE_CURL

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define INTERVAL_NS	(5 * NSEC_PER_SEC)
#define KICK_GAP_NS	(NSEC_PER_SEC / 2)
#define MAX_BODY	(64u << 20)
#define TIMEOUT_MS	10000u
#define BACK_OFF_NS	(60 * NSEC_PER_SEC)
#define SETTLE_NS	(600 * NSEC_PER_SEC) /* agents have so long to register again */
#define HISTORY_NS	(24 * 3600 * NSEC_PER_SEC)
#define HISTORY_BYTES	(64u << 20)
#define TARGETS_MAX	32u
#define MARATHONS_MAX	8u
#define CREDENTIALS_MAX 4096u

enum role { ROLE_MASTER, ROLE_MARATHON };

/* How the last round went; passed on through a mailbox. */
struct report {
	uint64_t success; /* ns since 1970, 0 = never */
	size_t tasks;
	char error[sizeof(((struct err *)0)->message)];
};

struct poller_target {
	struct target at;
	enum role role;
};

struct mesos_poller {
	struct http *http;
	struct poller_target targets[TARGETS_MAX];
	size_t n_targets, first_master; /* the master that answered last is asked first */
	struct target agent;		/* url NULL: to be found */
	bool no_follow;
	void (*thread_begins)(void);
	char *user, *password; /* of the credentials file */
	uint64_t interval;
	struct history_limits history;
	unsigned seed;
	pthread_t thread;
	atomic_bool kicked;
	struct mailbox snapshots[MESOS_READERS], reports;
	/* the thread's own */
	struct mesos_snapshot *last;
	struct target leader; /* learnt; asked when none of the given masters answers */
	char *leader_pid;
	uint64_t leads_since; /* ns, monotonic; 0 = since before the first question */
	unsigned failures;    /* rounds without a master, in a row */
	struct report now;
	struct text body;
	/* the caller's own */
	struct report *shown;
};

typedef int (*add_fn)(struct mesos_builder *b, const char *text, size_t n, struct err *e);

/* The first of the paths (up to a NULL) that is not answered by 404. Returns 0, -1, or 404. */
static int fetch(struct mesos_poller *p, const struct target *t, const char *const *paths,
		 add_fn add, struct mesos_builder *b, struct err *e)
{
	struct err why = {0};
	int status = 404;

	for (; *paths && status == 404; paths++) {
		status = http_get(p->http, t, *paths, &p->body, &why);
		if (status == 200) {
			if (!add(b, p->body.data ? p->body.data : "", p->body.len, &why))
				return 0;
			err_wrap(&why, "%s", t->url);
		} else if (status >= 0) {
			err_set(&why, ERR_FAILED, "%s: HTTP status %d", t->url, status);
		}
	}
	*e = why;
	return status == 404 ? 404 : -1;
}

/* "master@10.0.0.1:5050", "slave(1)@[2001:db8::1]:5051": an address with the scheme of `like`. */
static int target_of_pid(struct target *t, const char *pid, const struct target *like,
			 struct err *e)
{
	const char *at = pid ? strchr(pid, '@') : NULL;

	if (!at || !at[1])
		return err_set(e, ERR_FAILED, "no address in '%s'", pid ? pid : "");
	cleanup_free char *url = xasprintf(
		"%s://%s", like && str_starts(like->url, "https:") ? "https" : "http", at + 1);
	return target_init(t, url, e);
}

static void with_credentials(const struct mesos_poller *p, struct target *t)
{
	if (t->user || !p->user)
		return;
	t->user = xstrdup(p->user);
	t->password = xstrdup(p->password);
}

/* ---- master ---- */

static const char *const master_paths[] = {"/master/state", "/master/state.json", "/state.json",
					   NULL};

static bool is_standby(const struct mesos_builder *b)
{
	return b->pid && (!b->leader || !str_eq(b->leader, b->pid));
}

/* Masters up to 0.28 answer for themselves when another one leads; it is asked then. */
static int ask_leader(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
		      struct err *e)
{
	struct target leader;

	if (!b->leader)
		return err_set(e, ERR_FAILED, "%s: no leader elected", t->url);
	if (p->no_follow)
		return err_set(e, ERR_FAILED, "%s: does not lead; %s does", t->url, b->leader);
	if (target_of_pid(&leader, b->leader, t, e))
		return -1;
	if (t->user) {
		leader.user = xstrdup(t->user);
		leader.password = t->password ? xstrdup(t->password) : NULL;
	}
	int status = fetch(p, &leader, master_paths, mesos_add_master_state, b, e);
	if (!status && is_standby(b))
		status = err_set(e, ERR_FAILED, "%s: does not lead either", leader.url);
	target_done(&leader);
	return status ? -1 : 0;
}

static int ask_master(struct mesos_poller *p, struct poller_target *t, struct mesos_builder *b,
		      struct err *e)
{
	int status = fetch(p, &t->at, master_paths, mesos_add_master_state, b, e);

	if (!status && is_standby(b))
		return ask_leader(p, &t->at, b, e);
	if (status == 404)
		t->role = t == p->targets ? ROLE_MASTER : ROLE_MARATHON;
	return status ? -1 : 0;
}

/* Returns the master that answered, or NULL. */
static const struct target *ask_masters(struct mesos_poller *p, struct mesos_builder *b,
					struct err *e)
{
	for (size_t i = 0; i < p->n_targets && !http_is_stopped(p->http); i++) {
		size_t k = (p->first_master + i) % p->n_targets;
		if (p->targets[k].role != ROLE_MASTER || ask_master(p, &p->targets[k], b, e))
			continue;
		p->first_master = k;
		return &p->targets[k].at;
	}
	if (p->leader.url && !http_is_stopped(p->http) &&
	    !fetch(p, &p->leader, master_paths, mesos_add_master_state, b, e) && !is_standby(b))
		return &p->leader;
	return NULL;
}

/* Remember who leads, and since when if that changed. */
static void note_leader(struct mesos_poller *p, const struct target *asked, struct mesos_builder *b)
{
	struct err ignored = {0};
	struct target leader;

	if (b->leader && (!p->leader_pid || !str_eq(p->leader_pid, b->leader))) {
		if (p->leader_pid) {
			p->leads_since = time_monotonic();
			log_info("Mesos metadata: %s leads now", b->leader);
		}
		free(p->leader_pid);
		p->leader_pid = xstrdup(b->leader);
		if (!p->no_follow && !target_of_pid(&leader, b->leader, asked, &ignored)) {
			leader.user = asked->user ? xstrdup(asked->user) : NULL;
			leader.password = asked->password ? xstrdup(asked->password) : NULL;
			target_done(&p->leader);
			p->leader = leader;
		}
	}
	b->settling = p->leads_since && time_monotonic() - p->leads_since < SETTLE_NS;
}

/* ---- agent of this host ---- */

static bool ask_agent(struct mesos_poller *p, const struct target *master, struct mesos_builder *b,
		      struct err *e)
{
	static const char *const state[] = {"/state", "/state.json", NULL};
	static const char *const containers[] = {"/containers", NULL};
	const struct agent *here = agent_of_host(b);
	struct target found = {0};
	const struct target *t = &p->agent;
	struct err ignored = {0};

	if (here)
		b->s->agent_id = here->id;
	if (!t->url) {
		if (here ? target_of_pid(&found, here->pid, master, e)
			 : target_init(&found, "http://127.0.0.1:5051", e))
			return false;
		/* The default is a guess: nobody there is no news, and it gets no credentials. */
		e = here ? e : &ignored;
		if (here)
			with_credentials(p, &found);
		t = &found;
	}
	int status = fetch(p, t, state, mesos_add_agent_state, b, e);
	bool good = !status;
	if (status >= 0) /* agents before 1.0 have no /containers */
		good |= !fetch(p, t, containers, mesos_add_agent_containers, b, &ignored);
	target_done(&found);
	return good;
}

/* ---- Marathon ---- */

static bool ask_marathon(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
			 int *status, struct err *e)
{
	static const char *const groups[] = {
		"/v2/groups?embed=group.groups&embed=group.apps&embed=group.pods"
		"&embed=group.apps.tasks",
		NULL};
	static const char *const apps[] = {"/v2/apps?embed=apps.tasks", NULL};
	struct err ignored = {0};

	*status = fetch(p, t, groups, mesos_add_marathon_groups, b, e);
	if (*status < 0)
		return false;
	/* Tasks are embedded in groups since 0.15 only. */
	bool good = !fetch(p, t, apps, mesos_add_marathon_apps, b, &ignored);
	return !*status || good;
}

static bool ask_marathons(struct mesos_poller *p, struct mesos_builder *b, struct err *e)
{
	bool good = false, given = false;
	int status;

	for (size_t i = 0; i < p->n_targets && !http_is_stopped(p->http); i++) {
		if (p->targets[i].role != ROLE_MARATHON)
			continue;
		given = true;
		good |= ask_marathon(p, &p->targets[i].at, b, &status, e);
		if (status == 404)
			p->targets[i].role = ROLE_MASTER;
	}
	uint32_t asked = 0;
	for (uint32_t i = 0; !given && i < b->s->n_frameworks && asked < MARATHONS_MAX; i++) {
		const struct framework *f = &b->s->frameworks[i];
		struct target t;
		if (!f->active || !f->name || !str_eq(f->name, "marathon") || !f->webui_url ||
		    target_init(&t, f->webui_url, e))
			continue;
		asked++;
		good |= ask_marathon(p, &t, b, &status, e);
		target_done(&t);
	}
	return good;
}

/* ---- rounds ---- */

static void tell(struct mesos_poller *p, const struct err *e)
{
	bool was_bad = p->now.error[0] != '\0';

	snprintf(p->now.error, sizeof(p->now.error), "%s", e->code ? e->message : "");
	if (p->now.error[0] && !was_bad)
		log_warn("Mesos metadata: %s", p->now.error);
	else if (!p->now.error[0] && was_bad)
		log_info("Mesos metadata: all sources answer again");
	struct report *letter = xmalloc(sizeof(*letter));
	*letter = p->now;
	free(mailbox_send(&p->reports, letter));
}

static void publish(struct mesos_poller *p, struct mesos_builder *b, bool frozen)
{
	if (p->last)
		builder_carry(b, p->last, frozen);
	struct mesos_snapshot *fresh = mesos_builder_finish(b);
	history_note(fresh, p->last, &p->history);
	mesos_snapshot_free(p->last);
	p->last = layers_settle(fresh);
	p->now.success = p->last->time;
	p->now.tasks = p->last->visible;
	for (unsigned i = 0; i < MESOS_READERS; i++)
		mesos_snapshot_free(mailbox_send(&p->snapshots[i], mesos_snapshot_ref(p->last)));
}

static void one_round(struct mesos_poller *p)
{
	struct mesos_builder *b = mesos_builder_new(time_now());
	struct err master = {0}, marathon = {0}, agent = {0};

	const struct target *leader = ask_masters(p, b, &master);
	bool good = leader != NULL;
	if (good)
		master.code = ERR_NONE; /* another master's trouble */
	else if (!master.code)
		err_set(&master, ERR_FAILED, "no master among the URLs");
	if (!http_is_stopped(p->http))
		good |= ask_agent(p, leader, b, &agent);
	if (!http_is_stopped(p->http))
		good |= ask_marathons(p, b, &marathon);
	if (http_is_stopped(p->http)) {
		mesos_builder_free(b);
		return;
	}
	p->failures = leader ? 0 : p->failures + 1;
	if (leader)
		note_leader(p, leader, b);
	if (good)
		publish(p, b, leader == NULL);
	else
		mesos_builder_free(b);
	tell(p, master.code ? &master : marathon.code ? &marathon : &agent);
}

/* Twice as long after each round without a master; up to a tenth more or less. */
static uint64_t next_wait(struct mesos_poller *p)
{
	uint64_t longest = MAX(BACK_OFF_NS, p->interval);
	uint64_t wait = p->failures < 8 ? MIN(p->interval << p->failures, longest) : longest;
	uint64_t tenth = wait / 10;

	return wait - tenth + (uint64_t)rand_r(&p->seed) * (2 * tenth) / RAND_MAX;
}

static void *run(void *ctx)
{
	struct mesos_poller *p = ctx;

	if (p->thread_begins)
		p->thread_begins();
	while (!http_is_stopped(p->http)) {
		atomic_store(&p->kicked, false);
		uint64_t begin = time_monotonic();
		one_round(p);
		uint64_t wait = next_wait(p);
		uint64_t took = time_monotonic() - begin, gap = MAX(KICK_GAP_NS, 2 * took);
		for (;;) {
			uint64_t now = time_monotonic();
			bool soon = atomic_load(&p->kicked) && !p->failures;
			uint64_t due = begin + (soon ? gap : MAX(wait, gap));
			if (http_is_stopped(p->http) || now >= due)
				break;
			http_sleep(p->http, due - now);
		}
	}
	return NULL;
}

/* ---- start and stop ---- */

/* "principal secret", or {"principal": ..., "secret": ...}; the message shows neither. */
static int read_credentials(struct mesos_poller *p, const char *path, struct err *e)
{
	char line[CREDENTIALS_MAX + 1];
	FILE *f = fopen(path, "re");

	if (!f)
		return err_sys(e, "%s", path);
	size_t n = fread(line, 1, CREDENTIALS_MAX, f);
	fclose(f);
	line[n] = '\0';
	json_t *o = json_loadb(line, n, 0, NULL);
	const char *user = json_string_value(json_object_get(o, "principal"));
	const char *secret = json_string_value(json_object_get(o, "secret"));
	char *save = NULL;
	if (!json_is_object(o)) {
		user = strtok_r(line, " \t\r\n", &save);
		secret = strtok_r(NULL, " \t\r\n", &save);
	}
	if (user && secret) {
		p->user = xstrdup(user);
		p->password = xstrdup(secret);
	}
	json_decref(o);
	explicit_bzero(line, sizeof(line));
	return p->user ? 0 : err_set(e, ERR_FAILED, "%s: no 'principal secret' in it", path);
}

static int add_targets(struct mesos_poller *p, const struct mesos_options *o, struct err *e)
{
	if (!o->n || o->n > TARGETS_MAX)
		return err_set(e, ERR_USAGE, "1 to %u Mesos URLs, not %zu", TARGETS_MAX, o->n);
	for (size_t i = 0; i < o->n; i++) {
		struct poller_target *t = &p->targets[i];
		if (target_init(&t->at, o->urls[i], e))
			return -1;
		p->n_targets++;
		with_credentials(p, &t->at);
		t->role = i && target_port(&t->at) != 5050 ? ROLE_MARATHON : ROLE_MASTER;
	}
	if (!o->agent_url)
		return 0;
	if (target_init(&p->agent, o->agent_url, e))
		return -1;
	with_credentials(p, &p->agent);
	return 0;
}

static void poller_free(struct mesos_poller *p)
{
	mesos_snapshot_free(p->last);
	for (unsigned i = 0; i < MESOS_READERS; i++)
		mesos_snapshot_free(mailbox_take(&p->snapshots[i]));
	free(mailbox_take(&p->reports));
	free(p->shown);
	text_done(&p->body);
	for (size_t i = 0; i < p->n_targets; i++)
		target_done(&p->targets[i].at);
	target_done(&p->agent);
	target_done(&p->leader);
	free(p->leader_pid);
	http_free(p->http);
	free(p->user);
	free(p->password);
	free(p);
}

struct mesos_poller *mesos_poller_start(const struct mesos_options *o, struct err *e)
{
	struct mesos_poller *p = xcalloc(1, sizeof(*p));
	const struct http_options http = {
		.max_body = o->max_body ? o->max_body : MAX_BODY,
		.timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS,
		.ca_file = o->ca_file,
		.no_follow = o->no_follow,
	};

	p->interval = o->interval_ns ? o->interval_ns : INTERVAL_NS;
	p->history.ns = o->history_ns ? o->history_ns : HISTORY_NS;
	p->history.bytes = o->history_bytes ? o->history_bytes : HISTORY_BYTES;
	p->seed = (unsigned)time_monotonic();
	p->thread_begins = o->thread_begins;
	p->no_follow = o->no_follow;
	if (o->credentials_file && read_credentials(p, o->credentials_file, e))
		goto failed;
	if (add_targets(p, o, e))
		goto failed;
	p->http = http_new(&http, e);
	if (!p->http)
		goto failed;
	int why = pthread_create(&p->thread, NULL, run, p);
	if (!why)
		return p;
	err_set(e, ERR_FAILED, "no thread for the Mesos poller: %s", strerror(why));
failed:
	poller_free(p);
	return NULL;
}

struct mesos_snapshot *mesos_poller_take(struct mesos_poller *p, enum mesos_reader who)
{
	return mailbox_take(&p->snapshots[who]);
}

void mesos_poller_health(struct mesos_poller *p, struct mesos_health *out)
{
	struct report *news = mailbox_take(&p->reports);

	if (news) {
		free(p->shown);
		p->shown = news;
	}
	*out = (struct mesos_health){0};
	if (!p->shown)
		return;
	out->answered = p->shown->success;
	out->tasks = p->shown->tasks;
	out->error = p->shown->error[0] ? p->shown->error : NULL;
}

void mesos_poller_status(struct mesos_poller *p, struct text *t)
{
	struct mesos_health h;

	mesos_poller_health(p, &h);
	if (!h.answered) {
		text_str(t, "no Mesos metadata yet");
	} else {
		uint64_t now = time_now();
		text_fmt(t, "Mesos metadata of %zu tasks, %llu s old", h.tasks,
			 (unsigned long long)((now > h.answered ? now - h.answered : 0) /
					      NSEC_PER_SEC));
	}
	if (h.error) {
		text_str(t, "; last error: ");
		text_str(t, h.error);
	}
}

void mesos_poller_kick(struct mesos_poller *p)
{
	if (!atomic_exchange(&p->kicked, true))
		http_wake(p->http);
}

void mesos_poller_stop(struct mesos_poller *p)
{
	if (!p)
		return;
	http_stop(p->http);
	pthread_join(p->thread, NULL);
	poller_free(p);
}

#else

struct mesos_poller *mesos_poller_start(const struct mesos_options *o, struct err *e)
{
	(void)o;
	err_set(e, ERR_FAILED, "built without libcurl: no Mesos metadata");
	return NULL;
}

struct mesos_snapshot *mesos_poller_take(struct mesos_poller *p, enum mesos_reader who)
{
	(void)p;
	(void)who;
	return NULL;
}

void mesos_poller_status(struct mesos_poller *p, struct text *t)
{
	(void)p;
	text_str(t, "built without libcurl");
}

void mesos_poller_health(struct mesos_poller *p, struct mesos_health *out)
{
	(void)p;
	*out = (struct mesos_health){.error = "built without libcurl"};
}

void mesos_poller_kick(struct mesos_poller *p)
{
	(void)p;
}

void mesos_poller_stop(struct mesos_poller *p)
{
	(void)p;
}

#endif
