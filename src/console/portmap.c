/* SPDX-License-Identifier: Apache-2.0 */
/* All 65536 ports at a glance: which are assigned, which are used, which were refused. */
#include "console/picture.h"

#include <stdlib.h>

#define PORTS  65536u
#define OWNERS 1024u /* containers whose names are told */

enum { USED = 1, REFUSED = 2 };

struct portmap {
	struct look look;
	uint32_t packets[PORTS];
	uint8_t flags[PORTS];
	uint16_t owner[PORTS]; /* index of names and one; 0 = nobody's */
	char *names[OWNERS];   /* owned */
	size_t n_names;
	uint8_t told[PORTS]; /* containers whose ports were read, by index */
};

static struct {
	unsigned at, columns, cells; /* cell under the cursor; as drawn */
	unsigned y;
} page;

/* ---- the worker's side ---- */

static void begin(struct look *l)
{
	struct portmap *m = (struct portmap *)l;

	for (size_t i = 0; i < m->n_names; i++)
		free(m->names[i]);
	m->n_names = 0;
	memset(m->packets, 0, sizeof(m->packets));
	memset(m->flags, 0, sizeof(m->flags));
	memset(m->owner, 0, sizeof(m->owner));
	memset(m->told, 0, sizeof(m->told));
}

/* "31000-31007,31016" */
static void assign(struct portmap *m, const struct container *c)
{
	const char *s = c->meta[META_PORTS];

	if (!s || m->n_names == OWNERS || c->index >= PORTS || m->told[c->index])
		return;
	m->told[c->index] = 1;
	const char *id = c->meta[META_CONTAINER] ? c->meta[META_CONTAINER] : c->meta[META_TASK];
	m->names[m->n_names++] = xstrdup(c->meta[META_NAME] ? c->meta[META_NAME] : id ? id : "");
	while (*s) {
		char *end;
		unsigned long a = strtoul(s, &end, 10), b = a;
		if (end == s)
			return;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (unsigned long p = a; p <= b && p < PORTS; p++)
			m->owner[p] = (uint16_t)m->n_names;
		s = end + (*end == ',');
	}
}

static int take(struct look *l, struct context *c)
{
	struct portmap *m = (struct portmap *)l;
	static const struct field *local;
	size_t used;
	char *arg;
	struct text none = {0};
	struct value v[FIELD_MAX_VALUES];

	if (!local)
		local = field_find("fd.lport", 8, &used, &arg);
	if (c->container)
		assign(m, c->container);
	if (local->get(local, NULL, c, &none, v)) {
		m->packets[v[0].u % PORTS] += c->ev->weight;
		m->flags[v[0].u % PORTS] |= c->facts.valid && c->facts.refused ? REFUSED : USED;
	}
	text_done(&none);
	return 0;
}

static void done(struct look *l)
{
	struct portmap *m = (struct portmap *)l;

	for (size_t i = 0; i < m->n_names; i++)
		free(m->names[i]);
}

static const struct look_kind portmap_kind = {
	.size = sizeof(struct portmap), .flows = true, .begin = begin, .event = take, .done = done};

/* ---- drawing ---- */

struct cell_of_ports {
	unsigned from, to; /* ports, both included */
	unsigned used, refused, assigned;
	uint64_t packets;
	uint16_t owner; /* of the first that has one */
};

static struct cell_of_ports look_at(const struct portmap *m, unsigned cell)
{
	unsigned per = PORTS / page.cells;
	struct cell_of_ports c = {.from = cell * per, .to = cell * per + per - 1};

	for (unsigned p = c.from; p <= c.to; p++) {
		c.used += (m->flags[p] & USED) != 0;
		c.refused += (m->flags[p] & REFUSED) != 0;
		c.assigned += m->owner[p] != 0;
		c.packets += m->packets[p];
		if (!c.owner)
			c.owner = m->owner[p];
	}
	return c;
}

static void draw_cell(const struct cell_of_ports *c, unsigned y, unsigned x, bool at)
{
	bool wide = screen_unicode();
	const char *mark = c->used && c->assigned ? (wide ? "█" : "#")
			   : c->used		  ? (wide ? "▪" : "o")
			   : c->assigned	  ? (wide ? "░" : "=")
						  : (wide ? "·" : ".");
	enum style style = c->refused		    ? STYLE_ERROR
			   : c->used && c->assigned ? STYLE_GOOD
			   : c->used		    ? STYLE_GRAPH
			   : c->assigned	    ? STYLE_WINDOW
						    : STYLE_DIM;

	paint_str(y, x, 1, at ? STYLE_SELECTED : style, c->refused ? "x" : mark);
}

static void draw_told(const struct portmap *m, const struct cell_of_ports *c, unsigned y)
{
	unsigned x = paint_fmt(y, 0, STYLE_BOLD, "ports %u-%u  ", c->from, c->to);

	x = paint_fmt(y, x, STYLE_TEXT, "%u used, %u assigned, %u refused, %llu packets", c->used,
		      c->assigned, c->refused, (unsigned long long)c->packets);
	if (c->owner)
		paint_fmt(y, x, STYLE_TEXT, "  of %s", m->names[c->owner - 1]);
}

static void draw(struct ui *ui)
{
	struct portmap *m = (struct portmap *)ui->look;
	unsigned y = header_draw(ui), height = screen_height(), width = screen_width();
	unsigned rows = 1;

	page.y = y;
	page.columns = 1;
	while (page.columns * 2 + 7 <= width && page.columns < 128)
		page.columns *= 2;
	while (rows * 2 + y + 3 <= height && page.columns * rows * 2 <= PORTS / 4)
		rows *= 2;
	page.cells = page.columns * rows;
	page.at = MIN(page.at, page.cells - 1);
	pthread_mutex_lock(&m->look.lock);
	for (unsigned i = 0; i < page.cells; i++) {
		struct cell_of_ports c = look_at(m, i);
		unsigned at_y = y + i / page.columns, at_x = 7 + i % page.columns;
		if (i % page.columns == 0)
			paint_fmt(at_y, 0, STYLE_DIM, "%5u", c.from);
		draw_cell(&c, at_y, at_x, i == page.at);
	}
	struct cell_of_ports c = look_at(m, page.at);
	if (height > y + rows + 1)
		draw_told(m, &c, height - 2);
	pthread_mutex_unlock(&m->look.lock);
	footer_hint(ui, screen_unicode() ? "░ assigned  █ and used  ▪ used, nobody's  x refused   "
					   "Arrows move   Backspace back"
					 : "= assigned  # and used  o used, nobody's  x refused   "
					   "Arrows move   Backspace back");
}

static bool request(struct ui *ui, enum request r, int key)
{
	unsigned at = page.at;

	(void)key;
	switch (r) {
	case REQ_LEFT:
		at -= at > 0;
		break;
	case REQ_RIGHT:
		at++;
		break;
	case REQ_UP:
		at -= at >= page.columns ? page.columns : 0;
		break;
	case REQ_DOWN:
		at += at + page.columns < page.cells ? page.columns : 0;
		break;
	default:
		return picture_request(ui, r);
	}
	page.at = MIN(at, page.cells - 1);
	return true;
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	(void)ui;
	if (p->what == POINT_CLICK && p->y >= page.y && p->x >= 7 && p->x < 7 + page.columns)
		page.at = MIN((p->y - page.y) * page.columns + p->x - 7, page.cells - 1);
	return true;
}

static const struct pane portmap_pane = {
	.name = "Port Map", .draw = draw, .request = request, .pointed = pointed};

void portmap_open(struct ui *ui)
{
	struct look *l = picture_new(ui, &portmap_kind, NULL);

	if (l)
		picture_show(ui, &portmap_pane, l, ui->from, ui->to);
}
