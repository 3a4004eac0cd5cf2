/* SPDX-License-Identifier: Apache-2.0 */
/* One condition against the values of its field. Nothing here allocates, but for regexec(3). */
#include "filter/program.h"

#include <stdlib.h>

uint64_t key_double(double d)
{
	uint64_t u;

	d += 0.0; /* one zero */
	memcpy(&u, &d, sizeof(u));
	return u >> 63 ? ~u : u | 1ull << 63;
}

static inline uint64_t value_key(const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
		return v->b;
	case VALUE_I64:
		return (uint64_t)v->i ^ 1ull << 63;
	case VALUE_DOUBLE:
		return key_double(v->d);
	case VALUE_MAC:
		return (uint64_t)load_be16(v->p) << 32 | load_be32(v->p + 2);
	default:
		return v->u;
	}
}

static bool ranges_have(const struct range *r, uint32_t n, uint64_t key)
{
	uint32_t from = 0, to = n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (key < r[mid].lo)
			to = mid;
		else if (key > r[mid].hi)
			from = mid + 1;
		else
			return true;
	}
	return false;
}

static bool ranges6_have(const struct range6 *r, uint32_t n, const void *ip)
{
	unsigned __int128 key = (unsigned __int128)load_be64(ip) << 64 |
				load_be64((const uint8_t *)ip + 8);
	uint32_t from = 0, to = n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (key < r[mid].lo)
			to = mid;
		else if (key > r[mid].hi)
			from = mid + 1;
		else
			return true;
	}
	return false;
}

static bool one_of(const struct insn *in, const struct value *v)
{
	uint32_t from = 0, to = in->n_texts;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		const struct constant *k = &in->texts[mid];
		int order = v->n != k->n ? (v->n < k->n ? -1 : 1)
			    : v->n	 ? memcmp(v->p, k->p, v->n)
					 : 0;

		if (order == 0)
			return true;
		if (order < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return false;
}

static inline bool starts(const struct value *v, const struct constant *k)
{
	return v->n >= k->n && memcmp(v->p, k->p, k->n) == 0;
}

static inline bool equal(const struct value *v, const struct constant *k)
{
	return v->n == k->n && memcmp(v->p, k->p, k->n) == 0;
}

/*
 * A container id, whole or by its beginning. A whole parent id is no beginning of the ids of the
 * containers nested in it (parent.child). And the other way: what is known of a docker container
 * may be its first twelve digits only.
 */
static bool is_id(const struct value *v, const struct constant *k)
{
	if (v->n < k->n)
		return v->n >= 12 && memcmp(v->p, k->p, v->n) == 0 && k->p[v->n] != '.';
	if (!starts(v, k))
		return false;
	return v->n == k->n || (k->n >= FIELD_PREFIX_MIN && v->p[k->n] != '.');
}

/* The value is the path or lies under it. */
static bool under(const struct value *v, const struct constant *k)
{
	uint32_t n = k->n;

	while (n > 1 && k->p[n - 1] == '/')
		n--;
	if (v->n < n || memcmp(v->p, k->p, n) != 0)
		return false;
	return v->n == n || v->p[n] == '/' || (n == 1 && k->p[0] == '/');
}

static int compare(const struct value *v, const struct constant *k)
{
	uint32_t n = MIN(v->n, k->n);
	int r = n ? memcmp(v->p, k->p, n) : 0;

	return r ? r : (v->n > k->n) - (v->n < k->n);
}

static inline char lower(char ch)
{
	return ch >= 'A' && ch <= 'Z' ? (char)(ch + ('a' - 'A')) : ch;
}

static bool icontains(const struct value *v, const struct constant *k)
{
	if (k->n > v->n)
		return false;
	for (uint32_t i = 0; i <= v->n - k->n; i++) {
		uint32_t j = 0;

		while (j < k->n && lower(v->p[i + j]) == lower(k->p[j]))
			j++;
		if (j == k->n)
			return true;
	}
	return false;
}

/* [abc], [a-z], [!a]: does ch fit? *pat is moved behind it; false and unmoved when unclosed. */
static bool glob_set(const char **pat, const char *end, char ch, bool fold, bool *closed)
{
	const char *p = *pat + 1;
	bool invert = p < end && (*p == '!' || *p == '^'), found = false, first = true;

	p += invert;
	for (; p < end && (*p != ']' || first); first = false) {
		char lo = *p++, hi = lo;

		if (p + 1 < end && *p == '-' && p[1] != ']') {
			hi = p[1];
			p += 2;
		}
		if ((unsigned char)ch >= (unsigned char)lo &&
		    (unsigned char)ch <= (unsigned char)hi)
			found = true;
		if (fold && lower(ch) >= lower(lo) && lower(ch) <= lower(hi))
			found = true;
	}
	*closed = p < end;
	if (*closed)
		*pat = p + 1;
	return found != invert;
}

/* One pattern element against one character; *pat moves behind the element. */
static bool glob_one(const char **pat, const char *end, char ch, bool fold)
{
	const char *p = *pat;
	bool closed = false, fits;

	if (*p == '?') {
		*pat = p + 1;
		return true;
	}
	if (*p == '[') {
		fits = glob_set(pat, end, ch, fold, &closed);
		if (closed)
			return fits;
	}
	if (*p == '\\' && p + 1 < end)
		p++;
	*pat = p + 1;
	return *p == ch || (fold && lower(*p) == lower(ch));
}

/* Shell pattern; '*' also covers '/'. Only the last star is ever taken back, so time is bounded by
 * the product of the lengths. */
static bool glob(const struct value *v, const struct constant *k, bool fold)
{
	const char *s = v->p, *s_end = s + v->n, *pat = k->p, *end = pat + k->n;
	const char *star = NULL, *resume = NULL;

	while (s < s_end) {
		if (pat < end && *pat == '*') {
			star = ++pat;
			resume = s;
			continue;
		}
		if (pat < end && glob_one(&pat, end, *s, fold)) {
			s++;
			continue;
		}
		if (!star)
			return false;
		pat = star;
		s = ++resume;
	}
	while (pat < end && *pat == '*')
		pat++;
	return pat == end;
}

/* regexec(3) wants a text that ends with NUL, so a NUL within becomes 0x01, which '.' and [^x] fit
 * as well. REG_STARTEND would spare the copy, but not every C library or sanitizer knows it. */
static bool regex(const struct insn *in, const struct value *v)
{
	char subject[FILTER_MAX_SUBJECT + 1];
	uint32_t n = MIN(v->n, FILTER_MAX_SUBJECT);

	for (uint32_t i = 0; i < n; i++)
		subject[i] = v->p[i] ? v->p[i] : '\1';
	subject[n] = '\0';
	return regexec(in->regex, subject, 0, NULL, 0) == 0;
}

static bool any_text(const struct insn *in, const struct value *v,
		     bool (*fits)(const struct value *, const struct constant *))
{
	for (uint32_t i = 0; i < in->n_texts; i++) {
		if (fits(v, &in->texts[i]))
			return true;
	}
	return false;
}

static bool text_fits(const struct insn *in, const struct value *v)
{
	const struct constant *k = in->texts;
	int order;

	switch (in->test) {
	case TEST_EQUAL:
		return equal(v, k);
	case TEST_ONE_OF:
		return one_of(in, v);
	case TEST_ID:
		return any_text(in, v, is_id);
	case TEST_LESS:
		order = compare(v, k);
		return order < 0 || (order == 0 && in->or_equal);
	case TEST_GREATER:
		order = compare(v, k);
		return order > 0 || (order == 0 && in->or_equal);
	case TEST_CONTAINS:
		return k->n == 0 || (v->n && memmem(v->p, v->n, k->p, k->n));
	case TEST_ICONTAINS:
		return icontains(v, k);
	case TEST_STARTS:
		return starts(v, k);
	case TEST_ENDS:
		return v->n >= k->n && memcmp(v->p + (v->n - k->n), k->p, k->n) == 0;
	case TEST_GLOB:
		return glob(v, k, false);
	case TEST_IGLOB:
		return glob(v, k, true);
	case TEST_REGEX:
		return regex(in, v);
	case TEST_PATH:
		return any_text(in, v, under);
	default:
		return false;
	}
}

static inline bool value_fits(const struct insn *in, const struct value *v)
{
	switch (in->test) {
	case TEST_RANGE: {
		uint64_t key = value_key(v);

		return key >= in->lo && key <= in->hi;
	}
	case TEST_IP4: {
		uint32_t ip;

		if (v->n != 4)
			return false;
		ip = load_be32(v->p);
		return ip >= in->lo && ip <= in->hi;
	}
	case TEST_RANGES:
		return ranges_have(in->ranges, in->n_ranges, value_key(v));
	case TEST_IP:
		if (v->n == 4)
			return ranges_have(in->ranges, in->n_ranges, load_be32(v->p));
		return v->n == 16 && ranges6_have(in->ranges6, in->n_ranges6, v->p);
	case TEST_EXISTS:
		return true;
	default:
		return text_fits(in, v);
	}
}

/* The three shortcuts for conditions that stand on every packet's way: no call, no values. */
static inline bool port_holds(const struct insn *in, struct context *c)
{
	const struct packet *p = context_packet(c);
	uint32_t sides = in->field->detail, wanted = sides >> 8 | PACKET_PORTS;
	bool seen = false;

	for (unsigned i = 0; p && i < p->layers; i++) {
		const struct packet_layer *l = &p->layer[i];

		if ((l->has & wanted) != wanted)
			continue;
		if ((sides & 1 && l->sport >= in->lo && l->sport <= in->hi) ||
		    (sides & 2 && l->dport >= in->lo && l->dport <= in->hi))
			return !in->negate;
		seen = true;
	}
	return seen && in->negate;
}

static inline bool ip4_in(const uint8_t *p, const struct insn *in)
{
	uint32_t ip = load_be32(p);

	return ip >= in->lo && ip <= in->hi;
}

static inline bool address_holds(const struct insn *in, struct context *c)
{
	const struct packet *p = context_packet(c);
	uint32_t sides = in->field->detail;
	bool seen = false;

	for (unsigned i = 0; p && i < p->layers; i++) {
		const struct packet_layer *l = &p->layer[i];

		if (!(l->has & PACKET_IP4))
			continue;
		if ((sides & 1 && ip4_in(l->src, in)) || (sides & 2 && ip4_in(l->dst, in)))
			return !in->negate;
		seen = true;
	}
	return seen && in->negate;
}

static inline bool bit_holds(const struct insn *in, struct context *c)
{
	const struct packet *p = context_packet(c);
	uint32_t bit = in->field->detail >> 8;
	bool seen = false;

	for (unsigned i = 0; p && i < p->layers; i++) {
		const struct packet_layer *l = &p->layer[i];
		uint64_t key = !!(l->tcp_flags & bit);

		if (!(l->has & PACKET_TCP))
			continue;
		if (key >= in->lo && key <= in->hi)
			return !in->negate;
		seen = true;
	}
	return seen && in->negate;
}

/* May the field have a value? */
static inline bool has_layer(const struct insn *in, struct context *c)
{
	uint32_t wanted = FIELD_LAYER_OF(in->field->flags);
	const struct packet *p = wanted ? context_packet(c) : NULL;

	return !wanted || (p && (p->layer[0].has | (p->layers > 1 ? p->layer[1].has : 0)) & wanted);
}

static inline bool holds(const struct insn *in, struct context *c, struct text *scratch)
{
	struct value values[FIELD_MAX_VALUES];
	unsigned n;

	if (in->test == TEST_PORT)
		return port_holds(in, c);
	if (in->test == TEST_BIT)
		return bit_holds(in, c);
	if (in->test == TEST_ADDRESS)
		return address_holds(in, c);
	if (!has_layer(in, c))
		return false;
	text_reset(scratch);
	n = in->field->get(in->field, in->arg, c, scratch, values);
	if (n == 0)
		return false;
	if (LIKELY(in->test == TEST_PLAIN)) {
		for (unsigned i = 0; i < n; i++) {
			if (values[i].u >= in->lo && values[i].u <= in->hi)
				return !in->negate;
		}
		return in->negate;
	}
	for (unsigned i = 0; i < n; i++) {
		if (value_fits(in, &values[i]))
			return !in->negate;
	}
	return in->negate;
}

bool insn_holds(const struct insn *in, struct context *c, struct text *scratch)
{
	return holds(in, c, scratch);
}

bool filter_match(const struct filter *f, struct context *c)
{
	uint32_t pc = 0;

	if (c->ev->type >= EVENT_TYPES || !(f->types >> c->ev->type & 1))
		return false;
	do {
		const struct insn *in = &f->code[pc];

		pc = holds(in, c, f->scratch) ? in->yes : in->no;
	} while (pc < f->n);
	return pc == PC_ACCEPT;
}

void insn_free(struct insn *in)
{
	free(in->arg);
	free(in->ranges);
	free(in->ranges6);
	for (uint32_t i = 0; i < in->n_texts; i++)
		free(in->texts[i].p);
	free(in->texts);
	if (in->regex) {
		regfree(in->regex);
		free(in->regex);
	}
	free(in->shown);
}
