/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: pictures of the selection, drawn from its packets. */
#ifndef DREDGE_CONSOLE_PICTURE_H
#define DREDGE_CONSOLE_PICTURE_H

#include "console/look.h"
#include "console/ui.h"

/* Opens a body for the row under the cursor, or for all that is selected. The look is returned
 * zeroed, to be filled in before it is ordered; NULL = the user was told why not. */
struct look *picture_new(struct ui *ui, const struct look_kind *kind, const char *more);
void picture_show(struct ui *ui, const struct pane *body, struct look *l, uint64_t from,
		  uint64_t to);
/* Back to the table. */
void picture_close(struct ui *ui);
/* What all pictures answer alike; true = done. */
bool picture_request(struct ui *ui, enum request r);

void spectrum_open(struct ui *ui);
void graph_open(struct ui *ui);
void portmap_open(struct ui *ui);

#endif
