/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: requests of the server and their replies, without sockets
 * and threads. A route is one row in routes.c and a function; it sees an
 * immutable view and writes text.
 */
#ifndef DREDGE_HTTP_API_H
#define DREDGE_HTTP_API_H

#include "http/extract.h"
#include "http/statistics.h"
#include "http/view.h"

#define API_TARGET_MAX 8192u /* bytes of a request target */
#define API_ARGUMENTS  16u

/* What routes with more than a view need of the server. */
struct live {
	struct extracts *extracts;
	struct hub *hub;
	struct orders *orders;
	struct boards *boards;
};

/* What a client asks, as far as replies depend on it. */
struct ask {
	const char *method; /* NULL = GET */
	const char *target;
	const struct text *body;   /* of POST, or NULL */
	struct live *live;	   /* only where api_is_live */
	const char *last_event_id; /* of server-sent events, or NULL */
	bool openmetrics; /* it would rather have OpenMetrics than Prometheus' text format */
};

struct request {
	char *path;	/* owned, as all texts here; percent-decoded */
	const char *id; /* what follows the route's path, without its first '/'; NULL = nothing */
	struct api_argument {
		char *name, *value;
	} arguments[API_ARGUMENTS];
	size_t n;
	bool openmetrics;
	const char *last_event_id;
	const char *method;
	const struct text *body; /* of POST, or NULL */
	const struct view *view; /* never NULL in routes */
	struct live *live;	 /* NULL where there is no server */
};

struct reply {
	unsigned status;
	const char *type;      /* of the content; NULL = JSON */
	struct text body;      /* owned by the caller */
	struct stream *stream; /* owned by the caller; it has the answer instead, of api_is_live */
};

/* The value of an argument, or NULL. */
const char *request_argument(const struct request *r, const char *name);
/* {"error":"why"}. */
void reply_error(struct reply *a, unsigned status, const char *why);
/* By the Accept header, which may be NULL (RFC 9110, 12.5.1). */
bool api_wants_openmetrics(const char *accept);
/* The reply, whatever is asked; view NULL = nothing is known yet. Any thread. */
void api_reply(const struct view *view, const struct ask *ask, struct reply *a);

/* Targets that are asked for again and again, and worth to be made ahead. */
#define PREPARED 4u
extern const struct ask api_prepared[PREPARED];
/* Whether the reply is small and made in no time. */
bool api_is_light(const char *target);
/* Whether the reply may be a stream: it is asked for by the thread that serves the client, takes no
 * time, and is nobody else's. */
bool api_is_live(const char *target);

/* ---- routes ---- */

#define ROUTE_CHANGES 3u

struct route {
	const char *path;
	bool ids; /* an id may follow */
	enum {
		HEAVY,
		LIGHT /* takes no time */,
		LIVE,
		CONTROL /* LIVE, and not only to be read */
	} pace;
	const char *arguments; /* those there are, each with a blank behind; NULL = any, ignored */
	void (*run)(const struct request *r, struct reply *a);
	const char *text;
	const char *type; /* of the content; NULL = JSON */
	struct {
		const char *method, *behind, *text; /* behind the path; method NULL = no more */
		const char *body;		    /* JSON schema, or NULL */
	} changes[ROUTE_CHANGES];
};

extern const struct route api_routes[];
extern const size_t api_route_count;

void route_describe(const struct request *r, struct reply *a);
void route_statistics(const struct request *r, struct reply *a);
void route_containers(const struct request *r, struct reply *a);
void route_health(const struct request *r, struct reply *a);
void route_ready(const struct request *r, struct reply *a);
void route_metrics(const struct request *r, struct reply *a);
void route_groups(const struct request *r, struct reply *a);
void route_rows(const struct request *r, struct reply *a);
void route_captures(const struct request *r, struct reply *a);
void route_views(const struct request *r, struct reply *a);
void route_events(const struct request *r, struct reply *a);

#endif
