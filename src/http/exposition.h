/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: Prometheus' text format 0.0.4 and OpenMetrics 1.0, from the same calls. They
 * differ in what a counter's family is called, in units, and in the end.
 */
#ifndef DREDGE_HTTP_EXPOSITION_H
#define DREDGE_HTTP_EXPOSITION_H

#include "base/base.h"

enum metric_type { GAUGE, METRIC_COUNTER };

struct exposition {
	struct text *t;
	bool openmetrics;
	/* the family whose samples follow */
	const char *family;
	enum metric_type type;
};

/* name: of the family, without "_total", its unit at its end; it is the name of one family only. */
void exposition_family(struct exposition *x, const char *name, enum metric_type type,
		       const char *help);
/* The begin of a sample: labels as `a="b",c="d"`, more behind them (both may be empty); the value
 * and
 * '\n' follow. */
void exposition_begin(struct exposition *x, const char *labels, size_t n, const char *more);
/* Append a label, with a comma before it unless it is the first. */
void exposition_label(struct text *t, const char *name, const char *value);
void exposition_value(struct exposition *x, const char *labels, double value);
void exposition_count(struct exposition *x, const char *labels, uint64_t value);
const char *exposition_content_type(const struct exposition *x);
void exposition_end(struct exposition *x);

#endif
