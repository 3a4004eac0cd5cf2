/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room source: where events come from. A kind is one row in sources.c and a
 * file of its own: capture files, the live system, the synthetic generator.
 * The flow opens one and runs it into a sink; the thread that runs it is the
 * event thread.
 */
#ifndef DREDGE_SOURCE_H
#define DREDGE_SOURCE_H

#include "event/event.h"
#include "savefile/savefile.h"

/* A container whose ports and rates somebody enforces here, who knows what no look can tell. */
struct confined {
	char id[128];
	char *netns;	  /* path of its namespace; owned */
	uint32_t ifindex; /* host end of its interface */
	uint32_t slot;	  /* minor number of its class on the shaper */
	uint32_t ephemeral_begin, ephemeral_end;
	struct confined_shape {
		uint64_t rate, ceil, burst; /* bytes/s and bytes; 0 = none */
	} tx, rx;			    /* as the container sees it */
};

struct confined_list {
	uint32_t shaper; /* the link with the classes of their egress, 0 = none */
	size_t n, cap;
	struct confined *items; /* owned */
};
void confined_list_free(struct confined_list *l); /* l may be NULL */

struct sample {		     /* the counters of one container */
	char id[128];	     /* as confined, else as found */
	char container[128]; /* as found; empty = it was not */
	struct counters counters;
};

struct sample_list {
	uint64_t ts; /* CLOCK_REALTIME ns */
	size_t n, cap;
	struct sample *items;
};
void sample_list_free(struct sample_list *l); /* l may be NULL */

/* What of chapter "statistics" of Mesos' port mapping isolator is sampled beside the rest. */
struct statistics_options {
	bool sockets; /* connections, TIME_WAIT */
	bool rtt;     /* percentiles of the round trip times */
	bool snmp;
	uint64_t rate_window, rate_interval; /* ns; 0 = no rates */
	/* Called by the event thread, or NULL: the newest list when there is a newer one (owned by
	 * the caller), and all samples of a round (owned by the callee). */
	struct confined_list *(*confined)(void *ctx);
	void (*publish)(void *ctx, struct sample_list *l);
	void *ctx;
};

struct source_options {
	unsigned snaplen;	   /* bytes per packet, 0 = all */
	unsigned sample;	   /* keep 1 in N packets, by a hash of the packet; 0 or 1 = all */
	uint64_t counter_interval; /* ns between counter samples; 0 = one second; UINT64_MAX = never
				    */
	size_t ring_bytes;	   /* 0 = default */
	const char *capture_filter; /* pcap-filter(7) expression applied in the kernel, or NULL */
	const char *cgroup_root;    /* "/sys/fs/cgroup" when NULL */
	const char *proc_root;	    /* "/proc" when NULL */
	const char *mesos_cgroup;   /* name of Mesos' cgroup root, "mesos" when NULL */
	const char *const
		*interfaces;  /* extra host interfaces to capture whole, NULL-ended, or NULL */
	bool no_host_network; /* do not look for containers on the host's network */
	struct statistics_options statistics;
};

struct source_stats {
	uint64_t seen; /* packets that passed the in-kernel filter */
	uint64_t lost; /* of these, dropped by the kernel because the ring was full */
	uint64_t sampled_out;
	uint64_t delivered;
	uint64_t containers, interfaces; /* being watched now */
};

struct source;
struct source_kind {
	const char *scheme; /* "live", "synth:" or NULL for files */
	struct source *(*open)(const char *what, const struct source_options *o, struct err *e);
	/* As reader_run; a live source ends when *stop is set or the sink says so. */
	int (*run)(struct source *s, const struct reader_query *q, const struct sink *sink,
		   struct err *e);
	void (*stats)(const struct source *s, struct source_stats *out);
	double (*progress)(const struct source *s); /* 0..1, negative = endless */
	struct reader *(*reader)(struct source *s); /* of a file, else NULL */
	void (*close)(struct source *s);
};

struct source {
	const struct source_kind *kind;
	atomic_bool stop; /* set from a signal handler or the sink to end a run soon */
};

/* what: "live", "synth:key=value,...", or the path of a capture ("-" = stdin). */
struct source *source_open(const char *what, const struct source_options *o, struct err *e);
/* What a reader that is open gives; takes it over. */
struct source *source_of_reader(struct reader *r);
void source_close(struct source *s);

#endif
