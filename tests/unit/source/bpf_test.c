/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the generated programs in a small interpreter of classic BPF, which has
 * the loads that libpcap's own lacks: interface and packet type.
 */
#include "source/bpf.h"
#include "source/synth.h"

#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct frame {
	const uint8_t *data;
	uint32_t len, ifindex, type;
};

static struct sock_filter program[BPF_MAXINSNS];
static int length;

/* An absolute load; false = outside the packet, which ends the program with 0. */
static bool load(const struct frame *f, uint32_t at, unsigned size, uint32_t *a)
{
	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)) {
		*a = f->ifindex;
		return true;
	}
	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)) {
		*a = f->type;
		return true;
	}
	if (at > f->len || f->len - at < size)
		return false;
	*a = 0;
	for (unsigned i = 0; i < size; i++)
		*a = *a << 8 | f->data[at + i];
	return true;
}

static unsigned size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static uint32_t alu(uint16_t op, uint32_t a, uint32_t v)
{
	switch (op) {
	case BPF_ADD:
		return a + v;
	case BPF_SUB:
		return a - v;
	case BPF_MUL:
		return a * v;
	case BPF_AND:
		return a & v;
	case BPF_OR:
		return a | v;
	case BPF_XOR:
		return a ^ v;
	case BPF_LSH:
		return a << v;
	case BPF_RSH:
		return a >> v;
	case BPF_MOD:
		return a % v;
	default:
		fail_msg("unknown operation %#x", op);
		return 0;
	}
}

static bool jumps(uint16_t op, uint32_t a, uint32_t v)
{
	return op == BPF_JEQ   ? a == v
	       : op == BPF_JGE ? a >= v
	       : op == BPF_JGT ? a > v
			       : (a & v) != 0;
}

static uint32_t interpret(const struct frame *f)
{
	uint32_t a = 0, x = 0, m[BPF_MEMWORDS] = {0};

	for (int pc = 0; pc < length; pc++) {
		const struct sock_filter *i = &program[pc];
		uint32_t v = i->code & BPF_X ? x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_RET:
			return i->k;
		case BPF_LD:
			if (BPF_MODE(i->code) == BPF_IMM)
				a = i->k;
			else if (BPF_MODE(i->code) == BPF_MEM)
				a = m[i->k];
			else if (BPF_MODE(i->code) == BPF_LEN)
				a = f->len;
			else if (!load(f, BPF_MODE(i->code) == BPF_IND ? x + i->k : i->k,
				       size_of(i->code), &a))
				return 0;
			break;
		case BPF_LDX:
			if (BPF_MODE(i->code) == BPF_IMM)
				x = i->k;
			else if (BPF_MODE(i->code) == BPF_MEM)
				x = m[i->k];
			else if (BPF_MODE(i->code) == BPF_LEN)
				x = f->len;
			else if (!load(f, i->k, 1, &x))
				return 0;
			else
				x = (x & 15) * 4;
			break;
		case BPF_ST:
			m[i->k] = a;
			break;
		case BPF_STX:
			m[i->k] = x;
			break;
		case BPF_ALU:
			a = alu(BPF_OP(i->code), a, v);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += (int)i->k;
			else
				pc += jumps(BPF_OP(i->code), a, v) ? i->jt : i->jf;
			break;
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static void build(const struct bpf_watch *w, size_t n, const char *text)
{
	struct bpf_expression x = {0};
	struct err e = {0};

	if (text && bpf_expression_compile(&x, text, &e))
		fail_msg("%s", e.message);
	length = bpf_build(program, w, n, &x, &e);
	if (length < 0)
		fail_msg("%s", e.message);
	bpf_expression_done(&x);
}

static const uint8_t arp[60] = {[12] = 0x08, [13] = 0x06};

/* ---- interfaces ---- */

static void random_sets(void **state)
{
	uint64_t random = 7;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		size_t n = 1 + synth_random(&random) % 1200;
		uint32_t range = round % 3 ? 5000000 : 2000;
		struct bpf_watch *w = xcalloc(n, sizeof(*w));
		uint32_t *want = xcalloc(range + 1, sizeof(*want));

		for (size_t i = 0; i < n; i++) {
			do
				w[i].ifindex = 1 + synth_random(&random) % range;
			while (want[w[i].ifindex]);
			w[i].snaplen = 100 + (round % 2 ? synth_random(&random) % 3 : 0);
			want[w[i].ifindex] = w[i].snaplen;
		}
		build(w, n, NULL);
		for (unsigned i = 0; i < 20000; i++) {
			uint32_t index = i < n ? w[i].ifindex : synth_random(&random) % range;
			struct frame f = {arp, sizeof(arp), index, PACKET_HOST};
			assert_int_equal(interpret(&f), want[index]);
			f.ifindex = index + 1;
			assert_int_equal(interpret(&f), index < range ? want[index + 1] : 0);
		}
		free(w);
		free(want);
	}
}

static void many_interfaces(void **state)
{
	static struct bpf_watch w[4000];
	struct frame f = {arp, sizeof(arp), 0, PACKET_HOST};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(w); i++)
		w[i].ifindex = 10 + i * 3;
	build(w, 1900, "tcp port 80 or arp");
	for (f.ifindex = 0; f.ifindex < 10 + 1900 * 3; f.ifindex++)
		assert_int_equal(interpret(&f) != 0, f.ifindex >= 10 && f.ifindex % 3 == 1);
	/* Too many to tell apart: all of them pass, and nothing beyond them. */
	build(w, 4000, NULL);
	for (uint32_t i = 0; i < ARRAY_SIZE(w); i++) {
		f.ifindex = w[i].ifindex;
		assert_int_equal(interpret(&f), BPF_SNAPLEN_ALL);
	}
	f.ifindex = 9;
	assert_int_equal(interpret(&f), 0);
	f.ifindex = w[3999].ifindex + 1;
	assert_int_equal(interpret(&f), 0);
	build(w, 0, NULL);
	assert_int_equal(length, 1);
	assert_int_equal(interpret(&f), 0);
}

static void one_way(void **state)
{
	const struct bpf_watch w[] = {{.ifindex = 1, .one_way = true},
				      {.ifindex = 2, .snaplen = 96}};
	static const struct {
		uint32_t ifindex, type, want;
	} rows[] = {
		{1, PACKET_OUTGOING, 0},  {1, PACKET_HOST, BPF_SNAPLEN_ALL},
		{2, PACKET_OUTGOING, 96}, {2, PACKET_OTHERHOST, 96},
		{3, PACKET_HOST, 0},
	};

	(void)state;
	for (unsigned with = 0; with < 2; with++) {
		build(w, 2, with ? "arp" : NULL);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			struct frame f = {arp, sizeof(arp), rows[i].ifindex, rows[i].type};
			assert_int_equal(interpret(&f), rows[i].want);
		}
	}
}

/* ---- the user's expression, beside libpcap's own verdict ---- */

static void expressions(void **state)
{
	static const char *const texts[] = {
		"tcp port 31401",
		"udp",
		"arp or icmp",
		"not tcp",
		"tcp[tcpflags] & tcp-syn != 0",
		"host 10.42.0.2 and greater 200",
		"net 198.51.100.0/24 and tcp[13] = 24",
		"ip[8] < 64 or (tcp and src portrange 31000-63000 and len > 100)",
	};
	const struct bpf_watch one[] = {{.ifindex = 5}};
	const struct bpf_watch many[] = {{.ifindex = 5, .snaplen = 80},
					 {.ifindex = 9, .snaplen = 90},
					 {.ifindex = 11, .snaplen = 99, .raw = true}};
	const struct bpf_watch tun = {.ifindex = 11, .raw = true};
	struct synth_traffic *t = synth_traffic_new(50, 5, 0, true, 3);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct bpf_expression x = {0};
		unsigned hits = 0;

		assert_int_equal(bpf_expression_compile(&x, texts[i], NULL), 0);
		for (unsigned j = 0; j < 3000; j++) {
			struct synth_packet p;
			synth_traffic_next(t, j * NSEC_PER_MSEC, &p);
			struct frame f = {p.data, p.len, 5, PACKET_HOST};
			memcpy(program, x.ethernet.insns, x.ethernet.n * sizeof(*x.ethernet.insns));
			length = (int)x.ethernet.n;
			bool want = interpret(&f) != 0;
			hits += want;
			length = bpf_build(program, one, 1, &x, NULL);
			assert_int_equal(interpret(&f), want ? BPF_SNAPLEN_ALL : 0);
			length = bpf_build(program, many, 3, &x, NULL);
			assert_int_equal(interpret(&f), want ? 80 : 0);
			f.ifindex = 9;
			assert_int_equal(interpret(&f), want ? 90 : 0);
			f.ifindex = 6;
			assert_int_equal(interpret(&f), 0);
			/* The same on a tun, where it has another length, and no ARP is. */
			struct frame raw = {p.data + 14, p.len - 14, 11, PACKET_HOST};
			bool same = !strstr(texts[i], "greater") && !strstr(texts[i], "len") &&
				    load_be16(p.data + 12) != 0x0806;
			if (same)
				assert_int_equal(interpret(&raw), want ? 99 : 0);
			length = bpf_build(program, &tun, 1, &x, NULL);
			if (same)
				assert_int_equal(interpret(&raw), want ? BPF_SNAPLEN_ALL : 0);
		}
		assert_true(hits > 0 && hits < 3000);
		bpf_expression_done(&x);
	}
	synth_traffic_free(t);
}

#define LONG "tcp port or tcp port or tcp port or tcp port or tcp port or tcp port or tcp "

static void refused_expressions(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"prot tcp", "error"},
		{"vlan 7 and tcp", "\"vlan\" cannot be tested"},
		{"tcp and (vlan)", "\"vlan\" cannot be tested"},
		{"tcp\nand (", "capture filter \"tcp and (\": can't parse"},
		{LONG LONG LONG, "or tcp tcp...\": can't parse"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bpf_expression x = {0};
		struct err e = {0};

		assert_int_equal(bpf_expression_compile(&x, rows[i].text, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.message, rows[i].why));
	}
}

/* What only Ethernet has cannot be asked of a tun: nothing of it passes. */
static void expressions_of_ethernet(void **state)
{
	const struct bpf_watch both[] = {{.ifindex = 5}, {.ifindex = 11, .raw = true}};
	static const uint8_t ip[40] = {0x45};
	struct frame raw = {ip, sizeof(ip), 11, PACKET_HOST};
	struct bpf_expression x = {0};

	(void)state;
	assert_int_equal(bpf_expression_compile(&x, "not ether host 2:0:0:0:0:1", NULL), 0);
	assert_int_equal(x.raw.n, 0);
	for (size_t n = 1; n <= 2; n++) {
		length = bpf_build(program, both + 2 - n, n, &x, NULL);
		assert_true(length > 0);
		assert_int_equal(interpret(&raw), 0);
	}
	struct frame arrived = {arp, sizeof(arp), 5, PACKET_HOST};
	assert_int_equal(interpret(&arrived), BPF_SNAPLEN_ALL);
	bpf_expression_done(&x);
}

/* ---- sampling ---- */

static void to_ipv6(uint8_t *out, uint32_t *len, const struct synth_packet *p)
{
	memset(out, 0, 54);
	memcpy(out, p->data, 12);
	out[12] = 0x86;
	out[13] = 0xdd;
	out[14] = 0x60;
	uint32_t n = p->len - 34;
	out[18] = (uint8_t)(n >> 8);
	out[19] = (uint8_t)n;
	out[20] = p->data[23];
	out[21] = 64;
	memcpy(out + 34, p->data + 26, 4);
	memcpy(out + 50, p->data + 30, 4);
	memcpy(out + 54, p->data + 34, n);
	*len = p->len + 20;
}

/* Every point decides alike, though a router changed MAC addresses, TTL and checksum. */
static void sampling(void **state)
{
	static const uint32_t rates[] = {2, 10, 64};
	static uint8_t six[2000];

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates); r++) {
		const struct bpf_watch w[] = {{.ifindex = 1, .sample = rates[r]},
					      {.ifindex = 2, .sample = rates[r], .snaplen = 60},
					      {.ifindex = 3, .sample = rates[r], .raw = true}};
		struct synth_traffic *t = synth_traffic_new(20, 5, 0, true, r);
		unsigned n = 0, kept = 0, kept6 = 0;

		build(w, 3, NULL);
		for (unsigned i = 0; i < 40000; i++) {
			struct synth_packet p;

			synth_traffic_next(t, i * NSEC_PER_MSEC, &p);
			struct frame f = {p.data, p.len, 1, PACKET_HOST};
			uint32_t first = interpret(&f);
			if (!p.ip) {
				assert_false(bpf_is_sampled(p.data, p.len, false));
				assert_int_equal(first, BPF_SNAPLEN_ALL);
				continue;
			}
			assert_true(bpf_is_sampled(p.data, p.len, false));
			n++;
			kept += first != 0;
			struct frame raw = {p.data + 14, p.len - 14, 3, PACKET_HOST};
			assert_int_equal(interpret(&raw), first);
			if (p.from != UINT32_MAX && p.to != UINT32_MAX)
				synth_traffic_hop(t, &p);
			f.ifindex = 2;
			f.type = PACKET_OUTGOING;
			assert_int_equal(interpret(&f) != 0, first != 0);
			to_ipv6(six, &f.len, &p);
			f.data = six;
			kept6 += interpret(&f) != 0;
			assert_true(bpf_is_sampled(six, f.len, false));
		}
		/* Binomial: 40000/64 = 625 +- 25 for one standard deviation; five are allowed. */
		double want = (double)n / rates[r],
		       slack = 5 * 1.2 * 25 * (64.0 / rates[r] > 8 ? 4 : 1);
		assert_true(kept > want - slack && kept < want + slack);
		assert_true(kept6 > want - slack && kept6 < want + slack);
		synth_traffic_free(t);
	}
}

/* Packets cut anywhere: kept or dropped, but never outside the program; headers alone are kept. */
static void short_packets(void **state)
{
	const struct bpf_watch w[] = {{.ifindex = 1, .sample = 1000}};
	uint8_t v4[80] = {[12] = 0x08, [14] = 0x4f, [23] = 6}, v6[80] = {[12] = 0x86, 0xdd, 0x60};

	(void)state;
	build(w, 1, NULL);
	for (uint32_t n = 14; n < 80; n++) {
		struct frame f = {v4, n, 1, PACKET_HOST};
		bool sampled = bpf_is_sampled(v4, n, false);
		assert_int_equal(sampled, n >= 34);
		if (!sampled)
			assert_int_equal(interpret(&f), BPF_SNAPLEN_ALL);
		else
			interpret(&f);
		f.data = v6;
		sampled = bpf_is_sampled(v6, n, false);
		assert_int_equal(sampled, n >= 54);
		if (!sampled)
			assert_int_equal(interpret(&f), BPF_SNAPLEN_ALL);
		else
			interpret(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets),
		cmocka_unit_test(many_interfaces),
		cmocka_unit_test(one_way),
		cmocka_unit_test(expressions),
		cmocka_unit_test(refused_expressions),
		cmocka_unit_test(expressions_of_ethernet),
		cmocka_unit_test(sampling),
		cmocka_unit_test(short_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
