/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "packets.h"
#include "bytes.h"

static struct packet decode(const struct bytes *b)
{
	struct packet p;

	packet_decode(&p, LINKTYPE_ETHERNET, b->at, b->n, b->n);
	return p;
}

static void swap(uint8_t *a, uint8_t *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t kept = a[i];
		a[i] = b[i];
		b[i] = kept;
	}
}

static void test_both_directions_one_key(void **unused)
{
	(void)unused;
	static const struct {
		const char *frame;
		unsigned address, size, ports; /* where they stand */
	} rows[] = {{"tcp", 26, 4, 34}, {"tcp6", 22, 16, 54}, {"sctp", 26, 4, 34}};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_of(frame_hex(rows[i].frame));
		struct flow_key there, back;
		struct packet p = decode(&b);

		memset(&there, 0xaa, sizeof(there));
		memset(&back, 0x55, sizeof(back));
		assert_int_equal(packet_flow(&p.layer[0], &there), 1);
		swap(b.at + rows[i].address, b.at + rows[i].address + rows[i].size, rows[i].size);
		swap(b.at + rows[i].ports, b.at + rows[i].ports + 2, 2);
		p = decode(&b);
		assert_int_equal(packet_flow(&p.layer[0], &back), 2);
		assert_memory_equal(&there, &back, sizeof(there));
		b.at[rows[i].ports] ^= 1;
		p = decode(&b);
		packet_flow(&p.layer[0], &back);
		assert_memory_not_equal(&there, &back, sizeof(there));
		free(b.at);
	}
}

/* Each way is another one; what is not of the ends makes no difference, but for SYN. */
static void test_ends(void **unused)
{
	(void)unused;
	static const struct {
		const char *frame;
		unsigned address, size, ports, seq, flags; /* where they stand */
	} rows[] = {{"tcp", 26, 4, 34, 38, 47}, {"tcp6", 22, 16, 54, 58, 67}};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_of(frame_hex(rows[i].frame));
		struct packet p = decode(&b);
		uint64_t ends = packet_ends(&p.layer[0]);
		b.at[rows[i].seq] ^= 1;
		b.at[rows[i].flags] ^= TCP_PSH;
		p = decode(&b);
		assert_true(packet_ends(&p.layer[0]) == ends);
		for (unsigned at = 0; at < 2 * rows[i].size + 4 + 1; at++) {
			unsigned of = at < 2 * rows[i].size ? rows[i].address + at
				      : at < 2 * rows[i].size + 4
					      ? rows[i].ports + at - 2 * rows[i].size
					      : rows[i].flags;
			b.at[of] ^= of == rows[i].flags ? TCP_SYN : 1;
			p = decode(&b);
			assert_true(packet_ends(&p.layer[0]) != ends);
			b.at[of] ^= of == rows[i].flags ? TCP_SYN : 1;
		}
		swap(b.at + rows[i].address, b.at + rows[i].address + rows[i].size, rows[i].size);
		swap(b.at + rows[i].ports, b.at + rows[i].ports + 2, 2);
		p = decode(&b);
		assert_true(packet_ends(&p.layer[0]) != ends);
		free(b.at);
	}
}

static void test_key_of_ipv4(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("http"));
	struct packet p = decode(&b);
	struct flow_key key;

	assert_int_equal(packet_flow(&p.layer[0], &key), 1);
	assert_memory_equal(key.a, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
	assert_memory_equal(key.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02", 16);
	assert_int_equal(key.aport, 40000);
	assert_int_equal(key.bport, 80);
	assert_int_equal(key.proto, 6);
	free(b.at);
}

static void test_no_addresses(void **unused)
{
	(void)unused;
	static const char *const names[] = {"arp_who", "lldp", "stp"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes b = bytes_of(frame_hex(names[i]));
		struct packet p = decode(&b);
		struct flow_key key = {.proto = 99};

		assert_int_equal(packet_flow(&p.layer[0], &key), 0);
		assert_int_equal(key.proto, 99);
		assert_int_equal(packet_id(&p), 0);
		free(b.at);
	}
}

/* What changes on the way does not change the id; what makes another packet does. */
static void test_packet_id(void **unused)
{
	(void)unused;
	static const struct {
		const char *frame;
		uint32_t at;
		bool same;
		const char *what;
	} rows[] = {
		{"tcp", 0, true, "MAC"},
		{"tcp", 15, true, "TOS"},
		{"tcp", 22, true, "TTL"},
		{"tcp", 24, true, "IP checksum"},
		{"tcp", 50, true, "TCP checksum"},
		{"tcp", 19, false, "IP id"},
		{"tcp", 26, false, "source"},
		{"tcp", 33, false, "destination"},
		{"tcp", 35, false, "source port"},
		{"tcp", 36, false, "destination port"},
		{"tcp", 41, false, "seq"},
		{"tcp", 42, false, "ack"},
		{"tcp6", 21, true, "hop limit"},
		{"tcp6", 17, false, "flow label"},
		{"tcp6", 30, false, "source"},
		{"ping", 36, true, "ICMP checksum"},
		{"ping", 41, false, "ICMP seq"},
		{"dns_q", 42, false, "DNS id"},
		{"dns_q", 40, true, "UDP checksum"},
		{"frag1", 21, false, "fragment offset"},
		{"frag6_1", 57, false, "fragment offset"},
		{"frag6_1", 61, false, "fragment id"},
		{"vxlan", 22, true, "outer TTL"},
		{"vxlan", 34, true, "outer port"},
		{"vxlan", 48, true, "VNI"},
		{"vxlan", 85, false, "inner port"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_of(frame_hex(rows[i].frame));
		struct packet p = decode(&b);
		uint64_t before = packet_id(&p);

		assert_int_not_equal(before, 0);
		b.at[rows[i].at] ^= 8;
		p = decode(&b);
		if ((packet_id(&p) == before) != rows[i].same)
			fail_msg("%s: %s", rows[i].frame, rows[i].what);
		free(b.at);
	}
}

/* A tunnel may clear "don't fragment"; a flag makes no other packet. */
static void test_packet_id_without_flags(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("tcp"));
	struct packet p = decode(&b);
	uint64_t before = packet_id(&p);

	b.at[20] ^= 0x40;
	p = decode(&b);
	assert_int_equal(packet_id(&p), before);
	free(b.at);
}

/* A program that talks to itself: only the ports tell the directions apart. */
static void test_one_address(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("tcp"));
	struct flow_key there, back;

	memcpy(b.at + 30, b.at + 26, 4);
	struct packet p = decode(&b);
	assert_int_equal(packet_flow(&p.layer[0], &there), 2);
	swap(b.at + 34, b.at + 36, 2);
	p = decode(&b);
	assert_int_equal(packet_flow(&p.layer[0], &back), 1);
	assert_memory_equal(&there, &back, sizeof(there));
	assert_int_equal(there.aport, 6379);
	free(b.at);
}

/* The id is the same inside the tunnel and outside of it, and on every machine. */
static void test_packet_id_of_tunnel(void **unused)
{
	(void)unused;
	struct bytes b = bytes_of(frame_hex("vxlan")), g = bytes_of(frame_hex("geneve_opts"));
	struct packet tunnel = decode(&b), other = decode(&g), plain;

	packet_decode(&plain, LINKTYPE_ETHERNET, b.at + 50, b.n - 50, b.n - 50);
	assert_int_equal(packet_id(&tunnel), packet_id(&plain));
	assert_int_equal(packet_id(&other), packet_id(&plain));
	assert_true(packet_id(&plain) == 0x05baf657168f8686ull);
	free(b.at);
	free(g.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions_one_key),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_key_of_ipv4),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_packet_id),
		cmocka_unit_test(test_packet_id_without_flags),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_packet_id_of_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
