/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_ISOLATE_SHAPING_H
#define DREDGE_ISOLATE_SHAPING_H

#include "base/base.h"

struct shape { /* bytes/s and bytes; rate 0 = no limit, ceil 0 = the rate, burst 0 = computed */
	uint64_t rate, ceil, burst;
};

#endif
