/* SPDX-License-Identifier: Apache-2.0 */
/* Finding chisels, and what is told about them: -cl and -i. */
#include "chisel/inside.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME_COLUMN 20u
#define LINE_WIDTH  79u

/* ---- names ---- */

struct names { /* owned, sorted, each once */
	char **items;
	size_t n, cap;
};

static void names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_of_dir(struct names *l, const char *path)
{
	DIR *dir = opendir(path);

	for (struct dirent *d; dir && (d = readdir(dir));) {
		size_t n = strlen(d->d_name);
		if (n < 5 || d->d_name[0] == '.' || !str_eq(d->d_name + n - 4, ".lua"))
			continue;
		GROW(l->items, l->n, l->cap);
		l->items[l->n++] = xstrndup(d->d_name, n - 4);
	}
	if (dir)
		closedir(dir);
}

static struct names names_of(const struct chisel_host *h)
{
	struct names l = {0};
	size_t kept = 0;

	for (const char *const *d = h->dirs; d && *d; d++)
		names_of_dir(&l, *d);
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), by_text);
	for (size_t i = 0; i < l.n; i++) {
		if (kept && str_eq(l.items[kept - 1], l.items[i]))
			free(l.items[i]);
		else
			l.items[kept++] = l.items[i];
	}
	l.n = kept;
	return l;
}

static void complain(const struct chisel_host *h, const char *name, struct err *e)
{
	struct names l = names_of(h);
	unsigned least = (unsigned)strlen(name) / 3 + 2;
	const char *near = NULL;
	struct text shown = {0};

	for (size_t i = 0; i < l.n; i++) {
		unsigned d = str_distance(name, l.items[i]);
		if (d < least) {
			least = d;
			near = l.items[i];
		}
	}
	text_plain(&shown, name, MIN(strlen(name), 100));
	err_set(e, ERR_USAGE, "no chisel '%s'%s%s%s (-cl lists them)", text_cstr(&shown),
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	text_done(&shown);
	names_done(&l);
}

char *chisel_find(const struct chisel_host *h, const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool suffix = n > 4 && str_eq(name + n - 4, ".lua");

	if (strchr(name, '/') || suffix) {
		char *path = suffix ? xstrdup(name) : xasprintf("%s.lua", name);
		if (!access(path, R_OK))
			return path;
		free(path);
		complain(h, name, e);
		return NULL;
	}
	for (const char *const *d = h->dirs; d && *d && *name && *name != '.'; d++) {
		char *path = xasprintf("%s/%s.lua", *d, name);
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	complain(h, name, e);
	return NULL;
}

/* ---- what they say of themselves ---- */

struct about {
	char *name, *category, *summary, *description; /* owned, clean; NULL = not given */
	char *trouble;
};

static char *clean(const char *s)
{
	struct text t = {0};

	if (!s)
		return NULL;
	text_plain(&t, s, strlen(s));
	char *copy = xstrdup(text_cstr(&t));
	text_done(&t);
	return copy;
}

static void about_done(struct about *a)
{
	free(a->name);
	free(a->category);
	free(a->summary);
	free(a->description);
	free(a->trouble);
}

static int discard(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
	return 0;
}

static struct chisels *reading(const struct chisel_host *h)
{
	struct chisels *s = chisels_new(h);

	s->host.write = discard;
	return s;
}

/* What the script's body has left in its globals. */
static int ask(struct script *s, struct about *a, bool *hidden, struct err *e)
{
	const struct {
		const char *name;
		char **to;
	} rows[] = {{"category", &a->category},
		    {"short_description", &a->summary},
		    {"description", &a->description}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *p = NULL;
		if (script_text(s, LUA_GLOBALSINDEX, "the chisel", rows[i].name, &p, e))
			return -1;
		*rows[i].to = clean(p);
	}
	return script_bool(s, LUA_GLOBALSINDEX, "the chisel", "hidden", hidden, e);
}

/* false: a module, a view, or hidden. */
static bool learn(const struct chisel_host *h, const char *name, struct about *a)
{
	struct chisels *s = reading(h);
	struct err e;
	bool hidden = false;
	struct chisel_args args = {0};

	*a = (struct about){.name = clean(name)};
	const struct chisel *c = chisel_open(s, name, &e);
	if (!c || ask(c->script, a, &hidden, &e) || chisel_args(c->script, &args, &e))
		a->trouble = clean(e.message);
	chisel_args_done(&args);
	chisels_free(s);
	return a->trouble || (!hidden && a->summary);
}

/* Those that are broken come last. */
static int by_category(const void *a, const void *b)
{
	const struct about *x = a, *y = b;

	if (!x->trouble != !y->trouble)
		return x->trouble ? 1 : -1;
	int order = x->trouble ? 0
			       : strcmp(x->category ? x->category : "",
					y->category ? y->category : "");
	return order ? order : strcmp(x->name, y->name);
}

static void pad_to(struct text *t, size_t from, size_t width)
{
	text_char(t, ' ');
	while (t->len - from < width)
		text_char(t, ' ');
}

static void heading(struct text *out, const char *category)
{
	size_t from = out->len + (out->len > 0);

	text_fmt(out, "%sCategory: %s\n", out->len ? "\n" : "", category);
	for (size_t n = out->len - from - 1; n; n--)
		text_char(out, '-');
	text_char(out, '\n');
}

static const char *category_of(const struct about *a)
{
	return a->trouble ? "Broken" : a->category ? a->category : "Other";
}

void chisels_list(const struct chisel_host *h, struct text *out)
{
	struct names l = names_of(h);
	struct about *all = xcalloc(l.n + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < l.n; i++) {
		if (learn(h, l.items[i], &all[n]))
			n++;
		else
			about_done(&all[n]);
	}
	qsort(all, n, sizeof(*all), by_category);
	for (size_t i = 0; i < n; i++) {
		const struct about *a = &all[i];
		if (!i || !str_eq(category_of(a), category_of(&all[i - 1])))
			heading(out, category_of(a));
		size_t from = out->len;
		text_str(out, a->name);
		pad_to(out, from, NAME_COLUMN);
		text_str(out, a->trouble ? a->trouble : a->summary);
		text_char(out, '\n');
	}
	for (size_t i = 0; i < n; i++)
		about_done(&all[i]);
	free(all);
	names_done(&l);
}

static void wrap(struct text *out, const char *s)
{
	while (*s) {
		size_t n = strlen(s), cut = MIN(n, LINE_WIDTH);
		while (cut < n && cut && s[cut] != ' ')
			cut--;
		if (!cut)
			cut = MIN(n, LINE_WIDTH);
		text_put(out, s, cut);
		text_char(out, '\n');
		s += cut + strspn(s + cut, " ");
	}
}

static void tell_args(const struct chisel_args *args, struct text *out)
{
	text_str(out, "\nArguments:\n");
	for (unsigned i = 0; i < args->n; i++) {
		const struct chisel_arg *a = &args->of[i];
		cleanup_free char *name = clean(a->name), *text = clean(a->description),
				  *type = clean(a->type);
		text_fmt(out, a->optional ? "  [%s]" : "  %s", name);
		text_fmt(out, " (%s): %s\n", type, text);
	}
	if (!args->n)
		text_str(out, "  (none)\n");
}

int chisel_info(const struct chisel_host *h, const char *name, struct text *out, struct err *e)
{
	struct chisels *s = reading(h);
	struct about a = {.name = clean(name)};
	struct chisel_args args = {0};
	bool hidden;
	const struct chisel *c = chisel_open(s, name, e);
	int status = -1;

	if (c && !ask(c->script, &a, &hidden, e) && !chisel_args(c->script, &args, e)) {
		status = 0;
		text_fmt(out, "%s: %s\n", a.name, a.summary ? a.summary : "");
		text_fmt(out, "Category: %s\n\n", category_of(&a));
		wrap(out, a.description ? a.description : "");
		tell_args(&args, out);
	}
	chisel_args_done(&args);
	about_done(&a);
	chisels_free(s);
	return status;
}
