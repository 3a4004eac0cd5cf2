/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: what a client wants of the event thread, and its answer. */
#ifndef DREDGE_HTTP_ORDERS_H
#define DREDGE_HTTP_ORDERS_H

#include "http/http.h"
#include "http/stream.h"

struct capture_command;

struct orders {
	_Atomic(struct capture_command *) newest;
};

/* The stream that has the answer. Takes what *o owns. NULL: no descriptor. */
struct stream *orders_post(struct orders *all, struct capture_order *o, struct err *e);
/* On the event thread: all that wait, each once; whether there were any. */
bool orders_take(struct orders *all, capture_taker *take, void *ctx);
void orders_done(struct orders *all); /* nobody takes them any more */
void capture_order_done(struct capture_order *o);

#endif
