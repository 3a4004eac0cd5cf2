/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"
#include "packet/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "packets.h"
#include "bytes.h"

static const struct {
	const char *frame, *line;
} lines[] = {
	{"tcp", "TCP 40000 -> 6379 [PSH, ACK] seq=1 ack=9 win=502 len=23 redis GET name"},
	{"http",
	 "TCP 40000 -> 80 [PSH, ACK] seq=100 ack=200 win=8192 len=38 GET /shop/cart HTTP/1.1"},
	{"http_reply",
	 "TCP 80 -> 40000 [PSH, ACK] seq=100 ack=200 win=8192 len=21 HTTP/1.1 200 OK"},
	{"syn", "TCP 40000 -> 80 [SYN] seq=5 win=8192 len=0"},
	{"ipopts", "TCP 1 -> 2 [ACK] seq=0 ack=0 win=8192 len=0"},
	{"frag0", "UDP 1000 -> 2000 len=64 (first fragment)"},
	{"frag1", "IPv4 protocol=17 fragment id=0x004d offset=72 len=40"},
	{"vlan", "UDP 1234 -> 4321 len=5"},
	{"qinq", "TCP 5 -> 6 [SYN, ACK] seq=0 ack=0 win=8192 len=0"},
	{"arp_who", "ARP who-has 10.0.0.2 tell 10.0.0.1"},
	{"arp_is", "ARP 10.0.0.2 is-at 02:00:00:00:00:02"},
	{"arp_self", "ARP announcement 10.0.0.1"},
	{"ping", "ICMP echo request id=3 seq=4 len=56"},
	{"pong", "ICMP echo reply id=3 seq=4 len=56"},
	{"icmp_port", "ICMP port unreachable (UDP 10.0.0.2:5000 -> 10.0.0.1:6000)"},
	{"icmp_host", "ICMP host unreachable (TCP 10.0.0.2:5000 -> 10.0.0.1:6000)"},
	{"icmp_mtu", "ICMP fragmentation needed mtu=1400 (TCP 10.0.0.2:5000 -> 10.0.0.1:6000)"},
	{"icmp_ttl", "ICMP time to live exceeded (UDP 10.0.0.2:5000 -> 10.0.0.1:6000)"},
	{"tcp6", "TCP 40000 -> 443 [FIN, ACK] seq=0 ack=0 win=8192 len=0"},
	{"udp6ext", "UDP 7 -> 8 len=4"},
	{"rt6", "UDP 7 -> 8 len=4"},
	{"frag6_0", "UDP 7 -> 8 len=48 (first fragment)"},
	{"frag6_1", "IPv6 protocol=17 fragment id=0x00000063 offset=56 len=48"},
	{"ping6", "ICMPv6 echo request id=1 seq=2 len=3"},
	{"ns", "ICMPv6 neighbor solicitation fd00::2"},
	{"na", "ICMPv6 neighbor advertisement fd00::2"},
	{"rs", "ICMPv6 router solicitation"},
	{"unreach6", "ICMPv6 port unreachable (UDP fd00::2.5 -> fd00::1.6)"},
	{"sctp", "SCTP 3868 -> 3869 len=20"},
	{"dns_q", "UDP 40001 -> 53 len=36 DNS query 0x1a2b A web.marathon.mesos"},
	{"dns_aaaa", "UDP 40001 -> 53 len=36 DNS query 0x1a2c AAAA web.marathon.mesos"},
	{"dns_r",
	 "UDP 53 -> 40001 len=70 DNS response 0x1a2b A web.marathon.mesos NOERROR answers=1"},
	{"dns_nx", "UDP 53 -> 40001 len=28 DNS response 0x1a2b A nope.mesos NXDOMAIN answers=0"},
	{"vxlan", "VXLAN 42 | TCP 45000 -> 80 [PSH, ACK] seq=1 ack=1 win=8192 len=38 GET "
		  "/shop/cart HTTP/1.1"},
	{"vxlan_flannel", "VXLAN 1 | TCP 45000 -> 80 [PSH, ACK] seq=1 ack=1 win=8192 len=38 GET "
			  "/shop/cart HTTP/1.1"},
	{"geneve", "Geneve 77 | TCP 45000 -> 80 [PSH, ACK] seq=1 ack=1 win=8192 len=38 GET "
		   "/shop/cart HTTP/1.1"},
	{"geneve_opts", "Geneve 77 | TCP 45000 -> 80 [PSH, ACK] seq=1 ack=1 win=8192 len=38 GET "
			"/shop/cart HTTP/1.1"},
	{"vxlan6", "VXLAN 16777215 | ICMPv6 echo reply id=1 seq=2 len=0"},
	{"lldp", "ethertype=0x88cc len=43"},
	{"stp", "802.3 len=38"},
	{"gre", "IPv4 protocol=47 len=24"},
	{"pad", "TCP 1 -> 2 [ACK] seq=0 ack=0 win=8192 len=0"},
	{"tso", "TCP 1 -> 2 [ACK] seq=0 ack=0 win=8192 len=100"},
	{"udplie", "UDP 1 -> 2 len=10"},
	{"iplie", "UDP 1 -> 2 len=10"},
	{"ah", "TCP 1 -> 2 [RST] seq=0 win=8192 len=0"},
};

static void test_lines(void **unused)
{
	(void)unused;
	struct text t = {0};

	assert_int_equal(ARRAY_SIZE(lines), ARRAY_SIZE(frames));
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		struct bytes b = bytes_of(frame_hex(lines[i].frame));
		struct packet p;

		packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		text_reset(&t);
		packet_info(&p, &t);
		assert_string_equal(text_cstr(&t), lines[i].line);
		free(b.at);
	}
	text_done(&t);
}

/* The payload of a frame is replaced from its first byte on; the rest of it stays. */
static void test_hostile_payloads(void **unused)
{
	(void)unused;
	static const struct {
		const char *frame;
		uint32_t skip; /* bytes of the payload before the change */
		const char *bytes;
		uint32_t n;
		const char *end; /* of the line */
	} rows[] = {
		{"http", 4, "\x1b[2J", 4, " len=38 GET .[2Jp/cart HTTP/1.1"},
		{"tcp", 0, "*2\r\n$9999999\r\n", 14, " redis 4..name.."},
		{"tcp", 0, "*x", 2, " win=502 len=23"},
		{"tcp", 0, "+OK\r\n", 5, " redis +OK"},
		{"tcp", 0, "-\x80\n", 3, " len=23 redis -."},
		{"tcp", 0, ":1\r", 3, " len=23 redis :1"},
		{"http", 0, "-ER", 3, " len=38"}, /* not of Redis */
		{"http", 0, "PRI * HTTP/2.0\r", 15, " len=38 PRI * HTTP/2.0"},
		{"http", 0, "PRI * HTML/2.0\r", 15, " len=38"},
		{"http", 0, "CONNECT\t", 8, " len=38"},
		{"http", 0, "CONNECT \r", 9, " len=38 CONNECT "},
		{"http", 0, "HTTP/\n", 6, " len=38 HTTP/"},
		{"dns_q", 12, "\xc0\x0c", 2, " DNS query 0x1a2b (cut)"},
		{"dns_q", 12, "\x3f", 1, " DNS query 0x1a2b (cut)"},
		{"dns_q", 13, "\n\xff.", 3, " A ....marathon.mesos"},
		{"dns_q", 12, "\0\0\x63", 3, " TYPE99 ."},
		{"dns_r", 2, "\x81\x8f", 2, " RCODE15 answers=1"},
		{"dns_r", 2, "\x81\x82", 2, " SERVFAIL answers=1"},
	};
	struct text t = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_of(frame_hex(rows[i].frame));
		struct packet p;

		packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		memcpy(b.at + p.layer[0].payload + rows[i].skip, rows[i].bytes, rows[i].n);
		packet_decode(&p, LINKTYPE_ETHERNET, b.at, b.n, b.n);
		text_reset(&t);
		packet_info(&p, &t);
		const char *line = text_cstr(&t);
		size_t size = strlen(line), end = strlen(rows[i].end);
		if (size < end || !str_eq(line + size - end, rows[i].end))
			fail_msg("row %u: \"%s\"", i, line);
		free(b.at);
	}
	text_done(&t);
}

/* What a payload begins with is known from its first bytes on, and what is behind its end is not
 * looked at. */
static void test_short_payloads(void **unused)
{
	(void)unused;
	static const struct {
		const char *bytes;
		uint32_t least; /* so many of them are enough, 0: never */
	} rows[] = {
		{"GET /a HTTP", 4},  {"HEAD /a", 5},	     {"POST /a", 5},
		{"PUT /a", 4},	     {"DELETE /a", 7},	     {"CONNECT a:1", 8},
		{"OPTIONS *", 8},    {"TRACE /a", 6},	     {"PATCH /a", 6},
		{"HTTP/1.1 200", 5}, {"PRI * HTTP/2.0", 11}, {"GETS /a b", 0},
		{"get /a b c", 0},   {"PRI /a HTTP/1.1", 0}, {"\0\0\0\0", 0},
	};
	struct text t = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (uint32_t n = 0; n <= strlen(rows[i].bytes); n++) {
			uint8_t *exact = memcpy(xmalloc(n), rows[i].bytes, n);
			text_reset(&t);
			info_stream(&t, exact, n, false);
			bool shown = rows[i].least && n >= rows[i].least;
			assert_int_equal(t.len, shown ? n + 1 : 0);
			if (shown)
				assert_memory_equal(t.data + 1, rows[i].bytes, n);
			free(exact);
		}
	}
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_hostile_payloads),
		cmocka_unit_test(test_short_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
