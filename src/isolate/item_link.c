/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a plan: links, their addresses, routes and settings. */
#include "isolate/item.h"

#include <errno.h>
#include <linux/if.h>
#include <sys/socket.h>

/* ---- links ---- */

/* Of a container's pair. */
static int take_ends(struct target *t, const struct net_link *l, struct err *e)
{
	struct container *c = t->container;
	struct isolator *i = t->isolator;
	int32_t *nsid = &i->nsid[c->slot];

	if (net_namespace_id(t->host->net, c->netns, nsid, e))
		return -1;
	if (l->peer_nsid != *nsid)
		return err_set(e, ERR_FAILED, "the other end of %s is in another namespace",
			       l->name);
	if (*nsid > NSID_BOTTOM)
		i->nsid_lowest = MIN(i->nsid_lowest, *nsid);
	c->entry.ifindex = l->ifindex;
	c->entry.inner = l->peer;
	return 1;
}

static int check_veth(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;
	int none = item_link(t, it, &l, e);

	if (none)
		return MIN(none, 0);
	if (!str_eq(l.kind, "veth"))
		return err_set(e, ERR_FAILED, "%s is no veth", it->name);
	return t->container ? take_ends(t, &l, e) : 1;
}

static int make_veth(struct target *t, const struct item *it, struct err *e)
{
	struct net_veth v = {
		.name = it->name,
		.peer_name = t->container ? t->host->eth.name : SHAPER_OUT,
		.peer_netns_fd = t->container ? t->container->netns : -1,
		.mtu = t->host->eth.mtu,
		.peer_mtu = t->host->eth.mtu,
	};

	memcpy(v.mac, t->host->eth.mac, sizeof(v.mac));
	int code;
	if (net_veth_create(t->host->net, &v, &code, e))
		return code == EEXIST
			       ? err_set(e, ERR_USAGE, "the namespace has an interface %s already",
					 v.peer_name)
			       : -1;
	return check_veth(t, it, e) == 1 ? 0 : err_set(e, ERR_FAILED, "%s is gone", it->name);
}

const struct item_ops item_veth = {"veth pair", check_veth, make_veth, false};

static bool like_host(const struct target *t, const struct net_link *l)
{
	return !memcmp(l->mac, t->host->eth.mac, sizeof(l->mac));
}

static int check_up(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	return l.flags & IFF_UP && l.mtu == it->number && (!it->mac || like_host(t, &l));
}

static int make_up(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	/* To set an address again would be news to everybody. */
	const uint8_t *mac = it->mac && !like_host(t, &l) ? t->host->eth.mac : NULL;
	return net_link_set(item_socket(t, it), l.ifindex, true, it->number, mac, e);
}

const struct item_ops item_up = {"link up", check_up, make_up, true};

/* ---- addresses, routes, sysctls ---- */

#define ADDRESSES_MAX 8u

struct looking {
	uint32_t ifindex;
	uint8_t family;
	struct net_address wanted[2]; /* of the host */
	bool found[2];
	unsigned wanted_count;
	struct net_address others[ADDRESSES_MAX]; /* of the interface, not wanted */
	unsigned other_count;
};

static bool same_address(const struct net_address *a, const struct net_address *b)
{
	return a->prefix == b->prefix && !memcmp(a->address, b->address, sizeof(a->address));
}

static void look_address(void *ctx, const struct net_address *a)
{
	struct looking *l = ctx;

	if (a->ifindex != l->ifindex || a->family != l->family)
		return;
	for (unsigned i = 0; i < l->wanted_count; i++)
		if (same_address(a, &l->wanted[i])) {
			l->found[i] = true;
			return;
		}
	if (l->other_count < ADDRESSES_MAX)
		l->others[l->other_count++] = *a;
}

static int look_for_addresses(struct target *t, const struct item *it, struct looking *look,
			      struct err *e)
{
	const struct host *h = t->host;
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	*look = (struct looking){.ifindex = l.ifindex, .family = (uint8_t)it->number};
	look->wanted[look->wanted_count++] = it->number == AF_INET6 ? h->address6 : h->address;
	if (it->number == AF_INET6 && h->link_local.ifindex)
		look->wanted[look->wanted_count++] = h->link_local;
	for (unsigned i = 0; i < look->wanted_count; i++)
		look->wanted[i].ifindex = l.ifindex;
	return net_addresses(item_socket(t, it), l.ifindex, look_address, look, e);
}

static int check_address(struct target *t, const struct item *it, struct err *e)
{
	struct looking look;

	if (look_for_addresses(t, it, &look, e))
		return -1;
	return look.found[0] && (look.wanted_count < 2 || look.found[1]) && !look.other_count;
}

static int add_addresses(struct target *t, const struct item *it, const struct looking *look,
			 struct err *e)
{
	for (unsigned i = 0; i < look->wanted_count; i++)
		if (net_address_add(item_socket(t, it), &look->wanted[i], e))
			return -1;
	return 0;
}

/* The new ones first: without any the routes would go too. And once more: an IPv4 address beside
 * another one of its subnet goes with it. */
static int make_address(struct target *t, const struct item *it, struct err *e)
{
	struct looking look;

	if (look_for_addresses(t, it, &look, e) || add_addresses(t, it, &look, e))
		return -1;
	for (unsigned i = 0; i < look.other_count; i++)
		if (net_address_delete(item_socket(t, it), &look.others[i], e))
			return -1;
	return look.other_count ? add_addresses(t, it, &look, e) : 0;
}

const struct item_ops item_address = {"the host's address on", check_address, make_address, true};

static const struct net_gateway *gateway_of(struct target *t, const struct item *it)
{
	return it->number == AF_INET6 ? &t->host->gateway6 : &t->host->gateway;
}

static int check_route(struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g;
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	int none = net_default_route(item_socket(t, it), (uint8_t)it->number, &g, e);
	if (none)
		return MIN(none, 0);
	return g.ifindex == l.ifindex &&
	       !memcmp(g.address, gateway_of(t, it)->address, sizeof(g.address));
}

static int make_route(struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g = *gateway_of(t, it);
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	g.ifindex = l.ifindex;
	return net_default_route_add(item_socket(t, it), &g, e);
}

const struct item_ops item_route = {"default route through", check_route, make_route, true};

static int check_sysctl(struct target *t, const struct item *it, struct err *e)
{
	char have[64];

	return sysctl_read(t, it, have, sizeof(have), e) ? -1 : str_eq(have, it->value);
}

static int make_sysctl(struct target *t, const struct item *it, struct err *e)
{
	return sysctl_write(t, it, it->value, e);
}

const struct item_ops item_sysctl = {"sysctl", check_sysctl, make_sysctl, true};
