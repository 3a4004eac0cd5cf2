/* SPDX-License-Identifier: Apache-2.0 */
/* What changed of apps, frameworks and this host's agent, as notices. */
#include "mesos/inside.h"

static bool differ(const char *a, const char *b)
{
	return a != b && !(a && b && str_eq(a, b));
}

/* " name=now" where it was otherwise. */
static void put_change(struct text *t, const char *name, const char *now, const char *was)
{
	if (differ(now, was))
		text_fmt(t, " %s=%s", name, now ? now : "-");
}

static void put_key(struct message *m, enum meta_key k, const char *value)
{
	if (value)
		notice_add(&m->keys, meta_rows[k].journal, value);
}

/* "app /shop/web" " has now version=...", or that it is new or gone. */
static bool put_change_of(struct message *m, const char *what, const char *id, bool is, bool was,
			  struct text *changes)
{
	bool any = changes->len || is != was;

	text_fmt(&m->text, "%s %s", what, id);
	if (is && was)
		text_fmt(&m->text, " has now%s", text_cstr(changes));
	else
		text_fmt(&m->text, " is %s", is ? "new" : "gone");
	text_done(changes);
	return any;
}

static bool tell_app(struct message *m, const struct app *now, const struct app *was)
{
	static const struct app none;
	const struct app *a = now ? now : was, *old = was ? was : &none;
	struct text changes = {0};

	m->kind = "app_changed";
	put_change(&changes, "version", a->version, old->version);
	put_change(&changes, "deployment", a->deployment, old->deployment);
	if (differ(a->labels, old->labels))
		text_str(&changes, " other labels");
	put_key(m, META_APP, a->id);
	put_key(m, META_APP_VERSION, a->version);
	put_key(m, META_DEPLOYMENT, a->deployment);
	return put_change_of(m, "app", a->id, now, was, &changes);
}

static bool tell_framework(struct message *m, const struct framework *now,
			   const struct framework *was)
{
	static const struct framework none;
	const struct framework *f = now ? now : was, *old = was ? was : &none;
	struct text changes = {0};

	m->kind = "framework_changed";
	put_change(&changes, "name", f->name, old->name);
	put_change(&changes, "webui_url", f->webui_url, old->webui_url);
	if (f->active != old->active)
		text_str(&changes, f->active ? " an active scheduler" : " no active scheduler");
	put_key(m, META_FRAMEWORK_ID, f->id);
	put_key(m, META_FRAMEWORK, f->name);
	return put_change_of(m, "framework", f->id, now, was, &changes);
}

static bool tell_agent(struct message *m, const struct agent *now, const struct agent *was)
{
	static const struct agent none;
	const struct agent *a = now ? now : was, *old = was ? was : &none;
	struct text changes = {0};

	m->kind = "agent_changed";
	put_change(&changes, "hostname", a->hostname, old->hostname);
	put_change(&changes, "address", a->pid, old->pid);
	if (a->registered != old->registered)
		text_str(&changes,
			 a->registered ? " a master that knows it" : " no master that knows it");
	put_key(m, META_AGENT, a->id);
	put_key(m, META_HOSTNAME, a->hostname);
	return put_change_of(m, "agent", a->id, now, was, &changes);
}

void news_tell(void *ctx, enum past_kind kind, const void *row, const void *was, uint64_t when)
{
	const struct news *n = ctx;
	const struct agent *a = row ? row : was;
	struct message *m;
	bool any = false;

	if (kind == PAST_TASK || (kind == PAST_AGENT && !(n->agent && str_eq(n->agent, a->id))))
		return;
	m = message_new();
	m->ts = when;
	m->priority = 6;
	if (kind == PAST_APP)
		any = tell_app(m, row, was);
	else if (kind == PAST_FRAMEWORK)
		any = tell_framework(m, row, was);
	else
		any = tell_agent(m, row, was);
	if (any)
		message_post(n->box, m);
	else
		message_free(m);
}
