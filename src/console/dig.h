/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: the packets of the selection, with their bytes. */
#ifndef DREDGE_CONSOLE_DIG_H
#define DREDGE_CONSOLE_DIG_H

#include "console/ui.h"

/* Of the row under the cursor. `more` is one more condition, or NULL; [from, to] a part of a
 * capture. */
void dig_open(struct ui *ui, bool echo, const char *more, uint64_t from, uint64_t to);

#endif
