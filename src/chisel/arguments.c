/* SPDX-License-Identifier: Apache-2.0 */
#include "chisel/inside.h"

#include <stdlib.h>

static int read_arg(struct script *s, unsigned i, struct chisel_arg *a, struct err *e)
{
	cleanup_free char *where = xasprintf("args[%u]", i);
	const char *name = NULL, *description = "", *type = "string";

	if (script_text(s, -1, where, "name", &name, e) ||
	    script_text(s, -1, where, "description", &description, e) ||
	    script_text(s, -1, where, "argtype", &type, e) ||
	    script_bool(s, -1, where, "optional", &a->optional, e))
		return -1;
	if (!name)
		return err_set(e, ERR_FAILED, "%s: %s has no name", script_path(s), where);
	a->name = xstrdup(name);
	a->description = xstrdup(description);
	a->type = xstrdup(type);
	return 0;
}

void chisel_args_done(struct chisel_args *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		free(a->of[i].name);
		free(a->of[i].description);
		free(a->of[i].type);
	}
}

int chisel_args(struct script *s, struct chisel_args *out, struct err *e)
{
	lua_State *L = script_state(s);
	int type = script_global(s, "args"), status = 0;

	*out = (struct chisel_args){0};
	if (type != LUA_TNIL && type != LUA_TTABLE)
		status = err_set(e, ERR_FAILED, "%s: args has to be a table, not a %s",
				 script_path(s), lua_typename(L, type));
	while (!status && script_element(s, -1, out->n + 1) == LUA_TTABLE) {
		if (out->n == CHISEL_ARGS_MAX)
			status = err_set(e, ERR_FAILED, "%s: more than %u arguments",
					 script_path(s), CHISEL_ARGS_MAX);
		else
			status = read_arg(s, out->n + 1, &out->of[out->n], e);
		out->n += !status;
		lua_pop(L, 1);
	}
	lua_settop(L, 0);
	return status;
}

static int refused(const struct chisel *c, const char *name, const char *value, struct err *e)
{
	struct text t = {0};

	text_plain(&t, value, strlen(value));
	err_set(e, ERR_USAGE, "chisel %s does not take '%.100s' as %s (try -i %s)", c->name,
		text_cstr(&t), name, c->name);
	text_done(&t);
	return -1;
}

static int set_arg(struct chisel *c, const char *name, const char *value, struct err *e)
{
	lua_State *L = script_state(c->script);

	if (script_global(c->script, "on_set_arg") != LUA_TFUNCTION) {
		lua_pop(L, 1);
		return err_set(e, ERR_FAILED, "%s: has arguments, and no function on_set_arg",
			       script_path(c->script));
	}
	lua_pushstring(L, name);
	lua_pushstring(L, value);
	if (script_call(c->script, 2, 1, e))
		return script_ended(c->script) ? refused(c, name, value, e) : -1;
	bool taken = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return taken ? 0 : refused(c, name, value, e);
}

/* ---- which words are arguments ---- */

static bool are_filter(const struct chisels *s, char **words, unsigned n)
{
	struct text t = {0};
	struct err e;

	for (unsigned i = 0; i < n; i++) {
		text_str(&t, words[i]);
		text_char(&t, ' ');
	}
	struct filter *f = filter_compile(text_cstr(&t), s->host.filter_dirs, &e);
	filter_free(f);
	text_done(&t);
	return f;
}

/* One word "a 'b c' d" as several; ' and ` quote. Returns how many, at most max; the words are
 * pieces of copy. */
static unsigned split(char *copy, char **words, unsigned max)
{
	unsigned n = 0;

	for (char *p = copy; *p;) {
		p += strspn(p, " ");
		if (!*p || n == max)
			return n + !!*p;
		char quote = *p == '\'' || *p == '`' ? *p++ : ' ';
		words[n++] = p;
		while (*p && *p != quote)
			p++;
		if (*p)
			*p++ = '\0';
	}
	return n;
}

/* A filter may be the bare name of a field, and so may the argument of a chisel: the argument wins
 * where it has to be a field. */
static bool is_field(const char *word)
{
	struct field_ref r;

	if (field_ref_parse(&r, word, NULL))
		return false;
	field_ref_done(&r);
	return true;
}

/* The words that are left (one at least) begin with something else than this optional argument. */
static bool left_out(const struct chisels *s, const struct chisel_arg *a, char **words, unsigned n)
{
	if (words[0][0] == '-')
		return true;
	if (str_eq(a->type, "field") && is_field(words[0]))
		return false;
	return are_filter(s, words, n);
}

static int missing(const struct chisel *c, const struct chisel_arg *a, struct err *e)
{
	return err_set(e, ERR_USAGE, "chisel %s needs %s: %s (try -i %s)", c->name, a->name,
		       a->description, c->name);
}

static int set_all(struct chisel *c, const struct chisel_args *args, char **words, unsigned n,
		   unsigned *used, struct err *e)
{
	unsigned at = 0;

	for (unsigned i = 0; i < args->n; i++) {
		const struct chisel_arg *a = &args->of[i];
		if (a->optional && (at == n || left_out(c->set, a, words + at, n - at)))
			continue;
		if (at == n)
			return missing(c, a, e);
		if (set_arg(c, a->name, words[at++], e))
			return -1;
	}
	*used = at;
	return 0;
}

static int take(struct chisel *c, const struct chisel_args *args, char **words, unsigned n,
		unsigned *used, struct err *e)
{
	unsigned required = 0;

	for (unsigned i = 0; i < args->n; i++)
		required += !args->of[i].optional;
	/* sysdig takes several in one quoted word. */
	if (n && args->n > 1 && strchr(words[0], ' ')) {
		char *parts[CHISEL_ARGS_MAX + 1];
		cleanup_free char *copy = xstrdup(words[0]);
		unsigned count = split(copy, parts, args->n), ignored;
		if (count > 1 && count >= required && count <= args->n) {
			*used = 1;
			return set_all(c, args, parts, count, &ignored, e);
		}
	}
	return set_all(c, args, words, n, used, e);
}

int chisel_take_args(struct chisel *c, char **words, unsigned n, unsigned *used, struct err *e)
{
	struct chisel_args args;
	int status = chisel_args(c->script, &args, e);

	if (!status)
		status = take(c, &args, words, n, used, e);
	chisel_args_done(&args);
	return status;
}
