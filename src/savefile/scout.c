/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hopping from chunk to chunk is a chain: where the next one begins is known
 * only when this one has been looked at, and looking costs a system call. A
 * scout is a second thread that walks a later stretch of the same chain and
 * notes what it saw. It begins where a chunk seems to begin; when it was wrong
 * nobody ever comes to the places it noted, so nothing depends on its luck.
 */
#include "savefile/read.h"

#include <fcntl.h>
#include <lz4.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUND_BYTES                                                                             \
	(256u << 20)		/* of the file: the first part for the caller, then the scout's \
				 */
#define LEAST_BYTES (16u << 20) /* not worth a thread */
#define OWN_PERCENT 45u		/* the caller also looks into what both found */
#define SEARCH_STEP (128u << 10)
#define SEARCH_MAX  (2u << 20)
#define GLIMPSES    8192u /* of a round: 1.1 MB */
/* Where the enterprise number in a summary lies behind the chunk's length, in stored bytes: behind
 * 24 decoded bytes, of which LZ4 may have folded some. */
#define MARK_MIN 16u
#define MARK_MAX 32u

struct glimpse {
	uint64_t at;
	uint32_t n;
	uint8_t bytes[GLANCE_BYTES];
};

struct scout {
	int fd;
	uint64_t file_bytes;
	uint32_t between;  /* bytes of a block's length and checksum */
	uint64_t from, to; /* the stretch of this round; the caller is in a round up to `to` */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	uint8_t *buffer;
	struct glimpse *glimpses;
	uint32_t count, next;
};

/* Does a chunk that begins with our summary seem to have its length at p? */
static bool looks_like_chunk(const uint8_t *p, size_t n)
{
	uint8_t head[28] = {0};
	uint32_t word = load_le32(p);

	if (!word || word > LZ4_BLOCK_MAX)
		return false;
	LZ4_decompress_safe_partial((const char *)p + 4, (char *)head, (int)(n - 4), sizeof(head),
				    sizeof(head));
	return load_le32(head) == BLOCK_ISB && load_le32(head + 24) == SAVEFILE_PEN;
}

/* Offset of a chunk in the buffer of n bytes, -1 when there is none. */
static ssize_t find_chunk(const uint8_t *buffer, size_t n)
{
	static const uint8_t mark[] = {SAVEFILE_PEN & 0xff, SAVEFILE_PEN >> 8, 0, 0,
				       CUSTOM_SUMMARY,	    CUSTOM_VERSION};

	for (const uint8_t *p = buffer;
	     (p = memmem(p, n - (size_t)(p - buffer), mark, sizeof(mark))); p++) {
		size_t at = (size_t)(p - buffer);
		for (size_t back = MARK_MIN; back <= MARK_MAX && back <= at; back++)
			if (n - at >= GLANCE_BYTES && looks_like_chunk(p - back, GLANCE_BYTES))
				return (ssize_t)(at - back);
	}
	return -1;
}

static uint64_t search(struct scout *s)
{
	/* The pieces overlap, so that a beginning on their border is found in one of them. */
	for (uint64_t at = s->from; at < s->from + SEARCH_MAX;
	     at += SEARCH_STEP - GLANCE_BYTES * 2) {
		ssize_t n = pread(s->fd, s->buffer, SEARCH_STEP, (off_t)at);
		ssize_t found = n > 0 ? find_chunk(s->buffer, (size_t)n) : -1;
		if (found >= 0)
			return at + (uint64_t)found;
	}
	return s->to;
}

static void *walk(void *arg)
{
	struct scout *s = arg;

	for (uint64_t at = search(s); at < s->to && s->count < GLIMPSES;) {
		struct glimpse *g = &s->glimpses[s->count];
		ssize_t n = pread(s->fd, g->bytes, sizeof(g->bytes), (off_t)at);
		uint32_t size = n >= 4 ? load_le32(g->bytes) & ~LZ4_BLOCK_PLAIN_BIT : 0;
		if (!size || atomic_load_explicit(&s->stop, memory_order_relaxed))
			break;
		g->at = at;
		g->n = (uint32_t)n;
		s->count++;
		at += s->between + size;
	}
	return NULL;
}

struct scout *scout_new(int fd, uint64_t file_bytes, bool checksum)
{
	struct scout *s = xcalloc(1, sizeof(*s));

	/* Of its own: two threads that read through one wait for each other at its use count. */
	cleanup_free char *self = xasprintf("/proc/self/fd/%d", fd);
	s->fd = open(self, O_RDONLY | O_CLOEXEC | (fcntl(fd, F_GETFL) & O_NOATIME));
	s->file_bytes = file_bytes;
	s->between = checksum ? 8 : 4;
	s->buffer = xmalloc(SEARCH_STEP);
	s->glimpses = xmalloc(GLIMPSES * sizeof(*s->glimpses));
	return s;
}

static void await(struct scout *s)
{
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = false;
}

void scout_free(struct scout *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	await(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s->buffer);
	free(s->glimpses);
	free(s);
}

static void begin_round(struct scout *s, uint64_t at)
{
	uint64_t round = MIN(s->file_bytes - at, ROUND_BYTES);

	s->from = at + round * OWN_PERCENT / 100;
	s->to = at + round;
	s->count = s->next = 0;
	s->running = s->fd >= 0 && round >= LEAST_BYTES &&
		     !pthread_create(&s->thread, NULL, walk, s);
}

size_t scout_glance(struct scout *s, uint64_t at, uint8_t out[GLANCE_BYTES])
{
	if (at >= s->to)
		begin_round(s, at);
	if (at < s->from)
		return 0;
	await(s);
	while (s->next < s->count && s->glimpses[s->next].at < at)
		s->next++;
	const struct glimpse *g = &s->glimpses[s->next];
	if (s->next == s->count || g->at != at)
		return 0;
	memcpy(out, g->bytes, g->n);
	return g->n;
}
