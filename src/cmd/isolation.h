/* SPDX-License-Identifier: Apache-2.0 */
/* The enforcing part of dredged: its options, and its life beside the monitor's. */
#ifndef DREDGE_CMD_ISOLATION_H
#define DREDGE_CMD_ISOLATION_H

#include "isolate/ports.h"

struct isolation {
	bool wanted; /* --isolation names network/port_mapping */
	char *eth, *lo, *run_dir, *group;
	struct port_set ports, ephemeral;
	uint32_t ephemeral_per_container;
	struct control *control;
};

/* name: as on the command line, "eth0_name". */
int isolation_set(struct isolation *s, const char *name, const char *arg, struct err *e);
/* Recovers and prepares; serves requests from isolation_start on. Nothing unless wanted. */
int isolation_open(struct isolation *s, struct err *e);
int isolation_start(struct isolation *s, struct err *e);
/* What is enforced stays in the kernel. */
void isolation_close(struct isolation *s);

#endif
