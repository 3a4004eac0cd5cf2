/* SPDX-License-Identifier: Apache-2.0 */
/* The files that dredged writes: what the HTTP server knows of them. All of it is the event
 * thread's. */
#ifndef DREDGE_CMD_CAPTURES_H
#define DREDGE_CMD_CAPTURES_H

#include "http/http.h"
#include "savefile/savefile.h"

/* What goes to one writer. */
struct recording {
	struct captures *all;
	struct writer *writer;
};

struct captures {
	struct captured {
		struct capture_file file;	   /* texts owned */
		const struct recording *recording; /* that writes it, or NULL */
	} * items;				   /* the oldest first */
	size_t n, cap;
	struct capture_file *told; /* as long as items */
	struct recording main;	   /* dredged's own, which is there from the start */
};

/* As writer_options.on_file; ctx is a struct recording. */
void captures_on_file(void *ctx, const char *path, const char *hidden);
/* The list as of now, borrowed until the next call. */
void captures_tell(struct captures *c, struct health *h);
void captures_done(struct captures *c);

#endif
