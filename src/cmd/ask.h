/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a dredged: on this host by its control socket, elsewhere by HTTP. */
#ifndef DREDGE_CMD_ASK_H
#define DREDGE_CMD_ASK_H

#include "base/base.h"

#define ASK_SOCKET "/run/dredge/control"

/*
 * body may be NULL. The answer's text is appended to *out. 0, or -1 with the reason that dredged
 * gives, or why it cannot be reached.
 */
int ask(const char *socket, const char *method, const char *path, const char *body,
	struct text *out, struct err *e);
/* The same; *status is the HTTP status of the answer, 0 when none came. */
int ask_status(const char *socket, const char *method, const char *path, const char *body,
	       long *status, struct text *out, struct err *e);

/* A dredged elsewhere. */
struct ask_host {
	const char *url;     /* "http://host:5053" */
	const char *token;   /* that may read, or NULL */
	const char *ca_file; /* certificates to trust for https, or NULL */
};

/* GET path?filter=FILTER (filter may be NULL). As ask. */
int ask_host(const struct ask_host *h, const char *path, const char *filter, struct text *out,
	     struct err *e);

#endif
