/* SPDX-License-Identifier: Apache-2.0 */
/* The enforcing part of dredged: its life beside the monitor's. */
#ifndef DREDGE_CMD_ISOLATION_H
#define DREDGE_CMD_ISOLATION_H

#include "isolate/config.h"

struct control;
struct desired;
struct isolate_event;
struct message;
struct message_box;
struct statistics;

struct isolation_listeners {
	struct message_box *box;       /* gets what happens */
	struct statistics *statistics; /* get who is confined, and give the samples */
	struct desired *desired;       /* gives ports and names */
};

/* Recovers and prepares; serves requests from isolation_start on. *control stays NULL unless
 * network/port_mapping is wanted. listeners are borrowed. */
int isolation_open(struct isolate_config *c, struct isolation_listeners *listeners,
		   struct control **control, struct err *e);
/* Hold the flags against the host; as isolate_config_check. */
int isolation_check(struct isolate_config *c, struct text *notices, struct err *e);
/* Of the public interface, bytes/s; 0 = it tells none. */
uint64_t isolation_link_speed(const struct isolate_config *c);
int isolation_start(struct control *control, struct err *e);
/* What is enforced stays in the kernel. */
void isolation_close(struct control *control);
/* The notice of it, with the counters where they are known. now: realtime ns. */
struct message *isolation_message(const struct isolate_event *ev, uint64_t now);

#endif
