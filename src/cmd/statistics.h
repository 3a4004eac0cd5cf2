/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics of Mesos' isolator in dredged: their flags, and what the
 * thread that enforces and the one that samples tell each other: who is
 * confined to what, and the newest samples of all.
 */
#ifndef DREDGE_CMD_STATISTICS_H
#define DREDGE_CMD_STATISTICS_H

#include "cmd/options.h"
#include "source/source.h"

#define STATISTICS_OPTION 4096 /* ids of the rows, from here on */

extern const struct option_row statistics_rows[];
extern const size_t statistics_row_count;

struct statistics {
	bool sockets, rtt, snmp, rates; /* flags; none by default, as in Mesos */
	uint64_t window, interval;	/* ns, 0 = not given */
	/* the letters between the two threads */
	struct mailbox confined; /* struct confined_list */
	struct mailbox samples;	 /* struct sample_list */
	/* of the thread that enforces */
	struct confined_list known;
	bool news;
	struct sample_list *newest;
};

int statistics_option(struct statistics *s, int id, const char *arg, struct err *e);
/* Refuses what cannot be (as Mesos does), or fills in *o, which borrows s. */
int statistics_check(struct statistics *s, struct statistics_options *o, struct err *e);
void statistics_done(struct statistics *s); /* when both threads have ended */

/* From the thread that enforces: a container is confined so, or no more. */
struct isolate_event;
void statistics_note(struct statistics *s, const struct isolate_event *ev);
/* From that thread, now and then: what was noted since is for the others to see. */
void statistics_tell(struct statistics *s);
/* For that thread: the newest samples (borrowed until the next call), or NULL. */
const struct sample_list *statistics_newest(struct statistics *s);

#endif
