/* SPDX-License-Identifier: Apache-2.0 */
/* The enforcing part of dredged: its life beside the monitor's. */
#ifndef DREDGE_CMD_ISOLATION_H
#define DREDGE_CMD_ISOLATION_H

#include "isolate/config.h"

struct control;

/* Recovers and prepares; serves requests from isolation_start on. *control stays NULL unless
 * network/port_mapping is wanted. */
int isolation_open(struct isolate_config *c, struct control **control, struct err *e);
int isolation_start(struct control *control, struct err *e);
/* What is enforced stays in the kernel. */
void isolation_close(struct control *control);

#endif
