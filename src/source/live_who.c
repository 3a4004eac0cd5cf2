/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live.h"
#include "packet/packet.h"

#include <stdlib.h>

/* A container's last packets may wait in a block of the ring when it ends. */
#define ENDING_NS (3 * RING_RETIRE_MS * NSEC_PER_MSEC)

static const char *container_name(const struct live_container *c)
{
	const char *const *meta = c->d->record.meta;

	return meta[META_NAME] ? meta[META_NAME] : meta[META_CONTAINER];
}

/* "web.0", or the first twelve characters of an id. */
static int name_width(const struct live_container *c)
{
	return c->d->record.meta[META_NAME] ? 200 : 12;
}

/* ---- interfaces ---- */

static int announce(struct live *l, struct live_iface *i)
{
	struct live_container *c = i->container;
	const struct discovered_iface *f = &i->facts;
	struct iface_record r = {.number = i->number,
				 .name = i->name,
				 .container = c ? &c->d->record : NULL,
				 .linktype = i->linktype,
				 .snaplen = l->o.snaplen,
				 .sample = MAX(l->o.sample, 1u),
				 .has_mac = f->has_mac,
				 .has_ipv4 = f->has_ipv4,
				 .has_ipv6 = f->has_ipv6,
				 .ipv6_prefix = f->ipv6_prefix};

	memcpy(r.mac, f->mac, sizeof(r.mac));
	memcpy(r.ipv4, f->ipv4, sizeof(r.ipv4));
	memcpy(r.ipv4_mask, f->ipv4_mask, sizeof(r.ipv4_mask));
	memcpy(r.ipv6, f->ipv6, sizeof(r.ipv6));
	return l->sink->iface(l->sink->ctx, &r);
}

static struct live_iface *iface_new(struct live *l, const struct live_link *link)
{
	struct live_iface *i = xcalloc(1, sizeof(*i));

	i->number = l->numbers++;
	i->linktype = link && link->raw ? LINKTYPE_RAW : LINKTYPE_ETHERNET;
	if (link)
		i->ifindex = link->ifindex;
	return i;
}

static void iface_free(struct live_iface *i)
{
	free(i->name);
	free(i);
}

static void container_adopt(struct live_container *c, struct live_iface *i, const char *name)
{
	GROW(c->ifaces, c->n, c->cap);
	c->ifaces[c->n++] = i;
	i->container = c;
	free(i->name);
	i->name = xasprintf("%.*s:%s", name_width(c), container_name(c), name);
}

struct live_iface *live_who_stranger(struct live *l, struct live_link *link)
{
	struct live_iface *i = iface_new(l, link);

	i->name = xstrdup(link->name);
	link->iface = i;
	return announce(l, i) ? NULL : i;
}

int live_who_asked(struct live *l)
{
	for (size_t i = 0; i < l->links.cap; i++) {
		struct live_link *link = l->links.slots[i].value;

		if (link && link->asked && !link->iface && !live_who_stranger(l, link))
			return 1;
	}
	return 0;
}

struct live_iface *live_who_host_iface(struct live *l, struct live_container *c,
				       const struct live_link *link)
{
	uint32_t ifindex = link ? link->ifindex : 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->ifaces[i]->ifindex == ifindex)
			return c->ifaces[i];
	}
	struct live_iface *i = iface_new(l, link);
	container_adopt(c, i, link ? link->name : c->d->host_network ? "host" : "none");
	return announce(l, i) ? NULL : i;
}

static struct live_iface *find_iface(const struct live_container *c,
				     const struct discovered_iface *f)
{
	for (size_t i = 0; i < c->n; i++) {
		struct live_iface *at = c->ifaces[i];
		if (str_eq(at->facts.name, f->name) && at->facts.ifindex == f->ifindex)
			return at;
	}
	return NULL;
}

/* The record of a container's interface: the one it has, the provisional one, or a new one. */
static int iface_apply(struct live *l, struct live_container *c, const struct discovered_iface *f)
{
	struct live_link *link = f->host_ifindex ? live_link_get(l, f->host_ifindex) : NULL;
	struct live_iface *i = find_iface(c, f);

	if (!i && link && link->iface && !link->iface->container) {
		i = link->iface; /* seen before it was known whose it is */
		container_adopt(c, i, f->name);
	} else if (!i) {
		i = iface_new(l, link);
		container_adopt(c, i, f->name);
	} else {
		free(i->name);
		i->name = xasprintf("%.*s:%s", name_width(c), container_name(c), f->name);
	}
	i->facts = *f;
	if (link) {
		if (link->iface && link->iface != i && link->iface->container)
			link->iface->ifindex = 0;
		link->iface = i;
		link->provisional = 0;
		if (!link->name[0])
			memcpy(link->name, f->host_name, sizeof(link->name));
		i->ifindex = link->ifindex;
		l->filter_dirty = true;
	}
	return announce(l, i);
}

static void address_apply(struct live *l, struct live_iface *i)
{
	if (i->facts.has_ipv4)
		idmap_put(&l->addresses, live_address_key(i->facts.ipv4, 4), i);
	if (i->facts.has_ipv6)
		idmap_put(&l->addresses, live_address_key(i->facts.ipv6, 16), i);
}

/* Only what is captured counts: a packet is seen twice when both of its ends are. */
void live_who_addresses(struct live *l)
{
	idmap_done(&l->addresses);
	l->addresses = (struct idmap){0};
	for (size_t s = 0; s < l->containers.cap; s++) {
		struct live_container *c = l->containers.slots[s].value;

		for (size_t i = 0; c && i < c->n; i++) {
			if (c->ifaces[i]->ifindex)
				address_apply(l, c->ifaces[i]);
		}
	}
}

/* ---- containers ---- */

static struct live_container *container_update(struct live *l, const struct discovered *d)
{
	struct live_container *c = idmap_find(&l->containers, d->key);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		idmap_put(&l->containers, d->key, c);
		l->stats.containers++;
	} else if (c->d->host_network && !l->o.no_host_network) {
		l->host_containers--;
	}
	discovered_ref(d);
	discovered_unref(c->d);
	c->d = d;
	if (d->host_network && !l->o.no_host_network && l->host_containers++ == 0)
		l->filter_dirty = true;
	return c;
}

static void container_free(struct live *l, struct live_container *c)
{
	if (c->d->host_network && !l->o.no_host_network && --l->host_containers == 0)
		l->filter_dirty = true;
	for (size_t i = 0; i < c->n; i++) {
		struct live_link *link = idmap_find(&l->links, c->ifaces[i]->ifindex);

		if (link && link->iface == c->ifaces[i]) {
			link->iface = NULL;
			l->filter_dirty = true;
		}
		iface_free(c->ifaces[i]);
	}
	if (l->sampler)
		sampler_forget(l->sampler, c->d->key);
	idmap_remove(&l->containers, c->d->key);
	discovered_unref(c->d);
	free(c->ifaces);
	free(c);
	l->stats.containers--;
}

static int container_apply(struct live *l, struct live_container *c)
{
	const struct discovered *d = c->d;
	int rc = l->sink->container(l->sink->ctx, &d->record);

	if (d->host_network || d->netns_owner != d->key)
		return rc;
	for (size_t i = 0; i < d->iface_count && !rc; i++)
		rc = iface_apply(l, c, &d->ifaces[i]);
	return rc;
}

/* ---- notices ---- */

static int emit_text(struct live *l, const struct live_container *c, uint64_t ts,
		     enum event_type type, uint32_t lost)
{
	struct event ev = {.ts = ts,
			   .data = (const uint8_t *)l->text.data,
			   .caplen = (uint32_t)l->text.len,
			   .len = (uint32_t)l->text.len,
			   .iface = c && c->n ? c->ifaces[0]->number : IFACE_NONE,
			   .container = CONTAINER_NONE,
			   .type = (uint16_t)type,
			   .weight = 1,
			   .lost = lost};

	if (!live_in_query(l, type, ts))
		return 0;
	l->stats.delivered++;
	return l->sink->event(l->sink->ctx, &ev);
}

static void notice_begin(struct live *l, const struct live_container *c, uint64_t ts,
			 const char *kind, int priority, const char *message)
{
	static const char *const nobody[META_KEYS];

	text_reset(&l->text);
	notice_format(&l->text, ts, kind, priority, c ? c->d->record.meta : nobody, message);
}

static void notice_number(struct live *l, const char *key, uint64_t v)
{
	cleanup_free char *s = xasprintf("%llu", (unsigned long long)v);

	notice_add(&l->text, key, s);
}

static int notice_life(struct live *l, const struct live_container *c, uint64_t ts,
		       const char *kind, const char *verb)
{
	const char *const *meta = c->d->record.meta;
	struct text t = {0};

	text_str(&t, container_name(c));
	text_str(&t, verb);
	if (meta[META_TASK]) {
		text_str(&t, " task=");
		text_str(&t, meta[META_TASK]);
	}
	if (meta[META_APP]) {
		text_str(&t, " app=");
		text_str(&t, meta[META_APP]);
	}
	if (meta[META_IMAGE]) {
		text_str(&t, " image=");
		text_str(&t, meta[META_IMAGE]);
	}
	notice_begin(l, c, ts, kind, 6, text_cstr(&t));
	text_done(&t);
	return emit_text(l, c, ts, EVENT_NOTICE, 0);
}

static int notice_loop(struct live *l, const struct live_container *c,
		       const struct discover_fact *f)
{
	cleanup_free char *message =
		xasprintf("%s is restarted again and again: ended %u times in %u s", f->loop_key,
			  f->count, f->window_s);

	notice_begin(l, c, f->ts, "restart_loop", 4, message);
	notice_add(&l->text, "DREDGE_KEY", f->loop_key);
	notice_number(l, "DREDGE_COUNT", f->count);
	notice_number(l, "DREDGE_SECONDS", f->window_s);
	return emit_text(l, c, f->ts, EVENT_NOTICE, 0);
}

static int notice_listen(struct live *l, const struct live_container *c,
			 const struct discover_fact *f)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct socket_entry *s = &f->socket;
	struct text t = {0};

	if (s->wildcard)
		text_char(&t, '*');
	else if (memcmp(s->local, mapped, sizeof(mapped)) == 0)
		text_ipv4(&t, s->local + 12);
	else
		text_ipv6(&t, s->local);
	cleanup_free char *address = xstrdup(text_cstr(&t));
	const char *protocol = s->protocol == 6 ? "tcp" : "udp";
	text_reset(&t);
	text_fmt(&t, "%s listens on %s %s port %u (pid %d, %s)", container_name(c), protocol,
		 address, s->port, s->pid, s->comm);
	notice_begin(l, c, f->ts, "listen", 6, text_cstr(&t));
	text_done(&t);
	notice_add(&l->text, "DREDGE_PROTOCOL", protocol);
	notice_add(&l->text, "DREDGE_ADDRESS", address);
	notice_number(l, "DREDGE_PORT", s->port);
	notice_number(l, "DREDGE_PID", (uint64_t)MAX(s->pid, 0));
	notice_add(&l->text, "DREDGE_COMM", s->comm);
	return emit_text(l, c, f->ts, EVENT_NOTICE, 0);
}

int live_who_drop(struct live *l, uint64_t lost)
{
	uint64_t ts = time_now();
	cleanup_free char *message = xasprintf("%llu packets lost: the capture ring was full",
					       (unsigned long long)lost);

	notice_begin(l, NULL, ts, "drop", 4, message);
	notice_number(l, "DREDGE_COUNT", lost);
	notice_add(&l->text, "DREDGE_REASON", "ring full");
	return emit_text(l, NULL, ts, EVENT_DROP, (uint32_t)MIN(lost, UINT32_MAX));
}

/* ---- what discovery tells ---- */

/* What runs since long ago has not started now: times of a run begin with the run. */
static int notice_first(struct live *l, const struct live_container *c, uint64_t ts)
{
	uint64_t start = c->d->record.start ? c->d->record.start : ts;

	if (start < l->begun)
		return notice_life(l, c, l->begun, "container_found", " is running");
	return notice_life(l, c, start, "container_start", " started");
}

/* News about a container that may be over and forgotten. */
static int fact_about(struct live *l, const struct discover_fact *f)
{
	struct live_container past = {.d = f->container};
	const struct live_container *c = idmap_find(&l->containers, f->container->key);

	c = c ? c : &past;
	return f->kind == DISCOVER_LOOP ? notice_loop(l, c, f) : notice_listen(l, c, f);
}

static int fact_apply(struct live *l, const struct discover_fact *f)
{
	if (f->kind == DISCOVER_LOOP || f->kind == DISCOVER_LISTEN)
		return fact_about(l, f);
	bool known = idmap_find(&l->containers, f->container->key) != NULL;
	struct live_container *c = container_update(l, f->container);

	int rc = container_apply(l, c);
	if (!rc && !known)
		rc = notice_first(l, c, f->ts);
	if (f->kind == DISCOVER_END)
		c->ended = MAX(time_monotonic(), 1u);
	return rc;
}

int live_who_letter(struct live *l, const struct discovery *letter)
{
	int rc = 0;

	for (size_t i = 0; i < letter->fact_count && !rc; i++)
		rc = fact_apply(l, &letter->facts[i]);
	for (size_t i = 0; i < letter->container_count && !rc; i++) {
		const struct discovered *d = letter->containers[i];
		struct live_container *c = idmap_find(&l->containers, d->key);

		if (!c || c->d != d)
			rc = container_apply(l, container_update(l, d));
	}
	live_who_addresses(l);
	return rc;
}

/* ---- counters ---- */

/* Where counters stand: the first interface of its own, else the first of all. */
static struct live_iface *counters_iface(struct live *l, struct live_container *c)
{
	for (size_t i = 0; i < c->n && !c->d->host_network; i++) {
		if (c->ifaces[i]->facts.name[0])
			return c->ifaces[i];
	}
	return c->n ? c->ifaces[0] : live_who_host_iface(l, c, NULL);
}

static int sample_container(struct live *l, struct live_container *c, uint64_t ts)
{
	struct counters k = {0};

	/* Until its namespace is known, it is not known either that it has no interface. */
	if (!c->n && !c->d->netns)
		return 0;
	sampler_read(l->sampler, c->d, &k);
	counters_set(&k, COUNTER_PACKETS_SEEN, c->packets);
	struct live_iface *i = counters_iface(l, c);
	if (!i)
		return 1;
	if (!live_in_query(l, EVENT_COUNTERS, ts))
		return 0;
	struct event ev = {.ts = ts,
			   .data = (const uint8_t *)&k,
			   .caplen = sizeof(k),
			   .len = sizeof(k),
			   .iface = i->number,
			   .container = CONTAINER_NONE,
			   .type = EVENT_COUNTERS,
			   .weight = 1};
	l->stats.delivered++;
	return l->sink->event(l->sink->ctx, &ev);
}

int live_who_counters(struct live *l, uint64_t ts)
{
	int rc = 0;

	/* Without links net_* stay unknown for once; the cgroup's part is still true. */
	sampler_begin(l->sampler, NULL);
	for (size_t s = 0; s < l->containers.cap && !rc; s++) {
		struct live_container *c = l->containers.slots[s].value;
		if (c && !c->ended)
			rc = sample_container(l, c, ts);
	}
	sampler_end(l->sampler);
	return rc;
}

int live_who_endings(struct live *l, uint64_t now, bool all)
{
	int rc = 0;

	for (size_t s = 0; s < l->containers.cap && !rc; s++) {
		struct live_container *c = l->containers.slots[s].value;

		if (!c || !c->ended)
			continue;
		uint64_t wait = ENDING_NS + (c->d->host_network ? LIVE_HELD_NS : 0);
		if (!all && c->ended + wait > now)
			continue;
		uint64_t end = c->d->record.end ? c->d->record.end : time_now();
		/* A short life may lie between two samples: these are its last counters. */
		rc = sample_container(l, c, end);
		if (!rc)
			rc = notice_life(l, c, end, "container_end", " ended");
		container_free(l, c);
		live_who_addresses(l);
		s--; /* what followed may have moved into this place */
	}
	return rc;
}

void live_who_close(struct live *l)
{
	for (size_t s = 0; s < l->links.cap; s++) {
		struct live_link *link = l->links.slots[s].value;
		if (link && link->iface && !link->iface->container)
			iface_free(link->iface);
	}
	while (l->containers.n) {
		for (size_t s = 0; s < l->containers.cap; s++) {
			if (l->containers.slots[s].value)
				container_free(l, l->containers.slots[s].value);
		}
	}
	idmap_done(&l->containers);
	idmap_done(&l->addresses);
	text_done(&l->text);
}
