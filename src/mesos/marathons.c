/* SPDX-License-Identifier: Apache-2.0 */
/* The Marathons: given, or those among the frameworks, whatever they are called. */
#ifdef HAVE_CURL

#include "mesos/asking.h"
#include "mesos/wire.h"

#include <stdlib.h>
#include <strings.h>

#define AGAIN_NS   (600 * NSEC_PER_SEC) /* who is none may be one later */
#define EVENTS_MAX (4u << 20)		/* bytes of one event: a deployment tells all its apps */
#define SLOWLY	   12u			/* intervals between answers where there are events */

static const struct way group_ways[] = {
	{{.path = "/v2/groups?embed=group.groups&embed=group.apps&embed=group.pods"
		  "&embed=group.apps.tasks&embed=group.apps.deployments"},
	 mesos_add_marathon_groups},
};
/* Tasks are embedded in groups since 0.15 only. */
static const struct way app_ways[] = {
	{{.path = "/v2/apps?embed=apps.tasks&embed=apps.deployments"}, mesos_add_marathon_apps},
};
static const struct way pod_ways[] = {
	{{.path = "/v2/pods/::status"}, mesos_add_marathon_pods},
};

static bool ask_marathon(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
			 int *status, struct err *e)
{
	struct err ignored = {0};

	*status = fetch(p, t, group_ways, 1, b, e);
	if (*status < 0)
		return false;
	bool good = !fetch(p, t, app_ways, 1, b, &ignored);
	fetch(p, t, pod_ways, 1, b, &ignored); /* since 1.4 */
	return !*status || good;
}

/* ---- who is one ---- */

static void marathon_done(struct marathon *m)
{
	http_stream_close(m->events);
	target_done(&m->at);
	free(m->framework_id);
}

/* Every active framework with an address may be one, by whatever name. */
static void find_one(struct mesos_poller *p, const struct mesos_framework *f)
{
	struct err ignored = {0};
	struct target at;
	size_t i = 0;

	while (i < p->n_marathons &&
	       !(p->marathons[i].framework_id && str_eq(p->marathons[i].framework_id, f->id)))
		i++;
	if (i == MARATHONS_MAX || target_init(&at, f->webui_url, &ignored))
		return;
	struct marathon *m = &p->marathons[i];
	if (i < p->n_marathons && str_eq(m->at.url, at.url)) {
		target_done(&at);
		return;
	}
	marathon_done(m);
	*m = (struct marathon){.at = at, .framework_id = xstrdup(f->id)};
	if (f->name && !strncasecmp(f->name, "marathon", strlen("marathon")))
		m->is = MARATHON_YES;
	p->n_marathons = MAX(p->n_marathons, i + 1);
}

static int find_marathon(void *ctx, const struct mesos_framework *f)
{
	if (f->active && f->webui_url)
		find_one(ctx, f);
	return 0;
}

/* {"name": "marathon", "frameworkId": ...}: it says so itself, by whatever name it registered. */
static int read_info(struct mesos_builder *b, const char *text, size_t n, struct err *e)
{
	json_t *root = json_text(text, n, "Marathon info", e);
	const char *id = json_name(b, root, "frameworkId");
	const char *name = json_string_value(json_object_get(root, "name"));
	bool good = id && name && str_eq(name, "marathon");

	if (good)
		framework_row(b, id)->marathon = true;
	json_decref(root);
	return good ? 0 : err_set(e, ERR_FAILED, "no Marathon");
}

static void ask_what_it_is(struct mesos_poller *p, struct marathon *m, struct mesos_builder *b)
{
	static const struct way info[] = {{{.path = "/v2/info"}, read_info}};
	struct err ignored = {0};

	m->is = fetch(p, &m->at, info, 1, b, &ignored) ? MARATHON_NO : MARATHON_YES;
	m->due = m->is == MARATHON_NO ? time_monotonic() + AGAIN_NS : 0;
}

/* ---- events ---- */

static void open_events(struct mesos_poller *p, struct marathon *m)
{
	static const struct request request = {.path = "/v2/events", .accept = "text/event-stream"};
	struct err ignored = {0};
	int status;

	if (p->no_stream || m->events || time_monotonic() < m->events_due)
		return;
	m->events = http_stream_open(p->http, &m->at, &request, &status, &ignored);
	m->events_due = time_monotonic() + AGAIN_NS;
}

/* What cannot be understood now will hardly be so soon. */
static void lose_events(struct mesos_poller *p, struct marathon *m, bool understood)
{
	uint64_t wait = understood ? p->interval : AGAIN_NS;

	http_stream_close(m->events);
	m->events = NULL;
	m->due = 0;
	m->events_due = time_monotonic() + wait + at_random(p, wait);
}

static bool take_events(struct mesos_poller *p, struct marathon *m, struct mesos_builder *b)
{
	struct cursor all = http_stream_bytes(m->events), c = all;
	struct text data = {0};
	struct err e = {0};
	bool more = false, any = false;
	int rc;

	while ((rc = sse_next(&c, EVENTS_MAX, &data, &e)) > 0) {
		if (!data.len)
			continue;
		any = true;
		if (mesos_add_marathon_event(b, data.data, data.len, &more, &e)) {
			rc = -1;
			break;
		}
	}
	http_stream_drop(m->events, (size_t)(c.pos - all.pos));
	text_done(&data);
	if (more) {
		m->due = 0;
		atomic_store(&p->kicked, true);
	}
	if (rc < 0 || http_stream_ended(m->events, &e)) {
		lose_events(p, m, rc >= 0);
		err_wrap(&e, "%s/v2/events", m->at.url);
		tell(p, ASKED_MARATHON, &e);
	}
	return any;
}

void marathons_turn(struct mesos_poller *p)
{
	for (size_t i = 0; i < p->n_marathons; i++) {
		if (!p->marathons[i].events)
			continue;
		struct mesos_builder *b = builder_on(p->last, time_now());
		if (take_events(p, &p->marathons[i], b))
			publish(p, b, false);
		else
			mesos_builder_free(b);
	}
}

/* ---- rounds ---- */

static bool ask_found(struct mesos_poller *p, struct marathon *m, struct mesos_builder *b, bool all,
		      bool *asked, struct err *e)
{
	uint64_t now = time_monotonic();
	int status;

	if (m->is == MARATHON_NO && now >= m->due)
		m->is = MARATHON_MAYBE;
	if (m->is == MARATHON_MAYBE && !*asked) {
		*asked = true; /* one in a round: who does not answer costs a while */
		ask_what_it_is(p, m, b);
	}
	if (m->is != MARATHON_YES || (!all && now < m->due))
		return false;
	open_events(p, m);
	m->due = now + (m->events ? SLOWLY * p->interval : 0);
	return ask_marathon(p, &m->at, b, &status, e);
}

/* Given ones are Marathons until they answer as a master; each has its place from then on. */
static void add_given(struct mesos_poller *p)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct target *at = &p->targets[i].at;
		size_t k = 0;
		while (k < p->n_marathons && !str_eq(p->marathons[k].at.url, at->url))
			k++;
		if (p->targets[i].role != ROLE_MARATHON || k < p->n_marathons ||
		    p->n_marathons == MARATHONS_MAX)
			continue;
		struct marathon *m = &p->marathons[p->n_marathons++];
		*m = (struct marathon){.is = MARATHON_YES};
		m->at = (struct target){xstrdup(at->url), at->user ? xstrdup(at->user) : NULL,
					at->password ? xstrdup(at->password) : NULL, at->trusted};
	}
}

static bool were_given(const struct mesos_poller *p)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (p->targets[i].role == ROLE_MARATHON)
			return true;
	return false;
}

bool ask_marathons(struct mesos_poller *p, struct mesos_builder *b, bool all, struct err *e)
{
	bool good = false, asked = false;

	if (were_given(p))
		add_given(p);
	else
		mesos_each_framework(b->s, 0, 0, find_marathon, p);
	for (size_t i = 0; i < p->n_marathons && !http_is_stopped(p->http); i++)
		good |= ask_found(p, &p->marathons[i], b, all, &asked, e);
	return good;
}

void marathons_done(struct mesos_poller *p)
{
	for (size_t i = 0; i < p->n_marathons; i++)
		marathon_done(&p->marathons[i]);
}

#endif
