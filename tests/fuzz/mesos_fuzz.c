/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the kind of answer; the rest is its text. Then the snapshot is asked. */
#include "mesos/mesos.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const add[])(struct mesos_builder * b, const char *text, size_t n,
				  struct err *e) = {
		mesos_add_master_state,	   mesos_add_agent_containers, mesos_add_agent_state,
		mesos_add_marathon_groups, mesos_add_marathon_apps,    mesos_add_v1,
	};
	const char *meta[META_KEYS] = {0};
	struct err e = {0};

	if (!size)
		return 0;
	struct mesos_builder *b = mesos_builder_new(1);
	if (add[data[0] % ARRAY_SIZE(add)](b, (const char *)data + 1, size - 1, &e) &&
	    !e.message[0])
		abort();
	struct mesos_snapshot *s = mesos_builder_finish(b);
	char *name = xstrndup((const char *)data + 1, size - 1);
	mesos_lookup(s, name, name, name, meta);
	if (meta[META_CONTAINER])
		abort();
	free(name);
	mesos_snapshot_free(s);
	return 0;
}
