/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in a chunked file, before its first event. The caller's thread reads the descriptions that
 * were found in the directory; another one walks through it, and as long as it does not (it may
 * take a while to start, or there may be none) the caller does.
 */
#include "savefile/read.h"

#include <stdlib.h>

#define FIRST_CHUNKS 4u	  /* by the caller: then nobody has to wait for the first description */
#define WALK_CHUNKS  512u /* at once by the thread that has descriptions to read, too */

int chunk_describe(struct pcapng *p, struct run *run, const uint8_t *data, size_t n,
		   uint64_t *first, struct reason *why)
{
	struct event ev;

	for (size_t at = 0; n - at >= 12 && !run->ended;) {
		int64_t size = pcapng_length(p, data + at, why);
		if (size < 0 || (size_t)size > n - at)
			return reason_set(why, "descriptions are damaged");
		/* Numbers are not to be trusted any more; whom a journal names still is. */
		bool skip = p->loose && load_le32(data + at) == BLOCK_IDB;
		int got = skip ? 0 : pcapng_block(p, run, data + at, (uint32_t)size, &ev, why);
		if (got < 0)
			return -1;
		if (got)
			*first = MIN(*first, ev.ts);
		at += (size_t)size;
	}
	return 0;
}

static void put_found(struct introduction *in, const struct dir_entry *c)
{
	pthread_mutex_lock(&in->lock);
	GROW(in->found, in->count, in->cap);
	in->found[in->count++] = *c;
	pthread_cond_signal(&in->changed);
	pthread_mutex_unlock(&in->lock);
}

/* So many chunks further. The lock is held before and after, and nobody else walks. */
static void walk(struct introduction *in, size_t chunks)
{
	const struct dir_entry *c;
	bool more = true;

	in->walking = true;
	pthread_mutex_unlock(&in->lock);
	for (; chunks && more; chunks--) {
		more = !in->stop && (c = directory_next(in->d));
		if (more && c->chunk.metadata)
			put_found(in, c);
		else if (more && !c->unknown)
			in->first = MIN(in->first, c->chunk.first);
	}
	pthread_mutex_lock(&in->lock);
	in->walking = false;
	in->walked = !more;
	pthread_cond_signal(&in->changed);
}

void introduction_init(struct introduction *in, struct directory *d)
{
	*in = (struct introduction){
		.d = d,
		.first = UINT64_MAX,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	directory_rewind(d);
	pthread_mutex_lock(&in->lock);
	walk(in, FIRST_CHUNKS);
	pthread_mutex_unlock(&in->lock);
}

void introduction_done(struct introduction *in)
{
	free(in->found);
}

void introduction_walk(struct introduction *in)
{
	pthread_mutex_lock(&in->lock);
	while (in->walking)
		pthread_cond_wait(&in->changed, &in->lock);
	if (!in->walked)
		walk(in, SIZE_MAX);
	pthread_mutex_unlock(&in->lock);
}

/* The i-th one. False: there are no more. */
static bool next_found(struct introduction *in, size_t i, struct dir_entry *c)
{
	pthread_mutex_lock(&in->lock);
	while (i == in->count && !in->walked) {
		if (in->walking)
			pthread_cond_wait(&in->changed, &in->lock);
		else
			walk(in, WALK_CHUNKS);
	}
	bool more = i < in->count;
	if (more)
		*c = in->found[i];
	pthread_mutex_unlock(&in->lock);
	return more;
}

/* Nobody walks when this returns, nor will. */
static void end_walk(struct introduction *in)
{
	pthread_mutex_lock(&in->lock);
	in->stop = true;
	while (in->walking)
		pthread_cond_wait(&in->changed, &in->lock);
	in->walked = true;
	pthread_mutex_unlock(&in->lock);
}

void introduce(struct introduction *in, struct run *run, struct iface_table *ifaces,
	       struct reader_work *work, uint8_t *stored, uint8_t *decoded)
{
	struct pcapng p = {.ifaces = ifaces}; /* counts as the directory does */
	uint64_t first = UINT64_MAX;
	struct dir_entry c;

	for (size_t i = 0; !run->ended && next_found(in, i, &c); i++) {
		struct reason why;
		size_t n;
		p.loose |= c.unknown;
		if (c.unknown)
			continue;
		work->bytes_read += c.chunk.stored;
		if (chunk_load(in->d->fd, &c, stored, decoded, LZ4_BLOCK_MAX, &n, &why))
			continue; /* told when its notices are to be read */
		work->bytes_decoded += n;
		chunk_describe(&p, run, decoded, n, &first, &why);
	}
	end_walk(in);
	/* A name that stands late in the file may decide about an interface that stands early. */
	for (uint32_t i = 0; !run->ended && i < ifaces->count; i++)
		run_ask(run, ifaces, i);
	run->unknown_wanted = run->all_wanted || run->q->iface_wanted(run->q->ctx, IFACE_NONE);
	first = MIN(first, in->first);
	if (first < UINT64_MAX)
		run_begin(run, first);
}
