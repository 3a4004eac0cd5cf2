/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "source/inside.h"

#define EMPTY_GRACE_NS (20 * NSEC_PER_MSEC) /* without processes so long: ended */
#define LOOK_MIN_NS    (2 * NSEC_PER_MSEC)
#define LOOK_NS	       (5 * NSEC_PER_SEC) /* how long to look often at an incomplete one */
#define MAX_CONTAINERS 8192

static void restart_key(const struct discovered *c, char *out, size_t size)
{
	const char *const *m = c->record.meta;
	const char *task = m[META_TASK], *dot = task ? strrchr(task, '.') : NULL;
	if (m[META_APP])
		snprintf(out, size, "%s", m[META_APP]);
	else if (dot) /* Marathon and Mesos append an instance to a name */
		snprintf(out, size, "%.*s", (int)MIN(dot - task, 120), task);
	else if (m[META_NAME] && !task)
		snprintf(out, size, "%s", m[META_NAME]);
	else if (m[META_IMAGE])
		snprintf(out, size, "%s %s", m[META_IMAGE], c->comm);
	else { /* what runs in which place */
		const char *slash = strrchr(c->cgroup, '/');
		snprintf(out, size, "%.*s %s", (int)MIN(slash - c->cgroup, 80), c->cgroup, c->comm);
	}
}

static void note_restarts(struct discover *d, const struct discovered *c, uint64_t ts)
{
	char key[sizeof(((struct discover_fact *)0)->loop_key)];
	restart_key(c, key, sizeof(key));
	restarts_start(d->restarts, key, c->record.start);
	unsigned count = restarts_end(d->restarts, key, ts);
	if (!count)
		return;
	struct discover_fact *f = fact_add(d, DISCOVER_LOOP, ts, c);
	f->count = count;
	f->window_s = 60;
	memcpy(f->loop_key, key, sizeof(key));
}

static struct counters *last_counters(struct discover *d, struct container *c)
{
	if (c->final || !c->pub)
		return c->final;
	for (size_t i = 0; i < c->pub->iface_count; i++) {
		struct net_link l;
		const struct discovered_iface *f = &c->pub->ifaces[i];
		if (!f->host_ifindex || net_link_get(d->route, f->host_ifindex, &l, NULL) ||
		    !l.has_stats || !str_eq(l.name, f->host_name))
			continue;
		if (!c->final)
			c->final = xcalloc(1, sizeof(*c->final));
		counters_add_link(c->final, &l.stats);
	}
	return c->final;
}

/* Others that used this one's interfaces become owners, and look for themselves. */
static void heirs_dirty(struct discover *d, uint64_t key)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->containers[i]->pub && d->containers[i]->pub->netns_owner == key)
			d->containers[i]->dirty = true;
}

static void life_end(struct discover *d, struct container *c, uint64_t ts)
{
	if (!c->pub && !c->fresh)
		return; /* an old empty directory */
	struct discovered *end = c->pub ? discovered_copy(c->pub) : discovered_new(c);
	if (!c->pub) { /* gone before we caught a process of it */
		end->record.start = c->seen_ts;
		fact_add(d, DISCOVER_START, c->seen_ts, end);
	}
	end->record.end = ts;
	end->final = last_counters(d, c);
	c->final = NULL;
	fact_add(d, DISCOVER_END, ts, end);
	note_restarts(d, end, ts);
	d->scan_sockets |= end->host_network;
	discovered_unref(end);
	discovered_unref(c->pub);
	c->pub = NULL;
}

/* Ready for another life in the same directories (a restarted docker container). */
static void life_reset(struct discover *d, struct container *c)
{
	uint64_t old = c->key;
	idmap_remove(&d->by_key, old);
	c->key = d->next_key++;
	idmap_put(&d->by_key, c->key, c);
	container_leave(c);
	identity_done(&c->identity);
	c->runtime_read = c->fresh = c->dirty = false;
	c->empty = 0;
	c->nsid = NET_NO_NSID;
	c->due = NEVER;
	heirs_dirty(d, old);
}

/* When to look again at one that is not complete: the older the seldomer; then scans must do. */
static uint64_t next_look(const struct container *c, uint64_t now)
{
	uint64_t age = now - c->seen;
	return age < LOOK_NS ? now + MAX(age / 2, LOOK_MIN_NS) : NEVER;
}

static void container_gone_empty(struct discover *d, struct container *c, uint64_t now)
{
	uint64_t ts = time_now();
	if (!c->pub) {
		c->due = next_look(c, now);
		return;
	}
	if (!c->empty)
		c->empty = ts;
	if (ts - c->empty < EMPTY_GRACE_NS) {
		c->due = now + EMPTY_GRACE_NS / 2;
		return;
	}
	life_end(d, c, c->empty);
	life_reset(d, c);
}

static void container_look(struct discover *d, struct container *c, uint64_t now)
{
	struct process p;
	d->pids_of = NULL;
	c->dirty = false;
	c->due = NEVER;
	if (c->first.pid && !process_read(d->options.proc_root, c->first.pid, &p))
		/* Its name changes when a runtime's helper becomes the program. */
		memcpy(c->first.comm, p.comm, sizeof(p.comm));
	else if (c->pidfd < 0) /* before Linux 5.3 only a look tells that it has gone */
		container_leave(c);
	if (!c->first.pid) {
		if (!container_enter(d, c)) {
			container_gone_empty(d, c, now);
			return;
		}
		c->empty = 0;
		if (!c->pub)
			c->seen = now;
	}
	bool settled;
	struct discovered *state = container_describe(d, c, &settled);
	if (!settled)
		c->due = next_look(c, now);
	if (!state)
		return;
	if (c->pub && discovered_same(c->pub, state)) {
		discovered_unref(state);
		return;
	}
	fact_add(d, c->pub ? DISCOVER_CHANGE : DISCOVER_START,
		 c->pub ? time_now() : state->record.start, state);
	d->scan_sockets |= state->host_network || (c->pub && c->pub->host_network);
	discovered_unref(c->pub);
	c->pub = state;
}

/* ---- directories ---- */

static struct container *container_make(struct discover *d, const struct cgroup_id *id, bool fresh)
{
	if (d->n >= MAX_CONTAINERS)
		return NULL;
	struct container *c = xcalloc(1, sizeof(*c));
	c->id = *id;
	c->key = d->next_key++;
	c->fresh = fresh;
	c->seen = time_monotonic();
	c->seen_ts = time_now();
	c->pidfd = -1;
	c->nsid = NET_NO_NSID;
	c->due = NEVER;
	GROW(d->containers, d->n, d->cap);
	d->containers[d->n++] = c;
	idmap_put(&d->by_id, hash_bytes(id->id, strlen(id->id)), c);
	idmap_put(&d->by_key, c->key, c);
	return c;
}

static void dir_added(void *ctx, struct cgdir *dir, void *outer, bool fresh)
{
	struct discover *d = ctx;
	struct cgroup_id id;
	struct container *c = outer;
	if (cgroup_identify(dir->rel, d->options.mesos_cgroup, &id)) {
		dir->top = true;
		c = container_by_id(d, id.id);
		if (!c)
			c = container_make(d, &id, fresh);
	}
	dir->owner = c;
	if (!c)
		return;
	GROW(c->dirs, c->dir_count, c->dir_cap);
	c->dirs[c->dir_count++] = dir;
	c->dirty = true;
}

static void container_drop(struct discover *d, struct container *c)
{
	uint64_t key = c->key;
	for (size_t i = 0; i < c->dir_count; i++)
		c->dirs[i]->owner = NULL;
	idmap_remove(&d->by_id, hash_bytes(c->id.id, strlen(c->id.id)));
	idmap_remove(&d->by_key, key);
	for (size_t i = 0; i < d->n; i++)
		if (d->containers[i] == c) {
			memmove(d->containers + i, d->containers + i + 1,
				(--d->n - i) * sizeof(*d->containers));
			break;
		}
	container_free(c);
	heirs_dirty(d, key);
}

static void dir_removed(void *ctx, struct cgdir *dir)
{
	struct discover *d = ctx;
	struct container *c = dir->owner;
	if (!c)
		return;
	size_t tops = 0;
	for (size_t i = 0; i < c->dir_count; i++)
		tops += c->dirs[i]->top && c->dirs[i] != dir;
	if (dir->top && !tops) {
		life_end(d, c, c->empty ? c->empty : time_now());
		container_drop(d, c);
		return;
	}
	for (size_t i = 0; i < c->dir_count; i++)
		if (c->dirs[i] == dir) {
			memmove(c->dirs + i, c->dirs + i + 1,
				(--c->dir_count - i) * sizeof(*c->dirs));
			break;
		}
	/* Hierarchies go one after the other when a container ends: no reason to look. */
}

static void dir_touched(void *ctx, struct cgdir *dir)
{
	(void)ctx;
	struct container *c = dir->owner;
	if (!c)
		return;
	c->dirty = true;
	if (!c->pub && !c->first.pid)
		c->seen = time_monotonic();
}

void lives_look(struct discover *d, uint64_t now)
{
	for (size_t i = 0; i < d->n; i++) {
		struct container *c = d->containers[i];
		if (c->dirty || c->due <= now)
			container_look(d, c, now);
	}
}

struct watch_hooks lives_hooks(struct discover *d)
{
	return (struct watch_hooks){d, dir_added, dir_removed, dir_touched};
}
