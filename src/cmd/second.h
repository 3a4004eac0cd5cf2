/* SPDX-License-Identifier: Apache-2.0 */
/* Chisels that only sum, over a large file: another thread takes some of its interfaces. */
#ifndef DREDGE_CMD_SECOND_H
#define DREDGE_CMD_SECOND_H

#include "chisel/chisel.h"
#include "flow/flow.h"

/* Fills in *w, where that is worth it; else it stays as it is. filter: of the run, or NULL; from,
 * to: ns, to = 0: the end. The chisels and the filter have to outlive it. */
void second_open(struct flow_second *w, struct source *s, const struct chisels *chisels,
		 const struct filter *filter, uint64_t from, uint64_t to);
/* After the run: its sums are added to the chisels'. */
void second_join(struct flow_second *w, struct chisels *chisels);

#endif
