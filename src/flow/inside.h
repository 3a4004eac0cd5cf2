/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room flow: a run, and who its containers are. */
#ifndef DREDGE_FLOW_INSIDE_H
#define DREDGE_FLOW_INSIDE_H

#include "flow/flow.h"

struct flow {
	const struct flow_options *o;
	bool is_second; /* its events are those of o->second, without notices */
	struct flow_totals *totals;
	struct mesos_snapshot *names;
	uint64_t began;	 /* realtime ns */
	uint64_t looked; /* realtime ns: when tasks without containers were looked for */
	uint64_t end;	 /* ns of event time at which -M ends the run; 0 = not yet known */
	struct text notice;
	struct text changes; /* " KEY=VALUE": what was learnt last and was otherwise before */
	struct counters sample;
	struct err failure;
	bool failed;
};

/* ---- flow.c; non-zero ends the run ---- */

/* An event of what stands in f->notice. */
int flow_notice(struct flow *f, uint64_t ts);
/* Tell who records what is known of the container's interfaces by now. */
int flow_describe(struct flow *f, uint32_t container);

/* The events of one of the two, or without o->second all. 0, 1 when somebody ended it, or -1. */
int flow_run_one(const struct flow_options *o, bool is_second, struct flow_totals *totals,
		 struct err *e);

/* ---- halves.c ---- */

/* As flow_run_one, of both at the same time. */
int flow_run_both(const struct flow_options *o, struct flow_totals *totals, struct err *e);

/* ---- names.c; likewise ---- */

/* Each tick, now = realtime ns: what Mesos says anew. */
int names_turn(struct flow *f, uint64_t now);
int names_of(struct flow *f, uint32_t container);
/* One that a source told of: asks for names soon where there is none. */
int names_of_new(struct flow *f, const struct container *c);

#endif
