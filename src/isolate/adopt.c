/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers of Mesos' isolator taken over while they run. First each gets a slot and the name of
 * a veth of ours; then the plans are applied as after any restart, and our programs stand in front
 * of the filters that carried its traffic; last these filters go. Each step leaves every packet a
 * way, by theirs or by ours; whatever interrupts this, the next start goes on with it.
 */
#include "isolate/internal.h"

#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- taking ---- */

static int check(struct isolator *i, const struct foreign *f, struct err *e)
{
	uint32_t slot = slot_of(i, f->id);
	struct container c;
	struct net_link l;

	if (f->why[0])
		return err_set(e, ERR_USAGE, "%s", f->why);
	if (slot) { /* begun and not renamed: begin anew */
		container_load(i, slot, &c);
		container_done(&c);
		if (net_link_named(i->host.net, c.veth, &l, NULL) != 1)
			return err_set(e, ERR_USAGE, "container %s is attached already", f->id);
		if (container_undo(i, &c, e))
			return -1;
	}
	if (!slot_free(i))
		return err_set(e, ERR_FAILED, "%d containers are attached already", DP_SLOTS - 1);
	return ports_valid(i, &f->ports, 0, NULL, e);
}

static int take(struct isolator *i, const struct foreign *f, struct err *e)
{
	const struct isolate_request r = {
		.id = f->id, .ports = f->ports, .egress = f->egress, .ingress = f->ingress};
	char netns[32];

	if (check(i, f, e) || ephemeral_take(&i->pool, f->ephemeral_begin,
					     f->ephemeral_end - f->ephemeral_begin + 1, e))
		return -1;
	struct container c = {.slot = slot_free(i), .netns = -1};
	container_begin(i, &c, &r, f->ephemeral_begin, f->ephemeral_end);
	snprintf(netns, sizeof(netns), "/proc/self/fd/%d", f->netns);
	/* Written before the link bears our name, else the next start would take it for a remnant.
	 */
	if (handle_hold(i, f->id, netns, e) || container_write(i, &c, &f->veth, e) ||
	    net_link_rename(i->host.net, f->veth.ifindex, c.veth, e)) {
		container_undo(i, &c, NULL);
		return -1;
	}
	i->shaper |= f->egress.rate > 0;
	return 0;
}

void adopt_take(struct isolator *i)
{
	struct foreigners all;

	foreign_look(i, &all);
	for (size_t k = 0; k < all.n; k++) {
		const struct foreign *f = &all.items[k];
		const char *id = f->id[0] ? f->id : f->veth.name;
		struct err why = {0};
		if (take(i, f, &why))
			tell_container(i, ISOLATE_REQUEST_REFUSED, id, "--adopt-mesos",
				       why.message);
		else
			log_info("isolation: %s was %s of Mesos' isolator", id, f->veth.name);
	}
	foreign_done(&all);
}

/* ---- clearing away ---- */

struct filters {
	const struct isolator *i;
	bool to_ours;		/* only those that send to containers of ours and nobody else */
	struct net_rule *items; /* owned */
	size_t n;
};

/* Of a container whose plan the kernel holds. */
static bool is_ours(const struct isolator *i, uint32_t ifindex)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		if (slot_used(i, slot) && i->datapath.wanted.containers[slot].ifindex == ifindex)
			return !i->missing[slot];
	return false;
}

static bool sends_to_ours(const struct isolator *i, const struct net_rule *f)
{
	unsigned ours = 0;

	for (unsigned k = 0; k < f->target_count; k++) {
		if (f->targets[k] && !is_ours(i, f->targets[k]))
			return false;
		ours += f->targets[k] != 0;
	}
	return ours;
}

/* Those of Mesos' isolator, by their priorities: ARP, ICMP, and IP high, normal, low. */
static void take_filter(void *ctx, const struct net_rule *f)
{
	static const uint16_t priorities[] = {258, 514, 769, 770, 771};
	struct filters *out = ctx;
	bool theirs = false;

	for (size_t k = 0; k < ARRAY_SIZE(priorities); k++)
		theirs |= f->priority == priorities[k];
	if (!theirs || (out->to_ours && !sends_to_ours(out->i, f)))
		return;
	out->items = xrealloc(out->items, (out->n + 1) * sizeof(*out->items));
	out->items[out->n++] = *f;
}

static size_t of_priority(const struct filters *all, size_t n, uint16_t priority)
{
	size_t count = 0;

	for (size_t k = 0; k < n; k++)
		count += all->items[k].priority == priority;
	return count;
}

/* A list of u32 would stay behind its last filter, and nobody would know whose it was: where all
 * go, they go with their list, in one step. */
static int clear_filters(const struct isolator *i, struct net_socket *s, const char *link,
			 bool to_ours, struct err *e)
{
	struct filters all = {.i = i}, gone = {.i = i, .to_ours = to_ours};
	struct net_link l;

	if (net_link_named(s, link, &l, e))
		return -1;
	int status = net_rules(s, l.ifindex, NET_TC_INGRESS, take_filter, &all, e) ||
		     net_rules(s, l.ifindex, NET_TC_INGRESS, take_filter, &gone, e);
	for (size_t k = 0; !status && k < gone.n; k++) {
		struct net_rule rule = gone.items[k];
		if (of_priority(&gone, gone.n, rule.priority) ==
		    of_priority(&all, all.n, rule.priority)) {
			if (of_priority(&gone, k, rule.priority))
				continue; /* went with the first */
			rule.handle = 0;
		}
		status = net_rule_delete(s, &rule, e);
	}
	free(all.items);
	free(gone.items);
	return status ? -1 : 0;
}

/* Its limit, which a class on the host holds now. */
static int clear_limit(const struct isolator *i, struct net_socket *inside, struct err *e)
{
	struct net_link l;
	struct net_qdisc q;

	if (net_link_named(inside, i->host.eth.name, &l, e))
		return -1;
	int none = net_qdisc_at(inside, l.ifindex, NET_TC_ROOT, &q, e);
	if (none || q.handle != TC_H_MAKE(1u << 16, 0) || !str_eq(q.kind, "htb"))
		return none < 0 ? -1 : 0;
	return net_qdisc_delete(inside, l.ifindex, NET_TC_ROOT, NULL, e);
}

/* The filters on its veth come last: as long as they are there, it is not done. */
static int clear(const struct isolator *i, const struct container *c, struct err *e)
{
	struct filters left = {.i = i};
	int status = net_rules(i->host.net, c->entry.ifindex, NET_TC_INGRESS, take_filter, &left,
			       e);

	free(left.items);
	if (status || !left.n)
		return status;
	struct net_socket *inside = net_open(c->netns, e);
	if (!inside)
		return -1;
	status = clear_filters(i, i->host.net, i->host.eth.name, true, e) ||
		 clear_filters(i, i->host.net, i->host.lo.name, true, e) ||
		 clear_filters(i, inside, "lo", false, e) ||
		 clear_filters(i, inside, i->host.eth.name, false, e) ||
		 clear_limit(i, inside, e) || clear_filters(i, i->host.net, c->veth, false, e);
	net_close(inside);
	return status ? -1 : 0;
}

void adopt_clear(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		struct container c;
		struct err why = {0};
		if (!slot_used(i, slot) || i->missing[slot])
			continue;
		container_load(i, slot, &c);
		if (clear(i, &c, &why))
			log_warn("isolation: %s: what Mesos' isolator made is not all gone: %s",
				 c.entry.id, why.message);
		container_done(&c);
	}
}
