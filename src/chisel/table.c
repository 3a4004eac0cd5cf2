/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tables that a script left behind. */
#include "chisel/script.h"

#include <stdlib.h>

int script_global(struct script *s, const char *name)
{
	return script_member(s, LUA_GLOBALSINDEX, name);
}

int script_member(struct script *s, int index, const char *key)
{
	lua_State *L = s->L;

	if (!lua_istable(L, index)) {
		lua_pushnil(L);
		return LUA_TNIL;
	}
	lua_pushvalue(L, index);
	lua_pushstring(L, key);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	return lua_type(L, -1);
}

int script_element(struct script *s, int index, unsigned i)
{
	if (lua_istable(s->L, index))
		lua_rawgeti(s->L, index, (int)i);
	else
		lua_pushnil(s->L);
	return lua_type(s->L, -1);
}

static int wrong(struct script *s, const char *where, const char *key, const char *wanted,
		 struct err *e)
{
	err_set(e, ERR_FAILED, "%s: %s.%s has to be a %s, not a %s", s->path, where, key, wanted,
		luaL_typename(s->L, -1));
	lua_pop(s->L, 1);
	return -1;
}

/* The text on top of the stack, or NULL. Numbers are no text: turning them into it would change the
 * table. */
static const char *text_on_top(struct script *s)
{
	size_t n;
	const char *p = lua_type(s->L, -1) == LUA_TSTRING ? lua_tolstring(s->L, -1, &n) : NULL;

	return p && !memchr(p, '\0', n) ? p : NULL;
}

int script_text(struct script *s, int index, const char *where, const char *key, const char **out,
		struct err *e)
{
	int type = script_member(s, index, key);
	const char *p = text_on_top(s);

	if (type != LUA_TNIL && !p)
		return wrong(s, where, key, "string", e);
	if (p)
		*out = p;
	lua_pop(s->L, 1);
	return 0;
}

int script_bool(struct script *s, int index, const char *where, const char *key, bool *out,
		struct err *e)
{
	int type = script_member(s, index, key);

	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		return wrong(s, where, key, "boolean", e);
	if (type == LUA_TBOOLEAN)
		*out = lua_toboolean(s->L, -1);
	lua_pop(s->L, 1);
	return 0;
}

int script_number(struct script *s, int index, const char *where, const char *key, double *out,
		  struct err *e)
{
	int type = script_member(s, index, key);

	if (type != LUA_TNIL && type != LUA_TNUMBER)
		return wrong(s, where, key, "number", e);
	if (type == LUA_TNUMBER)
		*out = lua_tonumber(s->L, -1);
	lua_pop(s->L, 1);
	return 0;
}

int script_texts(struct script *s, int index, const char *where, const char *key, unsigned max,
		 const char ***out, unsigned *n, struct err *e)
{
	cleanup_free const char **words = NULL;
	unsigned count = 0, cap = 0;
	int type = script_member(s, index, key);

	if (type != LUA_TNIL && type != LUA_TTABLE)
		return wrong(s, where, key, "table", e);
	while (script_element(s, -1, count + 1) != LUA_TNIL) {
		const char *p = text_on_top(s);
		if (!p || count == max) {
			err_set(e, ERR_FAILED,
				p ? "%s: %s.%s has more than %u entries"
				  : "%s: %s.%s[%u] has to be a string",
				s->path, where, key, p ? max : count + 1);
			lua_pop(s->L, 2);
			return -1;
		}
		lua_pop(s->L, 1);
		GROW(words, count, cap);
		words[count++] = p;
	}
	lua_pop(s->L, 2);
	*out = words;
	*n = count;
	words = NULL;
	return 0;
}
