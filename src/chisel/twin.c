/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of chisels over events that another thread reads. No script runs there. */
#include "chisel/top.h"

#include <stdlib.h>

struct chisels_twin {
	struct top **tops; /* of all chisels, in their order */
	unsigned n, cap;
	uint64_t first, last; /* ns; last = 0: no events */
};

/* A directory tells enough of most chunks, and would be told to one of the two alone. */
static bool all_of_parts(const struct chisels *s)
{
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops; k++)
			if (!s->items[i]->tops[k]->parts)
				return false;
	return true;
}

struct chisels_twin *chisels_twin(const struct chisels *s)
{
	if (s->filter || chisels_need_order(s) || all_of_parts(s))
		return NULL;
	struct chisels_twin *w = xcalloc(1, sizeof(*w));
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops; k++) {
			GROW(w->tops, w->n, w->cap);
			w->tops[w->n++] = top_twin(s->items[i]->tops[k]);
		}
	return w;
}

void chisels_twin_event(struct chisels_twin *w, struct context *c)
{
	if (!w->last)
		w->first = c->ev->ts;
	w->last = MAX(w->last, c->ev->ts);
	for (unsigned i = 0; i < w->n; i++)
		top_event(w->tops[i], c);
}

void chisels_join(struct chisels *s, struct chisels_twin *w, const struct state *state)
{
	unsigned at = 0;

	chisels_begin(s, w->first);
	s->last = MAX(s->last, w->last);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops; k++)
			top_join(s->items[i]->tops[k], w->tops[at++], state);
	free(w->tops);
	free(w);
}
