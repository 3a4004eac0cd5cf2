/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chisels print, made harmless: of escape sequences only those pass that colour text, move or
 * hide the cursor, and erase; other control bytes and broken UTF-8 become '.'.
 */
#include "chisel/inside.h"

#define ESC 0x1b

/* Could these bytes still become a sequence that is allowed? 1 yes, 0 no, 2 they are one. */
static int sequence(const char *p, unsigned n)
{
	static const char finals[] = "mABCDEFGHJK";

	if (n == 1)
		return 1;
	if (p[1] != '[')
		return 0;
	bool private = n > 2 && p[2] == '?';
	for (unsigned i = private ? 3 : 2; i < n; i++) {
		if ((p[i] >= '0' && p[i] <= '9') || p[i] == ';')
			continue;
		if (i + 1 < n)
			return 0;
		if (private)
			return n == 6 && !memcmp(p, "\x1b[?25", 5) && (p[5] == 'h' || p[5] == 'l')
				       ? 2
				       : 0;
		return strchr(finals, p[i]) && p[i] ? 2 : 0;
	}
	return 1;
}

static void end_escape(struct chisels *s, bool whole)
{
	if (whole)
		text_put(&s->line, s->escape, s->escape_n);
	else
		text_plain(&s->line, s->escape, s->escape_n);
	s->escape_n = 0;
}

/* Returns whether the byte belongs to the sequence that is being read. */
static bool escape_takes(struct chisels *s, char ch)
{
	if (s->escape_n + 1 >= sizeof(s->escape)) {
		end_escape(s, false);
		return false;
	}
	s->escape[s->escape_n] = ch;
	int is = sequence(s->escape, s->escape_n + 1);
	if (!is) {
		end_escape(s, false);
		return false;
	}
	s->escape_n++;
	if (is == 2)
		end_escape(s, true);
	return true;
}

void chisel_say(struct chisels *s, const char *p, size_t n)
{
	const char *end = p + n;

	text_reset(&s->line);
	while (p < end) {
		if (s->escape_n ? escape_takes(s, *p) : *p == ESC && escape_takes(s, *p)) {
			p++;
			continue;
		}
		const char *run = p;
		while (p < end && *p != '\n' && *p != '\t' && *p != '\r' && *p != ESC)
			p++;
		text_plain(&s->line, run, (size_t)(p - run));
		if (p < end && *p != ESC && *p != '\r')
			text_char(&s->line, *p);
		if (p < end && *p != ESC)
			p++;
	}
	if (s->line.len && s->host.write(s->host.ctx, s->line.data, s->line.len))
		s->stop = true;
}
