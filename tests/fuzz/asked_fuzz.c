/* SPDX-License-Identifier: Apache-2.0 */
/* The state file of enforcement; what is taken from it is written and read again as it was. */
#include "isolate/asked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(void *ctx, const struct asked *a)
{
	if (memcmp(ctx, a, sizeof(*a)))
		abort();
}

static void again(void *ctx, const struct asked *a)
{
	char *line = asked_text(a);
	struct asked copy = *a;
	struct text t = {0};

	(void)ctx;
	asked_join(&line, 1, &t);
	if (asked_parse(text_cstr(&t), t.len, same, &copy, NULL))
		abort();
	text_done(&t);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;

	asked_parse((const char *)data, size, again, NULL, &e);
	return 0;
}
