/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of every request that changes the kernel, as they are written down in
 * requests.golden with the names of linux/if_link.h, if_addr.h, rtnetlink.h and pkt_cls.h beside
 * them. Nothing is sent.
 *
 *     unit-net-requests [--update]
 */
#include "net/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdlib.h>

#define GOLDEN TEST_DATA_DIR "/unit/net/requests.golden"

/* ---- attributes with names ---- */

struct names {
	int type; /* 0 = the end */
	const char *name;
	size_t header; /* in front of what is inside */
	const struct names *inside;
};

static const struct names veth_names[];
static const struct names link_names[] = {
	{IFLA_ADDRESS, "IFLA_ADDRESS", 0, NULL},
	{IFLA_IFNAME, "IFLA_IFNAME", 0, NULL},
	{IFLA_MTU, "IFLA_MTU", 0, NULL},
	{IFLA_NET_NS_FD, "IFLA_NET_NS_FD", 0, NULL},
	{IFLA_LINKINFO, "IFLA_LINKINFO", 0,
	 (const struct names[]){
		 {IFLA_INFO_KIND, "IFLA_INFO_KIND", 0, NULL},
		 {IFLA_INFO_DATA, "IFLA_INFO_DATA", 0, veth_names},
		 {0, NULL, 0, NULL},
	 }},
	{0, NULL, 0, NULL},
};
static const struct names veth_names[] = {
	{VETH_INFO_PEER, "VETH_INFO_PEER", sizeof(struct ifinfomsg), link_names},
	{0, NULL, 0, NULL},
};
static const struct names address_names[] = {
	{IFA_ADDRESS, "IFA_ADDRESS", 0, NULL},
	{IFA_LOCAL, "IFA_LOCAL", 0, NULL},
	{0, NULL, 0, NULL},
};
static const struct names route_names[] = {
	{RTA_GATEWAY, "RTA_GATEWAY", 0, NULL},
	{RTA_OIF, "RTA_OIF", 0, NULL},
	{0, NULL, 0, NULL},
};
static const struct names namespace_names[] = {
	{NETNSA_NSID, "NETNSA_NSID", 0, NULL},
	{NETNSA_FD, "NETNSA_FD", 0, NULL},
	{0, NULL, 0, NULL},
};
static const struct names htb_names[] = {
	{TCA_HTB_PARMS, "TCA_HTB_PARMS", 0, NULL},
	{TCA_HTB_INIT, "TCA_HTB_INIT", 0, NULL},
	{TCA_HTB_RATE64, "TCA_HTB_RATE64", 0, NULL},
	{TCA_HTB_CEIL64, "TCA_HTB_CEIL64", 0, NULL},
	{0, NULL, 0, NULL},
};
static const struct names bpf_names[] = {
	{TCA_BPF_CLASSID, "TCA_BPF_CLASSID", 0, NULL},
	{TCA_BPF_FD, "TCA_BPF_FD", 0, NULL},
	{TCA_BPF_NAME, "TCA_BPF_NAME", 0, NULL},
	{TCA_BPF_FLAGS, "TCA_BPF_FLAGS", 0, NULL},
	{0, NULL, 0, NULL},
};
#define TRAFFIC_NAMES(options)                                                             \
	(const struct names[])                                                             \
	{                                                                                  \
		{TCA_KIND, "TCA_KIND", 0, NULL}, {TCA_OPTIONS, "TCA_OPTIONS", 0, options}, \
		{                                                                          \
			0, NULL, 0, NULL                                                   \
		}                                                                          \
	}

/* ---- what was asked ---- */

static struct text asked;
static struct net_socket *s;
static struct err e;

static void put_hex(const void *p, size_t n)
{
	for (const uint8_t *b = p; n--; b++)
		text_fmt(&asked, " %02x", *b);
	text_char(&asked, '\n');
}

static void put_attributes(const struct nlattr *a, int left, const struct names *names, int depth)
{
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		const struct names *n = names;
		while (n->type && n->type != nla_type(a))
			n++;
		text_fmt(&asked, "%*s%s%s", 4 * depth, "", n->type ? n->name : "unknown",
			 a->nla_type & NLA_F_NESTED ? " nested" : "");
		if (!n->inside) {
			put_hex(nla_data(a), (size_t)nla_len(a));
			continue;
		}
		put_hex(nla_data(a), n->header);
		put_attributes((const void *)((const char *)nla_data(a) + n->header),
			       nla_len(a) - (int)n->header, n->inside, depth + 1);
	}
	assert_int_equal(left, 0);
}

static const struct names *names_now;
static size_t header_now;

static ssize_t take(int fd, const void *request, size_t n, int flags)
{
	const struct nlmsghdr *h = request;

	(void)fd;
	(void)flags;
	assert_int_equal(n, h->nlmsg_len);
	text_fmt(&asked, "    type %u flags %04x length %u\n    header", h->nlmsg_type,
		 h->nlmsg_flags, h->nlmsg_len);
	put_hex(nlmsg_data(h), header_now);
	put_attributes(nlmsg_attrdata(h, (int)header_now), nlmsg_attrlen(h, (int)header_now),
		       names_now, 1);
	errno = ENOENT; /* no kind of queue of that name: another one is tried */
	return -1;
}

static void title(const char *what, size_t header, const struct names *names)
{
	text_fmt(&asked, "%s\n", what);
	header_now = header;
	names_now = names;
}

/* ---- the requests ---- */

static void ask_links(void)
{
	const struct net_veth v = {.name = "dr1",
				   .peer_name = "eth0",
				   .peer_netns_fd = 9,
				   .mac = {2, 0, 0, 0, 0, 7},
				   .mtu = 1500,
				   .peer_mtu = 1400};
	struct net_veth here = v;
	struct net_link l;
	int code;

	here.peer_netns_fd = -1;
	here.peer_ifindex = 77;
	title("veth pair, its peer elsewhere", sizeof(struct ifinfomsg), link_names);
	net_veth_create(s, &v, &code, &e);
	title("veth pair, both ends here", sizeof(struct ifinfomsg), link_names);
	net_veth_create(s, &here, &code, &e);
	title("link up, with its Ethernet address", sizeof(struct ifinfomsg), link_names);
	net_link_set(s, 5, true, 1500, v.mac, &e);
	title("link down", sizeof(struct ifinfomsg), link_names);
	net_link_set(s, 5, false, 65536, NULL, &e);
	title("link deleted", sizeof(struct ifinfomsg), link_names);
	net_link_delete(s, 5, &e);
	title("link by name", sizeof(struct ifinfomsg), link_names);
	net_link_named(s, "dr1", &l, &e);
	title("id of a namespace", sizeof(struct rtgenmsg), namespace_names);
	net_namespace_id_set(s, 9, 16777215, &e);
}

static void ask_addresses(void)
{
	const struct net_address four = {
		.ifindex = 5, .family = AF_INET, .prefix = 24, .address = {10, 99, 0, 1}};
	const struct net_address six = {.ifindex = 5,
					.family = AF_INET6,
					.prefix = 64,
					.scope = RT_SCOPE_LINK,
					.address = {0xfe, 0x80, [15] = 1}};
	const struct net_gateway way = {
		.ifindex = 5, .family = AF_INET, .address = {10, 99, 0, 254}};
	const struct net_gateway way6 = {
		.ifindex = 5, .family = AF_INET6, .address = {0xfd, [15] = 1}};
	const struct net_gateway none = {.ifindex = 5, .family = AF_INET};

	title("IPv4 address", sizeof(struct ifaddrmsg), address_names);
	net_address_add(s, &four, &e);
	title("IPv6 address", sizeof(struct ifaddrmsg), address_names);
	net_address_add(s, &six, &e);
	title("address deleted", sizeof(struct ifaddrmsg), address_names);
	net_address_delete(s, &four, &e);
	title("IPv4 default route", sizeof(struct rtmsg), route_names);
	net_default_route_add(s, &way, &e);
	title("IPv6 default route", sizeof(struct rtmsg), route_names);
	net_default_route_add(s, &way6, &e);
	title("default route without a gateway", sizeof(struct rtmsg), route_names);
	net_default_route_add(s, &none, &e);
}

static void ask_traffic(void)
{
	const struct net_htb_class small = {
		.ifindex = 5, .parent = 0x10000, .handle = 0x10001, .rate = 1 << 20};
	const struct net_htb_class large = {.ifindex = 5,
					    .parent = 0x10000,
					    .handle = 0x10002,
					    .rate = 5000000000,
					    .ceil = 6000000000,
					    .burst = 1 << 24};
	const size_t header = sizeof(struct tcmsg);
	const char *kind;

	title("clsact", header, TRAFFIC_NAMES(NULL));
	net_clsact_add(s, 5, NULL, &e);
	title("ingress", header, TRAFFIC_NAMES(NULL));
	net_ingress_add(s, 5, NULL, &e);
	title("clsact deleted", header, TRAFFIC_NAMES(NULL));
	net_qdisc_delete(s, 5, NET_TC_CLSACT, NULL, &e);
	title("HTB", header, TRAFFIC_NAMES(htb_names));
	net_htb_add(s, 5, 1, NULL, &e);
	title("root deleted", header, TRAFFIC_NAMES(NULL));
	net_qdisc_delete(s, 5, NET_TC_ROOT, NULL, &e);
	title("fq_codel at the root", header, TRAFFIC_NAMES(NULL));
	net_fq_codel_add(s, 5, NET_TC_ROOT, 0x10000, NULL, &e);
	title("class, 1 MB/s", header, TRAFFIC_NAMES(htb_names));
	net_htb_class_set(s, &small, &e);
	title("class, rate and ceil of 64 bits", header, TRAFFIC_NAMES(htb_names));
	net_htb_class_set(s, &large, &e);
	title("class deleted", header, TRAFFIC_NAMES(NULL));
	net_class_delete(s, 5, 0x10001, &e);
	title("leaf: fq_codel, and without it pfifo", header, TRAFFIC_NAMES(NULL));
	net_leaf_add(s, 5, 0x10001, &kind, &e);
}

static void ask_filters(void)
{
	const struct net_bpf_filter f = {.ifindex = 5,
					 .parent = NET_TC_INGRESS,
					 .priority = 12321,
					 .handle = 1,
					 .classid = 0x10007,
					 .program = 9,
					 .name = "dredge:dp_out"};

	title("program", sizeof(struct tcmsg), TRAFFIC_NAMES(bpf_names));
	net_bpf_filter_set(s, &f, NULL, &e);
	title("filter deleted", sizeof(struct tcmsg), TRAFFIC_NAMES(NULL));
	net_filter_delete(s, &f, NULL, &e);
}

static void all_as_golden(void **state)
{
	char golden[16384] = "";
	FILE *f = fopen(GOLDEN, "re");

	(void)state;
	assert_non_null(f);
	golden[fread(golden, 1, sizeof(golden) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text_cstr(&asked), golden);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_as_golden)};
	FILE *f;
	int status = 0;

	net_ops.send = take;
	s = net_open(-1, &e);
	if (!s) {
		puts(e.message);
		return 1;
	}
	ask_links();
	ask_addresses();
	ask_traffic();
	ask_filters();
	if (argc > 1 && str_eq(argv[1], "--update")) {
		f = fopen(GOLDEN, "we");
		status = !f || fputs(text_cstr(&asked), f) < 0 || fclose(f);
	} else {
		status = cmocka_run_group_tests(tests, NULL, NULL);
	}
	text_done(&asked);
	net_close(s);
	return status;
}
