/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_CMD_OVERLAP_H
#define DREDGE_CMD_OVERLAP_H

#include "isolate/ports.h"

/* Ports of the pool on which processes of this host wait: a line "port 31000 (TCP): nginx, process
 * 4711" for each. The process is left out where it cannot be told. */
int overlap_text(const struct port_set *pool, struct text *lines, struct err *e);

#endif
