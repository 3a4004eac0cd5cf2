/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of a container out of the flags of Mesos' isolator and its cpus. */
#ifndef DREDGE_ISOLATE_SHAPING_H
#define DREDGE_ISOLATE_SHAPING_H

#include "base/base.h"

#define SHAPE_FLOOR    125000u /* bytes/s: 1 Mbit/s, where no minimum is given */
#define SHAPE_CPUS_MAX 65536u  /* more are taken for these */

struct shape { /* bytes/s and bytes; rate 0 = no limit, ceil 0 = the rate, burst 0 = computed */
	uint64_t rate, ceil, burst;
};

struct limit_flags {	   /* of one direction; 0 = not given, or no limit */
	uint64_t rate;	   /* {egress,ingress}_rate_limit_per_container */
	uint64_t per_cpu;  /* {egress,ingress}_rate_per_cpu */
	bool per_cpu_auto; /* ... is "auto": per_cpu is to be computed */
	uint64_t minimum, maximum, ceil, burst;
	bool no_floor; /* a minimum was given, be it 0 */
};

/*
 * cpus: of the container, cut to whole ones. Mesos turns a rate of 0 into its minimum; here it is
 * no limit. Less than one cpu is not 'no limit': it gets SHAPE_FLOOR whatever the minimum. ceil
 * counts only above the rate, burst only with ceil.
 */
struct shape shape_for(const struct limit_flags *f, double cpus);

/* "37500KB": digits and a unit B, KB, MB, GB or TB, powers of 1024; no unit is bytes. */
int bytes_parse(const char *text, uint64_t *out, struct err *e);

#endif
