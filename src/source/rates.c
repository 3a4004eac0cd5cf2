/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of the counters of links over a window that moves along. */
#include "source/statistics.h"

#include <stdlib.h>

struct rates {
	uint64_t window;
	uint64_t last_ts; /* of the counters below, 0 = none yet */
	uint64_t last[RATE_SERIES];
	unsigned first, n, cap;	      /* ring of points */
	uint64_t *ts;		      /* [cap] */
	uint64_t *value[RATE_SERIES]; /* [cap] each */
};

static uint64_t points(uint64_t window, uint64_t interval)
{
	return window / MAX(interval, 1ull);
}

uint64_t rates_step(uint64_t window, uint64_t interval)
{
	return points(window, interval) > RATE_POINTS ? window / RATE_POINTS : interval;
}

struct rates *rates_new(uint64_t window, uint64_t interval)
{
	struct rates *r = xcalloc(1, sizeof(*r));

	r->window = window;
	r->cap = (unsigned)MIN(MAX(points(window, interval), RATE_LEAST), RATE_POINTS);
	r->ts = xcalloc(r->cap, sizeof(*r->ts));
	for (unsigned k = 0; k < RATE_SERIES; k++)
		r->value[k] = xcalloc(r->cap, sizeof(*r->value[k]));
	return r;
}

void rates_free(struct rates *r)
{
	if (!r)
		return;
	for (unsigned k = 0; k < RATE_SERIES; k++)
		free(r->value[k]);
	free(r->ts);
	free(r);
}

static void forget_oldest(struct rates *r)
{
	r->first = (r->first + 1) % r->cap;
	r->n--;
}

/* The counters since the last ones as rates; false when one of them began anew. */
static bool rate_of(const struct rates *r, uint64_t ns, const struct counters *c,
		    uint64_t out[RATE_SERIES])
{
	for (unsigned k = 0; k < RATE_SERIES; k++) {
		if (c->value[k] < r->last[k])
			return false;
		out[k] = (uint64_t)((unsigned __int128)(c->value[k] - r->last[k]) * NSEC_PER_SEC /
				    ns);
	}
	return true;
}

void rates_add(struct rates *r, uint64_t ts, const struct counters *c)
{
	uint64_t now[RATE_SERIES];

	while (r->n && r->ts[r->first] + r->window <= ts)
		forget_oldest(r);
	if (r->last_ts && ts > r->last_ts && rate_of(r, ts - r->last_ts, c, now)) {
		if (r->n == r->cap)
			forget_oldest(r);
		unsigned at = (r->first + r->n++) % r->cap;
		r->ts[at] = ts;
		for (unsigned k = 0; k < RATE_SERIES; k++)
			r->value[k][at] = now[k];
	}
	r->last_ts = ts;
	memcpy(r->last, c->value, sizeof(r->last));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* At position p * (n - 1) of the sorted values, p in units of 1/10000. */
static uint64_t percentile(const uint64_t *sorted, unsigned n, unsigned p)
{
	uint64_t position = (uint64_t)p * (n - 1);
	unsigned at = (unsigned)(position / 10000), rest = (unsigned)(position % 10000);

	if (!rest)
		return sorted[at];
	return sorted[at] +
	       (uint64_t)((unsigned __int128)(sorted[at + 1] - sorted[at]) * rest / 10000);
}

/* What stands of a series in the capture: the counters from `first` on. */
static void series_tell(uint64_t *value, unsigned n, enum counter_id first, struct counters *out)
{
	static const unsigned parts[] = {0, 10000, 5000, 9000, 9500, 9900, 9990, 9999};

	qsort(value, n, sizeof(*value), compare);
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		counters_set(out, first + i, percentile(value, n, parts[i]));
	counters_set(out, first + ARRAY_SIZE(parts), n);
}

void rates_tell(const struct rates *r, struct counters *out)
{
	static const enum counter_id first[RATE_SERIES] = {
		[COUNTER_NET_RX_PACKETS] = COUNTER_RX_PACKET_RATE_MIN,
		[COUNTER_NET_RX_BYTES] = COUNTER_RX_RATE_MIN,
		[COUNTER_NET_RX_ERRORS] = COUNTER_RX_ERROR_RATE_MIN,
		[COUNTER_NET_RX_DROPPED] = COUNTER_RX_DROP_RATE_MIN,
		[COUNTER_NET_TX_PACKETS] = COUNTER_TX_PACKET_RATE_MIN,
		[COUNTER_NET_TX_BYTES] = COUNTER_TX_RATE_MIN,
		[COUNTER_NET_TX_ERRORS] = COUNTER_TX_ERROR_RATE_MIN,
		[COUNTER_NET_TX_DROPPED] = COUNTER_TX_DROP_RATE_MIN,
	};
	uint64_t value[RATE_POINTS];

	if (r->n < 2)
		return;
	for (unsigned k = 0; k < RATE_SERIES; k++) {
		for (unsigned i = 0; i < r->n; i++)
			value[i] = r->value[k][(r->first + i) % r->cap];
		series_tell(value, r->n, first[k], out);
	}
}
