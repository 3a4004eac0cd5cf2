/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree -> instructions. Each condition becomes one instruction with two places
 * to go to; "and", "or" and "not" exist only as jumps. Written from the end, so
 * that every place is known before it is needed.
 */
#include "filter/program.h"

#include <stdlib.h>

/* Rough prices of one look; only their order matters. */
enum { COST_CONTAINER = 1, COST_NUMBER = 2, COST_TEXT = 6, COST_SEARCH = 20, COST_REGEX = 200 };

static unsigned check_cost(const struct insn *in)
{
	if (in->test == TEST_REGEX)
		return COST_REGEX;
	if (in->test == TEST_GLOB || in->test == TEST_IGLOB || in->test == TEST_CONTAINS ||
	    in->test == TEST_ICONTAINS)
		return COST_SEARCH;
	if (in->field->scope != SCOPE_EVENT)
		return COST_CONTAINER;
	return in->field->type == VALUE_STRING ? COST_TEXT : COST_NUMBER;
}

/* Cheap ones first, otherwise as written: no condition has effects, so the order is free. Insertion
 * sort, because it is stable; a row has few members but may be hostile, so long rows stay. */
#define SORTED_ROW_MAX 256u

static bool sort_row(struct node *n)
{
	bool moved = false;

	if (n->n_kids > SORTED_ROW_MAX)
		return false;
	for (uint32_t i = 1; i < n->n_kids; i++) {
		struct node *kid = n->kids[i];
		uint32_t j = i;

		for (; j > 0 && n->kids[j - 1]->cost > kid->cost; j--)
			n->kids[j] = n->kids[j - 1];
		n->kids[j] = kid;
		moved |= j != i;
	}
	return moved;
}

static bool order(struct node *n)
{
	bool moved = false;

	if (n->kind == NODE_CHECK) {
		n->cost = n->check->cost = check_cost(n->check);
		return false;
	}
	for (uint32_t i = 0; i < n->n_kids; i++) {
		moved |= order(n->kids[i]);
		n->cost += n->kids[i]->cost;
	}
	return (n->kind != NODE_NOT && sort_row(n)) | moved;
}

/* Returns the place where judging n begins. Places count from the end until flatten() turns them.
 */
static uint32_t emit(struct filter *f, const struct node *n, uint32_t yes, uint32_t no)
{
	uint32_t entry;

	switch (n->kind) {
	case NODE_CHECK:
		f->code[f->n] = *n->check;
		f->code[f->n].yes = yes;
		f->code[f->n].no = no;
		*n->check = (struct insn){0};
		return f->n++;
	case NODE_NOT:
		return emit(f, n->kids[0], no, yes);
	default:
		entry = emit(f, n->kids[n->n_kids - 1], yes, no);
		for (uint32_t i = n->n_kids - 1; i-- > 0;)
			entry = n->kind == NODE_AND ? emit(f, n->kids[i], entry, no)
						    : emit(f, n->kids[i], yes, entry);
		return entry;
	}
}

static uint32_t turn(uint32_t place, uint32_t n)
{
	return place < n ? n - 1 - place : place;
}

static uint32_t count(const struct node *n)
{
	uint32_t sum = n->kind == NODE_CHECK;

	for (uint32_t i = 0; i < n->n_kids; i++)
		sum += count(n->kids[i]);
	return sum;
}

void flatten(struct filter *f, struct node *root)
{
	f->reordered = order(root);
	f->code = xcalloc(count(root), sizeof(*f->code));
	emit(f, root, PC_ACCEPT, PC_REJECT);
	for (uint32_t i = 0; i < f->n / 2; i++) {
		struct insn in = f->code[i];

		f->code[i] = f->code[f->n - 1 - i];
		f->code[f->n - 1 - i] = in;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		f->code[i].yes = turn(f->code[i].yes, f->n);
		f->code[i].no = turn(f->code[i].no, f->n);
	}
}
