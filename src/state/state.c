/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"
#include "state/flows.h"

#include <stdio.h>
#include <stdlib.h>

#define STATE_MAX_IFACES     (1u << 20)
#define STATE_MAX_CONTAINERS (1u << 20)
#define CONTAINER_KEY_MAX    1024u

struct state {
	struct container **containers;
	size_t container_count, container_cap;
	struct strmap *by_id;
	struct iface *ifaces;
	size_t iface_count, iface_cap;
	struct flows *flows;
	struct context context;
	uint64_t events;
	uint64_t last_ts;
};

struct state *state_new(unsigned flows)
{
	struct state *s = xcalloc(1, sizeof(*s));
	s->by_id = strmap_new();
	if (flows)
		s->flows = flows_new(flows);
	return s;
}

static void free_iface(struct iface *i)
{
	free((char *)i->record.name);
	free((char *)i->record.description);
}

void state_free(struct state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->container_count; i++) {
		for (unsigned k = 0; k < META_KEYS; k++)
			free(s->containers[i]->meta[k]);
		free(s->containers[i]);
	}
	for (size_t i = 0; i < s->iface_count; i++)
		free_iface(&s->ifaces[i]);
	free(s->containers);
	free(s->ifaces);
	strmap_free(s->by_id);
	flows_free(s->flows);
	free(s);
}

/* What makes two records the same container: its id; a foreign file may only tell task or app. */
static const char *record_key(const struct container_record *r)
{
	static const enum meta_key order[] = {META_CONTAINER, META_TASK, META_NAME, META_APP};

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		if (r->meta[order[i]])
			return r->meta[order[i]];
	return NULL;
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
	free(c->meta[k]);
	c->meta[k] = xstrdup(value);
	s->context.version++;
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

static struct container *find_container(struct state *s, const struct container_record *r,
					const char *key)
{
	struct container *there = living_in(s, r->netns);
	int64_t found = strmap_find(s->by_id, key);
	struct container *named = found < 0 ? NULL : s->containers[found];

	if (!there || !named || there == named)
		return there ? there : named;
	if (!r->pid)
		return there;
	absorb(s, named, there, r->start);
	return named;
}

static struct container *new_container(struct state *s)
{
	struct container *c = xcalloc(1, sizeof(*c));

	c->index = (uint32_t)s->container_count;
	GROW(s->containers, s->container_count, s->container_cap);
	s->containers[s->container_count++] = c;
	s->context.version++;
	return c;
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
	return c->index;
}

int state_iface(struct state *s, const struct iface_record *r)
{
	if (r->number >= STATE_MAX_IFACES)
		return -1;
	while (s->iface_count <= r->number) {
		GROW(s->ifaces, s->iface_count, s->iface_cap);
		s->ifaces[s->iface_count++] = (struct iface){.container = CONTAINER_NONE};
	}
	struct iface *i = &s->ifaces[r->number];
	struct iface old = *i;
	i->record = *r;
	i->record.name = r->name ? xstrdup(r->name) : NULL;
	i->record.description = r->description ? xstrdup(r->description) : NULL;
	i->record.container = NULL;
	i->known = true;
	s->context.version++;
	free_iface(&old);
	if (r->container) {
		uint32_t index = state_container(s, r->container);
		if (index != CONTAINER_NONE)
			i->container = index;
	}
	return 0;
}

size_t state_containers(const struct state *s)
{
	return s->container_count;
}

struct container *state_container_at(const struct state *s, uint32_t index)
{
	return index < s->container_count ? s->containers[index] : NULL;
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
		if (!full || !str_starts(full, id))
			continue;
		if (only)
			return NULL;
		only = s->containers[i];
	}
	return only;
}

size_t state_ifaces(const struct state *s)
{
	return s->iface_count;
}

const struct iface *state_iface_at(const struct state *s, uint32_t number)
{
	return number < s->iface_count && s->ifaces[number].known ? &s->ifaces[number] : NULL;
}

/* A notice names its container in its own text; it needs no interface. */
static uint32_t notice_container(const struct state *s, const struct event *ev)
{
	char id[CONTAINER_KEY_MAX];
	size_t n;
	const char *p = notice_find(ev->data, ev->caplen, meta_rows[META_CONTAINER].journal, &n);
	if (!p || n >= sizeof(id))
		return CONTAINER_NONE;
	memcpy(id, p, n);
	id[n] = '\0';
	int64_t found = strmap_find(s->by_id, id);
	return found < 0 ? CONTAINER_NONE : (uint32_t)found;
}

static void count_packet(struct container *c, const struct event *ev)
{
	if ((ev->flags & EVENT_DIR_MASK) == EVENT_OUT) {
		c->packets_out++;
		c->bytes_out += ev->len;
	} else {
		c->packets_in++;
		c->bytes_in += ev->len;
	}
	c->lost += ev->lost;
}

static void bump(struct counters *k, enum counter_id id, uint64_t by)
{
	counters_set(k, id, k->value[id] + by);
}

/* Each container's own view: a packet between two containers is judged at both. */
static void measure(struct counters *k, const struct flow_facts *f)
{
	bump(k, COUNTER_TCP_RETRANSMITS, f->retransmission);
	bump(k, COUNTER_TCP_HANDSHAKES, f->handshake_done);
	bump(k, COUNTER_TCP_HANDSHAKE_TIME, f->handshake_done ? f->handshake_time : 0);
	bump(k, COUNTER_TCP_REFUSED, f->refused);
	bump(k, COUNTER_RESPONSES, f->response);
	bump(k, COUNTER_RESPONSE_TIME, f->response ? f->response_time : 0);
}

static void track_flow(struct state *s, struct context *c, struct container *who)
{
	const struct packet *p = context_packet(c);
	if (!p)
		return;
	bool out = (c->ev->flags & EVENT_DIR_MASK) == EVENT_OUT;
	flows_packet(s->flows, c->ev->ts, c->ev->iface, out, p, &c->facts);
	if (who && c->facts.valid)
		measure(&who->measured, &c->facts);
}

struct context *state_event(struct state *s, struct event *ev)
{
	struct context *c = &s->context;

	if (!ev->num && ev->type != EVENT_COUNTERS)
		ev->num = ++s->events;
	const struct iface *i = state_iface_at(s, ev->iface);
	ev->container = i ? i->container : CONTAINER_NONE;
	if (ev->type == EVENT_NOTICE || ev->type == EVENT_DROP)
		ev->container = notice_container(s, ev);

	if (!c->first_ts)
		c->first_ts = ev->ts;
	c->previous_ts = s->last_ts ? s->last_ts : ev->ts;
	s->last_ts = ev->ts;
	c->ev = ev;
	c->iface = i;
	struct container *who = state_container_at(s, ev->container);
	c->container = who;
	c->counters = NULL;
	c->decoded = false;
	c->facts.valid = false;

	if (ev->type == EVENT_PACKET) {
		if (who)
			count_packet(who, ev);
		if (s->flows)
			track_flow(s, c, who);
	} else if (ev->type == EVENT_COUNTERS) {
		c->counters = (const struct counters *)ev->data;
		if (who) {
			counters_merge(&who->counters, c->counters);
			who->sampled = ev->ts;
		}
	}
	return c;
}
