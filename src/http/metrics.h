/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: the parts of /metrics. */
#ifndef DREDGE_HTTP_METRICS_H
#define DREDGE_HTTP_METRICS_H

#include "http/api.h"
#include "http/exposition.h"

void metrics_containers(struct exposition *x, const struct view *v);

#endif
