/* SPDX-License-Identifier: Apache-2.0 */
/* dredgectl status: how a dredged is, for people. */
#ifndef DREDGE_CMD_STATUS_H
#define DREDGE_CMD_STATUS_H

#include "base/base.h"

/* From the answer of /readyz. 0, or -1 with the reason when it is not ready. */
int status_text(const char *json, struct text *out, struct err *e);

#endif
