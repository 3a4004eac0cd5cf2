/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events are gathered in a batch; a batch gets to the file whole or, when the
 * disk is full, not at all. What then is missing is counted and told by a gap
 * notice in the first batch that fits again.
 */
#include "savefile/writer.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BYTES (32u << 20) /* a reader holds two; larger ones make chunks larger */
#define LANES_MAX    (1u << 20)
#define NOTICE_MAX   (64u << 10)
#define TICK_NS	     (150 * NSEC_PER_MSEC) /* the longest time between ticks, but on a busy host */

/* ---- trouble ---- */

static bool disk_error(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO;
}

void writer_set_trouble(struct writer *w, char *text)
{
	free(w->trouble);
	w->trouble = text;
}

const char *writer_trouble(struct writer *w)
{
	free(w->told);
	w->told = w->trouble;
	w->trouble = NULL;
	return w->told;
}

static int suspend(struct writer *w, const char *path)
{
	if (!w->suspended)
		writer_set_trouble(w, xasprintf("cannot write %s: %s; recording is suspended, the "
						"lost events are counted",
						path, strerror(errno)));
	w->suspended = true;
	return 1;
}

int writer_put(struct writer *w, const void *p, size_t n, struct err *e)
{
	if (!outfile_write(&w->file, p, n))
		return 0;
	if (disk_error(errno) && w->file.seekable)
		return suspend(w, w->file.path);
	return err_sys(e, "cannot write %s",
		       str_eq(w->file.path, "-") ? "to standard output" : w->file.path);
}

/* ---- interfaces ---- */

int writer_iface(struct writer *w, const struct iface_record *r, struct err *e)
{
	if (r->number >= LANES_MAX)
		return err_set(e, ERR_FAILED, "more than %u interfaces", LANES_MAX);
	while (w->lane_count <= r->number) {
		GROW(w->lanes, w->lane_count, w->lane_cap);
		w->lanes[w->lane_count++] = (struct lane){.idb = NO_IDB};
	}
	struct lane *l = &w->lanes[r->number];
	w->scratch.len = 0;
	encode_iface(&w->scratch, r);
	if (l->description && l->description_size == w->scratch.len &&
	    !memcmp(l->description, w->scratch.data, w->scratch.len))
		return 0;
	free(l->description);
	l->description = xmalloc(w->scratch.len);
	memcpy(l->description, w->scratch.data, w->scratch.len);
	l->description_size = w->scratch.len;
	l->linktype = r->linktype;
	l->idb = NO_IDB; /* what is recorded from now on belongs to the new description */
	return 0;
}

uint32_t writer_describe(struct writer *w, struct lane *l)
{
	if (UNLIKELY(l->idb == NO_IDB)) {
		builder_put(&w->stream, l->description, l->description_size);
		l->idb = w->idb_count++;
	}
	return l->idb;
}

/* ---- batches ---- */

static void forget_descriptions(struct writer *w, uint32_t from)
{
	for (size_t i = 0; i < w->lane_count; i++)
		if (w->lanes[i].idb != NO_IDB && w->lanes[i].idb >= from)
			w->lanes[i].idb = NO_IDB;
	w->idb_count = from;
}

static void batch_add(struct batch *to, const struct batch *b)
{
	if (!batch_events(b))
		return;
	to->first = batch_events(to) ? MIN(to->first, b->first) : b->first;
	to->last = MAX(to->last, b->last);
	to->packets += b->packets;
	to->counters += b->counters;
	to->notices += b->notices;
}

/* In front of what the batch has: pcapng readers take a gap where it stands. */
static void note_gap(struct writer *w)
{
	const struct batch *gap = &w->gap;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{"DREDGE_LOST", batch_events(gap)},
		{"DREDGE_LOST_PACKETS", gap->packets},
		{"DREDGE_FROM", gap->first},
		{"DREDGE_TO", gap->last},
	};
	struct text t = {0};
	struct builder b = {0};
	cleanup_free char *message =
		xasprintf("%llu events could not be written, %llu of them packets",
			  (unsigned long long)batch_events(gap), (unsigned long long)gap->packets);

	notice_format(&t, gap->last, "gap", 4, NULL, message);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		text_str(&t, rows[i].key);
		text_char(&t, '=');
		text_u64(&t, rows[i].value);
		text_char(&t, '\n');
	}
	encode_journal(&b, t.data, t.len);
	builder_room(&w->stream, b.len);
	memmove(w->stream.data + b.len, w->stream.data, w->stream.len);
	memcpy(w->stream.data, b.data, b.len);
	w->stream.len += b.len;
	builder_done(&b);
	text_done(&t);
}

/* editcap and mergecap take the link type of a file from what stands in front of its first record:
 * a description goes before the notices. */
static void describe_first(struct writer *w)
{
	struct builder *b = &w->stream;
	size_t at = 0, n;

	for (size_t i = 0; i < w->lane_count && !w->idb_count; i++)
		if (w->lanes[i].description)
			writer_describe(w, &w->lanes[i]);
	if (!w->idb_count)
		return;
	while (load_le32(b->data + at) != BLOCK_IDB)
		at += load_le32(b->data + at + 4);
	n = load_le32(b->data + at + 4);
	cleanup_free uint8_t *first = xmalloc(n);
	memcpy(first, b->data + at, n);
	memmove(b->data + n, b->data, at);
	memcpy(b->data, first, n);
}

static void batch_kept(struct writer *w)
{
	w->stats.packets += w->batch.packets;
	w->stats.counters += w->batch.counters;
	w->stats.notices += w->batch.notices;
	w->idb_safe = w->idb_count;
	if (w->suspended)
		writer_set_trouble(w, xasprintf("recording to %s goes on; %llu events are missing",
						w->file.path,
						(unsigned long long)batch_events(&w->gap)));
	w->suspended = false;
	w->gap = (struct batch){0};
}

static void batch_lost(struct writer *w)
{
	w->stats.lost += batch_events(&w->batch);
	batch_add(&w->gap, &w->batch);
	forget_descriptions(w, w->idb_safe);
}

static int open_file(struct writer *w, uint64_t ts, struct err *e)
{
	if (w->file.fd < 0) {
		if (outfile_open(&w->file, ts, e))
			return w->stats.files && disk_error(errno) ? suspend(w, w->path) : -1;
		w->stats.files++;
		if (w->o.on_file)
			w->o.on_file(w->o.ctx, w->file.path, w->file.part);
	}
	return w->headed ? 0 : w->format->header(w, e);
}

static int flush(struct writer *w, struct err *e)
{
	if (!batch_events(&w->batch) && !batch_events(&w->gap))
		return 0;
	if (batch_events(&w->gap) && !w->format->packets_only)
		note_gap(w);
	if (!w->idb_safe && !w->format->packets_only)
		describe_first(w);
	int status = open_file(w, batch_events(&w->batch) ? w->batch.first : w->gap.last, e);
	uint64_t good = w->file.bytes;
	if (!status)
		status = w->format->flush(w, e);
	if (status < 0)
		return -1;
	if (status > 0) {
		outfile_cut(&w->file, good);
		batch_lost(w);
	} else {
		batch_kept(w);
	}
	w->batch = (struct batch){0};
	w->stream.len = 0;
	return 0;
}

/* ---- files ---- */

static int end_file(struct writer *w, struct err *e)
{
	int status = flush(w, e);

	if (!status && w->file.fd >= 0 && w->format->end(w, e) < 0)
		status = -1;
	if (w->file.fd >= 0) {
		w->stats.file_bytes += w->file.bytes;
		if (outfile_close(&w->file, status ? NULL : e))
			status = -1;
		if (w->o.on_file)
			w->o.on_file(w->o.ctx, NULL, NULL);
	}
	w->headed = false;
	w->file_events = 0;
	w->idb_safe = 0;
	w->pcap_linktype = UINT32_MAX;
	forget_descriptions(w, 0);
	return status;
}

static bool rotates(const struct writer_options *o)
{
	return o->rotate_bytes || o->rotate_ns || o->rotate_events;
}

int writer_rotate(struct writer *w, struct err *e)
{
	if (w->file.fd < 0 || str_eq(w->path, "-"))
		return 0;
	/* A rotating file is named by its first event. */
	if (end_file(w, e))
		return -1;
	return rotates(&w->o) || open_file(w, time_now(), e) >= 0 ? 0 : -1;
}

static bool file_is_full(const struct writer *w, uint64_t ts)
{
	const struct writer_options *o = &w->o;

	if (!w->file_events)
		return false;
	return (o->rotate_events && w->file_events >= o->rotate_events) ||
	       (o->rotate_ns && ts >= w->file_start + o->rotate_ns) ||
	       (o->rotate_bytes && w->file.bytes >= o->rotate_bytes);
}

static bool window_is_over(const struct writer *w, uint64_t ts)
{
	return w->format->windows && batch_events(&w->batch) &&
	       ts >= w->batch.first + w->o.window_ns;
}

/* ---- events ---- */

static int take_turns(struct writer *w, uint64_t ts, struct err *e)
{
	if (file_is_full(w, ts) && end_file(w, e))
		return -1;
	if (window_is_over(w, ts) && flush(w, e))
		return -1;
	return w->file.fd < 0 && !w->suspended && open_file(w, ts, e) < 0 ? -1 : 0;
}

static struct lane *lane_of(const struct writer *w, const struct event *ev)
{
	if (ev->iface >= w->lane_count || !w->lanes[ev->iface].description)
		return NULL;
	return &w->lanes[ev->iface];
}

/* The file tells of it with the next window. */
static int lose(struct writer *w, const struct event *ev)
{
	const struct batch one = {
		.first = ev->ts,
		.last = ev->ts,
		.packets = ev->type == EVENT_PACKET,
		.counters = ev->type == EVENT_COUNTERS,
		.notices = ev->type != EVENT_PACKET && ev->type != EVENT_COUNTERS,
	};

	batch_add(&w->gap, &one);
	w->stats.lost++;
	return 0;
}

int writer_event(struct writer *w, const struct event *ev, struct err *e)
{
	struct lane *l = NULL;
	uint64_t *kind = &w->batch.notices;

	if (w->format->packets_only && ev->type != EVENT_PACKET)
		return 0;
	if (ev->type == EVENT_PACKET || ev->type == EVENT_COUNTERS) {
		kind = ev->type == EVENT_PACKET ? &w->batch.packets : &w->batch.counters;
		l = lane_of(w, ev);
		if (UNLIKELY(!l || ev->caplen > SAVEFILE_MAX_PACKET))
			return lose(w, ev);
	} else if (ev->type != EVENT_NOTICE && ev->type != EVENT_DROP) {
		return 0; /* reserved types have no place in files yet */
	} else if (ev->caplen > NOTICE_MAX) {
		return lose(w, ev);
	}
	if (take_turns(w, ev->ts, e))
		return -1;
	if (!batch_events(&w->batch))
		w->batch.first = ev->ts;
	if (!w->file_events)
		w->file_start = ev->ts;
	w->file_events++;
	w->batch.last = MAX(w->batch.last, ev->ts);
	*kind += 1;
	return w->format->event(w, l, ev) ? flush(w, e) : 0;
}

int writer_tick(struct writer *w, uint64_t now, struct err *e)
{
	/* A clock that was set back must not keep the window open. */
	if (!w->format->windows || window_is_over(w, now + TICK_NS) ||
	    (batch_events(&w->batch) && now + w->o.window_ns < w->batch.first))
		return batch_events(&w->batch) ? flush(w, e) : 0;
	return 0;
}

/* ---- life ---- */

static int check_options(const struct writer_options *o, struct err *e)
{
	if (o->rotate_files && !rotates(o))
		return err_set(e, ERR_USAGE, "-W needs one of -C, -G and -e");
	if (str_eq(o->path, "-") && rotates(o))
		return err_set(e, ERR_USAGE, "standard output cannot be rotated");
	return 0;
}

struct writer *writer_open(const struct writer_options *o, struct err *e)
{
	if (check_options(o, e))
		return NULL;
	struct writer *w = xcalloc(1, sizeof(*w));
	w->o = *o;
	w->path = xstrdup(o->path);
	w->o.path = w->path;
	w->description = o->description ? xstrdup(o->description) : NULL;
	w->o.window_ns = o->window_ns ? o->window_ns : SAVEFILE_WINDOW_NS;
	w->o.window_bytes = o->window_bytes ? o->window_bytes : WINDOW_BYTES;
	w->format = o->format == SAVEFILE_PCAP	   ? &writer_pcap
		    : o->format == SAVEFILE_PCAPNG ? &writer_pcapng
						   : &writer_window;
	w->pcap_linktype = UINT32_MAX;
	outfile_init(&w->file, &w->o);
	int status = 0;
	if (w->format->windows) {
		w->window = open_window_new(w->o.window_bytes, e);
		status = w->window ? 0 : -1;
	}
	/* A rotating file is named by its first event; any other is made now, to fail
	 * early. */
	if (!status && rotates(o))
		status = outfile_check(&w->file, e);
	else if (!status)
		status = open_file(w, time_now(), e);
	if (status > 0)
		err_set(e, ERR_FAILED, "%s", writer_trouble(w));
	if (!status)
		return w;
	writer_close(w, NULL);
	return NULL;
}

void writer_get_stats(const struct writer *w, struct writer_stats *out)
{
	*out = w->stats;
	out->packets += w->batch.packets;
	out->counters += w->batch.counters;
	out->notices += w->batch.notices;
	out->open_bytes = w->file.fd >= 0 ? w->file.bytes : 0;
	out->file_bytes += out->open_bytes;
	out->path = w->file.path ? w->file.path : w->path;
}

int writer_close(struct writer *w, struct err *e)
{
	if (!w)
		return 0;
	int status = end_file(w, e);
	if (!status && w->suspended)
		status = err_set(e, ERR_FAILED, "%s: the last %llu events could not be written",
				 w->path, (unsigned long long)batch_events(&w->gap));
	for (size_t i = 0; i < w->lane_count; i++)
		free(w->lanes[i].description);
	free(w->lanes);
	open_window_free(w->window);
	outfile_done(&w->file);
	builder_done(&w->stream);
	builder_done(&w->scratch);
	free(w->trouble);
	free(w->told);
	free(w->path);
	free(w->description);
	free(w);
	return status;
}
