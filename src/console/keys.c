/* SPDX-License-Identifier: Apache-2.0 */
#include "console/keys.h"

#include <curses.h>

#define CONTROL(c) ((c)&0x1f)

const struct binding bindings[] = {
	{REQ_HELP, {KEY_F(1), '?', 'h'}, "F1 ? h", "Help", "this text", false},
	{REQ_VIEWS, {KEY_F(2), 'v', '\t'}, "F2 v Tab", "Views", "choose a view", false},
	{REQ_FILTER, {KEY_F(4), '\\'}, "F4 \\", "Filter", "show only what matches", false},
	{REQ_ECHO, {KEY_F(5), 'e'}, "F5 e", "Echo", "what the selection says: payloads", false},
	{REQ_DIG, {KEY_F(6), 'd'}, "F6 d", "Dig", "packets of the selection", false},
	{REQ_LEGEND, {KEY_F(7), 'L'}, "F7 L", "Legend", "what the columns mean", false},
	{REQ_ACTIONS, {KEY_F(8), 'A'}, "F8 A", "Actions", "do something with the row", false},
	{REQ_SORT, {KEY_F(9), '>'}, "F9 >", "Sort", "choose the column to sort by", false},
	{REQ_SPECTRUM,
	 {KEY_F(12), 'S', KEY_F(24)},
	 "F12 S",
	 "Spectro",
	 "how values spread over time",
	 false},
	{REQ_SEARCH, {CONTROL('F'), '/'}, "^F /", "Search", "go to rows with a text", false},
	{REQ_NEXT, {KEY_F(3), CONTROL('N')}, "F3 ^N", NULL, "the next such row", false},
	{REQ_PAUSE, {'p'}, "p", "Pause", "hold the picture", false},
	{REQ_QUIT, {KEY_F(10), 'q'}, "F10 q", "Quit", "leave", false},
	{REQ_ENTER, {KEY_ENTER, '\r', '\n'}, "Enter", NULL, "drill down into the row", false},
	{REQ_BACK, {KEY_BACKSPACE, 0x7f, CONTROL('H'), 0x1b}, "Backspace Esc", NULL, "back", false},
	{REQ_UP, {KEY_UP}, "Up Down", NULL, "move", false},
	{REQ_DOWN, {KEY_DOWN}, NULL, NULL, NULL, false},
	{REQ_PAGE_UP, {KEY_PPAGE, CONTROL('B')}, "PgUp PgDn", NULL, "by a page; also ^B ^D", false},
	{REQ_PAGE_DOWN, {KEY_NPAGE, CONTROL('D')}, NULL, NULL, NULL, false},
	{REQ_FIRST, {KEY_HOME, CONTROL('A')}, "Home End", NULL, "first, last; also ^A ^E", false},
	{REQ_LAST, {KEY_END, CONTROL('E')}, NULL, NULL, NULL, false},
	{REQ_LEFT, {KEY_LEFT}, "Left Right", NULL, "columns beyond the edge", false},
	{REQ_RIGHT, {KEY_RIGHT}, NULL, NULL, NULL, false},
	{REQ_REVERSE, {'<', 'I'}, "1..9 <", NULL, "sort by a column; turn the order", false},
	{REQ_GRAPH, {KEY_F(11), 'R'}, "F11 R", NULL, "rate of the selected row over time", false},
	{REQ_PORTMAP, {'M'}, "M", NULL, "map of ports", false},
	{REQ_FOLLOW, {'F'}, "F", NULL, "stay with the row, or with the newest", false},
	{REQ_CLEAR, {'c', KEY_DC}, "c Del", NULL, "clear filter and text; a list: its rows", false},
	{REQ_PLAY, {' '}, "Space", NULL, "play, pause", true},
	{REQ_EARLIER, {'['}, "[ ]", NULL, "half a window earlier, later", true},
	{REQ_LATER, {']'}, NULL, NULL, NULL, true},
	{REQ_STEP_BACK, {','}, ", .", NULL, "a small step", true},
	{REQ_STEP, {'.'}, NULL, NULL, NULL, true},
	{REQ_BEGIN, {'{'}, "{ }", NULL, "to the begin, the end", true},
	{REQ_END, {'}'}, NULL, NULL, NULL, true},
	{REQ_ZOOM_IN, {'+', '='}, "+ -", NULL, "a shorter, longer window", true},
	{REQ_ZOOM_OUT, {'-'}, NULL, NULL, NULL, true},
	{REQ_WHOLE, {'0'}, "0", NULL, "the whole capture", true},
	{REQ_FASTER, {'X'}, "x X", NULL, "play slower, faster", true},
	{REQ_SLOWER, {'x'}, NULL, NULL, NULL, true},
	{REQ_GO_TO, {'T'}, "T", NULL, "go to a time", true},
	{REQ_LINE, {CONTROL('G')}, "^G", NULL, "packets: go to a number; F2: view as", false},
	{REQ_RESIZE, {KEY_RESIZE}, NULL, NULL, NULL, false},
	{REQ_REDRAW, {CONTROL('L')}, "^L", NULL, "draw the screen anew", false},
};

const size_t n_bindings = ARRAY_SIZE(bindings);

enum request key_request(int key, bool file)
{
	for (size_t i = 0; i < n_bindings; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(bindings[i].keys) && bindings[i].keys[k]; k++)
			if (bindings[i].keys[k] == key && (file || !bindings[i].file))
				return bindings[i].request;
	return REQ_NONE;
}

int key_column(int key)
{
	static const char shifted[] = "!@#$%^&*(";
	const char *at = key > 0 && key < 0x7f ? strchr(shifted, key) : NULL;

	if (key >= '1' && key <= '9')
		return key - '1';
	return at ? (int)(at - shifted) : -1;
}
