/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_CMD_LIST_TABLE_H
#define DREDGE_CMD_LIST_TABLE_H

#include "base/base.h"

/* The answer to GET /v1/isolation as a line for each container, and one of what is free. */
void list_table(const char *json, struct text *out);

#endif
