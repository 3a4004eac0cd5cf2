/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

/* The last whole second that fits, in the year 2554. */
#define SECONDS_MAX (UINT64_MAX / NSEC_PER_SEC - 1)

static uint64_t now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t time_now(void)
{
	return now_of(CLOCK_REALTIME);
}

uint64_t time_monotonic(void)
{
	return now_of(CLOCK_MONOTONIC);
}

uint64_t time_thread_cpu(void)
{
	return now_of(CLOCK_THREAD_CPUTIME_ID);
}

/* Local calendar time of one second; the last one is kept, since lines come in bursts. */
static const struct tm *local_of(uint64_t seconds)
{
	static _Thread_local struct tm tm;
	static _Thread_local uint64_t cached = UINT64_MAX;

	if (seconds != cached) {
		time_t t = (time_t)seconds;
		localtime_r(&t, &tm);
		cached = seconds;
	}
	return &tm;
}

static void put2(char *p, int v)
{
	p[0] = (char)('0' + v / 10 % 10);
	p[1] = (char)('0' + v % 10);
}

static void put_clock(char out[8], const struct tm *tm)
{
	put2(out, tm->tm_hour);
	out[2] = ':';
	put2(out + 3, tm->tm_min);
	out[5] = ':';
	put2(out + 6, tm->tm_sec);
}

static void put_fraction(char out[10], uint64_t ns)
{
	out[0] = '.';
	digits_nine(out + 1, (uint32_t)ns);
}

void text_time_local(struct text *t, uint64_t ns, bool fraction)
{
	static _Thread_local uint64_t cached = UINT64_MAX;
	static _Thread_local char clock[8];
	uint64_t seconds = ns / NSEC_PER_SEC;

	if (UNLIKELY(seconds != cached)) {
		put_clock(clock, local_of(seconds));
		cached = seconds;
	}
	char *out = text_room(t, 18);
	memcpy(out, clock, 8);
	t->len += 8;
	if (fraction) {
		put_fraction(out + 8, ns % NSEC_PER_SEC);
		t->len += 10;
	}
}

#define DATE_SIZE 19u /* YYYY-MM-DD hh:mm:ss; nanoseconds in 64 bits end in the year 2554 */

static void put_date(char out[DATE_SIZE], const struct tm *tm, char between)
{
	int year = tm->tm_year + 1900;

	put2(out, year / 100);
	put2(out + 2, year % 100);
	out[4] = out[7] = '-';
	put2(out + 5, tm->tm_mon + 1);
	put2(out + 8, tm->tm_mday);
	out[10] = between;
	put_clock(out + 11, tm);
}

static void text_date(struct text *t, const char date[DATE_SIZE], uint64_t ns)
{
	char *out = text_room(t, DATE_SIZE + 10);

	memcpy(out, date, DATE_SIZE);
	put_fraction(out + DATE_SIZE, ns % NSEC_PER_SEC);
	t->len += DATE_SIZE + 10;
}

void text_time_iso(struct text *t, uint64_t ns)
{
	static _Thread_local uint64_t cached = UINT64_MAX;
	static _Thread_local char date[DATE_SIZE];
	uint64_t seconds = ns / NSEC_PER_SEC;

	if (UNLIKELY(seconds != cached)) {
		struct tm tm;
		time_t when = (time_t)seconds;
		gmtime_r(&when, &tm);
		put_date(date, &tm, 'T');
		cached = seconds;
	}
	text_date(t, date, ns);
	text_put(t, "+0000", 5);
}

void text_time_datetime(struct text *t, uint64_t ns)
{
	static _Thread_local uint64_t cached = UINT64_MAX;
	static _Thread_local char date[DATE_SIZE];
	uint64_t seconds = ns / NSEC_PER_SEC;

	if (UNLIKELY(seconds != cached)) {
		put_date(date, local_of(seconds), ' ');
		cached = seconds;
	}
	text_date(t, date, ns);
}

void text_time_seconds(struct text *t, uint64_t ns)
{
	char fraction[10];

	text_u64(t, ns / NSEC_PER_SEC);
	put_fraction(fraction, ns % NSEC_PER_SEC);
	text_put(t, fraction, sizeof(fraction));
}

/* Up to nine digits behind a point, as nanoseconds; the point is optional. */
static bool take_fraction(const char **s, uint64_t *ns)
{
	uint64_t unit = NSEC_PER_SEC / 10;

	*ns = 0;
	if (**s != '.')
		return true;
	(*s)++;
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++, unit /= 10)
		*ns += unit * (uint64_t)(**s - '0');
	return true;
}

static bool take_digits(const char **s, unsigned most, uint64_t *out)
{
	unsigned n = 0;

	for (*out = 0; n < most && isdigit((unsigned char)**s); n++)
		*out = *out * 10 + (uint64_t)(*(*s)++ - '0');
	return n > 0;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool take_clock(const char **s, struct tm *tm)
{
	uint64_t h, m, sec = 0;

	if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m))
		return false;
	if (take_char(s, ':') && !take_digits(s, 2, &sec))
		return false;
	tm->tm_hour = (int)h;
	tm->tm_min = (int)m;
	tm->tm_sec = (int)sec;
	return h < 24 && m < 60 && sec < 61;
}

static bool take_date(const char **s, struct tm *tm)
{
	const char *at = *s;
	uint64_t y, m, d;

	if (!take_digits(&at, 4, &y) || !take_char(&at, '-') || !take_digits(&at, 2, &m) ||
	    !take_char(&at, '-') || !take_digits(&at, 2, &d))
		return false;
	if (y < 1970 || !m || m > 12 || !d || d > 31)
		return false;
	tm->tm_year = (int)y - 1900;
	tm->tm_mon = (int)m - 1;
	tm->tm_mday = (int)d;
	*s = at;
	return true;
}

/* "Z" or +hh[:]mm: seconds east of UTC. */
static bool take_zone(const char **s, int64_t *east)
{
	uint64_t h, m;

	*east = 0;
	if (take_char(s, 'Z'))
		return true;
	if (**s != '+' && **s != '-')
		return false;
	int sign = *(*s)++ == '-' ? -1 : 1;
	if (!take_digits(s, 2, &h))
		return false;
	take_char(s, ':');
	if (!take_digits(s, 2, &m))
		return false;
	*east = sign * (int64_t)(h * 3600 + m * 60);
	return true;
}

static bool parse_calendar(const char *s, uint64_t base, uint64_t *out)
{
	struct tm tm = *local_of(base / NSEC_PER_SEC);
	uint64_t ns = 0;
	int64_t east;
	time_t seconds;

	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	bool dated = take_date(&s, &tm);
	if (dated && *s && !take_char(&s, ' ') && !take_char(&s, 'T'))
		return false;
	if ((*s || !dated || !isdigit((unsigned char)s[-1])) &&
	    (!take_clock(&s, &tm) || !take_fraction(&s, &ns)))
		return false;
	int day = tm.tm_mday; /* 30 February becomes another day */
	if (!*s)
		seconds = mktime(&tm);
	else if (take_zone(&s, &east))
		seconds = timegm(&tm) - (time_t)east;
	else
		return false;
	if (*s || tm.tm_mday != day || seconds < 0 || (uint64_t)seconds > SECONDS_MAX)
		return false;
	*out = (uint64_t)seconds * NSEC_PER_SEC + ns;
	return true;
}

int time_parse(const char *s, uint64_t base, uint64_t *out, struct err *e)
{
	const char *at = s + 1;
	uint64_t whole, ns;

	if (*s == '@' && take_digits(&at, 11, &whole) && take_fraction(&at, &ns) && !*at &&
	    whole <= SECONDS_MAX) {
		*out = whole * NSEC_PER_SEC + ns;
		return 0;
	}
	if (*s == '+') {
		if (duration_parse(s + 1, &ns, e))
			return -1;
		*out = ns > UINT64_MAX - base ? UINT64_MAX : base + ns;
		return 0;
	}
	if (*s && parse_calendar(s, base, out))
		return 0;
	return err_set(e, ERR_USAGE,
		       "'%.80s' is no time (like '2026-01-31 12:00:00', 12:00, @1700000000, +10s)",
		       s);
}

int duration_parse(const char *s, uint64_t *out, struct err *e)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"", NSEC_PER_SEC},
		{"ns", 1},
		{"us", NSEC_PER_USEC},
		{"ms", NSEC_PER_MSEC},
		{"s", NSEC_PER_SEC},
		{"m", 60 * NSEC_PER_SEC},
		{"h", 3600 * NSEC_PER_SEC},
		{"d", 86400 * NSEC_PER_SEC},
		/* as Mesos writes them */
		{"secs", NSEC_PER_SEC},
		{"mins", 60 * NSEC_PER_SEC},
		{"hrs", 3600 * NSEC_PER_SEC},
		{"days", 86400 * NSEC_PER_SEC},
		{"weeks", 7 * 86400 * NSEC_PER_SEC},
	};
	const char *at = s;
	uint64_t whole, fraction;

	if (take_digits(&at, 10, &whole) && take_fraction(&at, &fraction)) {
		for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
			if (!str_eq(at, units[i].name) || whole > UINT64_MAX / 2 / units[i].ns)
				continue;
			uint64_t ns = whole * units[i].ns +
				      (uint64_t)((double)fraction * (double)units[i].ns / 1e9);
			/* 0 is often "never", which nobody means who writes another digit */
			if (!ns && strpbrk(s, "123456789"))
				return err_set(e, ERR_USAGE, "'%.80s' is shorter than 1ns", s);
			*out = ns;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "'%.80s' is no duration (like 500ms, 10s, 5m)", s);
}
