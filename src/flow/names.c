/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it: what Mesos and Marathon say of the containers, and of tasks nobody sees but by their
 * ports. */
#include "flow/inside.h"

#define LOOK_NS (2 * NSEC_PER_SEC) /* a task's container is found in so long, if it is at all */

enum news {
	NEWS_NONE,
	NEWS_DETAIL,
	NEWS_CHANGE, /* of what may change while it lives */
	NEWS_NAME    /* its task or app */
};

static enum news news_of(enum meta_key k, bool known)
{
	if (k == META_APP || k == META_TASK)
		return NEWS_NAME;
	return known && meta_rows[k].changes ? NEWS_CHANGE : NEWS_DETAIL;
}

/* What Mesos says of a container wins over what its cgroup and environment said. */
static enum news learn(struct flow *f, const struct container *c, struct container_record *more)
{
	enum news news = NEWS_NONE;

	text_reset(&f->changes);
	for (unsigned k = 0; k < META_KEYS; k++) {
		if (!more->meta[k] || (c->meta[k] && str_eq(c->meta[k], more->meta[k])))
			continue;
		enum news one = news_of(k, c->meta[k]);
		if (one == NEWS_CHANGE)
			text_fmt(&f->changes, " %s=%s", meta_rows[k].key, more->meta[k]);
		news = MAX(news, one);
	}
	if (news == NEWS_NONE)
		return NEWS_NONE;
	more->meta[META_CONTAINER] = c->meta[META_CONTAINER];
	state_container(f->o->state, more);
	return news;
}

static enum news learn_names(struct flow *f, const struct container *c)
{
	struct container_record more = {0};

	if (!f->names || !c->meta[META_CONTAINER])
		return NEWS_NONE;
	if (!mesos_lookup(f->names, c->meta[META_CONTAINER], c->meta[META_NAME], c->meta[META_TASK],
			  more.meta))
		return NEWS_NONE;
	return learn(f, c, &more);
}

/* ---- telling it ---- */

static int tell(struct flow *f, const struct container *c, const char *kind, const char *message,
		uint64_t ts)
{
	text_reset(&f->notice);
	notice_format(&f->notice, ts, kind, 6, (const char *const *)c->meta, message);
	return flow_notice(f, ts);
}

static const char *shown(const char *s)
{
	return s ? s : "-";
}

static int tell_name(struct flow *f, const struct container *c, uint64_t ts)
{
	const char *task = c->meta[META_TASK], *app = c->meta[META_APP];
	cleanup_free char *message =
		c->meta[META_CONTAINER]
			? xasprintf("container %s is task=%s app=%s", c->meta[META_CONTAINER],
				    shown(task), shown(app))
			: xasprintf("ports %s of %s are of task=%s app=%s",
				    shown(c->meta[META_PORTS]), shown(c->meta[META_ADDRESS]),
				    shown(task), shown(app));

	return tell(f, c, "named", message, ts);
}

/* With the time at which it changed, as far as Mesos told that. */
static int tell_change(struct flow *f, const struct container *c, uint64_t now)
{
	const char *task = c->meta[META_TASK];
	uint64_t since = mesos_task_since(f->names, (const char *const *)c->meta);
	cleanup_free char *message = xasprintf(
		"task %s has now%s", task ? task : c->meta[META_CONTAINER], text_cstr(&f->changes));

	return tell(f, c, "changed", message, since >= f->began && since < now ? since : now);
}

static int tell_news(struct flow *f, const struct container *c, enum news news, uint64_t now)
{
	if (news == NEWS_NONE)
		return 0;
	if (flow_describe(f, c->index))
		return 1;
	return news == NEWS_NAME     ? tell_name(f, c, now)
	       : news == NEWS_CHANGE ? tell_change(f, c, now)
				     : 0;
}

int names_of(struct flow *f, uint32_t container)
{
	const struct container *c = state_container_at(f->o->state, container);

	return c ? tell_news(f, c, learn_names(f, c), time_now()) : 0;
}

int names_of_new(struct flow *f, const struct container *c)
{
	if (!f->o->poller)
		return 0;
	enum news news = learn_names(f, c);
	if (!c->meta[META_TASK] && !c->end)
		mesos_poller_kick(f->o->poller);
	return news == NEWS_NAME ? tell_name(f, c, time_now()) : 0;
}

/* ---- tasks without a container of theirs: their ports on interfaces that are nobody's ---- */

struct tenants {
	struct flow *f;
	uint64_t now;
	struct strmap *housed; /* tasks that have containers here */
	struct strmap *found;  /* and that have none */
};

static bool is_tenant(const struct container *c)
{
	return !c->meta[META_CONTAINER] && !c->end && c->meta[META_TASK];
}

/* Known already, or for so long that its container would have been found. */
static bool is_settled(const struct tenants *all, const struct mesos_task *t)
{
	const struct container *c = state_container_find(all->f->o->state, t->meta[META_TASK]);
	const char *state = t->meta[META_TASK_STATE];

	if (c && is_tenant(c))
		return true;
	return (!state || str_eq(state, "TASK_RUNNING")) &&
	       all->now >= MAX(t->since, all->f->began) + LOOK_NS;
}

static int find_tenant(void *ctx, const struct mesos_task *t)
{
	struct tenants *all = ctx;
	struct flow *f = all->f;
	struct state *s = f->o->state;
	const struct container_record id = {.meta[META_TASK] = t->meta[META_TASK]};
	struct container_record more = {0};
	size_t before = state_containers(s);

	if (!t->running || !t->meta[META_PORTS] || !t->meta[META_ADDRESS] ||
	    strmap_find(all->housed, t->meta[META_TASK]) >= 0 || !is_settled(all, t))
		return 0;
	strmap_put(all->found, t->meta[META_TASK], 0);
	const struct container *c = state_container_at(s, state_container(s, &id));
	if (!c)
		return 0;
	memcpy(more.meta, t->meta, sizeof(more.meta));
	more.meta[META_RUNG] = "port";
	enum news news = learn(f, c, &more);
	return tell_news(f, c, state_containers(s) > before ? NEWS_NAME : news, all->now);
}

static int end_tenant(struct tenants *all, const struct container *c)
{
	const struct container_record r = {.meta[META_TASK] = c->meta[META_TASK], .end = all->now};
	cleanup_free char *message = xasprintf("ports %s of %s are no longer of task=%s",
					       shown(c->meta[META_PORTS]),
					       shown(c->meta[META_ADDRESS]), c->meta[META_TASK]);

	state_container(all->f->o->state, &r);
	return tell(all->f, c, "task_end", message, all->now);
}

static bool has_strangers(const struct state *s)
{
	for (uint32_t n = 0; n < state_ifaces(s); n++) {
		const struct iface *i = state_iface_at(s, n);
		if (i && i->container == CONTAINER_NONE)
			return true;
	}
	return false;
}

static int look_for_tenants(struct flow *f, uint64_t now)
{
	const struct state *s = f->o->state;
	struct tenants all = {f, now, strmap_new(), strmap_new()};

	for (uint32_t i = 0; i < state_containers(s); i++) {
		const struct container *c = state_container_at(s, i);
		if (c->meta[META_CONTAINER] && c->meta[META_TASK] && !c->end)
			strmap_put(all.housed, c->meta[META_TASK], 0);
	}
	int rc = mesos_each_here(f->names, find_tenant, &all);
	for (uint32_t i = 0; i < state_containers(s) && !rc; i++) {
		const struct container *c = state_container_at(s, i);
		if (is_tenant(c) && strmap_find(all.found, c->meta[META_TASK]) < 0)
			rc = end_tenant(&all, c);
	}
	strmap_free(all.housed);
	strmap_free(all.found);
	return rc;
}

/* ---- each tick ---- */

int names_turn(struct flow *f, uint64_t now)
{
	struct mesos_snapshot *fresh = f->o->poller ? mesos_poller_take(f->o->poller, MESOS_EVENTS)
						    : NULL;

	if (fresh) {
		mesos_snapshot_free(f->names);
		f->names = fresh;
	}
	for (uint32_t i = 0; fresh && i < state_containers(f->o->state); i++)
		if (names_of(f, i))
			return 1;
	if (!f->names || (!fresh && now < f->looked + NSEC_PER_SEC && now >= f->looked) ||
	    !has_strangers(f->o->state))
		return 0;
	f->looked = now;
	return look_for_tenants(f, now);
}
