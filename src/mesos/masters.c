/* SPDX-License-Identifier: Apache-2.0 */
/* The masters: which of them leads, and what it knows. */
#ifdef HAVE_CURL

#include "mesos/asking.h"

#include <stdlib.h>

#define SETTLE_NS (600 * NSEC_PER_SEC) /* agents have so long to register again */
#define PAGE	  5000u		       /* tasks of one answer, where all are too many */
#define PAGES_MAX 1000u

/* Named differently before 0.25 and from 1.8 on; where none of them may be read, /api/v1. */
static const struct way state_ways[] = {
	{{.path = "/master/state"}, mesos_add_master_state},
	{{.path = "/master/state.json"}, mesos_add_master_state},
	{{.path = "/state.json"}, mesos_add_master_state},
	{{.path = "/api/v1", .body = "{\"type\":\"GET_STATE\"}", .accept = "application/json"},
	 mesos_add_v1},
};

static bool is_standby(const struct mesos_builder *b)
{
	return b->pid && (!b->leader || !str_eq(b->leader, b->pid));
}

/* The state in one piece is larger than an answer may be: without the tasks, and these in pages. */
static int fetch_pages(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
		       struct err *e)
{
	const struct way summary = {{.path = "/state-summary"}, mesos_add_master_state};
	int status = fetch(p, t, &summary, 1, b, e);

	for (unsigned i = 0; !status && i < PAGES_MAX; i++) {
		cleanup_free char *path = xasprintf("/tasks?order=asc&limit=%u&offset=%u", PAGE,
						    i * PAGE);
		const struct way page = {{.path = path}, mesos_add_master_state};
		uint32_t before = b->s->n_tasks;
		status = fetch(p, t, &page, 1, b, e);
		if (b->s->n_tasks == before)
			break;
	}
	return status;
}

static int fetch_state(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
		       struct err *e)
{
	int status = NOT_THERE;

	if (!p->no_stream)
		status = subscribe(p, t, b, e);
	if (status == NOT_THERE)
		status = fetch(p, t, state_ways, ARRAY_SIZE(state_ways), b, e);
	if (status != HTTP_TOO_LARGE)
		return status;
	struct err why = {0};
	int pages = fetch_pages(p, t, b, &why);
	if (pages && pages != NOT_THERE) /* else what is known is that the state is too large */
		*e = why;
	return pages ? -1 : 0;
}

static void like_credentials(struct target *t, const struct target *like)
{
	t->user = like->user ? xstrdup(like->user) : NULL;
	t->password = like->password ? xstrdup(like->password) : NULL;
	t->trusted = like->trusted;
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
	like_credentials(&leader, t);
	int status = fetch_state(p, &leader, b, e);
	if (!status && is_standby(b))
		status = err_set(e, ERR_FAILED, "%s: does not lead either", leader.url);
	target_done(&leader);
	return status ? -1 : 0;
}

static int ask_master(struct mesos_poller *p, struct poller_target *t, struct mesos_builder *b,
		      struct err *e)
{
	int status = fetch_state(p, &t->at, b, e);

	if (!status && is_standby(b))
		return ask_leader(p, &t->at, b, e);
	if (status == NOT_THERE)
		t->role = t == p->targets ? ROLE_MASTER : ROLE_MARATHON;
	return status ? -1 : 0;
}

/* 1 = another one leads than before, which p->leader is from now on; 0 = the same; -1. */
static int see_elected(struct mesos_poller *p, struct err *e)
{
	struct text address = {0};
	bool changed = false;
	int rc = zk_leader(p->zk, &address, &changed, e);

	if (!rc && (changed || !p->leader.url)) {
		target_done(&p->leader);
		rc = target_init(&p->leader, text_cstr(&address), e);
		if (!rc)
			with_credentials(p, &p->leader);
	}
	text_done(&address);
	return rc ? -1 : changed;
}

/* Whom ZooKeeper names leads, and is the one that is asked. */
static const struct target *ask_elected(struct mesos_poller *p, struct mesos_builder *b,
					struct err *e)
{
	if (see_elected(p, e) < 0 || fetch_state(p, &p->leader, b, e))
		return NULL;
	if (!is_standby(b))
		return &p->leader;
	err_set(e, ERR_FAILED, "%s: does not lead yet", p->leader.url);
	return NULL;
}

bool still_streaming(struct mesos_poller *p)
{
	struct err ignored = {0};

	if (p->master.stream && p->zk && zk_has_news(p->zk) && see_elected(p, &ignored) > 0)
		subscription_done(p);
	return p->master.stream != NULL;
}

const struct target *ask_masters(struct mesos_poller *p, struct mesos_builder *b, struct err *e)
{
	if (p->zk)
		return ask_elected(p, b, e);
	for (size_t i = 0; i < p->n_targets && !http_is_stopped(p->http); i++) {
		size_t k = (p->first_master + i) % p->n_targets;
		if (p->targets[k].role != ROLE_MASTER || ask_master(p, &p->targets[k], b, e))
			continue;
		p->first_master = k;
		return &p->targets[k].at;
	}
	if (p->leader.url && !http_is_stopped(p->http) && !fetch_state(p, &p->leader, b, e) &&
	    !is_standby(b))
		return &p->leader;
	return NULL;
}

void note_leader(struct mesos_poller *p, const struct target *asked, struct mesos_builder *b)
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
		if (!p->no_follow && !p->zk &&
		    !target_of_pid(&leader, b->leader, asked, &ignored)) {
			like_credentials(&leader, asked);
			target_done(&p->leader);
			p->leader = leader;
		}
	}
	b->settling = p->leads_since && time_monotonic() - p->leads_since < SETTLE_NS;
}

void targets_done(struct mesos_poller *p)
{
	for (size_t i = 0; i < p->n_targets; i++)
		target_done(&p->targets[i].at);
	target_done(&p->agent);
	target_done(&p->leader);
	free(p->leader_pid);
}

#endif
