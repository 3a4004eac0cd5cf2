/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/views: the views there are, and the rows of one as of the last second. */
#include "http/api.h"
#include "http/boards.h"

void route_views(const struct request *r, struct reply *a)
{
	const char *format = request_argument(r, "format");
	enum table_format how = TABLE_JSON;
	struct err e = {0};

	if (!r->live || !boards_views(r->live->boards)) {
		reply_error(a, 503, "not served here");
	} else if (format && table_format_parse(format, &how, &e)) {
		reply_error(a, 400, e.message);
	} else if (!r->id) {
		views_print(boards_views(r->live->boards), how != TABLE_TEXT, &a->body);
		a->type = how == TABLE_TEXT ? "text/plain; charset=utf-8" : NULL;
	} else {
		a->stream = boards_ask(r->live->boards, r->id, request_argument(r, "filter"), how,
				       &e);
		if (!a->stream)
			reply_error(a, e.code == ERR_USAGE ? 400 : 503, e.message);
	}
}
