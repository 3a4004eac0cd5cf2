/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: counters in the names and the shape of Mesos' ResourceStatistics. */
#ifndef DREDGE_HTTP_STATISTICS_H
#define DREDGE_HTTP_STATISTICS_H

#include "event/event.h"

/*
 * {"timestamp":..., "net_rx_bytes":..., ...}. What was not sampled is absent. The one renderer of
 * counters: the control socket, /monitor/statistics, /containers and /v1 have the same members.
 */
void statistics_text(struct text *t, uint64_t ts, const struct counters *c);

/* "text" quoted, or null. */
void text_quoted(struct text *t, const char *s);

#endif
