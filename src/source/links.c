/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "source/inside.h"

#define YOUNG_NS (10 * NSEC_PER_SEC)

static bool is_pair(const struct net_link *l)
{
	return str_eq(l->kind, "veth") || str_eq(l->kind, "netkit");
}

static void link_store(void *ctx, const struct net_link *l)
{
	struct discover *d = ctx;
	struct net_link *mine = idmap_find(&d->links, l->ifindex);
	if (!mine) {
		mine = xmalloc(sizeof(*mine));
		idmap_put(&d->links, l->ifindex, mine);
	}
	*mine = *l;
}

void links_done(struct discover *d)
{
	for (size_t i = 0; i < d->links.cap; i++)
		free(d->links.slots[i].value);
	idmap_done(&d->links);
}

int links_load(struct discover *d, struct err *e)
{
	links_done(d);
	return net_links(d->route, false, link_store, d, e);
}

/* Something happened in a namespace: look again at who lives there. */
static void namespace_dirty(struct discover *d, int32_t nsid)
{
	bool found = false;
	for (size_t i = 0; i < d->n && nsid != NET_NO_NSID; i++)
		if (d->containers[i]->nsid == nsid)
			found = d->containers[i]->dirty = true;
	uint64_t now = time_monotonic();
	/* An id we have not met: of those whose namespace had none, or who may have just moved. */
	for (size_t i = 0; i < d->n && !found; i++) {
		struct container *c = d->containers[i];
		bool host = c->pub && c->pub->host_network;
		if (c->first.pid && c->nsid == NET_NO_NSID && (!host || now - c->seen < YOUNG_NS))
			c->dirty = true;
	}
}

void counters_add_link(struct counters *c, const struct net_link_stats *st)
{
	const struct {
		enum counter_id id;
		uint64_t value;
	} rows[] = {
		{COUNTER_NET_RX_PACKETS, st->tx_packets}, {COUNTER_NET_RX_BYTES, st->tx_bytes},
		{COUNTER_NET_RX_ERRORS, st->tx_errors},	  {COUNTER_NET_RX_DROPPED, st->tx_dropped},
		{COUNTER_NET_TX_PACKETS, st->rx_packets}, {COUNTER_NET_TX_BYTES, st->rx_bytes},
		{COUNTER_NET_TX_ERRORS, st->rx_errors},	  {COUNTER_NET_TX_DROPPED, st->rx_dropped},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		counters_set(c, rows[i].id,
			     (counters_has(c, rows[i].id) ? c->value[rows[i].id] : 0) +
				     rows[i].value);
}

/* The last words of a host end go to the container it belonged to. */
static void link_farewell(struct discover *d, const struct net_link *l)
{
	for (size_t i = 0; l->has_stats && i < d->n; i++) {
		struct container *c = d->containers[i];
		for (size_t j = 0; c->pub && j < c->pub->iface_count; j++) {
			if (c->pub->ifaces[j].host_ifindex != l->ifindex)
				continue;
			if (!c->final)
				c->final = xcalloc(1, sizeof(*c->final));
			counters_add_link(c->final, &l->stats);
		}
	}
}

static void host_link_new(struct discover *d, const struct net_link *l)
{
	const struct net_link *old = idmap_find(&d->links, l->ifindex);
	bool news = !old || old->peer != l->peer || old->peer_nsid != l->peer_nsid ||
		    !str_eq(old->name, l->name);
	link_store(d, l);
	if (news && is_pair(l))
		namespace_dirty(d, l->peer_nsid);
}

static void host_link_gone(struct discover *d, const struct net_link *l)
{
	link_farewell(d, l);
	free(idmap_remove(&d->links, l->ifindex));
	namespace_dirty(d, l->new_nsid != NET_NO_NSID ? l->new_nsid : l->peer_nsid);
}

void links_event(struct discover *d, const struct net_event *ev)
{
	struct err e;
	if (ev->kind == NET_LOST) {
		if (links_load(d, &e))
			log_warn("%s", e.message);
		for (size_t i = 0; i < d->n; i++)
			d->containers[i]->dirty = true;
	} else if (ev->kind == NET_NSID || ev->nsid != NET_NO_NSID) {
		namespace_dirty(d, ev->nsid);
	} else if (ev->kind == NET_LINK_NEW) {
		host_link_new(d, ev->link);
	} else if (ev->kind == NET_LINK_GONE) {
		host_link_gone(d, ev->link);
	}
}

struct inside {
	struct discovered_iface *ifaces;
	uint32_t peers[MAX_IFACES]; /* ifindex of the other end, 0 = no pair */
	size_t n, cap;
};

static void inside_link(void *ctx, const struct net_link *l)
{
	struct inside *in = ctx;
	/* Besides pairs only what is up: modules put idle tunnels (sit0, tunl0) into every
	 * namespace. */
	if (l->type == ARPHRD_LOOPBACK || in->n >= MAX_IFACES || !(is_pair(l) || l->flags & IFF_UP))
		return;
	for (size_t i = 0; i < in->n; i++)
		if (in->ifaces[i].ifindex == l->ifindex)
			return; /* a dump that was begun anew */
	GROW(in->ifaces, in->n, in->cap);
	struct discovered_iface *f = &in->ifaces[in->n];
	memset(f, 0, sizeof(*f)); /* padding too: states are compared as bytes */
	memcpy(f->name, l->name, sizeof(f->name));
	f->ifindex = l->ifindex;
	f->mtu = l->mtu;
	f->has_mac = l->has_mac;
	memcpy(f->mac, l->mac, sizeof(f->mac));
	in->peers[in->n++] = is_pair(l) ? l->peer : 0;
}

static void prefix_mask(uint8_t mask[4], unsigned bits)
{
	uint32_t m = bits ? ~0u << (32 - MIN(bits, 32)) : 0;
	for (unsigned i = 0; i < 4; i++)
		mask[i] = (uint8_t)(m >> (24 - 8 * i));
}

static void inside_address(void *ctx, const struct net_address *a)
{
	struct inside *in = ctx;
	struct discovered_iface *f = NULL;
	for (size_t i = 0; i < in->n; i++)
		if (in->ifaces[i].ifindex == a->ifindex)
			f = &in->ifaces[i];
	if (!f || a->scope >= RT_SCOPE_LINK) /* link-local, host, nowhere */
		return;
	if (a->family == AF_INET && !f->has_ipv4) {
		f->has_ipv4 = true;
		memcpy(f->ipv4, a->address, 4);
		prefix_mask(f->ipv4_mask, a->prefix);
	} else if (a->family == AF_INET6 && !f->has_ipv6) {
		f->has_ipv6 = true;
		memcpy(f->ipv6, a->address, 16);
		f->ipv6_prefix = a->prefix;
	}
}

/* Is l our end of the pair whose inner end is ifindex in the container's namespace? */
static bool is_other_end(const struct net_link *l, const struct container *c, uint32_t ifindex)
{
	return l && is_pair(l) && l->peer == ifindex && l->peer_nsid != NET_NO_NSID &&
	       l->peer_nsid == c->nsid;
}

static void find_host_end(struct discover *d, struct container *c, int netns_fd,
			  struct discovered_iface *f, uint32_t peer)
{
	const struct net_link *l = idmap_find(&d->links, peer);
	if (!is_other_end(l, c, f->ifindex)) {
		/* Asking gives the namespace an id where it had none, and is newer than our table.
		 */
		struct net_link fresh;
		if (net_link_get(d->route, peer, &fresh, NULL) || !is_pair(&fresh))
			return;
		(void)net_namespace_id(d->route, netns_fd, &c->nsid, NULL);
		link_store(d, &fresh);
		l = idmap_find(&d->links, peer);
	}
	if (!is_other_end(l, c, f->ifindex))
		return;
	f->host_ifindex = l->ifindex;
	memcpy(f->host_name, l->name, sizeof(f->host_name));
}

struct discovered_iface *links_inside(struct discover *d, struct container *c, int netns_fd,
				      size_t *n)
{
	struct inside in = {0};
	struct net_socket *s = net_open(netns_fd, NULL);
	*n = 0;
	if (!s)
		return NULL;
	if (net_links(s, false, inside_link, &in, NULL) ||
	    net_addresses(s, 0, inside_address, &in, NULL))
		in.n = 0;
	net_close(s);
	(void)net_namespace_id(d->route, netns_fd, &c->nsid, NULL);
	for (size_t i = 0; i < in.n; i++)
		if (in.peers[i])
			find_host_end(d, c, netns_fd, &in.ifaces[i], in.peers[i]);
	*n = in.n;
	if (!in.n) {
		free(in.ifaces);
		return NULL;
	}
	return in.ifaces;
}
