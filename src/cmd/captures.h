/* SPDX-License-Identifier: Apache-2.0 */
/* What dredged records: the capture of --write, those that clients of the HTTP server start and
 * stop, and the files of all. All of it is the event thread's. */
#ifndef DREDGE_CMD_CAPTURES_H
#define DREDGE_CMD_CAPTURES_H

#include "flow/flow.h"
#include "http/http.h"
#include "savefile/savefile.h"

/* What goes to one writer. */
struct recording {
	struct recorder recorder; /* the first member */
	struct captures *all;
	/* of those that clients started */
	struct filter *filter; /* owned */
	char *filter_text;     /* owned */
	uint64_t end;	       /* realtime ns */
	uint64_t max_bytes;    /* 0 = no limit */
};

struct captures {
	const char *dir; /* where clients may have files written, or NULL; borrowed */
	bool flows;	 /* conversations are followed: filters may ask for them */
	const struct state *state;
	struct recorder *recorders; /* the newest first; dredged's own is the last */
	unsigned started;
	struct captured {
		struct capture_file file;	   /* texts owned */
		const struct recording *recording; /* that writes it, or NULL */
	} * items;				   /* the oldest first */
	size_t n, cap;
	struct capture_file *told; /* as long as items */
};

/* dredged's own capture, which lasts; NULL on failure. */
struct writer *captures_open(struct captures *c, const struct writer_options *o, struct err *e);
/* As capture_taker. */
unsigned captures_order(void *ctx, struct capture_order *o, struct err *e);
/* Tells of trouble, and ends what is over. */
void captures_tick(struct captures *c, uint64_t now);
/* The list as of now, borrowed until the next call. */
void captures_tell(struct captures *c, struct health *h);
/* Ends all of them. */
int captures_close(struct captures *c, struct err *e);

#endif
