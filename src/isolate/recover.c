/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was there before us. The port table in the kernel says so, as long as a program that uses it
 * is attached; what it lost, the state file fills in.
 */
#include "isolate/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what is ours in the kernel ---- */

struct own_links { /* host ends of veths */
	unsigned count;
	uint32_t slots[DP_SLOTS], ifindexes[DP_SLOTS];
};

static void look_own(void *ctx, const struct net_link *l)
{
	struct own_links *own = ctx;
	uint32_t slot;
	char name[sizeof(VETH_FORM) + 10];

	if (!str_eq(l->kind, "veth") || sscanf(l->name, VETH_FORM, &slot) != 1 || !slot ||
	    slot >= DP_SLOTS || own->count == DP_SLOTS)
		return;
	snprintf(name, sizeof(name), VETH_FORM, slot);
	if (!str_eq(name, l->name))
		return; /* "dr05" or "dr1a" */
	own->slots[own->count] = slot;
	own->ifindexes[own->count++] = l->ifindex;
}

static struct own_links *own_links(const struct host *h)
{
	struct own_links *own = xcalloc(1, sizeof(*own));

	net_links(h->net, false, look_own, own, NULL);
	return own;
}

static void find_ours(void *ctx, const struct net_bpf_filter *f)
{
	uint32_t *id = ctx;

	if (!strncmp(f->name, "dredge:", 7))
		*id = f->id;
}

uint32_t recover_program(const struct host *h)
{
	struct own_links *own = own_links(h);
	uint32_t id = 0;

	net_filters(h->net, h->eth.ifindex, NET_TC_INGRESS, find_ours, &id, NULL);
	if (!id)
		net_filters(h->net, h->lo.ifindex, NET_TC_INGRESS, find_ours, &id, NULL);
	for (unsigned k = 0; k < own->count && !id; k++)
		net_filters(h->net, own->ifindexes[k], NET_TC_INGRESS, find_ours, &id, NULL);
	free(own);
	return id;
}

/* ---- what the table lost ---- */

static bool has_sense(const struct dp_container *x)
{
	return x->state <= DP_READY && memchr(x->id, '\0', sizeof(x->id)) &&
	       !id_valid(x->id, NULL) && x->ephemeral_begin &&
	       x->ephemeral_begin <= x->ephemeral_end && x->ephemeral_end <= PORT_MAX &&
	       x->until <= INT32_MAX;
}

static void forget_senseless(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (!slot_used(i, slot) || has_sense(&i->datapath.wanted.containers[slot]))
			continue;
		log_warn("isolation: entry %u of the port table makes no sense", slot);
		datapath_put(&i->datapath, slot, &(struct dp_container){0});
	}
}

/* It has all its ports and no others. */
static bool is_whole(const struct isolator *i, uint32_t slot)
{
	struct port_set has;

	datapath_owned(i->datapath.wanted.owners, slot, &has);
	return i->datapath.wanted.containers[slot].ports == hash_bytes(&has, sizeof(has));
}

/* Ports and slot are nobody else's, and his namespace is there. */
static int can_be_filled_in(const struct isolator *i, uint32_t slot, const struct container *c,
			    struct err *e)
{
	struct port_set ports;

	container_ports(c, &ports);
	if (c->netns < 0)
		return err_set(e, ERR_FAILED, "its namespace is gone");
	if (slot != c->slot && slot_used(i, c->slot))
		return err_set(e, ERR_FAILED, "its place is %s's",
			       i->datapath.wanted.containers[c->slot].id);
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		uint64_t owner = i->datapath.wanted.owners[port];
		if (port_set_has(&ports, port) && owner != c->slot && owner < DP_SLOTS &&
		    slot_used(i, (uint32_t)owner) && is_whole(i, (uint32_t)owner))
			return err_set(e, ERR_FAILED, "port %u is %s's", port,
				       i->datapath.wanted.containers[owner].id);
	}
	return 0;
}

static void fill_in(void *ctx, const struct asked *a)
{
	const struct isolate_request r = {.id = a->id,
					  .ports = a->ports,
					  .egress = a->egress,
					  .ingress = a->ingress,
					  .cpus = a->cpus};
	struct isolator *i = ctx;
	uint32_t slot = slot_of(i, a->id);
	struct container c = {.slot = slot ? slot : a->slot, .netns = handle_open(i, a->id)};
	const struct dp_container *has = &i->datapath.wanted.containers[c.slot];
	struct net_link veth;
	struct err why;

	container_fill(i, &c, &r, a->ephemeral_begin, a->ephemeral_end);
	c.entry.until = a->until;
	c.entry.begun = a->begun;
	if (slot && (has->state != DP_READY || is_whole(i, slot))) {
		/* The kernel knows. */
	} else if (can_be_filled_in(i, slot, &c, &why)) {
		log_warn("isolation: what %s says of %s is not used: %s", i->state_path, a->id,
			 why.message);
	} else {
		if (slot)
			c.entry = *has;
		bool gone = net_link_named(i->host.net, c.veth, &veth, NULL);
		container_write(i, &c, gone ? NULL : &veth, NULL);
		log_warn("isolation: the port table had lost %s: filled in from %s", a->id,
			 i->state_path);
	}
	container_done(&c);
}

/* ---- what the table has ---- */

/* The pools may be others than when it was attached: it keeps what it has. */
static void recover_ports(struct isolator *i, const struct container *c)
{
	const struct dp_container *x = &c->entry;
	struct port_set others = c->ports;
	struct text t = {0};
	struct err e;
	uint32_t begin, end;

	if (ephemeral_take(&i->pool, x->ephemeral_begin, x->ephemeral_end - x->ephemeral_begin + 1,
			   &e))
		log_warn("container %s keeps its ports %u-%u: %s", x->id, x->ephemeral_begin,
			 x->ephemeral_end, e.message);
	for (uint32_t at = 0; port_set_next_range(&i->o.ports, at, &begin, &end); at = end + 1)
		port_set_remove(&others, begin, end);
	if (port_set_empty(&others))
		return;
	port_set_text(&t, &others);
	log_warn("container %s keeps ports that are not managed here any more: %s", x->id,
		 text_cstr(&t));
	text_done(&t);
}

/* Nobody knows what it had besides. */
static void keep_the_rest(const struct isolator *i, struct container *c)
{
	log_warn("isolation: %s may have lost ports", c->entry.id);
	container_hash_ports(c);
	datapath_put(&i->datapath, c->slot, &c->entry);
}

static void take_over(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		struct container c;
		struct err e;
		if (!slot_used(i, slot))
			continue;
		container_load(i, slot, &c);
		const struct dp_container *x = &c.entry;
		i->shaper |= x->egress.rate > 0;
		/* What was interrupted in the middle is taken back. */
		if (!slot_ready(i, slot)) {
			/* Until then nobody else gets them. */
			ephemeral_take(&i->pool, x->ephemeral_begin,
				       x->ephemeral_end - x->ephemeral_begin + 1, NULL);
			if (container_undo(i, &c, &e))
				log_warn("container %s stays half changed: %s", x->id, e.message);
			else
				tell_container(i, ISOLATE_DETACHED, x->id, NULL,
					       "it was left half changed");
		} else {
			recover_ports(i, &c);
			if (!is_whole(i, slot))
				keep_the_rest(i, &c);
		}
		container_done(&c);
	}
}

/* What carries our names and belongs to nobody. */
static void sweep(struct isolator *i)
{
	struct own_links *own = own_links(&i->host);
	unsigned count = 0;

	for (unsigned k = 0; k < own->count; k++)
		if (!slot_used(i, own->slots[k])) {
			net_link_delete(i->host.net, own->ifindexes[k], NULL);
			count++;
		}
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		uint64_t owner = i->datapath.wanted.owners[port];
		if (owner && (owner >= DP_SLOTS || !slot_used(i, (uint32_t)owner)))
			datapath_give(&i->datapath, port, 0);
	}
	if (count)
		log_warn("isolation: %u links that belonged to no container were deleted", count);
	free(own);
	handles_sweep(i);
}

static bool any_used(const struct isolator *i)
{
	uint32_t slot = 1;

	while (slot < DP_SLOTS && !slot_used(i, slot))
		slot++;
	return slot < DP_SLOTS;
}

void recover_table(struct isolator *i)
{
	struct err why;

	forget_senseless(i);
	int none = statefile_each(i, fill_in, i, &why);
	/* At the first start there is neither. */
	if (none < 0 || (none && any_used(i)))
		log_warn("isolation: the port table alone says what was asked for: %s",
			 why.message);
	take_over(i);
	sweep(i);
}

int recover_plans(struct isolator *i, struct err *e)
{
	if (host_apply(i, APPLY_PLAN, e))
		return -1;
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		struct container c;
		struct err why = {0};
		if (!slot_ready(i, slot))
			continue;
		container_load(i, slot, &c);
		refused_begin(i, slot);
		statefile_note(i, slot);
		if (container_apply(i, &c, APPLY_PLAN, &why))
			tell_container(i, ISOLATE_QUARANTINED, c.entry.id, NULL, why.message);
		else
			tell_container(i, ISOLATE_RECOVERED, c.entry.id, NULL, NULL);
		container_done(&c);
	}
	statefile_write(i);
	return 0;
}
