/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there: records become containers, which are known by several ids and were not always what
 * they are now. */
#include "state/inside.h"

#include <stdio.h>
#include <stdlib.h>

#define STATE_MAX_CONTAINERS (1u << 20)

/* What makes two records the same container: its id; a foreign file may only tell task or app. */
static const char *record_key(const struct container_record *r)
{
	static const enum meta_key order[] = {META_CONTAINER, META_TASK, META_NAME, META_APP};

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		if (r->meta[order[i]])
			return r->meta[order[i]];
	return NULL;
}

static struct container *new_container(struct state *s)
{
	struct container *fresh = xcalloc(1, sizeof(*fresh));

	fresh->index = fresh->now = (uint32_t)s->container_count;
	fresh->past = CONTAINER_NONE;
	fresh->rung = RUNG_RECORD;
	GROW(s->containers, s->container_count, s->container_cap);
	s->containers[s->container_count++] = fresh;
	s->context.version++;
	return fresh;
}

static void set_meta(struct container *c, enum meta_key k, const char *value)
{
	size_t n = strlen(value);

	free(c->meta[k]);
	c->meta[k] = memcpy(xcalloc(1, MAX(n + 1, CONTAINER_META_ROOM)), value, n);
	c->plain &= ~(1u << k);
	c->plain |= (uint32_t)(n <= UINT16_MAX && text_is_plain(value, n)) << k;
	c->meta_len[k] = (uint16_t)n;
}

/* What was not known of it then is what was learnt first. */
static void tell_past(struct state *s, const struct container *c, enum meta_key k)
{
	for (uint32_t i = c->past; i != CONTAINER_NONE; i = s->containers[i]->past)
		if (!s->containers[i]->meta[k])
			set_meta(s->containers[i], k, c->meta[k]);
}

/* As readlink of /proc/PID/ns/net has it, which is no id of a container. */
static const char *netns_key(uint64_t inode, char out[32])
{
	snprintf(out, 32, "net:[%llu]", (unsigned long long)inode);
	return out;
}

/* Numbers of namespaces come again. */
static struct container *living_in(const struct state *s, uint64_t netns)
{
	char key[32];
	int64_t found = netns ? strmap_find(s->by_id, netns_key(netns, key)) : -1;

	return found < 0 || s->containers[found]->end ? NULL : s->containers[found];
}

static void learn(struct state *s, struct container *c, enum meta_key k, const char *value)
{
	if (!value || (c->meta[k] && str_eq(c->meta[k], value)))
		return;
	set_meta(c, k, value);
	s->context.version++;
	tell_past(s, c, k);
	if (k == META_RUNG)
		c->rung = rung_of(s, value);
}

/* It was made before it was known whose namespace that is. */
static void absorb(struct state *s, struct container *c, struct container *from, uint64_t at)
{
	strmap_put(s->by_id, from->meta[META_CONTAINER], c->index);
	counters_merge(&c->measured, &from->measured);
	if (!c->meta[META_NAME])
		learn(s, c, META_NAME, from->meta[META_CONTAINER]);
	from->end = MAX(at, 1u);
}

/* Each has processes: the namespace is shared, or was left since. */
static bool are_two(const struct container *c, const struct container_record *r)
{
	const char *a = c->meta[META_CONTAINER], *b = r->meta[META_CONTAINER];

	return c->pid && r->pid && a && b && !str_eq(a, b);
}

static struct container *find_container(struct state *s, const struct container_record *r,
					const char *key)
{
	struct container *there = living_in(s, r->netns);
	int64_t found = strmap_find(s->by_id, key);
	struct container *named = found < 0 ? NULL : s->containers[found];

	if (there && are_two(there, r))
		return named;
	if (!there || !named || there == named)
		return there ? there : named;
	if (!r->pid)
		return there;
	absorb(s, named, there, r->start);
	return named;
}

/* Another id of the same: whoever has its processes knows best, and the other one is its name. */
static void learn_id(struct state *s, struct container *c, const struct container_record *r)
{
	const char *old = c->meta[META_CONTAINER], *id = r->meta[META_CONTAINER];
	bool other = old && id && !str_eq(old, id);

	if (other && !c->meta[META_NAME])
		learn(s, c, META_NAME, r->pid ? old : id);
	if (!other || r->pid)
		learn(s, c, META_CONTAINER, id);
}

/* ---- how it was ---- */

static bool is_other(const struct container *c, const struct container_record *r)
{
	for (unsigned k = 0; k < META_KEYS; k++)
		if (meta_rows[k].changes && c->meta[k] && r->meta[k] &&
		    !str_eq(c->meta[k], r->meta[k]))
			return true;
	return false;
}

/* What is known of it, without what was measured. */
static struct container *copy_container(struct state *s, const struct container *c)
{
	struct container *copy = new_container(s);

	for (unsigned k = 0; k < META_KEYS; k++)
		if (c->meta[k])
			set_meta(copy, k, c->meta[k]);
	copy->start = c->start;
	copy->past = c->past;
	return copy;
}

/* What it is now goes to a container of its own, with all that was recorded of it so far. */
static void keep_past(struct state *s, struct container *c)
{
	if (s->container_count >= STATE_MAX_CONTAINERS)
		return;
	struct container *was = copy_container(s, c);
	was->rung = c->rung;
	was->has_iface = c->has_iface;
	was->now = c->index;
	c->past = was->index;
	for (size_t i = 0; i < s->iface_count; i++)
		if (s->ifaces[i].container == c->index)
			s->ifaces[i].container = was->index;
	if (s->owners)
		owners_move(s->owners, c->index, was->index);
}

static void take_ports(struct state *s, const struct container *c, uint64_t since)
{
	static const enum meta_key keys[] = {META_PORTS, META_EPHEMERAL};

	for (size_t i = 0; c->meta[META_ADDRESS] && i < ARRAY_SIZE(keys); i++) {
		if (!c->meta[keys[i]])
			continue;
		s->owners = s->owners ? s->owners : owners_new();
		owners_put(s->owners, c->meta[META_ADDRESS], c->meta[keys[i]], since, c->index);
	}
}

void state_take_ports(struct state *s, struct state *from)
{
	for (size_t i = 0; from->owners && i < from->container_count; i++) {
		const struct container *old = from->containers[i];
		struct container *c = copy_container(s, old);
		c->end = old->end;
		c->now = old->now;
	}
	s->owners = from->owners;
	from->owners = NULL;
}

bool state_knows_ports(const struct state *s)
{
	return s->owners;
}

static bool has_ports(const struct container_record *r)
{
	return r->meta[META_PORTS] || r->meta[META_EPHEMERAL] || r->meta[META_ADDRESS];
}

uint32_t state_container(struct state *s, const struct container_record *r)
{
	const char *key = record_key(r);
	char netns[32];

	if (!key || strlen(key) >= CONTAINER_KEY_MAX)
		return CONTAINER_NONE;
	struct container *c = find_container(s, r, key);
	if (!c && s->container_count >= STATE_MAX_CONTAINERS)
		return CONTAINER_NONE;
	if (!c)
		c = new_container(s);
	strmap_put(s->by_id, key, c->index);
	if (r->netns)
		strmap_put(s->by_id, netns_key(r->netns, netns), c->index);
	if (r->recorded && is_other(c, r))
		keep_past(s, c);
	learn_id(s, c, r);
	for (unsigned k = 0; k < META_KEYS; k++)
		if (k != META_CONTAINER)
			learn(s, c, k, r->meta[k]);
	if (r->start)
		c->start = r->start;
	if (r->end || r->pid)
		c->end = r->end;
	if (r->pid)
		c->pid = r->pid;
	if (has_ports(r))
		take_ports(s, c, r->since);
	return c->index;
}

struct container *state_container_find(const struct state *s, const char *id)
{
	int64_t exact = strmap_find(s->by_id, id);
	if (exact >= 0)
		return s->containers[exact];
	if (strlen(id) < 6)
		return NULL;
	struct container *only = NULL;
	for (size_t i = 0; i < s->container_count; i++) {
		const char *full = s->containers[i]->meta[META_CONTAINER];
		if (!full || !str_starts(full, id) || s->containers[i]->now != i)
			continue;
		if (only)
			return NULL;
		only = s->containers[i];
	}
	return only;
}
