/* SPDX-License-Identifier: Apache-2.0 */
/* Cells as people read them. */
#include "view/inside.h"

#include <math.h>

/* Three digits that count, and a letter: 0, 7.5, 512, 1.50k, 23.4M, 999G. At most five columns. */
static void put_scaled(struct text *t, double v, const char *const letters[], unsigned n,
		       double step)
{
	unsigned i = 0;

	if (v < 0) {
		text_char(t, '-');
		v = -v;
	}
	while (i + 1 < n && v >= (step == 1000 ? 999.5 : step - 0.5)) {
		v /= step;
		i++;
	}
	bool whole = !i && v == floor(v);
	text_double(t, v, whole || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2);
	text_str(t, letters[i]);
}

static void put_time(struct text *t, double ns)
{
	static const char *const small[] = {"ns", "us", "ms", "s"};
	static const char *const large[] = {"s", "m", "h"};

	if (fabs(ns) < 99.5e9)
		put_scaled(t, ns, small, ARRAY_SIZE(small), 1000);
	else
		put_scaled(t, ns / 1e9, large, ARRAY_SIZE(large), 60);
}

static void put_number(struct text *t, enum view_unit unit, double v)
{
	static const char *const letters[] = {"", "k", "M", "G", "T", "P", "E"};

	switch (unit) {
	case UNIT_PERCENT:
		text_double(t, v * 100, v < 0.9995 && v > 0 ? 1 : 0);
		break;
	case UNIT_TIME:
		put_time(t, v);
		break;
	case UNIT_SECONDS:
		put_time(t, v * (double)NSEC_PER_SEC);
		break;
	default:
		put_scaled(t, v, letters, ARRAY_SIZE(letters), 1000);
	}
}

#define INDENT 2u /* columns for each level of a tree */

static unsigned put_path(const struct cell *cell, unsigned width, struct text *out)
{
	unsigned depth = 0, last = 0;

	for (uint32_t i = 0; i < cell->n; i++)
		if (cell->text[i] == '/' && cell->n > 1) {
			depth++;
			last = i;
		}
	unsigned blanks = INDENT * depth;
	if (width)
		blanks = MIN(blanks, width / 2);
	for (unsigned i = 0; i < blanks; i++)
		text_char(out, ' ');
	return blanks +
	       text_terminal(out, cell->text + last, cell->n - last, width ? width - blanks : 0);
}

unsigned cell_text(const struct table_column *c, const struct cell *cell, unsigned width,
		   struct text *out)
{
	size_t from = out->len;

	if (cell->text && c->path && cell->n && cell->text[0] == '/')
		return put_path(cell, width, out);
	if (cell->text)
		return text_terminal(out, cell->text, cell->n, width);
	if (isnan(cell->number))
		text_char(out, '-');
	else
		put_number(out, c->info->unit, cell->number);
	return (unsigned)(out->len - from);
}
