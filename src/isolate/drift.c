/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else changed in the kernel: noticed, and put right. */
#include "isolate/internal.h"

#include <stdlib.h>

static void prefix_lines(struct text *to, const char *id, struct text *lines)
{
	for (char *line = lines->len ? (char *)text_cstr(lines) : NULL; line && *line;) {
		size_t n = strcspn(line, "\n");
		text_fmt(to, "%s: %.*s\n", id, (int)n, line);
		line += n + 1;
	}
}

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

static int repair_one(struct isolator *i, uint32_t slot, struct text *drift)
{
	struct text lines = {0};
	struct container c;
	struct err why = {0};

	container_load(i, slot, &c);
	int n = container_apply(i, &c, &lines, &why);
	prefix_lines(drift, c.entry.id, &lines);
	if (n < 0) /* one container that cannot be kept is no reason to leave the others */
		text_fmt(drift, "%s: %s\n", c.entry.id, why.message);
	container_done(&c);
	text_done(&lines);
	return MAX(n, 0);
}

int isolate_repair(struct isolator *i, uint64_t budget_ns, struct text *drift, struct err *e)
{
	const struct dp_host before = *i->datapath.host;
	uint64_t started = time_monotonic();
	struct err gone;

	/* A public interface that is gone for a moment comes back: until then nothing is known. */
	if (host_refresh(&i->host, &gone))
		return 0;
	i->noticed[0] = false;
	int repaired = host_apply(i, drift, e);
	if (repaired < 0)
		return -1;
	/* The containers look like the host. */
	if (memcmp(&before, i->datapath.host, sizeof(before)))
		memset(i->noticed, true, sizeof(i->noticed));
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		if (slot_used(i, slot) && i->noticed[slot])
			repaired += repair_one(i, slot, drift);
		i->noticed[slot] = false;
	}
	for (uint32_t n = 1; n < DP_SLOTS && time_monotonic() - started < budget_ns; n++) {
		i->turn = i->turn % (DP_SLOTS - 1) + 1;
		if (slot_used(i, i->turn))
			repaired += repair_one(i, i->turn, drift);
	}
	return repaired;
}
