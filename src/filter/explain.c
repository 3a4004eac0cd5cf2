/* SPDX-License-Identifier: Apache-2.0 */
/* The program in plain words, for `dredge --explain`. */
#include "filter/program.h"

#define CONDITION_WIDTH 44u

static const char *when(const struct insn *in)
{
	switch (in->field->scope) {
	case SCOPE_CONTAINER:
		return "once per container";
	case SCOPE_IFACE:
		return "once per interface";
	case SCOPE_TIME:
		return "bounds the time";
	case SCOPE_TYPE:
		return "bounds the types";
	default:
		break;
	}
	if (in->field->flags & FIELD_FLOW)
		return "each packet, with its conversation";
	if (in->field->flags & FIELD_PACKETS)
		return "each packet";
	return "each event";
}

static void place(struct text *t, uint32_t pc)
{
	if (pc == PC_ACCEPT)
		text_str(t, "accept");
	else if (pc == PC_REJECT)
		text_str(t, "reject");
	else
		text_u64(t, pc);
}

static void pad(struct text *t, size_t from, size_t width)
{
	do {
		text_char(t, ' ');
	} while (t->len - from < width);
}

static void row(struct text *t, const struct filter *f, uint32_t i)
{
	const struct insn *in = &f->code[i];
	size_t from = t->len;

	text_fmt(t, "%4u  ", i);
	text_plain(t, in->shown, strlen(in->shown));
	pad(t, from, CONDITION_WIDTH);
	text_str(t, "yes: ");
	place(t, in->yes);
	pad(t, from, CONDITION_WIDTH + 13);
	text_str(t, "no: ");
	place(t, in->no);
	pad(t, from, CONDITION_WIDTH + 26);
	text_str(t, when(in));
	text_char(t, '\n');
}

static void types(struct text *t, const struct filter *f)
{
	bool first = true;

	/* The types behind drop are reserved: no source makes them yet. */
	text_str(t, "events that can match: ");
	for (int type = EVENT_PACKET; type <= EVENT_DROP; type++) {
		if (!(f->types >> type & 1))
			continue;
		text_str(t, first ? "" : ", ");
		text_str(t, event_type_name((enum event_type)type));
		first = false;
	}
	text_str(t, first ? "none\n" : "\n");
}

static void time_bounds(struct text *t, const struct filter *f)
{
	text_str(t, "time: ");
	if (f->from > f->to) {
		text_str(t, "none, no event can match\n");
		return;
	}
	if (f->from == 0 && f->to == UINT64_MAX) {
		text_str(t, "any\n");
		return;
	}
	if (f->from) {
		text_str(t, "from ");
		text_time_iso(t, f->from);
	}
	if (f->to != UINT64_MAX) {
		text_str(t, f->from ? " to " : "up to ");
		text_time_iso(t, f->to);
	}
	text_str(t, "; chunks outside are not decoded\n");
}

static void container_note(struct text *t, const struct filter *f)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		n += f->code[i].field->scope == SCOPE_CONTAINER ||
		     f->code[i].field->scope == SCOPE_IFACE;
	text_str(t, "containers: ");
	if (n)
		text_fmt(t,
			 "%u of %u conditions settled before decoding; chunks of containers that "
			 "cannot match are skipped\n",
			 n, f->n);
	else
		text_str(t, "any\n");
}

static void notes(struct text *t, const struct filter *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct insn *in = &f->code[i];

		if (in->negate && in->field->flags & FIELD_MULTI)
			text_fmt(t, "note: condition %u holds when every value of %s differs\n", i,
				 in->field->name);
		else if (in->negate)
			text_fmt(t, "note: condition %u is false where %s is absent\n", i,
				 in->field->name);
		if (in->test >= TEST_PORT && in->test <= TEST_RANGE && in->lo > in->hi)
			text_fmt(t, "note: condition %u can never hold\n", i);
	}
	if (f->reordered)
		text_str(t, "note: cheap conditions were put first; the result is the same\n");
}

void filter_explain(const struct filter *f, struct text *t)
{
	text_str(t, "filter: ");
	text_plain(t, f->text, strlen(f->text));
	text_str(t, "\n\n");
	for (uint32_t i = 0; i < f->n; i++)
		row(t, f, i);
	text_char(t, '\n');
	types(t, f);
	time_bounds(t, f);
	container_note(t, f);
	text_str(t, "conversations: ");
	text_str(t, filter_needs(f, FIELD_FLOW) ? "tracked\n" : "not needed\n");
	notes(t, f);
}
