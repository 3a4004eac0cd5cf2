/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live.h"

#include <poll.h>
#include <stdlib.h>

#define TICK_NS	       (100 * NSEC_PER_MSEC)
#define POLL_MS	       50
#define BLOCKS_A_ROUND 4  /* then look at notifications and the clock */
#define SNAPLEN_MIN    96 /* headers are needed to tell whose a packet is */

static int live_setup(struct live *l, struct err *e)
{
	if (l->o.capture_filter && bpf_expression_compile(&l->expression, l->o.capture_filter, e))
		return -1;
	l->ring = ring_open(l->o.ring_bytes, e);
	if (!l->ring || live_links_open(l, e))
		return -1;
	l->discover = discover_start(&l->o, e);
	l->sampler = l->discover ? sampler_new(&l->o, e) : NULL;
	return l->sampler ? 0 : -1;
}

static void live_close(struct source *base)
{
	struct live *l = (struct live *)base;

	discover_stop(l->discover);
	live_packet_close(l);
	live_who_close(l);
	live_links_close(l);
	sampler_free(l->sampler);
	socket_table_free(l->sockets);
	ring_close(l->ring);
	bpf_expression_done(&l->expression);
	free(l);
}

static struct source *live_open(const char *what, const struct source_options *o, struct err *e)
{
	struct live *l = xcalloc(1, sizeof(*l));

	(void)what;
	if (o)
		l->o = *o;
	if (l->o.snaplen)
		l->o.snaplen = MAX(l->o.snaplen, SNAPLEN_MIN);
	l->o.sample = MAX(l->o.sample, 1u);
	if (!l->o.counter_interval)
		l->o.counter_interval = NSEC_PER_SEC;
	if (live_setup(l, e)) {
		live_close(&l->base);
		return NULL;
	}
	return &l->base;
}

/* ---- one round ---- */

static int take_letters(struct live *l)
{
	struct discovery *letter = discover_take(l->discover);

	if (!letter)
		return 0;
	int rc = live_who_letter(l, letter);
	struct socket_table *sockets = letter->sockets;
	letter->sockets = NULL;
	discovery_free(letter);
	if (!sockets)
		return rc;
	socket_table_free(l->sockets);
	l->sockets = sockets;
	return rc ? rc : live_packet_release(l, socket_table_time(sockets));
}

static int look_for_loss(struct live *l)
{
	struct ring_stats now;

	ring_get_stats(l->ring, &now);
	uint64_t lost = now.lost - l->ring_stats.lost;
	l->ring_stats = now;
	l->stats.seen = now.seen;
	l->stats.lost = now.lost;
	return lost ? live_who_drop(l, lost) : 0;
}

static int sample_counters(struct live *l, uint64_t mono)
{
	uint64_t step = l->o.counter_interval;

	if (step == UINT64_MAX || mono < l->next_counters)
		return 0;
	/* Rounds that could not be kept are left out, not made up for. */
	l->next_counters = l->next_counters + step > mono ? l->next_counters + step : mono + step;
	return live_who_counters(l, time_now());
}

static int tick(struct live *l, uint64_t mono)
{
	int rc;

	if (mono < l->next_tick)
		return 0;
	l->next_tick = mono + TICK_NS;
	live_links_purge(l, mono);
	rc = look_for_loss(l);
	if (!rc)
		rc = live_packet_release(l, time_now() - LIVE_HELD_NS);
	if (!rc)
		rc = live_who_endings(l, mono, false);
	if (!rc && l->sink->tick)
		rc = l->sink->tick(l->sink->ctx, time_now());
	return rc;
}

/* Until rates are due. */
static int sleep_msec(const struct live *l, uint64_t mono)
{
	uint64_t left = l->next_rates > mono ? l->next_rates - mono : 0;

	return (int)MIN((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, (uint64_t)POLL_MS);
}

/* -1 with err, the sink's answer, or 0. */
static int round_once(struct live *l, bool *left, struct err *e)
{
	struct pollfd fds[] = {{ring_fd(l->ring), POLLIN, 0},
			       {discover_fd(l->discover), POLLIN, 0},
			       {net_fd(l->monitor), POLLIN, 0}};
	int rc = 0;

	poll(fds, ARRAY_SIZE(fds), *left ? 0 : sleep_msec(l, time_monotonic()));
	if (fds[2].revents && live_links_read(l, e))
		return -1;
	if (fds[1].revents)
		rc = take_letters(l);
	if (l->filter_dirty && live_links_filter(l, e))
		return -1;
	if (!rc)
		rc = ring_read(l->ring, BLOCKS_A_ROUND, live_packet, l, left);
	if (l->ask_sockets) {
		l->ask_sockets = false;
		discover_ask_sockets(l->discover);
	}
	uint64_t mono = time_monotonic();
	l->next_rates = sampler_rates(l->sampler, mono);
	if (!rc)
		rc = tick(l, mono);
	return rc ? rc : sample_counters(l, mono);
}

/* What came in before the stop and waits in a block that is not full. */
static int drain(struct live *l)
{
	uint64_t end = time_monotonic() + (RING_RETIRE_MS + 10) * NSEC_PER_MSEC;
	bool left = false;
	int rc = 0;

	for (uint64_t now; !rc && (now = time_monotonic()) < end;) {
		struct pollfd fd = {ring_fd(l->ring), POLLIN, 0};
		poll(&fd, 1, (int)((end - now) / NSEC_PER_MSEC) + 1);
		rc = ring_read(l->ring, BLOCKS_A_ROUND, live_packet, l, &left);
	}
	return rc;
}

static int live_run(struct source *base, const struct reader_query *q, const struct sink *sink,
		    struct err *e)
{
	struct live *l = (struct live *)base;
	bool left = false;
	int rc;

	l->sink = sink;
	l->query = q;
	l->begun = time_now();
	rc = take_letters(l);
	if (!rc)
		rc = live_who_asked(l);
	if (!rc && live_links_filter(l, e))
		rc = -1;
	while (!rc && !atomic_load_explicit(&base->stop, memory_order_relaxed))
		rc = round_once(l, &left, e);
	bool stopped = atomic_load_explicit(&base->stop, memory_order_relaxed);
	if (rc < 0)
		return -1;
	if (rc && !stopped)
		return 1;
	rc = drain(l);
	if (!rc)
		rc = take_letters(l);
	if (!rc)
		rc = live_packet_release(l, UINT64_MAX);
	if (!rc)
		rc = look_for_loss(l);
	if (!rc && l->o.counter_interval != UINT64_MAX)
		rc = live_who_counters(l, time_now());
	if (!rc)
		rc = live_who_endings(l, 0, true);
	return rc ? 1 : 0;
}

static void live_stats(const struct source *base, struct source_stats *out)
{
	*out = ((const struct live *)base)->stats;
}

static double live_progress(const struct source *base)
{
	(void)base;
	return -1;
}

const struct source_kind source_live = {
	.scheme = "live",
	.open = live_open,
	.run = live_run,
	.stats = live_stats,
	.progress = live_progress,
	.close = live_close,
};
