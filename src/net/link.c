/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

static void stats_copy(struct net_link_stats *out, const struct nlattr *a)
{
	struct rtnl_link_stats64 st = {0};
	memcpy(&st, nla_data(a), MIN((size_t)nla_len(a), sizeof(st)));
	*out = (struct net_link_stats){
		.rx_packets = st.rx_packets,
		.rx_bytes = st.rx_bytes,
		.rx_errors = st.rx_errors,
		.rx_dropped = st.rx_dropped,
		.tx_packets = st.tx_packets,
		.tx_bytes = st.tx_bytes,
		.tx_errors = st.tx_errors,
		.tx_dropped = st.tx_dropped,
	};
}

static uint32_t attr_u32(struct nlattr *a, uint32_t otherwise)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : otherwise;
}

static void link_parse_kind(struct net_link *out, struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	if (info && nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) == 0 && tb[IFLA_INFO_KIND])
		nla_strlcpy(out->kind, tb[IFLA_INFO_KIND], sizeof(out->kind));
}

bool link_parse(struct nlmsghdr *h, struct net_link *out)
{
	struct nlattr *tb[IFLA_MAX + 1];
	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    nlmsg_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0)
		return false;
	const struct ifinfomsg *ifi = nlmsg_data(h);
	if (ifi->ifi_index <= 0 || ifi->ifi_family != AF_UNSPEC)
		return false; /* AF_BRIDGE speaks of ports, with the same type */
	*out = (struct net_link){
		.ifindex = (uint32_t)ifi->ifi_index,
		.peer = attr_u32(tb[IFLA_LINK], 0),
		.peer_nsid = (int32_t)attr_u32(tb[IFLA_LINK_NETNSID], (uint32_t)NET_NO_NSID),
		.new_nsid = (int32_t)attr_u32(tb[IFLA_NEW_NETNSID], (uint32_t)NET_NO_NSID),
		.mtu = attr_u32(tb[IFLA_MTU], 0),
		.master = attr_u32(tb[IFLA_MASTER], 0),
		.flags = ifi->ifi_flags,
		.type = ifi->ifi_type,
	};
	if (tb[IFLA_IFNAME])
		nla_strlcpy(out->name, tb[IFLA_IFNAME], sizeof(out->name));
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(out->mac)) {
		memcpy(out->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(out->mac));
		out->has_mac = true;
	}
	link_parse_kind(out, tb[IFLA_LINKINFO]);
	if (tb[IFLA_STATS64]) {
		stats_copy(&out->stats, tb[IFLA_STATS64]);
		out->has_stats = true;
	}
	return true;
}

struct link_visit {
	void (*fn)(void *ctx, const struct net_link *l);
	void *ctx;
};

static void link_visit(void *ctx, struct nlmsghdr *h)
{
	const struct link_visit *v = ctx;
	struct net_link l;
	if (link_parse(h, &l))
		v->fn(v->ctx, &l);
}

int net_links(struct net_socket *s, bool stats, void (*fn)(void *ctx, const struct net_link *l),
	      void *ctx, struct err *e)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg = request_new(RTM_GETLINK, true, &ifi, sizeof(ifi));
	if (!stats)
		nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	struct link_visit v = {fn, ctx};
	return socket_ask(s, msg, link_visit, &v, "cannot list the network interfaces", NULL, e);
}

static void link_keep(void *ctx, struct nlmsghdr *h)
{
	struct net_link l;
	if (link_parse(h, &l))
		*(struct net_link *)ctx = l;
}

int net_link_get(struct net_socket *s, uint32_t ifindex, struct net_link *out, struct err *e)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct net_link l = {0};
	if (socket_ask(s, request_new(RTM_GETLINK, false, &ifi, sizeof(ifi)), link_keep, &l,
		       "cannot read a network interface", NULL, e))
		return -1;
	if (!l.ifindex)
		return err_set(e, ERR_FAILED, "cannot read network interface %u: empty answer",
			       ifindex);
	*out = l;
	return 0;
}

struct stats_visit {
	void (*fn)(void *ctx, uint32_t ifindex, const struct net_link_stats *st);
	void *ctx;
};

static void stats_visit(void *ctx, struct nlmsghdr *h)
{
	const struct stats_visit *v = ctx;
	struct nlattr *tb[IFLA_STATS_MAX + 1];
	if (h->nlmsg_type != RTM_NEWSTATS ||
	    nlmsg_parse(h, sizeof(struct if_stats_msg), tb, IFLA_STATS_MAX, NULL) < 0 ||
	    !tb[IFLA_STATS_LINK_64])
		return;
	struct net_link_stats st;
	stats_copy(&st, tb[IFLA_STATS_LINK_64]);
	v->fn(v->ctx, ((const struct if_stats_msg *)nlmsg_data(h))->ifindex, &st);
}

static void stats_of_link(void *ctx, const struct net_link *l)
{
	const struct stats_visit *v = ctx;
	if (l->has_stats)
		v->fn(v->ctx, l->ifindex, &l->stats);
}

int net_link_stats(struct net_socket *s,
		   void (*fn)(void *ctx, uint32_t ifindex, const struct net_link_stats *st),
		   void *ctx, struct err *e)
{
	struct if_stats_msg m = {.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)};
	struct stats_visit v = {fn, ctx};
	int code = 0;
	int rc = socket_ask(s, request_new(RTM_GETSTATS, true, &m, sizeof(m)), stats_visit, &v,
			    "cannot read interface statistics", &code, e);
	if (rc && (code == EOPNOTSUPP || code == EINVAL))
		rc = net_links(s, true, stats_of_link, &v, e);
	return rc;
}

struct address_visit {
	void (*fn)(void *ctx, const struct net_address *a);
	void *ctx;
};

static void address_visit(void *ctx, struct nlmsghdr *h)
{
	const struct address_visit *v = ctx;
	struct nlattr *tb[IFA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(h, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) < 0)
		return;
	const struct ifaddrmsg *m = nlmsg_data(h);
	/* IFA_ADDRESS is the far end of a point-to-point link; IFA_LOCAL, where given, is ours. */
	const struct nlattr *local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	int want = m->ifa_family == AF_INET ? 4 : m->ifa_family == AF_INET6 ? 16 : -1;
	if (!local || nla_len(local) != want)
		return;
	struct net_address a = {.ifindex = m->ifa_index,
				.family = m->ifa_family,
				.prefix = m->ifa_prefixlen,
				.scope = m->ifa_scope,
				.flags = attr_u32(tb[IFA_FLAGS], m->ifa_flags)};
	memcpy(a.address, nla_data(local), (size_t)want);
	v->fn(v->ctx, &a);
}

/* Only then are the fields of a dump's request looked at. */
static void set_strict(struct net_socket *s, int on)
{
	(void)setsockopt(net_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

int net_addresses(struct net_socket *s, uint32_t ifindex,
		  void (*fn)(void *ctx, const struct net_address *a), void *ctx, struct err *e)
{
	struct ifaddrmsg m = {.ifa_family = AF_UNSPEC, .ifa_index = ifindex};
	struct address_visit v = {fn, ctx};
	if (ifindex)
		set_strict(s, 1);
	int rc = socket_ask(s, request_new(RTM_GETADDR, true, &m, sizeof(m)), address_visit, &v,
			    "cannot list addresses", NULL, e);
	if (ifindex)
		set_strict(s, 0);
	return rc;
}

static void nsid_keep(void *ctx, struct nlmsghdr *h)
{
	struct nlattr *tb[NETNSA_MAX + 1];
	if (h->nlmsg_type == RTM_NEWNSID &&
	    nlmsg_parse(h, sizeof(struct rtgenmsg), tb, NETNSA_MAX, NULL) == 0)
		*(int32_t *)ctx = (int32_t)attr_u32(tb[NETNSA_NSID], (uint32_t)NET_NO_NSID);
}

int net_namespace_id(struct net_socket *s, int netns_fd, int32_t *nsid, struct err *e)
{
	struct rtgenmsg m = {.rtgen_family = AF_UNSPEC};
	int32_t id = NET_NO_NSID;
	struct nl_msg *msg = request_new(RTM_GETNSID, false, &m, sizeof(m));
	nla_put_u32(msg, NETNSA_FD, (uint32_t)netns_fd);
	if (socket_ask(s, msg, nsid_keep, &id, "cannot read a namespace id", NULL, e))
		return -1;
	*nsid = id;
	return 0;
}

int net_namespace_id_set(struct net_socket *s, int netns_fd, int32_t nsid, struct err *e)
{
	const struct rtgenmsg m = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *msg = change_new(RTM_NEWNSID, 0, &m, sizeof(m));

	put_u32(msg, NETNSA_FD, (uint32_t)netns_fd);
	put_u32(msg, NETNSA_NSID, (uint32_t)nsid);
	return change_run(s, msg, NULL, e, "cannot give a namespace its id");
}
