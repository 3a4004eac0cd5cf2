/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room savefile: captures on disk. The writer makes NAME.pcapng.lz4 (one LZ4
 * frame of independent blocks, one block = one chunk = the packets of one
 * container in one window; dredge-capture(5)), plain pcapng and pcap. The
 * reader takes these and foreign pcap and pcapng files, also under gzip, LZ4
 * and zstd, hops over chunks nobody wants, and restores the order of time by
 * merging the chunks of a window. Called by the flow; one thread per object.
 */
#ifndef DREDGE_SAVEFILE_H
#define DREDGE_SAVEFILE_H

#include "event/event.h"

#define SAVEFILE_PEN	     32473u /* RFC 5612 documentation number, until one is registered */
#define SAVEFILE_MAX_PACKET  (256u << 10) /* largest caplen accepted, bytes */
#define SAVEFILE_MAX_BLOCK   (16u << 20)  /* largest pcapng block accepted, bytes */
#define SAVEFILE_WINDOW_NS   NSEC_PER_SEC
#define SAVEFILE_CHUNK_BYTES (256u << 10) /* where a chunk is cut, before compression */

/* ---- writing ---- */

enum savefile_format { SAVEFILE_PCAPNG_LZ4, SAVEFILE_PCAPNG, SAVEFILE_PCAP };

/* By the ending of the name: .pcapng.lz4 .lz4 .pcapng .pcap .cap; "-" is PCAPNG. Anything else is
 * PCAPNG_LZ4, but for .gz and .zst: -1 with e, as they are not written. */
int savefile_format_of(const char *path, enum savefile_format *out, struct err *e);
/* "pcapng.lz4", "pcapng", "pcap" -> format; -1 with err on anything else. */
int savefile_format_parse(const char *name, enum savefile_format *out, struct err *e);

struct writer_options {
	const char *path; /* "-" = fd (not with rotation) */
	int fd;		  /* copied; 0 = stdout */
	bool fresh;	  /* fails where there is a file already */
	enum savefile_format format;
	uint64_t window_ns;  /* 0 = default */
	size_t window_bytes; /* 0 = default */
	/* Rotation as sysdig's -C -G -e -W; 0 = off. Several may be given. */
	uint64_t rotate_bytes; /* compressed size */
	uint64_t rotate_ns;    /* of event time */
	uint64_t rotate_events;
	unsigned rotate_files;	 /* ring of so many files */
	const char *description; /* JSON object text for the section header, may be NULL */
	/* A file was begun (hidden: where it lies until it is whole, or NULL), or ended (path
	 * NULL). May be NULL. */
	void (*on_file)(void *ctx, const char *path, const char *hidden);
	void *ctx;
};

struct writer_stats {
	uint64_t packets, counters, notices; /* events written */
	uint64_t raw_bytes;		     /* pcapng bytes before compression */
	uint64_t file_bytes;		     /* bytes on disk, all files */
	uint64_t open_bytes;		     /* of the file being written, up to the last window */
	/* Events that could not be written: a full disk, an interface that nobody described, a
	 * second link type in pcap. */
	uint64_t lost;
	unsigned files;
	const char *path; /* the file being written; borrowed */
};

struct writer;
struct writer *writer_open(const struct writer_options *o, struct err *e);
/* Remember an interface by r->number (copied). Its description goes to the file before its first
 * use, and again when the identity has changed. */
int writer_iface(struct writer *w, const struct iface_record *r, struct err *e);
/* Copies the event into the open window. A full disk is no error: the event is counted as lost,
 * writing resumes with a "gap" notice when there is room again, and writer_trouble tells. */
int writer_event(struct writer *w, const struct event *ev, struct err *e);
/* Live: close the window when its time will be over before the next call. now = ns since 1970. */
int writer_tick(struct writer *w, uint64_t now, struct err *e);
/* Next file now (SIGHUP). */
int writer_rotate(struct writer *w, struct err *e);
/* A new trouble or its end in plain words ("cannot write NAME: No space left on device; recording
 * stopped"), once each; NULL when there is nothing new. Borrowed until the next call. */
const char *writer_trouble(struct writer *w);
void writer_get_stats(const struct writer *w, struct writer_stats *out);
/* Flush, write the end mark, give the final name, free; -1 also when what is lost up to the end
 * could not be told in the file. w may be NULL. */
int writer_close(struct writer *w, struct err *e);

/* ---- reading ---- */

struct chunk_part {	/* what one interface has in a chunk */
	uint32_t iface; /* interface number as announced to the sink, or IFACE_NONE */
	uint32_t packets, second_sights, counters, lost;
	uint64_t bytes, captured;
	uint32_t packets_in, packets_out; /* where the chunk knows the ways, else 0 */
	uint64_t bytes_in, bytes_out;
};

struct chunk {		      /* one entry of the directory */
	uint64_t offset;      /* in the file, of the LZ4 block's length field */
	uint32_t stored, raw; /* bytes compressed, and decoded (estimated) */
	uint64_t frame;	      /* number of its first packet or notice, as Wireshark counts frames */
	uint64_t first, last; /* ns, of its events */
	uint64_t packets, bytes, captured; /* bytes = lengths on the wire */
	uint64_t second_sights; /* packets also recorded at their sender, event_is_second_sight */
	uint64_t counters, lost;
	const struct chunk_part *parts; /* by interface; borrowed from the reader */
	uint32_t part_count, window, notices;
	bool metadata; /* descriptions and notices; always read */
	bool ways;     /* the parts say how much went in and out */
};

struct reader_query {
	uint64_t from, to; /* ns, both inclusive; 0 and UINT64_MAX = all */
	/* Asked when an interface has been announced to the sink, and of a chunked file again when
	 * all have (and of IFACE_NONE, for packets whose description was damaged); false: its
	 * events are skipped, and chunks with nothing else are not decoded. Not asked of live
	 * traffic, whose names come later than its packets. NULL = all wanted. */
	bool (*iface_wanted)(void *ctx, uint32_t number);
	/* Asked of each chunk that is wanted, before the first event: true = what it says of its
	 * parts is enough, it is not decoded. NULL = it never is. */
	bool (*chunk_enough)(void *ctx, const struct chunk *c);
	/* In order of time, of packets with more bytes than head_least: how many of its first bytes
	 * are looked at? Others are not kept, and caplen says so. <= caplen; asked by any thread.
	 * NULL = all are. */
	uint32_t (*head)(void *ctx, uint32_t iface, const uint8_t *data, uint32_t caplen,
			 uint32_t len);
	uint32_t head_least;
	void *ctx;
	uint32_t types;	  /* mask of 1 << EVENT_*; 0 = all */
	bool unordered;	  /* the consumer does not need the order of time within a window */
	bool by_iface;	  /* with unordered: but that of the events of each interface */
	bool half;	  /* another reader has the other interfaces, and what is of none */
	unsigned threads; /* 0 or 1 = this thread only; 2 = decode ahead in a second one */
};

struct reader_info {
	const char *format;	 /* "pcapng", "pcap" */
	const char *compression; /* "none", "lz4", "gzip", "zstd" */
	const char *application; /* userappl of the section header, or NULL */
	const char *description; /* our JSON of the section header, or NULL */
	uint64_t file_bytes;	 /* 0 when not a regular file */
	bool chunked;		 /* written by dredge: has a chunk directory */
	bool complete;		 /* end mark present */
	unsigned windows;
	uint64_t blocks; /* LZ4 blocks of a chunked file: its chunks, and lists of contents */
};

struct reader_work {	     /* what reading cost; tests assert on it */
	uint64_t bytes_read; /* from the file */
	uint64_t chunks_seen, chunks_decoded;
	uint64_t bytes_decoded; /* out of the decompressor, directory included */
};

struct reader;
/* "-" = stdin. Fails with one line that names file, offset and reason. */
struct reader *reader_open(const char *path, struct err *e);
/* The first `bytes` of a file that may be growing; name: for messages. Takes fd over, also when it
 * fails. */
struct reader *reader_open_part(int fd, const char *name, uint64_t bytes, struct err *e);
/* Another one of the same file, for another thread; NULL when it is not chunked. */
struct reader *reader_twin(const struct reader *r);
void reader_close(struct reader *r);
void reader_get_info(struct reader *r, struct reader_info *out);
/* How many entries the chunk directory has, 0 when the file is not chunked; and each of them, in
 * the order of the file, borrowed from the reader. */
size_t reader_chunks(struct reader *r);
const struct chunk *reader_chunk(const struct reader *r, size_t i);
/* Packets and notices carry in event.num their place in the file, from 1, as Wireshark numbers its
 * frames, whatever is skipped and in whatever order they come; counter samples have 0.
 * From the start to the end; may be called again with another query on a seekable file.
 * Announces interfaces and containers to the sink (of a chunked file: all before the first event),
 * then the events. Returns 0 at the end, 1 when the sink ended it, -1 on damage, after everything
 * readable has been delivered: of a chunked file also what is behind it, and for each damaged chunk
 * whose summary can be read a drop event with how many packets of wanted interfaces it takes. */
int reader_run(struct reader *r, const struct reader_query *q, const struct sink *sink,
	       struct err *e);
/* The damage that either of two readers of a file met in its last run, each but once: 0, or -1 as
 * reader_run tells of it. */
int reader_trouble(struct reader *r, const struct reader *twin, struct err *e);
/* Part of the file that has been read, 0..1; may be called from the sink. */
double reader_progress(const struct reader *r);
void reader_get_work(const struct reader *r, struct reader_work *out);

#endif
