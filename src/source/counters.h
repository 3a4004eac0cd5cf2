/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples the counters of containers: of their networks (netview.h), and of
 * the cgroup files of CPU, memory, disk and processes, whose descriptors stay
 * open between samples. One thread per sampler.
 */
#ifndef DREDGE_SOURCE_COUNTERS_H
#define DREDGE_SOURCE_COUNTERS_H

#include "source/discover.h"

struct sampler;
/* Must be made in the monitor's network namespace. */
struct sampler *sampler_new(const struct source_options *o, struct err *e);
void sampler_free(struct sampler *s); /* s may be NULL */
/* Once per interval: what the host tells of all. On failure the net_* counters of this round stay
 * unknown. */
int sampler_begin(struct sampler *s, struct err *e);
/*
 * Then for each container: fills *out with what is true for it, nothing else. net_* are as the
 * container sees them: the host end's tx is its rx. A container that uses another one's
 * interfaces, or the host's, has no net_* from links. For an ended container (record.end set) it
 * gives the last counters, as far as they outlived it.
 */
void sampler_read(struct sampler *s, const struct discovered *c, struct counters *out);
/* After the last container of the round: those that are confined but not discovered, and all of
 * them to whoever wants them (source_options.statistics). */
void sampler_end(struct sampler *s);
/* Take rates, when it is time; returns the monotonic time of the next ones, UINT64_MAX = never. */
uint64_t sampler_rates(struct sampler *s, uint64_t now);
/* Close what is open for a container that ended. */
void sampler_forget(struct sampler *s, uint64_t key);

#endif
