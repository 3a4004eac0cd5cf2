/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: counters in the names and the shape of Mesos' ResourceStatistics. */
#ifndef DREDGE_HTTP_STATISTICS_H
#define DREDGE_HTTP_STATISTICS_H

#include <jansson.h>

#include "http/http.h"

/* {"id":..., "container_id":..., "statistics":{...}}, owned by the caller. What was not sampled is
 * absent. Mesos gives its endpoint /monitor/statistics the same members. */
json_t *statistics_json(const struct control_sample *s);

#endif
