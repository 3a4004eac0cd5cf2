/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/events: what happens, as server-sent events. */
#include "http/api.h"
#include "http/hub.h"

void route_events(const struct request *r, struct reply *a)
{
	const char *filter = request_argument(r, "filter");
	struct err e = {0};

	if (!r->live) {
		reply_error(a, 503, "not served here");
		return;
	}
	a->stream = hub_listen(r->live->hub, filter ? filter : "", r->last_event_id, &e);
	if (!a->stream)
		reply_error(a, e.code == ERR_USAGE ? 400 : 503, e.message);
}
