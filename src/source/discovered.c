/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "source/inside.h"

#define MAX_FACTS 65536 /* kept for an event thread that does not take them */

struct discovered *discovered_ref(const struct discovered *c)
{
	struct discovered *mine = (struct discovered *)c;
	atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
	return mine;
}

void discovered_unref(const struct discovered *c)
{
	struct discovered *mine = (struct discovered *)c;
	if (!mine || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < META_KEYS; i++)
		free((void *)mine->record.meta[i]);
	for (size_t i = 0; mine->cgroup_dirs[i]; i++)
		free((void *)mine->cgroup_dirs[i]);
	free((void *)mine->cgroup_dirs);
	free((void *)mine->cgroup);
	free(mine->ifaces);
	free((void *)mine->final);
	free(mine);
}

struct discovered *discovered_new(const struct container *c)
{
	struct discovered *out = xcalloc(1, sizeof(*out));
	atomic_init(&out->refs, 1);
	out->key = c->key;
	const char **meta = out->record.meta;
	for (size_t i = 0; i < META_KEYS; i++)
		if (c->identity.meta[i])
			meta[i] = xstrdup(c->identity.meta[i]);
	bool from_env = meta[META_APP] || meta[META_TASK];
	meta[META_CONTAINER] = xstrdup(c->id.id);
	meta[META_RUNTIME] = xstrdup(c->id.runtime);
	meta[META_RUNG] = xstrdup(from_env ? "env" : "cgroup");
	if (!meta[META_NAME] && meta[META_TASK])
		meta[META_NAME] = xstrdup(meta[META_TASK]);
	const char **dirs = xcalloc(c->dir_count + 1, sizeof(*dirs));
	size_t n = 0;
	for (size_t i = 0; i < c->dir_count; i++) {
		if (!c->dirs[i]->top)
			continue;
		if (!n)
			out->cgroup = xstrdup(c->dirs[i]->rel);
		dirs[n++] = xstrdup(c->dirs[i]->path);
	}
	out->cgroup_dirs = dirs;
	out->record.pid = c->first.pid;
	memcpy(out->comm, c->first.comm, sizeof(out->comm));
	out->netns_owner = c->key;
	return out;
}

struct discovered *discovered_copy(const struct discovered *c)
{
	struct discovered *out = xcalloc(1, sizeof(*out));
	memcpy(out, c, sizeof(*out));
	atomic_init(&out->refs, 1);
	for (size_t i = 0; i < META_KEYS; i++)
		out->record.meta[i] = c->record.meta[i] ? xstrdup(c->record.meta[i]) : NULL;
	out->cgroup = c->cgroup ? xstrdup(c->cgroup) : NULL;
	size_t n = 0;
	while (c->cgroup_dirs[n])
		n++;
	const char **dirs = xcalloc(n + 1, sizeof(*dirs));
	for (size_t i = 0; i < n; i++)
		dirs[i] = xstrdup(c->cgroup_dirs[i]);
	out->cgroup_dirs = dirs;
	out->ifaces = xcalloc(c->iface_count + 1, sizeof(*out->ifaces));
	if (c->iface_count)
		memcpy(out->ifaces, c->ifaces, c->iface_count * sizeof(*out->ifaces));
	out->final = NULL;
	return out;
}

static bool str_same(const char *a, const char *b)
{
	return a == b || (a && b && str_eq(a, b));
}

bool discovered_same(const struct discovered *a, const struct discovered *b)
{
	for (size_t i = 0; i < META_KEYS; i++)
		if (!str_same(a->record.meta[i], b->record.meta[i]))
			return false;
	for (size_t i = 0;; i++) {
		if (!str_same(a->cgroup_dirs[i], b->cgroup_dirs[i]))
			return false;
		if (!a->cgroup_dirs[i])
			break;
	}
	return a->record.start == b->record.start && a->record.end == b->record.end &&
	       a->parent == b->parent && a->netns_owner == b->netns_owner && a->netns == b->netns &&
	       a->host_network == b->host_network && a->record.pid == b->record.pid &&
	       a->iface_count == b->iface_count &&
	       (!a->iface_count ||
		!memcmp(a->ifaces, b->ifaces, a->iface_count * sizeof(*a->ifaces)));
}

static struct discover_fact *fact_room(struct discovery *l)
{
	if (l->fact_count >= MAX_FACTS) { /* nobody listens: the older half goes */
		for (size_t i = 0; i < MAX_FACTS / 2; i++)
			discovered_unref(l->facts[i].container);
		l->fact_count -= MAX_FACTS / 2;
		memmove(l->facts, l->facts + MAX_FACTS / 2, l->fact_count * sizeof(*l->facts));
	}
	GROW(l->facts, l->fact_count, l->fact_cap);
	return &l->facts[l->fact_count++];
}

static struct discovery *draft(struct discover *d)
{
	if (!d->draft)
		d->draft = xcalloc(1, sizeof(*d->draft));
	return d->draft;
}

struct discover_fact *fact_add(struct discover *d, enum discover_fact_kind kind, uint64_t ts,
			       const struct discovered *c)
{
	struct discover_fact *f = fact_room(draft(d));
	*f = (struct discover_fact){.kind = kind, .ts = ts, .container = discovered_ref(c)};
	return f;
}

static void sockets_move(struct discovery *to, struct socket_table *t)
{
	socket_table_free(to->sockets);
	to->sockets = t;
}

void sockets_add(struct discover *d, struct socket_table *t)
{
	sockets_move(draft(d), t);
}

static void snapshot_clear(struct discovery *l)
{
	for (size_t i = 0; i < l->container_count; i++)
		discovered_unref(l->containers[i]);
	free(l->containers);
	l->containers = NULL;
	l->container_count = 0;
}

void discovery_free(struct discovery *l)
{
	if (!l)
		return;
	snapshot_clear(l);
	for (size_t i = 0; i < l->fact_count; i++)
		discovered_unref(l->facts[i].container);
	free(l->facts);
	socket_table_free(l->sockets);
	free(l);
}

static void snapshot_fill(const struct discover *d, struct discovery *l)
{
	l->containers = xcalloc(d->n + 1, sizeof(*l->containers));
	for (size_t i = 0; i < d->n; i++)
		if (d->containers[i]->pub)
			l->containers[l->container_count++] = discovered_ref(d->containers[i]->pub);
}

void letter_send(struct discover *d)
{
	struct discovery *l = mailbox_take(&d->letters), *fresh = draft(d);
	d->draft = NULL;
	if (l) { /* a letter nobody took: its facts come first in the new one */
		for (size_t i = 0; i < fresh->fact_count; i++)
			*fact_room(l) = fresh->facts[i];
		fresh->fact_count = 0;
		if (fresh->sockets)
			sockets_move(l, fresh->sockets);
		fresh->sockets = NULL;
		discovery_free(fresh);
	} else {
		l = fresh;
	}
	snapshot_clear(l);
	snapshot_fill(d, l);
	l->generation = ++d->generation;
	discovery_free(mailbox_send(&d->letters, l));
	eventfd_write(d->out_fd, 1);
}
