/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exposition.h"

static const char *unit_of(const char *name)
{
	static const char *const units[] = {"bytes", "seconds"};
	const char *last = strrchr(name, '_');

	for (size_t i = 0; last && i < ARRAY_SIZE(units); i++)
		if (str_eq(last + 1, units[i]))
			return units[i];
	return NULL;
}

/* Of a sample; in the older format of the family too. */
static void put_name(struct exposition *x, bool sample)
{
	text_str(x->t, x->family);
	if (x->type == METRIC_COUNTER && (sample || !x->openmetrics))
		text_str(x->t, "_total");
}

static void put_comment(struct exposition *x, const char *word, const char *text)
{
	text_str(x->t, "# ");
	text_str(x->t, word);
	text_char(x->t, ' ');
	put_name(x, false);
	text_char(x->t, ' ');
	text_str(x->t, text);
	text_char(x->t, '\n');
}

void exposition_family(struct exposition *x, const char *name, enum metric_type type,
		       const char *help)
{
	const char *unit = x->openmetrics ? unit_of(name) : NULL;

	x->family = name;
	x->type = type;
	put_comment(x, "HELP", help);
	put_comment(x, "TYPE", type == METRIC_COUNTER ? "counter" : "gauge");
	if (unit)
		put_comment(x, "UNIT", unit);
}

void exposition_begin(struct exposition *x, const char *labels, size_t n, const char *more)
{
	put_name(x, true);
	if (n || *more) {
		text_char(x->t, '{');
		text_put(x->t, labels, n);
		if (n && *more)
			text_char(x->t, ',');
		text_str(x->t, more);
		text_char(x->t, '}');
	}
	text_char(x->t, ' ');
}

void exposition_label(struct text *t, const char *name, const char *value)
{
	if (t->len)
		text_char(t, ',');
	text_str(t, name);
	text_str(t, "=\"");
	for (const char *s = value; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_char(t, '\\');
		text_char(t, *s == '\n' ? ' ' : *s);
	}
	text_char(t, '"');
}

void exposition_value(struct exposition *x, const char *labels, double value)
{
	exposition_begin(x, labels, strlen(labels), "");
	text_fmt(x->t, "%.15g\n", value);
}

void exposition_count(struct exposition *x, const char *labels, uint64_t value)
{
	exposition_begin(x, labels, strlen(labels), "");
	text_u64(x->t, value);
	text_char(x->t, '\n');
}

const char *exposition_content_type(const struct exposition *x)
{
	return x->openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			      : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition_end(struct exposition *x)
{
	if (x->openmetrics)
		text_str(x->t, "# EOF\n");
}
