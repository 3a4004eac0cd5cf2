/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_CMD_STATS_TABLE_H
#define DREDGE_CMD_STATS_TABLE_H

#include "base/base.h"

/* The answer to GET /v1/statistics, or to that of one container, as a line for each container. */
void stats_table(const char *json, struct text *out);

#endif
