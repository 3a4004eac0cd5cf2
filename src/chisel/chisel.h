/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room chisel: scripts in Lua, and the only room that knows Lua. It runs them
 * confined (lua.h): chisels over the stream of events, and the tables that
 * describe views. Programs call it; everything happens on the event thread.
 *
 * A chisel's life: chisels_add reads it and gives it its arguments, chisels_init
 * lets it ask for fields and filters, events begin it, chisels_end lets it say
 * what it has counted. What it does wrong while events flow is logged with file
 * and line and ends that chisel alone.
 */
#ifndef DREDGE_CHISEL_H
#define DREDGE_CHISEL_H

#include "print/print.h"
#include "view/view.h"

/* false: this build is without LuaJIT, and has neither views nor chisels. */
bool chisel_built(void);

/* ---- views ---- */

/* A file that sets view_info. Never NULL: what is wrong with it stands in its trouble. dirs: for
 * `require`, NULL-ended. */
struct view_info *view_info_load(const char *path, const char *const *dirs);
/* DIR/views/NAME.lua and, as sysdig names them, DIR/v_NAME.lua of each directory, in this order;
 * of views with one id the first wins. */
void views_load(struct views *v, const char *const *dirs);

/* ---- chisels ---- */

/* What chisels learn of their run. Everything is borrowed. */
struct chisel_host {
	const char *const *dirs;	/* where NAME.lua is looked up; NULL-ended */
	const char *const *filter_dirs; /* of "@name" in filters */
	const char *const *format_dirs;
	bool trusted;	     /* --trust-chisels: all of Lua's libraries */
	bool live;	     /* no file */
	bool containers;     /* the user wants them shown (-pc) */
	bool buffers_chosen; /* print.buffer is the user's choice: chisels do not change it */
	const char *filter;  /* the user's, or NULL */
	const char *source;  /* name of the file, "" live */
	struct print_options print;
	/* Text of the chisels, clean for a terminal but for colours and moves of the cursor that
	 * they make themselves; non-zero ends the run. */
	int (*write)(void *ctx, const char *p, size_t n);
	unsigned (*progress)(void *ctx); /* percent of the file; may be NULL */
	void *ctx;
};

struct chisels;
/* NULL in a build without LuaJIT, where chisels_add says so. */
struct chisels *chisels_new(const struct chisel_host *h);
void chisels_free(struct chisels *s); /* s may be NULL */
/* To fill in what was not known at chisels_new; until chisels_init. */
struct chisel_host *chisels_host(struct chisels *s);
/*
 * Load NAME (a name on the path, or a path) and set its arguments from the words that follow, of
 * which as many are taken as it declares: an optional one not when it begins with '-' or when it
 * and the rest are a filter. *used = words taken. ERR_USAGE: no such chisel (the nearest is named),
 * arguments missing or refused.
 */
int chisels_add(struct chisels *s, const char *name, char **words, unsigned n, unsigned *used,
		struct err *e);
int chisels_init(struct chisels *s, struct err *e);
/* Has a field that one of them asks for one of these FIELD_* flags? */
bool chisels_need(const struct chisels *s, unsigned flags);
/* Some chisel looks at single events, which have to come in order of time. Those that only sum
 * (chisel.top) do not; where they need flows, the events of each interface have to. */
bool chisels_need_order(const struct chisels *s);
/* What no chisel looks at need not be read; NULL = all. Borrowed; after chisels_init. */
const struct filter *chisels_filter(const struct chisels *s);
/* Are sums all that is wanted, and those of a part all that its packets would add? */
bool chisels_part_enough(const struct chisels *s, const struct table_part *p);
/* A part instead of its packets. */
void chisels_part(struct chisels *s, const struct table_part *p);
/* Call with the state before its first event, and before the one of another input goes away. It has
 * to be there until chisels_end. */
void chisels_state(struct chisels *s, const struct state *state);
/*
 * Where sums of packets are all that is wanted: somebody who takes in events of another thread,
 * NULL = they are not. chisels_join adds what was summed there, with the state those events were
 * of, and frees it; s has to outlive it till then.
 */
struct chisels_twin;
struct chisels_twin *chisels_twin(const struct chisels *s);
void chisels_twin_event(struct chisels_twin *w, struct context *c);
void chisels_join(struct chisels *s, struct chisels_twin *w, const struct state *state);
/* An event that passed the user's filter. Non-zero: they have all ended, or one ends the run. */
int chisels_event(struct chisels *s, struct context *c);
/* Live: time passes; now = realtime ns. */
int chisels_tick(struct chisels *s, uint64_t now);
/* The last words. Returns how many chisels failed. */
unsigned chisels_end(struct chisels *s);

/* `dredge -cl`: by category, those that are broken with their error at the end. */
void chisels_list(const struct chisel_host *h, struct text *out);
/* `dredge -i NAME`: description and arguments. */
int chisel_info(const struct chisel_host *h, const char *name, struct text *out, struct err *e);

#endif
