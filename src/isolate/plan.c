/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel must hold, in the order in which it is made: a container's
 * interface comes up last, so nothing passes before everything is in place.
 */
#include "isolate/internal.h"

#include <stdio.h>
#include <sys/socket.h>

#define IP4_CONF "ipv4/conf"
#define IP6_CONF "ipv6/conf"

static struct item *add(struct plan *p, enum item_kind kind, bool inside, const char *name)
{
	struct item *it = &p->items[p->count++];

	*it = (struct item){.kind = kind, .inside = inside};
	snprintf(it->name, sizeof(it->name), "%s", name);
	return it;
}

static void add_sysctl(struct plan *p, bool inside, const char *dir, const char *name,
		       const char *key, const char *value)
{
	struct item *it = add(p, ITEM_SYSCTL, inside, name);

	it->dir = dir;
	it->key = key;
	snprintf(it->value, sizeof(it->value), "%s", value);
}

static void add_program(struct plan *p, enum item_kind hook, bool inside, const char *link,
			enum dp_program program)
{
	add(p, hook, inside, link);
	add(p, ITEM_PROGRAM, inside, link)->number = program;
}

static void add_up(struct plan *p, bool inside, const char *link, uint32_t mtu)
{
	add(p, ITEM_UP, inside, link)->number = mtu;
}

static void add_like_host(struct plan *p, const struct host *h, bool inside, const char *link)
{
	struct item *it = add(p, ITEM_UP, inside, link);

	it->number = h->eth.mtu;
	it->mac = true;
}

/* Links that only carry frames say nothing of their own. */
static void add_no_ip6(const struct host *h, struct plan *p, const char *link)
{
	if (h->ip6_kernel)
		add_sysctl(p, false, IP6_CONF, link, "disable_ipv6", "1");
}

static void plan_ip6(const struct host *h, struct plan *p)
{
	if (!h->ip6_kernel)
		return;
	if (!h->address6.ifindex) {
		add_sysctl(p, true, IP6_CONF, "all", "disable_ipv6", "1");
		return;
	}
	add_sysctl(p, true, IP6_CONF, "all", "disable_ipv6",
		   "0"); /* writing it writes the two below */
	add_sysctl(p, true, IP6_CONF, "lo", "disable_ipv6", "0");
	add_sysctl(p, true, IP6_CONF, h->eth.name, "disable_ipv6", "0");
	/* Its addresses and routes are the host's, and what routers say reaches the host alone. */
	add_sysctl(p, true, IP6_CONF, h->eth.name, "accept_ra", "0");
	add_sysctl(p, true, IP6_CONF, h->eth.name, "addr_gen_mode", "1");
}

void plan_host(const struct host *h, bool shaper, const uint32_t *flow_parent, struct plan *p)
{
	*p = (struct plan){0};
	/* What containers send to the host comes in through its loopback, from its own address. */
	add_sysctl(p, false, IP4_CONF, h->lo.name, "accept_local", "1");
	add_sysctl(p, false, IP4_CONF, h->lo.name, "route_localnet", "1");
	/* Segments sized for a larger loopback would not fit through a veth. */
	add_up(p, false, h->lo.name, h->eth.mtu);
	if (shaper) {
		add(p, ITEM_VETH, false, SHAPER_IN);
		add_no_ip6(h, p, SHAPER_IN);
		add_no_ip6(h, p, SHAPER_OUT);
		add(p, ITEM_HTB, false, SHAPER_IN)->number = 0;
		add_program(p, ITEM_INGRESS, false, SHAPER_OUT, DP_SHAPED);
		add(p, ITEM_FIRST, false, SHAPER_OUT);
		add_up(p, false, SHAPER_OUT, h->eth.mtu);
		add_up(p, false, SHAPER_IN, h->eth.mtu);
	}
	if (flow_parent)
		add(p, ITEM_FLOWS, false, h->eth.name)->number = *flow_parent;
	add(p, ITEM_HOST, false, "");
	add_program(p, ITEM_CLSACT, false, h->lo.name, DP_HOST_LO);
	add_program(p, ITEM_CLSACT, false, h->eth.name, DP_WIRE);
}

static void plan_limits(const struct container *c, struct plan *p)
{
	const struct dp_shape *in = &c->entry.ingress, *out = &c->entry.egress;

	if (in->rate) {
		add(p, ITEM_HTB, false, c->veth)->number = 1;
		struct item *it = add(p, ITEM_CLASS, false, c->veth);
		it->number = 1;
		it->shape = (struct shape){in->rate, in->ceil, in->burst};
		add(p, ITEM_LEAF, false, c->veth)->number = 1;
	} else {
		add(p, ITEM_NO_QDISC, false, c->veth);
	}
	struct item *it = add(p, out->rate ? ITEM_CLASS : ITEM_NO_CLASS, false, SHAPER_IN);
	it->number = c->slot;
	it->shape = (struct shape){out->rate, out->ceil, out->burst};
	if (out->rate)
		add(p, ITEM_LEAF, false, SHAPER_IN)->number = c->slot;
}

void plan_container(const struct host *h, const struct container *c, struct plan *p)
{
	char range[32];

	*p = (struct plan){0};
	add(p, ITEM_VETH, false, c->veth);
	add_no_ip6(h, p, c->veth);
	plan_ip6(h, p);
	snprintf(range, sizeof(range), "%u %u", c->entry.ephemeral_begin, c->entry.ephemeral_end);
	add_sysctl(p, true, "ipv4", "ip_local_port_range", NULL, range);
	add_sysctl(p, true, IP4_CONF, "lo", "accept_local", "1");
	add_sysctl(p, true, IP4_CONF, "lo", "route_localnet", "1");
	add_sysctl(p, true, IP4_CONF, h->eth.name, "accept_local", "1");
	add_up(p, true, "lo", h->eth.mtu);
	add_program(p, ITEM_INGRESS, true, "lo", DP_INNER_LO);
	add_program(p, ITEM_INGRESS, true, h->eth.name, DP_INNER_ETH);
	add_like_host(p, h, true, h->eth.name);
	add(p, ITEM_ADDRESS, true, h->eth.name)->number = AF_INET;
	add(p, ITEM_ROUTE, true, h->eth.name)->number = AF_INET;
	if (h->address6.ifindex)
		add(p, ITEM_ADDRESS, true, h->eth.name)->number = AF_INET6;
	if (h->gateway6.ifindex)
		add(p, ITEM_ROUTE, true, h->eth.name)->number = AF_INET6;
	add_program(p, ITEM_INGRESS, false, c->veth, DP_OUT);
	add(p, ITEM_FIRST, false, c->veth);
	plan_limits(c, p);
	/* What is in the table as ready has its ports. */
	add(p, ITEM_PORTS, false, "");
	add(p, ITEM_SLOT, false, "");
	add_like_host(p, h, false, c->veth);
}

/* Of the first count items. */
static void take_back(struct target *t, const struct plan *p, unsigned count, bool made[],
		      const struct before before[])
{
	while (count--)
		if (made[count])
			item_take_back(t, &p->items[count], &before[count]);
}

static int make(struct target *t, const struct item *it, struct before *b, struct err *e)
{
	if (t->how == APPLY_NEW && item_remember(t, it, b, e))
		return -1;
	return item_apply(t, it, e);
}

int plan_apply(struct target *t, const struct plan *p, struct err *e)
{
	const uint32_t slot = t->container ? t->container->slot : 0;
	struct before before[ARRAY_SIZE(p->items)];
	bool made[ARRAY_SIZE(p->items)] = {0};

	for (unsigned i = 0; i < p->count; i++) {
		const struct item *it = &p->items[i];
		bool follow = t->follow && item_follows_host(it);
		bool left = (t->how == APPLY_LOOK && !follow) || !item_is_ours(it);
		int has = item_check(t, it, e);
		bool missing = !has;
		if (missing && !left) {
			has = make(t, it, &before[i], e);
			made[i] = t->how == APPLY_NEW && !has;
		}
		if (has < 0) {
			take_back(t, p, i, made, before);
			return -1;
		}
		t->missing += missing && left;
		if (missing && !follow && (t->how == APPLY_LOOK || t->how == APPLY_REPAIR))
			tell_drift(t->isolator, slot, it, left ? "left alone" : NULL);
	}
	return 0;
}
