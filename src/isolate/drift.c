/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else changed in the kernel: noticed, and put right. */
#include "isolate/internal.h"

int isolate_fd(const struct isolator *i)
{
	return net_fd(i->monitor);
}

static uint32_t concerned(const struct isolator *i, const struct net_event *ev)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (!slot_used(i, slot))
			continue;
		if (ev->nsid == NET_NO_NSID ? ev->ifindex == i->datapath.containers[slot].ifindex
					    : ev->nsid == i->nsid[slot])
			return slot;
	}
	return 0;
}

static void take_notice(void *ctx, const struct net_event *ev)
{
	struct isolator *i = ctx;

	if (ev->kind == NET_LOST)
		memset(i->noticed, true, sizeof(i->noticed));
	else if (ev->kind != NET_NSID && !ev->own)
		/* What is nobody's may be the host's. */
		i->noticed[concerned(i, ev)] = true;
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

void isolate_look(struct isolator *i, bool repair, uint64_t budget_ns)
{
	const enum apply how = repair ? APPLY_REPAIR : APPLY_LOOK;
	uint64_t started = time_monotonic();

	/* A public interface that is gone for a moment comes back: until then nothing is known. */
	if (host_refresh(&i->host, NULL))
		return;
	look_at_host(i, how);
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (slot_used(i, slot) && i->noticed[slot])
			look_at_one(i, slot, how);
		i->noticed[slot] = false;
	}
	for (uint32_t n = 1; n < DP_SLOTS && time_monotonic() - started < budget_ns; n++) {
		i->turn = i->turn % (DP_SLOTS - 1) + 1;
		if (slot_used(i, i->turn))
			look_at_one(i, i->turn, how);
	}
	tell_held_drift(i, UINT32_MAX);
}
