/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: where the control socket and the server listen. */
#ifndef DREDGE_HTTP_LISTEN_H
#define DREDGE_HTTP_LISTEN_H

#include "http/access.h"
#include "http/http.h"

#define LISTEN_UNIX "unix:"

/* A socket for root and the group (NULL = nobody beside root). A socket at the path is taken away,
 * unless somebody serves there. Descriptors do not block; -1 with the reason. */
int listen_unix(const char *path, const char *group, struct err *e);
/* Where "unix:PATH", "ADDRESS:PORT" or "[ADDRESS]:PORT" is. -1: it is none of these. */
int listen_where(const char *address, struct err *e);
/* The latter two. Adds to *where what a client must ask, without "http://". */
int listen_tcp(const char *address, struct text *where, struct err *e);

#endif
