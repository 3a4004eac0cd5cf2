/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text for a terminal. Widths are those of East Asian Width (Unicode
 * Standard Annex 11) in ranges of whole blocks; the C library's own depend on
 * the locale, which a script need not have set.
 */
#include "base/base.h"

#define MARKS_MAX 2u /* combining marks that one character may carry */

struct range {
	uint32_t from, to;
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* Controls, and what changes the direction or hides: never shown. */
static bool is_hostile(uint32_t c)
{
	static const struct range hostile[] = {
		{0x0, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	 {0x61c, 0x61c},
		{0x115f, 0x1160}, {0x180e, 0x180e}, {0x200b, 0x200f},	 {0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164}, {0xd800, 0xdfff},	 {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
	};

	return is_in(hostile, ARRAY_SIZE(hostile), c);
}

static unsigned columns_of(uint32_t c)
{
	static const struct range none[] = {
		{0x300, 0x36f},	  {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
		{0x64b, 0x65f},	  {0x6d6, 0x6dc},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
		{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	};
	static const struct range two[] = {
		{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23ec},
		{0x25fd, 0x25fe},   {0x2614, 0x2615},	{0x2648, 0x2653},   {0x26a1, 0x26a1},
		{0x2705, 0x2705},   {0x270a, 0x270b},	{0x2728, 0x2728},   {0x274c, 0x274c},
		{0x2753, 0x2757},   {0x2795, 0x2797},	{0x2e80, 0x303e},   {0x3041, 0xa4cf},
		{0xa960, 0xa97f},   {0xac00, 0xd7a3},	{0xf900, 0xfaff},   {0xfe30, 0xfe6f},
		{0xff00, 0xff60},   {0xffe0, 0xffe6},	{0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff},
		{0x1f1e6, 0x1f1ff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
		{0x20000, 0x3fffd},
	};

	if (c < 0x300)
		return 1;
	if (is_in(none, ARRAY_SIZE(none), c))
		return 0;
	return is_in(two, ARRAY_SIZE(two), c) ? 2 : 1;
}

/* The character at p, its bytes in *len; invalid ones as U+FFFF of one byte. */
static uint32_t next_character(const char *p, size_t n, unsigned *len)
{
	const uint8_t *b = (const uint8_t *)p;

	*len = text_utf8(p, n);
	switch (*len) {
	case 1:
		return b[0];
	case 2:
		return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
	case 3:
		return (b[0] & 0xfu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
	case 4:
		return (b[0] & 7u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 |
		       (b[3] & 0x3fu);
	default:
		*len = 1;
		return 0xffff;
	}
}

unsigned text_terminal(struct text *t, const char *p, size_t n, unsigned width)
{
	unsigned taken = 0, marks = 0;
	size_t cut_at = t->len; /* where the ellipsis would go */
	unsigned cut_columns = 0;

	for (unsigned len; n; p += len, n -= len) {
		uint32_t c = next_character(p, n, &len);
		bool hostile = is_hostile(c);
		unsigned columns = hostile ? 1 : columns_of(c);
		if (width && taken + columns > width) {
			t->len = cut_at;
			text_str(t, "…");
			return cut_columns + 1;
		}
		marks = columns ? 0 : marks + 1;
		if (marks > MARKS_MAX || (!columns && !taken))
			continue;
		if (hostile)
			text_char(t, '?');
		else
			text_put(t, p, len);
		taken += columns;
		if (width && taken < width) {
			cut_at = t->len;
			cut_columns = taken;
		}
	}
	return taken;
}
