/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as a whole, and events: whose each one is, by interface, notice or port, and what it
 * adds to what is known of him. */
#include "state/inside.h"

#include <stdlib.h>

#define STATE_MAX_IFACES (1u << 20)

static const char *const first_rungs[] = {"unknown", "port", "record"};

/* There are few; more than have a place count as unknown. */
unsigned rung_of(struct state *s, const char *name)
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

static bool is_gone(const void *state, uint32_t container, uint64_t ts)
{
	const struct state *s = state;
	uint64_t end = s->containers[s->containers[container]->now]->end;

	return end && end < ts;
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
