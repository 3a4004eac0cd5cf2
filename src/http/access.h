/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: who may ask. A unix socket is guarded by its mode. On
 * loopback everybody of this host may read, and nobody may change anything,
 * unless there are tokens; then these decide (RFC 6750: "Authorization: Bearer
 * TOKEN"). Other addresses are served with TLS and tokens only.
 */
#ifndef DREDGE_HTTP_ACCESS_H
#define DREDGE_HTTP_ACCESS_H

#include "base/base.h"

#define TOKEN_MIN  16u /* characters */
#define TOKEN_MAX  255u
#define TOKENS_MAX 64u

enum where { AT_SOCKET, AT_LOOPBACK, ANYWHERE };

struct token {
	bool control;		  /* else to read only */
	char text[TOKEN_MAX + 1]; /* zeros behind it */
};

struct access {
	enum where where;
	size_t n;
	struct token *tokens;	 /* owned */
	char *certificate, *key; /* PEM; owned; NULL = no TLS */
};

struct access_files { /* each may be NULL */
	const char *certificate, *key, *tokens;
};

/* *a is all zero but for where. access_done in either case. */
int access_load(struct access *a, const struct access_files *files, struct err *e);
void access_done(struct access *a); /* what is secret is wiped */
/* Lines "read TOKEN" and "control TOKEN"; name: for messages, which show no token. */
int access_tokens(struct access *a, const char *text, const char *name, struct err *e);
/*
 * 200, or the status of a refusal with *why: 401 no token that is known, 403 not for this one,
 * 421 a name that is not of this host (a page of the web that had its name point here). host and
 * authorization: headers, or NULL.
 */
unsigned access_check(const struct access *a, bool control, const char *host,
		      const char *authorization, const char **why);

#endif
