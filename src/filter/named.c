/* SPDX-License-Identifier: Apache-2.0 */
/* Named filters: @NAME is the text of NAME.filter in the first directory that has it. */
#include "filter/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Comment lines become blank ones, so that columns and line numbers stay true. */
static void blank_comments(char *text)
{
	for (char *line = text; *line;) {
		char *at = line + strspn(line, " \t");
		size_t n = strcspn(line, "\n");

		if (*at == '#')
			memset(line, ' ', n);
		line += n;
		line += *line == '\n';
	}
}

static FILE *named_open(const char *const *dirs, const char *name)
{
	for (; dirs && *dirs; dirs++) {
		cleanup_free char *path = xasprintf("%s/%s.filter", *dirs, name);
		FILE *file = fopen(path, "re");

		if (file)
			return file;
	}
	return NULL;
}

static int named_missing(struct parser *p, const char *name, size_t pos)
{
	struct text t = {0};
	int r;

	for (const char *const *d = p->dirs; d && *d; d++) {
		text_str(&t, t.len ? ", " : "looked for it in ");
		text_plain(&t, *d, strlen(*d));
	}
	if (!t.len)
		text_str(&t, "no directory of named filters is known");
	r = complain(p, pos, text_cstr(&t), "no named filter @%s",
		     complain_show(name, strlen(name)));
	text_done(&t);
	return r;
}

char *named_load(struct parser *p, const char *name, size_t pos, size_t *len)
{
	__attribute__((cleanup(close_file))) FILE *file = named_open(p->dirs, name);

	if (!file) {
		named_missing(p, name, pos);
		return NULL;
	}
	cleanup_free char *text = xmalloc(FILTER_MAX_TEXT + 1);
	size_t n = fread(text, 1, FILTER_MAX_TEXT + 1, file);

	if (ferror(file)) {
		complain(p, pos, NULL, "cannot read named filter @%s", name);
		return NULL;
	}
	if (n > FILTER_MAX_TEXT || memchr(text, '\0', n)) {
		complain(p, pos, NULL, "named filter @%s is %s", name,
			 n > FILTER_MAX_TEXT ? "longer than 64 KiB" : "not text");
		return NULL;
	}
	text[n] = '\0';
	blank_comments(text);
	*len = n;
	char *result = text;

	text = NULL;
	return result;
}
