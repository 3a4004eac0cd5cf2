/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses, routes and sysctls as enforcement changes them. */
#include "net/internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

struct nl_msg *change_new(int type, int flags, const void *header, size_t n)
{
	struct nl_msg *msg = request_new(type, false, header, n);

	nlmsg_hdr(msg)->nlmsg_flags |= (uint16_t)(NLM_F_ACK | flags);
	return msg;
}

int change_run(struct net_socket *s, struct nl_msg *msg, int *code, struct err *e, const char *what)
{
	return socket_ask(s, msg, NULL, NULL, what, code, e);
}

void put_bytes(struct nl_msg *msg, int type, const void *p, size_t n)
{
	if (nla_put(msg, type, (int)n, p) < 0)
		abort(); /* as xmalloc: memory ran out */
}

struct nlattr *nest_begin(struct nl_msg *msg, int type)
{
	struct nlattr *a = nla_nest_start(msg, type);

	if (!a)
		abort();
	return a;
}

/* ---- links ---- */

int net_veth_create(struct net_socket *s, const struct net_veth *v, int *code, struct err *e)
{
	const struct ifinfomsg none = {0}, peer = {.ifi_index = (int)v->peer_ifindex};
	struct nl_msg *msg = change_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &none,
					sizeof(none));

	put_text(msg, IFLA_IFNAME, v->name);
	put_bytes(msg, IFLA_ADDRESS, v->mac, sizeof(v->mac));
	put_u32(msg, IFLA_MTU, v->mtu);
	struct nlattr *info = nest_begin(msg, IFLA_LINKINFO);
	put_text(msg, IFLA_INFO_KIND, "veth");
	struct nlattr *data = nest_begin(msg, IFLA_INFO_DATA);
	struct nlattr *other = nest_begin(msg, VETH_INFO_PEER);
	nlmsg_append(msg, (void *)&peer, sizeof(peer), NLMSG_ALIGNTO);
	put_text(msg, IFLA_IFNAME, v->peer_name);
	put_bytes(msg, IFLA_ADDRESS, v->mac, sizeof(v->mac));
	put_u32(msg, IFLA_MTU, v->peer_mtu);
	if (v->peer_netns_fd >= 0)
		put_u32(msg, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	nla_nest_end(msg, other);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return change_run(s, msg, code, e, "cannot make a veth pair");
}

int net_link_delete(struct net_socket *s, uint32_t ifindex, struct err *e)
{
	const struct ifinfomsg h = {.ifi_index = (int)ifindex};

	return change_run(s, change_new(RTM_DELLINK, 0, &h, sizeof(h)), NULL, e,
			  "cannot delete a link");
}

int net_link_set(struct net_socket *s, uint32_t ifindex, bool up, uint32_t mtu, const uint8_t *mac,
		 struct err *e)
{
	const struct ifinfomsg h = {
		.ifi_index = (int)ifindex, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};
	struct nl_msg *msg = change_new(RTM_NEWLINK, 0, &h, sizeof(h));

	put_u32(msg, IFLA_MTU, mtu);
	if (mac)
		put_bytes(msg, IFLA_ADDRESS, mac, 6);
	return change_run(s, msg, NULL, e, "cannot set a link");
}

static int rename_link(struct net_socket *s, uint32_t ifindex, const char *name, int *code,
		       struct err *e)
{
	const struct ifinfomsg h = {.ifi_index = (int)ifindex};
	struct nl_msg *msg = change_new(RTM_NEWLINK, 0, &h, sizeof(h));

	put_text(msg, IFLA_IFNAME, name);
	return change_run(s, msg, code, e, "cannot rename a link");
}

static int raise_link(struct net_socket *s, uint32_t ifindex, bool up, struct err *e)
{
	const struct ifinfomsg h = {
		.ifi_index = (int)ifindex, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};

	return change_run(s, change_new(RTM_NEWLINK, 0, &h, sizeof(h)), NULL, e,
			  "cannot take a link up or down");
}

int net_link_rename(struct net_socket *s, uint32_t ifindex, const char *name, struct err *e)
{
	int code;

	if (!rename_link(s, ifindex, name, &code, e))
		return 0;
	if (code != EBUSY || raise_link(s, ifindex, false, e))
		return -1;
	int status = rename_link(s, ifindex, name, NULL, e);
	return raise_link(s, ifindex, true, status ? NULL : e) ? -1 : status;
}

struct named {
	struct net_link *out;
	bool found;
};

static void take_link(void *ctx, struct nlmsghdr *h)
{
	struct named *n = ctx;

	n->found |= link_parse(h, n->out);
}

int net_link_named(struct net_socket *s, const char *name, struct net_link *out, struct err *e)
{
	const struct ifinfomsg h = {0};
	struct nl_msg *msg = request_new(RTM_GETLINK, false, &h, sizeof(h));
	struct named n = {.out = out};
	char what[64];
	int code;

	put_text(msg, IFLA_IFNAME, name);
	snprintf(what, sizeof(what), "link %.20s", name);
	if (socket_ask(s, msg, take_link, &n, what, &code, e))
		return code == ENODEV ? 1 : -1;
	return n.found ? 0 : err_set(e, ERR_FAILED, "%s: no answer", what);
}

/* ---- addresses and routes ---- */

static size_t address_size(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

static int address_change(struct net_socket *s, int type, int flags, const struct net_address *a,
			  struct err *e, const char *what)
{
	const struct ifaddrmsg h = {
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix,
		.ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = a->scope,
		.ifa_index = a->ifindex,
	};
	struct nl_msg *msg = change_new(type, flags, &h, sizeof(h));
	size_t n = address_size(a->family);

	put_bytes(msg, IFA_LOCAL, a->address, n);
	put_bytes(msg, IFA_ADDRESS, a->address, n);
	return change_run(s, msg, NULL, e, what);
}

int net_address_add(struct net_socket *s, const struct net_address *a, struct err *e)
{
	return address_change(s, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a, e,
			      "cannot add an address");
}

int net_address_delete(struct net_socket *s, const struct net_address *a, struct err *e)
{
	return address_change(s, RTM_DELADDR, 0, a, e, "cannot delete an address");
}

struct gateways {
	struct net_gateway *out;
	uint8_t family;
	bool found;
};

static void take_route(void *ctx, struct nlmsghdr *h)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct gateways *g = ctx;
	const struct rtmsg *r = nlmsg_data(h);

	if (g->found || h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*r), tb, RTA_MAX, NULL) < 0)
		return;
	if (r->rtm_family != g->family || r->rtm_dst_len || r->rtm_type != RTN_UNICAST ||
	    r->rtm_table != RT_TABLE_MAIN || !tb[RTA_OIF] || tb[RTA_MULTIPATH])
		return;
	*g->out = (struct net_gateway){.ifindex = nla_get_u32(tb[RTA_OIF]),
				       .family = r->rtm_family};
	if (tb[RTA_GATEWAY] && (size_t)nla_len(tb[RTA_GATEWAY]) == address_size(r->rtm_family))
		memcpy(g->out->address, nla_data(tb[RTA_GATEWAY]), address_size(r->rtm_family));
	g->found = true;
}

int net_default_route(struct net_socket *s, uint8_t family, struct net_gateway *out, struct err *e)
{
	const struct rtmsg h = {.rtm_family = family};
	struct gateways g = {.out = out, .family = family};

	if (socket_ask(s, request_new(RTM_GETROUTE, true, &h, sizeof(h)), take_route, &g,
		       "cannot read routes", NULL, e))
		return -1;
	if (g.found)
		return 0;
	err_set(e, ERR_FAILED, "the host has no IPv%d default route", family == AF_INET6 ? 6 : 4);
	return 1;
}

int net_default_route_add(struct net_socket *s, const struct net_gateway *g, struct err *e)
{
	static const uint8_t none[16];
	const struct rtmsg h = {
		.rtm_family = g->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = RTNH_F_ONLINK,
	};
	struct nl_msg *msg = change_new(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &h, sizeof(h));

	if (memcmp(g->address, none, sizeof(none)))
		put_bytes(msg, RTA_GATEWAY, g->address, address_size(g->family));
	put_u32(msg, RTA_OIF, g->ifindex);
	return change_run(s, msg, NULL, e, "cannot add the default route");
}
