/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests: a verdict holds whatever follows, and a refusal has a reason. */
#include <stdlib.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = MIN(size, HEAD_MAX), part = n ? hash_bytes(data, n) % n : 0;
	cleanup_free char *whole = xmalloc(n + 1);
	const char *why;

	memcpy(whole, data, n);
	unsigned status = head_check(whole, n, &why);
	if ((status >= 400) != (why != NULL) || (status && status < 200))
		abort();
	unsigned before = head_check(whole, part, &why);
	if (before && before != status)
		abort();
	return 0;
}
