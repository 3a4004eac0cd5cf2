/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: programs run for a row. Words are never given to a shell. */
#ifndef DREDGE_CONSOLE_ACTION_H
#define DREDGE_CONSOLE_ACTION_H

#include "console/ui.h"

#define ACTIONS_MAX 40u

/* Those of the view, and of every view those whose values the row has; returns how many. */
size_t actions_of(struct ui *ui, const struct view_action *out[ACTIONS_MAX]);
/* The words as a line for people. -1: the row lacks a value, or it cannot be a word. */
int action_line(const struct ui *ui, const struct view_action *a, struct text *out, struct err *e);
/* Runs it, after a question where one is due. */
void action_start(struct ui *ui, const struct view_action *a);
/* By its key; false = there is none. */
bool action_key(struct ui *ui, int key);

#endif
