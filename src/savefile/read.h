/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: the parts of the reader. */
#ifndef DREDGE_SAVEFILE_READ_H
#define DREDGE_SAVEFILE_READ_H

#include "savefile/layout.h"

#include <pthread.h>

#define READ_MAX_IFACES (1u << 18) /* descriptions in one file */

/* Why something cannot be read: one sentence without file and place. */
struct reason {
	char text[200];
};
int reason_set(struct reason *why, const char *fmt, ...) ATTR_PRINTF(2, 3); /* returns -1 */

#define TROUBLE_PLACES (64u << 10) /* known at most, of a file that is all damage */

/* The damage of a run: what was the first in the file, and where it is. */
struct trouble {
	struct err first;
	uint64_t offset;   /* of the first */
	uint64_t count;	   /* of all */
	uint64_t *offsets; /* of those that are known, owned */
	size_t known, cap;
};
void trouble_damaged(struct trouble *t, const char *path, uint64_t offset, uint64_t block,
		     const char *reason);
void trouble_cut(struct trouble *t, const char *path, uint64_t offset, const char *reason);
/* Add what another thread met; what both know counts once. */
void trouble_join(struct trouble *t, const struct trouble *other);
void trouble_done(struct trouble *t);
/* 0, or -1 with *e: the first one, and how many more. */
int trouble_result(const struct trouble *t, struct err *e);

/* What reading events needs to know of an interface; by interface number. */
struct iface_in {
	int64_t offset;	  /* if_tsoffset, seconds */
	uint32_t weight;  /* 1 in N */
	uint32_t snaplen; /* 0 = none */
	uint64_t dropped; /* isb_ifdrop that was told of in this run */
	uint16_t hop;
	uint8_t resolution; /* if_tsresol */
	bool plain_ns;	    /* times are ns as they stand */
	bool wanted;
};

struct iface_table {
	struct iface_in *items;
	uint32_t count, cap;
};

/* The state of a run that every format shares. */
struct run {
	const struct reader_query *q;
	const struct sink *sink;
	uint32_t types;	     /* never 0 */
	bool all_wanted;     /* nobody asks for interfaces */
	bool unknown_wanted; /* of a chunked file: what is of no interface that is known */
	int ended;	     /* what the sink returned */
	bool begun;	     /* it knows when the file begins */
};

static inline void run_begin(struct run *run, uint64_t first)
{
	if (LIKELY(run->begun))
		return;
	run->begun = true;
	if (run->sink->begin)
		run->sink->begin(run->sink->ctx, first);
}

static inline bool run_wants_time(const struct run *run, uint64_t ts)
{
	return ts >= run->q->from && ts <= run->q->to;
}

static inline bool run_wants_iface(const struct run *run, const struct iface_table *ifaces,
				   uint32_t number)
{
	return number < ifaces->count ? ifaces->items[number].wanted : run->unknown_wanted;
}

static inline bool run_wants(const struct run *run, const struct iface_table *ifaces,
			     const struct event *ev)
{
	if (!(run->types >> ev->type & 1) || !run_wants_time(run, ev->ts))
		return false;
	if (ev->type == EVENT_NOTICE || ev->type == EVENT_DROP)
		return true;
	return run_wants_iface(run, ifaces, ev->iface);
}

/* Ask the sink's side whether events of this interface are wanted. */
void run_ask(struct run *run, struct iface_table *t, uint32_t number);
/* Adds the interface to the table (unless it is known from a run before), tells the sink, and asks
 * whether it is wanted. */
int run_iface(struct run *run, struct iface_table *t, uint32_t number, const struct iface_in *in,
	      const struct iface_record *r, struct reason *why);

/* ---- pcapng, block by block ---- */

struct pcapng {
	struct iface_table *ifaces;
	bool swap;	 /* the section's byte order is not ours */
	bool loose;	 /* descriptions were lost: unknown interfaces are no error */
	uint32_t base;	 /* number of the section's first interface */
	uint32_t limit;	 /* interfaces of the section */
	uint64_t frames; /* frames so far, as Wireshark counts */
	uint64_t last_ts;
	struct counters counters;		/* what event.data of a counter sample points at */
	char drop[256];				/* and that of a loss which statistics tell */
	struct text *application, *description; /* of the first section header; may be NULL */
};

static inline uint32_t pcapng_u32(const struct pcapng *p, const void *at)
{
	uint32_t v = load_le32(at);
	return UNLIKELY(p->swap) ? __builtin_bswap32(v) : v;
}

static inline uint16_t pcapng_u16(const struct pcapng *p, const void *at)
{
	uint16_t v = load_le16(at);
	return UNLIKELY(p->swap) ? __builtin_bswap16(v) : v;
}

static inline uint64_t pcapng_u64(const struct pcapng *p, const void *at)
{
	uint64_t v = load_le64(at);
	return UNLIKELY(p->swap) ? __builtin_bswap64(v) : v;
}

/* Length of the block that begins with these 12 bytes; also takes the byte order from a section
 * header. -1 when it cannot be. */
int64_t pcapng_length(struct pcapng *p, const uint8_t head[12], struct reason *why);
/* Is a block of `size` bytes, as pcapng_length said, as long as its end and its type say? 0, -1. */
int pcapng_whole(const struct pcapng *p, const uint8_t *block, uint32_t size, struct reason *why);
/* A whole block of `size` bytes as pcapng_length said. 1: *ev is an event (data borrowed from the
 * block or from p); 0: nothing for us, or an interface or section that was taken note of; -1. */
int pcapng_block(struct pcapng *p, struct run *run, const uint8_t *block, uint32_t size,
		 struct event *ev, struct reason *why);
/* What the options of a packet say goes into *ev. */
void pcapng_more_options(const struct pcapng *p, const uint8_t *from, const uint8_t *end,
			 struct event *ev);
static inline void pcapng_packet_options(const struct pcapng *p, const uint8_t *from,
					 const uint8_t *end, struct event *ev)
{
	/* Mostly these are the flags, what says that another container saw it too, the end mark. */
	if (LIKELY(end - from >= 8 && load_le32(from) == (OPT_EPB_FLAGS | 4u << 16) && !p->swap)) {
		ev->flags = load_le32(from + 4);
		from += 8;
		if (end - from >= 12 && load_le32(from) == (OPT_CUSTOM_BYTES | 6u << 16) &&
		    load_le32(from + 4) == SAVEFILE_PEN &&
		    load_le16(from + 8) == (CUSTOM_TWICE | CUSTOM_VERSION << 8)) {
			ev->packet_id = PACKET_ID_OF_BYTES;
			from += 12;
		}
	}
	if (end - from >= 8)
		pcapng_more_options(p, from, end, ev);
}
/* The next option; 0 at the end of the list. Sizes are checked. */
struct option {
	uint16_t code, size;
	const uint8_t *value;
};
int pcapng_option(const struct pcapng *p, struct cursor *c, struct option *o);
/* Value behind our enterprise number in a custom option, or NULL. */
const uint8_t *pcapng_custom(const struct pcapng *p, const struct option *o, size_t *n);

/* ---- who: descriptions and journal records ---- */

int describe_iface(struct pcapng *p, struct run *run, const uint8_t *block, uint32_t size,
		   struct reason *why);
void describe_section(struct pcapng *p, const uint8_t *block, uint32_t size);
/* Fills ev from a journal record (n bytes of text) and, unless run is NULL, tells the sink of the
 * container named there. */
void describe_journal(struct run *run, const uint8_t *text, size_t n, struct event *ev);

/* ---- pcap ---- */

struct pcap {
	bool swap, nanoseconds;
	uint32_t snaplen, linktype;
	struct iface_table *ifaces;
	uint64_t frames;
};

bool pcap_match(const uint8_t *p, size_t n);
int pcap_header(struct pcap *p, const uint8_t head[24], struct reason *why);
/* Size of the record with these 16 bytes in front, or -1. */
int64_t pcap_length(const struct pcap *p, const uint8_t head[16], struct reason *why);
void pcap_packet(struct pcap *p, const uint8_t *record, struct event *ev);

/* ---- memory ---- */

/* Zeroed bytes, of which only those that are used take memory; they may move when they grow. */
struct region {
	void *at;
	size_t size;
	size_t ready; /* so much of it has its memory */
	bool large;   /* in large pages: fewer faults, and more at once */
};
void region_fit(struct region *r, size_t bytes);
void region_done(struct region *r);

/* ---- the chunk directory ---- */

struct dir_entry {
	struct chunk chunk;
	uint32_t base;	   /* interface number of its section's first interface */
	uint32_t limit;	   /* interfaces described in the section up to here */
	uint32_t frames;   /* in this chunk */
	uint32_t block;	   /* number of the LZ4 block */
	uint32_t parts_at; /* in the parts that are kept */
	bool stored_plain, checksum;
	bool loose;   /* descriptions before it were lost */
	bool unknown; /* no summary that can be read: decode and see */
};

struct scan { /* where the scan stands in the file */
	uint64_t offset;
	uint64_t frames; /* before here */
	uint32_t base, limit, total, block, block_max, window;
	unsigned windows;
	bool checksum, content_checksum, in_frame;
	size_t list, list_at; /* in the contents; list == their count: beyond what they tell */
	bool loose;	      /* descriptions were lost */
	bool done, complete, cut, damaged;
	struct reason why; /* of cut and damaged */
};

#define GLANCE_BYTES 128u /* enough for the summary of a chunk of one interface */

/* The lists of contents of a complete file: then the directory need not look at every chunk. */
struct contents {
	struct contents_list {
		uint64_t at, end; /* offsets of the chunk that it is, and behind it */
	} * lists;		  /* in the order of the file; the last one has no chunks */
	size_t count, cap;	  /* 0 = none that can be trusted */
	size_t loaded;		  /* list that is in data, SIZE_MAX = none */
	uint8_t *data;
	size_t size;
};

struct contents_chunk {
	uint32_t length;	/* as it stands in front of the LZ4 block */
	const uint8_t *summary; /* from its number of parts on; NULL = look for it in the chunk */
	size_t size;		/* of the summary; its parts are whole */
};

/* first: offset of the first chunk. Bytes read are added to *work. */
void contents_open(struct contents *c, int fd, uint64_t first, uint64_t file_bytes,
		   struct reader_work *work);
void contents_done(struct contents *c);
/* Takes in a list, and checks that its chunks lie between `from` and it. */
bool contents_load(struct contents *c, int fd, size_t list, uint64_t from,
		   struct reader_work *work);
/* The next chunk of the list that is loaded; *at: 0 before the first. False: there are no more. */
bool contents_next(const struct contents *c, size_t *at, struct contents_chunk *out);
/* Is this the beginning of a list? n decoded bytes. */
bool contents_begins(const uint8_t *p, size_t n);

struct directory {
	int fd;
	uint64_t file_bytes;
	struct reader_work *work;
	struct scan scan;
	struct contents contents;
	uint64_t first; /* offset of the first chunk */
	uint8_t *ahead; /* file bytes read ahead of the scan */
	uint64_t ahead_at;
	size_t ahead_len;
	uint32_t usual_stored;	   /* of the chunks just passed: a maximum that fades */
	uint8_t *stored, *decoded; /* one block each */
	struct dir_entry entry;	   /* the one looked at, and its parts */
	struct chunk_part *parts;
	/* The beginning of the directory is kept, and where the scan stands behind it. */
	struct region kept; /* of struct dir_entry */
	size_t kept_count;
	struct region kept_parts; /* of struct chunk_part */
	size_t kept_parts_count;
	size_t keep_bytes;
	struct scan kept_scan;
	size_t next; /* in kept */
};

/* Does the file begin like one of ours? 1, 0. */
int directory_open(struct directory *d, int fd, uint64_t file_bytes, struct reader_work *work);
void directory_done(struct directory *d);
void directory_rewind(struct directory *d);
/* The next chunk, valid until the next call, or NULL at the end: d->scan says how it ended. */
const struct dir_entry *directory_next(struct directory *d);
/* No more will be kept: those that are have their parts. */
void directory_settle(struct directory *d);

/* Reads and decodes one chunk: *out bytes at to (cap bytes), 0; -1 damage. stored: room for a block
 * and its checksum. */
int chunk_load(int fd, const struct dir_entry *c, uint8_t *stored, uint8_t *to, size_t cap,
	       size_t *out, struct reason *why);

/* ---- who is there, before the first event ---- */

struct introduction { /* between who reads descriptions and who walks through the directory */
	struct directory *d;
	uint64_t first; /* time of the first packet or sample; the walker's */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct dir_entry *found; /* of descriptions, and where some are damaged */
	size_t count, cap;
	bool walking, walked;
	atomic_bool stop; /* nobody wants to know any more */
};

void introduction_init(struct introduction *in, struct directory *d);
void introduction_done(struct introduction *in);
/* Walk through the directory for the thread that introduces; returns when that is done. */
void introduction_walk(struct introduction *in);
/* Interfaces and containers of all descriptions to run's sink; then it is known which interfaces
 * are wanted, and nobody uses the directory any more. stored: room for a block and its checksum,
 * decoded: for one that is decoded. */
void introduce(struct introduction *in, struct run *run, struct iface_table *ifaces,
	       struct reader_work *work, uint8_t *stored, uint8_t *decoded);
/* A metadata chunk through p: interfaces and containers to run's sink. *first: lowered to the time
 * of a notice. */
int chunk_describe(struct pcapng *p, struct run *run, const uint8_t *data, size_t n,
		   uint64_t *first, struct reason *why);

/* ---- windows ---- */

struct mark { /* where an event lies in a window */
	uint64_t ts;
	uint32_t at;	/* in the arena */
	uint32_t frame; /* within its chunk, from 0 */
};

struct lane {		  /* the events of one chunk, by time */
	size_t next, end; /* in marks */
	uint64_t frame;	  /* frames of the file before the chunk */
	uint32_t base, limit;
	bool loose;
};

/* The wanted events of decoded chunks: between all that was in these, or the heads of packets. */
struct window {
	uint8_t *arena; /* WINDOW_BUDGET and a block more */
	size_t used;
	struct mark *marks;
	size_t mark_count, mark_cap;
	struct lane *lanes;
	size_t lane_count, lane_cap;
	uint64_t *tree; /* of the merge, one key per lane */
	size_t tree_cap;
};

#define WINDOW_BUDGET (46u << 20) /* bytes of all windows in memory */
#define WINDOW_KEEP   (12u << 20) /* what an empty one may hold while the other is full */

void window_init(struct window *w);
void window_done(struct window *w);
/* Empty it; the arena beyond `keep` bytes (whole pages) goes back. */
void window_reset(struct window *w, size_t keep);
static inline size_t window_cost(const struct window *w)
{
	return w->used + w->mark_count * sizeof(*w->marks);
}
static inline bool keeps_heads(const struct run *run)
{
	return run->q->head && !run->q->unordered;
}
/* Takes in a chunk's n bytes, decoded to arena + used or, where heads are kept, elsewhere; keeps
 * marks of the wanted events. -1: damaged from *at (in the chunk) on; what came before is kept. */
int window_add(struct window *w, const uint8_t *chunk, size_t n, const struct dir_entry *c,
	       const struct run *run, struct iface_table *ifaces, size_t *at, struct reason *why);
/* A drop event for what was asked for of a damaged chunk (so many packets) and is not in its first
 * n bytes. There is room for it where there was for the chunk. */
void window_lost(struct window *w, const uint8_t *chunk, size_t n, const struct dir_entry *c,
		 uint64_t asked, const struct run *run, const struct iface_table *ifaces);
/* Deliver everything in order of time (or as it lies there). */
void merge_run(struct window *w, struct run *run, struct iface_table *ifaces);

/* The whole of a chunked file; adds to *trouble. */
void chunked_run(struct directory *d, struct iface_table *ifaces, struct run *run, const char *path,
		 _Atomic uint64_t *progress, struct trouble *trouble);

#endif
