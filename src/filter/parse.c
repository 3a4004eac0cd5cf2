/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text -> tree:  or := and {"or" and}   and := unary {"and" unary}
 * unary := "not" unary | "(" or ")" | "@" name | check
 * check := field [op value | "exists" | ("in"|"intersects"|"pmatch") "(" value {"," value} ")"]
 */
#include "filter/program.h"

#include <stdio.h>
#include <stdlib.h>

const char *const op_names[OPS] = {
	[OP_EXISTS] = "exists",         [OP_EQ] = "=",
	[OP_NE] = "!=",                 [OP_LT] = "<",
	[OP_LE] = "<=",                 [OP_GT] = ">",
	[OP_GE] = ">=",                 [OP_CONTAINS] = "contains",
	[OP_ICONTAINS] = "icontains",   [OP_BCONTAINS] = "bcontains",
	[OP_STARTSWITH] = "startswith", [OP_BSTARTSWITH] = "bstartswith",
	[OP_ENDSWITH] = "endswith",     [OP_GLOB] = "glob",
	[OP_IGLOB] = "iglob",           [OP_REGEX] = "regex",
	[OP_IN] = "in",                 [OP_INTERSECTS] = "intersects",
	[OP_PMATCH] = "pmatch",
};

static struct node *parse_unary(struct parser *p);
static struct node *parse_or(struct parser *p);

static char at(const struct parser *p, size_t ahead)
{
	size_t i = p->pos + ahead;

	return i < p->src->len ? p->src->text[i] : '\0';
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '.' || ch == '-';
}

static void skip_blanks(struct parser *p)
{
	while (is_blank(at(p, 0)))
		p->pos++;
}

static bool at_end(const struct parser *p)
{
	return p->pos >= p->src->len;
}

/* Bytes of the word at the cursor. */
static size_t word_length(const struct parser *p)
{
	size_t n = 0;

	while (is_word(at(p, n)))
		n++;
	return n;
}

static bool word_is(const struct parser *p, const char *word)
{
	size_t n = word_length(p);

	return n == strlen(word) && memcmp(p->src->text + p->pos, word, n) == 0;
}

/* Step over "word" or the two-character symbol when it is next. */
static bool take_joint(struct parser *p, const char *word, const char *symbol)
{
	skip_blanks(p);
	if (at(p, 0) == symbol[0] && at(p, 1) == symbol[1]) {
		p->pos += 2;
		return true;
	}
	if (!word_is(p, word))
		return false;
	p->pos += strlen(word);
	return true;
}

/* ---- nodes ---- */

static struct node *node_new(struct parser *p, enum node_kind kind)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	GROW(p->nodes, p->n_nodes, p->cap_nodes);
	p->nodes[p->n_nodes++] = n;
	return n;
}

static void node_add(struct node *n, struct node *kid)
{
	/* (a and (b and c)) is one row of three: more to put in order, fewer levels. */
	if (kid->kind == n->kind) {
		for (uint32_t i = 0; i < kid->n_kids; i++)
			node_add(n, kid->kids[i]);
		return;
	}
	GROW(n->kids, n->n_kids, n->cap_kids);
	n->kids[n->n_kids++] = kid;
}

static int deeper(struct parser *p)
{
	if (++p->depth > FILTER_MAX_DEPTH)
		return complain(p, p->pos, NULL, "nested more than %u levels deep",
				FILTER_MAX_DEPTH);
	return 0;
}

/* ---- operands ---- */

static int escape_char(char ch)
{
	static const char from[] = "\\\"'abfnrtv", to[] = "\\\"'\a\b\f\n\r\t\v";
	const char *found = ch ? strchr(from, ch) : NULL;

	return found ? to[found - from] : -1;
}

static int read_quoted(struct parser *p, bool keep_unknown, struct operand *o)
{
	char quote = at(p, 0);
	struct text t = {0};

	p->pos++;
	text_room(&t, 1);
	while (at(p, 0) != quote) {
		if (at_end(p)) {
			text_done(&t);
			return complain(p, o->pos, NULL, "unclosed quotes");
		}
		if (at(p, 0) == '\\') {
			int ch = escape_char(at(p, 1));

			if (ch < 0 && !(keep_unknown && at(p, 1))) {
				text_done(&t);
				return complain(p, p->pos,
						"known escapes: \\\\ \\\" \\' \\a \\b \\f \\n \\r \\t \\v",
						"unrecognized escape sequence");
			}
			if (ch < 0)
				text_char(&t, '\\');
			text_char(&t, ch < 0 ? at(p, 1) : (char)ch);
			p->pos += 2;
		} else {
			text_char(&t, at(p, 0));
			p->pos++;
		}
	}
	p->pos++;
	o->n = t.len;
	o->p = xstrndup(t.data, t.len);
	text_done(&t);
	return 0;
}

static bool ends_bare(const struct parser *p, bool in_list)
{
	char ch = at(p, 0);

	return at_end(p) || is_blank(ch) || ch == ')' || (in_list && ch == ',') ||
	       ((ch == '&' || ch == '|') && at(p, 1) == ch);
}

static int read_operand(struct parser *p, const struct insn *in, bool in_list, struct operand *o)
{
	/* In patterns a backslash is everyday writing: '\.' means what it says. */
	bool pattern = in->op == OP_REGEX || in->op == OP_GLOB || in->op == OP_IGLOB;

	skip_blanks(p);
	o->pos = p->pos;
	if (at(p, 0) == '\'' || at(p, 0) == '"') {
		if (read_quoted(p, pattern, o))
			return -1;
		if (!ends_bare(p, in_list)) {
			free(o->p);
			return complain(p, p->pos, NULL, "text right behind the closing quote");
		}
		o->end = p->pos;
		return 0;
	}
	if (at_end(p))
		return complain(p, p->pos, NULL, "unexpected end of filter: a value is missing");
	if (at(p, 0) == '(')
		return complain(p, p->pos, "a list is written: field in (a, b)",
				"a value cannot begin with a bracket");
	while (!ends_bare(p, in_list))
		p->pos++;
	if (p->pos == o->pos)
		return complain(p, p->pos, "an empty text is written ''", "a value is missing");
	o->n = p->pos - o->pos;
	o->p = xstrndup(p->src->text + o->pos, o->n);
	o->end = p->pos;
	return 0;
}

/* ---- checks ---- */

static int unknown_field(struct parser *p, size_t n)
{
	char hint[120] = "";
	const char *word = p->src->text + p->pos, *why = field_why_not(word, n);
	const char *nearest = field_nearest(word, n);

	if (n == 0)
		return complain(p, p->pos, NULL, at_end(p) ? "unexpected end of filter"
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

	while (is_word(at(p, n)) || at(p, n) == '/' || at(p, n) == ':')
		n++;
	return n;
}

static bool ends_field(const struct parser *p, size_t ahead)
{
	char ch = at(p, ahead);

	return p->pos + ahead >= p->src->len || is_blank(ch) || strchr("=!<>()&|,~", ch);
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
		{"eq", "="},       {"ne", "!="},      {"lt", "<"},      {"le", "<="},
		{"gt", ">"},       {"ge", ">="},      {"matches", "regex"}, {"like", "glob"},
		{"~", "regex"},    {"=~", "regex"},   {"is", "="},      {"AND", "and"},
		{"OR", "or"},      {"NOT", "not"},    {"xor", "and, or, not"},
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
	size_t n = word_length(p);
	char word[40], hint[80] = "";

	if (n == 0)
		n = 1;
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, sizeof(word) - 1),
		 p->src->text + p->pos);
	if (op_hint(word))
		snprintf(hint, sizeof(hint), "did you mean %s?", op_hint(word));
	return complain(p, p->pos, hint, "unrecognized comparison operator after %s",
			in->field->name);
}

/* 1: an operator was read, 0: the field stands alone, -1: error. */
static int read_op(struct parser *p, struct insn *in)
{
	skip_blanks(p);
	if (at_end(p) || at(p, 0) == ')' || word_is(p, "and") || word_is(p, "or") ||
	    (at(p, 0) == '&' && at(p, 1) == '&') || (at(p, 0) == '|' && at(p, 1) == '|'))
		return 0;
	if (read_symbol_op(p, &in->op) == 0)
		return 1;
	for (size_t i = 0; i < OPS; i++) {
		if (op_names[i][0] >= 'a' && word_is(p, op_names[i])) {
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

	skip_blanks(p);
	if (at(p, 0) != '(')
		return complain(p, p->pos, "a list is written: (a, b)", "expected '(' after %s",
				op_names[in->op]);
	p->pos++;
	for (;;) {
		skip_blanks(p);
		if (at(p, 0) == ')' && *n)
			break;
		if (at(p, 0) == ')')
			return complain(p, p->pos, NULL, "the list is empty and matches nothing");
		GROW(*list, *n, cap);
		if (read_operand(p, in, true, &(*list)[*n]))
			return -1;
		(*n)++;
		skip_blanks(p);
		if (at(p, 0) == ',')
			p->pos++;
		else if (at(p, 0) != ')')
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
		r = read_operand(p, in, false, list);
		n = r == 0;
	}
	if (r == 0)
		r = operand_compile(p, in, list, n);
	operands_free(list, n);
	return r;
}

static int read_check(struct parser *p, struct insn *in)
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
		/* A field alone: a truth value speaks for itself, any other field has to be there. */
		p->pos = end;
		in->op = in->field->type == VALUE_BOOL ? OP_EQ : OP_EXISTS;
		in->test = in->field->type == VALUE_BOOL ? TEST_RANGE : TEST_EXISTS;
		in->lo = in->hi = 1;
	} else if (in->op == OP_EXISTS) {
		in->test = TEST_EXISTS;
	} else {
		op_pos = end;
		while (is_blank(p->src->text[op_pos]))
			op_pos++;
		if (read_values(p, in, op_pos))
			return -1;
	}
	in->shown = xstrndup(p->src->text + start, p->pos - start);
	return 0;
}

static struct node *parse_check(struct parser *p)
{
	struct node *n = node_new(p, NODE_CHECK);

	n->check = xcalloc(1, sizeof(*n->check));
	return read_check(p, n->check) ? NULL : n;
}

/* ---- grammar ---- */

static struct node *parse_named(struct parser *p)
{
	size_t start = p->pos++, n = word_length(p), len = 0;
	const struct source *outer = p->src;

	if (n == 0 || at(p, 0) == '.') {
		complain(p, start, NULL, "a name is expected after '@'");
		return NULL;
	}
	cleanup_free char *name = xstrndup(p->src->text + p->pos, n);

	p->pos += n;
	for (unsigned i = 0; i < p->n_stack; i++) {
		if (str_eq(p->stack[i], name)) {
			complain(p, start, NULL, "named filter @%s contains itself", name);
			return NULL;
		}
	}
	if (p->n_stack == FILTER_MAX_NAMED) {
		complain(p, start, NULL, "more than %u named filters within one another",
			 FILTER_MAX_NAMED);
		return NULL;
	}
	cleanup_free char *text = named_load(p, name, start, &len);

	if (!text)
		return NULL;
	size_t after = p->pos;
	struct source inner = {text, len, name};

	p->stack[p->n_stack++] = name;
	struct node *root = parse_filter(p, &inner);

	p->n_stack--;
	p->src = outer;
	p->pos = after;
	return root;
}

static struct node *parse_bracket(struct parser *p)
{
	size_t open = p->pos++;
	struct node *n = parse_or(p);

	if (!n)
		return NULL;
	skip_blanks(p);
	if (at(p, 0) != ')') {
		if (at_end(p))
			complain(p, open, NULL, "this bracket is never closed");
		else
			complain(p, p->pos, NULL, "expected 'and', 'or' or ')'");
		return NULL;
	}
	p->pos++;
	return n;
}

static struct node *parse_not(struct parser *p)
{
	p->pos += at(p, 0) == '!' ? 1 : strlen("not");
	struct node *kid = parse_unary(p);

	if (!kid)
		return NULL;
	struct node *n = node_new(p, NODE_NOT);

	node_add(n, kid);
	return n;
}

static struct node *parse_unary(struct parser *p)
{
	struct node *n;

	skip_blanks(p);
	if (deeper(p))
		return NULL;
	if (at(p, 0) == '(') {
		n = parse_bracket(p);
	} else if (at(p, 0) == '@') {
		n = parse_named(p);
	} else if (word_is(p, "not") || (at(p, 0) == '!' && at(p, 1) != '=')) {
		n = parse_not(p);
	} else {
		n = parse_check(p);
	}
	p->depth--;
	return n;
}

static struct node *parse_row(struct parser *p, enum node_kind kind)
{
	bool is_and = kind == NODE_AND;
	struct node *first = is_and ? parse_unary(p) : parse_row(p, NODE_AND), *row = NULL;

	while (first && take_joint(p, is_and ? "and" : "or", is_and ? "&&" : "||")) {
		struct node *next = is_and ? parse_unary(p) : parse_row(p, NODE_AND);

		if (!next)
			return NULL;
		if (!row) {
			row = node_new(p, kind);
			node_add(row, first);
		}
		node_add(row, next);
	}
	return row ? row : first;
}

static struct node *parse_or(struct parser *p)
{
	return parse_row(p, NODE_OR);
}

static int trailing(struct parser *p)
{
	char word[16], hint[60] = "";
	size_t n = word_length(p);

	if (at(p, 0) == ')')
		return complain(p, p->pos, NULL, "this bracket was never opened");
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, sizeof(word) - 1),
		 p->src->text + p->pos);
	if (str_eq(word, "AND") || str_eq(word, "OR"))
		snprintf(hint, sizeof(hint), "keywords are written in lower case");
	else
		snprintf(hint, sizeof(hint), "a value with blanks or brackets has to be quoted");
	return complain(p, p->pos, hint, "expected 'and' or 'or'");
}

struct node *parse_filter(struct parser *p, const struct source *src)
{
	p->src = src;
	p->pos = 0;
	struct node *n = parse_or(p);

	if (!n)
		return NULL;
	skip_blanks(p);
	if (!at_end(p)) {
		trailing(p);
		return NULL;
	}
	return n;
}
