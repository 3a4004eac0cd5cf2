/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: the rules by which texts of /proc/net, round trip times
 * and counters of links become counters of a container. They ask nobody and
 * know no clock.
 */
#ifndef DREDGE_SOURCE_STATISTICS_H
#define DREDGE_SOURCE_STATISTICS_H

#include "event/event.h"

/* The text of /proc/net/sockstat (NUL-terminated): connections in use and in TIME_WAIT. */
void sockstat_parse(const char *text, struct counters *out);
/*
 * The text of /proc/net/snmp (NUL-terminated): pairs of lines, names and values. Columns that are
 * not known are left out; a pair that is malformed (other words, too few values, no numbers) gives
 * what stands before the fault, and the next pair is read all the same.
 */
void snmp_parse(const char *text, struct counters *out);
/* Percentiles 50, 90, 95, 99 of n times, which get sorted: p is element n*p/100. false: n is 0. */
#define RTT_PERCENTILES 4
bool rtt_percentiles(uint32_t *rtt, size_t n, uint32_t out[RTT_PERCENTILES]);

/* ---- rates of the eight counters of links ---- */

#define RATE_SERIES (COUNTER_NET_TX_DROPPED + 1) /* in the order of the counters net_* */
#define RATE_POINTS 1024u			 /* kept at most */
#define RATE_LEAST  3u

struct rates;
/* window and interval in ns: so many points are kept as intervals fit, RATE_LEAST at least. */
struct rates *rates_new(uint64_t window, uint64_t interval);
void rates_free(struct rates *r); /* r may be NULL */
/* net_*, as the container sees them, at a monotonic time. What lies further back than the window
 * is forgotten. A counter that goes backwards begins anew: no rate comes of it. */
void rates_add(struct rates *r, uint64_t ts, const struct counters *c);
/* Of each series min, max, percentiles (interpolated at p*(n-1)) and n; nothing below 2 points. */
void rates_tell(const struct rates *r, struct counters *out);
/* The time between two points: the interval, or more where the window would hold too many. */
uint64_t rates_step(uint64_t window, uint64_t interval);

#endif
