/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netlink/socket.h>
#include <netlink/version.h>

#define RECEIVE_BYTES	 (1 << 20)
#define ANSWER_MSEC	 2000 /* the kernel answers at once or never */
#define NET_MAX_RESTARTS 8    /* of a dump that the kernel calls inconsistent */

struct net_ops net_ops = {send, pwrite};

static struct nl_sock *connect_here(int protocol, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	if (!sk) {
		err_set(e, ERR_FAILED, "cannot make a netlink socket: out of memory");
		return NULL;
	}
	nl_socket_disable_auto_ack(sk);
	int rc = nl_connect(sk, protocol);
	if (rc < 0) {
		err_set(e, ERR_FAILED, "cannot open a netlink socket: %s", nl_geterror(rc));
		nl_socket_free(sk);
		return NULL;
	}
	int bytes = RECEIVE_BYTES;
	(void)setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return sk;
}

int namespace_run(int netns_fd, int (*fn)(void *ctx, struct err *e), void *ctx, struct err *e)
{
	if (netns_fd < 0)
		return fn(ctx, e);
	cleanup_close int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_sys(e, "cannot open the own network namespace");
	if (setns(netns_fd, CLONE_NEWNET))
		return err_sys(e, "cannot enter a network namespace");
	int status = fn(ctx, e);
	if (setns(home, CLONE_NEWNET)) {
		/* Going on in a stranger's namespace would watch the wrong network. */
		log_error("cannot return to the own network namespace");
		abort();
	}
	return status;
}

struct connecting {
	int protocol;
	struct nl_sock *sk;
};

static int connect_there(void *ctx, struct err *e)
{
	struct connecting *c = ctx;

	c->sk = connect_here(c->protocol, e);
	return c->sk ? 0 : -1;
}

struct net_socket *socket_open(int protocol, int netns_fd, struct err *e)
{
	struct connecting c = {.protocol = protocol};

	if (namespace_run(netns_fd, connect_there, &c, e))
		return NULL;
	struct net_socket *s = xcalloc(1, sizeof(*s));
	s->sk = c.sk;
	s->buffer = xmalloc(NET_BUFFER_BYTES);
	return s;
}

struct net_socket *net_open(int netns_fd, struct err *e)
{
	return socket_open(NETLINK_ROUTE, netns_fd, e);
}

struct net_socket *net_open_diag(int netns_fd, struct err *e)
{
	return socket_open(NETLINK_SOCK_DIAG, netns_fd, e);
}

void net_close(struct net_socket *s)
{
	if (!s)
		return;
	nl_socket_free(s->sk);
	free(s->buffer);
	free(s);
}

int net_fd(const struct net_socket *s)
{
	return nl_socket_get_fd(s->sk);
}

struct opening {
	char path[64];
	int fd;
};

static int open_there(void *ctx, struct err *e)
{
	struct opening *o = ctx;

	o->fd = open(o->path, O_RDONLY | O_CLOEXEC);
	return o->fd < 0 ? err_sys(e, "%s", o->path) : 0;
}

int net_proc_open(int netns_fd, const char *name, struct err *e)
{
	struct opening o = {.fd = -1};

	/* /proc/net is that of the process's first thread. */
	snprintf(o.path, sizeof(o.path), "/proc/thread-self/net/%s", name);
	return namespace_run(netns_fd, open_there, &o, e) ? -1 : o.fd;
}

uint64_t net_namespace_inode(int netns_fd)
{
	struct stat st;
	int rc = netns_fd < 0 ? stat("/proc/thread-self/ns/net", &st) : fstat(netns_fd, &st);
	return rc ? 0 : st.st_ino;
}

struct nl_msg *request_new(int type, bool dump, const void *header, size_t n)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
	if (!msg || nlmsg_append(msg, (void *)header, n, NLMSG_ALIGNTO) < 0)
		abort(); /* as xmalloc: memory ran out */
	return msg;
}

/* 1 = more to come, 0 = the answer is complete, -1 = the kernel said no: *code. */
static int answer_step(struct nlmsghdr *h, uint32_t seq, bool dump, bool *torn, int *code,
		       void (*fn)(void *ctx, struct nlmsghdr *h), void *ctx)
{
	if (h->nlmsg_seq != seq)
		return 1; /* left over from an answer somebody gave up on */
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		*torn = true;
	if (h->nlmsg_type == NLMSG_ERROR || (h->nlmsg_type == NLMSG_DONE && dump)) {
		int rc = nlmsg_datalen(h) >= (int)sizeof(int) ? *(int *)nlmsg_data(h) : 0;
		*code = rc < 0 ? -rc : 0;
		return *code ? -1 : 0;
	}
	if (h->nlmsg_type >= NLMSG_MIN_TYPE && fn)
		fn(ctx, h);
	return dump ? 1 : 0;
}

static int answer_read(struct net_socket *s, uint32_t seq, bool dump, bool *torn, int *code,
		       void (*fn)(void *ctx, struct nlmsghdr *h), void *ctx)
{
	for (;;) {
		struct pollfd p = {.fd = net_fd(s), .events = POLLIN};
		ssize_t n = recv(p.fd, s->buffer, NET_BUFFER_BYTES, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN && poll(&p, 1, ANSWER_MSEC) == 0) {
			*code = ETIMEDOUT;
			return -1;
		}
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			*code = n ? errno : EPIPE;
			return -1;
		}
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)s->buffer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left)) {
			int rc = answer_step(h, seq, dump, torn, code, fn, ctx);
			if (rc <= 0)
				return rc;
		}
	}
}

int socket_ask(struct net_socket *s, struct nl_msg *msg, void (*fn)(void *ctx, struct nlmsghdr *h),
	       void *ctx, const char *what, int *code, struct err *e)
{
	bool dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP;
	int why = 0, rc = -1;
	for (unsigned tries = 0; tries < NET_MAX_RESTARTS; tries++) {
		bool torn = false;
		/* A repeated dump may name an object twice; callers keep the later one. */
		nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
		nl_complete_msg(s->sk, msg);
		if (net_ops.send(net_fd(s), nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0) {
			why = errno;
			break;
		}
		rc = answer_read(s, nlmsg_hdr(msg)->nlmsg_seq, dump, &torn, &why, fn, ctx);
		if (rc || !torn)
			break;
	}
	nlmsg_free(msg);
	if (code)
		*code = rc ? why : 0;
	return rc ? err_set(e, ERR_FAILED, "%s: %s", what, strerror(why)) : 0;
}

bool net_library_is_new(void)
{
	return (nl_ver_maj << 16 | nl_ver_min << 8 | nl_ver_mic) >= (3 << 16 | 2 << 8 | 26);
}
