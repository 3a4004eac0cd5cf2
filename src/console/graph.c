/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of the selection over time: received above, sent below. */
#include "console/axis.h"
#include "console/picture.h"

#define BINS	256u
#define LIVE_NS NSEC_PER_SEC
#define LABEL	9u

struct graph {
	struct look look;
	double bytes[2][BINS]; /* in, out */
	uint64_t base, bin_ns, newest;
};

static void begin(struct look *l)
{
	struct graph *g = (struct graph *)l;

	memset(g->bytes, 0, sizeof(g->bytes));
	g->base = l->from;
	g->bin_ns = l->live ? LIVE_NS : (l->to - l->from) / BINS + 1;
	g->newest = l->live ? 0 : BINS - 1;
}

static int take(struct look *l, struct context *c)
{
	struct graph *g = (struct graph *)l;
	uint64_t ts = c->ev->ts;

	if (!g->base)
		g->base = ts;
	if (ts < g->base)
		return 0;
	uint64_t bin = (ts - g->base) / g->bin_ns;
	if (bin > g->newest + BINS) {
		memset(g->bytes, 0, sizeof(g->bytes));
		g->newest = bin;
	}
	for (; g->newest < bin; g->newest++)
		g->bytes[0][(g->newest + 1) % BINS] = g->bytes[1][(g->newest + 1) % BINS] = 0;
	if (g->newest - bin < BINS)
		g->bytes[packet_way(c) == EVENT_OUT][bin % BINS] += (double)c->ev->len *
								    c->ev->weight;
	return 0;
}

static void done(struct look *l)
{
	(void)l;
}

static const struct look_kind graph_kind = {
	.size = sizeof(struct graph), .begin = begin, .event = take, .done = done};

/* Bytes per second in column x of so many. */
static double rate_at(const struct graph *g, unsigned way, unsigned x, unsigned columns)
{
	uint64_t first = g->newest >= BINS ? g->newest - BINS + 1 : 0;
	unsigned a = x * BINS / columns, b = MAX((x + 1) * BINS / columns, a + 1);
	double sum = 0;

	for (unsigned i = a; i < b; i++)
		sum += first + i <= g->newest ? g->bytes[way][(first + i) % BINS] : 0;
	return sum / (b - a) * (double)NSEC_PER_SEC / (double)g->bin_ns;
}

static void draw_way(const struct graph *g, unsigned way, unsigned y, unsigned rows)
{
	static const struct view_column info = {.unit = UNIT_BYTES};
	const struct table_column column = {.info = &info, .number = true};
	unsigned columns = screen_width() - LABEL;
	struct text t = {0};
	double most = 0;

	for (unsigned x = 0; x < columns; x++)
		most = MAX(most, rate_at(g, way, x, columns));
	cell_text(&column, &(struct cell){.number = most}, 0, &t);
	text_str(&t, "/s");
	paint(y, 0, LABEL, STYLE_DIM, t.data, t.len);
	paint_str(y + rows - 1, 0, LABEL, STYLE_BOLD, way ? "OUT" : "IN");
	for (unsigned x = 0; x < columns && most > 0; x++) {
		double v = rate_at(g, way, x, columns);
		unsigned eighths = (unsigned)(v / most * rows * 8 + 0.5);
		if (!eighths && v > 0)
			eighths = 1;
		for (unsigned i = 0; i < rows && eighths; i++) {
			unsigned part = MIN(eighths, 8);
			paint_block(y + rows - 1 - i, LABEL + x, way ? STYLE_WINDOW : STYLE_GRAPH,
				    part);
			eighths -= part;
		}
	}
	text_done(&t);
}

/* When the left and the right edge are. */
static void draw_times(const struct graph *g, unsigned y)
{
	uint64_t length = BINS * g->bin_ns, skipped = g->newest >= BINS ? g->newest - BINS + 1 : 0;
	uint64_t from = g->base + skipped * g->bin_ns;
	unsigned width = screen_width();
	struct text t = {0};

	axis_time(&t, from, length);
	unsigned n = (unsigned)t.len;
	if (g->base && width > LABEL + 2 * n) {
		paint(y, LABEL, n, STYLE_DIM, t.data, n);
		text_reset(&t);
		axis_time(&t, from + length, length);
		paint(y, width - n, n, STYLE_DIM, t.data, n);
	}
	text_done(&t);
}

static void draw(struct ui *ui)
{
	struct graph *g = (struct graph *)ui->look;
	unsigned y = header_draw(ui), height = screen_height();
	unsigned rows = height > y + 4 ? (height - y - 2) / 2 : 1;

	pthread_mutex_lock(&g->look.lock);
	if (!g->look.live && g->look.from == g->look.to) {
		paint_str(y + rows / 3, LABEL, screen_width(), STYLE_BOLD,
			  "A single moment has no rate.");
	} else if (screen_width() > LABEL + 1 && g->bin_ns) {
		draw_way(g, 0, y, rows);
		draw_times(g, y + rows);
		draw_way(g, 1, y + rows + 1, rows);
	}
	pthread_mutex_unlock(&g->look.lock);
	footer_hint(ui, ui_file(ui) ? "[ ] + - 0 move and zoom   Space play   Backspace back"
				    : "Backspace back");
}

static bool request(struct ui *ui, enum request r, int key)
{
	(void)key;
	return picture_request(ui, r);
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	(void)ui;
	(void)p;
	return true;
}

static const struct pane graph_pane = {
	.name = "Rates", .draw = draw, .request = request, .pointed = pointed};

void graph_open(struct ui *ui)
{
	struct look *l = picture_new(ui, &graph_kind, NULL);

	if (l)
		picture_show(ui, &graph_pane, l, ui->from, ui->to);
}
