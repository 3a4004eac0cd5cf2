/* SPDX-License-Identifier: Apache-2.0 */
/* Actions: the words of a program to be run for a row. No shell ever sees a value. */
#include "view/inside.h"

#include <stdlib.h>

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

static const struct column *column_of(const struct table *t, const char *field, size_t n)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const char *name = t->columns[i].info->field;
		if (strlen(name) == n && !memcmp(name, field, n))
			return &t->columns[i];
	}
	return NULL;
}

/* The row's value of a field that one of the columns has, shown or not. */
static bool put_value(const struct table *t, const struct table_row *row, const struct column *k,
		      struct text *out)
{
	size_t index = (size_t)(k - t->columns);

	if (index == t->group) {
		text_put(out, row->key ? row->key : "", row->key_n);
		return row->key;
	}
	for (size_t i = 0; i < t->n_shown; i++) {
		const struct cell *c = &row->cells[i];
		if (str_eq(t->shown[i].info->field, k->info->field) && c->text) {
			text_put(out, c->text, c->n);
			return true;
		}
	}
	return false;
}

static int put_word(const struct table *t, const struct table_row *row, const char *word,
		    struct text *out, struct err *e)
{
	for (const char *s = word; *s;) {
		if (*s != '%') {
			text_char(out, *s++);
			continue;
		}
		size_t n = strspn(++s, "abcdefghijklmnopqrstuvwxyz0123456789_.");
		const struct column *k = column_of(t, s, n);
		size_t from = out->len;
		if (!k || !put_value(t, row, k, out))
			return err_set(e, ERR_FAILED, "this row has no %.*s", (int)n, s);
		if (memchr(out->data + from, '\0', out->len - from) ||
		    (from == 0 && out->data[0] == '-'))
			return err_set(e, ERR_FAILED,
				       "the value of %.*s cannot be given to a program", (int)n, s);
		s += n;
	}
	return 0;
}

char **table_action(const struct table *t, const struct table_row *row, const struct view_action *a,
		    struct err *e)
{
	char **words = xcalloc(VIEW_ACTION_WORDS + 1, sizeof(*words));
	struct text word = {0};

	for (unsigned i = 0; a->argv[i]; i++) {
		text_reset(&word);
		if (put_word(t, row, a->argv[i], &word, e)) {
			free_words(words);
			words = NULL;
			break;
		}
		words[i] = xstrndup(text_cstr(&word), word.len);
	}
	text_done(&word);
	return words;
}
