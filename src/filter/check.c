/* SPDX-License-Identifier: Apache-2.0 */
/* One condition: field, operator, values. */
#include "filter/program.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const op_names[OPS] = {
	[OP_EXISTS] = "exists",
	[OP_EQ] = "=",
	[OP_NE] = "!=",
	[OP_LT] = "<",
	[OP_LE] = "<=",
	[OP_GT] = ">",
	[OP_GE] = ">=",
	[OP_CONTAINS] = "contains",
	[OP_ICONTAINS] = "icontains",
	[OP_BCONTAINS] = "bcontains",
	[OP_STARTSWITH] = "startswith",
	[OP_BSTARTSWITH] = "bstartswith",
	[OP_ENDSWITH] = "endswith",
	[OP_GLOB] = "glob",
	[OP_IGLOB] = "iglob",
	[OP_REGEX] = "regex",
	[OP_IN] = "in",
	[OP_INTERSECTS] = "intersects",
	[OP_PMATCH] = "pmatch",
};

static int unknown_field(struct parser *p, size_t n)
{
	char hint[120] = "";
	const char *word = p->src->text + p->pos, *why = field_why_not(word, n);
	const char *nearest = field_nearest(word, n);

	if (n == 0)
		return complain(p, p->pos, NULL,
				lex_end(p) ? "unexpected end of filter"
					   : "a field name is expected");
	if (why)
		snprintf(hint, sizeof(hint), "%s is %s", complain_show(word, n), why);
	else if (nearest)
		snprintf(hint, sizeof(hint), "did you mean %s?", nearest);
	else
		snprintf(hint, sizeof(hint), "option -l lists the known fields");
	return complain(p, p->pos, hint, "unknown field %s", complain_show(word, n));
}

/* Bytes up to the end of what the user may have meant as a field name. */
static size_t field_extent(const struct parser *p)
{
	size_t n = 0;

	while (lex_word_char(lex_at(p, n)) || lex_at(p, n) == '/' || lex_at(p, n) == ':')
		n++;
	return n;
}

static bool ends_field(const struct parser *p, size_t ahead)
{
	char ch = lex_at(p, ahead);

	return p->pos + ahead >= p->src->len || lex_blank(ch) || strchr("=!<>()&|,~", ch);
}

static int read_field(struct parser *p, struct insn *in)
{
	size_t used = 0, n = field_extent(p);
	const char *s = p->src->text + p->pos;

	in->field = n ? field_find(s, p->src->len - p->pos, &used, &in->arg) : NULL;
	if (!in->field || !ends_field(p, used)) {
		in->field = NULL;
		return unknown_field(p, n);
	}
	if (in->field->flags & FIELD_PRINT)
		return complain(p, p->pos, NULL, "%s is for output formats only", in->field->name);
	if (in->field->flags & FIELD_ARG && !in->arg) {
		char hint[120];

		snprintf(hint, sizeof(hint), "write %s.NAME or %s[NAME]", in->field->name,
			 in->field->name);
		return complain(p, p->pos + used, hint, "%s needs an argument", in->field->name);
	}
	p->pos += used;
	return 0;
}

static int read_symbol_op(struct parser *p, enum op *op)
{
	static const struct {
		const char *symbol;
		enum op op;
	} symbols[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE},
		       {"=", OP_EQ},  {"<", OP_LT},  {">", OP_GT}};

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		size_t n = strlen(symbols[i].symbol);

		if (p->src->len - p->pos >= n &&
		    memcmp(p->src->text + p->pos, symbols[i].symbol, n) == 0) {
			*op = symbols[i].op;
			p->pos += n;
			return 0;
		}
	}
	return -1;
}

/* What users of other languages write, and ours. */
static const char *op_hint(const char *word)
{
	static const char *const habits[][2] = {
		{"eq", "="},	      {"ne", "!="},	{"lt", "<"},
		{"le", "<="},	      {"gt", ">"},	{"ge", ">="},
		{"matches", "regex"}, {"like", "glob"}, {"~", "regex"},
		{"=~", "regex"},      {"is", "="},	{"AND", "and"},
		{"OR", "or"},	      {"NOT", "not"},	{"xor", "and, or, not"},
	};
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < ARRAY_SIZE(habits); i++) {
		if (str_eq(word, habits[i][0]))
			return habits[i][1];
	}
	for (size_t i = 0; i < OPS; i++) {
		unsigned d = str_distance(word, op_names[i]);

		if (strlen(op_names[i]) > 2 && d < least) {
			least = d;
			best = op_names[i];
		}
	}
	return best;
}

static int unknown_op(struct parser *p, const struct insn *in)
{
	size_t n = lex_word(p);
	char word[40], hint[80] = "";

	if (n == 0)
		n = 1;
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, sizeof(word) - 1), p->src->text + p->pos);
	if (op_hint(word))
		snprintf(hint, sizeof(hint), "did you mean %s?", op_hint(word));
	return complain(p, p->pos, hint, "unrecognized comparison operator after %s",
			in->field->name);
}

/* 1: an operator was read, 0: the field stands alone, -1: error. */
static int read_op(struct parser *p, struct insn *in)
{
	lex_skip(p);
	if (lex_end(p) || lex_at(p, 0) == ')' || lex_word_is(p, "and") || lex_word_is(p, "or") ||
	    (lex_at(p, 0) == '&' && lex_at(p, 1) == '&') ||
	    (lex_at(p, 0) == '|' && lex_at(p, 1) == '|'))
		return 0;
	if (read_symbol_op(p, &in->op) == 0)
		return 1;
	for (size_t i = 0; i < OPS; i++) {
		if (op_names[i][0] >= 'a' && lex_word_is(p, op_names[i])) {
			in->op = (enum op)i;
			p->pos += strlen(op_names[i]);
			return 1;
		}
	}
	return unknown_op(p, in);
}

static void operands_free(struct operand *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].p);
	free(list);
}

static int read_list(struct parser *p, const struct insn *in, struct operand **list, size_t *n)
{
	size_t cap = 0;

	lex_skip(p);
	if (lex_at(p, 0) != '(')
		return complain(p, p->pos, "a list is written: (a, b)", "expected '(' after %s",
				op_names[in->op]);
	p->pos++;
	for (;;) {
		lex_skip(p);
		if (lex_at(p, 0) == ')' && *n)
			break;
		if (lex_at(p, 0) == ')')
			return complain(p, p->pos, NULL, "the list is empty and matches nothing");
		GROW(*list, *n, cap);
		if (lex_operand(p, in, true, &(*list)[*n]))
			return -1;
		(*n)++;
		lex_skip(p);
		if (lex_at(p, 0) == ',')
			p->pos++;
		else if (lex_at(p, 0) != ')')
			return complain(p, p->pos, NULL, "expected ',' or ')' in the list");
	}
	p->pos++;
	return 0;
}

static int read_values(struct parser *p, struct insn *in, size_t op_pos)
{
	struct operand *list = NULL;
	size_t n = 0;
	bool is_list = in->op == OP_IN || in->op == OP_INTERSECTS || in->op == OP_PMATCH;
	int r;

	if (!op_fits(in->field->type, in->op)) {
		char hint[120] = "operators for it:";

		for (size_t i = 0; i < OPS; i++) {
			size_t len = strlen(hint);

			if (op_fits(in->field->type, (enum op)i))
				snprintf(hint + len, sizeof(hint) - len, " %s", op_names[i]);
		}
		return complain(p, op_pos, hint, "%s does not work on %s (%s)", op_names[in->op],
				in->field->name, value_type_name(in->field->type));
	}
	if (is_list) {
		r = read_list(p, in, &list, &n);
	} else {
		list = xcalloc(1, sizeof(*list));
		r = lex_operand(p, in, false, list);
		n = r == 0;
	}
	if (r == 0)
		r = operand_compile(p, in, list, n);
	operands_free(list, n);
	return r;
}

int check_read(struct parser *p, struct insn *in)
{
	size_t start = p->pos, op_pos;
	int r;

	if (++p->n_checks > FILTER_MAX_CHECKS)
		return complain(p, p->pos, NULL, "more than %u conditions", FILTER_MAX_CHECKS);
	if (read_field(p, in))
		return -1;
	size_t end = p->pos;

	r = read_op(p, in);
	if (r < 0)
		return -1;
	if (r == 0) {
		/* A field alone: a truth value speaks for itself, any other field has to be there.
		 */
		p->pos = end;
		in->op = in->field->type == VALUE_BOOL ? OP_EQ : OP_EXISTS;
		in->test = in->field->type == VALUE_BOOL ? TEST_RANGE : TEST_EXISTS;
		in->lo = in->hi = 1;
	} else if (in->op == OP_EXISTS) {
		in->test = TEST_EXISTS;
	} else {
		op_pos = end;
		while (lex_blank(p->src->text[op_pos]))
			op_pos++;
		if (read_values(p, in, op_pos))
			return -1;
	}
	if (in->test == TEST_RANGE && in->field->flags & FIELD_BIT)
		in->test = TEST_BIT;
	in->shown = xstrndup(p->src->text + start, p->pos - start);
	return 0;
}
