/* SPDX-License-Identifier: Apache-2.0 */
#include "console/dig.h"
#include "console/packet.h"
#include "console/picture.h"
#include "console/menu.h"
#include "console/prompt.h"
#include "print/print.h"

#include <stdlib.h>

#define PACKETS	   10000u /* kept: live the newest, of a file the first of the window */
#define BYTES_KEPT 2048u  /* of each */

struct dig {
	struct look look;
	struct format *format;
	struct packet_kept *kept; /* ring of PACKETS */
	uint64_t all;		  /* that were put in */
	bool cleared;
	/* Of a file, a further page: it begins with the last moment of the one before, of which
	 * `skip` packets were shown. */
	uint64_t after, skip, skipped;
};

/* What the screen shows of it; one at a time. */
static struct {
	struct dig *dig;
	bool follow;
	uint64_t at, top; /* numbers of packets, as `all` counts */
	unsigned rows, y;
	unsigned detail_top;
	enum packet_shape shape;
	uint64_t seek; /* number of the packet to begin with, once it is there; 0 = none */
} page;

/* ---- the worker's side ---- */

static void begin(struct look *l)
{
	struct dig *d = (struct dig *)l;

	d->all = d->skipped = 0;
	d->cleared = false;
	if (l->from != d->after)
		d->skip = 0;
}

static int take(struct look *l, struct context *c)
{
	struct dig *d = (struct dig *)l;

	if (!l->live && d->all == PACKETS)
		return 1;
	struct packet_kept *k = &d->kept[d->all % PACKETS];
	text_reset(&k->line);
	if (!format_line(d->format, c, &k->line))
		return 0;
	if (d->skipped < d->skip && c->ev->ts == d->after) {
		d->skipped++;
		return 0;
	}
	if (k->line.len && k->line.data[k->line.len - 1] == '\n')
		k->line.len--;
	k->ts = c->ev->ts;
	k->num = c->ev->num;
	k->len = c->ev->len;
	k->caplen = c->ev->caplen;
	k->linktype = c->iface ? c->iface->record.linktype : 0;
	text_reset(&k->bytes);
	text_put(&k->bytes, (const char *)c->ev->data, MIN(c->ev->caplen, BYTES_KEPT));
	d->all++;
	return 0;
}

static void done(struct look *l)
{
	struct dig *d = (struct dig *)l;

	for (size_t i = 0; d->kept && i < PACKETS; i++) {
		text_done(&d->kept[i].line);
		text_done(&d->kept[i].bytes);
	}
	free(d->kept);
	format_free(d->format);
}

static const struct look_kind dig_kind = {
	.size = sizeof(struct dig), .begin = begin, .event = take, .done = done};

/* ---- the page ---- */

static void draw_footer(const struct ui *ui, const struct dig *d)
{
	bool full = !d->look.live && d->all == PACKETS;

	footer_hint(ui,
		    d->look.live
			    ? "F2 view as  ^F search  ^G go to  p pause  F newest  c clear  Left "
			      "Right bytes  Backspace back"
		    : full ? "F2 view as  ^F search  ^G go to  Left Right bytes  Space at the end: "
			     "the next 10000  Backspace back"
			   : "F2 view as  ^F search  ^G go to  Left Right bytes  Backspace back");
}

static void seek(const struct dig *d, uint64_t first)
{
	for (uint64_t i = first; page.seek && i < d->all; i++) {
		if (d->kept[i % PACKETS].num != page.seek)
			continue;
		page.at = i;
		page.seek = 0;
		page.follow = false;
	}
}

static void clamp(const struct dig *d)
{
	uint64_t all = d->all, first = all > PACKETS ? all - PACKETS : 0;

	seek(d, first);

	if (page.follow && all)
		page.at = all - 1;
	page.at = MAX(MIN(page.at, all ? all - 1 : 0), first);
	page.top = MAX(page.top, first);
	if (page.at < page.top)
		page.top = page.at;
	if (page.rows && page.at >= page.top + page.rows)
		page.top = page.at - page.rows + 1;
}

static unsigned draw_packet(const struct dig *d, unsigned y, unsigned rows)
{
	return packet_draw(&d->kept[page.at % PACKETS], page.shape, page.detail_top, y, rows);
}

static void draw(struct ui *ui)
{
	struct dig *d = page.dig;
	unsigned y = header_draw(ui), height = screen_height(), width = screen_width();
	unsigned body = height > y + 1 ? height - y - 1 : 0;
	unsigned detail = body >= 12 ? body / 2 : 0;

	pthread_mutex_lock(&d->look.lock);
	page.y = y;
	page.rows = body - detail;
	clamp(d);
	for (unsigned i = 0; i < page.rows && page.top + i < d->all; i++) {
		const struct packet_kept *k = &d->kept[(page.top + i) % PACKETS];
		bool at = page.top + i == page.at;
		paint(y + i, 0, width, at ? STYLE_SELECTED : STYLE_TEXT, k->line.data, k->line.len);
	}
	if (!d->all)
		paint_str(y + page.rows / 3, 0, width, STYLE_BOLD,
			  d->cleared			? "The list was cleared."
			  : atomic_load(&d->look.whole) ? "No packets in this part of the capture."
							: "Waiting for packets ...");
	else if (detail)
		page.detail_top = MIN(page.detail_top, draw_packet(d, y + page.rows, detail));
	draw_footer(ui, d);
	pthread_mutex_unlock(&d->look.lock);
}

static void close_page(struct ui *ui)
{
	picture_close(ui);
	page.dig = NULL;
}

static bool move(enum request r)
{
	uint64_t by = MAX(page.rows, 2) - 1;

	switch (r) {
	case REQ_UP:
		page.at -= page.at > 0;
		break;
	case REQ_DOWN:
		page.at++;
		break;
	case REQ_PAGE_UP:
		page.at -= MIN(page.at, by);
		break;
	case REQ_PAGE_DOWN:
		page.at += by;
		break;
	case REQ_FIRST:
		page.at = 0;
		break;
	case REQ_LAST:
		page.at = UINT64_MAX / 2; /* cut when it is drawn; a step more may come before */
		break;
	case REQ_LEFT:
		page.detail_top -= page.detail_top > 0;
		return true;
	case REQ_RIGHT:
		page.detail_top++;
		return true;
	default:
		return false;
	}
	page.follow = false;
	page.detail_top = 0;
	page.seek = 0;
	return true;
}

static void next_page(struct ui *ui)
{
	struct dig *d = page.dig;

	pthread_mutex_lock(&d->look.lock);
	bool full = !d->look.live && d->all == PACKETS;
	uint64_t last = full ? d->kept[PACKETS - 1].ts : 0, to = d->look.to;
	unsigned same = 0;
	while (full && same < PACKETS && d->kept[PACKETS - 1 - same].ts == last)
		same++;
	if (full) {
		d->skip = same + (same == PACKETS && d->after == last ? d->skip : 0);
		d->after = last;
	}
	pthread_mutex_unlock(&d->look.lock);
	if (!full)
		return;
	page.at = page.top = 0;
	ui_look(ui, ui->body, &d->look, last, to);
}

/* A page further; behind the last packet kept, those that follow. */
static void further(struct ui *ui)
{
	struct dig *d = page.dig;

	pthread_mutex_lock(&d->look.lock);
	bool last = page.at + 1 >= d->all;
	pthread_mutex_unlock(&d->look.lock);
	if (last)
		next_page(ui);
	else
		move(REQ_PAGE_DOWN);
}

static void clear(void)
{
	struct dig *d = page.dig;

	pthread_mutex_lock(&d->look.lock);
	d->all = 0;
	d->cleared = true;
	pthread_mutex_unlock(&d->look.lock);
}

static void take_shape(struct ui *ui, const struct menu_item *item)
{
	(void)ui;
	page.shape = (enum packet_shape)((const char *const *)item->what - packet_shapes);
	page.detail_top = 0;
}

/* The packet of that number, or the next there is. */
static bool go_to(struct ui *ui, uint64_t number)
{
	struct dig *d = page.dig;
	bool found = false;

	(void)ui;
	pthread_mutex_lock(&d->look.lock);
	for (uint64_t i = d->all > PACKETS ? d->all - PACKETS : 0; i < d->all && !found; i++) {
		if (d->kept[i % PACKETS].num < number)
			continue;
		page.at = i;
		page.follow = false;
		found = true;
	}
	pthread_mutex_unlock(&d->look.lock);
	return found;
}

static void find(struct ui *ui)
{
	struct dig *d = page.dig;
	bool found = false;

	pthread_mutex_lock(&d->look.lock);
	uint64_t first = d->all > PACKETS ? d->all - PACKETS : 0, n = d->all - first;
	for (uint64_t i = 1; i <= n && *ui->search && !found; i++) {
		uint64_t at = first + (page.at - first + i) % n;
		found = strcasestr(text_cstr(&d->kept[at % PACKETS].line), ui->search);
		if (!found)
			continue;
		page.at = at;
		page.follow = false;
	}
	pthread_mutex_unlock(&d->look.lock);
	if (!found)
		ui_say(ui, STYLE_WARN, "no line contains '%s'", ui->search);
}

static bool request(struct ui *ui, enum request r, int key)
{
	(void)key;
	if (move(r))
		return true;
	switch (r) {
	case REQ_BACK:
		close_page(ui);
		return true;
	case REQ_PLAY:
		further(ui);
		return true;
	case REQ_VIEWS:
		menu_shapes(ui, packet_shapes, SHAPES, page.shape, take_shape);
		return true;
	case REQ_LINE:
		prompt_packet(ui, go_to);
		return true;
	case REQ_CLEAR:
		clear();
		return true;
	case REQ_FOLLOW:
		page.follow = !page.follow;
		return true;
	case REQ_SEARCH:
		prompt_search(ui, find);
		return true;
	case REQ_NEXT:
		find(ui);
		return true;
	case REQ_HELP:
	case REQ_QUIT:
	case REQ_REDRAW:
	case REQ_PAUSE:
		return false;
	default:
		return true;
	}
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	(void)ui;
	if (p->what == POINT_UP || p->what == POINT_DOWN)
		return move(p->what == POINT_UP ? REQ_UP : REQ_DOWN);
	if (p->what != POINT_CLICK || p->y < page.y || p->y >= page.y + page.rows)
		return false;
	page.at = page.top + (p->y - page.y);
	page.follow = false;
	return true;
}

static const struct pane dig_pane = {
	.name = "Packets", .draw = draw, .request = request, .pointed = pointed};
static const struct pane echo_pane = {
	.name = "Echo", .draw = draw, .request = request, .pointed = pointed};

/* Of a list, the packet of its row is the one to look at. */
static uint64_t number_of(const struct ui *ui, const struct table_row *r)
{
	const struct shot *s = ui->levels[ui->n_levels - 1].shot;

	for (size_t k = 0; r && k < s->n_columns; k++)
		if (str_eq(s->columns[k].info->field, "evt.num"))
			return (uint64_t)r->cells[k].number;
	return 0;
}

void dig_open(struct ui *ui, bool echo, const char *more, uint64_t from, uint64_t to)
{
	static const char packets[] = "*%8evt.num %evt.time %14container.name %1evt.dir "
				      "%5frame.len %evt.info";
	static const char payload[] = "%evt.time %14container.name %1evt.dir %evt.buffer";
	const struct print_options print = {.whole_buffers = true};
	const struct table_row *r = ui_row(ui);

	struct look *l = picture_new(ui, &dig_kind, more);
	if (!l)
		return;
	page.dig = (struct dig *)l;
	page.dig->kept = xcalloc(PACKETS, sizeof(*page.dig->kept));
	page.dig->format = format_compile(echo ? payload : packets, NULL, &print, NULL);
	page.follow = l->live;
	page.at = page.top = page.detail_top = 0;
	page.seek = ui_level(ui)->info->kind == VIEW_LIST ? number_of(ui, r) : 0;
	picture_show(ui, echo ? &echo_pane : &dig_pane, l, from, to);
}
