/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: the connections of a worker that libmicrohttpd has. */
#ifndef DREDGE_HTTP_PEERS_H
#define DREDGE_HTTP_PEERS_H

#include "base/base.h"

struct peer {
	struct peer *next, **at;
	int fd;
	uint64_t since;	  /* monotonic ns: when it began, or its last request ended */
	uint64_t in, out; /* bytes that TCP had carried by its last request, and by the answer */
	bool failed;	  /* that request: it is closed for that */
	bool streams;	  /* what it is sent has no end */
};

struct peers {
	bool encrypted; /* nothing can be said to them from here */
	struct peer *all;
	unsigned n;
};

struct peer *peer_add(struct peers *all, int fd);
/* Of a request some came, or all: before its answer. */
void peer_asked(struct peer *p);
/* A request was answered, or given up. */
void peer_answered(struct peer *p, bool well);
/* Before its descriptor is closed. libmicrohttpd drops what comes behind a request and has no
   method, or no blank, without a word (0.9.75: parse_initial_message_line); such a peer is told
   here. */
void peer_remove(struct peers *all, struct peer *p);
/* Who sends or reads a byte now and then keeps nothing for ever. */
void peers_leave_the_slow(struct peers *all);

#endif
