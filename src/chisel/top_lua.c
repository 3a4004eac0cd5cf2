/* SPDX-License-Identifier: Apache-2.0 */
/* chisel.top as scripts see it: made from a table of keys and values, and its rows. */
#include "chisel/top.h"

#include <math.h>
#include <stdlib.h>

#define TOP_META "dredge.top"

static const char *const fold_names[TOP_FOLDS] = {"sum", "min", "max", "or"};

static struct top *check_top(lua_State *L)
{
	return *(struct top **)luaL_checkudata(L, 1, TOP_META);
}

struct place {
	double sum;
	uint32_t row;
};

static int most_first(const void *a, const void *b, void *ctx)
{
	const struct top *t = ctx;
	const struct place *x = a, *y = b;
	const struct top_row *r = &t->rows[x->row], *s = &t->rows[y->row];

	if (x->sum != y->sum)
		return x->sum < y->sum ? 1 : -1;
	int order = memcmp(t->bytes.data + r->key, t->bytes.data + s->key, MIN(r->key_n, s->key_n));
	return order ? order : (r->key_n > s->key_n) - (r->key_n < s->key_n);
}

/* The first `wanted` rows, to out, which has room for all, or for twice as many. Returns how many.
 */
static uint32_t put_in_order(struct top *t, unsigned by, uint32_t wanted, struct place *out)
{
	double least = -INFINITY;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		double sum = top_sum(t, i, by);
		if (sum < least)
			continue;
		out[n++] = (struct place){sum, i};
		if (n / 2 == wanted) {
			qsort_r(out, n, sizeof(*out), most_first, t);
			n = wanted;
			least = out[n - 1].sum;
		}
	}
	qsort_r(out, n, sizeof(*out), most_first, t);
	return MIN(n, wanted);
}

static void push_key(lua_State *L, struct top *t, const struct top_row *row)
{
	struct cursor c = cursor_of(t->bytes.data + row->key, row->key_n);
	struct text *clean = &chisel_of(L)->set->clean;

	lua_createtable(L, (int)t->n_keys, 0);
	for (unsigned i = 0; i < t->n_keys; i++) {
		struct value v = {.type = t->keys[i].field->type};
		const uint8_t *there = t->absent ? cursor_take(&c, 1) : NULL;
		if (there && !*there) {
			lua_pushstring(L, t->absent);
		} else if (top_is_bytes(&v)) {
			v.n = load_le32(cursor_take(&c, 4));
			v.p = (const char *)cursor_take(&c, v.n);
			push_value(L, clean, &t->keys[i], &v);
		} else {
			uint64_t u = load_be64(cursor_take(&c, 8));
			v.u = v.type == VALUE_I64 ? u ^ 1ull << 63 : u;
			if (v.type == VALUE_BOOL)
				v.b = u;
			push_value(L, clean, &t->keys[i], &v);
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
}

/* top:rows([n [, by]]): the n greatest (0 = all) by a value, as {key = {...}, value = {...}}. */
static int top_rows(lua_State *L)
{
	struct top *t = check_top(L);
	lua_Integer rows = luaL_optinteger(L, 2, 0), by = luaL_optinteger(L, 3, 1);

	top_settle(t, chisel_of(L)->set->state);
	luaL_argcheck(L, by >= 1 && by <= (lua_Integer)t->n_values, 3, "no such value");
	uint32_t wanted = rows <= 0 || rows > t->n ? t->n : (uint32_t)rows;
	size_t room = MIN((size_t)t->n, 2 * (size_t)wanted);
	struct place *order = lua_newuserdata(L, (room + 1) * sizeof(*order));
	uint32_t n = put_in_order(t, (unsigned)by - 1, wanted, order);
	lua_newtable(L);
	for (uint32_t i = 0; i < n; i++) {
		lua_createtable(L, 0, 2);
		push_key(L, t, &t->rows[order[i].row]);
		lua_setfield(L, -2, "key");
		lua_createtable(L, (int)t->n_values, 0);
		for (unsigned v = 0; v < t->n_values; v++) {
			lua_pushnumber(L, top_sum(t, order[i].row, v));
			lua_rawseti(L, -2, (int)v + 1);
		}
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

/* top:clear(): from nothing again. */
static int clear(lua_State *L)
{
	top_clear(check_top(L));
	return 0;
}

/* top:beyond(): events that are in no row, as there were too many keys. */
static int top_beyond(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)check_top(L)->beyond);
	return 1;
}

static void set_ref(lua_State *L, struct field_ref *r, const char *name)
{
	struct err e;

	if (!name)
		luaL_error(L, "chisel.top: a field is named by a string");
	if (field_ref_parse(r, name, &e))
		chisel_raise(L, &e);
}

/* The filter of member "filter" of the table on top of the stack, or NULL. */
static struct filter *get_filter(lua_State *L)
{
	struct filter *f = NULL;
	struct err e;

	lua_getfield(L, -1, "filter");
	if (!lua_isnil(L, -1)) {
		f = filter_compile(luaL_checkstring(L, -1), chisel_of(L)->set->host.filter_dirs,
				   &e);
		if (!f)
			chisel_raise(L, &e);
	}
	lua_pop(L, 1);
	return f;
}

static bool same_field(const struct field_ref *a, const struct field_ref *b)
{
	if (a->field != b->field || !a->arg != !b->arg)
		return false;
	return !a->arg || str_eq(a->arg, b->arg);
}

static void set_value(lua_State *L, struct top *t, struct top_value *v, const char *name)
{
	set_ref(L, &v->ref, name);
	t->n_values++;
	while (!same_field(&t->values[v->same].ref, &v->ref))
		v->same++;
}

/* "field" or {field = "...", way = "in", filter = "...", fold = "sum"}, on top of the stack. */
static void add_value(lua_State *L, struct top *t)
{
	struct top_value *v = &t->values[t->n_values];

	if (!lua_istable(L, -1)) {
		set_value(L, t, v, lua_tostring(L, -1));
		return;
	}
	lua_getfield(L, -1, "field");
	set_value(L, t, v, lua_tostring(L, -1));
	lua_pop(L, 1);
	lua_getfield(L, -1, "way");
	const char *way = luaL_optstring(L, -1, "");
	v->way = str_eq(way, "in") ? EVENT_IN : str_eq(way, "out") ? EVENT_OUT : 0;
	if (!v->way && *way)
		luaL_error(L, "chisel.top: way is in or out, not '%s'", way);
	lua_pop(L, 1);
	v->only = get_filter(L);
	lua_getfield(L, -1, "fold");
	const char *name = luaL_optstring(L, -1, "sum");
	while (v->fold < TOP_FOLDS && !str_eq(name, fold_names[v->fold]))
		v->fold++;
	if (v->fold == TOP_FOLDS)
		luaL_error(L, "chisel.top: fold is sum, min, max or or, not '%s'", name);
	lua_pop(L, 1);
}

static void add_key(lua_State *L, struct top *t)
{
	set_ref(L, &t->keys[t->n_keys], lua_tostring(L, -1));
	t->n_keys++;
}

static void each_of(lua_State *L, const char *name, struct top *t, unsigned max,
		    void (*add)(lua_State *, struct top *))
{
	lua_getfield(L, 1, name);
	luaL_argcheck(L, lua_istable(L, -1) && lua_objlen(L, -1) > 0, 1,
		      "keys and values have to be lists of fields");
	if (lua_objlen(L, -1) > max)
		luaL_error(L, "chisel.top: more than %d %s", (int)max, name);
	for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
		lua_rawgeti(L, -1, i);
		add(L, t);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void push_methods(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"rows", top_rows}, {"clear", clear}, {"beyond", top_beyond}, {NULL, NULL}};

	if (!luaL_newmetatable(L, TOP_META))
		return;
	lua_newtable(L);
	for (const luaL_Reg *m = methods; m->name; m++) {
		lua_pushcfunction(L, m->func);
		lua_setfield(L, -2, m->name);
	}
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
}

int chisel_top(lua_State *L)
{
	struct chisel *c = chisel_of(L);

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	if (c->n_tops == CHISEL_TOPS_MAX)
		return luaL_error(L, "more than %d chisel.top", (int)CHISEL_TOPS_MAX);
	GROW(c->tops, c->n_tops, c->tops_cap);
	/* From here on the chisel owns it, whatever fails. */
	struct top *t = c->tops[c->n_tops++] = xcalloc(1, sizeof(*t));
	each_of(L, "keys", t, TOP_KEYS_MAX, add_key);
	each_of(L, "values", t, TOP_VALUES_MAX, add_value);
	t->filter = get_filter(L);
	lua_getfield(L, 1, "absent");
	if (!lua_isnil(L, -1))
		t->absent = xstrdup(luaL_checkstring(L, -1));
	top_begin(t);
	*(struct top **)lua_newuserdata(L, sizeof(t)) = t;
	push_methods(L);
	lua_setmetatable(L, -2);
	return 1;
}
