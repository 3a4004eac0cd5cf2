/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef ARPHRD_RAWIP /* linux/if_arp.h; its companion linux/if.h clashes with net/if.h */
#define ARPHRD_RAWIP 519
#endif
#define ARPHRD_NOTHING 0xfffe /* ARPHRD_NONE, likewise */

/* A new veth is watched before anybody knows whose it is; after so long it is nobody's. */
#define PROVISIONAL_NS (5 * NSEC_PER_SEC)
/* Longer than a packet can wait in the ring. */
#define GONE_NS (2 * NSEC_PER_SEC)

struct live_link *live_link_get(struct live *l, uint32_t ifindex)
{
	struct live_link *link = idmap_find(&l->links, ifindex);

	if (link)
		return link;
	link = xcalloc(1, sizeof(*link));
	link->ifindex = ifindex;
	link->usable = true;
	idmap_put(&l->links, ifindex, link);
	return link;
}

static void link_update(struct live *l, const struct net_link *n)
{
	bool known = idmap_find(&l->links, n->ifindex) != NULL;
	struct live_link *link = live_link_get(l, n->ifindex);
	const struct live_link before = *link;

	memcpy(link->name, n->name, sizeof(link->name));
	link->raw = n->type == ARPHRD_NOTHING || n->type == ARPHRD_RAWIP;
	link->loopback = n->type == ARPHRD_LOOPBACK;
	link->usable = link->raw || link->loopback || n->type == ARPHRD_ETHER;
	link->veth = str_eq(n->kind, "veth");
	link->paired = link->veth && n->peer && n->peer_nsid == NET_NO_NSID;
	link->up = n->flags & IFF_UP;
	link->gone = 0;
	link->bridged = n->master != 0;
	if (l->started && link->veth && (!known || (before.paired && !link->paired)))
		link->provisional = time_monotonic() + PROVISIONAL_NS;
	l->filter_dirty |= !known || before.raw != link->raw || before.up != link->up ||
			   before.loopback != link->loopback || before.paired != link->paired ||
			   before.bridged != link->bridged || before.usable != link->usable;
}

static void on_link(void *ctx, const struct net_link *n)
{
	link_update(ctx, n);
}

static void on_address(void *ctx, const struct net_address *a)
{
	struct live *l = ctx;
	unsigned n = a->family == AF_INET ? 4 : 16;

	idmap_put(&l->host_addresses, live_address_key(a->address, n), l);
}

static int links_dump(struct live *l, struct err *e)
{
	for (size_t i = 0; i < l->links.cap; i++) {
		struct live_link *link = l->links.slots[i].value;
		if (link && !link->gone)
			link->gone = time_monotonic();
	}
	l->links_dirty = false;
	return net_links(l->net, false, on_link, l, e);
}

static int addresses_dump(struct live *l, struct err *e)
{
	idmap_done(&l->host_addresses);
	l->host_addresses = (struct idmap){0};
	l->addresses_dirty = false;
	return net_addresses(l->net, 0, on_address, l, e);
}

static int mark_asked(struct live *l, struct err *e)
{
	for (const char *const *name = l->o.interfaces; name && *name; name++) {
		struct live_link *link = idmap_find(&l->links, if_nametoindex(*name));

		if (!link)
			return err_set(e, ERR_FAILED, "no interface \"%s\"", *name);
		if (!link->usable)
			return err_set(e, ERR_FAILED,
				       "interface \"%s\": unknown kind of link layer", *name);
		link->asked = true;
	}
	return 0;
}

int live_links_open(struct live *l, struct err *e)
{
	l->net = net_open(-1, e);
	l->monitor = l->net ? net_monitor_open(NET_HEAR_HERE, e) : NULL;
	if (!l->monitor || links_dump(l, e) || addresses_dump(l, e) || mark_asked(l, e))
		return -1;
	l->started = true;
	return 0;
}

void live_links_close(struct live *l)
{
	for (size_t i = 0; i < l->links.cap; i++)
		free(l->links.slots[i].value);
	idmap_done(&l->links);
	idmap_done(&l->host_addresses);
	net_close(l->monitor);
	net_close(l->net);
}

/* One end of a pair was moved into a container. Of the other end the kernel tells only when the
 * moved one is up, and then packets come at once. */
static void peer_gone(struct live *l, const struct net_link *n)
{
	struct live_link *other = idmap_find(&l->links, n->peer);

	if (!other || !other->paired)
		return;
	other->paired = false;
	other->provisional = time_monotonic() + PROVISIONAL_NS;
	l->filter_dirty = true;
}

static void on_event(void *ctx, const struct net_event *ev)
{
	struct live *l = ctx;

	if (ev->kind == NET_LOST) {
		l->links_dirty = l->addresses_dirty = true;
		return;
	}
	if (ev->kind == NET_ADDRESS) {
		l->addresses_dirty = true;
	} else if (ev->kind == NET_LINK_NEW) {
		link_update(l, ev->link);
	} else if (ev->kind == NET_LINK_GONE) {
		struct live_link *link = idmap_find(&l->links, ev->link->ifindex);
		if (link)
			link->gone = time_monotonic();
		peer_gone(l, ev->link);
	}
}

int live_links_read(struct live *l, struct err *e)
{
	if (net_monitor_read(l->monitor, on_event, l, e))
		return -1;
	if (l->links_dirty && links_dump(l, e))
		return -1;
	return l->addresses_dirty ? addresses_dump(l, e) : 0;
}

void live_links_purge(struct live *l, uint64_t now)
{
	for (size_t i = 0; i < l->links.cap; i++) {
		struct live_link *link = l->links.slots[i].value;

		if (!link)
			continue;
		if (link->provisional && link->provisional < now) {
			link->provisional = 0;
			l->filter_dirty = true;
		}
		if (!link->gone || link->gone + GONE_NS > now)
			continue;
		if (link->iface && link->iface->container) {
			link->iface->ifindex = 0;
		} else if (link->iface) {
			free(link->iface->name);
			free(link->iface);
			live_who_addresses(l);
		}
		free(idmap_remove(&l->links, link->ifindex));
		l->filter_dirty = true;
		i--; /* what followed may have moved into this place */
	}
}

static bool is_watched(const struct live *l, const struct live_link *link)
{
	if (!link->usable)
		return false;
	if (link->asked || (link->iface && link->iface->container))
		return true;
	if (link->paired)
		return false;
	if (link->provisional)
		return true;
	/* Bridge ports are left out: what the host itself sends through one shows on the bridge. */
	return l->host_containers && link->up && !link->bridged;
}

int live_links_filter(struct live *l, struct err *e)
{
	static _Thread_local struct sock_filter program[BPF_MAXINSNS];
	cleanup_free struct bpf_watch *watch = xcalloc(l->links.n + 1, sizeof(*watch));
	size_t n = 0;

	for (size_t i = 0; i < l->links.cap; i++) {
		const struct live_link *link = l->links.slots[i].value;

		if (!link || !is_watched(l, link))
			continue;
		if (link->raw && link->asked && l->o.capture_filter && !l->expression.raw.n)
			return err_set(
				e, ERR_USAGE,
				"capture filter \"%.80s\": only for Ethernet, which %s is not, or "
				"too long",
				l->o.capture_filter, link->name);
		watch[n++] = (struct bpf_watch){.ifindex = link->ifindex,
						.snaplen = l->o.snaplen,
						.sample = l->o.sample,
						.one_way = link->loopback,
						.raw = link->raw};
	}
	int count = bpf_build(program, watch, n, &l->expression, e);
	if (count < 0 || ring_filter(l->ring, program, (unsigned)count, e))
		return -1;
	l->stats.interfaces = n;
	l->filter_dirty = false;
	return 0;
}
