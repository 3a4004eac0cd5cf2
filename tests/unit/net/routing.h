/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of Mesos' routing library ask for, under their names and in their order
 * (routing_test.c, filters_test.c), each in a network namespace of its own.
 */
#ifndef DREDGE_TEST_ROUTING_H
#define DREDGE_TEST_ROUTING_H

#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
static struct net_socket *here;
static struct err e;

static int fresh_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	here = net_open(-1, &e);
	return here ? 0 : -1;
}

static int close_namespace(void **state)
{
	(void)state;
	net_close(here);
	return 0;
}

#define done(call)                                 \
	do {                                       \
		if (call)                          \
			fail_msg("%s", e.message); \
	} while (0)

static struct net_link link_of(const char *name)
{
	struct net_link l;

	done(net_link_named(here, name, &l, &e));
	return l;
}

static int make_pair(int netns, int *code)
{
	struct net_veth v = {.name = "veth",
			     .peer_name = "peer",
			     .peer_netns_fd = netns,
			     .mtu = 1500,
			     .peer_mtu = 1500};

	memcpy(v.mac, mac, sizeof(mac));
	return net_veth_create(here, &v, code, &e);
}

static uint32_t veth(void) /* and its peer; up */
{
	done(make_pair(-1, NULL));
	done(net_link_set(here, link_of("peer").ifindex, true, 1500, NULL, &e));
	done(net_link_set(here, link_of("veth").ifindex, true, 1500, NULL, &e));
	return link_of("veth").ifindex;
}

static int add_fq_codel(struct net_socket *s, uint32_t ifindex, int *code, struct err *why)
{
	return net_fq_codel_add(s, ifindex, NET_TC_ROOT, 1u << 16, code, why);
}

static void need_fq_codel(uint32_t ifindex)
{
	int code;

	if (!add_fq_codel(here, ifindex, &code, &e)) {
		done(net_qdisc_delete(here, ifindex, NET_TC_ROOT, NULL, &e));
	} else if (code == ENOENT || code == EOPNOTSUPP) {
		puts("skipped: this kernel has no fq_codel; tests/vm/routing_test.sh has one");
		skip();
	}
}

#define routing_as(name, f)                                     \
	{                                                       \
		name, f, fresh_namespace, close_namespace, NULL \
	}
#define routing(f) routing_as(#f, f)

/* Here, and not in a setup, so that without privilege nothing fails. */
#define routing_run(tests)                                                           \
	(unshare(CLONE_NEWNET) ? (puts("skipped: network namespaces need root"), 77) \
			       : cmocka_run_group_tests_name("7.2", tests, NULL, NULL))

#endif
