/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/read.h"
#include "savefile/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES   4096u
#define BUFFER_BYTES (256u << 10)
#define CHUNKS_BYTES ((size_t)1 << 30) /* of memory for a directory that was asked for */

struct reader {
	char *path; /* for messages */
	int fd;
	bool seekable, chunked, ran, complete;
	uint64_t file_bytes;
	uint64_t limit; /* bytes of the file that are looked at */
	struct directory dir;
	struct iface_table ifaces;
	struct text application, description;
	struct reader_work work;
	struct trouble trouble; /* of the last run */
	_Atomic uint64_t progress;
	const char *format, *compression;
	struct stream *stream; /* positioned at the start, or NULL */
	/* decoded bytes of the stream */
	uint8_t *buffer;
	size_t at, filled, cap;
	uint64_t offset; /* in the decoded bytes, of buffer[at] */
	uint64_t block;
	bool has_chunks; /* they were asked for: all are kept */
};

/* ---- what went wrong ---- */

int reason_set(struct reason *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* True: it is the first in the file of those that are known. */
static bool trouble_add(struct trouble *t, uint64_t offset)
{
	bool first = !t->count || offset < t->offset;

	if (t->known < TROUBLE_PLACES) {
		GROW(t->offsets, t->known, t->cap);
		t->offsets[t->known++] = offset;
	}
	t->count++;
	if (first)
		t->offset = offset;
	return first;
}

void trouble_damaged(struct trouble *t, const char *path, uint64_t offset, uint64_t block,
		     const char *reason)
{
	if (!trouble_add(t, offset))
		return;
	err_set(&t->first, ERR_FAILED, "%s: damaged at byte %llu (block %llu): %s", path,
		(unsigned long long)offset, (unsigned long long)block, reason);
}

void trouble_cut(struct trouble *t, const char *path, uint64_t offset, const char *reason)
{
	if (!trouble_add(t, offset))
		return;
	err_set(&t->first, ERR_FAILED, "%s: cut off at byte %llu: %s", path,
		(unsigned long long)offset, reason);
}

static int compare_offsets(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void trouble_join(struct trouble *t, const struct trouble *other)
{
	if (!other->count)
		return;
	if (!t->count || other->offset < t->offset)
		t->first = other->first;
	t->offset = t->count ? MIN(t->offset, other->offset) : other->offset;
	while (t->cap < t->known + other->known)
		GROW(t->offsets, t->cap, t->cap);
	memcpy(t->offsets + t->known, other->offsets, other->known * sizeof(*t->offsets));
	size_t all = t->known + other->known, n = 0;
	qsort(t->offsets, all, sizeof(*t->offsets), compare_offsets);
	for (size_t i = 0; i < all; i++)
		if (!n || t->offsets[i] != t->offsets[n - 1])
			t->offsets[n++] = t->offsets[i];
	t->count += other->count - (all - n);
	t->known = MIN(n, TROUBLE_PLACES);
}

void trouble_done(struct trouble *t)
{
	free(t->offsets);
	*t = (struct trouble){0};
}

int trouble_result(const struct trouble *t, struct err *e)
{
	if (!t->count)
		return 0;
	if (t->count == 1)
		return err_set(e, t->first.code, "%s", t->first.message);
	return err_set(e, t->first.code, "%s; and %llu more", t->first.message,
		       (unsigned long long)t->count - 1);
}

/* ---- a stream of decoded bytes ---- */

/* At least n bytes at buffer + at: 1; 0 when the stream ends before; -1 with why. */
static int need(struct reader *r, size_t n, struct reason *why)
{
	struct err e = {0};

	while (r->filled - r->at < n) {
		if (r->at) {
			memmove(r->buffer, r->buffer + r->at, r->filled - r->at);
			r->filled -= r->at;
			r->at = 0;
		}
		if (n > r->cap || !r->buffer) {
			r->cap = MAX(BUFFER_BYTES, n + n / 4);
			r->buffer = xrealloc(r->buffer, r->cap);
		}
		ssize_t got = stream_read(r->stream, r->buffer + r->filled, r->cap - r->filled, &e);
		r->work.bytes_decoded += got > 0 ? (uint64_t)got : 0;
		r->work.bytes_read = stream_position(r->stream);
		atomic_store_explicit(&r->progress, r->work.bytes_read, memory_order_relaxed);
		if (got < 0)
			return reason_set(why, "%s", e.message);
		if (!got)
			return 0;
		r->filled += (size_t)got;
	}
	return 1;
}

static void step(struct reader *r, size_t n)
{
	r->at += n;
	r->offset += n;
	r->block++;
}

static void stream_damage(struct reader *r, struct trouble *t, const char *reason)
{
	bool packed = !str_eq(r->compression, "none");
	cleanup_free char *what = xasprintf("%s%s", reason,
					    packed ? " (counted after decompression)" : "");

	trouble_damaged(t, r->path, r->offset, r->block, what);
}

/* The bytes ended: in the middle of something, or where they may. */
static void stream_end(struct reader *r, struct trouble *t)
{
	if (r->filled > r->at || stream_cut(r->stream))
		trouble_cut(t, r->path, stream_position(r->stream),
			    r->filled > r->at ? "the file ends inside a block"
					      : "the compressed data is not whole");
	r->complete = str_eq(r->compression, "none") || stream_complete(r->stream);
}

static void give(struct reader *r, struct run *run, struct event *ev)
{
	run_begin(run, ev->ts);
	if (run_wants(run, &r->ifaces, ev))
		run->ended = run->sink->event(run->sink->ctx, ev);
}

/* One block or record: 1, 0 at the end, -1 with why. */
static int pcapng_next(struct reader *r, struct pcapng *p, struct run *run, struct reason *why)
{
	struct event ev;
	int got = need(r, 12, why);

	if (got <= 0)
		return got;
	int64_t size = pcapng_length(p, r->buffer + r->at, why);
	if (size < 0)
		return -1;
	got = need(r, (size_t)size, why);
	if (got <= 0)
		return got;
	int kind = pcapng_block(p, run, r->buffer + r->at, (uint32_t)size, &ev, why);
	if (kind < 0)
		return -1;
	if (kind)
		give(r, run, &ev);
	step(r, (size_t)size);
	return 1;
}

static int pcap_next(struct reader *r, struct pcap *p, struct run *run, struct reason *why)
{
	struct event ev;
	int got = need(r, 16, why);

	if (got <= 0)
		return got;
	int64_t size = pcap_length(p, r->buffer + r->at, why);
	if (size < 0)
		return -1;
	got = need(r, (size_t)size, why);
	if (got <= 0)
		return got;
	pcap_packet(p, r->buffer + r->at, &ev);
	give(r, run, &ev);
	step(r, (size_t)size);
	return 1;
}

static void run_pcapng(struct reader *r, struct run *run, struct trouble *t)
{
	struct pcapng p = {.ifaces = &r->ifaces,
			   .application = &r->application,
			   .description = &r->description};
	struct reason why;
	int got = 1;

	while (got > 0 && !run->ended)
		got = pcapng_next(r, &p, run, &why);
	if (got < 0)
		stream_damage(r, t, why.text);
	else if (!got)
		stream_end(r, t);
}

static void run_pcap(struct reader *r, struct run *run, struct trouble *t)
{
	const struct iface_in in = {.weight = 1};
	struct pcap p = {.ifaces = &r->ifaces};
	struct reason why;
	int got = need(r, 24, &why);

	if (got > 0 && pcap_header(&p, r->buffer + r->at, &why))
		got = -1;
	if (got > 0) {
		const struct iface_record record = {
			.linktype = p.linktype, .snaplen = p.snaplen, .sample = 1};
		step(r, 24);
		run_iface(run, &r->ifaces, 0, &in, &record, &why);
	}
	while (got > 0 && !run->ended)
		got = pcap_next(r, &p, run, &why);
	if (got < 0)
		stream_damage(r, t, why.text);
	else if (!got)
		stream_end(r, t);
}

/* ---- opening ---- */

static ssize_t read_head(int fd, uint8_t *to, size_t n)
{
	size_t filled = 0;

	while (filled < n) {
		ssize_t got = read(fd, to + filled, n - filled);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		filled += (size_t)got;
	}
	return (ssize_t)filled;
}

/* A stream at the beginning of the file, and the decoded bytes that tell the format. */
static int begin_stream(struct reader *r, struct err *e)
{
	uint8_t head[HEAD_BYTES];
	struct reason why;
	struct err inner = {0};
	ssize_t n = 0;

	if (r->seekable && lseek(r->fd, 0, SEEK_SET) < 0)
		return err_sys(e, "%s: cannot seek", r->path);
	/* A pipe may be slow: the magic number is enough to begin with. */
	n = read_head(r->fd, head, r->seekable ? MIN(HEAD_BYTES, r->limit) : 8);
	if (n < 0)
		return err_sys(e, "%s: cannot read", r->path);
	if (!n)
		return err_set(e, ERR_FAILED, "%s: the file is empty", r->path);
	stream_close(r->stream);
	r->at = r->filled = 0;
	r->offset = r->block = 0;
	r->stream = stream_open(r->fd, head, (size_t)n, r->limit - (uint64_t)n, &inner);
	if (!r->stream)
		return err_set(e, ERR_FAILED, "%s: %s", r->path, inner.message);
	r->compression = stream_compression(r->stream);
	int got = need(r, 4, &why);
	if (got < 0)
		return err_set(e, ERR_FAILED, "%s: damaged at byte %llu (block 0): %s", r->path,
			       (unsigned long long)stream_position(r->stream), why.text);
	const uint8_t *p = r->buffer + r->at;
	size_t have = r->filled - r->at;
	if (have >= 4 && load_le32(p) == BLOCK_SHB)
		r->format = "pcapng";
	else if (pcap_match(p, have))
		r->format = "pcap";
	else if (!got && (stream_cut(r->stream) || !have || have < 4))
		return err_set(e, ERR_FAILED, "%s: cut off at byte %llu: no whole header", r->path,
			       (unsigned long long)stream_position(r->stream));
	else
		return err_set(e, ERR_FAILED,
			       "%s: damaged at byte 0 (block 0): no capture file (neither pcapng "
			       "nor pcap)",
			       r->path);
	return 0;
}

/* The section header of a chunked file, for reader_get_info. */
static void take_section(struct reader *r)
{
	struct iface_table none = {0};
	struct run quiet = {.all_wanted = true};
	struct pcapng p = {
		.ifaces = &none, .application = &r->application, .description = &r->description};
	struct reason why;
	uint64_t first = 0;
	size_t n;

	directory_rewind(&r->dir);
	const struct dir_entry *c = directory_next(&r->dir);
	if (c && c->chunk.metadata && !c->unknown &&
	    !chunk_load(r->fd, c, r->dir.stored, r->dir.decoded, LZ4_BLOCK_MAX, &n, &why))
		chunk_describe(&p, &quiet, r->dir.decoded, n, &first, &why);
	free(none.items);
	directory_rewind(&r->dir);
}

struct reader *reader_open_part(int fd, const char *name, uint64_t bytes, struct err *e)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	struct stat st;

	r->path = xstrdup(name);
	r->fd = fd;
	r->limit = bytes;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		r->seekable = true;
		r->file_bytes = MIN((uint64_t)st.st_size, bytes);
		r->chunked = directory_open(&r->dir, fd, r->file_bytes, &r->work);
	} else if (S_ISDIR(st.st_mode)) {
		err_set(e, ERR_FAILED, "%s: is a directory", name);
		reader_close(r);
		return NULL;
	}
	if (r->chunked) {
		r->format = "pcapng";
		r->compression = "lz4";
		take_section(r);
	} else if (begin_stream(r, e)) {
		reader_close(r);
		return NULL;
	}
	return r;
}

struct reader *reader_open(const char *path, struct err *e)
{
	bool in = str_eq(path, "-");
	/* Each of many small reads would look after the time of access; only the owner may leave
	 * it as it is. */
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, "%s", path);
		return NULL;
	}
	return reader_open_part(fd, in ? "standard input" : path, UINT64_MAX, e);
}

struct reader *reader_twin(const struct reader *r)
{
	int fd = r->chunked ? fcntl(r->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1;
	struct reader *twin = fd < 0 ? NULL : reader_open_part(fd, r->path, r->limit, NULL);

	/* It is read once. */
	if (twin)
		twin->dir.keep_bytes = 0;
	return twin;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	stream_close(r->stream);
	directory_done(&r->dir);
	if (r->fd > STDIN_FILENO)
		close(r->fd);
	free(r->ifaces.items);
	trouble_done(&r->trouble);
	free(r->buffer);
	text_done(&r->application);
	text_done(&r->description);
	free(r->path);
	free(r);
}

/* ---- what is known of the file ---- */

static void scan_all(struct reader *r)
{
	if (r->dir.scan.done)
		return;
	directory_rewind(&r->dir);
	while (directory_next(&r->dir))
		;
}

void reader_get_info(struct reader *r, struct reader_info *out)
{
	if (r->chunked)
		scan_all(r);
	*out = (struct reader_info){
		.format = r->format,
		.compression = r->compression,
		.application = r->application.len ? text_cstr(&r->application) : NULL,
		.description = r->description.len ? text_cstr(&r->description) : NULL,
		.file_bytes = r->file_bytes,
		.chunked = r->chunked,
		.complete = r->chunked ? r->dir.scan.complete : r->complete,
		.windows = r->chunked ? r->dir.scan.windows : 0,
		.blocks = r->chunked ? r->dir.scan.block : 0,
	};
}

size_t reader_chunks(struct reader *r)
{
	if (!r->chunked || r->has_chunks)
		return r->dir.kept_count;
	r->dir.keep_bytes = CHUNKS_BYTES;
	directory_rewind(&r->dir);
	while (directory_next(&r->dir))
		;
	directory_settle(&r->dir);
	r->has_chunks = true;
	return r->dir.kept_count;
}

const struct chunk *reader_chunk(const struct reader *r, size_t i)
{
	return &((const struct dir_entry *)r->dir.kept.at)[i].chunk;
}

double reader_progress(const struct reader *r)
{
	uint64_t at = atomic_load_explicit(&r->progress, memory_order_relaxed);

	return r->file_bytes ? MIN(1.0, (double)at / (double)r->file_bytes) : 0;
}

void reader_get_work(const struct reader *r, struct reader_work *out)
{
	*out = r->work;
}

/* ---- running ---- */

int reader_run(struct reader *r, const struct reader_query *q, const struct sink *sink,
	       struct err *e)
{
	struct run run = {
		.q = q,
		.sink = sink,
		.types = q->types ? q->types : UINT32_MAX,
		.all_wanted = !q->iface_wanted,
	};

	trouble_done(&r->trouble);
	if (!r->chunked && r->ran) {
		if (!r->seekable)
			return err_set(e, ERR_FAILED, "%s: cannot be read twice", r->path);
		if (begin_stream(r, e))
			return -1;
	}
	r->ran = true;
	if (r->chunked)
		chunked_run(&r->dir, &r->ifaces, &run, r->path, &r->progress, &r->trouble);
	else if (str_eq(r->format, "pcap"))
		run_pcap(r, &run, &r->trouble);
	else
		run_pcapng(r, &run, &r->trouble);
	return run.ended ? 1 : trouble_result(&r->trouble, e);
}

int reader_trouble(struct reader *r, const struct reader *twin, struct err *e)
{
	trouble_join(&r->trouble, &twin->trouble);
	return trouble_result(&r->trouble, e);
}
