/* SPDX-License-Identifier: Apache-2.0 */
/* The time axis of a capture: what is counted, and how it moves. */
#include "console/axis.h"

#include <stdio.h>

#define WINDOW_MIN  (10 * NSEC_PER_MSEC)
#define PLAY_WINDOW (10 * NSEC_PER_SEC) /* of a whole capture that is played */

static struct {
	bool playing;
	unsigned speed; /* index into speeds */
	uint64_t beat;	/* monotonic ns of the last step */
	unsigned y;	/* where the strip was drawn */
	bool drawn, pressed;
	unsigned pressed_x;
} axis = {.speed = 2};

static const double speeds[] = {0.1, 0.5, 1, 2, 5, 10, 60, 600};

static uint64_t whole(const struct ui *ui)
{
	return ui->o->feed->last - ui->o->feed->first;
}

/* A window of that length beginning there, inside of the capture. */
static void set(struct ui *ui, uint64_t from, uint64_t length)
{
	const struct view_feed *f = ui->o->feed;

	length = MIN(MAX(length, WINDOW_MIN), whole(ui));
	from = MAX(from, f->first);
	if (from > f->last - length)
		from = f->last - length;
	if (from != ui->from || from + length != ui->to)
		ui_window(ui, from, from + length);
}

void axis_center(struct ui *ui, uint64_t at)
{
	uint64_t length = ui->to - ui->from;

	if (length == whole(ui))
		length /= 10;
	set(ui, at > length / 2 ? at - length / 2 : 0, length);
}

static void zoom(struct ui *ui, bool in, uint64_t around)
{
	uint64_t length = ui->to - ui->from;
	uint64_t next = in ? length / 2 : length * 2;
	double part = length ? (double)(around - ui->from) / (double)length : 0.5;
	uint64_t ahead = (uint64_t)((double)next * part);

	set(ui, around > ahead ? around - ahead : 0, next);
}

static void shift(struct ui *ui, double windows)
{
	uint64_t length = ui->to - ui->from;
	double by = windows * (double)length;

	if (by < 0 && (double)ui->from < -by)
		set(ui, 0, length);
	else
		set(ui, (uint64_t)((int64_t)ui->from + (int64_t)by), length);
}

/* ---- playing ---- */

static void play(struct ui *ui)
{
	const struct view_feed *f = ui->o->feed;

	axis.playing = !axis.playing;
	axis.beat = time_monotonic();
	if (!axis.playing)
		return;
	if (ui->to - ui->from == whole(ui))
		set(ui, f->first, MIN(PLAY_WINDOW, whole(ui) / 10));
	else if (ui->to >= f->last)
		set(ui, f->first, ui->to - ui->from);
}

void axis_beat(struct ui *ui)
{
	uint64_t now = time_monotonic();

	if (ui->paused)
		axis.beat = now; /* that time does not count */
	if (!axis.playing || ui->paused || ui_waiting(ui))
		return;
	double by = (double)(now - axis.beat) * speeds[axis.speed];
	axis.beat = now;
	set(ui, ui->from + (uint64_t)by, ui->to - ui->from);
	if (ui->to >= ui->o->feed->last)
		axis.playing = false;
}

bool axis_request(struct ui *ui, enum request r)
{
	const struct view_feed *f = ui->o->feed;
	uint64_t length = ui->to - ui->from;

	if (ui->o->feed->live || !whole(ui))
		return false;
	switch (r) {
	case REQ_PLAY:
		play(ui);
		return true;
	case REQ_EARLIER:
		shift(ui, -0.5);
		return true;
	case REQ_LATER:
		shift(ui, 0.5);
		return true;
	case REQ_STEP_BACK:
		shift(ui, -0.1);
		return true;
	case REQ_STEP:
		shift(ui, 0.1);
		return true;
	case REQ_BEGIN:
		set(ui, f->first, length);
		return true;
	case REQ_END:
		set(ui, f->last - length, length);
		return true;
	case REQ_ZOOM_IN:
	case REQ_ZOOM_OUT:
		zoom(ui, r == REQ_ZOOM_IN, ui->from + length / 2);
		return true;
	case REQ_WHOLE:
		axis.playing = false;
		set(ui, f->first, whole(ui));
		return true;
	case REQ_FASTER:
		axis.speed = MIN(axis.speed + 1, ARRAY_SIZE(speeds) - 1);
		return true;
	case REQ_SLOWER:
		axis.speed -= axis.speed > 0;
		return true;
	default:
		return false;
	}
}

/* ---- the strip ---- */

static uint64_t time_at(const struct ui *ui, unsigned x)
{
	return ui->o->feed->first +
	       (uint64_t)((double)whole(ui) * MIN(x, screen_width()) / screen_width());
}

/* Packets between two places, in bins: of those at the ends as much as lies inside. */
static double bins_between(const double *bins, double from, double to)
{
	double sum = 0;

	for (unsigned i = (unsigned)from; i < SHOT_BINS && i < to; i++)
		sum += bins[i] * (MIN(to, i + 1.0) - MAX(from, (double)i));
	return sum;
}

static void draw_bars(const struct ui *ui, unsigned y)
{
	unsigned width = screen_width();
	double most = 0, sums[1024] = {0};

	width = MIN(width, ARRAY_SIZE(sums));
	for (unsigned x = 0; x < width && ui->bins; x++)
		sums[x] = bins_between(ui->bins, (double)x * SHOT_BINS / width,
				       (double)(x + 1) * SHOT_BINS / width);
	for (unsigned x = 0; x < width; x++)
		most = MAX(most, sums[x]);
	for (unsigned x = 0; x < width; x++) {
		bool inside = time_at(ui, x + 1) > ui->from && time_at(ui, x) < ui->to;
		unsigned eighths = most > 0 ? (unsigned)(sums[x] / most * 8 + 0.5) : 0;
		if (!eighths && (sums[x] > 0 || inside))
			eighths = 1;
		paint_block(y, x, inside ? STYLE_WINDOW : STYLE_GRAPH, eighths);
	}
}

#define DAY_NS (24 * 3600 * NSEC_PER_SEC)

void axis_time(struct text *t, uint64_t ns, uint64_t length)
{
	struct text whole = {0};

	text_time_datetime(&whole, ns); /* 2026-11-22 07:30:01.000000000 */
	if (length <= DAY_NS)
		text_put(t, whole.data + 11, 8);
	else if (length <= 180 * DAY_NS)
		text_put(t, whole.data + 5, 11);
	else
		text_put(t, whole.data, 10);
	text_done(&whole);
}

/* The window begins there: to the millisecond, with its day where there are several. */
static void put_begin(struct text *t, const struct ui *ui)
{
	struct text when = {0};

	text_time_datetime(&when, ui->from);
	unsigned day = whole(ui) <= DAY_NS ? 11 : 0;
	text_put(t, when.data + day, 23 - day);
	text_done(&when);
}

static void draw_times(const struct ui *ui, unsigned y)
{
	const struct view_feed *f = ui->o->feed;
	struct text t = {0};
	unsigned width = screen_width();

	axis_time(&t, f->first, whole(ui));
	paint(y, 0, width, STYLE_DIM, t.data, t.len);
	unsigned left = (unsigned)t.len;
	text_reset(&t);
	axis_time(&t, f->last, whole(ui));
	unsigned right = (unsigned)t.len;
	if (width > left + right)
		paint(y, width - right, right, STYLE_DIM, t.data, t.len);
	text_reset(&t);
	bool all = ui->to - ui->from == whole(ui);
	if (all) {
		text_str(&t, "all of it");
	} else {
		put_begin(&t, ui);
		text_str(&t, " + ");
		const struct view_column info = {.unit = UNIT_TIME};
		const struct table_column c = {.info = &info};
		cell_text(&c, &(struct cell){.number = (double)(ui->to - ui->from)}, 0, &t);
	}
	if (axis.playing)
		text_fmt(&t, "  playing x%g", speeds[axis.speed]);
	unsigned n = (unsigned)t.len;
	if (width > left + right + n + 2)
		paint(y, (width - n) / 2, n, all ? STYLE_DIM : STYLE_WINDOW, t.data, n);
	text_done(&t);
}

unsigned axis_draw(struct ui *ui, unsigned y)
{
	axis.drawn = !ui->o->feed->live && whole(ui) && screen_height() >= 12;
	axis.y = y;
	if (!axis.drawn)
		return 0;
	draw_bars(ui, y);
	draw_times(ui, y + 1);
	return 2;
}

bool axis_pointed(struct ui *ui, const struct pointed *p)
{
	if (!axis.drawn || (p->y != axis.y && !axis.pressed))
		return false;
	switch (p->what) {
	case POINT_UP:
	case POINT_DOWN:
		zoom(ui, p->what == POINT_UP, MIN(MAX(time_at(ui, p->x), ui->from), ui->to));
		return true;
	case POINT_PRESS:
		axis.pressed = true;
		axis.pressed_x = p->x;
		return true;
	case POINT_RELEASE:
		if (!axis.pressed)
			return false;
		axis.pressed = false;
		if (p->x == axis.pressed_x) {
			axis_center(ui, time_at(ui, p->x));
		} else {
			uint64_t a = time_at(ui, MIN(p->x, axis.pressed_x));
			uint64_t b = time_at(ui, MAX(p->x, axis.pressed_x) + 1);
			set(ui, a, b - a);
		}
		return true;
	default:
		axis.pressed = false;
		axis_center(ui, time_at(ui, p->x));
		return true;
	}
}
