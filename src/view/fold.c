/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How values become one number. A total needs its samples in no order: the
 * first and the last by their time are what counts.
 */
#include "view/inside.h"

#include <math.h>

/* Slots of a total. */
enum { FIRST_TS, FIRST, LAST_TS, LAST, TOTAL_SLOTS };
/* Slots of FOLD_SHARE, which needs its samples in order. */
enum { SHARE_TS, SHARE_LAST, SHARE_GREW, SHARE_SEEN, SHARE_SLOTS };

uint32_t fold_slots(enum view_fold fold, bool over)
{
	uint32_t n = 1;

	if (fold == FOLD_AVG || fold == FOLD_NONE) /* of counters: the newest */
		n = 2;
	else if (fold == FOLD_DELTA || fold == FOLD_RATE)
		n = TOTAL_SLOTS;
	else if (fold == FOLD_SHARE)
		n = SHARE_SLOTS;
	return over ? 2 * n : n;
}

void fold_fresh(enum view_fold fold, bool over, double *slots)
{
	uint32_t n = fold_slots(fold, over);

	for (uint32_t i = 0; i < n; i++)
		slots[i] = NAN;
	if (fold == FOLD_COUNT)
		slots[0] = 0;
}

/* Seconds since 2020: a double then still tells microseconds. */
static double seconds_of(uint64_t ts)
{
	return (double)(int64_t)(ts - 1577836800ull * NSEC_PER_SEC) / (double)NSEC_PER_SEC;
}

static void add_total(double *s, double v, uint64_t ts)
{
	double at = seconds_of(ts);

	if (isnan(s[FIRST_TS]) || at < s[FIRST_TS]) {
		s[FIRST_TS] = at;
		s[FIRST] = v;
	}
	if (isnan(s[LAST_TS]) || at >= s[LAST_TS]) {
		s[LAST_TS] = at;
		s[LAST] = v;
	}
}

static void add_share(double *s, double v, uint64_t ts)
{
	double at = seconds_of(ts);

	if (!isnan(s[SHARE_TS]) && at > s[SHARE_TS]) {
		if (isnan(s[SHARE_SEEN]))
			s[SHARE_SEEN] = s[SHARE_GREW] = 0;
		s[SHARE_SEEN] += at - s[SHARE_TS];
		s[SHARE_GREW] += v > s[SHARE_LAST] ? at - s[SHARE_TS] : 0;
	}
	s[SHARE_TS] = at;
	s[SHARE_LAST] = v;
}

void fold_add(enum view_fold fold, double *s, double v, double weight, uint64_t ts)
{
	switch (fold) {
	case FOLD_SUM:
	case FOLD_TIME_AVG:
		s[0] = isnan(s[0]) ? v * weight : s[0] + v * weight;
		break;
	case FOLD_AVG:
		s[0] = isnan(s[0]) ? v * weight : s[0] + v * weight;
		s[1] = isnan(s[1]) ? weight : s[1] + weight;
		break;
	case FOLD_MIN:
		s[0] = isnan(s[0]) || v < s[0] ? v : s[0];
		break;
	case FOLD_MAX:
		s[0] = isnan(s[0]) || v > s[0] ? v : s[0];
		break;
	case FOLD_COUNT:
		s[0] = isnan(s[0]) ? 1 : s[0] + 1;
		break;
	case FOLD_DELTA:
	case FOLD_RATE:
		add_total(s, v, ts);
		break;
	case FOLD_SHARE:
		add_share(s, v, ts);
		break;
	default: {
		double at = seconds_of(ts);
		if (isnan(s[0]) || at >= s[0]) {
			s[0] = at;
			s[1] = v;
		}
	}
	}
}

static void join_total(double *s, const double *more)
{
	if (isnan(s[FIRST_TS]) || more[FIRST_TS] < s[FIRST_TS]) {
		s[FIRST_TS] = more[FIRST_TS];
		s[FIRST] = more[FIRST];
	}
	if (isnan(s[LAST_TS]) || more[LAST_TS] >= s[LAST_TS]) {
		s[LAST_TS] = more[LAST_TS];
		s[LAST] = more[LAST];
	}
}

static double sum(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

static void join_share(double *s, const double *more)
{
	s[SHARE_GREW] = sum(s[SHARE_GREW], more[SHARE_GREW]);
	s[SHARE_SEEN] = sum(s[SHARE_SEEN], more[SHARE_SEEN]);
}

void fold_join(enum view_fold fold, bool over, double *s, const double *more)
{
	uint32_t n = fold_slots(fold, over);

	switch (fold) {
	case FOLD_DELTA:
	case FOLD_RATE:
		join_total(s, more);
		if (over)
			join_total(s + TOTAL_SLOTS, more + TOTAL_SLOTS);
		break;
	case FOLD_MIN:
	case FOLD_MAX:
		for (uint32_t i = 0; i < n; i++)
			s[i] = fold == FOLD_MIN ? fmin(s[i], more[i]) : fmax(s[i], more[i]);
		break;
	case FOLD_SHARE:
		join_share(s, more);
		if (over)
			join_share(s + SHARE_SLOTS, more + SHARE_SLOTS);
		break;
	case FOLD_NONE:
		for (uint32_t i = 0; i < n; i += 2)
			if (isnan(s[i]) || more[i] >= s[i]) {
				s[i] = more[i];
				s[i + 1] = more[i + 1];
			}
		break;
	case FOLD_COUNT:
		break;
	default:
		for (uint32_t i = 0; i < n; i++)
			s[i] = sum(s[i], more[i]);
	}
}

static void next_total(double *s)
{
	s[FIRST_TS] = s[LAST_TS];
	s[FIRST] = s[LAST];
}

void fold_next(enum view_fold fold, bool over, double *s)
{
	switch (fold) {
	case FOLD_DELTA:
	case FOLD_RATE:
		next_total(s);
		if (over)
			next_total(s + TOTAL_SLOTS);
		break;
	case FOLD_SHARE:
		s[SHARE_GREW] = s[SHARE_SEEN] = NAN;
		if (over)
			s[SHARE_SLOTS + SHARE_GREW] = s[SHARE_SLOTS + SHARE_SEEN] = NAN;
		break;
	case FOLD_NONE:
		break;
	default:
		fold_fresh(fold, over, s);
	}
}

/* A total that fell began anew. */
static double grown(const double *s)
{
	if (!(s[LAST_TS] > s[FIRST_TS]))
		return NAN;
	return s[LAST] >= s[FIRST] ? s[LAST] - s[FIRST] : s[LAST];
}

double fold_span(const double *s)
{
	return s[LAST_TS] - s[FIRST_TS];
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : NAN;
}

/* What a ratio is of; slots of fold and, behind them, of what it is divided by. Both have the same
 * time, which need not be known. */
static void ratio_parts(enum view_fold fold, const double *s, double *above, double *below)
{
	const double *o = s + fold_slots(fold, false);

	if (fold == FOLD_RATE)
		fold = FOLD_DELTA;
	*above = fold_result(fold, false, s, 1);
	*below = fold_result(fold, false, o, 1);
}

void fold_add_ratio(double *group, enum view_fold fold, const double *s)
{
	double above, below;

	ratio_parts(fold, s, &above, &below);
	if (isnan(above) || isnan(below))
		return;
	fold_add(FOLD_SUM, group, above, 1, 0);
	fold_add(FOLD_SUM, group + 1, below, 1, 0);
}

double fold_result(enum view_fold fold, bool over, const double *s, double seconds)
{
	double above, below;

	if (over) {
		ratio_parts(fold, s, &above, &below);
		return ratio(above, below);
	}
	switch (fold) {
	case FOLD_TIME_AVG:
		return ratio(s[0], seconds);
	case FOLD_AVG:
		return ratio(s[0], s[1]);
	case FOLD_DELTA:
		return grown(s);
	case FOLD_RATE:
		return grown(s) / (s[LAST_TS] - s[FIRST_TS]);
	case FOLD_SHARE:
		return ratio(s[SHARE_GREW], s[SHARE_SEEN]);
	case FOLD_NONE:
		return s[1];
	default:
		return s[0];
	}
}
