/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#define STATE_TIME_WAIT 6
/* TCP states of the kernel (net/tcp_states.h) with a connection: 1 established, 2 and 3 being
 * opened, 4 and 5, 8, 9 and 11 being closed. */
#define STATES_CONNECTED \
	(1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 11)
#define STATE_LISTEN 10

struct sock_visit {
	void (*fn)(void *ctx, const struct net_sock *k);
	void *ctx;
	uint8_t protocol;
};

static void sock_visit(void *ctx, struct nlmsghdr *h)
{
	const struct sock_visit *v = ctx;
	struct nlattr *tb[INET_DIAG_MAX + 1];
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_parse(h, sizeof(struct inet_diag_msg), tb, INET_DIAG_MAX, NULL) < 0)
		return;
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct net_sock k = {
		.protocol = v->protocol,
		.family = m->idiag_family,
		.state = m->idiag_state,
		.local_port = ntohs(m->id.idiag_sport),
		.remote_port = ntohs(m->id.idiag_dport),
		.uid = m->idiag_uid,
		.inode = m->idiag_inode,
	};
	size_t n = k.family == AF_INET6 ? 16 : 4;
	memcpy(k.local, m->id.idiag_src, n);
	memcpy(k.remote, m->id.idiag_dst, n);
	struct nlattr *cgroup = tb[INET_DIAG_CGROUP_ID];
	if (cgroup && nla_len(cgroup) >= (int)sizeof(k.cgroup))
		memcpy(&k.cgroup, nla_data(cgroup), sizeof(k.cgroup));
	v->fn(v->ctx, &k);
}

static int dump(struct net_socket *diag, uint32_t tcp_states,
		void (*fn)(void *ctx, const struct net_sock *k), void *ctx, struct err *e)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	for (unsigned i = 0; i < ARRAY_SIZE(protocols) * ARRAY_SIZE(families); i++) {
		struct sock_visit v = {fn, ctx, protocols[i / 2]};
		struct inet_diag_req_v2 req = {
			.sdiag_family = families[i % 2],
			.sdiag_protocol = v.protocol,
			.idiag_states = v.protocol == IPPROTO_TCP ? tcp_states : ~0u,
		};
		int code = 0;
		if (socket_ask(diag, request_new(SOCK_DIAG_BY_FAMILY, true, &req, sizeof(req)),
			       sock_visit, &v, "cannot list sockets", &code, e) &&
		    code != ENOENT && code != EAFNOSUPPORT) /* no such diag module: none there */
			return -1;
	}
	return 0;
}

struct rtt_visit {
	void (*fn)(void *ctx, uint32_t rtt);
	void *ctx;
};

static void rtt_visit(void *ctx, struct nlmsghdr *h)
{
	const struct rtt_visit *v = ctx;
	struct nlattr *tb[INET_DIAG_MAX + 1];
	uint32_t rtt;

	if (h->nlmsg_type != TCPDIAG_GETSOCK ||
	    nlmsg_parse(h, sizeof(struct inet_diag_msg), tb, INET_DIAG_MAX, NULL) < 0)
		return;
	const struct nlattr *info = tb[INET_DIAG_INFO];
	size_t at = offsetof(struct tcp_info, tcpi_rtt);
	if (!info || (size_t)nla_len(info) < at + sizeof(rtt))
		return;
	memcpy(&rtt, (const uint8_t *)nla_data(info) + at, sizeof(rtt));
	if (rtt)
		v->fn(v->ctx, rtt);
}

int net_rtts(struct net_socket *diag, void (*fn)(void *ctx, uint32_t rtt), void *ctx, struct err *e)
{
	/* The older request tells of both families in one walk through the kernel's table, which
	 * is what costs: it is the same table for all namespaces. */
	const struct inet_diag_req req = {
		.idiag_ext = 1u << (INET_DIAG_INFO - 1),
		.idiag_states = STATES_CONNECTED,
	};
	struct rtt_visit v = {fn, ctx};

	return socket_ask(diag, request_new(TCPDIAG_GETSOCK, true, &req, sizeof(req)), rtt_visit,
			  &v, "cannot read TCP connections", NULL, e);
}

int net_sockets(struct net_socket *diag, void (*fn)(void *ctx, const struct net_sock *k), void *ctx,
		struct err *e)
{
	return dump(diag, ~(1u << STATE_TIME_WAIT), fn, ctx, e);
}

int net_listeners(struct net_socket *diag, void (*fn)(void *ctx, const struct net_sock *k),
		  void *ctx, struct err *e)
{
	return dump(diag, 1u << STATE_LISTEN, fn, ctx, e);
}
