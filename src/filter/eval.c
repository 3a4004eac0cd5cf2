/* SPDX-License-Identifier: Apache-2.0 */
/* Running the program: on events, and on what is known before there are any. */
#include "filter/program.h"

#include <stdlib.h>

static void parser_free(struct parser *p)
{
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		struct node *n = p->nodes[i];

		if (n->check) {
			insn_free(n->check);
			free(n->check);
		}
		free(n->kids);
		free(n);
	}
	free(p->nodes);
}

struct filter *filter_compile(const char *text, const char *const *dirs, struct err *e)
{
	struct parser p = {.dirs = dirs, .e = e};
	struct source src = {text, strlen(text), NULL};

	if (src.len > FILTER_MAX_TEXT) {
		err_set(e, ERR_USAGE, "filter is longer than 64 KiB");
		return NULL;
	}
	struct node *root = parse_filter(&p, &src);
	struct filter *f = NULL;

	if (root) {
		f = xcalloc(1, sizeof(*f));
		f->scratch = xcalloc(1, sizeof(*f->scratch));
		text_room(f->scratch, 256);
		f->text = xstrdup(text);
		flatten(f, root);
		filter_settle(f);
	}
	parser_free(&p);
	return f;
}

struct filter *filter_twin(const struct filter *f)
{
	if (!f)
		return NULL;
	struct filter *twin = xcalloc(1, sizeof(*twin));
	*twin = *f;
	twin->twin = true;
	twin->scratch = xcalloc(1, sizeof(*twin->scratch));
	return twin;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	for (uint32_t i = 0; i < f->n && !f->twin; i++)
		insn_free(&f->code[i]);
	text_done(f->scratch);
	free(f->scratch);
	if (!f->twin) {
		free(f->code);
		free(f->text);
	}
	free(f);
}

const char *filter_text(const struct filter *f)
{
	return f->text;
}

/* ---- settling early: follow both ways out of a condition that cannot be judged yet ---- */

typedef enum verdict judge(const struct insn *in, void *ctx);

static enum verdict reach(const struct filter *f, judge *ask, void *ctx)
{
	uint8_t seen[FILTER_MAX_CHECKS];
	bool accept = false, reject = false;

	memset(seen, 0, f->n);
	seen[0] = 1;
	for (uint32_t i = 0; i < f->n; i++) {
		if (!seen[i])
			continue;
		enum verdict v = ask(&f->code[i], ctx);
		uint32_t to[2] = {f->code[i].yes, f->code[i].no};

		for (unsigned k = v == VERDICT_NO; k < 2u - (v == VERDICT_YES); k++) {
			if (to[k] < f->n)
				seen[to[k]] = 1;
			accept |= to[k] == PC_ACCEPT;
			reject |= to[k] == PC_REJECT;
		}
	}
	if (accept && reject)
		return VERDICT_MAYBE;
	return accept ? VERDICT_YES : VERDICT_NO;
}

static enum verdict judge_known(const struct insn *in, struct context *c)
{
	struct text scratch = {0};
	bool holds = insn_holds(in, c, &scratch);

	text_done(&scratch);
	return holds ? VERDICT_YES : VERDICT_NO;
}

static enum verdict judge_iface(const struct insn *in, void *ctx)
{
	struct context *c = ctx;

	/* Without a container of its own an interface may carry the packets of several, told apart
	 * by port: nothing is settled. */
	if (!c->container)
		return VERDICT_MAYBE;
	if (in->field->scope == SCOPE_CONTAINER || (in->field->scope == SCOPE_IFACE && c->iface))
		return judge_known(in, c);
	return VERDICT_MAYBE;
}

enum verdict filter_iface(const struct filter *f, const struct container *container,
			  const struct iface *iface)
{
	struct event ev = {.iface = IFACE_NONE, .container = CONTAINER_NONE};
	struct context c = {.ev = &ev, .container = container, .iface = iface};

	return reach(f, judge_iface, &c);
}

static enum verdict judge_type(const struct insn *in, void *ctx)
{
	static const uint32_t kinds[] = {
		[EVENT_PACKET] = FIELD_PACKETS,
		[EVENT_COUNTERS] = FIELD_COUNTERS,
		[EVENT_NOTICE] = FIELD_NOTICES,
		[EVENT_DROP] = FIELD_NOTICES,
		[EVENT_TYPES] = 0,
	};
	struct context *c = ctx;
	uint32_t wanted = in->field->flags & (FIELD_PACKETS | FIELD_COUNTERS | FIELD_NOTICES);

	if (in->field->scope == SCOPE_TYPE)
		return judge_known(in, c);
	/* A field the event cannot have makes its condition false. */
	return wanted && !(wanted & kinds[c->ev->type]) ? VERDICT_NO : VERDICT_MAYBE;
}

static enum verdict judge_packets(const struct insn *in, void *ctx)
{
	enum verdict v = judge_iface(in, ctx);

	return v == VERDICT_MAYBE ? judge_type(in, ctx) : v;
}

enum verdict filter_packets(const struct filter *f, const struct container *container,
			    const struct iface *iface)
{
	struct event ev = {.type = EVENT_PACKET, .iface = IFACE_NONE, .container = CONTAINER_NONE};
	struct context c = {.ev = &ev, .container = container, .iface = iface};

	return reach(f, judge_packets, &c);
}

static enum verdict judge_time(const struct insn *in, void *ctx)
{
	return in->field->scope == SCOPE_TIME ? judge_known(in, ctx) : VERDICT_MAYBE;
}

static void widen(struct filter *f, uint64_t ts)
{
	struct event ev = {.ts = ts};
	struct context c = {.ev = &ev};

	if (ts >= f->from && ts <= f->to)
		return;
	if (reach(f, judge_time, &c) == VERDICT_NO)
		return;
	f->from = MIN(f->from, ts);
	f->to = MAX(f->to, ts);
}

/* The instants where a condition on time can change its mind are the ends of its ranges; the hull
 * of all matching times ends at one of them or right beside it. */
static void widen_at(struct filter *f, const struct insn *in, uint64_t key)
{
	uint64_t size = in->field->type == VALUE_ABSTIME ? 1 : NSEC_PER_SEC, ts;

	if (__builtin_mul_overflow(key, size, &ts))
		return;
	widen(f, ts);
	widen(f, ts ? ts - 1 : 0);
	if (!__builtin_add_overflow(ts, size, &ts)) {
		widen(f, ts);
		widen(f, ts - 1);
	}
}

/* Above this the bounds are not worth the time to find them. */
#define TIME_CHECKS_MAX 64u

static void settle_time(struct filter *f)
{
	unsigned conditions = 0;

	for (uint32_t i = 0; i < f->n; i++)
		conditions += f->code[i].field->scope == SCOPE_TIME ? f->code[i].n_ranges + 1 : 0;
	f->from = 0;
	f->to = UINT64_MAX;
	if (!conditions || conditions > TIME_CHECKS_MAX)
		return;
	f->from = UINT64_MAX;
	f->to = 0;
	widen(f, 0);
	widen(f, UINT64_MAX);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct insn *in = &f->code[i];

		if (in->field->scope != SCOPE_TIME)
			continue;
		widen_at(f, in, in->lo);
		widen_at(f, in, in->hi);
		for (uint32_t k = 0; k < in->n_ranges; k++) {
			widen_at(f, in, in->ranges[k].lo);
			widen_at(f, in, in->ranges[k].hi);
		}
	}
}

static enum verdict judge_syn(const struct insn *in, void *ctx)
{
	return in->field->flags & FIELD_SYN ? judge_known(in, ctx) : VERDICT_MAYBE;
}

/* Can no packet pass that has these layers, without SYN, whatever else is in it? */
static bool stops(const struct filter *f, uint32_t has)
{
	static const uint8_t header[64];
	struct event ev = {.type = EVENT_PACKET, .iface = IFACE_NONE, .container = CONTAINER_NONE};
	struct context c = {.ev = &ev,
			    .decoded = true,
			    .packet = {.data = header,
				       .caplen = sizeof(header),
				       .len = sizeof(header),
				       .layers = 1,
				       .layer = {{.has = has}}}};

	return reach(f, judge_syn, &c) == VERDICT_NO;
}

static void settle_needs(struct filter *f)
{
	f->of_syn = stops(f, 0) && stops(f, PACKET_TCP);
	for (uint32_t i = 0; i < f->n; i++)
		f->needs |= filter_field_needs(f, f->code[i].field);
}

void filter_settle(struct filter *f)
{
	for (uint16_t type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
		struct event ev = {.type = type};
		struct context c = {.ev = &ev};

		if (reach(f, judge_type, &c) != VERDICT_NO)
			f->types |= 1u << type;
	}
	settle_needs(f);
	settle_time(f);
}

void filter_time(const struct filter *f, uint64_t *from, uint64_t *to)
{
	*from = f->from;
	*to = f->to;
}

uint32_t filter_types(const struct filter *f)
{
	return f->types;
}

bool filter_needs(const struct filter *f, unsigned flags)
{
	return f && f->needs & flags;
}

unsigned filter_field_needs(const struct filter *f, const struct field *field)
{
	bool told = f && f->of_syn && field->flags & FIELD_ENDS;

	return told ? field->flags & ~FIELD_FLOW : field->flags;
}

bool filter_of_iface(const struct filter *f)
{
	bool all = true;

	for (uint32_t i = 0; f && i < f->n; i++)
		all &= f->code[i].field->scope != SCOPE_EVENT &&
		       f->code[i].field->scope != SCOPE_TIME;
	return all;
}

bool filter_of_talk(const struct filter *f)
{
	bool all = true;

	for (uint32_t i = 0; f && i < f->n; i++)
		all &= field_of_talk(f->code[i].field);
	return all;
}
