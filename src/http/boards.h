/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: views that somebody asks for. Their tables are filled on
 * the event thread from the first question on until a minute after the last
 * one; once a second their rows are printed, for whoever asks.
 */
#ifndef DREDGE_HTTP_BOARDS_H
#define DREDGE_HTTP_BOARDS_H

#include "http/stream.h"
#include "view/view.h"

#define BOARDS_MAX	  8u /* different questions at once */
#define BOARD_ROWS_MAX	  1000u
#define BOARD_KEEP_NS	  (60 * NSEC_PER_SEC)
#define BOARD_WAITING_MAX 64u

struct boards;
struct boards *boards_new(void);
void boards_free(struct boards *b); /* when nobody waits any more; b may be NULL */
/* Before anybody asks; borrowed. */
void boards_set_views(struct boards *b, const struct views *views);
const struct views *boards_views(const struct boards *b); /* NULL = none were given */

/* ---- the event thread ---- */

void boards_put(struct boards *b, struct context *c);
/* Once a second, now = realtime ns. */
void boards_tick(struct boards *b, uint64_t now);

/* ---- the threads of the server ---- */

/*
 * The rows of a view in a format; the stream begins when they are there, in two seconds at most.
 * filter may be NULL. NULL: no such view or a bad filter (ERR_USAGE), or too many ask (ERR_FAILED).
 */
struct stream *boards_ask(struct boards *b, const char *view, const char *filter,
			  enum table_format format, struct err *e);

#endif
