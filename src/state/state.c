/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"
#include "state/flows.h"
#include "state/owners.h"

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
	bool ends;	       /* flows are not followed: nothing to measure */
	struct owners *owners; /* NULL = no container has ports */
	struct attribution rungs[ATTRIBUTIONS];
	unsigned rung_count;
	struct context context;
	uint64_t events;
	bool numbered; /* the source gives its events numbers */
	uint64_t last_ts;
};

enum { RUNG_UNKNOWN, RUNG_PORT, RUNG_RECORD };
static const char *const first_rungs[] = {"unknown", "port", "record"};

/* There are few; more than have a place count as unknown. */
static unsigned rung_of(struct state *s, const char *name)
{
	for (unsigned i = 0; i < s->rung_count; i++)
		if (str_eq(s->rungs[i].rung, name))
			return i;
	if (s->rung_count == ATTRIBUTIONS)
		return RUNG_UNKNOWN;
	s->rungs[s->rung_count] = (struct attribution){xstrdup(name), 0};
	return s->rung_count++;
}

static struct state *make_state(struct flows *flows)
{
	struct state *s = xcalloc(1, sizeof(*s));
	s->by_id = strmap_new();
	for (unsigned i = 0; i < ARRAY_SIZE(first_rungs); i++)
		rung_of(s, first_rungs[i]);
	s->flows = flows;
	return s;
}

struct state *state_new(unsigned flows)
{
	return make_state(flows ? flows_new(flows, true) : NULL);
}

struct state *state_new_ends(unsigned flows)
{
	struct state *s = make_state(flows ? flows_new(flows, false) : NULL);

	s->ends = true;
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
	owners_free(s->owners);
	for (unsigned i = 0; i < s->rung_count; i++)
		free((char *)s->rungs[i].rung);
	free(s);
}

void state_forget_flows(struct state *s)
{
	flows_free(s->flows);
	s->flows = NULL;
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

static bool is_gone(const void *state, uint32_t container, uint64_t ts)
{
	const struct state *s = state;
	uint64_t end = s->containers[s->containers[container]->now]->end;

	return end && end < ts;
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

/* ---- interfaces ---- */

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
		if (index != CONTAINER_NONE) {
			i->container = index;
			s->containers[index]->has_iface = true;
		}
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
		if (!full || !str_starts(full, id) || s->containers[i]->now != i)
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

static bool notice_fits(const struct container *c, const struct event *ev)
{
	for (unsigned k = 0; k < META_KEYS; k++) {
		size_t n;
		const char *v = meta_rows[k].changes && c->meta[k]
					? notice_find(ev->data, ev->caplen, meta_rows[k].journal,
						      &n)
					: NULL;
		if (v && (strlen(c->meta[k]) != n || memcmp(c->meta[k], v, n)))
			return false;
	}
	return true;
}

/* A notice names its container in its own text, as it was then; it needs no interface. */
static uint32_t notice_container(const struct state *s, const struct event *ev)
{
	static const enum meta_key keys[] = {META_CONTAINER, META_TASK};
	char id[CONTAINER_KEY_MAX];
	size_t n = 0;
	const char *p = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !p; i++)
		p = notice_find(ev->data, ev->caplen, meta_rows[keys[i]].journal, &n);
	if (!p || n >= sizeof(id))
		return CONTAINER_NONE;
	memcpy(id, p, n);
	id[n] = '\0';
	int64_t found = strmap_find(s->by_id, id);
	if (found < 0)
		return CONTAINER_NONE;
	for (uint32_t i = (uint32_t)found; i != CONTAINER_NONE; i = s->containers[i]->past)
		if (notice_fits(s->containers[i], ev))
			return i;
	return (uint32_t)found;
}

/* On an interface of nobody alone: by the port of this host's end. */
static struct container *find_owner(struct state *s, struct context *c, struct event *ev)
{
	const struct packet *p = s->owners && c->iface ? context_packet(c) : NULL;
	uint32_t owner = p ? owners_find(s->owners, &p->layer[0], ev->flags, ev->ts, is_gone, s)
			   : OWNER_NONE;

	if (owner == OWNER_NONE)
		return NULL;
	struct container *who = s->containers[owner];
	ev->container = owner;
	c->by_port = true;
	c->repeated = who->has_iface;
	return who;
}

static void count_packet(struct container *c, const struct event *ev)
{
	uint64_t out = (ev->flags & EVENT_DIR_MASK) == EVENT_OUT; /* either is as likely */

	c->packets_out += out;
	c->bytes_out += out * ev->len;
	c->packets_in += !out;
	c->bytes_in += !out * (uint64_t)ev->len;
	c->lost += ev->lost;
}

static void bump(struct counters *k, enum counter_id id, uint64_t by)
{
	counters_set(k, id, k->value[id] + by);
}

/* Each container's own view: a packet between two containers is judged at both. */
static void measure(struct counters *k, const struct flow_facts *f)
{
	bool told = f->retransmission | f->handshake_done | f->refused | f->response;

	/* Zeros are told once. */
	if (LIKELY(!told && counters_has(k, COUNTER_TCP_RETRANSMITS)))
		return;
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
	if (who && c->facts.valid && !s->ends)
		measure(&who->measured, &c->facts);
}

void state_begin(struct state *s, uint64_t first)
{
	s->context.first_ts = first;
}

struct context *state_event(struct state *s, struct event *ev)
{
	struct context *c = &s->context;

	if (ev->num)
		s->numbered = true;
	else if (ev->type != EVENT_COUNTERS && !s->numbered)
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
	c->counters = NULL;
	c->decoded = c->by_port = c->repeated = false;
	c->facts.valid = false;
	struct container *who = state_container_at(s, ev->container);
	if (ev->type == EVENT_PACKET && !who)
		who = find_owner(s, c, ev);
	c->container = who;

	if (ev->type == EVENT_PACKET) {
		s->rungs[!who ? RUNG_UNKNOWN : c->by_port ? RUNG_PORT : who->rung].packets++;
		if (who && !c->repeated)
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

size_t state_attribution(const struct state *s, struct attribution out[ATTRIBUTIONS])
{
	memcpy(out, s->rungs, s->rung_count * sizeof(*out));
	return s->rung_count;
}
