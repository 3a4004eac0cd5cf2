/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as the name of a cgroup and as the environment of a process. */
#include "source/cgroup.h"
#include "source/process.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_id out;
	char *path = xstrndup((const char *)data, size);
	if (cgroup_identify(path, "mesos", &out) &&
	    (!out.id[0] || !out.runtime || strlen(out.id) >= CGROUP_ID_SIZE ||
	     strncmp(out.parent, out.id, strlen(out.parent)) != 0))
		abort();
	free(path);

	struct identity id = {0};
	identity_environ(&id, (const char *)data, size);
	for (size_t i = 0; i < META_KEYS; i++)
		if (id.meta[i] && !id.meta[i][0])
			abort();
	identity_done(&id);
	return 0;
}
