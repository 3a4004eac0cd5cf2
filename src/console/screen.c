/* SPDX-License-Identifier: Apache-2.0 */
/* The picture: styles, and text in exactly as many columns as it was given. */
#include "console/screen.h"
#include "console/terminal.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>

#define DOUBLE_NS   (400 * NSEC_PER_MSEC) /* between two clicks that are one */
#define POINTED_MAX 8u			  /* that ncurses keeps */

static struct {
	SCREEN *curses;
	bool unicode, eighths, colors;
	attr_t styles[STYLES];
	attr_t heat[HEAT_STEPS];
	bool cursor;
	struct text scratch;
} screen;

/* ---- styles ---- */

struct look {
	short fg, bg;	    /* of 256 colours */
	short fg8, bg8;	    /* of 8 */
	attr_t plain, more; /* without colour; beside colours */
};

static const struct look looks[STYLES] = {
	[STYLE_TEXT] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
	[STYLE_DIM] = {245, -1, -1, -1, A_DIM, A_NORMAL},
	[STYLE_BOLD] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
	[STYLE_TITLE] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
	[STYLE_HEADER] = {16, 109, COLOR_BLACK, COLOR_GREEN, A_REVERSE, A_NORMAL},
	[STYLE_SORTED] = {16, 152, COLOR_BLACK, COLOR_CYAN, A_REVERSE | A_BOLD, A_BOLD},
	[STYLE_SELECTED] = {231, 24, COLOR_WHITE, COLOR_BLUE, A_REVERSE, A_NORMAL},
	[STYLE_KEY] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
	[STYLE_LABEL] = {16, 109, COLOR_BLACK, COLOR_CYAN, A_REVERSE, A_NORMAL},
	[STYLE_GRAPH] = {73, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL},
	[STYLE_WINDOW] = {180, -1, COLOR_YELLOW, -1, A_BOLD, A_NORMAL},
	[STYLE_GOOD] = {108, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
	[STYLE_WARN] = {179, -1, COLOR_YELLOW, -1, A_BOLD, A_NORMAL},
	[STYLE_ERROR] = {167, -1, COLOR_RED, -1, A_BOLD, A_BOLD},
};

/* From a blue to a warm yellow: brightness grows all the way, from one that a single packet can be
 * seen with on black too. */
static const short heat_colors[HEAT_STEPS] = {-1, 24, 25, 31, 36, 72, 108, 144, 180, 216, 222, 229};
static const short heat_colors8[HEAT_STEPS] = {
	-1,	    COLOR_BLUE,	 COLOR_BLUE,  COLOR_BLUE,   COLOR_CYAN,	  COLOR_CYAN,
	COLOR_CYAN, COLOR_GREEN, COLOR_GREEN, COLOR_YELLOW, COLOR_YELLOW, COLOR_WHITE};

static void make_styles(void)
{
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */

	screen.colors = has_colors() && !(no_color && *no_color);
	if (screen.colors) {
		start_color();
		use_default_colors();
	}
	bool many = COLORS >= 256;
	for (unsigned i = 0; i < STYLES; i++) {
		const struct look *l = &looks[i];
		screen.styles[i] = l->plain;
		if (!screen.colors)
			continue;
		init_pair((short)(i + 1), many ? l->fg : l->fg8, many ? l->bg : l->bg8);
		screen.styles[i] = l->more | COLOR_PAIR(i + 1);
	}
	for (unsigned i = 0; i < HEAT_STEPS && screen.colors; i++) {
		short c = many ? heat_colors[i] : heat_colors8[i];
		init_pair((short)(STYLES + 1 + i), c, c);
		screen.heat[i] = COLOR_PAIR(STYLES + 1 + i);
	}
}

/* ---- the terminal ---- */

/* What PuTTY, rxvt and the console of Linux send for keys, whatever TERM says: unknown, they would
 * be Esc, which goes back, and letters, which do things. */
static void know_keys(void)
{
	static const struct {
		const char *sent;
		int key;
	} keys[] = {
		{"\033[11~", KEY_F(1)}, {"\033[12~", KEY_F(2)},	   {"\033[13~", KEY_F(3)},
		{"\033[14~", KEY_F(4)}, {"\033OP", KEY_F(1)},	   {"\033OQ", KEY_F(2)},
		{"\033OR", KEY_F(3)},	{"\033OS", KEY_F(4)},	   {"\033[[A", KEY_F(1)},
		{"\033[[B", KEY_F(2)},	{"\033[[C", KEY_F(3)},	   {"\033[[D", KEY_F(4)},
		{"\033[[E", KEY_F(5)},	{"\033[24;2~", KEY_F(24)}, {"\033[1~", KEY_HOME},
		{"\033[4~", KEY_END},	{"\033[7~", KEY_HOME},	   {"\033[8~", KEY_END},
		{"\033[H", KEY_HOME},	{"\033[F", KEY_END},	   {"\033OH", KEY_HOME},
		{"\033OF", KEY_END},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!key_defined(keys[i].sent))
			define_key(keys[i].sent, keys[i].key);
}

int screen_open(struct err *e)
{
	const char *term = getenv("TERM");

	setlocale(LC_CTYPE, "");
	screen.unicode = str_eq(nl_langinfo(CODESET), "UTF-8");
	screen.eighths = screen.unicode && !(term && str_eq(term, "linux"));
	if (terminal_begin(e))
		return -1;
	screen.curses = newterm(NULL, stdout, stdin);
	if (!screen.curses) {
		terminal_end();
		return err_set(e, ERR_FAILED,
			       "terminal '%s' is not known here; set TERM, or use --batch",
			       term ? term : "");
	}
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, true);
	know_keys();
	nodelay(stdscr, true);
	mousemask(BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	curs_set(0);
	make_styles();
	terminal_catch();
	return 0;
}

void screen_close(void)
{
	if (!screen.curses)
		return;
	terminal_uncatch();
	endwin();
	delscreen(screen.curses);
	screen.curses = NULL;
	terminal_end();
	text_done(&screen.scratch);
	screen.scratch = (struct text){0};
}

void screen_leave(void)
{
	def_prog_mode();
	endwin();
}

void screen_return(void)
{
	reset_prog_mode();
	clearok(curscr, true);
	refresh();
	curs_set(0);
}

unsigned screen_width(void)
{
	return COLS > 0 ? (unsigned)COLS : 1;
}

unsigned screen_height(void)
{
	return LINES > 0 ? (unsigned)LINES : 1;
}

bool screen_unicode(void)
{
	return screen.unicode;
}

/* ---- painting ---- */

void screen_begin(void)
{
	erase();
	screen.cursor = false;
}

void screen_end(void)
{
	int y, x;

	getyx(stdscr, y, x);
	curs_set(screen.cursor);
	if (!screen.cursor)
		move((int)screen_height() - 1, (int)screen_width() - 1);
	else
		move(y, x);
	refresh();
}

void screen_cursor(unsigned y, unsigned x)
{
	screen.cursor = y < screen_height() && x < screen_width();
	if (screen.cursor)
		move((int)y, (int)x);
}

/* One character for each that the locale cannot show. */
static void keep_ascii(struct text *t)
{
	size_t to = 0;

	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = (uint8_t)t->data[i];
		if (c < 0x80)
			t->data[to++] = t->data[i];
		else if (c >= 0xc0)
			t->data[to++] = '?';
	}
	t->len = to;
}

static void paint_blanks(unsigned n)
{
	while (n--)
		addch(' ');
}

unsigned paint(unsigned y, unsigned x, unsigned width, enum style style, const char *p, size_t n)
{
	if (y >= screen_height() || x >= screen_width())
		return 0;
	width = MIN(width, screen_width() - x);
	if (!width)
		return 0;
	text_reset(&screen.scratch);
	unsigned taken = text_terminal(&screen.scratch, p, n, width);
	if (!screen.unicode) {
		keep_ascii(&screen.scratch);
		taken = (unsigned)screen.scratch.len;
	}
	attrset((int)screen.styles[style]);
	move((int)y, (int)x);
	addnstr(text_cstr(&screen.scratch), (int)screen.scratch.len);
	move((int)y, (int)(x + taken));
	if (taken < width)
		paint_blanks(width - taken);
	attrset(A_NORMAL);
	return taken;
}

unsigned paint_str(unsigned y, unsigned x, unsigned width, enum style style, const char *s)
{
	return paint(y, x, width, style, s, strlen(s));
}

unsigned paint_fmt(unsigned y, unsigned x, enum style style, const char *fmt, ...)
{
	struct text t = {0};
	char *s;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		s = xstrdup("");
	va_end(args);
	unsigned left = x < screen_width() ? screen_width() - x : 0;
	unsigned taken = text_terminal(&t, s, strlen(s), left);
	text_done(&t);
	taken = paint_str(y, x, taken, style, s);
	free(s);
	return x + taken;
}

void paint_block(unsigned y, unsigned x, enum style style, unsigned eighths)
{
	static const char *const full[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const half[] = {" ", "▄", "▄", "▄", "▄", "█", "█", "█", "█"};
	static const char *const ascii[] = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
	const char *const *blocks = screen.eighths ? full : screen.unicode ? half : ascii;

	paint_str(y, x, 1, style, blocks[MIN(eighths, 8)]);
}

void paint_heat(unsigned y, unsigned x, unsigned heat)
{
	static const char marks[HEAT_STEPS + 1] = " ..::-=+*#%@";

	if (y >= screen_height() || x >= screen_width())
		return;
	heat = MIN(heat, HEAT_STEPS - 1);
	attrset((int)(screen.colors ? screen.heat[heat] : A_NORMAL));
	mvaddch((int)y, (int)x, screen.colors ? ' ' : (chtype)marks[heat]);
	attrset(A_NORMAL);
}

/* ---- input ---- */

/* A click is a press and a release at one place, however slow the hand is: ncurses, which would
 * wait for the one after the other, knows only quick ones. */
static struct {
	unsigned x, y;
	bool pressed;
	uint64_t clicked; /* when the last click was there, 0 = never */
} button;

static void press(const struct pointed *p)
{
	if (p->x != button.x || p->y != button.y)
		button.clicked = 0;
	button.x = p->x;
	button.y = p->y;
	button.pressed = true;
}

static int release(const struct pointed *p)
{
	bool here = button.pressed && p->x == button.x && p->y == button.y;
	uint64_t now = time_monotonic();
	bool again = here && button.clicked && now - button.clicked < DOUBLE_NS;

	button.pressed = false;
	button.clicked = here && !again ? now : 0;
	return again ? POINT_DOUBLE : here ? POINT_CLICK : POINT_RELEASE;
}

static struct {
	struct pointed of[POINTED_MAX];
	unsigned n;
} queue; /* the newest first, as ncurses has them */

/* All that ncurses has read at once. */
static void read_mouse(void)
{
	static const struct {
		mmask_t mask;
		int what;
	} kinds[] = {
		{BUTTON1_PRESSED, POINT_PRESS},
		{BUTTON1_RELEASED, POINT_RELEASE},
		{BUTTON4_PRESSED, POINT_UP},
		{BUTTON5_PRESSED, POINT_DOWN},
	};
	MEVENT m;

	while (queue.n < POINTED_MAX && getmouse(&m) == OK)
		for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
			if (!(m.bstate & kinds[i].mask))
				continue;
			queue.of[queue.n++] = (struct pointed){.x = (unsigned)MAX(m.x, 0),
							       .y = (unsigned)MAX(m.y, 0),
							       .what = kinds[i].what};
			break;
		}
}

static bool next_pointed(struct pointed *p)
{
	if (!queue.n)
		return false;
	*p = queue.of[--queue.n];
	if (p->what == POINT_PRESS)
		press(p);
	else if (p->what == POINT_RELEASE)
		p->what = release(p);
	return true;
}

int screen_key(struct pointed *p)
{
	wint_t c;

	if (next_pointed(p))
		return KEY_POINTED;
	int kind = get_wch(&c);
	if (kind == ERR)
		return terminal_hung_up() ? KEY_END_OF_INPUT : KEY_NONE_YET;
	if (kind == KEY_CODE_YES && c == KEY_MOUSE) {
		read_mouse();
		return next_pointed(p) ? KEY_POINTED : KEY_NONE_YET;
	}
	/* Characters beyond Latin 1 could look like codes of keys: they are shown, never bound. */
	if (kind != KEY_CODE_YES && c >= KEY_MIN)
		return (int)c | KEY_CHARACTER;
	return (int)c;
}
