/* SPDX-License-Identifier: Apache-2.0 */
/* How values spread over time: a column is a range of values, a line a stretch of time. */
#include "console/axis.h"
#include "console/dig.h"
#include "console/menu.h"
#include "console/picture.h"

#include <math.h>
#include <stdio.h>

#define LINES	64u
#define COLUMNS 128u
#define LIVE_NS (500 * NSEC_PER_MSEC) /* of a line */

struct metric {
	const char *name, *field; /* of filters for the range; NULL = none */
	double least;		  /* the left edge */
	unsigned decades;
	double scale; /* a unit of the field in those of `least` */
	enum view_unit unit;
	bool flows;
	bool (*value)(const struct context *c, uint64_t before, double *out);
};

static bool response_time(const struct context *c, uint64_t before, double *out)
{
	(void)before;
	*out = (double)c->facts.response_time;
	return c->facts.valid && c->facts.response_time;
}

static bool round_trip(const struct context *c, uint64_t before, double *out)
{
	(void)before;
	*out = (double)c->facts.rtt;
	return c->facts.valid && c->facts.rtt;
}

static bool size(const struct context *c, uint64_t before, double *out)
{
	(void)before;
	*out = c->ev->len;
	return true;
}

static bool distance(const struct context *c, uint64_t before, double *out)
{
	*out = (double)(c->ev->ts - before);
	return before && c->ev->ts > before;
}

static const struct metric metrics[] = {
	{"Response time", "evt.latency", 100, 9, 1, UNIT_TIME, true, response_time},
	{"Round trip", "tcp.analysis.ack_rtt", 100, 9, 1e-9, UNIT_TIME, true, round_trip},
	{"Size", "frame.len", 10, 4, 1, UNIT_BYTES, false, size},
	{"Time between packets", NULL, 10, 10, 1, UNIT_TIME, false, distance},
};

struct spectrum {
	struct look look;
	const struct metric *metric;
	uint32_t counts[LINES][COLUMNS];
	uint64_t base, line_ns, newest; /* number of the newest line */
	uint64_t before, values;
};

static struct {
	unsigned metric;
	unsigned y, lines, x, columns; /* as drawn */
	uint64_t first;		       /* line at the top */
	bool pressed;
	struct pointed from;
} page;

/* ---- the worker's side ---- */

static void begin(struct look *l)
{
	struct spectrum *s = (struct spectrum *)l;

	memset(s->counts, 0, sizeof(s->counts));
	s->base = l->from;
	s->line_ns = l->live ? LIVE_NS : (l->to - l->from) / LINES + 1;
	s->newest = s->values = s->before = 0;
}

static int take(struct look *l, struct context *c)
{
	struct spectrum *s = (struct spectrum *)l;
	double v;
	uint64_t ts = c->ev->ts;
	bool known = s->metric->value(c, s->before, &v);

	s->before = ts;
	if (!s->base)
		s->base = ts - ts % LIVE_NS;
	if (!known || ts < s->base)
		return 0;
	uint64_t line = (ts - s->base) / s->line_ns;
	for (; s->newest < line && line - s->newest <= LINES; s->newest++)
		memset(s->counts[(s->newest + 1) % LINES], 0, sizeof(s->counts[0]));
	if (s->newest < line) {
		memset(s->counts, 0, sizeof(s->counts));
		s->newest = line;
	}
	if (s->newest - line >= LINES)
		return 0;
	double x = log10(v / s->metric->least) / s->metric->decades * COLUMNS;
	s->counts[line % LINES][x <= 0 ? 0 : MIN((unsigned)x, COLUMNS - 1)] += c->ev->weight;
	s->values++;
	return 0;
}

static void done(struct look *l)
{
	(void)l;
}

static const struct look_kind spectrum_kind = {
	.size = sizeof(struct spectrum), .begin = begin, .event = take, .done = done};

/* ---- drawing ---- */

static uint32_t sum_of(const struct spectrum *s, unsigned y, unsigned x)
{
	uint64_t a = page.first + (uint64_t)y * LINES / page.lines;
	uint64_t b = page.first + (uint64_t)(y + 1) * LINES / page.lines;
	unsigned from = x * COLUMNS / page.columns, to = (x + 1) * COLUMNS / page.columns;
	uint32_t sum = 0;

	for (uint64_t line = a; line < MAX(b, a + 1) && line <= s->newest; line++)
		for (unsigned i = from; i < MAX(to, from + 1); i++)
			sum += s->counts[line % LINES][i];
	return sum;
}

static unsigned put_time(const struct spectrum *s, uint64_t line, struct text *t)
{
	text_reset(t);
	axis_time(t, s->base + line * s->line_ns, LINES * s->line_ns);
	return (unsigned)t->len;
}

static void draw_heat(const struct spectrum *s)
{
	uint32_t most = 1;

	for (unsigned y = 0; y < page.lines; y++)
		for (unsigned x = 0; x < page.columns; x++)
			most = MAX(most, sum_of(s, y, x));
	double steps = log((double)most + 1);
	struct text t = {0};
	for (unsigned y = 0; y < page.lines; y++) {
		uint64_t line = page.first + (uint64_t)y * LINES / page.lines;
		if (y % 4 == 0 && s->base) {
			unsigned n = put_time(s, line, &t);
			paint(page.y + y, 0, page.x ? page.x - 1 : n, STYLE_DIM, t.data, n);
		}
		for (unsigned x = 0; x < page.columns; x++) {
			uint32_t n = sum_of(s, y, x);
			double heat = n ? 1 + log((double)n) / steps * (HEAT_STEPS - 2) : 0;
			paint_heat(page.y + y, page.x + x, (unsigned)heat);
		}
	}
	text_done(&t);
}

static void draw_scale(const struct metric *m, unsigned y)
{
	const struct view_column info = {.unit = m->unit};
	const struct table_column column = {.info = &info, .number = true};
	struct text t = {0};
	unsigned behind = 0;

	for (unsigned d = 0; d <= m->decades; d++) {
		const struct cell cell = {.number = m->least * pow(10, d)};
		unsigned x = page.x + d * page.columns / m->decades;
		text_reset(&t);
		cell_text(&column, &cell, 0, &t);
		if (x >= behind && x + t.len <= screen_width()) {
			paint(y, x, (unsigned)t.len, STYLE_DIM, t.data, t.len);
			behind = x + (unsigned)t.len + 1;
		}
	}
	text_done(&t);
}

static void draw(struct ui *ui)
{
	struct spectrum *s = (struct spectrum *)ui->look;
	unsigned y = header_draw(ui), height = screen_height(), width = screen_width();

	struct text t = {0};

	page.y = y + 1;
	page.lines = height > y + 3 ? height - y - 3 : 1;
	pthread_mutex_lock(&s->look.lock);
	page.x = width > 40 ? put_time(s, 0, &t) + 2 : 0;
	text_done(&t);
	page.columns = width - page.x;
	page.first = s->newest >= LINES ? s->newest - LINES + 1 : 0;
	paint_str(y, 0, width, STYLE_HEADER, s->metric->name);
	draw_heat(s);
	if (!s->values)
		paint_str(page.y + page.lines / 3, page.x, page.columns, STYLE_BOLD,
			  atomic_load(&s->look.whole) ? "No packet here has such a value."
						      : "Waiting for values ...");
	draw_scale(s->metric, page.y + page.lines);
	pthread_mutex_unlock(&s->look.lock);
	footer_hint(
		ui,
		"F2 views  Tab values  drag: packets of a range  Enter packets  Backspace back");
}

/* ---- keys ---- */

static void show(struct ui *ui);

static double value_at(const struct metric *m, unsigned x)
{
	double part = (double)(x < page.x ? 0 : x - page.x) / page.columns;

	return m->least * pow(10, part * m->decades) * m->scale;
}

static void dig_range(struct ui *ui, const struct pointed *a, const struct pointed *b)
{
	struct spectrum *s = (struct spectrum *)ui->look;
	const struct metric *m = s->metric;
	char more[200] = "";

	if (m->field)
		snprintf(more, sizeof(more),
			 m->scale < 1 ? "%s >= %.9f and %s <= %.9f" : "%s >= %.0f and %s <= %.0f",
			 m->field, value_at(m, MIN(a->x, b->x)), m->field,
			 value_at(m, MAX(a->x, b->x) + 1));
	unsigned top = MIN(a->y, b->y), bottom = MAX(a->y, b->y) + 1;
	top = top < page.y ? 0 : top - page.y;
	bottom = bottom < page.y ? 0 : bottom - page.y;
	pthread_mutex_lock(&s->look.lock);
	uint64_t base = s->base, line_ns = s->line_ns;
	pthread_mutex_unlock(&s->look.lock);
	if (!line_ns || !page.lines)
		return; /* not begun, or not drawn: no line is of any time */
	uint64_t from = base + (page.first + (uint64_t)top * LINES / page.lines) * line_ns;
	uint64_t to = base + (page.first + (uint64_t)bottom * LINES / page.lines) * line_ns;
	bool live = s->look.live;
	picture_close(ui);
	dig_open(ui, false, *more ? more : NULL, live ? 0 : from, live ? 0 : to);
}

static bool request(struct ui *ui, enum request r, int key)
{
	if (r == REQ_VIEWS && key != '\t') {
		picture_close(ui);
		menu_views(ui);
		return true;
	}
	if (r == REQ_VIEWS) {
		page.metric = (page.metric + 1) % ARRAY_SIZE(metrics);
		show(ui);
		return true;
	}
	if (r == REQ_ENTER || r == REQ_DIG) {
		picture_close(ui);
		dig_open(ui, false, NULL, ui->from, ui->to);
		return true;
	}
	return picture_request(ui, r);
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	if (p->what == POINT_PRESS) {
		page.pressed = true;
		page.from = *p;
	} else if (p->what == POINT_RELEASE && page.pressed) {
		page.pressed = false;
		dig_range(ui, &page.from, p);
	}
	return true;
}

static const struct pane spectrum_pane = {
	.name = "Spectrogram", .draw = draw, .request = request, .pointed = pointed};

static void show(struct ui *ui)
{
	struct look *l = picture_new(ui, &spectrum_kind, NULL);

	if (!l)
		return;
	((struct spectrum *)l)->metric = &metrics[page.metric];
	l->view.flows = metrics[page.metric].flows;
	picture_show(ui, &spectrum_pane, l, ui->from, ui->to);
}

void spectrum_open(struct ui *ui)
{
	show(ui);
}
