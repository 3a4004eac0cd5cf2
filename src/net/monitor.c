/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef NETLINK_LISTEN_ALL_NSID
#define NETLINK_LISTEN_ALL_NSID 8
#endif
#define MONITOR_BYTES (8 << 20) /* some thousand link messages of a cluster that starts at once */

struct net_socket *net_monitor_open(enum net_hearing what, struct err *e)
{
	struct net_socket *s = socket_open(NETLINK_ROUTE, -1, e);
	if (!s)
		return NULL;
	int one = 1, bytes = MONITOR_BYTES, fd = net_fd(s);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (what != NET_HEAR_HERE)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof(one));
	int rc = nl_socket_add_memberships(s->sk, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					   RTNLGRP_IPV6_IFADDR, RTNLGRP_NONE);
	if (!rc && what != NET_HEAR_HERE)
		rc = nl_socket_add_memberships(s->sk, RTNLGRP_NSID, RTNLGRP_NONE);
	if (!rc && what == NET_HEAR_CONFIG)
		rc = nl_socket_add_memberships(s->sk, RTNLGRP_TC, RTNLGRP_IPV4_ROUTE, RTNLGRP_NONE);
	if (rc < 0) {
		err_set(e, ERR_FAILED, "cannot subscribe to network changes: %s", nl_geterror(rc));
		net_close(s);
		return NULL;
	}
	return s;
}

static int32_t nsid_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
			int32_t id;
			memcpy(&id, CMSG_DATA(c), sizeof(id));
			return id;
		}
	return NET_NO_NSID;
}

/* libnl puts the process id into the low 22 bits of its ports (nl_socket_get_local_port). */
static bool is_own(uint32_t port)
{
	const uint32_t mask = (1u << 22) - 1;

	return (port & mask) == ((uint32_t)getpid() & mask);
}

static void message_deliver(struct nlmsghdr *h, int32_t nsid,
			    void (*fn)(void *ctx, const struct net_event *ev), void *ctx)
{
	struct net_event ev = {.nsid = nsid, .own = is_own(h->nlmsg_pid)};
	struct net_link l;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (!link_parse(h, &l))
			return;
		ev.kind = h->nlmsg_type == RTM_NEWLINK ? NET_LINK_NEW : NET_LINK_GONE;
		ev.link = &l;
		ev.ifindex = l.ifindex;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		ev.kind = NET_ADDRESS;
		if (nlmsg_datalen(h) >= (int)sizeof(struct ifaddrmsg))
			ev.ifindex = ((const struct ifaddrmsg *)nlmsg_data(h))->ifa_index;
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTCLASS:
	case RTM_DELTCLASS:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		ev.kind = NET_CONFIG;
		if (nlmsg_datalen(h) >= (int)sizeof(struct tcmsg))
			ev.ifindex = (uint32_t)((const struct tcmsg *)nlmsg_data(h))->tcm_ifindex;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		ev.kind = NET_CONFIG;
		break;
	case RTM_NEWNSID:
	case RTM_DELNSID: {
		struct nlattr *tb[NETNSA_MAX + 1];
		if (nlmsg_parse(h, sizeof(struct rtgenmsg), tb, NETNSA_MAX, NULL) < 0 ||
		    !tb[NETNSA_NSID] || nla_len(tb[NETNSA_NSID]) < 4)
			return;
		ev.kind = NET_NSID;
		ev.nsid = (int32_t)nla_get_u32(tb[NETNSA_NSID]);
		break;
	}
	default:
		return;
	}
	fn(ctx, &ev);
}

int net_monitor_read(struct net_socket *s, void (*fn)(void *ctx, const struct net_event *ev),
		     void *ctx, struct err *e)
{
	for (;;) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int)) * 2];
		} control;
		struct iovec iov = {s->buffer, NET_BUFFER_BYTES};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(net_fd(s), &m, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			fn(ctx, &(struct net_event){.kind = NET_LOST, .nsid = NET_NO_NSID});
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n <= 0)
			return err_sys(e, "cannot read network changes");
		int left = (int)n;
		int32_t nsid = nsid_of(&m);
		for (struct nlmsghdr *h = (struct nlmsghdr *)s->buffer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left))
			message_deliver(h, nsid, fn, ctx);
	}
}
