/* SPDX-License-Identifier: Apache-2.0 */
/* dredgectl captures and status: what a dredged writes, and how it is, by its HTTP server. */
#ifndef DREDGE_CMD_CAPTURE_CLIENT_H
#define DREDGE_CMD_CAPTURE_CLIENT_H

#include "base/base.h"

#define CAPTURE_SERVER "127.0.0.1:5052"

struct capture_client {	    /* texts borrowed; each may be NULL */
	const char *server; /* as dredged's --listen ("127.0.0.1:5052", "unix:/path"), or a URL */
	const char *ca_file, *token_file;
	const char *from, *to, *format; /* of fetch */
	bool json;			/* the list as it came */
};

/* words: none (a list), start NAME [FILTER], stop NAME, rotate NAME, fetch NAME [FILTER] (to
 * standard output). */
int capture_client_run(const struct capture_client *c, char **words, struct text *out,
		       struct err *e);

/* Append the answer of /readyz, JSON. */
int capture_client_ready(const struct capture_client *c, struct text *out, struct err *e);

#endif
