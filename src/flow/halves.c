/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file read by two threads, each with a reader, a state and a listener of its own for about half
 * of the packets: those of some interfaces. Nothing is shared but the file, so chunks are used
 * while they are in the cache of who decoded them.
 */
#include "flow/inside.h"

#include <pthread.h>
#include <stdlib.h>

#define WORTH_PACKETS 65536u	   /* of the one who has less */
#define DEAL_BLOCKS   (128u << 10) /* their directory, some 30 MB, is held to deal them out */

/* The lighter one takes the next interface. Returns what the lighter one has in the end. */
static uint64_t deal(uint8_t *of, const uint64_t *packets, size_t n)
{
	uint64_t sum[2] = {0};

	for (size_t i = 0; i < n; i++) {
		of[i] = sum[1] < sum[0];
		sum[of[i]] += packets[i];
	}
	return MIN(sum[0], sum[1]);
}

/* Packets in [from, to] by interface. */
static uint64_t *weigh(struct reader *r, uint64_t from, uint64_t to, size_t *ifaces)
{
	size_t n = reader_chunks(r);
	uint64_t *packets = xcalloc(1, sizeof(*packets));
	size_t cap = 0;

	for (size_t i = 0; i < n; i++) {
		const struct chunk *k = reader_chunk(r, i);
		for (uint32_t p = 0; p < k->part_count; p++) {
			uint32_t number = k->parts[p].iface;
			if (number == IFACE_NONE)
				continue;
			if (number >= cap) {
				size_t more = MAX(2 * cap, number + 1u);
				packets = xrealloc(packets, more * sizeof(*packets));
				memset(packets + cap, 0, (more - cap) * sizeof(*packets));
				cap = more;
			}
			if (k->last >= from && k->first <= to)
				packets[number] += k->parts[p].packets;
		}
	}
	*ifaces = cap;
	return packets;
}

uint8_t *flow_deal(struct reader *r, uint64_t from, uint64_t to, size_t *n)
{
	struct reader_info info;

	reader_get_info(r, &info);
	if (info.blocks > DEAL_BLOCKS || !reader_chunks(r) || !info.complete)
		return NULL;
	cleanup_free uint64_t *packets = weigh(r, from, to, n);
	uint8_t *of = xcalloc(*n + 1, sizeof(*of));
	if (deal(of, packets, *n) >= WORTH_PACKETS)
		return of;
	free(of);
	return NULL;
}

/* ---- running ---- */

struct half {
	struct flow_options o;
	struct flow_totals totals;
	struct err e;
	int status;
};

static void *run_second(void *arg)
{
	struct half *h = arg;

	h->status = flow_run_one(&h->o, true, &h->totals, &h->e);
	return NULL;
}

/* What only the first one does is left out. */
static struct flow_options options_of_second(const struct flow_options *o, struct source *s)
{
	return (struct flow_options){
		.source = s,
		.state = o->second->state,
		.filter = o->second->filter,
		.hint = o->hint,
		.from = o->from,
		.to = o->to,
		.threads = 1,
		.unordered = true,
		.by_iface = o->by_iface,
		.second = o->second,
		.present = o->second->present,
		.ctx = o->second->ctx,
	};
}

static void add_totals(struct flow_totals *t, const struct flow_totals *more)
{
	t->read += more->read;
	t->events += more->events;
	t->packets += more->packets;
	t->bytes += more->bytes;
	t->sights += more->sights;
	t->counters += more->counters;
	t->notices += more->notices;
	t->lost += more->lost;
	t->broken |= more->broken;
	if (more->first && (!t->first || more->first < t->first))
		t->first = more->first;
	t->last = MAX(t->last, more->last);
}

int flow_run_both(const struct flow_options *o, struct flow_totals *totals, struct err *e)
{
	struct reader *whole = o->source->kind->reader(o->source), *r = reader_twin(whole);
	struct source *twin = r ? source_of_reader(r) : NULL;
	struct flow_options first = *o;
	struct source_stats stats;
	struct half second = {.o = options_of_second(o, twin)};
	pthread_t thread;

	first.threads = 1;
	bool both = twin && !pthread_create(&thread, NULL, run_second, &second);
	if (!both)
		first.second = NULL;
	int status = flow_run_one(&first, false, totals, e);
	if (both) {
		if (status > 0)
			atomic_store(&twin->stop, true);
		pthread_join(thread, NULL);
		add_totals(totals, &second.totals);
		twin->kind->stats(twin, &stats);
		totals->beside += stats.lost;
		if (status >= 0 && second.status < 0) {
			status = -1;
			if (e)
				*e = second.e;
		}
		/* Of the damage each has met a part. */
		if (status < 0 && !totals->broken)
			reader_trouble(whole, r, e);
	}
	source_close(twin);
	return status;
}
