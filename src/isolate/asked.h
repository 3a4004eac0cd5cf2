/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for each container, as text: the content of the state file. */
#ifndef DREDGE_ISOLATE_ASKED_H
#define DREDGE_ISOLATE_ASKED_H

#include "isolate/datapath.h"
#include "isolate/ports.h"
#include "isolate/shaping.h"

/* 65535 ports in ranges of one, and as many containers as there can be, are 2.5 MB. */
#define ASKED_BYTES_MAX (4u << 20)
#define ASKED_CPUS_MAX	(UINT32_MAX / 1000.0) /* as the port table has them */

struct asked {
	char id[DP_ID_SIZE];   /* id_valid */
	uint32_t slot;	       /* 1 to DP_SLOTS - 1 */
	struct port_set ports; /* without the ephemeral ones */
	uint32_t ephemeral_begin, ephemeral_end;
	uint64_t until, begun; /* as in struct dp_container */
	double cpus;	       /* 0 to ASKED_CPUS_MAX; 0 = nobody said */
	struct shape egress, ingress;
};

int id_valid(const char *id, struct err *e);
/* One container, in one line; owned by the caller. */
char *asked_text(const struct asked *a);
/* The whole file, of n such lines; NULL among them is none. */
void asked_join(char *const lines[], size_t n, struct text *out);
/*
 * A whole file; each is borrowed for its call. All or nothing: fn sees no container of a file in
 * which anything is wrong. Whether two of them are in each other's way is left to the caller.
 */
int asked_parse(const char *text, size_t n, void (*fn)(void *ctx, const struct asked *a), void *ctx,
		struct err *e);

#endif
