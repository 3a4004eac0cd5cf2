/* SPDX-License-Identifier: Apache-2.0 */
#include "chisel/script.h"

#include <stdio.h>
#include <stdlib.h>

#include <luajit.h>

/* The hook comes after so many instructions; a few seconds of them make the limit. */
#define HOOK_STEP 1000000u

/* ---- limits ---- */

/* "shop.lua:12", of the innermost Lua function that runs. Allocates nothing. */
static void note_position(struct script *s, lua_State *L)
{
	lua_Debug ar;

	s->where[0] = '\0';
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		if (!lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0)
			continue;
		snprintf(s->where, sizeof(s->where), "%s:%d", ar.short_src, ar.currentline);
		s->line = (unsigned)ar.currentline;
		return;
	}
}

/* Memory that the host needs while no Lua runs is not counted against the script. */
static void *allocate(void *ctx, void *p, size_t old, size_t size)
{
	struct script *s = ctx;

	if (!size) {
		free(p);
		s->used -= p ? old : 0;
		return NULL;
	}
	if (!p)
		old = 0;
	if (s->running && size > old && s->used + size - old > s->memory_max) {
		if (!s->over) {
			s->over = OVER_MEMORY;
			note_position(s, s->L);
		}
		return NULL;
	}
	void *moved = s->running ? realloc(p, size) : xrealloc(p, size);
	if (moved)
		s->used += size - old;
	return moved;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	struct script *s = script_of(L);

	(void)ar;
	if (s->over < OVER_INSTRUCTIONS && ++s->steps < s->steps_max)
		return;
	script_stop(s, L, MAX(s->over, OVER_INSTRUCTIONS));
}

int script_stop(struct script *s, lua_State *L, enum script_over why)
{
	if (s->over < OVER_INSTRUCTIONS) {
		s->over = why;
		note_position(s, L);
		lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	}
	return luaL_error(L, "stopped");
}

/* ---- errors ---- */

/* The message handler: where it happened, before the stack is gone. */
static int on_error(lua_State *L)
{
	struct script *s = script_of(L);

	if (!s->over)
		note_position(s, L);
	return 1;
}

static int fail(struct script *s, struct err *e)
{
	lua_State *L = s->L;
	const char *said = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
	struct text t = {0};

	if (s->over == OVER_MEMORY) {
		err_set(e, ERR_FAILED, "%s: needs more than %zu MiB of memory",
			s->where[0] ? s->where : s->path, s->memory_max >> 20);
	} else if (s->over == OVER_INSTRUCTIONS) {
		err_set(e, ERR_FAILED, "%s: no end after %llu million instructions", s->where,
			(unsigned long long)s->steps_max * HOOK_STEP / 1000000);
	} else {
		if (!said)
			text_fmt(&t, "an error that is a %s", luaL_typename(L, -1));
		else
			text_plain(&t, said, strlen(said));
		/* Lua puts file and line before most messages; an overflown stack has none. */
		const char *where = s->where[0] ? s->where : s->path;
		if (str_starts(text_cstr(&t), where))
			err_set(e, ERR_FAILED, "%s", text_cstr(&t));
		else
			err_set(e, ERR_FAILED, "%s: %s", where, text_cstr(&t));
	}
	if (e)
		e->line = s->line;
	text_done(&t);
	return -1;
}

static void forget(struct script *s)
{
	s->steps = 0;
	s->over = OVER_NOTHING;
	s->where[0] = '\0';
	s->line = 0;
}

int script_call(struct script *s, int nargs, int nresults, struct err *e)
{
	lua_State *L = s->L;

	if (s->running)
		return err_set(e, ERR_FAILED, "%s: called while it runs", s->path);
	int handler = lua_gettop(L) - nargs;
	lua_pushcfunction(L, on_error);
	lua_insert(L, handler);
	forget(s);
	s->running = true;
	int status = lua_pcall(L, nargs, nresults, handler);
	s->running = false;
	if (s->over >= OVER_INSTRUCTIONS)
		lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_STEP);
	lua_remove(L, handler);
	if (!status)
		return 0;
	fail(s, e);
	lua_pop(L, 1);
	return -1;
}

/* ---- loading ---- */

int script_run_text(struct script *s, const char *name, const char *text, size_t n, struct err *e)
{
	cleanup_free char *chunk = xasprintf("@%s", name);

	if (!s->path)
		s->path = xstrdup(name);
	if (luaL_loadbufferx(s->L, text, n, chunk, "t")) {
		forget(s);
		const char *said = lua_tostring(s->L, -1),
			   *line = said ? strstr(said, ".lua:") : NULL;
		s->line = line ? (unsigned)strtoul(line + 5, NULL, 10) : 0;
		fail(s, e);
		lua_pop(s->L, 1);
		return -1;
	}
	return script_call(s, 0, 0, e);
}

int script_run_file(struct script *s, const char *path, struct err *e)
{
	struct text t = {0};

	int status = script_read(path, &t, e);
	if (!status)
		status = script_run_text(s, path, t.data ? t.data : "", t.len, e);
	text_done(&t);
	return status;
}

int script_read(const char *path, struct text *t, struct err *e)
{
	FILE *file = fopen(path, "re");
	int status = 0;

	if (!file)
		return err_sys(e, "cannot open %s", path);
	size_t n = fread(text_room(t, SCRIPT_FILE_MAX + 1), 1, SCRIPT_FILE_MAX + 1, file);
	if (ferror(file))
		status = err_sys(e, "cannot read %s", path);
	else if (n > SCRIPT_FILE_MAX)
		status = err_set(e, ERR_FAILED, "%s: longer than %u bytes", path, SCRIPT_FILE_MAX);
	t->len += status ? 0 : n;
	fclose(file);
	return status;
}

static char *find_in(const char *dir, size_t n, const char *name)
{
	char *path = xasprintf("%.*s/%s.lua", (int)n, dir, name);
	FILE *file = fopen(path, "re");

	if (file) {
		fclose(file);
		return path;
	}
	free(path);
	return NULL;
}

char *script_find(const struct script *s, const char *name)
{
	const char *slash = s->path ? strrchr(s->path, '/') : NULL;
	char *found = NULL;

	if (strchr(name, '/') || name[0] == '.' || strlen(name) > SCRIPT_MODULE_NAME_MAX)
		return NULL;
	for (const char *const *d = s->o.dirs; d && *d && !found; d++)
		found = find_in(*d, strlen(*d), name);
	if (!found && slash)
		found = find_in(s->path, (size_t)(slash - s->path), name);
	return found;
}

/* ---- life ---- */

struct script *script_of(lua_State *L)
{
	void *s = NULL;

	lua_getallocf(L, &s);
	return s;
}

bool script_ended(const struct script *s)
{
	return s->over == OVER_ENDED;
}

lua_State *script_state(struct script *s)
{
	return s->L;
}

const char *script_path(const struct script *s)
{
	return s->path;
}

struct script *script_new(const struct script_options *o)
{
	struct script *s = xcalloc(1, sizeof(*s));

	s->o = *o;
	s->memory_max = o->memory ? o->memory : SCRIPT_MEMORY_MAX;
	uint64_t instructions = o->instructions ? o->instructions : SCRIPT_INSTRUCTIONS_MAX;
	s->steps_max = MAX(instructions / HOOK_STEP, 1);
	s->L = lua_newstate(allocate, s);
	if (!s->L) { /* a build that wants its own allocator: x86-64 without GC64 */
		log_error("LuaJIT cannot be confined");
		exit(ERR_FAILED);
	}
	luaJIT_setmode(s->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	script_open_libraries(s);
	lua_sethook(s->L, on_count, LUA_MASKCOUNT, HOOK_STEP);
	return s;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	lua_close(s->L);
	free(s->path);
	free(s);
}
