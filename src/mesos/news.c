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

/* What is otherwise than it was, and who it is about. */
typedef void changes_of(struct message *m, struct text *changes, const void *row, const void *was);

static void app_changes(struct message *m, struct text *changes, const void *row, const void *was)
{
	const struct app *a = row, *old = was;

	put_change(changes, "version", a->version, old->version);
	put_change(changes, "deployment", a->deployment, old->deployment);
	if (differ(a->labels, old->labels))
		text_str(changes, " other labels");
	put_key(m, META_APP, a->id);
	put_key(m, META_APP_VERSION, a->version);
	put_key(m, META_DEPLOYMENT, a->deployment);
}

static void framework_changes(struct message *m, struct text *changes, const void *row,
			      const void *was)
{
	const struct framework *f = row, *old = was;

	put_change(changes, "name", f->name, old->name);
	put_change(changes, "webui_url", f->webui_url, old->webui_url);
	if (f->active != old->active)
		text_str(changes, f->active ? " an active scheduler" : " no active scheduler");
	put_key(m, META_FRAMEWORK_ID, f->id);
	put_key(m, META_FRAMEWORK, f->name);
}

static void agent_changes(struct message *m, struct text *changes, const void *row, const void *was)
{
	const struct agent *a = row, *old = was;

	put_change(changes, "hostname", a->hostname, old->hostname);
	put_change(changes, "address", a->pid, old->pid);
	if (a->registered != old->registered)
		text_str(changes,
			 a->registered ? " a master that knows it" : " no master that knows it");
	put_key(m, META_AGENT, a->id);
	put_key(m, META_HOSTNAME, a->hostname);
}

static const struct {
	const char *kind, *what;
	changes_of *changes;
} kinds[PAST_KINDS] = {
	[PAST_APP] = {"app_changed", "app", app_changes},
	[PAST_FRAMEWORK] = {"framework_changed", "framework", framework_changes},
	[PAST_AGENT] = {"agent_changed", "agent", agent_changes},
};

/* "app /shop/web has now version=...", or that it is new or gone. */
void news_tell(void *ctx, enum past_kind kind, const void *row, const void *was, uint64_t when)
{
	static const union {
		struct app app;
		struct framework framework;
		struct agent agent;
	} none;
	const struct news *n = ctx;
	const void *any = row ? row : was;
	const char *id = *(const char *const *)any; /* the first of each */
	struct text changes = {0};

	if (!kinds[kind].kind || (kind == PAST_AGENT && !(n->agent && str_eq(n->agent, id))))
		return;
	struct message *m = message_new();
	m->ts = when;
	m->priority = 6;
	m->kind = kinds[kind].kind;
	kinds[kind].changes(m, &changes, any, was ? was : &none);
	text_fmt(&m->text, "%s %s", kinds[kind].what, id);
	if (row && was)
		text_fmt(&m->text, " has now%s", text_cstr(&changes));
	else
		text_fmt(&m->text, " is %s", row ? "new" : "gone");
	if (!row || !was || changes.len)
		message_post(n->box, m);
	else
		message_free(m);
	text_done(&changes);
}
