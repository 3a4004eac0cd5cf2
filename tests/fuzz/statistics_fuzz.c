/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of /proc/net: they come from the kernel, but a file system may stand in for it. */
#include <stdlib.h>

#include "source/statistics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	struct counters c = {0};

	snmp_parse(text, &c);
	sockstat_parse(text, &c);
	return 0;
}
