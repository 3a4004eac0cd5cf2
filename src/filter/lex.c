/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a filter, piece by piece: words, blanks, values bare and quoted. */
#include "filter/program.h"

#include <stdlib.h>

char lex_at(const struct parser *p, size_t ahead)
{
	size_t i = p->pos + ahead;

	return i < p->src->len ? p->src->text[i] : '\0';
}

bool lex_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

bool lex_word_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '.' || ch == '-';
}

void lex_skip(struct parser *p)
{
	while (lex_blank(lex_at(p, 0)))
		p->pos++;
}

bool lex_end(const struct parser *p)
{
	return p->pos >= p->src->len;
}

/* Bytes of the word at the cursor. */
size_t lex_word(const struct parser *p)
{
	size_t n = 0;

	while (lex_word_char(lex_at(p, n)))
		n++;
	return n;
}

bool lex_word_is(const struct parser *p, const char *word)
{
	size_t n = lex_word(p);

	return n == strlen(word) && memcmp(p->src->text + p->pos, word, n) == 0;
}

static int escape_char(char ch)
{
	static const char from[] = "\\\"'abfnrtv", to[] = "\\\"'\a\b\f\n\r\t\v";
	const char *found = ch ? strchr(from, ch) : NULL;

	return found ? to[found - from] : -1;
}

static int read_quoted(struct parser *p, bool keep_unknown, struct operand *o)
{
	char quote = lex_at(p, 0);
	struct text t = {0};

	p->pos++;
	text_room(&t, 1);
	while (lex_at(p, 0) != quote) {
		if (lex_end(p)) {
			text_done(&t);
			return complain(p, o->pos, NULL, "unclosed quotes");
		}
		if (lex_at(p, 0) == '\\') {
			int ch = escape_char(lex_at(p, 1));

			if (ch < 0 && !(keep_unknown && lex_at(p, 1))) {
				text_done(&t);
				return complain(
					p, p->pos,
					"known escapes: \\\\ \\\" \\' \\a \\b \\f \\n \\r \\t \\v",
					"unrecognized escape sequence");
			}
			if (ch < 0)
				text_char(&t, '\\');
			text_char(&t, ch < 0 ? lex_at(p, 1) : (char)ch);
			p->pos += 2;
		} else {
			text_char(&t, lex_at(p, 0));
			p->pos++;
		}
	}
	p->pos++;
	o->n = t.len;
	o->p = xstrndup(t.data, t.len);
	text_done(&t);
	return 0;
}

static bool ends_bare(const struct parser *p, bool in_list)
{
	char ch = lex_at(p, 0);

	return lex_end(p) || lex_blank(ch) || ch == ')' || (in_list && ch == ',') ||
	       ((ch == '&' || ch == '|') && lex_at(p, 1) == ch);
}

int lex_operand(struct parser *p, const struct insn *in, bool in_list, struct operand *o)
{
	/* In patterns a backslash is everyday writing: '\.' means what it says. */
	bool pattern = in->op == OP_REGEX || in->op == OP_GLOB || in->op == OP_IGLOB;

	lex_skip(p);
	o->pos = p->pos;
	if (lex_at(p, 0) == '\'' || lex_at(p, 0) == '"') {
		if (read_quoted(p, pattern, o))
			return -1;
		if (!ends_bare(p, in_list)) {
			free(o->p);
			return complain(p, p->pos, NULL, "text right behind the closing quote");
		}
		o->end = p->pos;
		return 0;
	}
	if (lex_end(p))
		return complain(p, p->pos, NULL, "unexpected end of filter: a value is missing");
	if (lex_at(p, 0) == '(')
		return complain(p, p->pos,
				pattern ? "a pattern that begins with a bracket has to be quoted"
					: "a list is written: field in (a, b)",
				"a value cannot begin with a bracket");
	while (!ends_bare(p, in_list))
		p->pos++;
	if (p->pos == o->pos)
		return complain(p, p->pos, "an empty text is written ''", "a value is missing");
	o->n = p->pos - o->pos;
	o->p = xstrndup(p->src->text + o->pos, o->n);
	o->end = p->pos;
	return 0;
}
