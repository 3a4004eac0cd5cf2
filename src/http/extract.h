/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: packets out of a capture. Each extract has a thread with a
 * reader of its own, which sends what passes into a pipe: the pipe is all that
 * a client who does not read can fill.
 */
#ifndef DREDGE_HTTP_EXTRACT_H
#define DREDGE_HTTP_EXTRACT_H

#include "filter/filter.h"
#include "http/stream.h"

#include <pthread.h>

#define EXTRACTS_MAX 4u /* at once; each may hold two windows of a file, 48 MB */

struct extracts { /* of a server */
	pthread_mutex_t lock;
	pthread_cond_t gone;
	unsigned running;
	bool over;		     /* no new ones */
	atomic_bool stop;	     /* all of them */
	void (*thread_begins)(void); /* of each thread, first of all; may be NULL */
};

struct extract_wish {
	int fd;		       /* of the file; taken over */
	const char *name;      /* for messages */
	uint64_t bytes;	       /* of the file that are looked at */
	struct filter *filter; /* taken over; NULL = everything */
	uint64_t from, to;     /* ns, both inclusive; 0 and 0 = all */
	const char *format;    /* a name of extract_formats */
};

struct extract_format {
	const char *name, *type; /* of the content */
};
extern const struct extract_format extract_formats[]; /* the first is the usual one; NULL ends */

void extracts_init(struct extracts *all);
/* Ends all, and waits until they have. */
void extracts_done(struct extracts *all);
/* NULL: too many at once, or no thread; what the wish has is freed then, too. */
struct stream *extract_open(struct extracts *all, const struct extract_wish *wish, struct err *e);

#endif
