/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the HTTP server: whatever is in them, there is a reply with a status. A target, or
 * "METHOD target", and the body on the lines below. */
#include <stdlib.h>

#include "http/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct view_item item;
	static struct capture_file file = {.name = "shop.pcapng.lz4", .path = "/nowhere"};
	static struct view view = {
		.items = &item, .n = 1, .captures = &file, .health.capture_count = 1};
	cleanup_free char *all = xmalloc(size + 1);
	struct text body = {0};
	struct reply a = {0};
	struct ask ask = {.target = all, .body = &body};

	memcpy(all, data, size);
	all[size] = '\0';
	char *end = strchr(all, '\n');
	if (end) {
		*end = '\0';
		text_put(&body, end + 1, size - (size_t)(end + 1 - all));
	}
	char *blank = strchr(all, ' ');
	if (blank) {
		*blank = '\0';
		ask.method = all;
		ask.target = blank + 1;
	}

	item.c.meta[META_CONTAINER] = (char *)"c0ffee";
	item.c.meta[META_APP] = (char *)"/shop/web";
	item.c.meta[META_TASK] = (char *)"web.1";
	item.c.meta[META_PORTS] = (char *)"31000-31003";
	item.c.meta[META_TASK_LABELS] = (char *)"a=b%25\nc";
	counters_set(&item.c.counters, COUNTER_NET_RX_BYTES, 7);
	api_reply(&view, &ask, &a);
	if (a.status < 200 || a.status > 503)
		abort();
	text_done(&a.body);
	text_done(&body);
	return 0;
}
