/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"
#include "isolate/shaping.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OPTIONS_MAX	256u
#define CONFIG_MAX_SIZE (1u << 20)
#define HELP_COLUMN	30u

static bool has_letter(const struct option_row *r)
{
	return r->id < 256;
}

static const struct option_row *row_lettered(const struct option_row *rows, size_t n, int letter)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].help && rows[i].id == letter)
			return &rows[i];
	return NULL;
}

static int set_value(const struct option_row *r, const char *arg, option_setter *set,
		     void *settings, struct err *e)
{
	if (!(r->flags & (OPTION_TRUE | OPTION_TEXT | OPTION_TIME | OPTION_SIZE)))
		return set(settings, r->id, arg, e);
	void *to = (char *)settings + r->to;
	if (r->flags & OPTION_TRUE) {
		*(bool *)to = true;
		return 0;
	}
	if (r->flags & OPTION_TEXT) {
		free(*(char **)to);
		*(char **)to = arg ? xstrdup(arg) : NULL;
		return 0;
	}
	if (r->flags & OPTION_TIME)
		return duration_parse(arg, to, e);
	return bytes_parse(arg, to, e);
}

static int set_row(const struct option_row *r, const char *arg, option_setter *set, void *settings,
		   struct err *e)
{
	if (r->flags & OPTION_REFUSED)
		return err_set(e, ERR_USAGE, "no option --%s here: %s", r->name, r->help);
	if (!set_value(r, arg, set, settings, e))
		return 0;
	if (!(r->flags & (OPTION_TIME | OPTION_SIZE | OPTION_VALUE)))
		return -1;
	return has_letter(r) ? err_wrap(e, "-%c", r->id) : err_wrap(e, "--%s", r->name);
}

void options_done(const struct option_row *rows, size_t n, void *settings)
{
	for (size_t i = 0; i < n; i++) {
		if (!(rows[i].flags & OPTION_TEXT))
			continue;
		char **to = (char **)((char *)settings + rows[i].to);
		free(*to);
		*to = NULL;
	}
}

static bool str_ends(const char *s, char c)
{
	return s && *s && s[strlen(s) - 1] == c;
}

static void letters_of(const struct option_row *rows, size_t n, char *letters)
{
	size_t l = 0;

	letters[l++] = '+'; /* the filter begins at the first word that is no option */
	letters[l++] = ':';
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].help || !has_letter(&rows[i]))
			continue;
		letters[l++] = (char)rows[i].id;
		if (rows[i].arg && !(rows[i].flags & OPTION_BARE))
			letters[l++] = ':';
	}
	letters[l] = '\0';
}

/* '-' and '_' are the same. */
static bool begins(const char *name, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name[i] != word[i] &&
		    !(name[i] && strchr("-_", name[i]) && strchr("-_", word[i])))
			return false;
	return true;
}

/* The row of that name, or of the only name that begins so; NULL: none, or several. */
static const struct option_row *row_named(const struct option_row *rows, size_t n, const char *word,
					  size_t len)
{
	const struct option_row *found = NULL;
	bool several = false;

	for (size_t i = 0; i < n; i++) {
		const struct option_row *r = &rows[i];
		if (!r->help || !r->name || strlen(r->name) < len || !begins(r->name, word, len))
			continue;
		if (!r->name[len])
			return r;
		if (r->flags & OPTION_REFUSED)
			continue;
		several |= found != NULL;
		found = r;
	}
	return several ? NULL : found;
}

/* "--no-NAME" of a flag that is true or false. */
static const struct option_row *row_denied(const struct option_row *rows, size_t n,
					   const char *word, size_t len)
{
	const struct option_row *r = len > 3 && begins("no-", word, 3)
					     ? row_named(rows, n, word + 3, len - 3)
					     : NULL;

	return r && r->flags & OPTION_BOOL ? r : NULL;
}

/* The word at argv[optind] is "--NAME" or "--NAME=VALUE"; steps over it and its value. */
static int set_long(const struct option_row *rows, size_t n, int argc, char **argv,
		    const struct option_row **row, const char **arg, struct err *e)
{
	const char *word = argv[optind++] + 2, *value = strchr(word, '=');
	size_t len = value ? (size_t)(value++ - word) : strlen(word);
	const struct option_row *r = row_named(rows, n, word, len);

	if (!r && !value && (r = row_denied(rows, n, word, len)))
		value = "false";
	if (!r)
		return err_set(e, ERR_USAGE, "unknown option --%s (try --help)", word);
	if (value && !r->arg)
		return err_set(e, ERR_USAGE, "option --%s takes no argument", r->name);
	if (!value && r->arg && !(r->flags & OPTION_BARE)) {
		if (optind >= argc)
			return err_set(e, ERR_USAGE, "option --%s needs an argument (try --help)",
				       r->name);
		value = argv[optind++];
	}
	*row = r;
	*arg = value;
	return 0;
}

static struct {
	int argc;
	char **argv;
} parsed; /* the words that are looked at now */

char **options_behind(unsigned *n)
{
	*n = (unsigned)(parsed.argc - optind);
	return parsed.argv + optind;
}

int options_parse(const struct option_row *rows, size_t n, int argc, char **argv,
		  option_setter *set, void *settings, struct err *e)
{
	char letters[3 * OPTIONS_MAX];

	parsed.argc = argc;
	parsed.argv = argv;
	letters_of(rows, n, letters);
	opterr = 0;
	optind = 1;
	for (;;) {
		const char *word = optind < argc ? argv[optind] : "", *arg = NULL;
		const struct option_row *row = NULL;
		if (str_starts(word, "--") && word[2]) {
			if (set_long(rows, n, argc, argv, &row, &arg, e))
				return -1;
		} else {
			int letter = getopt(argc, argv, letters);
			if (letter < 0)
				return optind;
			if (letter == ':')
				return err_set(e, ERR_USAGE,
					       "option %s needs an argument (try --help)", word);
			row = row_lettered(rows, n, letter);
			if (!row)
				return err_set(e, ERR_USAGE, "unknown option %s (try --help)",
					       word);
			arg = optarg;
		}
		cleanup_free char *joined = NULL;
		/* sysdig's manual writes "-m http://a:5050, http://b:8080". */
		if (row->flags & OPTION_JOINS && str_ends(arg, ',') && optind < argc) {
			joined = xasprintf("%s%s", arg, argv[optind++]);
			arg = joined;
		}
		if (set_row(row, arg, set, settings, e))
			return -1;
	}
}

/* Behind an operator it is a value: "evt.res = -EPERM". */
static bool is_option(char **argv, int at)
{
	const char *word = argv[at], *before = argv[at - 1];

	return word[0] == '-' && (isalpha((unsigned char)word[1]) || str_starts(word, "--")) &&
	       !(*before && strchr("=<>", before[strlen(before) - 1]));
}

int options_parse_mixed(const struct option_row *rows, size_t n, int argc, char **argv,
			option_setter *set, void *settings, struct err *e)
{
	cleanup_free char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	int n_words = 0;

	for (int at = 0; at < argc;) {
		int used = options_parse(rows, n, argc - at, argv + at, set, settings, e);
		if (used < 0)
			return -1;
		bool rest = used > 1 && str_eq(argv[at + used - 1], "--");
		at += used;
		for (; at < argc && (rest || !is_option(argv, at)); at++)
			words[n_words++] = argv[at];
		at -= at < argc;
	}
	memcpy(argv + argc - n_words, words, (size_t)n_words * sizeof(*words));
	return argc - n_words;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int set_line(const struct option_row *rows, size_t n, char *line, option_setter *set,
		    void *settings, struct err *e)
{
	char *value = strchr(line, '=');

	if (value)
		*value++ = '\0';
	char *name = trim(line);
	while (*name == '-')
		name++;
	const struct option_row *r = row_named(rows, n, name, strlen(name));
	if (!r && !value && (r = row_denied(rows, n, name, strlen(name))))
		return set_row(r, "false", set, settings, e);
	if (!r || strlen(r->name) != strlen(name))
		return err_set(e, ERR_USAGE, "unknown setting '%s'", name);
	value = value ? trim(value) : NULL;
	if (r->arg && !value && !(r->flags & OPTION_BARE))
		return err_set(e, ERR_USAGE, "'%s' needs a value", name);
	if (!r->arg && value && !str_eq(value, "true"))
		return err_set(e, ERR_USAGE, "'%s' takes no value", name);
	return set_row(r, r->arg ? value : NULL, set, settings, e);
}

int options_read_file(const struct option_row *rows, size_t n, const char *path, option_setter *set,
		      void *settings, struct err *e)
{
	FILE *in = fopen(path, "re");
	if (!in)
		return err_sys(e, "cannot open %s", path);
	cleanup_free char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t len;
	int status = 0;
	for (unsigned number = 1; !status && (len = getline(&line, &cap, in)) >= 0; number++) {
		total += (size_t)len;
		if (total > CONFIG_MAX_SIZE) {
			status = err_set(e, ERR_USAGE, "%s: larger than %u bytes", path,
					 CONFIG_MAX_SIZE);
			break;
		}
		char *hash = line;
		while ((hash = strchr(hash, '#')) && hash != line &&
		       !isspace((unsigned char)hash[-1]))
			hash++;
		if (hash)
			*hash = '\0';
		char *text = trim(line);
		if (*text && set_line(rows, n, text, set, settings, e)) {
			err_wrap(e, "%s:%u", path, number);
			status = -1;
		}
	}
	if (!status && ferror(in))
		status = err_sys(e, "cannot read %s", path);
	fclose(in);
	return status;
}

static void help_row(const struct option_row *r, struct text *out)
{
	size_t start = out->len;

	text_str(out, "  ");
	if (has_letter(r))
		text_fmt(out, "-%c", r->id);
	if (has_letter(r) && r->name)
		text_str(out, ", ");
	if (!has_letter(r))
		text_str(out, "    ");
	if (r->name)
		text_fmt(out, "--%s", r->name);
	if (r->arg)
		text_fmt(out, r->flags & OPTION_BARE ? "[=%s]" : " %s", r->arg);
	for (const char *line = r->help; line;) {
		const char *end = strchr(line, '\n');
		if (out->len - start > HELP_COLUMN - 2) {
			text_char(out, '\n');
			start = out->len;
		}
		while (out->len - start < HELP_COLUMN)
			text_char(out, ' ');
		text_put(out, line, end ? (size_t)(end - line) : strlen(line));
		text_char(out, '\n');
		start = out->len;
		line = end ? end + 1 : NULL;
	}
}

void options_help(const struct option_row *rows, size_t n, struct text *out)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].flags & (OPTION_HIDDEN | OPTION_REFUSED))
			continue;
		if (rows[i].help)
			help_row(&rows[i], out);
		else
			text_fmt(out, "\n%s\n", rows[i].name);
	}
}

char *words_join(int argc, char **argv, int from)
{
	struct text t = {0};

	for (int i = from; i < argc; i++) {
		if (i > from)
			text_char(&t, ' ');
		text_str(&t, argv[i]);
	}
	char *joined = t.len ? xstrdup(text_cstr(&t)) : NULL;
	text_done(&t);
	return joined;
}

int words_refuse_file(int argc, char **argv, int from, struct err *e)
{
	struct stat st;

	if (from + 1 != argc || !strpbrk(argv[from], "./") || stat(argv[from], &st) ||
	    !S_ISREG(st.st_mode))
		return 0;
	return err_set(e, ERR_USAGE, "%s is a file, where a filter may stand: -r %s reads it",
		       argv[from], argv[from]);
}
