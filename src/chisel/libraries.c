/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a script can call besides Lua's own string, table, math and bit: print and a `require` that
 * stays on the chisel path; of io only writing, of os only the time. Text alone is loaded, since
 * bytecode could do anything.
 */
#include "chisel/script.h"

#include <stdlib.h>
#include <time.h>

static void say(struct script *s, const char *p, size_t n)
{
	if (s->o.print)
		s->o.print(s->o.ctx, p, n);
}

/* ---- print, io ---- */

static int do_print(lua_State *L)
{
	struct script *s = script_of(L);
	int n = lua_gettop(L);

	lua_getglobal(L, "tostring");
	for (int i = 1; i <= n; i++) {
		size_t len;
		lua_pushvalue(L, -1);
		lua_pushvalue(L, i);
		lua_call(L, 1, 1);
		const char *p = lua_tolstring(L, -1, &len);
		if (!p)
			return luaL_error(L, "'tostring' must return a string to 'print'");
		if (i > 1)
			say(s, "\t", 1);
		say(s, p, len);
		lua_pop(L, 1);
	}
	say(s, "\n", 1);
	return 0;
}

static int write_from(lua_State *L, int first)
{
	struct script *s = script_of(L);

	for (int i = first; i <= lua_gettop(L); i++) {
		size_t len;
		const char *p = luaL_checklstring(L, i, &len);
		say(s, p, len);
	}
	return 0;
}

static int io_write(lua_State *L)
{
	return write_from(L, 1);
}

static int file_write(lua_State *L)
{
	write_from(L, 2);
	lua_settop(L, 1);
	return 1;
}

static int do_nothing(lua_State *L)
{
	(void)L;
	return 0;
}

static int forbidden(lua_State *L)
{
	return luaL_error(L, "%s is not allowed without --trust-chisels",
			  lua_tostring(L, lua_upvalueindex(1)));
}

static int os_exit(lua_State *L)
{
	return script_stop(script_of(L), L, OVER_ENDED);
}

static int os_time(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)(time_now() / NSEC_PER_SEC));
	return 1;
}

static int os_clock(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)time_thread_cpu() / 1e9);
	return 1;
}

static int os_date(lua_State *L)
{
	const char *format = luaL_optstring(L, 1, "%c");
	time_t when = (time_t)luaL_optnumber(L, 2, (lua_Number)(time_now() / NSEC_PER_SEC));
	bool utc = *format == '!';
	struct tm tm;
	char line[256];

	if (!(utc ? gmtime_r(&when, &tm) : localtime_r(&when, &tm)))
		return luaL_error(L, "os.date: the time is out of range");
	lua_pushlstring(L, line, strftime(line, sizeof(line), format + utc, &tm));
	return 1;
}

static int os_getenv(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static void set_functions(lua_State *L, const luaL_Reg *rows)
{
	for (; rows->name; rows++) {
		lua_pushcfunction(L, rows->func);
		lua_setfield(L, -2, rows->name);
	}
}

/* Members of the table on top of the stack that only say why they are missing. */
static void set_forbidden(lua_State *L, const char *library, const char *const *names)
{
	for (; *names; names++) {
		lua_pushfstring(L, "%s.%s", library, *names);
		lua_pushcclosure(L, forbidden, 1);
		lua_setfield(L, -2, *names);
	}
}

/* Standard output is the host's, also for a trusted script. */
static void set_output(lua_State *L)
{
	static const luaL_Reg file[] = {{"write", file_write},
					{"flush", do_nothing},
					{"setvbuf", do_nothing},
					{"close", do_nothing},
					{NULL, NULL}};

	lua_pushcfunction(L, io_write);
	lua_setfield(L, -2, "write");
	lua_pushcfunction(L, do_nothing);
	lua_setfield(L, -2, "flush");
	lua_newtable(L);
	set_functions(L, file);
	lua_setfield(L, -2, "stdout");
}

static void open_io(lua_State *L)
{
	static const char *const missing[] = {"open",  "popen",	  "lines", "input", "output",
					      "close", "tmpfile", "read",  NULL};

	lua_newtable(L);
	set_forbidden(L, "io", missing);
	set_output(L);
	lua_setglobal(L, "io");
}

static void open_os(lua_State *L)
{
	static const luaL_Reg have[] = {{"exit", os_exit},     {"time", os_time},
					{"clock", os_clock},   {"date", os_date},
					{"getenv", os_getenv}, {NULL, NULL}};
	static const char *const missing[] = {"execute", "remove",    "rename",
					      "tmpname", "setlocale", NULL};

	lua_newtable(L);
	set_forbidden(L, "os", missing);
	set_functions(L, have);
	lua_setglobal(L, "os");
}

/* ---- errors ---- */

/*
 * The handler is called when the stack has been unwound. Lua calls it before that, and with it the
 * error of a limit would come to a handler in which no instructions are counted.
 */
static int do_xpcall(lua_State *L)
{
	luaL_checkany(L, 2);
	lua_pushvalue(L, 2);
	lua_remove(L, 2);
	lua_insert(L, 1); /* handler, function, arguments */
	if (!lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0)) {
		lua_pushboolean(L, true);
		lua_replace(L, 1);
		return lua_gettop(L);
	}
	lua_call(L, 1, 1);
	lua_pushboolean(L, false);
	lua_insert(L, 1);
	return 2;
}

/* ---- loading ---- */

/* As Lua's: the function, or nil and why not. */
static int load_text(lua_State *L, const char *p, size_t n, const char *name)
{
	if (!luaL_loadbufferx(L, p, n, name, "t"))
		return 1;
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

static int do_loadstring(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);

	return load_text(L, p, n, luaL_optstring(L, 2, p));
}

#define PIECES_MAX 100000

static int do_load(lua_State *L)
{
	luaL_Buffer all;
	const char *name = luaL_optstring(L, 2, "=(load)");

	if (lua_type(L, 1) == LUA_TSTRING)
		return do_loadstring(L);
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 2);
	luaL_buffinit(L, &all);
	for (unsigned i = 0;; i++) {
		lua_pushvalue(L, 1);
		lua_call(L, 0, 1);
		if (!lua_isstring(L, -1) || !lua_objlen(L, -1))
			break;
		if (i == PIECES_MAX)
			return luaL_error(L, "load: more than %d pieces", PIECES_MAX);
		luaL_addvalue(&all);
	}
	lua_pop(L, 1);
	luaL_pushresult(&all);
	size_t n;
	const char *p = lua_tolstring(L, -1, &n);
	return load_text(L, p, n, name);
}

/* NAME.lua of the chisel path; a module that returns nothing is true, as in Lua. */
static int load_module(lua_State *L, const char *name)
{
	struct script *s = script_of(L);
	struct text t = {0};
	struct err e = {0};
	char *path = script_find(s, name);

	if (!path)
		return luaL_error(L, "no module '%s' on the chisel path", name);
	lua_pushfstring(L, "@%s", path);
	int status = script_read(path, &t, &e);
	if (!status)
		status = luaL_loadbufferx(L, t.data, t.len, lua_tostring(L, -1), "t");
	else
		lua_pushstring(L, e.message);
	text_done(&t);
	free(path);
	if (status)
		return lua_error(L);
	lua_pushstring(L, name);
	lua_call(L, 1, 1);
	return 1;
}

static int do_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	lua_getfield(L, 2, name);
	if (lua_toboolean(L, -1))
		return 1;
	lua_pop(L, 1);
	load_module(L, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, true);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, name);
	return 1;
}

/* ---- what there is ---- */

static void remove_globals(lua_State *L)
{
	static const char *const gone[] = {"dofile",  "loadfile", "newproxy", "getfenv",
					   "setfenv", "module",	  "gcinfo",   NULL};

	for (const char *const *name = gone; *name; name++) {
		lua_pushnil(L);
		lua_setglobal(L, *name);
	}
	lua_getglobal(L, "string");
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	lua_pop(L, 1);
}

static void open_confined(lua_State *L)
{
	static const luaL_Reg libraries[] = {{"", luaopen_base},	 {"table", luaopen_table},
					     {"string", luaopen_string}, {"math", luaopen_math},
					     {"bit", luaopen_bit},	 {NULL, NULL}};

	for (const luaL_Reg *l = libraries; l->name; l++) {
		lua_pushcfunction(L, l->func);
		lua_pushstring(L, l->name);
		lua_call(L, 1, 0);
	}
	lua_register(L, "xpcall", do_xpcall);
	remove_globals(L);
	open_io(L);
	open_os(L);
	/* Found by `require "os"` and the like. */
	static const char *const names[] = {"string", "table", "math", "bit", "io", "os"};
	luaL_findtable(L, LUA_REGISTRYINDEX, "_LOADED", 16);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		lua_getglobal(L, names[i]);
		lua_setfield(L, -2, names[i]);
	}
	lua_newtable(L);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "loaded");
	lua_setglobal(L, "package");
	lua_pop(L, 1);
}

static void open_all(struct script *s)
{
	lua_State *L = s->L;
	struct text path = {0};

	luaL_openlibs(L);
	lua_getglobal(L, "io");
	set_output(L);
	lua_getglobal(L, "package");
	for (const char *const *d = s->o.dirs; d && *d; d++)
		text_fmt(&path, "%s/?.lua;", *d);
	lua_getfield(L, -1, "path");
	text_str(&path, lua_tostring(L, -1));
	lua_pushlstring(L, path.data, path.len);
	lua_setfield(L, -3, "path");
	lua_pop(L, 3);
	text_done(&path);
}

void script_open_libraries(struct script *s)
{
	lua_State *L = s->L;

	if (s->o.trusted) {
		open_all(s);
	} else {
		open_confined(L);
		lua_register(L, "require", do_require);
		lua_register(L, "loadstring", do_loadstring);
		lua_register(L, "load", do_load);
	}
	lua_register(L, "print", do_print);
}
