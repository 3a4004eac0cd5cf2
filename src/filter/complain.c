/* SPDX-License-Identifier: Apache-2.0 */
/* Errors a person can act on: what, the text, a caret under the place, a way out. */
#include "filter/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW	      76u /* bytes: a line of this length is shown whole */
#define WINDOW_BEFORE 44u /* of a longer one, this much before the place */
#define WINDOW_AFTER  24u
#define SHOW_MAX      48u

const char *complain_show(const char *s, size_t n)
{
	static _Thread_local char slots[4][SHOW_MAX * 2];
	static _Thread_local unsigned next;
	char *slot = slots[next++ % 4];
	struct text t = {0};

	text_plain(&t, s, MIN(n, SHOW_MAX));
	snprintf(slot, SHOW_MAX * 2, "%s%s", text_cstr(&t), n > SHOW_MAX ? "..." : "");
	text_done(&t);
	return slot;
}

static bool is_continuation(char ch)
{
	return ((unsigned char)ch & 0xc0u) == 0x80u;
}

static unsigned columns(const char *s, size_t n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += !is_continuation(s[i]);
	return count;
}

/* The line around pos, cut to a window; *caret = columns before the place. */
static void window(struct text *t, const struct source *src, size_t pos, unsigned *caret)
{
	size_t from = pos, to = pos;

	while (from > 0 && src->text[from - 1] != '\n')
		from--;
	while (to < src->len && src->text[to] != '\n')
		to++;
	if (to - from > WINDOW) {
		from = MAX(from, pos - MIN(pos, WINDOW_BEFORE));
		to = MIN(to, pos + WINDOW_AFTER);
	}
	while (from < pos && is_continuation(src->text[from]))
		from++;
	while (to < src->len && to > pos && is_continuation(src->text[to]))
		to--;
	if (from > 0 && src->text[from - 1] != '\n')
		text_str(t, "...");
	text_plain(t, src->text + from, pos - from);
	*caret = columns(t->data, t->len);
	text_plain(t, src->text + pos, to - pos);
	if (to < src->len && src->text[to] != '\n')
		text_str(t, "...");
}

static unsigned line_of(const struct source *src, size_t pos, unsigned *column)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i < pos && i < src->len; i++) {
		if (src->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*column = (unsigned)(pos - start) + 1;
	return line;
}

static int put(const struct source *src, size_t pos, const char *hint, const char *what,
	       struct err *e)
{
	char where[80] = "";
	unsigned caret = 0, column, line = line_of(src, pos, &column);
	struct text t = {0};

	if (src->name)
		snprintf(where, sizeof(where), "in @%.40s, line %u: ", src->name, line);
	text_room(&t, 1);
	window(&t, src, pos, &caret);
	err_set(e, ERR_USAGE, "%s%s\n  %s\n  %*s^%s%s", where, what, text_cstr(&t), (int)caret, "",
		hint && *hint ? "\n" : "", hint ? hint : "");
	if (e) {
		e->line = src->name ? line : 0;
		e->column = column;
	}
	text_done(&t);
	return -1;
}

int complain(struct parser *p, size_t pos, const char *hint, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return put(p->src, pos, hint, what, p->e);
}

int filter_complain(const char *text, size_t pos, const char *hint, const char *what, struct err *e)
{
	const struct source src = {text, strlen(text), NULL};

	return put(&src, pos, hint, what, e);
}
