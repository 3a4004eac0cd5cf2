/* SPDX-License-Identifier: Apache-2.0 */
/* The poller: rounds of requests on a thread of its own. */
#include "mesos/asking.h"

#ifdef HAVE_CURL

#include <stdio.h>
#include <stdlib.h>

#define INTERVAL_NS   (5 * NSEC_PER_SEC)
#define KICK_GAP_NS   (NSEC_PER_SEC / 2)
#define MAX_BODY      (64u << 20)
#define TIMEOUT_MS    10000u
#define BACK_OFF_NS   (60 * NSEC_PER_SEC)
#define HISTORY_NS    (24 * 3600 * NSEC_PER_SEC)
#define HISTORY_BYTES (64u << 20)

/* Those of other releases, and what some of them do not let everybody read. */
static bool is_unknown(int status)
{
	return status == 403 || status == 404 || status == 405 || status == 406 || status == 410 ||
	       status == 415 || status == 501;
}

int fetch(struct mesos_poller *p, const struct target *t, const struct way *ways, size_t n,
	  struct mesos_builder *b, struct err *e)
{
	struct err why = {0};
	int status = NOT_THERE;

	for (size_t i = 0; i < n && is_unknown(status); i++) {
		status = http_ask(p->http, t, &ways[i].request, &p->body, &why);
		if (status == 200) {
			if (!ways[i].add(b, p->body.data ? p->body.data : "", p->body.len, &why))
				return 0;
			err_wrap(&why, "%s", t->url);
		} else if (status >= 0) {
			if (status == 401)
				login_refused(p->login);
			err_set(&why, ERR_FAILED, "%s: HTTP status %d", t->url, status);
		}
	}
	*e = why;
	return is_unknown(status) ? NOT_THERE : status == HTTP_TOO_LARGE ? status : -1;
}

int target_of_pid(struct target *t, const char *pid, const struct target *like, struct err *e)
{
	const char *at = pid ? strrchr(pid, '@') : NULL; /* no "user:password@" of its own */

	if (!at || !at[1])
		return err_set(e, ERR_FAILED, "no address in '%s'", pid ? pid : "");
	cleanup_free char *url = xasprintf(
		"%s://%s", like && str_starts(like->url, "https:") ? "https" : "http", at + 1);
	return target_init(t, url, e);
}

void with_credentials(const struct mesos_poller *p, struct target *t)
{
	const char *user = login_user(p->login);

	t->trusted = login_has_token(p->login);
	if (t->user || !user)
		return;
	t->user = xstrdup(user);
	t->password = xstrdup(login_secret(p->login));
}

uint64_t at_random(struct mesos_poller *p, uint64_t most)
{
	return (uint64_t)((double)most * rand_r(&p->seed) / RAND_MAX);
}

/* ---- agent of this host ---- */

static const struct way agent_ways[] = {
	{{.path = "/state"}, mesos_add_agent_state},
	{{.path = "/state.json"}, mesos_add_agent_state},
	{{.path = "/api/v1", .body = "{\"type\":\"GET_STATE\"}", .accept = "application/json"},
	 mesos_add_v1},
};
/* The first tells of nested ones too; agents before 1.0 have neither. */
static const struct way container_ways[] = {
	{{.path = "/api/v1",
	  .body = "{\"type\":\"GET_CONTAINERS\",\"get_containers\":"
		  "{\"show_nested\":true,\"show_standalone\":true}}",
	  .accept = "application/json"},
	 mesos_add_v1},
	{{.path = "/containers"}, mesos_add_agent_containers},
};

static bool ask_agent(struct mesos_poller *p, const struct target *master, struct mesos_builder *b,
		      struct err *e)
{
	struct mesos_agent here;
	bool known = agent_of_host(b->s, &here);
	struct target found = {0};
	const struct target *t = &p->agent;
	struct err ignored = {0};

	if (known)
		b->s->agent_id = again(b, here.id);
	if (!t->url) {
		if (known ? target_of_pid(&found, here.pid, master, e)
			  : target_init(&found, "http://127.0.0.1:5051", e))
			return false;
		/* The default is a guess: nobody there is no news, and it gets no credentials. */
		e = known ? e : &ignored;
		if (known)
			with_credentials(p, &found);
		t = &found;
	}
	int status = fetch(p, t, agent_ways, ARRAY_SIZE(agent_ways), b, e);
	bool good = !status;
	if (status >= 0)
		good |= !fetch(p, t, container_ways, ARRAY_SIZE(container_ways), b, &ignored);
	target_done(&found);
	return good;
}

/* ---- rounds ---- */

/* What is wrong with the most important source. */
static void report(struct mesos_poller *p)
{
	struct report *letter = xmalloc(sizeof(*letter));
	unsigned i = 0;

	while (i < ASKED_KINDS && !p->errors[i][0])
		i++;
	snprintf(p->now.error, sizeof(p->now.error), "%s", i < ASKED_KINDS ? p->errors[i] : "");
	*letter = p->now;
	free(mailbox_send(&p->reports, letter));
}

void tell(struct mesos_poller *p, enum asked who, const struct err *e)
{
	static const char *const names[] = {"the master", "its stream of events", "Marathon",
					    "the agent"};
	bool was_bad = p->errors[who][0] != '\0';

	snprintf(p->errors[who], sizeof(p->errors[who]), "%s", e->code ? e->message : "");
	if (e->code && !was_bad)
		log_warn("Mesos metadata: %s", p->errors[who]);
	else if (!e->code && was_bad)
		log_info("Mesos metadata: %s answers again", names[who]);
	report(p);
}

static bool says_nothing(const struct mesos_snapshot *layer)
{
	return !layer->n_tasks && !layer->n_holders && !layer->n_agents && !layer->n_frameworks &&
	       !layer->n_apps && !layer->n_app_tasks;
}

void publish(struct mesos_poller *p, struct mesos_builder *b, bool frozen)
{
	uint64_t now = time_monotonic();
	bool whole = !b->s->below || b->whole || now - p->whole_since > MESOS_KEEP_NS;

	if (!frozen)
		p->now.success = b->s->time;
	if (!whole && says_nothing(b->s)) { /* a heartbeat */
		mesos_builder_free(b);
		return;
	}
	if (p->last && !b->s->below)
		builder_carry(b, p->last, frozen);
	struct mesos_snapshot *fresh = mesos_builder_finish(b);
	if (whole) {
		p->whole_since = now;
		fresh = layers_unite(fresh);
	}
	struct news news = {p->news, fresh->agent_id};
	history_note(fresh, p->last, &p->history, p->news ? news_tell : NULL, &news);
	mesos_snapshot_free(p->last);
	p->last = layers_settle(fresh);
	p->now.tasks = p->last->visible;
	for (unsigned i = 0; i < MESOS_READERS; i++)
		mesos_snapshot_free(mailbox_send(&p->snapshots[i], mesos_snapshot_ref(p->last)));
}

static void one_round(struct mesos_poller *p)
{
	bool streaming = still_streaming(p);
	struct mesos_builder *b = streaming ? builder_on(p->last, time_now())
					    : mesos_builder_new(time_now());
	struct err master = {0}, marathon = {0}, agent = {0};
	const struct target *leader = &p->leader;

	bool good = !login_turn(p->login, p->http, &master);
	if (!streaming) {
		leader = good ? ask_masters(p, b, &master) : NULL;
		good = leader != NULL;
		if (good)
			master.code = ERR_NONE; /* another master's trouble */
		else if (!master.code)
			err_set(&master, ERR_FAILED, "no master among the URLs");
	}
	if (!http_is_stopped(p->http))
		good |= ask_agent(p, leader && leader->url ? leader : NULL, b, &agent);
	if (!http_is_stopped(p->http))
		good |= ask_marathons(p, b, !streaming, &marathon);
	if (http_is_stopped(p->http)) {
		mesos_builder_free(b);
		return;
	}
	p->failures = leader ? 0 : p->failures + 1;
	if (leader && !streaming)
		note_leader(p, leader, b);
	if (good)
		publish(p, b, leader == NULL);
	else
		mesos_builder_free(b);
	if (!streaming)
		tell(p, ASKED_MASTER, &master);
	tell(p, ASKED_MARATHON, &marathon);
	tell(p, ASKED_AGENT, &agent);
}

/* Twice as long after each round without a master; up to a tenth more or less. */
static uint64_t next_wait(struct mesos_poller *p)
{
	uint64_t longest = MAX(BACK_OFF_NS, p->interval);
	uint64_t wait = p->failures < 8 ? MIN(p->interval << p->failures, longest) : longest;

	return wait - wait / 10 + at_random(p, 2 * (wait / 10));
}

/* Until the next round; what streams say meanwhile is published at once. */
static void wait_for_round(struct mesos_poller *p, uint64_t begin)
{
	uint64_t wait = next_wait(p);
	uint64_t took = time_monotonic() - begin, gap = MAX(KICK_GAP_NS, 2 * took);
	bool was_streaming = p->master.stream != NULL;

	for (;;) {
		if (p->last) {
			subscription_turn(p);
			marathons_turn(p);
		}
		uint64_t now = time_monotonic(), due = begin + MAX(wait, gap);
		if ((atomic_load(&p->kicked) && !p->failures) || (p->zk && zk_has_news(p->zk)))
			due = begin + gap;
		if (was_streaming && !p->master.stream)
			due = MIN(due, subscription_due(p));
		if (http_is_stopped(p->http) || now >= due)
			return;
		uint64_t next = p->master.stream ? MIN(due, subscription_due(p)) : due;
		http_sleep(p->http, next > now ? next - now : 0);
	}
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
		wait_for_round(p, begin);
	}
	return NULL;
}

/* ---- start and stop ---- */

static int add_targets(struct mesos_poller *p, const struct mesos_options *o, struct err *e)
{
	if (!o->n || o->n > TARGETS_MAX)
		return err_set(e, ERR_USAGE, "1 to %u Mesos URLs, not %zu", TARGETS_MAX, o->n);
	for (size_t i = 0; i < o->n; i++) {
		struct poller_target *t = &p->targets[p->n_targets];
		if (zk_is_url(o->urls[i])) {
			if (p->zk)
				return err_set(e, ERR_USAGE, "more than one zk:// URL");
			p->zk = zk_open(o->urls[i], e);
			if (!p->zk)
				return -1;
			continue;
		}
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
	subscription_done(p);
	marathons_done(p);
	mesos_snapshot_free(p->last);
	for (unsigned i = 0; i < MESOS_READERS; i++)
		mesos_snapshot_free(mailbox_take(&p->snapshots[i]));
	free(mailbox_take(&p->reports));
	free(p->shown);
	text_done(&p->body);
	targets_done(p);
	zk_close(p->zk);
	http_free(p->http);
	login_free(p->login);
	free(p);
}

static int open_all(struct mesos_poller *p, const struct mesos_options *o, struct err *e)
{
	const struct http_options http = {
		.max_body = p->max_body,
		.timeout_ms = p->timeout_ms,
		.ca_file = o->ca_file,
		.no_follow = o->no_follow,
	};

	p->login = login_new(o, e);
	if (!p->login || add_targets(p, o, e))
		return -1;
	p->http = http_new(&http, e);
	if (!p->http)
		return -1;
	if (p->zk)
		zk_wakes(p->zk, p->http);
	int why = pthread_create(&p->thread, NULL, run, p);
	if (why)
		err_set(e, ERR_FAILED, "no thread for the Mesos poller: %s", strerror(why));
	return why ? -1 : 0;
}

struct mesos_poller *mesos_poller_start(const struct mesos_options *o, struct err *e)
{
	struct mesos_poller *p = xcalloc(1, sizeof(*p));

	p->interval = o->interval_ns ? o->interval_ns : INTERVAL_NS;
	p->max_body = o->max_body ? o->max_body : MAX_BODY;
	p->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
	p->history.ns = o->history_ns ? o->history_ns : HISTORY_NS;
	p->history.bytes = o->history_bytes ? o->history_bytes : HISTORY_BYTES;
	p->seed = (unsigned)time_monotonic();
	p->news = o->news;
	p->thread_begins = o->thread_begins;
	p->no_follow = o->no_follow;
	p->no_stream = o->no_stream;
	if (!open_all(p, o, e))
		return p;
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
