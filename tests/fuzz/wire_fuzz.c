/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses RecordIO, server-sent events or a leader's node; the rest is its bytes.
 * Streams come in two pieces, cut where the second byte says, and give the same as in one.
 */
#include "mesos/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_MESSAGE 512u

static int next(bool sse, struct cursor *c, struct text *all)
{
	struct text event = {0};
	const char *record;
	struct err e = {0};
	size_t n;

	if (!sse) {
		int rc = recordio_next(c, MAX_MESSAGE, &record, &n, &e);
		if (rc > 0)
			text_put(all, record, n);
		return rc;
	}
	int rc = sse_next(c, MAX_MESSAGE, &event, &e);
	if (rc > 0)
		text_put(all, event.data, event.len);
	text_done(&event);
	return rc;
}

/* What came so far, then the rest, each byte in a place of its own size. */
static int run(bool sse, const uint8_t *data, size_t size, size_t cut, struct text *all)
{
	size_t used = 0;
	int rc = 0;

	for (size_t end = cut;; end = size) {
		uint8_t *copy = xmalloc(end - used + !(end - used));
		memcpy(copy, data + used, end - used);
		struct cursor c = cursor_of(copy, end - used);
		while ((rc = next(sse, &c, all)) > 0)
			;
		used += (size_t)(c.pos - copy);
		free(copy);
		if (rc < 0 || end == size)
			return rc;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text a = {0}, b = {0};
	struct err e = {0};

	if (size < 2)
		return 0;
	bool sse = data[0] % 3 == 1;
	size_t n = size - 2, cut = n ? data[1] * n / 255 : 0;
	if (data[0] % 3 == 2) {
		if (master_info_address(data + 2, n, &a, &e) && !e.message[0])
			abort();
	} else if (run(sse, data + 2, n, n, &a) == 0) {
		/* A stream that is found too long as a whole may be found so only in the end. */
		if (run(sse, data + 2, n, cut, &b) == 0 &&
		    (a.len != b.len || (a.len && memcmp(a.data, b.data, a.len))))
			abort();
	}
	text_done(&a);
	text_done(&b);
	return 0;
}
