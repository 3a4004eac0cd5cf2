/* SPDX-License-Identifier: Apache-2.0 */
/* The enforcing part of dredged: its life beside the monitor's. */
#ifndef DREDGE_CMD_ISOLATION_H
#define DREDGE_CMD_ISOLATION_H

#include "isolate/config.h"

struct control;
struct isolate_event;
struct message;
struct message_box;

/* Recovers and prepares; serves requests from isolation_start on. *control stays NULL unless
 * network/port_mapping is wanted. What happens is posted to the box. */
int isolation_open(struct isolate_config *c, struct message_box *box, struct control **control,
		   struct err *e);
int isolation_start(struct control *control, struct err *e);
/* What is enforced stays in the kernel. */
void isolation_close(struct control *control);
/* The notice of it, with the counters where they are known. now: realtime ns. */
struct message *isolation_message(const struct isolate_event *ev, uint64_t now);

#endif
