/* SPDX-License-Identifier: Apache-2.0 */
#include "source/bpf.h"

#include <linux/if_packet.h>
#include <stdlib.h>

#define SLOT_NONE   UINT32_MAX
#define TREE_SPARE  96 /* instructions kept free for long jumps within the tree */
#define LOAD_AD(ad) ((uint32_t)(SKF_AD_OFF + (ad)))

enum {
	OP_LD = BPF_LD | BPF_W | BPF_ABS,
	OP_LDH = BPF_LD | BPF_H | BPF_ABS,
	OP_LDB = BPF_LD | BPF_B | BPF_ABS,
	OP_LDX = BPF_LD | BPF_W | BPF_IND,
	OP_LEN = BPF_LD | BPF_W | BPF_LEN,
	OP_MEM = BPF_LD | BPF_MEM,
	OP_XMEM = BPF_LDX | BPF_MEM,
	OP_MSH = BPF_LDX | BPF_B | BPF_MSH,
	OP_JEQ = BPF_JMP | BPF_JEQ | BPF_K,
	OP_JGE = BPF_JMP | BPF_JGE | BPF_K,
	OP_JGT = BPF_JMP | BPF_JGT | BPF_K,
	OP_JSET = BPF_JMP | BPF_JSET | BPF_K,
	OP_JA = BPF_JMP | BPF_JA,
	OP_RET = BPF_RET | BPF_K
};

/*
 * Programs are written from their end to their start: every jump goes forward, so its target is
 * already there and distances are known. A place is the count of instructions from it to the end.
 */
struct builder_bpf {
	struct sock_filter insns[BPF_MAXINSNS];
	unsigned n; /* written so far, at the end of insns */
	bool full;
};

/* A target of many jumps, with the nearest "ja" to it. */
struct label {
	unsigned place, near;
};

static unsigned put(struct builder_bpf *b, int code, uint32_t k)
{
	if (b->n == BPF_MAXINSNS) {
		b->full = true;
		return b->n;
	}
	b->n++;
	b->insns[BPF_MAXINSNS - b->n] = (struct sock_filter){.code = (uint16_t)code, .k = k};
	return b->n;
}

static unsigned put_ja(struct builder_bpf *b, unsigned place)
{
	return put(b, OP_JA, b->n - place);
}

/* Conditional jumps reach 255 instructions. Two may be put before the jump itself is. */
static unsigned reach(struct builder_bpf *b, struct label *l)
{
	if (b->n - l->near > 253)
		l->near = put_ja(b, l->place);
	return l->near;
}

static unsigned put_jump(struct builder_bpf *b, int code, uint32_t k, struct label *yes,
			 struct label *no)
{
	unsigned t = reach(b, yes), f = reach(b, no), place = put(b, code, k);
	struct sock_filter *i = &b->insns[BPF_MAXINSNS - place];

	i->jt = (uint8_t)(place - 1 - t);
	i->jf = (uint8_t)(place - 1 - f);
	return place;
}

static struct label here(const struct builder_bpf *b)
{
	return (struct label){b->n, b->n};
}

/* ---- sampling ---- */

/* Odd constants with well mixed bits; the values mean nothing. */
static const uint32_t factors[] = {0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1,
				   0xd6e8feb9, 0xa0761d65, 0xe7037ed1, 0x8ebc6af1, 0x589965cd};

/* M[slot] += word * factor, for one word of the packet. */
static void put_mix(struct builder_bpf *b, int load, uint32_t at, unsigned factor, uint32_t mask)
{
	put(b, BPF_ST, 0);
	put(b, BPF_ALU | BPF_ADD | BPF_X, 0);
	put(b, OP_XMEM, 0);
	put(b, BPF_ALU | BPF_MUL | BPF_K, factors[factor % ARRAY_SIZE(factors)]);
	if (mask)
		put(b, BPF_ALU | BPF_AND | BPF_K, mask);
	put(b, load, at);
}

/* put_mix for a word behind X; X is lost to the sum, so it comes back from M[1]. */
static void put_mix_x(struct builder_bpf *b, uint32_t at, unsigned factor)
{
	put_mix(b, OP_LDX, at, factor, 0);
	put(b, OP_XMEM, 1);
}

/* Ports and what tells one packet of a flow from the next; X = M[1] = header length, l4 = l3 + X
 * or more. Returns where it begins. */
static unsigned put_transport(struct builder_bpf *b, uint32_t base, int load_proto,
			      uint32_t proto_at, struct label *finish)
{
	struct label udp, tcp, ports;

	/* UDP: the IP id is often 0, so the first bytes of the payload have to tell. */
	put_ja(b, finish->place);
	put_mix_x(b, base + 12, 6);
	put_mix_x(b, base + 8, 5);
	udp = here(b);
	put_jump(b, OP_JGE, base + 16, &udp, finish);
	put(b, BPF_ALU | BPF_SUB | BPF_X, 0);
	put(b, OP_LEN, 0);
	put(b, OP_XMEM, 1);
	put_mix_x(b, base, 3);
	ports = here(b);
	put_jump(b, OP_JGE, base + 8, &ports, finish);
	put(b, BPF_ALU | BPF_SUB | BPF_X, 0);
	put(b, OP_LEN, 0);
	udp = here(b);

	put_ja(b, finish->place);
	put_mix_x(b, base + 8, 6);
	put_mix_x(b, base + 4, 5);
	put_mix_x(b, base, 3);
	tcp = here(b);
	put_jump(b, OP_JGE, base + 12, &tcp, finish);
	put(b, BPF_ALU | BPF_SUB | BPF_X, 0);
	put(b, OP_LEN, 0);
	tcp = here(b);

	struct label not_tcp = {put_jump(b, OP_JEQ, 17, &udp, finish), 0};
	not_tcp.near = not_tcp.place;
	put_jump(b, OP_JEQ, 6, &tcp, &not_tcp);
	return put(b, load_proto, proto_at);
}

/*
 * Keep one packet in n by a hash of fields that neither router, bridge nor tunnel changes, so that
 * every point of the path decides alike. Addresses, protocol, IP id (flow label), ports, TCP
 * sequence and acknowledgement numbers; fragments of a datagram go together. l3 = offset of IP.
 */
static struct label put_sampling(struct builder_bpf *b, uint32_t n, uint32_t l3, struct label *keep,
				 struct label *drop)
{
	struct label finish, v4, v6, next;

	put_jump(b, OP_JEQ, 0, keep, drop);
	put(b, BPF_ALU | BPF_MOD | BPF_K, n);
	for (int round = 0; round < 2; round++) {
		put(b, BPF_ALU | BPF_MUL | BPF_K, factors[round]);
		put(b, BPF_ALU | BPF_XOR | BPF_X, 0);
		put(b, BPF_ALU | BPF_RSH | BPF_K, 15);
		put(b, BPF_MISC | BPF_TAX, 0);
	}
	put(b, OP_MEM, 0);
	finish = here(b);

	put_transport(b, l3, OP_LDB, l3 + 6, &finish); /* IPv6: X = 40 */
	put(b, BPF_STX, 1);
	put(b, BPF_LDX | BPF_IMM, 40);
	put_mix(b, OP_LDB, l3 + 6, 9, 0);
	put_mix(b, OP_LDH, l3 + 4, 8, 0);
	put_mix(b, OP_LD, l3, 7, 0xfffff);
	for (unsigned i = 0; i < 8; i++)
		put_mix(b, OP_LD, l3 + 8 + 4 * i, i, 0);
	put(b, BPF_ST, 0);
	put(b, BPF_LD | BPF_IMM, 1);
	v6 = here(b);
	v6.place = v6.near = put_jump(b, OP_JGE, l3 + 40, &v6, keep);
	v6.place = v6.near = put(b, OP_LEN, 0);

	v4.place = v4.near = put_transport(b, l3, OP_LDB, l3 + 9, &finish);
	put_jump(b, OP_JSET, 0x3fff, &finish, &v4); /* more fragments, or an offset */
	put(b, OP_LDH, l3 + 6);
	put(b, BPF_STX, 1);
	put(b, OP_MSH, l3);
	put_mix(b, OP_LDB, l3 + 9, 9, 0);
	put_mix(b, OP_LDH, l3 + 4, 2, 0);
	put_mix(b, OP_LD, l3 + 16, 1, 0);
	put_mix(b, OP_LD, l3 + 12, 0, 0);
	put(b, BPF_ST, 0);
	put(b, BPF_LD | BPF_IMM, 0);
	v4 = here(b);
	v4.place = v4.near = put_jump(b, OP_JGE, l3 + 20, &v4, keep);
	v4.place = v4.near = put(b, OP_LEN, 0);

	if (l3 == 0) {
		next.place = next.near = put_jump(b, OP_JEQ, 6, &v6, keep);
		put_jump(b, OP_JEQ, 4, &v4, &next);
		put(b, BPF_ALU | BPF_RSH | BPF_K, 4);
		put(b, OP_LDB, 0);
	} else {
		next.place = next.near = put_jump(b, OP_JEQ, 0x86dd, &v6, keep);
		put_jump(b, OP_JEQ, 0x0800, &v4, &next);
		put(b, OP_LDH, l3 - 2);
	}
	return here(b);
}

bool bpf_is_sampled(const uint8_t *data, uint32_t len, bool raw)
{
	uint32_t l3 = raw ? 0 : 14;

	if (len < l3 + 20)
		return false;
	if (raw)
		return data[0] >> 4 == 4 || (data[0] >> 4 == 6 && len >= 40);
	uint16_t type = load_be16(data + 12);
	return type == 0x0800 || (type == 0x86dd && len >= l3 + 40);
}

/* Its returns become jumps; everything else stays where it is. */
static void put_expression(struct builder_bpf *b, const struct bpf_code *x,
			   const struct label *accept, const struct label *drop)
{
	for (unsigned i = x->n; i-- > 0;) {
		const struct sock_filter *in = &x->insns[i];
		unsigned place;

		if (BPF_CLASS(in->code) == BPF_RET) {
			put_ja(b, in->k ? accept->place : drop->place);
			continue;
		}
		place = put(b, in->code, in->k);
		b->insns[BPF_MAXINSNS - place].jt = in->jt;
		b->insns[BPF_MAXINSNS - place].jf = in->jf;
	}
}

static uint32_t used_slots(const struct bpf_code *x)
{
	uint32_t used = 0;

	for (unsigned i = 0; i < x->n; i++) {
		uint16_t code = x->insns[i].code, class = BPF_CLASS(code);
		bool load = (class == BPF_LD || class == BPF_LDX) && BPF_MODE(code) == BPF_MEM;
		if (load || class == BPF_ST || class == BPF_STX)
			used |= 1u << (x->insns[i].k & 15);
	}
	return used;
}

/* A cell of scratch memory that the expression leaves alone. */
static uint32_t free_slot(const struct bpf_expression *x)
{
	uint32_t used = used_slots(&x->ethernet) | used_slots(&x->raw);

	for (uint32_t slot = 0; slot < BPF_MEMWORDS; slot++) {
		if (!(used >> slot & 1))
			return slot;
	}
	return SLOT_NONE;
}

/* ---- which interface ---- */

struct run { /* interfaces lo..hi of one class */
	uint32_t lo, hi;
	unsigned class;
};

struct plan {
	struct run *runs; /* owned, in order */
	size_t n;
	struct bpf_watch class[BPF_CLASSES_MAX]; /* ifindex unused */
	unsigned classes;
};

static int watch_cmp(const void *a, const void *b)
{
	uint32_t x = ((const struct bpf_watch *)a)->ifindex;
	uint32_t y = ((const struct bpf_watch *)b)->ifindex;

	return (x > y) - (x < y);
}

static int class_of(struct plan *p, const struct bpf_watch *w, struct err *e)
{
	struct bpf_watch c = {0, w->snaplen ? w->snaplen : BPF_SNAPLEN_ALL, MAX(w->sample, 1u),
			      w->one_way, w->raw};
	unsigned i;

	for (i = 0; i < p->classes; i++) {
		const struct bpf_watch *o = &p->class[i];
		if (o->snaplen == c.snaplen && o->sample == c.sample && o->one_way == c.one_way &&
		    o->raw == c.raw)
			return (int)i;
	}
	if (p->classes == BPF_CLASSES_MAX)
		return err_set(e, ERR_FAILED, "more than %u different capture settings",
			       BPF_CLASSES_MAX);
	p->class[p->classes++] = c;
	return (int)i;
}

static int plan_make(struct plan *p, const struct bpf_watch *watch, size_t n, struct err *e)
{
	cleanup_free struct bpf_watch *sorted = xmalloc((n + 1) * sizeof(*sorted));

	if (n)
		memcpy(sorted, watch, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), watch_cmp);
	p->runs = xmalloc((n + 1) * sizeof(*p->runs));
	for (size_t i = 0; i < n; i++) {
		int class = class_of(p, &sorted[i], e);
		struct run *last = p->n ? &p->runs[p->n - 1] : NULL;
		uint32_t index = sorted[i].ifindex;

		if (class < 0)
			return -1;
		if (last && last->hi == index)
			continue;
		if (last && last->hi + 1 == index && last->class == (unsigned)class)
			last->hi = index;
		else
			p->runs[p->n++] = (struct run){index, index, (unsigned)class};
	}
	return 0;
}

/* Join neighbours of one class whose gap is at most `gap`. */
static void plan_join(struct plan *p, uint32_t gap)
{
	size_t n = 0;

	for (size_t i = 1; i < p->n; i++) {
		struct run *last = &p->runs[n], *r = &p->runs[i];

		if (last->class == r->class && r->lo - last->hi - 1 <= gap)
			last->hi = r->hi;
		else
			p->runs[++n] = *r;
	}
	p->n = n + 1;
}

/* Instructions of the search: one per single interface, two per run, one per fork. */
static size_t plan_size(const struct plan *p)
{
	size_t n = p->n;

	for (size_t i = 0; i < p->n; i++)
		n += p->runs[i].lo == p->runs[i].hi ? 1 : 2;
	return n;
}

static unsigned put_search(struct builder_bpf *b, const struct plan *p, size_t from, size_t to,
			   struct label *class, struct label *drop)
{
	const struct run *r = &p->runs[from];

	if (to - from == 1) {
		struct label *yes = &class[r->class];

		if (r->lo == r->hi)
			return put_jump(b, OP_JEQ, r->lo, yes, drop);
		struct label upper = {put_jump(b, OP_JGT, r->hi, drop, yes), 0};
		upper.near = upper.place;
		return put_jump(b, OP_JGE, r->lo, &upper, drop);
	}
	size_t middle = from + (to - from) / 2;
	struct label right, left;
	right.place = right.near = put_search(b, p, middle, to, class, drop);
	left.place = left.near = put_search(b, p, from, middle, class, drop);
	return put_jump(b, OP_JGE, p->runs[middle].lo, &right, &left);
}

/* ---- all together: search, expression, then what the class wants ---- */

static void put_class(struct builder_bpf *b, const struct bpf_watch *c, struct label *start,
		      struct label *drop)
{
	struct label keep = {put(b, OP_RET, c->snaplen), b->n};

	keep.near = keep.place;
	*start = keep;
	if (c->sample > 1)
		*start = put_sampling(b, c->sample, c->raw ? 0 : 14, &keep, drop);
	if (c->one_way) {
		put_jump(b, OP_JEQ, PACKET_OUTGOING, drop, start);
		put(b, OP_LD, LOAD_AD(SKF_AD_PKTTYPE));
		*start = here(b);
	}
}

static bool has_class(const struct plan *p, bool raw)
{
	for (unsigned i = 0; i < p->classes; i++)
		if (p->class[i].raw == raw)
			return true;
	return false;
}

/* Between search and classes: remember the class, run the expression, go on to the class. */
static int put_middle(struct builder_bpf *b, const struct plan *p, const struct bpf_expression *x,
		      struct label *class, struct label *drop, struct err *e)
{
	uint32_t slot = free_slot(x);
	struct label accept = class[0], test[2] = {*drop, *drop};

	if (p->classes > 1 && slot == SLOT_NONE)
		return err_set(e, ERR_USAGE, "capture filter: too complex");
	for (unsigned i = 1; i < p->classes; i++) {
		put_jump(b, OP_JEQ, i, &class[i], &accept);
		accept = here(b);
	}
	if (p->classes > 1)
		put(b, OP_MEM, slot);
	accept = here(b);
	for (unsigned raw = 0; raw < 2; raw++) {
		const struct bpf_code *code = raw ? &x->raw : &x->ethernet;
		if (!code->n || !has_class(p, raw))
			continue;
		put_expression(b, code, &accept, drop);
		test[raw] = here(b);
	}
	for (unsigned i = 0; i < p->classes; i++) {
		if (p->classes == 1) {
			class[i] = test[p->class[i].raw];
			break;
		}
		put_ja(b, test[p->class[i].raw].place);
		put(b, BPF_ST, slot);
		put(b, BPF_LD | BPF_IMM, i);
		class[i] = here(b);
	}
	return 0;
}

int bpf_build(struct sock_filter *out, const struct bpf_watch *watch, size_t n,
	      const struct bpf_expression *x, struct err *e)
{
	cleanup_free struct builder_bpf *b = xcalloc(1, sizeof(*b));
	struct plan p = {0};
	struct label class[BPF_CLASSES_MAX];
	int rc = plan_make(&p, watch, n, e);
	struct label drop = {put(b, OP_RET, 0), 1};

	for (unsigned i = 0; i < p.classes && !rc; i++)
		put_class(b, &p.class[i], &class[i], &drop);
	if (!rc && x && x->ethernet.n && p.n)
		rc = put_middle(b, &p, x, class, &drop, e);
	for (uint32_t gap = 1; p.n > 1 && gap && plan_size(&p) + TREE_SPARE + b->n > BPF_MAXINSNS;
	     gap *= 2)
		plan_join(&p, gap);
	if (!rc && p.n) {
		put_search(b, &p, 0, p.n, class, &drop);
		put(b, OP_LD, LOAD_AD(SKF_AD_IFINDEX));
	}
	free(p.runs);
	if (rc)
		return -1;
	if (b->full)
		return err_set(e, ERR_FAILED, "the capture filter has more than %d instructions",
			       BPF_MAXINSNS);
	memcpy(out, b->insns + BPF_MAXINSNS - b->n, b->n * sizeof(*out));
	return (int)b->n;
}
