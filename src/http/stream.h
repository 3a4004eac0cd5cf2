/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: an answer that is not there yet, or whose end is not known.
 * Every call comes from the thread that serves the client; none waits. Whoever
 * makes the bytes makes fd readable when there is something new.
 */
#ifndef DREDGE_HTTP_STREAM_H
#define DREDGE_HTTP_STREAM_H

#include "base/base.h"

#include <sys/types.h>

struct reply;
struct stream;

enum { STREAM_END = -1, STREAM_FAILED = -2 };

struct stream_kind {
	/* False: not yet. True: *a says it all, or, where a->stream is set, how it begins. */
	bool (*begin)(struct stream *s, struct reply *a);
	/* Up to n bytes; 0 = none now, STREAM_END, STREAM_FAILED (the client sees it cut). */
	ssize_t (*read)(struct stream *s, char *to, size_t n);
	void (*close)(struct stream *s); /* and free; fd too */
	int socket_bytes;		 /* that may wait in the kernel; 0 = what it likes */
};

struct stream {
	const struct stream_kind *kind;
	int fd; /* to be watched, edge-triggered */
};

#endif
