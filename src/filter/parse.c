/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text -> tree:  or := and {"or" and}   and := unary {"and" unary}
 * unary := "not" unary | "(" or ")" | "@" name | check
 * check is read by check.c
 */
#include "filter/program.h"

#include <stdio.h>
#include <stdlib.h>

static struct node *parse_unary(struct parser *p);
static struct node *parse_or(struct parser *p);

/* Step over "word" or the two-character symbol when it is next. */
static bool take_joint(struct parser *p, const char *word, const char *symbol)
{
	lex_skip(p);
	if (lex_at(p, 0) == symbol[0] && lex_at(p, 1) == symbol[1]) {
		p->pos += 2;
		return true;
	}
	if (!lex_word_is(p, word))
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
	if (kid->kind == n->kind && n->kind != NODE_NOT) {
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

static struct node *parse_check(struct parser *p)
{
	struct node *n = node_new(p, NODE_CHECK);

	n->check = xcalloc(1, sizeof(*n->check));
	return check_read(p, n->check) ? NULL : n;
}

/* ---- grammar ---- */

static struct node *parse_named(struct parser *p)
{
	size_t start = p->pos++, n = lex_word(p), len = 0;
	const struct source *outer = p->src;

	if (n == 0 || lex_at(p, 0) == '.') {
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
	lex_skip(p);
	if (lex_at(p, 0) != ')') {
		if (lex_end(p))
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
	p->pos += lex_at(p, 0) == '!' ? 1 : strlen("not");
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

	lex_skip(p);
	if (deeper(p))
		return NULL;
	if (lex_at(p, 0) == '(') {
		n = parse_bracket(p);
	} else if (lex_at(p, 0) == '@') {
		n = parse_named(p);
	} else if (lex_word_is(p, "not") || (lex_at(p, 0) == '!' && lex_at(p, 1) != '=')) {
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
	size_t n = lex_word(p);

	if (lex_at(p, 0) == ')')
		return complain(p, p->pos, NULL, "this bracket was never opened");
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, sizeof(word) - 1), p->src->text + p->pos);
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
	lex_skip(p);
	if (!lex_end(p)) {
		trailing(p);
		return NULL;
	}
	return n;
}
