/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of a condition, as the test of its instruction wants them. */
#include "filter/program.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_text(enum value_type type)
{
	return type == VALUE_STRING || type == VALUE_BYTES;
}

static bool is_number(enum value_type type)
{
	return !is_text(type) && type != VALUE_IP && type != VALUE_MAC && type != VALUE_BOOL;
}

/* The value stands in value.u and is its own key. */
static bool is_plain(enum value_type type)
{
	return type == VALUE_U64 || type == VALUE_PORT || type == VALUE_ABSTIME ||
	       type == VALUE_RELTIME;
}

bool op_fits(enum value_type type, enum op op)
{
	switch (op) {
	case OP_EXISTS:
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_INTERSECTS:
		return true;
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return is_text(type) || is_number(type);
	case OP_PMATCH:
		return type == VALUE_STRING;
	default:
		return is_text(type);
	}
}

static int bad(struct parser *p, const struct operand *o, const char *hint, const char *what)
{
	return complain(p, o->pos, hint, "%s is not %s", complain_show(o->p, o->n), what);
}

/* ---- numbers, times, truth, MAC addresses: one key each ---- */

/* "a" or, in lists, "a..b". */
static int read_range(struct parser *p, const struct insn *in, const struct operand *o,
		      struct range *r)
{
	char *dots = in->op == OP_IN || in->op == OP_INTERSECTS ? strstr(o->p, "..") : NULL;
	const char *wrong;

	if (strlen(o->p) != o->n)
		return bad(p, o, literal_hint(in->field), "a valid value");
	if (dots && is_number(in->field->type))
		*dots = '\0';
	else
		dots = NULL;
	wrong = literal_key(in->field, o->p, &r->lo);
	r->hi = r->lo;
	if (!wrong && dots) {
		wrong = literal_key(in->field, dots + 2, &r->hi);
		if (!wrong && r->hi < r->lo)
			wrong = "a range: its end comes first";
	}
	if (dots)
		*dots = '.';
	return wrong ? bad(p, o, literal_hint(in->field), wrong) : 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sorted and without overlaps, as the search wants them. */
static uint32_t ranges_merge(struct range *r, size_t n)
{
	size_t kept = 0;

	qsort(r, n, sizeof(*r), by_lo);
	for (size_t i = 1; i < n; i++) {
		if (r[i].lo <= r[kept].hi)
			r[kept].hi = MAX(r[kept].hi, r[i].hi);
		else
			r[++kept] = r[i];
	}
	return n ? (uint32_t)kept + 1 : 0;
}

/* The ends of "less" and "greater"; an empty set becomes lo > hi. */
static void key_bounds(struct insn *in)
{
	uint64_t v = in->lo, least = 0, most = UINT64_MAX;

	if (in->field->type == VALUE_DOUBLE) {
		least = key_double(-__builtin_inf());
		most = key_double(__builtin_inf());
	}
	switch (in->op) {
	case OP_LT:
		in->lo = v > least ? least : 1;
		in->hi = v > least ? v - 1 : 0;
		break;
	case OP_LE:
		in->lo = least;
		break;
	case OP_GT:
		in->lo = v < most ? v + 1 : 1;
		in->hi = v < most ? most : 0;
		break;
	case OP_GE:
		in->hi = most;
		break;
	default:
		break;
	}
}

static int compile_keys(struct parser *p, struct insn *in, const struct operand *list, size_t n)
{
	struct range *r = xcalloc(n, sizeof(*r));

	in->ranges = r;
	for (size_t i = 0; i < n; i++) {
		if (read_range(p, in, &list[i], &r[i]))
			return -1;
	}
	in->n_ranges = ranges_merge(r, n);
	in->test = in->n_ranges == 1 ? TEST_RANGE : TEST_RANGES;
	in->lo = r[0].lo;
	in->hi = r[0].hi;
	key_bounds(in);
	if (in->test == TEST_RANGE && is_plain(in->field->type))
		in->test = in->field->flags & FIELD_PORTS ? TEST_PORT : TEST_PLAIN;
	return 0;
}

/* ---- addresses ---- */

static unsigned __int128 key_ip6(const uint8_t ip[16])
{
	return (unsigned __int128)load_be64(ip) << 64 | load_be64(ip + 8);
}

/* Prefix length of "24" or "255.255.255.0"; -1 = neither. */
static int parse_prefix(const char *s, unsigned bits)
{
	uint8_t mask[4];
	uint64_t n;

	if (str_u64(s, false, &n) == 0)
		return n <= bits ? (int)n : -1;
	if (bits != 32 || inet_pton(AF_INET, s, mask) != 1)
		return -1;
	uint32_t m = load_be32(mask), host = ~m;

	return host & (host + 1) ? -1 : __builtin_popcount(m);
}

static int read_net(struct parser *p, struct insn *in, const struct operand *o, struct range *r4,
		    struct range6 *r6)
{
	cleanup_free char *s = xstrndup(o->p, o->n);
	char *slash = strchr(s, '/');
	uint8_t ip[16];
	bool four;
	int prefix;

	if (slash)
		*slash = '\0';
	four = inet_pton(AF_INET, s, ip) == 1;
	if (strlen(o->p) != o->n || (!four && inet_pton(AF_INET6, s, ip) != 1))
		return bad(p, o, "write 10.0.0.1, 10.0.0.0/8 or fd00::/8", "an address or network");
	prefix = slash ? parse_prefix(slash + 1, four ? 32 : 128) : four ? 32 : 128;
	if (prefix < 0)
		return complain(p, o->pos, "write 10.0.0.0/8 or 10.0.0.0/255.0.0.0",
				"invalid netmask in %s", complain_show(o->p, o->n));
	if (four) {
		uint32_t host = prefix ? (uint32_t)((1ull << (32 - prefix)) - 1) : UINT32_MAX;

		r4->lo = load_be32(ip) & ~host;
		r4->hi = r4->lo | host;
		in->n_ranges++;
	} else {
		unsigned __int128 host = prefix ? ((unsigned __int128)1 << (128 - prefix)) - 1
						: ~(unsigned __int128)0;

		r6->lo = key_ip6(ip) & ~host;
		r6->hi = r6->lo | host;
		in->n_ranges6++;
	}
	return 0;
}

/* An IPv6 constant on an IPv4 field can never match: better said than searched for. */
static int check_family(struct parser *p, const struct insn *in, const struct operand *o)
{
	bool six = memchr(o->p, ':', o->n);
	char hint[64];

	if (str_starts(in->field->name, six ? "ip." : "ipv6.")) {
		snprintf(hint, sizeof(hint), "did you mean %s%s?", six ? "ipv6" : "ip",
			 strchr(in->field->name, '.'));
		return complain(p, o->pos, hint, "%s has no IPv%c addresses", in->field->name,
				six ? '6' : '4');
	}
	return 0;
}

static int by_lo6(const void *a, const void *b)
{
	const struct range6 *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compile_nets(struct parser *p, struct insn *in, const struct operand *list, size_t n)
{
	in->ranges = xcalloc(n, sizeof(*in->ranges));
	in->ranges6 = xcalloc(n, sizeof(*in->ranges6));
	for (size_t i = 0; i < n; i++) {
		if (read_net(p, in, &list[i], &in->ranges[in->n_ranges],
			     &in->ranges6[in->n_ranges6]) ||
		    check_family(p, in, &list[i]))
			return -1;
	}
	in->n_ranges = ranges_merge(in->ranges, in->n_ranges);
	qsort(in->ranges6, in->n_ranges6, sizeof(*in->ranges6), by_lo6);
	uint32_t kept = 0;

	for (uint32_t i = 1; i < in->n_ranges6; i++) {
		if (in->ranges6[i].lo <= in->ranges6[kept].hi)
			in->ranges6[kept].hi = MAX(in->ranges6[kept].hi, in->ranges6[i].hi);
		else
			in->ranges6[++kept] = in->ranges6[i];
	}
	in->n_ranges6 = in->n_ranges6 ? kept + 1 : 0;
	in->test = TEST_IP;
	if (in->n_ranges == 1 && !in->n_ranges6)
		in->test = in->field->flags & FIELD_ADDRS ? TEST_ADDRESS : TEST_IP4;
	if (in->n_ranges) {
		in->lo = in->ranges[0].lo;
		in->hi = in->ranges[0].hi;
	}
	return 0;
}

/* ---- text ---- */

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static int read_hex(struct parser *p, const struct operand *o, struct constant *k)
{
	k->p = xcalloc(1, o->n / 2 + 1);
	k->n = (uint32_t)(o->n / 2);
	if (o->n % 2 || o->n == 0)
		return bad(p, o, "two hexadecimal digits make a byte: 474554", "a row of bytes");
	for (uint32_t i = 0; i < k->n; i++) {
		int high = hex_digit(o->p[2 * i]), low = hex_digit(o->p[2 * i + 1]);

		if (high < 0 || low < 0)
			return bad(p, o, "two hexadecimal digits make a byte: 474554",
				   "a row of bytes");
		k->p[i] = (char)(high << 4 | low);
	}
	return 0;
}

/* evt.type has few values; a wrong one would silently match nothing. */
static int check_type_name(struct parser *p, const struct insn *in, const struct operand *o)
{
	if (!str_eq(in->field->name, "evt.type"))
		return 0;
	for (int t = EVENT_NONE + 1; t < EVENT_TYPES; t++) {
		if (str_eq(o->p, event_type_name((enum event_type)t)))
			return 0;
	}
	return complain(p, o->pos, "known types: packet counters notice drop syscall hop",
			"unknown event type %s", complain_show(o->p, o->n));
}

static int by_length(const void *a, const void *b)
{
	const struct constant *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->n ? memcmp(x->p, y->p, x->n) : 0;
}

static enum test text_test(const struct insn *in)
{
	switch (in->op) {
	case OP_LT:
	case OP_LE:
		return TEST_LESS;
	case OP_GT:
	case OP_GE:
		return TEST_GREATER;
	case OP_CONTAINS:
	case OP_BCONTAINS:
		return TEST_CONTAINS;
	case OP_ICONTAINS:
		return TEST_ICONTAINS;
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
		return TEST_STARTS;
	case OP_ENDSWITH:
		return TEST_ENDS;
	case OP_GLOB:
		return TEST_GLOB;
	case OP_IGLOB:
		return TEST_IGLOB;
	case OP_REGEX:
		return TEST_REGEX;
	case OP_PMATCH:
		return TEST_PATH;
	default:
		if (in->field->flags & FIELD_PREFIX)
			return TEST_ID;
		return in->n_texts > 1 ? TEST_ONE_OF : TEST_EQUAL;
	}
}

static int compile_texts(struct parser *p, struct insn *in, const struct operand *list, size_t n)
{
	bool hex = in->op == OP_BCONTAINS || in->op == OP_BSTARTSWITH;

	in->texts = xcalloc(n, sizeof(*in->texts));
	for (size_t i = 0; i < n; i++) {
		struct constant *k = &in->texts[in->n_texts++];

		if (hex && read_hex(p, &list[i], k))
			return -1;
		if (!hex) {
			k->p = xcalloc(1, list[i].n + 1);
			memcpy(k->p, list[i].p, list[i].n);
			k->n = (uint32_t)list[i].n;
		}
		if (op_fits(VALUE_BOOL, in->op) && check_type_name(p, in, &list[i]))
			return -1;
	}
	in->or_equal = in->op == OP_LE || in->op == OP_GE;
	in->test = text_test(in);
	if (in->test == TEST_ONE_OF)
		qsort(in->texts, in->n_texts, sizeof(*in->texts), by_length);
	return in->test == TEST_REGEX ? regex_prepare(p, in, &list[0]) : 0;
}

int operand_compile(struct parser *p, struct insn *in, const struct operand *list, size_t n)
{
	in->negate = in->op == OP_NE;
	if (is_text(in->field->type))
		return compile_texts(p, in, list, n);
	if (in->field->type == VALUE_IP)
		return compile_nets(p, in, list, n);
	return compile_keys(p, in, list, n);
}
