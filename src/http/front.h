/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: connections until the head of their first request is whole. It stays in the
 * socket meanwhile, so that who is slow keeps no memory of ours; what is malformed is refused here.
 */
#ifndef DREDGE_HTTP_FRONT_H
#define DREDGE_HTTP_FRONT_H

#include "base/base.h"

#include <sys/socket.h>

struct front_options {
	int listening; /* borrowed; others may accept from it too */
	bool blind;    /* heads are not to be seen: they are encrypted */
	/* Gets the descriptor. */
	void (*take)(void *ctx, int fd, const struct sockaddr *address, socklen_t n);
	bool (*is_full)(void *ctx); /* no more for now: they wait in the listening socket */
	void *ctx;
};

struct front;
struct front *front_open(const struct front_options *o, struct err *e);
int front_fd(const struct front *f); /* readable: call front_turn; and that twice a second */
void front_turn(struct front *f);
void front_close(struct front *f); /* f may be NULL */
/* Says why a client is not served; nothing else can be said to it afterwards. */
void front_refuse(int fd, unsigned status, const char *why);

#endif
