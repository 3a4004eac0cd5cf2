/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/second.h"

#include <stdlib.h>

static int present(void *ctx, struct context *c)
{
	chisels_twin_event(ctx, c);
	return 0;
}

void second_open(struct flow_second *w, struct source *s, const struct chisels *chisels,
		 const struct filter *filter, uint64_t from, uint64_t to)
{
	struct reader *r = s->kind->reader ? s->kind->reader(s) : NULL;
	uint8_t *of = r ? flow_deal(r, from, to ? to : UINT64_MAX, &w->n) : NULL;
	struct chisels_twin *twin = of ? chisels_twin(chisels) : NULL;
	bool flows = chisels_need(chisels, FIELD_FLOW) || filter_needs(filter, FIELD_FLOW);
	bool follow = chisels_need(chisels, FIELD_FOLLOW) || filter_needs(filter, FIELD_FOLLOW);
	unsigned n = flows ? FLOWS_TRACKED / 2 : 0;

	if (!twin) {
		free(of);
		return;
	}
	w->of = of;
	w->state = follow ? state_new(n) : state_new_ends(n);
	w->filter = filter_twin(filter);
	w->present = present;
	w->ctx = twin;
}

void second_join(struct flow_second *w, struct chisels *chisels)
{
	if (!w->of)
		return;
	chisels_join(chisels, w->ctx, w->state);
	state_free(w->state);
	filter_free(w->filter);
	free(w->of);
}
