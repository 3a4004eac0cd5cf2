/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A confined Lua state: text scripts only, no files, processes, foreign functions or packages, and
 * limits on memory and on the instructions of one call. What a script does wrong ends in a struct
 * err that names its file and line. For one thread; scripts know nothing of each other.
 *
 * The compiler of LuaJIT is off: compiled traces do not call the hook that counts instructions, and
 * a chisel spends its time in calls into C, which traces do not cover. Measured with a top-N chisel
 * in Lua: 1.7 M events/s so, 2.0 without counting, 2.5 compiled and without any limit.
 */
#ifndef DREDGE_CHISEL_LUA_H
#define DREDGE_CHISEL_LUA_H

#include "base/base.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* Of one state; a table of a million short keys takes some 100 MB. */
#define SCRIPT_MEMORY_MAX (256u << 20)
/* Of one call, in LuaJIT's bytecodes: about a second. */
#define SCRIPT_INSTRUCTIONS_MAX 200000000u
#define SCRIPT_FILE_MAX		(1u << 20)
#define SCRIPT_MODULE_NAME_MAX	64u

struct script_options {
	/* Where `require` finds NAME.lua; NULL-ended, borrowed while the script lives; may be NULL.
	 */
	const char *const *dirs;
	/* What print and io.write have to say; NULL = nobody listens. */
	void (*print)(void *ctx, const char *p, size_t n);
	void *ctx;
	/* All of Lua's libraries, foreign functions included. The limits stay. */
	bool trusted;
	size_t memory;	       /* bytes; 0 = SCRIPT_MEMORY_MAX */
	uint64_t instructions; /* of one call; 0 = SCRIPT_INSTRUCTIONS_MAX */
};

struct script;

/* Never NULL. */
struct script *script_new(const struct script_options *o);
void script_free(struct script *s);
/* Load a file and run its body once. */
int script_run_file(struct script *s, const char *path, struct err *e);
/* The same for a text; name stands for the file in messages. */
int script_run_text(struct script *s, const char *name, const char *text, size_t n, struct err *e);
/*
 * Call what lies below its nargs arguments on the stack, as lua_call(L, nargs, nresults). All that
 * runs Lua code goes through here. On failure the stack is as if there had been no results.
 */
int script_call(struct script *s, int nargs, int nresults, struct err *e);
/* The call that failed was ended by the script itself, which called os.exit. */
bool script_ended(const struct script *s);
/* The state, for lua_push..., lua_raw... and lua_to... of the host. */
lua_State *script_state(struct script *s);
/* The options that it was made with, from inside a C function that Lua calls. */
struct script *script_of(lua_State *L);
/* The script's first file, as given; NULL before script_run_file. */
const char *script_path(const struct script *s);
/* Find NAME.lua in the directories and beside the script itself. Owned by the caller, or NULL. */
char *script_find(const struct script *s, const char *name);

/* ---- reading tables that a script left behind; no metamethod is called ---- */

/* Push the global or the member of the table at `index` (top of the stack: -1); the Lua type. */
int script_global(struct script *s, const char *name);
int script_member(struct script *s, int index, const char *key);
int script_element(struct script *s, int index, unsigned i); /* from 1 */
/*
 * A member of the table at `index`, its type checked. `where` names the table in the message
 * ("view_info.columns[3]"). A member that is absent leaves *out alone and is no failure. Text is
 * borrowed from Lua while the table lives; it has no NUL inside.
 */
int script_text(struct script *s, int index, const char *where, const char *key, const char **out,
		struct err *e);
int script_bool(struct script *s, int index, const char *where, const char *key, bool *out,
		struct err *e);
int script_number(struct script *s, int index, const char *where, const char *key, double *out,
		  struct err *e);
/* Its list of texts: *n words, allocated (free() the array alone); at most `max`. */
int script_texts(struct script *s, int index, const char *where, const char *key, unsigned max,
		 const char ***out, unsigned *n, struct err *e);

#endif
