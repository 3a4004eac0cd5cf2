/* SPDX-License-Identifier: Apache-2.0 */
/* Views described in Lua: sysdig's view_info table, and what stands beside it here. */
#include "chisel/chisel.h"
#include "chisel/lua.h"

#include <dirent.h>
#include <stdlib.h>

#define COLUMNS_MAX	  64u
#define ACTIONS_MAX	  64u
#define WORDS_MAX	  256u
#define WIDTH_MAX	  1000u
#define FILES_MAX	  4096u /* in one directory */
#define VIEW_MEMORY	  (16u << 20)
#define VIEW_INSTRUCTIONS 10000000u
#define SHELL		  "$`|;&<>(){}*?\n"

struct reading {
	struct script *s;
	struct view_info *info;
	struct err *e;
};

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* *out = a copy of the text, if there is one. */
static int take_text(const struct reading *r, const char *where, const char *key, char **out)
{
	const char *p = NULL;

	if (script_text(r->s, -1, where, key, &p, r->e))
		return -1;
	*out = copy(p);
	return 0;
}

static int take_list(const struct reading *r, const char *key, char ***out)
{
	cleanup_free const char **words = NULL;
	unsigned n = 0;

	if (script_texts(r->s, -1, "view_info", key, WORDS_MAX, &words, &n, r->e))
		return -1;
	*out = xcalloc(n + 1, sizeof(**out));
	for (unsigned i = 0; i < n; i++)
		(*out)[i] = xstrdup(words[i]);
	return 0;
}

/* A word of a list of names; 0 when it is not given. */
static int take_name(const struct reading *r, const char *where, const char *key, unsigned count,
		     unsigned (*parse)(const char *), unsigned *out)
{
	const char *p = NULL;

	if (script_text(r->s, -1, where, key, &p, r->e))
		return -1;
	if (!p)
		return 0;
	unsigned found = parse(p);
	if (found == count)
		return err_set(r->e, ERR_FAILED, "%s: %s.%s: there is no '%s'", script_path(r->s),
			       where, key, p);
	*out = found;
	return 0;
}

static unsigned parse_fold(const char *name)
{
	return view_fold_parse(name);
}

static unsigned parse_unit(const char *name)
{
	return view_unit_parse(name);
}

static int missing(const struct reading *r, const char *where, const char *key)
{
	return err_set(r->e, ERR_FAILED, "%s: %s has no %s", script_path(r->s), where, key);
}

/* ---- columns ---- */

/* Columns of the tag "default" stand for those of the tag "containers" where containers are not to
 * be seen, which is not so here. */
static int is_left_out(const struct reading *r, const char *where, bool *out)
{
	cleanup_free const char **tags = NULL;
	unsigned n = 0;

	if (script_texts(r->s, -1, where, "tags", WORDS_MAX, &tags, &n, r->e))
		return -1;
	*out = n == 1 && str_eq(tags[0], "default");
	return 0;
}

static int take_flags(const struct reading *r, const char *where, struct view_column *c)
{
	unsigned fold = FOLD_NONE, group = FOLD_NONE, unit = UNIT_NONE;
	double width = 0;

	if (script_bool(r->s, -1, where, "is_key", &c->key, r->e) ||
	    script_bool(r->s, -1, where, "is_groupby_key", &c->group_key, r->e) ||
	    script_bool(r->s, -1, where, "is_sorting", &c->sorting, r->e) ||
	    script_bool(r->s, -1, where, "sparkline", &c->sparkline, r->e) ||
	    script_number(r->s, -1, where, "colsize", &width, r->e) ||
	    take_name(r, where, "aggregation", FOLDS, parse_fold, &fold) ||
	    take_name(r, where, "groupby_aggregation", FOLDS, parse_fold, &group) ||
	    take_name(r, where, "unit", UNITS, parse_unit, &unit))
		return -1;
	if (!(width >= 0 && width <= WIDTH_MAX))
		return err_set(r->e, ERR_FAILED, "%s: %s.colsize is out of range",
			       script_path(r->s), where);
	c->width = (unsigned)width;
	c->fold = (enum view_fold)fold;
	c->group_fold = (enum view_fold)group;
	c->unit = (enum view_unit)unit;
	return 0;
}

/* The table on top of the stack. */
static int take_column(const struct reading *r, const char *where)
{
	bool left_out = false;

	if (is_left_out(r, where, &left_out))
		return -1;
	if (left_out)
		return 0;
	struct view_column *c = &r->info->columns[r->info->n_columns++];
	if (take_text(r, where, "name", &c->name) ||
	    take_text(r, where, "description", &c->description) ||
	    take_text(r, where, "field", &c->field) || take_text(r, where, "over", &c->over) ||
	    take_text(r, where, "where", &c->where) ||
	    take_text(r, where, "filterfield", &c->filter_field) ||
	    take_text(r, where, "absent", &c->absent) || take_flags(r, where, c))
		return -1;
	if (!c->name)
		return missing(r, where, "name");
	if (!c->field)
		return missing(r, where, "field");
	/* A view of sysdig is of use without its columns of processes. */
	if (!c->key && !c->group_key && field_why_not(c->field, strlen(c->field)))
		view_column_done(&r->info->columns[--r->info->n_columns]);
	return 0;
}

/* ---- actions ---- */

/* "docker logs '%container.id'" as words; false: it is for a shell, which no value may reach. */
static bool split_command(const char *s, char *argv[VIEW_ACTION_WORDS + 1])
{
	struct text word = {0};
	unsigned n = 0;
	char quote = 0;
	bool any = false, good = !strpbrk(s, SHELL);

	for (; good; s++) {
		if (*s && (quote ? *s != quote : *s != ' ' && *s != '"' && *s != '\'')) {
			text_char(&word, *s);
			any = true;
			continue;
		}
		if (*s && (*s == '"' || *s == '\'')) {
			quote = quote ? 0 : *s;
			any = true;
			continue;
		}
		good = !quote && (!any || n < VIEW_ACTION_WORDS);
		if (good && any)
			argv[n++] = xstrndup(text_cstr(&word), word.len);
		text_reset(&word);
		any = false;
		if (!*s)
			break;
	}
	text_done(&word);
	return good && n;
}

static int take_words(const struct reading *r, const char *where, struct view_action *a)
{
	cleanup_free const char **words = NULL;
	const char *command = NULL;
	unsigned n = 0;

	if (script_texts(r->s, -1, where, "argv", VIEW_ACTION_WORDS, &words, &n, r->e) ||
	    script_text(r->s, -1, where, "command", &command, r->e))
		return -1;
	for (unsigned i = 0; i < n; i++)
		a->argv[i] = xstrdup(words[i]);
	if (!n && !command)
		return missing(r, where, "argv");
	if (!n && !split_command(command, a->argv)) {
		for (char **word = a->argv; *word; word++)
			free(*word);
		a->argv[0] = NULL;
	}
	return 0;
}

static int take_action(const struct reading *r, const char *where)
{
	struct view_action *a = &r->info->actions[r->info->n_actions++];
	const char *key = NULL;

	*a = (struct view_action){.wait = true};
	if (take_text(r, where, "description", &a->description) ||
	    take_text(r, where, "when", &a->when) ||
	    script_text(r->s, -1, where, "hotkey", &key, r->e) ||
	    script_bool(r->s, -1, where, "ask_confirmation", &a->ask, r->e) ||
	    script_bool(r->s, -1, where, "wait_finish", &a->wait, r->e) || take_words(r, where, a))
		return -1;
	if (!key || strlen(key) != 1 || *key <= ' ' || *key > '~')
		return err_set(r->e, ERR_FAILED, "%s: %s.hotkey has to be one character",
			       script_path(r->s), where);
	if (a->when && !strchr(a->when, '='))
		return err_set(r->e, ERR_FAILED, "%s: %s.when has to be FIELD=VALUE",
			       script_path(r->s), where);
	a->hotkey = *key;
	/* A command that only a shell could run is not offered. */
	if (!a->argv[0]) {
		free(a->description);
		free(a->when);
		r->info->n_actions--;
	}
	return 0;
}

/* ---- the table ---- */

/* Each element of a list of tables. */
static int take_tables(const struct reading *r, const char *key, unsigned max,
		       int (*take)(const struct reading *r, const char *where))
{
	lua_State *L = script_state(r->s);
	int status = 0, type = script_member(r->s, -1, key);

	if (type != LUA_TNIL && type != LUA_TTABLE)
		status = err_set(r->e, ERR_FAILED, "%s: view_info.%s has to be a table, not a %s",
				 script_path(r->s), key, lua_typename(L, type));
	for (unsigned i = 1; !status; i++) {
		char where[64];
		snprintf(where, sizeof(where), "view_info.%s[%u]", key, i);
		int element = script_element(r->s, -1, i);
		if (element == LUA_TNIL) {
			lua_pop(L, 1);
			break;
		}
		if (element != LUA_TTABLE)
			status = err_set(r->e, ERR_FAILED, "%s: %s has to be a table, not a %s",
					 script_path(r->s), where, lua_typename(L, element));
		else if (i > max)
			status = err_set(r->e, ERR_FAILED, "%s: more than %u %s", script_path(r->s),
					 max, key);
		else
			status = take(r, where);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return status;
}

static int take_kind(const struct reading *r)
{
	static const char *const kinds[] = {
		[VIEW_TABLE] = "table", [VIEW_LIST] = "list", [VIEW_SPECTROGRAM] = "spectrogram"};
	const char *kind = NULL;

	if (script_text(r->s, -1, "view_info", "view_type", &kind, r->e))
		return -1;
	for (unsigned i = 0; kind && i < ARRAY_SIZE(kinds); i++) {
		if (!str_eq(kinds[i], kind))
			continue;
		r->info->kind = (enum view_kind)i;
		return 0;
	}
	return kind ? err_set(r->e, ERR_FAILED, "%s: view_info.view_type: there is no '%s'",
			      script_path(r->s), kind)
		    : 0;
}

static bool is_id(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n && !s[n] && n <= 64;
}

static int take_id(const struct reading *r)
{
	const char *id = NULL;

	if (script_text(r->s, -1, "view_info", "id", &id, r->e))
		return -1;
	if (!id)
		return missing(r, "view_info", "id");
	if (!is_id(id))
		return err_set(r->e, ERR_FAILED,
			       "%s: view_info.id may have letters, digits and _.- only",
			       script_path(r->s));
	free(r->info->id);
	r->info->id = xstrdup(id);
	return 0;
}

static int take_view(const struct reading *r)
{
	struct view_info *v = r->info;
	bool spread = true;

	if (take_id(r) || take_kind(r) || take_text(r, "view_info", "name", &v->name) ||
	    take_text(r, "view_info", "description", &v->description) ||
	    take_text(r, "view_info", "filter", &v->filter) ||
	    take_text(r, "view_info", "drilldown_target", &v->drilldown) ||
	    take_list(r, "tips", &v->tips) || take_list(r, "tags", &v->tags) ||
	    take_list(r, "applies_to", &v->applies_to) ||
	    script_bool(r->s, -1, "view_info", "is_root", &v->root, r->e) ||
	    script_bool(r->s, -1, "view_info", "drilldown_increase_depth", &v->deeper, r->e) ||
	    script_bool(r->s, -1, "view_info", "tree", &v->tree, r->e) ||
	    script_bool(r->s, -1, "view_info", "propagate_filter", &spread, r->e))
		return -1;
	v->local = !spread;
	v->columns = xcalloc(COLUMNS_MAX, sizeof(*v->columns));
	v->actions = xcalloc(ACTIONS_MAX, sizeof(*v->actions));
	if (!v->name)
		v->name = xstrdup(v->id);
	if (take_tables(r, "columns", COLUMNS_MAX, take_column) ||
	    take_tables(r, "actions", ACTIONS_MAX, take_action))
		return -1;
	struct err why = {0};
	if (view_info_check(v, &why))
		return err_set(r->e, ERR_FAILED, "%s: %.*s", script_path(r->s),
			       (int)strcspn(why.message, "\n"), why.message);
	return 0;
}

/* ---- files ---- */

/* "views/v_procs.lua" -> "procs", where the file itself says nothing. */
static char *id_of(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	name += str_starts(name, "v_") ? 2 : 0;
	return xstrndup(name, strcspn(name, "."));
}

struct view_info *view_info_load(const char *path, const char *const *dirs)
{
	const struct script_options o = {
		.dirs = dirs, .memory = VIEW_MEMORY, .instructions = VIEW_INSTRUCTIONS};
	struct err e = {0};
	struct reading r = {.s = script_new(&o), .info = xcalloc(1, sizeof(*r.info)), .e = &e};

	r.info->id = id_of(path);
	r.info->file = xstrdup(path);
	int status = script_run_file(r.s, path, &e);
	if (!status) {
		if (script_global(r.s, "view_info") != LUA_TTABLE)
			status = err_set(&e, ERR_FAILED, "%s: sets no table view_info", path);
		else
			status = take_view(&r);
	}
	script_free(r.s);
	if (status)
		r.info->trouble = xstrdup(e.message);
	if (!r.info->name)
		r.info->name = xstrdup(r.info->id);
	return r.info;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load_directory(struct views *v, const char *dir, const char *prefix,
			   const char *const *dirs)
{
	DIR *d = opendir(dir);
	char **names = NULL;
	size_t n = 0, cap = 0;

	for (struct dirent *each; d && n < FILES_MAX && (each = readdir(d));) {
		size_t len = strlen(each->d_name);
		if (!str_starts(each->d_name, prefix) || each->d_name[0] == '.' ||
		    each->d_name[0] == '_' || len < 5 || !str_eq(each->d_name + len - 4, ".lua"))
			continue;
		GROW(names, n, cap);
		names[n++] = xasprintf("%s/%s", dir, each->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		views_add(v, view_info_load(names[i], dirs));
		free(names[i]);
	}
	free(names);
}

void views_load(struct views *v, const char *const *dirs)
{
	for (const char *const *d = dirs; *d; d++) {
		cleanup_free char *views = xasprintf("%s/views", *d);
		load_directory(v, views, "", dirs);
		load_directory(v, *d, "v_", dirs);
	}
}
