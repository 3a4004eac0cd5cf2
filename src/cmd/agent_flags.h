/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of mesos-agent that are none of ours, so that its command line can be given as it is. */
#ifndef DREDGE_CMD_AGENT_FLAGS_H
#define DREDGE_CMD_AGENT_FLAGS_H

#include "base/base.h"

struct agent_flag {
	const char *name;
	bool truth; /* true or false, which may be left out */
};

extern const struct agent_flag agent_flags[];
extern const size_t agent_flag_count;

#endif
