/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room flow: the corridor, the one place where the order of the stages is
 * written: source -> who is it -> state -> filter -> record and present. The
 * programs fill in what they want of it and run it; everything happens on the
 * calling thread.
 */
#ifndef DREDGE_FLOW_H
#define DREDGE_FLOW_H

#include "filter/filter.h"
#include "mesos/mesos.h"
#include "packet/packet.h"
#include "source/source.h"
#include "view/view.h"

#define FLOWS_TRACKED 65536u /* conversations remembered where somebody asks for them */

/* Who records: gets what the flow's filter and its own let through, the notices of containers that
 * both may let through, and every notice of a loss. */
struct recorder {
	struct writer *writer;
	const struct filter *filter; /* NULL = everything */
	uint32_t base;		     /* added to interface numbers: several inputs, one file */
	bool spare; /* what fails ends it alone: it is broken from then on, and why says more */
	bool broken;
	struct err why;
	struct recorder *next;
};
/* One that comes while the flow runs is told of all that is known. */
int recorder_begin(struct recorder *r, const struct state *s, struct err *e);

/*
 * Deals the interfaces of a file to two, by their packets in [from, to]: byte i is 1 where the
 * second one has interface i, of *n. Owned by the caller. NULL: it is not chunked, not worth it, or
 * damaged, so that packets may be nobody's.
 */
uint8_t *flow_deal(struct reader *r, uint64_t from, uint64_t to, size_t *n);

/* Who takes the other half of a file's events, on a thread of its own: nothing of it is touched by
 * anybody else until flow_run returns. */
struct flow_second {
	uint8_t *of; /* as flow_deal says */
	size_t n;
	struct state *state;
	struct filter *filter; /* the flow's once more (filter_twin), or NULL */
	int (*present)(void *ctx, struct context *c);
	void *ctx;
};

struct flow_options {
	struct source *source;
	struct state *state;
	const struct filter *filter; /* NULL = everything */
	/* Besides: what it cannot match need not be read; present judges the rest. */
	const struct filter *hint;
	struct mesos_poller *poller; /* NULL = names only from the source */
	/* What other threads have to say; taken at each tick of a live source. May be NULL. */
	struct message_box *messages;
	/* A list; it may change in a tick. NULL = record nothing. */
	struct recorder *const *recorders;
	uint64_t from, to;   /* ns, inclusive; 0 and 0 = all */
	uint64_t max_events; /* end after so many events that passed; 0 = never */
	uint64_t max_ns;     /* end after so much event time, or live so much time; 0 = never */
	unsigned threads;
	/* Asked of each chunk of a file that lies in [from, to] as a whole, when all containers are
	 * known and before the first event: true = its events need not be read. NULL = they do. */
	bool (*chunk_enough)(void *ctx, const struct chunk *c);
	bool unordered, by_iface; /* as in reader_query */
	enum packet_depth depth;  /* what who looks at packets needs of them, and nobody records */
	/* Of a file, with unordered, without poller, recorders and limits. NULL = there is none. */
	const struct flow_second *second;
	bool live; /* counter samples are being made: add what the state measures from packets */
	/* Called for each event that passed; non-zero ends the run. NULL = nobody looks. */
	int (*present)(void *ctx, struct context *c);
	/* Called for each notice and drop, whatever the filter says. NULL = nobody looks. */
	int (*notice)(void *ctx, struct context *c);
	/* Every 65536 events of a file, every tick of a live source. NULL = not wanted. */
	int (*tick)(void *ctx, uint64_t now);
	void *ctx;
};

struct flow_totals {
	uint64_t read;		 /* events that came from the source */
	uint64_t events;	 /* events that passed the filter; of these: */
	uint64_t packets, bytes; /* each packet once, at its sender if both ends are seen */
	uint64_t sights;	 /* packet records, once per side */
	uint64_t counters, notices, lost; /* lost = packets the source or writer lost */
	uint64_t first, last;		  /* ns */
	uint64_t beside; /* packets lost, as a second reader was told and not the source */
	bool broken;	 /* it was not the source that failed, but who gets the events */
};

/* Adds to *totals. 0 at the end or when somebody ended it, -1 on failure after everything readable
 * was delivered. */
int flow_run(const struct flow_options *o, struct flow_totals *totals, struct err *e);

/* What the directory says of each part of a chunk, until false is returned, which is then returned.
 */
bool flow_parts(const struct state *s, const struct chunk *k,
		bool (*each)(void *ctx, const struct table_part *p), void *ctx);

/* ---- feeds of tables ---- */

struct feed_options {
	const char *what; /* as source_open takes it; "-" is read once only */
	const struct source_options *source;
	struct mesos_poller *poller; /* NULL = names only from the source */
	unsigned threads;
};

/* Opens the source: what needs privilege happens here. The options' strings are borrowed. */
struct view_feed *flow_feed_open(const struct feed_options *o, struct err *e);
/* Looks at the foreign bytes for the first time: times and containers of a file. */
void flow_feed_look(struct view_feed *f);
/* The source, to be stopped by a signal. */
struct source *flow_feed_source(struct view_feed *f);

#endif
