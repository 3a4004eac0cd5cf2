/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room chisel: what the files about chisels share. */
#ifndef DREDGE_CHISEL_INSIDE_H
#define DREDGE_CHISEL_INSIDE_H

#include "chisel/chisel.h"
#include "chisel/lua.h"

#define CHISEL_ARGS_MAX	  32u
#define CHISEL_FIELDS_MAX 1024u
#define CHISEL_TOPS_MAX	  64u
/* Callbacks made up for by one event, when the stream jumps over many precise intervals. */
#define CHISEL_INTERVALS_MAX 10000u

struct field_ref {
	const struct field *field;
	char *arg; /* owned */
};

/* ERR_FAILED with the nearest name, or why a name of sysdig is none here. */
int field_ref_parse(struct field_ref *r, const char *name, struct err *e);
void field_ref_done(struct field_ref *r);

struct chisel {
	struct chisels *set;
	char *name;
	struct script *script;
	int on_event, on_interval, on_capture_end; /* references, or LUA_NOREF */
	struct field_ref *fields; /* of request_field; a handle is an index from 1 */
	unsigned n_fields, fields_cap;
	struct filter *filter;
	struct format *formatter;
	struct top **tops;
	unsigned n_tops, tops_cap;
	uint64_t interval, precise; /* ns, 0 = none */
	uint64_t slot, slot_at;	    /* where the interval now began, and its first event */
	char **exec;		    /* what on_init hands over to, NULL-ended; or NULL */
	bool running, failed;
};

struct chisels {
	struct chisel_host host;
	struct chisel **items;
	unsigned n, cap;
	struct filter *filter; /* sysdig.set_filter, of all */
	struct filter *wanted; /* what no chisel looks at does not match it; NULL = all is */
	const struct state *state;
	struct context *c; /* the event now, NULL between */
	struct text scratch, clean, line;
	char escape[32]; /* an escape sequence that is not yet whole */
	unsigned escape_n;
	bool started, stop;
	uint64_t first, last; /* ns */
};

/* ---- chisel.c ---- */

/* Whose script calls, from inside a C function. */
struct chisel *chisel_of(lua_State *L);
void chisel_stop(struct chisel *c);
/* Before the first event of all, at ts; later it does nothing. */
void chisels_begin(struct chisels *s, uint64_t ts);
/* A new member of the set, its body run; NULL on failure (the set owns it all the same). */
struct chisel *chisel_open(struct chisels *s, const char *name, struct err *e);

/* ---- arguments.c ---- */

struct chisel_arg {
	char *name, *description, *type; /* owned: what is called with them may change the list */
	bool optional;
};

struct chisel_args {
	struct chisel_arg of[CHISEL_ARGS_MAX];
	unsigned n;
};

/* The declared ones; chisel_args_done however it ends. */
int chisel_args(struct script *s, struct chisel_args *out, struct err *e);
void chisel_args_done(struct chisel_args *a);
int chisel_take_args(struct chisel *c, char **words, unsigned n, unsigned *used, struct err *e);

/* ---- load.c ---- */

/* The file of a chisel, owned by the caller, or NULL with the nearest name in e. */
char *chisel_find(const struct chisel_host *h, const char *name, struct err *e);

/* ---- api.c, evt.c, sysdig.c, top.c: what scripts can call ---- */

extern const luaL_Reg chisel_functions[], sysdig_functions[], evt_functions[];

/* An error of ours, its first line, as one of Lua's. Does not return. */
int chisel_raise(lua_State *L, const struct err *e);
/* Push a value as Lua has it; text without anything that a terminal would obey. */
void push_value(lua_State *L, struct text *clean, const struct field_ref *r, const struct value *v);

struct top;
int chisel_top(lua_State *L);
void top_free(struct top *t);
void top_event(struct top *t, struct context *c);
/* An empty one for another thread; t has to outlive it. */
struct top *top_twin(const struct top *t);
/* Takes in what the twin summed, whose events were of that state, and frees it. */
void top_join(struct top *t, struct top *twin, const struct state *state);
/* Look up the keys of containers, whose state is going away or whose rows are wanted. */
void top_settle(struct top *t, const struct state *state);
/* Has a field of it, or of a filter of it, one of these FIELD_* flags? */
bool top_needs(const struct top *t, unsigned flags);
const struct filter *top_filter(const struct top *t); /* NULL = all events */
/* Do the sums of a part of a chunk stand for its packets? And take them in. */
bool top_part_enough(const struct top *t, const struct table_part *p);
void top_part(struct top *t, const struct table_part *p);

/* ---- output.c ---- */

/* Clean what a script prints and hand it to the host. */
void chisel_say(struct chisels *s, const char *p, size_t n);

#endif
