/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: what is known of the containers that are alive, as of one
 * moment. Made by the event thread, immutable, read by the threads of the
 * server; counted, so that each lets go of it when it likes.
 */
#ifndef DREDGE_HTTP_VIEW_H
#define DREDGE_HTTP_VIEW_H

#include "http/http.h"
#include "mesos/mesos.h"

/* Between the two newest samples, per second. */
struct rates {
	bool known;
	double rx_bytes, tx_bytes, rx_packets, tx_packets, cpus;
};

struct view_item {
	struct container c; /* strings of the view */
	struct iface iface; /* the first of its own, where record.name is set */
	struct rates rates;
};

struct view {
	atomic_uint refs;
	uint64_t time; /* realtime ns */
	struct health health;
	struct view_item *items; /* owned */
	size_t n;
	struct capture_file *captures; /* owned; health.capture_count of them */
	char *strings;		       /* owned: of all */
	struct mesos_snapshot *names;  /* owned: of the whole cluster; NULL = none known */
	struct attribution rungs[ATTRIBUTIONS];
	size_t rung_count;
};

/* What is remembered of the sample before, by the index of the container; all zero at first. */
struct past {
	struct past_sample {
		uint64_t sampled;
		uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, cpu;
		struct rates rates;
	} * of; /* owned */
	size_t n, cap;
};

struct view *view_new(const struct state *s, const struct health *h, struct past *past,
		      uint64_t now);
struct view *view_ref(struct view *s);
void view_unref(struct view *s); /* s may be NULL */

#endif
