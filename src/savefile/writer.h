/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: what the formats written share. */
#ifndef DREDGE_SAVEFILE_WRITER_H
#define DREDGE_SAVEFILE_WRITER_H

#include "savefile/encode.h"
#include "savefile/outfile.h"

#define NO_IDB UINT32_MAX

struct lane_share {
	uint32_t count; /* events */
	uint32_t at;	/* while a window is sorted: where they begin */
	size_t bytes;	/* encoded */
};

/* What the writer knows of an interface. */
struct lane {
	uint8_t *description; /* its IDB, ready for the file; owned; NULL = not
				 announced */
	size_t description_size;
	uint32_t linktype;
	uint32_t idb; /* its number in the open file, NO_IDB = not described there */
	struct lane_share packets, samples; /* of the open window */
};

/* Events since the last flush: they get to the file together or not at all. */
struct batch {
	uint64_t packets, counters, notices;
	uint64_t first, last; /* ns */
};

struct writer;

/* flush and its like: 0 = written, 1 = no room on the disk, -1 = cannot go on.
 */
struct writer_format {
	/* Takes the event in; true when it is time to flush. */
	bool (*event)(struct writer *w, struct lane *l, const struct event *ev);
	int (*header)(struct writer *w, struct err *e);
	int (*flush)(struct writer *w, struct err *e);
	int (*end)(struct writer *w, struct err *e);
	bool windows; /* flush by the time of the events */
	bool packets_only;
};

extern const struct writer_format writer_window, writer_pcapng, writer_pcap;

struct open_window; /* of write_window.c */

struct writer {
	struct writer_options o;
	const struct writer_format *format;
	char *path, *description;
	struct outfile file;
	struct writer_stats stats;
	struct lane *lanes;
	size_t lane_count, lane_cap;
	/* the open file */
	bool headed;	    /* its header has been written */
	uint32_t idb_count; /* described in it */
	uint32_t idb_safe;  /* of these, not in the open batch */
	uint64_t file_start, file_events;
	uint32_t pcap_linktype; /* UINT32_MAX = no packet yet */
	/* the open batch */
	struct batch batch;
	struct builder stream; /* plain formats: bytes to be written; windows:
				  descriptions, notices */
	struct builder scratch;
	struct open_window *window;
	/* full disk */
	bool suspended;
	struct batch gap;
	char *trouble, *told;
	bool told_linktype;
};

static inline uint64_t batch_events(const struct batch *b)
{
	return b->packets + b->counters + b->notices;
}

int writer_put(struct writer *w, const void *p, size_t n, struct err *e);
void writer_set_trouble(struct writer *w, char *text); /* takes text */
/* Number of the lane's description, which goes to w->stream now if the file has
 * none. */
uint32_t writer_describe(struct writer *w, struct lane *l);

struct open_window *open_window_new(size_t bytes, struct err *e);
void open_window_free(struct open_window *d);

#endif
