/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room net: the socket and its dump loop. */
#ifndef DREDGE_NET_INTERNAL_H
#define DREDGE_NET_INTERNAL_H

#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <linux/rtnetlink.h>

#include "net/net.h"

/* The kernel fills datagrams up to 32 KiB for receivers that offer so much (af_netlink.c). */
#define NET_BUFFER_BYTES (64u << 10)

struct net_socket {
	struct nl_sock *sk;
	uint8_t *buffer; /* NET_BUFFER_BYTES */
};

/* By which the kernel is asked and changed; only tests put others in their place. */
struct net_ops {
	ssize_t (*send)(int fd, const void *request, size_t n, int flags);
	ssize_t (*pwrite)(int fd, const void *value, size_t n, off_t at); /* of a sysctl */
};
extern struct net_ops net_ops;

struct net_socket *socket_open(int protocol, int netns_fd, struct err *e);
/*
 * Send msg (freed) and hand every answer to fn until the end of it. what: for messages. *code, when
 * not NULL, gets the kernel's error number.
 */
int socket_ask(struct net_socket *s, struct nl_msg *msg, void (*fn)(void *ctx, struct nlmsghdr *h),
	       void *ctx, const char *what, int *code, struct err *e);
/* A request message; dump = NLM_F_DUMP. header: the fixed part behind struct nlmsghdr. */
struct nl_msg *request_new(int type, bool dump, const void *header, size_t n);

/* A request that is answered by yes or no; flags beside REQUEST and ACK. */
struct nl_msg *change_new(int type, int flags, const void *header, size_t n);
int change_run(struct net_socket *s, struct nl_msg *msg, int *code, struct err *e,
	       const char *what);
void put_bytes(struct nl_msg *msg, int type, const void *p, size_t n);
static inline void put_u32(struct nl_msg *msg, int type, uint32_t v)
{
	put_bytes(msg, type, &v, sizeof(v));
}
static inline void put_text(struct nl_msg *msg, int type, const char *text)
{
	put_bytes(msg, type, text, strlen(text) + 1);
}
struct nlattr *nest_begin(struct nl_msg *msg, int type);

static inline struct tcmsg tc_of(uint32_t ifindex, uint32_t parent, uint32_t handle)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = parent,
		.tcm_handle = handle,
	};
}

/* Run fn in another namespace (-1 = here) and come back; the program ends when it cannot. */
int namespace_run(int netns_fd, int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e);

/* RTM_NEWLINK or RTM_DELLINK; false when it is none or malformed. */
bool link_parse(struct nlmsghdr *h, struct net_link *out);

#endif
