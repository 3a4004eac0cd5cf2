/* SPDX-License-Identifier: Apache-2.0 */
/* Cases 1 to 20: links, routes, sockets and qdiscs. */
#include "routing.h"
#include "isolate/ports.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#define UNKNOWN 4711u /* no link has this number */

static const uint8_t multicast[6] = {1, 0, 0x5e, 0, 0, 1};
/* ---- links ---- */

static bool named(const char *name, struct net_link *l)
{
	return !net_link_named(here, name, l, NULL);
}

struct links {
	struct net_link link[8];
	unsigned count;
};

static void take_link(void *ctx, const struct net_link *l)
{
	struct links *all = ctx;

	assert_true(all->count < ARRAY_SIZE(all->link));
	all->link[all->count++] = *l;
}

static struct links all_links(void)
{
	struct links all = {0};

	veth();
	done(net_links(here, true, take_link, &all, &e));
	assert_int_equal(all.count, 3); /* lo too */
	return all;
}

static void LinkIndex(void **state)
{
	const struct links all = all_links();
	struct net_link l;

	(void)state;
	for (unsigned i = 0; i < all.count; i++)
		assert_int_not_equal(link_of(all.link[i].name).ifindex, 0);
	assert_false(named("not-exist", &l));
}

static void LinkName(void **state)
{
	const struct links all = all_links();
	struct net_link l;

	(void)state;
	for (unsigned i = 0; i < all.count; i++) {
		done(net_link_get(here, all.link[i].ifindex, &l, &e));
		assert_string_equal(l.name, all.link[i].name);
	}
	assert_int_equal(net_link_get(here, UNKNOWN, &l, NULL), -1);
}

static void count_stats(void *ctx, uint32_t ifindex, const struct net_link_stats *st)
{
	(void)ifindex;
	(void)st;
	++*(unsigned *)ctx;
}

static void LinkStatistics(void **state)
{
	const struct links all = all_links();
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < all.count; i++)
		assert_true(all.link[i].has_stats);
	done(net_link_stats(here, count_stats, &count, &e));
	assert_int_equal(count, all.count);
}

static void LinkExists(void **state)
{
	const struct links all = all_links();
	struct net_link l;

	(void)state;
	for (unsigned i = 0; i < all.count; i++)
		assert_true(named(all.link[i].name, &l));
	assert_false(named("not-exist", &l));
}

static void add_default_route(struct net_gateway *g)
{
	struct net_address a = {
		.ifindex = veth(), .family = AF_INET, .prefix = 24, .address = {10, 99, 0, 1}};

	*g = (struct net_gateway){
		.ifindex = a.ifindex, .family = AF_INET, .address = {10, 99, 0, 254}};
	done(net_address_add(here, &a, &e));
	done(net_default_route_add(here, g, &e));
}

/* Theirs is found by the default route; so is ours. */
static void Eth0(void **state)
{
	struct net_gateway wanted, g;
	struct net_link l;

	(void)state;
	assert_int_equal(net_default_route(here, AF_INET, &g, &e), 1);
	assert_non_null(strstr(e.message, "no IPv4 default route"));
	add_default_route(&wanted);
	done(net_default_route(here, AF_INET, &g, &e));
	done(net_link_get(here, g.ifindex, &l, &e));
	assert_string_equal(l.name, "veth");
}

static void Lo(void **state)
{
	(void)state;
	assert_true(link_of("lo").flags & IFF_LOOPBACK);
}

static void RouteTable(void **state)
{
	struct net_gateway wanted, g;

	(void)state;
	add_default_route(&wanted);
	done(net_default_route(here, AF_INET, &g, &e));
	assert_int_equal(g.ifindex, wanted.ifindex);
	assert_int_equal(g.family, wanted.family);
	assert_memory_equal(g.address, wanted.address, sizeof(g.address));
}

struct sockets {
	unsigned listening, connected;
};

static void take_socket(void *ctx, const struct net_sock *k)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct sockets *s = ctx;

	assert_int_equal(k->family, AF_INET);
	assert_memory_equal(k->local, loopback, sizeof(loopback));
	if (k->state == 10) {
		s->listening++;
		return;
	}
	s->connected++;
	assert_memory_equal(k->remote, loopback, sizeof(loopback));
}

static void INETSockets(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	cleanup_close int listener = socket(AF_INET, SOCK_STREAM, 0);
	cleanup_close int s = socket(AF_INET, SOCK_STREAM, 0);
	struct net_socket *diag = net_open_diag(-1, &e);
	struct sockets found = {0};

	(void)state;
	done(net_link_set(here, link_of("lo").ifindex, true, 65536, NULL, &e));
	assert_int_equal(bind(listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(s, (struct sockaddr *)&a, n), 0);
	done(net_sockets(diag, take_socket, &found, &e));
	assert_int_equal(found.listening, 1);
	assert_int_equal(found.connected, 2);
	net_close(diag);
}

static void LinkCreate(void **state)
{
	struct net_link l;
	int code;

	(void)state;
	done(make_pair(-1, &code));
	assert_true(named("veth", &l) && str_eq(l.kind, "veth"));
	assert_int_equal(l.peer, link_of("peer").ifindex);
	assert_int_equal(make_pair(-1, &code), -1);
	assert_int_equal(code, EEXIST);
}

static void LinkCreateWithTargetMAC(void **state)
{
	(void)state;
	done(make_pair(-1, NULL));
	assert_memory_equal(link_of("veth").mac, mac, sizeof(mac));
	assert_memory_equal(link_of("peer").mac, mac, sizeof(mac));
}

static void LinkRemove(void **state)
{
	uint32_t ifindex = veth();
	struct net_link l;

	(void)state;
	done(net_link_delete(here, ifindex, &e));
	assert_false(named("veth", &l));
	assert_false(named("peer", &l));
	assert_int_equal(net_link_delete(here, ifindex, NULL), -1);
}

/* By a descriptor of the namespace, of which a pid is one of several sources. */
static void LinkCreatePid(void **state)
{
	cleanup_close int home = open("/proc/self/ns/net", O_RDONLY);
	struct net_link l;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	cleanup_close int away = open("/proc/self/ns/net", O_RDONLY);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	done(make_pair(away, NULL));
	assert_true(named("veth", &l));
	assert_false(named("peer", &l));
	struct net_socket *there = net_open(away, &e);
	done(net_link_named(there, "peer", &l, &e));
	net_close(there);
}

static void take_gone(void *ctx, const struct net_event *ev)
{
	if (ev->kind == NET_LINK_GONE && str_eq(ev->link->name, "veth"))
		*(uint32_t *)ctx = ev->ifindex;
}

static void LinkWait(void **state)
{
	struct net_socket *monitor = net_monitor_open(false, &e);
	uint32_t ifindex = veth(), gone = 0;

	(void)state;
	done(net_monitor_read(monitor, take_gone, &gone, &e));
	assert_int_equal(gone, 0);
	done(net_link_delete(here, ifindex, &e));
	for (unsigned tries = 0; tries < 10 && !gone; tries++) {
		struct pollfd p = {.fd = net_fd(monitor), .events = POLLIN};
		poll(&p, 1, 1000);
		done(net_monitor_read(monitor, take_gone, &gone, &e));
	}
	assert_int_equal(gone, ifindex);
	net_close(monitor);
}

static void LinkSetUp(void **state)
{
	static const char *const ends[] = {"veth", "peer"};

	(void)state;
	done(make_pair(-1, NULL));
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		assert_false(link_of(ends[i]).flags & IFF_UP);
		done(net_link_set(here, link_of(ends[i]).ifindex, true, 1500, NULL, &e));
		assert_true(link_of(ends[i]).flags & IFF_UP);
	}
	assert_int_equal(net_link_set(here, UNKNOWN, true, 1500, NULL, NULL), -1);
}

static void LinkSetMAC(void **state)
{
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 8};
	uint32_t ifindex = veth(), peer = link_of("peer").ifindex;

	(void)state;
	done(net_link_set(here, ifindex, true, 1500, other, &e));
	done(net_link_set(here, peer, true, 1500, other, &e));
	assert_memory_equal(link_of("veth").mac, other, sizeof(other));
	assert_memory_equal(link_of("peer").mac, other, sizeof(other));
	assert_int_equal(net_link_set(here, UNKNOWN, true, 1500, other, NULL), -1);
	assert_int_equal(net_link_set(here, ifindex, true, 1500, multicast, NULL), -1);
	assert_memory_equal(link_of("veth").mac, other, sizeof(other));
}

static void LinkMTU(void **state)
{
	uint32_t ifindex = veth();

	(void)state;
	done(net_link_set(here, ifindex, true, 10000, NULL, &e));
	assert_int_equal(link_of("veth").mtu, 10000);
	assert_int_equal(net_link_set(here, UNKNOWN, true, 10000, NULL, NULL), -1);
}

/* ---- qdiscs ---- */

static void send_something(uint32_t ifindex) /* it need not arrive */
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a630002)};
	struct net_address a = {
		.ifindex = ifindex, .family = AF_INET, .prefix = 24, .address = {10, 99, 0, 1}};
	cleanup_close int s = socket(AF_INET, SOCK_DGRAM, 0);

	done(net_address_add(here, &a, &e));
	assert_int_equal(sendto(s, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
}

typedef int (*qdisc_add)(struct net_socket *s, uint32_t ifindex, int *code, struct err *e);

static int htb_add(struct net_socket *s, uint32_t ifindex, int *code, struct err *err)
{
	return net_htb_add(s, ifindex, 1, code, err);
}

/* A root qdisc without a handle is the kernel's own. */
static bool there(uint32_t ifindex, uint32_t parent, struct net_qdisc *q)
{
	return !net_qdisc_at(here, ifindex, parent, q, NULL) && q->handle;
}

/* There, once, with counters, away, and once. */
static struct net_qdisc live(uint32_t ifindex, uint32_t parent, qdisc_add add)
{
	struct net_qdisc q, gone;
	int code;

	assert_false(there(ifindex, parent, &q));
	done(add(here, ifindex, &code, &e));
	assert_int_equal(add(here, ifindex, &code, NULL), -1);
	assert_int_equal(code, EEXIST);
	send_something(ifindex);
	assert_true(there(ifindex, parent, &q));
	done(net_qdisc_delete(here, ifindex, parent, NULL, &e));
	assert_false(there(ifindex, parent, &gone));
	assert_int_equal(net_qdisc_delete(here, ifindex, parent, NULL, NULL), -1);
	assert_false(there(UNKNOWN, parent, &gone));
	assert_int_equal(add(here, UNKNOWN, NULL, NULL), -1);
	assert_int_equal(net_qdisc_delete(here, UNKNOWN, parent, NULL, NULL), -1);
	return q;
}

static void IngressQdisc(void **state) /* clsact, which is one too */
{
	const struct net_qdisc q = live(veth(), NET_TC_CLSACT, net_clsact_add);

	(void)state;
	assert_string_equal(q.kind, "clsact");
}

/* The handle is ours always; the one that the kernel chooses is that of a leaf. */
static void HTBQdisc(void **state)
{
	uint32_t ifindex = veth();
	const struct net_qdisc q = live(ifindex, NET_TC_ROOT, htb_add);
	struct net_qdisc leaf;
	const char *kind;

	(void)state;
	assert_string_equal(q.kind, "htb");
	assert_int_equal(q.handle, 0x10000);
	assert_true(q.stats.packets > 0 && q.stats.bytes > 0);
	const struct net_htb_class c = {
		.ifindex = ifindex, .parent = 0x10000, .handle = 0x10001, .rate = 1000000};
	done(net_htb_add(here, ifindex, 1, NULL, &e));
	done(net_htb_class_set(here, &c, &e));
	done(net_leaf_add(here, ifindex, c.handle, &kind, &e));
	assert_true(there(ifindex, c.handle, &leaf));
	assert_string_equal(leaf.kind, kind);
}

static void FqCodeQdisc(void **state)
{
	uint32_t ifindex = veth();

	(void)state;
	need_fq_codel(ifindex);
	const struct net_qdisc q = live(ifindex, NET_TC_ROOT, add_fq_codel);
	assert_string_equal(q.kind, "fq_codel");
	assert_int_equal(q.handle, 0x10000);
	assert_true(q.stats.packets > 0 && q.stats.bytes > 0);
}

/* ---- ports ---- */

struct blocks {
	uint32_t begin[4], size[4];
	unsigned count;
};

static void take_block(void *ctx, uint32_t begin, uint32_t size)
{
	struct blocks *b = ctx;

	assert_true(b->count < ARRAY_SIZE(b->begin));
	b->begin[b->count] = begin;
	b->size[b->count++] = size;
}

/* What is no block they refuse; here it is cut into blocks. */
static void PortRange(void **state)
{
	static const struct {
		const char *text;
		struct blocks blocks;
	} rows[] = {
		{"4-7", {{4}, {4}, 1}},	       {"10-10", {{10}, {1}, 1}},
		{"20", {{20}, {1}, 1}},	       {"1024-1031", {{1024}, {8}, 1}},
		{"4-11", {{4, 8}, {4, 4}, 2}},
	};
	struct port_set none = {0};

	(void)state;
	assert_int_equal(port_set_parse("7-4", 3, &none, NULL), -1);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct port_set s = {0};
		struct blocks b = {0};
		done(port_set_parse(rows[i].text, strlen(rows[i].text), &s, &e));
		port_blocks(&s, take_block, &b);
		assert_memory_equal(&b, &rows[i].blocks, sizeof(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PortRange),
		routing(LinkIndex),
		routing(LinkName),
		routing(LinkStatistics),
		routing(LinkExists),
		routing(Eth0),
		routing(Lo),
		routing(RouteTable),
		routing(INETSockets),
		routing(LinkCreate),
		routing(LinkCreateWithTargetMAC),
		routing(LinkRemove),
		routing(LinkCreatePid),
		routing(LinkWait),
		routing(LinkSetUp),
		routing(LinkSetMAC),
		routing(LinkMTU),
		routing(IngressQdisc),
		routing(HTBQdisc),
		routing(FqCodeQdisc),
	};

	return routing_run(tests);
}
