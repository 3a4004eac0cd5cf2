/* SPDX-License-Identifier: Apache-2.0 */
/* Named filters: @NAME is the text of NAME.filter in the first directory that has it. */
#include "filter/program.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SUFFIX ".filter"

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
		cleanup_free char *path = xasprintf("%s/%s" SUFFIX, *dirs, name);
		FILE *file = fopen(path, "re");

		if (file)
			return file;
	}
	return NULL;
}

/* The one of the directory that is spelt most like it. */
static void look_nearest(const char *dir, const char *name, unsigned *least, struct text *best)
{
	DIR *d = opendir(dir);

	for (struct dirent *de; d && (de = readdir(d));) {
		size_t n = strlen(de->d_name);
		if (n <= strlen(SUFFIX) || !str_eq(de->d_name + n - strlen(SUFFIX), SUFFIX))
			continue;
		cleanup_free char *known = xstrndup(de->d_name, n - strlen(SUFFIX));
		unsigned distance = str_distance(name, known);
		if (distance >= *least)
			continue;
		*least = distance;
		text_reset(best);
		text_plain(best, known, strlen(known));
	}
	if (d)
		closedir(d);
}

static void tell_nearest(const struct parser *p, const char *name, struct text *t)
{
	unsigned least = (unsigned)strlen(name) / 3 + 2; /* further away is no help */
	struct text best = {0};

	for (const char *const *d = p->dirs; d && *d; d++)
		look_nearest(*d, name, &least, &best);
	if (best.len)
		text_fmt(t, "did you mean @%s?\n", text_cstr(&best));
	text_done(&best);
}

static int named_missing(struct parser *p, const char *name, size_t pos)
{
	struct text t = {0};
	size_t begun;
	int r;

	tell_nearest(p, name, &t);
	begun = t.len;
	for (const char *const *d = p->dirs; d && *d; d++) {
		text_str(&t, t.len > begun ? ", " : "looked for it in ");
		text_plain(&t, *d, strlen(*d));
	}
	if (t.len == begun)
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
