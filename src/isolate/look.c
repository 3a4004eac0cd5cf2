/* SPDX-License-Identifier: Apache-2.0 */
/* What is attached, and what the plan says of it beside what the kernel has. */
#include "isolate/internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

void read_refused(const struct isolator *i, uint32_t slot, uint64_t out[DP_COUNTERS])
{
	int cpus = libbpf_num_possible_cpus();
	cleanup_free struct dp_counters *each = xcalloc((size_t)MAX(cpus, 1), sizeof(*each));

	memset(out, 0, DP_COUNTERS * sizeof(*out));
	if (bpf_map_lookup_elem(i->datapath.counters, &slot, each))
		return;
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned k = 0; k < DP_COUNTERS; k++)
			out[k] += each[cpu].packets[k];
}

static int show(struct isolator *i, uint32_t slot,
		int (*fn)(void *ctx, const struct isolate_container *c), void *ctx)
{
	struct container c;

	container_load(i, slot, &c);
	const struct dp_shape *out = &c.entry.egress, *in = &c.entry.ingress;
	cleanup_free char *netns = isolate_netns_path(i, c.entry.id);
	struct isolate_container view = {
		.id = c.entry.id,
		.veth = c.veth,
		.ports = &c.ports,
		.ephemeral_begin = c.entry.ephemeral_begin,
		.ephemeral_end = c.entry.ephemeral_end,
		.egress = {out->rate, out->ceil, out->burst},
		.ingress = {in->rate, in->ceil, in->burst},
		.cpus = c.entry.milli_cpus / 1000.0,
		.missing = i->missing[slot],
		.ending = !slot_ready(i, slot),
		.netns_inode = c.netns < 0 ? 0 : net_namespace_inode(c.netns),
		.netns = netns,
		.slot = slot,
		.shaper = i->datapath.host->shaper,
		.ifindex = c.entry.ifindex,
		.interface = i->host.eth.name,
		.prefix = i->host.address.prefix,
	};
	memcpy(view.address, i->host.address.address, sizeof(view.address));
	memcpy(view.gateway, i->host.gateway.address, sizeof(view.gateway));
	view.prefix6 = i->host.address6.prefix;
	memcpy(view.address6, i->host.address6.address, sizeof(view.address6));
	memcpy(view.gateway6, i->host.gateway6.address, sizeof(view.gateway6));
	memcpy(view.mac, i->host.eth.mac, sizeof(view.mac));
	read_refused(i, slot, view.refused);
	int ended = fn(ctx, &view);
	container_done(&c);
	return ended;
}

int isolate_each(struct isolator *i, const char *id,
		 int (*fn)(void *ctx, const struct isolate_container *c), void *ctx)
{
	int ended = 0;

	if (id) {
		uint32_t slot = slot_of(i, id);
		return slot ? show(i, slot, fn, ctx) : 0;
	}
	for (uint32_t slot = 1; slot < DP_SLOTS && !ended; slot++)
		if (slot_used(i, slot))
			ended = show(i, slot, fn, ctx);
	return ended;
}

void isolate_room(struct isolator *i, struct isolate_room *out)
{
	struct ephemeral_pool pool = i->pool;
	struct port_set taken;
	struct others others;
	uint32_t slots = 0;

	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		slots += !slot_used(i, slot);
	others_look(i, &others);
	others_ports(&others, &taken);
	others_done(&others);
	port_set_join(&pool.used, &taken);
	out->ephemeral = i->o.ephemeral;
	port_set_subtract(&out->ephemeral, &pool.used);
	out->containers = MIN(slots, ephemeral_left(&pool, i->o.ephemeral_per_container));
	out->ports = i->o.ports;
	port_set_subtract(&out->ports, &taken);
	for (uint32_t port = 1; port < DP_PORTS; port++)
		if (i->datapath.wanted.owners[port])
			port_set_remove(&out->ports, port, port);
}

static int explain_plan(struct target *t, const struct plan *p, struct text *out, struct err *e)
{
	for (unsigned k = 0; k < p->count; k++) {
		int has = item_check(t, &p->items[k], e);
		text_str(out, has == 1 ? "ok       " : has ? "unknown  " : "missing  ");
		item_text(&p->items[k], out);
		text_char(out, '\n');
	}
	return 0;
}

int isolate_explain(struct isolator *i, const char *id, struct text *out, struct err *e)
{
	uint32_t slot = id ? slot_of(i, id) : 0;
	struct container c = {.netns = -1};
	struct target t;
	struct plan p;

	if (id && !slot)
		return err_set(e, ERR_USAGE, "no container %.64s", id);
	if (id)
		container_load(i, slot, &c);
	int status = target_open(i, id ? &c : NULL, APPLY_LOOK, &t, e);
	if (!status) {
		if (id)
			plan_container(&i->host, &c, &p);
		else
			plan_host(&i->host, i->shaper, i->flows ? &i->o.flow_parent : NULL, &p);
		status = explain_plan(&t, &p, out, e);
		target_close(&t);
	}
	container_done(&c);
	return status;
}
