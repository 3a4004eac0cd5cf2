/* SPDX-License-Identifier: Apache-2.0 */
/* What a script can ask of its host about itself: chisel.*. */
#include "chisel/inside.h"

#include <stdlib.h>

#define EXEC_WORDS_MAX CHISEL_ARGS_MAX

int chisel_raise(lua_State *L, const struct err *e)
{
	lua_pushlstring(L, e->message, strcspn(e->message, "\n"));
	return luaL_error(L, "%s", lua_tostring(L, -1));
}

static int request_field(lua_State *L)
{
	struct chisel *c = chisel_of(L);
	const char *name = luaL_checkstring(L, 1);
	struct field_ref r;
	struct err e;

	if (c->n_fields == CHISEL_FIELDS_MAX)
		return luaL_error(L, "more than %d fields", (int)CHISEL_FIELDS_MAX);
	if (field_ref_parse(&r, name, &e))
		return chisel_raise(L, &e);
	GROW(c->fields, c->n_fields, c->fields_cap);
	c->fields[c->n_fields++] = r;
	lua_pushinteger(L, c->n_fields);
	return 1;
}

static int set_filter(lua_State *L)
{
	struct chisel *c = chisel_of(L);
	struct err e;
	struct filter *f = filter_compile(luaL_checkstring(L, 1), c->set->host.filter_dirs, &e);

	if (!f)
		return chisel_raise(L, &e);
	filter_free(c->filter);
	c->filter = f;
	return 0;
}

static int set_event_formatter(lua_State *L)
{
	struct chisel *c = chisel_of(L);
	const struct chisel_host *h = &c->set->host;
	struct err e;
	struct format *f = format_compile(luaL_checkstring(L, 1), h->format_dirs, &h->print, &e);

	if (!f)
		return chisel_raise(L, &e);
	format_free(c->formatter);
	c->formatter = f;
	return 0;
}

static int set_interval(lua_State *L, double unit, bool precise)
{
	struct chisel *c = chisel_of(L);
	double ns = luaL_checknumber(L, 1) * unit;

	if (!(ns >= 1 && ns < 1e18))
		return luaL_error(L, "an interval of %f ns is out of range", ns);
	c->interval = precise ? 0 : (uint64_t)ns;
	c->precise = precise ? (uint64_t)ns : 0;
	if (c->set->started)
		c->slot = c->slot_at - c->slot_at % (uint64_t)ns;
	return 0;
}

static int set_interval_ns(lua_State *L)
{
	return set_interval(L, 1, false);
}

static int set_interval_s(lua_State *L)
{
	return set_interval(L, 1e9, false);
}

static int set_precise_interval_ns(lua_State *L)
{
	return set_interval(L, 1, true);
}

/* Takes effect when on_init returns. */
static int exec(lua_State *L)
{
	struct chisel *c = chisel_of(L);
	int n = lua_gettop(L);

	if (c->running || c->exec)
		return luaL_error(L, "chisel.exec belongs into on_init, once");
	if (n > (int)EXEC_WORDS_MAX)
		return luaL_error(L, "too many arguments");
	for (int i = 1; i <= n; i++)
		luaL_checkstring(L, i);
	luaL_checkany(L, 1);
	c->exec = xcalloc((size_t)n + 1, sizeof(*c->exec));
	for (int i = 1; i <= n; i++)
		c->exec[i - 1] = xstrdup(lua_tostring(L, i));
	return 0;
}

const luaL_Reg chisel_functions[] = {{"request_field", request_field},
				     {"set_filter", set_filter},
				     {"set_event_formatter", set_event_formatter},
				     {"set_interval_ns", set_interval_ns},
				     {"set_interval_s", set_interval_s},
				     {"set_precise_interval_ns", set_precise_interval_ns},
				     {"exec", exec},
				     {"top", chisel_top},
				     {NULL, NULL}};
