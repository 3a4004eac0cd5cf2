/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else changed in the kernel: noticed, and put right. */
#include "isolate/internal.h"

#define LOOK_NS (900 * NSEC_PER_MSEC) /* about once a second, however often notices come */

int isolate_fd(const struct isolator *i)
{
	return net_fd(i->monitor);
}

/* A class or a queue of somebody is gone, and nobody says whose. */
static void notice_limited(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		i->noticed[slot] |= slot_used(i, slot) && i->datapath.wanted.containers[slot].class;
}

static uint32_t concerned(const struct isolator *i, const struct net_event *ev)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (!slot_used(i, slot))
			continue;
		if (ev->nsid == NET_NO_NSID
			    ? ev->ifindex == i->datapath.wanted.containers[slot].ifindex
			    : ev->nsid == i->nsid[slot])
			return slot;
	}
	return 0;
}

static void take_notice(void *ctx, const struct net_event *ev)
{
	struct isolator *i = ctx;

	i->foreign |= ev->kind == NET_LOST ||
		      (ev->link && str_starts(ev->link->name, FOREIGN_NAME));
	if (ev->kind == NET_LOST)
		memset(i->noticed, true, sizeof(i->noticed));
	else if (ev->kind != NET_NSID && !ev->own) {
		/* What is nobody's may be the host's. */
		i->noticed[concerned(i, ev)] = true;
		if (ev->nsid == NET_NO_NSID && ev->ifindex == i->datapath.host->shaper)
			notice_limited(i);
	}
}

bool isolate_notice(struct isolator *i)
{
	net_monitor_read(i->monitor, take_notice, i, NULL);
	return memchr(i->noticed, true, sizeof(i->noticed));
}

static void look_at_one(struct isolator *i, uint32_t slot, enum apply how)
{
	struct container c;
	struct err why = {0};

	container_load(i, slot, &c);
	/* One container that cannot be kept is no reason to leave the others. */
	if (container_apply(i, &c, how, &why))
		tell_drift(i, slot, NULL, why.message);
	container_done(&c);
}

static void look_at_host(struct isolator *i, enum apply how)
{
	const struct dp_host before = *i->datapath.host;
	struct err why = {0};

	if (host_apply(i, how, &why))
		tell_drift(i, 0, NULL, why.message);
	/* The containers look like the host. */
	if (memcmp(&before, i->datapath.host, sizeof(before)))
		memset(i->noticed, true, sizeof(i->noticed));
	i->noticed[0] = false;
}

/* The table of the kernel is as ours, or its owner is to be looked at. */
static void look_at_table(struct isolator *i, bool repair)
{
	const struct table *have = &i->datapath.kernel, *wanted = &i->datapath.wanted;

	for (uint32_t port = 1; port < DP_PORTS; port++) {
		uint64_t now = have->owners[port], then = wanted->owners[port];
		if (now == then)
			continue;
		i->noticed[then] = true;
		if (now < DP_SLOTS && slot_used(i, (uint32_t)now))
			i->noticed[now] = true;
		else if (!then && repair)
			datapath_give(&i->datapath, port, 0);
	}
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		i->noticed[slot] |= slot_used(i, slot) &&
				    memcmp(&have->containers[slot], &wanted->containers[slot],
					   sizeof(*have->containers));
}

static bool in_time(uint64_t started, uint64_t budget_ns)
{
	return time_monotonic() - started < budget_ns;
}

/* What nobody tells of: the sysctls, and the port table. */
static void look_at_untold(struct isolator *i, bool repair, uint64_t budget_ns)
{
	uint64_t started = time_monotonic();

	look_at_table(i, repair);
	for (uint32_t n = 1; n < DP_SLOTS && in_time(started, budget_ns); n++) {
		i->sysctl_turn = i->sysctl_turn % (DP_SLOTS - 1) + 1;
		i->noticed[i->sysctl_turn] |= sysctls_drifted(i, i->sysctl_turn);
	}
}

void isolate_look(struct isolator *i, bool repair, uint64_t budget_ns)
{
	const enum apply how = repair ? APPLY_REPAIR : APPLY_LOOK;
	uint64_t started = time_monotonic();
	bool all = started - i->looked >= LOOK_NS;
	struct text changed = {0};

	alone_answer(i->claim);
	/* A public interface that is gone for a moment comes back: until then nothing is known. */
	if (host_refresh(&i->host, &changed, NULL))
		return;
	i->following = changed.len > 0;
	if (i->following) {
		tell_container(i, ISOLATE_HOST_CHANGED, NULL, text_cstr(&changed), NULL);
		memset(i->noticed, true, sizeof(i->noticed));
	}
	text_done(&changed);
	look_at_host(i, how);
	if (all) {
		i->looked = started;
		look_at_untold(i, repair, budget_ns);
		containers_end(i);
		if (i->state_behind)
			statefile_write(i);
	}
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (slot_ready(i, slot) && i->noticed[slot])
			look_at_one(i, slot, how);
		i->noticed[slot] = false;
	}
	i->following = false;
	/* The rest in turn: a notice may have got lost. */
	started = time_monotonic();
	for (uint32_t n = 1; all && n < DP_SLOTS && in_time(started, budget_ns / 4); n++) {
		i->turn = i->turn % (DP_SLOTS - 1) + 1;
		if (slot_ready(i, i->turn))
			look_at_one(i, i->turn, how);
	}
	tell_held_drift(i, UINT32_MAX);
}
