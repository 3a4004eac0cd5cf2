/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room cmd: what dredge answers without a run: of itself, its fields, a filter, a capture.
 */
#ifndef DREDGE_CMD_ABOUT_H
#define DREDGE_CMD_ABOUT_H

#include "cmd/dredge_options.h"

#define ABOUT_NOTHING 1

/* Appends the answer to what the settings ask for, words being the filter. 0, or -1 with what could
 * be told of it; ABOUT_NOTHING: there is a run to make. */
int about(const struct settings *s, const char *words, struct text *out, struct err *e);

#endif
