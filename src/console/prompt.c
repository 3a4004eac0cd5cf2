/* SPDX-License-Identifier: Apache-2.0 */
#include "console/prompt.h"

#include <curses.h>
#include <stdlib.h>

#define CONTROL(c)  ((c)&0x1f)
#define TYPED_MAX   1000u
#define ERROR_LINES 8u

/* What is typed for. */
struct kind {
	const char *label;
	enum request opener;		/* its key without a character closes it too */
	void (*changed)(struct ui *ui); /* at every key; may be NULL */
	bool (*entered)(struct ui *ui); /* false: stay */
	void (*cleared)(struct ui *ui); /* Esc */
	void (*help)(struct ui *ui);	/* F1 */
	const struct kind *other;	/* F2 */
	const char *other_name;
};

/* What the line begins with; the last one is left out where there is no other kind. */
static const struct {
	const char *name, *label;
	int key;
} hints[] = {
	{"F1", "Help", KEY_F(1)},
	{"Enter", "Done", '\r'},
	{"Esc", "Clear", 0x1b},
	{"F2", NULL, KEY_F(2)},
};

static struct {
	const struct kind *kind;
	struct text line;
	size_t cursor; /* bytes */
	struct err trouble;
	void (*find)(struct ui *ui);
	bool (*go)(struct ui *ui, uint64_t number);
} typed;

static void open_prompt(struct ui *ui, const struct kind *k, const char *text);

/* ---- filter ---- */

static void text_changed(struct ui *ui)
{
	free(ui->match);
	ui->match = xstrdup(text_cstr(&typed.line));
	ui_found(ui);
}

static bool text_entered(struct ui *ui)
{
	(void)ui;
	return true;
}

static void text_cleared(struct ui *ui)
{
	text_reset(&typed.line);
	text_changed(ui);
}

static bool filter_entered(struct ui *ui)
{
	return ui_filter(ui, text_cstr(&typed.line), &typed.trouble) == 0;
}

static void filter_cleared(struct ui *ui)
{
	text_reset(&typed.line);
	filter_entered(ui);
}

static const struct kind filter_kind;
static const struct kind text_kind = {
	.label = "Text to match: ",
	.opener = REQ_FILTER,
	.changed = text_changed,
	.entered = text_entered,
	.cleared = text_cleared,
	.help = help_keys,
	.other = &filter_kind,
	.other_name = "filter",
};
static const struct kind filter_kind = {
	.label = "Filter: ",
	.opener = REQ_FILTER,
	.entered = filter_entered,
	.cleared = filter_cleared,
	.help = help_filter,
	.other = &text_kind,
	.other_name = "text",
};

void prompt_filter(struct ui *ui)
{
	bool language = *ui->filter && !*ui->match;

	open_prompt(ui, language ? &filter_kind : &text_kind, language ? ui->filter : ui->match);
}

void prompt_language(struct ui *ui)
{
	open_prompt(ui, &filter_kind, ui->filter);
}

/* ---- search ---- */

static void search_changed(struct ui *ui)
{
	free(ui->search);
	ui->search = xstrdup(text_cstr(&typed.line));
	if (*ui->search)
		typed.find(ui);
}

static void search_cleared(struct ui *ui)
{
	(void)ui;
}

static const struct kind search_kind = {
	.label = "Search: ",
	.opener = REQ_SEARCH,
	.changed = search_changed,
	.entered = text_entered,
	.cleared = search_cleared,
	.help = help_keys,
};

void prompt_search(struct ui *ui, void (*find)(struct ui *ui))
{
	typed.find = find;
	open_prompt(ui, &search_kind, "");
}

/* ---- a packet ---- */

static bool number_entered(struct ui *ui)
{
	uint64_t number;

	typed.trouble = (struct err){0};
	if (str_u64(text_cstr(&typed.line), false, &number))
		err_set(&typed.trouble, ERR_USAGE, "not the number of a packet");
	else if (!typed.go(ui, number))
		err_set(&typed.trouble, ERR_USAGE,
			"no packet here has that number or a higher one");
	return !typed.trouble.code;
}

static const struct kind number_kind = {
	.label = "Go to packet number: ",
	.opener = REQ_LINE,
	.entered = number_entered,
	.cleared = search_cleared,
	.help = help_keys,
};

void prompt_packet(struct ui *ui, bool (*go)(struct ui *ui, uint64_t number))
{
	typed.go = go;
	open_prompt(ui, &number_kind, "");
}

/* ---- a moment ---- */

static bool time_entered(struct ui *ui)
{
	uint64_t at;

	typed.trouble = (struct err){0};
	if (time_parse(text_cstr(&typed.line), ui->o->feed->first, &at, &typed.trouble))
		return false;
	axis_center(ui, at);
	return true;
}

static const struct kind time_kind = {
	.label = "Go to (12:00:05, +10s): ",
	.opener = REQ_GO_TO,
	.entered = time_entered,
	.cleared = search_cleared,
	.help = help_keys,
};

void prompt_time(struct ui *ui)
{
	open_prompt(ui, &time_kind, "");
}

/* ---- the line ---- */

static unsigned columns_of(const char *p, size_t n)
{
	struct text t = {0};
	unsigned width = text_terminal(&t, p, n, 0);

	text_done(&t);
	return width;
}

static void draw_trouble(unsigned height)
{
	const char *p = typed.trouble.message;
	unsigned n = 1;

	for (const char *s = p; *s; s++)
		n += *s == '\n';
	n = MIN(n, MIN(ERROR_LINES, height - 1));
	for (unsigned i = 0; i < n; i++) {
		size_t len = strcspn(p, "\n");
		paint(height - 1 - n + i, 0, screen_width(), STYLE_ERROR, p, len);
		p += len + (p[len] == '\n');
	}
}

/* NULL: this one is left out. */
static const char *label_of(size_t hint)
{
	return hints[hint].label ? hints[hint].label : typed.kind->other_name;
}

static void draw(struct ui *ui)
{
	unsigned y = screen_height() - 1, width = screen_width(), x = 0;

	footer_hint(ui, NULL);
	paint_str(y, 0, width, STYLE_TEXT, "");
	for (size_t i = 0; i < ARRAY_SIZE(hints) && label_of(i); i++)
		x = footer_label(x, hints[i].name, label_of(i), hints[i].key);
	x = paint_fmt(y, x, STYLE_BOLD, "%s", typed.kind->label);
	/* What does not fit is left out at the front. */
	size_t from = 0;
	unsigned room = width > x + 1 ? width - x - 1 : 1;
	while (from < typed.cursor &&
	       columns_of(typed.line.data + from, typed.cursor - from) > room)
		from += MAX(text_utf8(typed.line.data + from, typed.line.len - from), 1);
	if (typed.line.len)
		paint(y, x, width > x ? width - x : 0, STYLE_TEXT, typed.line.data + from,
		      typed.line.len - from);
	if (typed.trouble.code && screen_height() > 2)
		draw_trouble(screen_height());
	screen_cursor(y, x + columns_of(typed.line.data + from, typed.cursor - from));
}

static void remove_bytes(size_t from, size_t to)
{
	memmove(typed.line.data + from, typed.line.data + to, typed.line.len - to);
	typed.line.len -= to - from;
	typed.cursor = from;
}

static size_t before(size_t at)
{
	while (at && (typed.line.data[--at] & 0xc0) == 0x80)
		continue;
	return at;
}

static size_t behind(size_t at)
{
	while (at < typed.line.len && ++at < typed.line.len && (typed.line.data[at] & 0xc0) == 0x80)
		continue;
	return at;
}

static void insert(uint32_t c)
{
	char s[4];
	size_t n = 0;

	if (typed.line.len > TYPED_MAX)
		return;
	if (c < 0x80) {
		s[n++] = (char)c;
	} else if (c < 0x800) {
		s[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		s[n++] = (char)(0xe0 | c >> 12);
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		s[n++] = (char)(0xf0 | c >> 18);
		s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		s[n++] = (char)(0x80 | (c & 0x3f));
	char *room = text_room(&typed.line, n);
	char *at = typed.line.data + typed.cursor;
	memmove(at + n, at, (size_t)(room - at));
	memcpy(at, s, n);
	typed.line.len += n;
	typed.cursor += n;
}

static bool is_function(int key)
{
	return key < ' ' || (key >= KEY_MIN && !(key & KEY_CHARACTER));
}

/* false: the key changes nothing. */
static bool edit(int key)
{
	switch (key) {
	case KEY_LEFT:
		typed.cursor = before(typed.cursor);
		return false;
	case KEY_RIGHT:
		typed.cursor = behind(typed.cursor);
		return false;
	case KEY_HOME:
	case CONTROL('A'):
		typed.cursor = 0;
		return false;
	case KEY_END:
	case CONTROL('E'):
		typed.cursor = typed.line.len;
		return false;
	case KEY_BACKSPACE:
	case CONTROL('H'):
	case 0x7f:
		remove_bytes(before(typed.cursor), typed.cursor);
		return true;
	case KEY_DC:
	case CONTROL('D'):
		remove_bytes(typed.cursor, behind(typed.cursor));
		return true;
	case CONTROL('U'):
		remove_bytes(0, typed.cursor);
		return true;
	default:
		if (is_function(key))
			return false;
		insert((uint32_t)key & ~(uint32_t)KEY_CHARACTER);
		return true;
	}
}

static void close_prompt(struct ui *ui)
{
	ui->overlay = NULL;
}

static bool request(struct ui *ui, enum request r, int key)
{
	const struct kind *k = typed.kind;

	if (r == REQ_ENTER) {
		if (k->entered(ui))
			close_prompt(ui);
	} else if (key == 0x1b) {
		close_prompt(ui);
		k->cleared(ui);
	} else if (r == k->opener && is_function(key)) {
		close_prompt(ui);
	} else if (key == KEY_F(1) || (k == &filter_kind && key == '?' && !typed.line.len)) {
		k->help(ui);
	} else if (r == REQ_VIEWS && key != 'v' && k->other) {
		open_prompt(ui, k->other, k == &text_kind ? ui->filter : ui->match);
	} else if (edit(key)) {
		typed.trouble = (struct err){0};
		if (k->changed)
			k->changed(ui);
	}
	return true;
}

/* Its labels are the bottom line's. */
static bool pointed(struct ui *ui, const struct pointed *p)
{
	(void)ui;
	(void)p;
	return true;
}

static const struct pane prompt_pane = {.draw = draw, .request = request, .pointed = pointed};

static void open_prompt(struct ui *ui, const struct kind *k, const char *text)
{
	text_reset(&typed.line);
	text_room(&typed.line, 1);
	text_str(&typed.line, text);
	typed.cursor = typed.line.len;
	typed.kind = k;
	typed.trouble = (struct err){0};
	ui->overlay = &prompt_pane;
}
