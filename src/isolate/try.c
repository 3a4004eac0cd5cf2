/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/try.h"

#include "isolate/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUN_DIR	     "/run/dredge-check"
#define RATE	     (8ull << 30) /* more than 32 bits of bytes per second */
#define ANSWER_USEC  500000
#define ATTEMPTS     6u
#define OWN_PORT     31001
#define HOST_PORT    8080
#define OUTSIDE_PORT 7000
#define HOST_IP	     "10.99.0.1"
#define OUTSIDE_IP   "10.99.0.254"

struct trying {
	try_fn *fn;
	void *ctx;
	int host, outside, inside; /* namespaces */
	struct isolator *isolator;
};

static void report(const struct trying *t, bool good, const char *what, const struct err *e)
{
	t->fn(t->ctx, good ? TRY_OK : TRY_REFUSED, what, good ? "" : e->message);
}

/* ---- namespaces ---- */

static int namespace_new(struct err *e)
{
	if (unshare(CLONE_NEWNET))
		return err_sys(e, "cannot make one (CONFIG_NET_NS; root)");
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int set_up(int netns, const char *link, const char *address, struct err *e)
{
	struct net_address a = {.family = AF_INET, .prefix = 24};
	struct net_socket *s = net_open(netns, e);
	struct net_link l;
	int status = -1;

	if (s && !net_link_named(s, "lo", &l, e) &&
	    !net_link_set(s, l.ifindex, true, 65536, NULL, e) && !net_link_named(s, link, &l, e)) {
		a.ifindex = l.ifindex;
		inet_pton(AF_INET, address, a.address);
		status = net_link_set(s, l.ifindex, true, 1500, NULL, e) ||
			 net_address_add(s, &a, e);
	}
	net_close(s);
	return status ? -1 : 0;
}

static int make_wire(struct trying *t, struct err *e)
{
	const struct net_veth v = {
		.name = "eth0",
		.peer_name = "eth0",
		.peer_netns_fd = t->outside,
		.mac = {2, 0, 0, 0, 0, 1},
		.mtu = 1500,
		.peer_mtu = 1500,
	};
	struct net_gateway g = {.family = AF_INET};
	struct net_socket *s = net_open(t->host, e);
	struct net_link l;
	int status = -1;

	if (s && !net_veth_create(s, &v, NULL, e) && !set_up(t->outside, "eth0", OUTSIDE_IP, e) &&
	    !set_up(t->host, "eth0", HOST_IP, e) && !net_link_named(s, "eth0", &l, e)) {
		g.ifindex = l.ifindex;
		inet_pton(AF_INET, OUTSIDE_IP, g.address);
		status = net_default_route_add(s, &g, e);
	}
	/* Both ends got one address: the other end needs its own. */
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 2};
	struct net_socket *far = status ? NULL : net_open(t->outside, e);
	if (far && !net_link_named(far, "eth0", &l, e))
		status = net_link_set(far, l.ifindex, true, 1500, other, e);
	net_close(far);
	net_close(s);
	return status;
}

/* ---- conversations ---- */

static int socket_in(int netns, int home, const char *address, uint16_t port)
{
	const struct timeval patience = {.tv_usec = ANSWER_USEC};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &a.sin_addr);
	if (setns(netns, CLONE_NEWNET))
		return -1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (setns(home, CLONE_NEWNET) || !bound) {
		close(fd);
		return -1;
	}
	return fd;
}

struct conversation {
	const char *what;
	int from, to; /* namespaces */
	uint16_t from_port, to_port;
	const char *address; /* that is talked to */
};

/* A datagram there and one back to where it came from. */
static bool ask_and_answer(int a, int b, const struct sockaddr_in *to)
{
	struct sockaddr_in peer;
	socklen_t n = sizeof(peer);
	char byte = 'x';

	return sendto(a, &byte, 1, 0, (const struct sockaddr *)to, sizeof(*to)) == 1 &&
	       recvfrom(b, &byte, 1, 0, (struct sockaddr *)&peer, &n) == 1 &&
	       sendto(b, &byte, 1, 0, (struct sockaddr *)&peer, n) == 1 &&
	       recv(a, &byte, 1, 0) == 1;
}

static void talk(const struct trying *t, const struct conversation *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->to_port)};
	cleanup_close int a = socket_in(c->from, t->host, "0.0.0.0", c->from_port);
	cleanup_close int b = socket_in(c->to, t->host, "0.0.0.0", c->to_port);
	const struct err silent = {.message = "nothing came back: the kernel lacks a fix that "
					      "port mapping wants (Linux 3.15 has all of them)"};
	bool good = false;

	inet_pton(AF_INET, c->address, &to.sin_addr);
	/* A link that came up just now loses packets for a moment. */
	for (unsigned k = 0; a >= 0 && b >= 0 && k < ATTEMPTS && !good; k++)
		good = ask_and_answer(a, b, &to);
	report(t, good, c->what, &silent);
}

static void talk_all(const struct trying *t)
{
	const struct conversation all[] = {
		{"outside to a container", t->outside, t->inside, OUTSIDE_PORT, OWN_PORT, HOST_IP},
		{"a container to outside", t->inside, t->outside, OWN_PORT, OUTSIDE_PORT,
		 OUTSIDE_IP},
		{"a container to the host by its address", t->inside, t->host, OWN_PORT, HOST_PORT,
		 HOST_IP},
		{"a container to the host over 127.0.0.1", t->inside, t->host, OWN_PORT, HOST_PORT,
		 "127.0.0.1"},
		{"the host to a container over 127.0.0.1", t->host, t->inside, HOST_PORT, OWN_PORT,
		 "127.0.0.1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		talk(t, &all[i]);
}

/* ---- enforcement ---- */

static void try_limits(struct trying *t)
{
	const struct isolate_request r = {.id = "check", .egress.rate = RATE, .ingress.rate = RATE};
	struct text plan = {0};
	struct err e = {.message = "the class has another rate"};
	struct isolate_request with_port = r;

	port_set_add(&with_port.ports, OWN_PORT, OWN_PORT);
	bool good = !isolate_update(t->isolator, &with_port, &e);
	report(t, good, "htb", &e);
	if (good)
		good = !isolate_explain(t->isolator, "check", &plan, &e) &&
		       !strstr(text_cstr(&plan), "missing  ");
	report(t, good, "rates above 32 bits", &e);
	text_done(&plan);
}

static void try_leaf(struct trying *t)
{
	struct net_socket *s = net_open(t->host, NULL);
	const char *kind = "pfifo";
	struct net_link l;
	struct err e = {.message = "no leaf qdisc"};

	bool good = s && !net_link_named(s, SHAPER_IN, &l, &e) &&
		    !net_leaf_add(s, l.ifindex, 1u << 16 | 1, &kind, &e);
	net_close(s);
	if (good && str_eq(kind, "pfifo"))
		t->fn(t->ctx, TRY_FALLBACK, "fq_codel",
		      "pfifo below limits, and no queue of its own for each container");
	else
		report(t, good, "fq_codel", &e);
}

static void try_diag(const struct trying *t)
{
	struct net_socket *diag = net_open_diag(t->host, NULL);

	t->fn(t->ctx, diag ? TRY_OK : TRY_FALLBACK, "socket diagnostics",
	      diag ? "" : "ports that the host uses are not known; no statistics of sockets");
	net_close(diag);
}

static void hear(void *ctx, const struct net_event *ev)
{
	*(bool *)ctx |= ev->nsid != NET_NO_NSID && ev->kind == NET_LINK_NEW;
}

/* Of the container, whose interface came up just now. */
static void try_notices(const struct trying *t, struct net_socket *monitor)
{
	bool heard = false;

	if (monitor)
		net_monitor_read(monitor, hear, &heard, NULL);
	t->fn(t->ctx, heard ? TRY_OK : TRY_FALLBACK, "notices from the namespaces of containers",
	      heard ? ""
		    : "what changes in a container is found when its turn comes, not at once "
		      "(Linux 4.2 tells; CAP_NET_BROADCAST)");
}

static int open_isolator(struct trying *t, struct err *e)
{
	struct net_socket *monitor = net_monitor_open(NET_HEAR_ALL, NULL);

	struct isolate_options o = {
		.eth = "eth0", .run_dir = RUN_DIR, .ephemeral_per_container = 16};
	cleanup_free char *netns = xasprintf("/proc/self/fd/%d", t->inside);
	struct isolate_request r = {.id = "check", .netns = netns};

	port_set_add(&o.ports, 31000, 31007);
	port_set_add(&o.ephemeral, 30000, 30999);
	port_set_add(&r.ports, OWN_PORT, OWN_PORT);
	t->isolator = isolate_open(&o, e);
	report(t, t->isolator != NULL, "clsact, cls_bpf and the packet programs", e);
	int status = t->isolator ? isolate_attach(t->isolator, &r, e) : -1;
	if (t->isolator)
		report(t, !status, "a container", e);
	if (!status)
		try_notices(t, monitor);
	net_close(monitor);
	return status;
}

void isolate_try_kernel(try_fn *fn, void *ctx)
{
	struct trying t = {.fn = fn, .ctx = ctx};
	struct err e = {0};

	/* Mounts too: what is mounted here is seen by nobody and goes with us. */
	bool good = !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		    !mount("dredge", "/run", "tmpfs", 0, NULL);
	if (!good)
		err_sys(&e, "cannot make one (CONFIG_NAMESPACES; root)");
	report(&t, good, "mount namespaces", &e);
	t.outside = good ? namespace_new(&e) : -1;
	t.inside = t.outside < 0 ? -1 : namespace_new(&e);
	t.host = t.inside < 0 ? -1 : namespace_new(&e);
	report(&t, t.host >= 0, "network namespaces", &e);
	if (t.host < 0)
		return;
	int status = make_wire(&t, &e);
	report(&t, !status, "veth pairs", &e);
	if (status || open_isolator(&t, &e))
		return;
	talk_all(&t);
	try_limits(&t);
	try_leaf(&t);
	try_diag(&t);
	isolate_detach(t.isolator, "check", NULL);
	isolate_close(t.isolator);
}

void isolate_try_host(const char *eth, const char *lo, try_fn *fn, void *ctx)
{
	const struct trying t = {.fn = fn, .ctx = ctx};
	struct text what = {0};
	struct err e = {0};
	struct host h;

	bool good = !host_open(&h, eth, lo, false, &e);
	text_str(&what, "public interface and address");
	if (good) {
		text_fmt(&what, ": %s, ", h.eth.name);
		text_ipv4(&what, h.address.address);
	}
	report(&t, good, text_cstr(&what), &e);
	text_done(&what);
	if (good)
		host_close(&h);
}
