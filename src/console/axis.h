/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: the time axis of a capture. */
#ifndef DREDGE_CONSOLE_AXIS_H
#define DREDGE_CONSOLE_AXIS_H

#include "console/ui.h"

/* The strip from line y on; returns its lines, 0 = no room or live. */
unsigned axis_draw(struct ui *ui, unsigned y);
/* A moment of an interval that is so long: 07:30:01, of more than a day 11-22 07:30, of more than
 * half a year 2026-11-22. */
void axis_time(struct text *t, uint64_t ns, uint64_t length);
bool axis_request(struct ui *ui, enum request r);
bool axis_pointed(struct ui *ui, const struct pointed *p);
/* Some ten times a second: what is played goes on. */
void axis_beat(struct ui *ui);

#endif
