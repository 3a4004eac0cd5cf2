/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind lua.h share. */
#ifndef DREDGE_CHISEL_SCRIPT_H
#define DREDGE_CHISEL_SCRIPT_H

#include "chisel/lua.h"

/* From OVER_INSTRUCTIONS on no pcall of the script can hold the end up. */
enum script_over { OVER_NOTHING, OVER_MEMORY, OVER_INSTRUCTIONS, OVER_ENDED };

struct script {
	lua_State *L;
	struct script_options o;
	char *path;
	size_t used, memory_max;   /* bytes */
	uint64_t steps, steps_max; /* of HOOK_STEP instructions, in this call */
	bool running;		   /* Lua code runs */
	enum script_over over;	   /* the limit that this call met */
	char where[128];	   /* "FILE:LINE" of its error */
	unsigned line;
};

/* Raise an error that every further instruction raises again. Does not return. */
int script_stop(struct script *s, lua_State *L, enum script_over why);
int script_read(const char *path, struct text *t, struct err *e);
void script_open_libraries(struct script *s);

#endif
