/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: a reply as it is sent; immutable and counted, so that any
 * number of connections on several threads share its one copy.
 */
#ifndef DREDGE_HTTP_BODY_H
#define DREDGE_HTTP_BODY_H

#include "http/api.h"

struct MHD_Response;

struct body {
	atomic_uint refs;
	unsigned status;
	struct MHD_Response *response; /* owned; connections hold it on their own */
	char etag[20];		       /* "\"0123456789abcdef\"" */
};

/* Takes the text of the reply over. */
struct body *body_new(struct reply *a);
struct body *body_error(unsigned status, const char *why);
struct body *body_ref(struct body *b);
void body_unref(struct body *b); /* b may be NULL */
/* Bytes of all that are alive, those that slow clients still hold included. */
size_t bodies_alive(void);

#endif
