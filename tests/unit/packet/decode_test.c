/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "packets.h"
#include "bytes.h"

#define ETH   PACKET_ETH
#define ARP   PACKET_ARP
#define IP4   PACKET_IP4
#define IP6   PACKET_IP6
#define TCP   PACKET_TCP
#define UDP   PACKET_UDP
#define ICMP  PACKET_ICMP
#define ICMP6 PACKET_ICMP6
#define SCTP  PACKET_SCTP
#define FRAG  PACKET_FRAG
#define PORTS PACKET_PORTS
#define VLAN  PACKET_VLAN
#define MORE  PACKET_MORE

/* The innermost layer of each frame. */
static const struct {
	const char *name;
	uint32_t has;
	uint16_t ethertype, vlan;
	uint8_t proto;
	uint16_t sport, dport;
	uint32_t l3, l4, payload, payload_len;
	enum packet_tunnel tunnel;
	uint32_t vni;
} expected[] = {
	{"tcp", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 40000, 6379, 14, 34, 54, 23, 0, 0},
	{"http", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 40000, 80, 14, 34, 66, 38, 0, 0},
	{"http_reply", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 80, 40000, 14, 34, 54, 21, 0, 0},
	{"syn", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 40000, 80, 14, 34, 58, 0, 0, 0},
	{"ipopts", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 1, 2, 14, 46, 66, 0, 0, 0},
	{"frag0", ETH | IP4 | UDP | PORTS | MORE, 0x0800, 0, 17, 1000, 2000, 14, 34, 42, 64, 0, 0},
	{"frag1", ETH | IP4 | FRAG, 0x0800, 0, 17, 0, 0, 14, 0, 34, 40, 0, 0},
	{"vlan", ETH | IP4 | UDP | PORTS | VLAN, 0x0800, 42, 17, 1234, 4321, 18, 38, 46, 5, 0, 0},
	{"qinq", ETH | IP6 | TCP | PORTS | VLAN, 0x86dd, 100, 6, 5, 6, 22, 62, 82, 0, 0, 0},
	{"arp_who", ETH | ARP, 0x0806, 0, 0, 0, 0, 14, 0, 42, 0, 0, 0},
	{"arp_is", ETH | ARP, 0x0806, 0, 0, 0, 0, 14, 0, 42, 0, 0, 0},
	{"arp_self", ETH | ARP, 0x0806, 0, 0, 0, 0, 14, 0, 42, 0, 0, 0},
	{"ping", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 56, 0, 0},
	{"pong", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 56, 0, 0},
	{"icmp_port", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 30, 0, 0},
	{"icmp_host", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 40, 0, 0},
	{"icmp_mtu", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 40, 0, 0},
	{"icmp_ttl", ETH | IP4 | ICMP, 0x0800, 0, 1, 0, 0, 14, 34, 42, 28, 0, 0},
	{"tcp6", ETH | IP6 | TCP | PORTS, 0x86dd, 0, 6, 40000, 443, 14, 54, 74, 0, 0, 0},
	{"udp6ext", ETH | IP6 | UDP | PORTS, 0x86dd, 0, 17, 7, 8, 14, 78, 86, 4, 0, 0},
	{"rt6", ETH | IP6 | UDP | PORTS, 0x86dd, 0, 17, 7, 8, 14, 78, 86, 4, 0, 0},
	{"frag6_0", ETH | IP6 | UDP | PORTS | MORE, 0x86dd, 0, 17, 7, 8, 14, 62, 70, 48, 0, 0},
	{"frag6_1", ETH | IP6 | FRAG, 0x86dd, 0, 17, 0, 0, 14, 0, 62, 48, 0, 0},
	{"ping6", ETH | IP6 | ICMP6, 0x86dd, 0, 58, 0, 0, 14, 54, 62, 3, 0, 0},
	{"ns", ETH | IP6 | ICMP6, 0x86dd, 0, 58, 0, 0, 14, 54, 62, 16, 0, 0},
	{"na", ETH | IP6 | ICMP6, 0x86dd, 0, 58, 0, 0, 14, 54, 62, 16, 0, 0},
	{"rs", ETH | IP6 | ICMP6, 0x86dd, 0, 58, 0, 0, 14, 54, 62, 0, 0, 0},
	{"unreach6", ETH | IP6 | ICMP6, 0x86dd, 0, 58, 0, 0, 14, 54, 62, 48, 0, 0},
	{"sctp", ETH | IP4 | SCTP | PORTS, 0x0800, 0, 132, 3868, 3869, 14, 34, 46, 20, 0, 0},
	{"dns_q", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 40001, 53, 14, 34, 42, 36, 0, 0},
	{"dns_aaaa", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 40001, 53, 14, 34, 42, 36, 0, 0},
	{"dns_r", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 53, 40001, 14, 34, 42, 70, 0, 0},
	{"dns_nx", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 53, 40001, 14, 34, 42, 28, 0, 0},
	{"vxlan", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 45000, 80, 64, 84, 104, 38, 1, 42},
	{"vxlan_flannel", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 45000, 80, 64, 84, 104, 38, 1, 1},
	{"geneve", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 45000, 80, 64, 84, 104, 38, 2, 77},
	{"geneve_opts", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 45000, 80, 72, 92, 112, 38, 2, 77},
	{"vxlan6", ETH | IP6 | ICMP6 | VLAN, 0x86dd, 9, 58, 0, 0, 88, 128, 136, 0, 1, 16777215},
	{"lldp", ETH, 0x88cc, 0, 0, 0, 0, 0, 0, 14, 43, 0, 0},
	{"stp", ETH, 0x0026, 0, 0, 0, 0, 0, 0, 14, 38, 0, 0},
	{"gre", ETH | IP4, 0x0800, 0, 47, 0, 0, 14, 0, 34, 24, 0, 0},
	{"pad", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 1, 2, 14, 34, 54, 0, 0, 0},
	{"tso", ETH | IP4 | TCP | PORTS, 0x0800, 0, 6, 1, 2, 14, 34, 54, 100, 0, 0},
	{"udplie", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 1, 2, 14, 34, 42, 10, 0, 0},
	{"iplie", ETH | IP4 | UDP | PORTS, 0x0800, 0, 17, 1, 2, 14, 34, 42, 10, 0, 0},
	{"ah", ETH | IP6 | TCP | PORTS, 0x86dd, 0, 6, 1, 2, 14, 78, 98, 0, 0, 0},
};

static void test_every_field(void **unused)
{
	(void)unused;
	assert_int_equal(ARRAY_SIZE(expected), ARRAY_SIZE(frames));
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
		struct bytes b = bytes_of(frames[i].hex);
		struct packet p;

		packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		const struct packet_layer *l = packet_inner(&p);
		assert_string_equal(expected[i].name, frames[i].name);
		assert_int_equal(l->has, expected[i].has);
		assert_int_equal(l->ethertype, expected[i].ethertype);
		assert_int_equal(l->vlan, expected[i].vlan);
		assert_int_equal(l->proto, expected[i].proto);
		assert_int_equal(l->sport, expected[i].sport);
		assert_int_equal(l->dport, expected[i].dport);
		assert_int_equal(l->l3, expected[i].l3);
		assert_int_equal(l->l4, expected[i].l4);
		assert_int_equal(l->payload, expected[i].payload);
		assert_int_equal(l->payload_len, expected[i].payload_len);
		assert_int_equal(p.tunnel, expected[i].tunnel);
		assert_int_equal(p.vni, expected[i].vni);
		assert_int_equal(p.layers, expected[i].tunnel == TUNNEL_NONE ? 1 : 2);
		free(b.at);
	}
}

static void test_outer_of_tunnel(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("vxlan"));
	struct packet p;

	packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
	assert_int_equal(p.layer[0].has, ETH | IP4 | UDP | PORTS);
	assert_int_equal(p.layer[0].sport, 50000);
	assert_int_equal(p.layer[0].dport, 4789);
	assert_int_equal(p.layer[0].payload, 42);
	assert_int_equal(p.layer[1].l2, 50);
	assert_memory_equal(p.layer[0].src, "\x0a\0\0\x01", 4);
	assert_memory_equal(p.layer[1].src, "\xc0\xa8\x01\x01", 4);
	assert_memory_equal(p.layer[1].dst, "\xc0\xa8\x01\x02", 4);
	assert_int_equal(p.layer[1].tcp_flags, 0x18);
	free(b.at);
}

static void check_bounds(const struct packet *p, const struct packet_layer *l)
{
	assert_true(l->payload <= p->caplen);
	assert_true((uint64_t)l->payload + l->payload_len <= p->len);
	if (l->has & (IP4 | IP6))
		assert_true(l->dst + (l->has & IP4 ? 4 : 16) <= p->data + p->caplen);
	if (l->has & ARP)
		assert_true(l->dst + 4 <= p->data + p->caplen);
	if (l->has & TCP)
		assert_true(l->l4 + 20 <= p->caplen);
	if (l->has & UDP)
		assert_true(l->l4 + 8 <= p->caplen);
}

/* Cut after n bytes: nothing beyond is believed, and a header that is not there is marked cut. */
static void check_cut(const struct bytes *whole, uint32_t n, const struct packet *full)
{
	uint8_t *exact = malloc(n + !n);
	struct text t = {0};
	struct packet p;

	assert_non_null(exact);
	memcpy(exact, whole->at, n);
	packet_decode(&p, LINKTYPE_ETHERNET, exact, n, whole->n);
	assert_int_equal(p.caplen, n);
	assert_int_equal(p.len, whole->n);
	for (unsigned i = 0; i < p.layers; i++) {
		check_bounds(&p, &p.layer[i]);
		assert_int_equal(p.layer[i].has & ~full->layer[i].has & ~PACKET_CUT, 0);
	}
	const struct packet_layer *inner = packet_inner(full);
	if (n < full->layer[0].payload)
		assert_true(p.layer[0].has & PACKET_CUT);
	else
		assert_int_equal(p.layer[0].has, full->layer[0].has);
	if (n >= inner->payload) {
		assert_int_equal(p.layers, full->layers);
		assert_int_equal(packet_inner(&p)->has, inner->has);
		assert_int_equal(packet_inner(&p)->payload_len, inner->payload_len);
	} else if (p.layers == 2) {
		assert_true(p.layer[1].has & PACKET_CUT);
	}
	packet_info(&p, &t);
	assert_true(t.len > 0);
	packet_id(&p);
	text_done(&t);
	free(exact);
}

static void test_every_truncation(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
		struct bytes b = bytes_of(frames[i].hex);
		struct packet full;

		packet_decode(&full, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		for (uint32_t n = 0; n <= b.n; n++)
			check_cut(&b, n, &full);
		free(b.at);
	}
}

/* A cut TCP header still tells the ports, so the packet stays in its conversation. */
static void test_ports_of_cut_header(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("tcp"));
	struct packet p;

	packet_decode(&p, LINKTYPE_ETHERNET, b.at, 38, b.n);
	assert_int_equal(p.layer[0].has, ETH | IP4 | PORTS | PACKET_CUT);
	assert_int_equal(p.layer[0].dport, 6379);
	free(b.at);
}

/* The same packet under every link type. */
static void test_link_types(void **unused)
{
	(void)unused;
	static const struct {
		uint32_t linktype;
		const char *header;
		const char *frame;
	} rows[] = {
		{LINKTYPE_LINUX_SLL, "00000001000602000000000100000800", "tcp"},
		{LINKTYPE_LINUX_SLL, "000400010006020000000001000086dd", "tcp6"},
		{LINKTYPE_LINUX_SLL2, "0800000000000003000100060200000000010000", "tcp"},
		{LINKTYPE_LINUX_SLL2, "86dd000000000003000100060200000000010000", "tcp6"},
		{LINKTYPE_RAW, "", "tcp"},
		{LINKTYPE_RAW, "", "tcp6"},
		{LINKTYPE_IPV4, "", "tcp"},
		{LINKTYPE_IPV6, "", "tcp6"},
		{LINKTYPE_NULL, "02000000", "tcp"},
		{LINKTYPE_NULL, "00000002", "tcp"},
		{LINKTYPE_NULL, "0000001e", "tcp6"},
		{LINKTYPE_NULL, "18000000", "tcp6"},
		{LINKTYPE_NULL, "1c000000", "tcp6"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes eth = bytes_of(frame_hex(rows[i].frame));
		struct bytes b = bytes_of(rows[i].header);
		struct packet p, q;

		packet_decode(&q, LINKTYPE_ETHERNET, eth.at, eth.n, eth.n);
		uint32_t header = b.n, shift = 14 - header;
		b.at = realloc(b.at, header + eth.n - 14);
		assert_non_null(b.at);
		memcpy(b.at + header, eth.at + 14, eth.n - 14);
		b.n = header + eth.n - 14;
		packet_decode(&p, rows[i].linktype, b.at, b.n, b.n);
		assert_int_equal(p.layer[0].has, q.layer[0].has & ~PACKET_ETH);
		assert_int_equal(p.layer[0].ethertype, q.layer[0].ethertype);
		assert_int_equal(p.layer[0].l4, q.layer[0].l4 - shift);
		assert_int_equal(p.layer[0].payload_len, q.layer[0].payload_len);
		assert_int_equal(p.layer[0].sport, 40000);
		for (uint32_t n = 0; n < p.layer[0].payload; n++) {
			packet_decode(&p, rows[i].linktype, b.at, n, b.n);
			check_bounds(&p, &p.layer[0]);
			assert_true(p.layer[0].has & PACKET_CUT);
		}
		free(eth.at);
		free(b.at);
	}
}

/* One byte of a sound frame is changed; what may be believed then. */
static void test_lies(void **unused)
{
	(void)unused;
	static const struct {
		const char *frame;
		uint32_t at;
		uint8_t value;
		uint32_t has, payload_len;
	} rows[] = {
		{"tcp", 14, 0x44, ETH, 63},			    /* header of 16 bytes */
		{"tcp", 14, 0x65, ETH, 63},			    /* version 6 */
		{"tcp", 14, 0x4f, ETH | IP4 | PACKET_CUT, 0},	    /* 60 bytes, 3 are left */
		{"tcp", 17, 19, ETH | IP4 | PACKET_CUT, 0},	    /* total length under 20 */
		{"tcp", 17, 39, ETH | IP4 | PORTS | PACKET_CUT, 0}, /* ends within the TCP header */
		{"tcp", 16, 0xff, ETH | IP4 | TCP | PORTS, 23},	    /* longer than the frame */
		{"tcp", 46, 0x40, ETH | IP4 | TCP | PORTS, 0},	    /* TCP header of 16 bytes */
		{"tcp", 46, 0xf0, ETH | IP4 | TCP | PORTS | PACKET_CUT, 0}, /* beyond the segment */
		{"vlan", 43, 7, ETH | IP4 | UDP | PORTS | VLAN, 0},	    /* UDP length under 8 */
		{"vlan", 43, 0, ETH | IP4 | UDP | PORTS | VLAN, 5},	    /* UDP length 0 */
		{"tcp6", 14, 0x45, ETH, 60},				    /* version 4 */
		{"tcp6", 19, 0, ETH | IP6 | TCP | PORTS, 0},	    /* payload length 0: jumbo */
		{"udp6ext", 55, 200, ETH | IP6 | PACKET_CUT, 0},    /* endless extension header */
		{"udp6ext", 62, 59, ETH | IP6, 12},		    /* no next header */
		{"arp_who", 15, 6, ETH, 0},			    /* not Ethernet */
		{"vxlan", 42, 0, ETH | IP4 | UDP | PORTS, 100},	    /* without a VNI */
		{"geneve", 42, 0x40, ETH | IP4 | UDP | PORTS, 100}, /* version 1 */
		{"geneve", 42, 0x3f, PACKET_CUT, 0},		    /* options beyond the packet */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_of(frame_hex(rows[i].frame));
		struct packet p;

		b.at[rows[i].at] = rows[i].value;
		packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		const struct packet_layer *l = packet_inner(&p);
		check_bounds(&p, l);
		if (l->has != rows[i].has || l->payload_len != rows[i].payload_len)
			fail_msg("%s[%u]=%u: has 0x%x, payload_len %u", rows[i].frame, rows[i].at,
				 rows[i].value, l->has, l->payload_len);
		free(b.at);
	}
}

static void test_captured_more_than_sent(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("tcp"));
	struct packet p;

	packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, 20);
	assert_int_equal(p.len, b.n);
	assert_int_equal(p.layer[0].payload_len, 23);
	free(b.at);
}

static void test_many_tags_and_headers(void **unused)
{
	(void)unused;
	uint8_t frame[512] = {0};
	struct packet p;

	for (unsigned at = 12; at + 4 < sizeof(frame); at += 4)
		memcpy(frame + at, "\x81\0\0\x07", 4);
	packet_decode(&p, LINKTYPE_ETHERNET, frame, sizeof(frame), sizeof(frame));
	assert_int_equal(p.layer[0].has, ETH | VLAN);
	assert_int_equal(p.layer[0].vlan, 7);
	assert_int_equal(p.layer[0].ethertype, 0x8100);
	assert_int_equal(p.layer[0].payload, 14 + 4 * 4);

	memset(frame, 0, sizeof(frame));
	memcpy(frame + 12, "\x86\xdd\x60\0\0\0\x01\0\0\x40", 10);
	packet_decode(&p, LINKTYPE_ETHERNET, frame, sizeof(frame), sizeof(frame));
	assert_int_equal(p.layer[0].has, ETH | IP6);
	assert_int_equal(p.layer[0].payload, 14 + 40 + 8 * 8);
}

static void test_unknown_link(void **unused)
{
	(void)unused;
	struct packet p;

	packet_decode(&p, 12345, (const uint8_t *)"abc", 3, 3);
	assert_int_equal(p.layer[0].has, 0);
	assert_int_equal(p.layer[0].payload_len, 3);
	packet_decode(&p, LINKTYPE_NULL, (const uint8_t *)"\x07\0\0\0\x45\0", 6, 6);
	assert_int_equal(p.layer[0].has, 0);
	packet_decode(&p, LINKTYPE_ETHERNET, (const uint8_t *)"", 0, 0);
	assert_int_equal(p.layer[0].has, PACKET_CUT);
}

/* Behind Ethernet an IP packet is what it is without, wherever it is cut and whatever stands in the
 * bytes of its headers. */
static void assert_as_raw(const struct bytes *b, uint32_t caplen, uint32_t len)
{
	struct packet eth, raw;

	packet_decode(&eth, LINKTYPE_ETHERNET, b->at, caplen, len);
	packet_decode(&raw, LINKTYPE_RAW, b->at + 14, caplen - 14, len - 14);
	const struct packet_layer *e = &eth.layer[0], *r = &raw.layer[0];
	assert_int_equal(e->has, r->has | PACKET_ETH);
	assert_int_equal(e->payload, r->payload + 14);
	assert_int_equal(e->payload_len, r->payload_len);
	assert_int_equal(e->l2, 0);
	assert_int_equal(e->l3, r->has & IP4 ? r->l3 + 14 : 0);
	assert_int_equal(e->l4, r->l4 ? r->l4 + 14 : 0);
	assert_int_equal(e->ethertype, r->ethertype);
	assert_int_equal(e->vlan, 0);
	assert_int_equal(e->proto, r->proto);
	assert_int_equal(e->tcp_flags, r->tcp_flags);
	assert_int_equal(e->sport, r->sport);
	assert_int_equal(e->dport, r->dport);
	assert_ptr_equal(e->src, r->src);
	assert_ptr_equal(e->dst, r->dst);
	assert_int_equal(eth.layers, raw.layers);
	assert_int_equal(eth.tunnel, raw.tunnel);
}

static void test_usual_packet(void **unused)
{
	(void)unused;
	static const char *const names[] = {"tcp", "http", "syn"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes b = bytes_of(frame_hex(names[i]));
		for (uint32_t caplen = 15; caplen <= b.n; caplen++)
			assert_as_raw(&b, caplen, b.n);
		for (uint32_t at = 14; at < 54; at++) {
			uint8_t was = b.at[at];
			for (unsigned v = 0; v < 256; v++) {
				b.at[at] = (uint8_t)v;
				/* Of a packet without link header the version alone says what it
				 * is. */
				if (at > 14 || v >> 4 == 4)
					assert_as_raw(&b, b.n, b.n + v);
			}
			b.at[at] = was;
		}
		free(b.at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_outer_of_tunnel),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_ports_of_cut_header),
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_captured_more_than_sent),
		cmocka_unit_test(test_many_tags_and_headers),
		cmocka_unit_test(test_unknown_link),
		cmocka_unit_test(test_usual_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
