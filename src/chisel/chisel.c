/* SPDX-License-Identifier: Apache-2.0 */
/* The chisels of a run: their life, and the events. */
#include "chisel/inside.h"

#include <stdlib.h>

#define EXEC_DEPTH_MAX 8u

bool chisel_built(void)
{
	return true;
}

/* ---- one chisel ---- */

static const char registry_key; /* its address is the key */

struct chisel *chisel_of(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)&registry_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	struct chisel *c = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return c;
}

static void on_print(void *ctx, const char *p, size_t n)
{
	chisel_say(((struct chisel *)ctx)->set, p, n);
}

static void close_script(struct chisel *c)
{
	for (unsigned i = 0; i < c->n_fields; i++)
		field_ref_done(&c->fields[i]);
	for (unsigned i = 0; i < c->n_tops; i++)
		top_free(c->tops[i]);
	free(c->fields);
	free(c->tops);
	filter_free(c->filter);
	format_free(c->formatter);
	script_free(c->script);
	*c = (struct chisel){.set = c->set, .name = c->name, .exec = c->exec};
}

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

static void chisel_free(struct chisel *c)
{
	close_script(c);
	free_words(c->exec);
	free(c->name);
	free(c);
}

static void set_functions(lua_State *L, const char *global, const luaL_Reg *rows)
{
	lua_newtable(L);
	for (; rows->name; rows++) {
		lua_pushcfunction(L, rows->func);
		lua_setfield(L, -2, rows->name);
	}
	lua_setglobal(L, global);
}

static int open_script(struct chisel *c, const char *name, struct err *e)
{
	const struct script_options o = {.dirs = c->set->host.dirs,
					 .print = on_print,
					 .ctx = c,
					 .trusted = c->set->host.trusted};
	cleanup_free char *path = chisel_find(&c->set->host, name, e);

	if (!path)
		return -1;
	close_script(c);
	c->script = script_new(&o);
	lua_State *L = script_state(c->script);
	lua_pushlightuserdata(L, (void *)&registry_key);
	lua_pushlightuserdata(L, c);
	lua_rawset(L, LUA_REGISTRYINDEX);
	set_functions(L, "chisel", chisel_functions);
	set_functions(L, "sysdig", sysdig_functions);
	set_functions(L, "evt", evt_functions);
	return script_run_file(c->script, path, e);
}

/* Call a global function; a result that is false refuses. 1: there is none, or it does not refuse;
 * 0: it refuses; -1: failed. */
static int call_global(struct chisel *c, const char *name, struct err *e)
{
	lua_State *L = script_state(c->script);

	if (script_global(c->script, name) != LUA_TFUNCTION) {
		lua_pop(L, 1);
		return 1;
	}
	if (script_call(c->script, 0, 1, e))
		return -1;
	bool refused = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
	lua_pop(L, 1);
	return !refused;
}

static int reference(struct chisel *c, const char *name)
{
	if (script_global(c->script, name) == LUA_TFUNCTION)
		return luaL_ref(script_state(c->script), LUA_REGISTRYINDEX);
	lua_pop(script_state(c->script), 1);
	return LUA_NOREF;
}

static int hand_over(struct chisel *c, struct err *e)
{
	char **words = c->exec;
	unsigned n = 0, used;

	c->exec = NULL;
	while (words[n + 1])
		n++;
	int status = open_script(c, words[0], e);
	if (!status)
		status = chisel_take_args(c, words + 1, n, &used, e);
	if (!status && used < n)
		status = err_set(e, ERR_FAILED, "chisel %s takes %u arguments, not %u", words[0],
				 used, n);
	free_words(words);
	return status;
}

static int init(struct chisel *c, struct err *e)
{
	for (unsigned depth = 0;; depth++) {
		int status = call_global(c, "on_init", e);
		if (status < 0)
			return -1;
		if (!status)
			return err_set(e, ERR_FAILED, "chisel %s: its on_init refused", c->name);
		if (!c->exec)
			break;
		if (depth == EXEC_DEPTH_MAX)
			return err_set(e, ERR_FAILED, "chisel %s: chisel.exec goes in circles",
				       c->name);
		if (hand_over(c, e))
			return -1;
	}
	c->on_event = reference(c, "on_event");
	c->on_interval = reference(c, "on_interval");
	c->on_capture_end = reference(c, "on_capture_end");
	c->running = true;
	return 0;
}

/* While events flow a failure is that chisel's alone. */
static void failed(struct chisel *c, const struct err *e)
{
	c->running = false;
	if (script_ended(c->script))
		return;
	c->failed = true;
	log_error("chisel %s ends: %s", c->name, e->message);
}

/* Call a callback with moments: seconds, nanoseconds, and what has passed since the last. */
static bool call_with_times(struct chisel *c, int function, uint64_t ts, uint64_t delta)
{
	lua_State *L = script_state(c->script);
	struct err e = {0};

	lua_rawgeti(L, LUA_REGISTRYINDEX, function);
	lua_pushnumber(L, (lua_Number)(ts / NSEC_PER_SEC));
	lua_pushnumber(L, (lua_Number)(ts % NSEC_PER_SEC));
	lua_pushnumber(L, (lua_Number)delta);
	if (script_call(c->script, 3, 1, &e)) {
		failed(c, &e);
		return false;
	}
	bool goes_on = !lua_isboolean(L, -1) || lua_toboolean(L, -1);
	lua_pop(L, 1);
	return goes_on;
}

static void start(struct chisel *c, uint64_t ts)
{
	struct err e = {0};
	int status = call_global(c, "on_capture_start", &e);

	if (status < 0)
		failed(c, &e);
	else if (!status)
		c->running = false;
	c->slot_at = ts;
	c->slot = c->interval ? ts - ts % c->interval : c->precise ? ts - ts % c->precise : 0;
}

/* An event crosses into another interval, or time does. */
static void intervals(struct chisel *c, uint64_t ts)
{
	if (c->on_interval == LUA_NOREF || ts < c->slot)
		return;
	if (c->interval) {
		uint64_t slot = ts - ts % c->interval, delta = ts - c->slot_at;
		if (slot == c->slot)
			return;
		c->slot = slot;
		c->slot_at = ts;
		c->running &= call_with_times(c, c->on_interval, ts, delta);
		return;
	}
	for (unsigned i = 0; c->precise && c->running && ts - c->slot >= c->precise; i++) {
		c->slot += i < CHISEL_INTERVALS_MAX ? c->precise
						    : (ts - c->slot) / c->precise * c->precise;
		c->running &= call_with_times(c, c->on_interval, c->slot, c->slot - c->slot_at);
		c->slot_at = c->slot;
	}
}

static void call_event(struct chisel *c)
{
	lua_State *L = script_state(c->script);
	struct chisels *s = c->set;
	bool shown = true;
	struct err e;

	if (c->on_event != LUA_NOREF) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, c->on_event);
		if (script_call(c->script, 0, 1, &e)) {
			failed(c, &e);
			return;
		}
		shown = lua_toboolean(L, -1);
		lua_pop(L, 1);
	}
	if (!c->formatter || !shown)
		return;
	text_reset(&s->scratch);
	if (format_line(c->formatter, s->c, &s->scratch) &&
	    s->host.write(s->host.ctx, s->scratch.data, s->scratch.len))
		s->stop = true;
}

static bool looks_at_events(const struct chisel *c)
{
	return c->on_event != LUA_NOREF || c->formatter;
}

static bool has_intervals(const struct chisel *c)
{
	return c->on_interval != LUA_NOREF && (c->interval || c->precise);
}

static void take_event(struct chisel *c, struct context *x)
{
	/* These have filters of their own. */
	for (unsigned i = 0; i < c->n_tops; i++)
		top_event(c->tops[i], x);
	if (c->filter && !filter_match(c->filter, x))
		return;
	if (looks_at_events(c))
		call_event(c);
}

void chisel_stop(struct chisel *c)
{
	c->set->stop = true;
}

/* ---- all of them ---- */

struct chisels *chisels_new(const struct chisel_host *h)
{
	struct chisels *s = xcalloc(1, sizeof(*s));

	s->host = *h;
	return s;
}

void chisels_free(struct chisels *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++)
		chisel_free(s->items[i]);
	free(s->items);
	filter_free(s->filter);
	filter_free(s->wanted);
	text_done(&s->scratch);
	text_done(&s->clean);
	text_done(&s->line);
	free(s);
}

struct chisel_host *chisels_host(struct chisels *s)
{
	return &s->host;
}

struct chisel *chisel_open(struct chisels *s, const char *name, struct err *e)
{
	struct chisel *c = xcalloc(1, sizeof(*c));

	c->set = s;
	c->name = xstrdup(name);
	GROW(s->items, s->n, s->cap);
	s->items[s->n++] = c;
	return open_script(c, name, e) ? NULL : c;
}

int chisels_add(struct chisels *s, const char *name, char **words, unsigned n, unsigned *used,
		struct err *e)
{
	struct chisel *c = chisel_open(s, name, e);

	return c ? chisel_take_args(c, words, n, used, e) : -1;
}

/* false: everything is looked at. */
static bool or_also(struct text *t, const struct filter *f)
{
	if (f)
		text_fmt(t, "%s(%s)", t->len ? " or " : "", filter_text(f));
	return f;
}

/* Any event may begin an interval. */
static bool wants_of(const struct chisel *c, struct text *t)
{
	bool known = !has_intervals(c) && (looks_at_events(c) || c->n_tops);

	if (looks_at_events(c))
		known = known && or_also(t, c->filter);
	for (unsigned i = 0; i < c->n_tops; i++)
		known = known && or_also(t, top_filter(c->tops[i]));
	return known;
}

static void find_wanted(struct chisels *s)
{
	struct text t = {0};
	bool known = s->n > 0;

	for (unsigned i = 0; i < s->n; i++)
		known = known && wants_of(s->items[i], &t);
	if (!known)
		text_reset(&t);
	if (s->filter) {
		cleanup_free char *of_one = xstrdup(text_cstr(&t));
		text_reset(&t);
		text_fmt(&t, "(%s)", filter_text(s->filter));
		if (*of_one)
			text_fmt(&t, " and (%s)", of_one);
	}
	if (t.len)
		s->wanted = filter_compile(text_cstr(&t), s->host.filter_dirs, NULL);
	text_done(&t);
}

int chisels_init(struct chisels *s, struct err *e)
{
	for (unsigned i = 0; i < s->n; i++)
		if (init(s->items[i], e))
			return -1;
	find_wanted(s);
	return 0;
}

bool chisels_need(const struct chisels *s, unsigned flags)
{
	bool needed = filter_needs(s->filter, flags);

	for (unsigned i = 0; i < s->n; i++) {
		const struct chisel *c = s->items[i];
		needed |= filter_needs(c->filter, flags);
		needed |= c->formatter && format_needs(c->formatter, flags);
		for (unsigned k = 0; k < c->n_fields; k++)
			needed |= !!(c->fields[k].field->flags & flags);
		for (unsigned k = 0; k < c->n_tops; k++)
			needed |= top_needs(c->tops[k], flags);
	}
	return needed;
}

void chisels_begin(struct chisels *s, uint64_t ts)
{
	if (LIKELY(s->started))
		return;
	s->started = true;
	s->first = ts;
	s->last = ts;
	for (unsigned i = 0; i < s->n; i++)
		if (s->items[i]->running)
			start(s->items[i], ts);
}

bool chisels_need_order(const struct chisels *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct chisel *c = s->items[i];
		if (looks_at_events(c) || has_intervals(c))
			return true;
		for (unsigned k = 0; k < c->n_tops; k++)
			if (top_needs(c->tops[k], FIELD_ORDER))
				return true;
	}
	return filter_needs(s->filter, FIELD_ORDER);
}

const struct filter *chisels_filter(const struct chisels *s)
{
	return s->wanted;
}

bool chisels_part_enough(const struct chisels *s, const struct table_part *p)
{
	if (s->filter || chisels_need_order(s))
		return false;
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops; k++)
			if (!top_part_enough(s->items[i]->tops[k], p))
				return false;
	return true;
}

void chisels_part(struct chisels *s, const struct table_part *p)
{
	chisels_begin(s, p->first);
	s->last = MAX(s->last, p->last);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops; k++)
			top_part(s->items[i]->tops[k], p);
}

void chisels_state(struct chisels *s, const struct state *state)
{
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->items[i]->n_tops && s->state; k++)
			top_settle(s->items[i]->tops[k], s->state);
	s->state = state;
}

static bool any_runs(const struct chisels *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->items[i]->running)
			return true;
	return false;
}

int chisels_event(struct chisels *s, struct context *c)
{
	s->c = c;
	chisels_begin(s, c->ev->ts);
	s->last = MAX(s->last, c->ev->ts);
	bool taken = !s->filter || filter_match(s->filter, c), runs = false;
	for (unsigned i = 0; i < s->n && taken; i++) {
		struct chisel *one = s->items[i];
		if (one->running && (one->interval || one->precise))
			intervals(one, c->ev->ts);
		if (one->running)
			take_event(one, c);
		runs |= one->running;
	}
	s->c = NULL;
	return s->stop || (taken && !runs);
}

int chisels_tick(struct chisels *s, uint64_t now)
{
	chisels_begin(s, now);
	s->last = MAX(s->last, now);
	for (unsigned i = 0; i < s->n; i++)
		if (s->items[i]->running)
			intervals(s->items[i], now);
	return s->stop || !any_runs(s);
}

unsigned chisels_end(struct chisels *s)
{
	unsigned failures = 0;

	chisels_begin(s, 0);
	for (unsigned i = 0; i < s->n; i++) {
		struct chisel *c = s->items[i];
		if (c->script && !c->failed && c->on_capture_end != LUA_NOREF &&
		    !script_ended(c->script))
			call_with_times(c, c->on_capture_end, s->last, s->last - c->slot_at);
		failures += c->failed;
	}
	return failures;
}
