/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chisel.top: sums by key over the events, without a call into Lua for each. Keys are kept as bytes
 * that sort as their values do: numbers big-endian, texts behind their length.
 */
#include "chisel/inside.h"

#include <math.h>
#include <stdlib.h>

#define TOP_KEYS_MAX   8u
#define TOP_VALUES_MAX 8u
#define TOP_ROWS_MAX   (1u << 20)
#define TOP_BYTES_MAX  (256u << 20) /* of all keys */
#define TOP_META       "dredge.top"

enum top_fold { TOP_SUM, TOP_MIN, TOP_MAX, TOP_OR, TOP_FOLDS };

static const char *const fold_names[TOP_FOLDS] = {"sum", "min", "max", "or"};

struct top_value {
	struct field_ref ref;
	unsigned same;	     /* the first value of this field, which it is looked up for */
	struct filter *only; /* events that count; NULL = all */
	uint32_t way;	     /* EVENT_IN or EVENT_OUT: only those; 0 = all */
	enum top_fold fold;
};

/* The sums of a container whose key has not been asked for yet. */
struct top_part {
	double sums[TOP_VALUES_MAX];
	uint32_t iface;
	bool used;
};

struct top_row {
	uint64_t hash;
	uint32_t key, key_n; /* in top.bytes */
};

struct top {
	struct field_ref keys[TOP_KEYS_MAX];
	struct top_value values[TOP_VALUES_MAX];
	unsigned n_keys, n_values;
	struct filter *filter;
	char *absent; /* what stands for a key that an event does not have; NULL: left out */
	struct top_row *rows;
	double *sums; /* n_values of each row */
	unsigned n, cap;
	uint32_t *slots; /* row number + 1; a power of two of them */
	uint32_t n_slots;
	struct builder bytes;
	struct text scratch;
	/* Where all keys are of the container they are looked up once for each, by the state's
	 * index, and as late as can be: when the rows are wanted. */
	struct top_part *parts; /* NULL: keys are of the event */
	uint32_t n_parts;
	uint64_t beyond; /* events whose key found no place */
	unsigned sort;	 /* by which value */
};

void top_free(struct top *t)
{
	for (unsigned i = 0; i < t->n_keys; i++)
		field_ref_done(&t->keys[i]);
	for (unsigned i = 0; i < t->n_values; i++) {
		field_ref_done(&t->values[i].ref);
		filter_free(t->values[i].only);
	}
	filter_free(t->filter);
	free(t->absent);
	free(t->rows);
	free(t->sums);
	free(t->slots);
	free(t->parts);
	builder_done(&t->bytes);
	text_done(&t->scratch);
	free(t);
}

bool top_needs_flows(const struct top *t)
{
	bool needed = t->filter && filter_needs_flows(t->filter);

	for (unsigned i = 0; i < t->n_keys; i++)
		needed |= !!(t->keys[i].field->flags & FIELD_FLOW);
	for (unsigned i = 0; i < t->n_values; i++) {
		const struct top_value *v = &t->values[i];
		needed |= v->ref.field->flags & FIELD_FLOW ||
			  (v->only && filter_needs_flows(v->only));
	}
	return needed;
}

/* ---- keys ---- */

static bool is_bytes(const struct value *v)
{
	return v->type == VALUE_STRING || v->type == VALUE_BYTES || v->type == VALUE_IP ||
	       v->type == VALUE_MAC;
}

static void put_text(struct builder *b, const char *p, uint32_t n)
{
	builder_u32(b, n);
	builder_put(b, p, n);
}

/* 1 and the sign: numbers below zero sort before those above. */
static void put_value(struct builder *b, const struct value *v)
{
	if (is_bytes(v)) {
		put_text(b, v->p, v->n);
		return;
	}
	uint64_t u = v->type == VALUE_BOOL ? v->b : v->u;
	if (v->type == VALUE_I64)
		u ^= 1ull << 63;
	builder_u64(b, __builtin_bswap64(u));
}

/* The key of the event at the end of t->bytes, not yet part of it; false: it has none. */
static bool make_key(struct top *t, struct context *c, uint32_t *from)
{
	struct value v[FIELD_MAX_VALUES];

	*from = (uint32_t)t->bytes.len;
	for (unsigned i = 0; i < t->n_keys; i++) {
		const struct field_ref *r = &t->keys[i];
		text_reset(&t->scratch);
		bool has = r->field->get(r->field, r->arg, c, &t->scratch, v);
		if (!has && !t->absent) {
			t->bytes.len = *from;
			return false;
		}
		const uint8_t there = has;
		builder_put(&t->bytes, &there, t->absent ? 1 : 0);
		if (has)
			put_value(&t->bytes, &v[0]);
	}
	return true;
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
		} else if (is_bytes(&v)) {
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

/* ---- rows ---- */

static void place(struct top *t, uint32_t row)
{
	uint32_t at = (uint32_t)t->rows[row].hash & (t->n_slots - 1);

	while (t->slots[at])
		at = (at + 1) & (t->n_slots - 1);
	t->slots[at] = row + 1;
}

static void grow(struct top *t)
{
	t->n_slots = t->n_slots ? t->n_slots * 2 : 1024;
	free(t->slots);
	t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
	for (uint32_t i = 0; i < t->n; i++)
		place(t, i);
}

static void begin_sums(const struct top *t, double *sums)
{
	for (unsigned i = 0; i < t->n_values; i++)
		sums[i] = t->values[i].fold == TOP_MIN ? INFINITY : 0;
}

/* The row of the key at `from` of t->bytes, which stays there only when it is new; NULL: there is
 * no room for another. */
static double *row_for(struct top *t, uint32_t from)
{
	uint32_t n = (uint32_t)t->bytes.len - from;
	const uint8_t *key = t->bytes.data + from;
	uint64_t hash = hash_bytes(key, n);

	if (t->n * 2 >= t->n_slots)
		grow(t);
	for (uint32_t at = (uint32_t)hash & (t->n_slots - 1); t->slots[at];
	     at = (at + 1) & (t->n_slots - 1)) {
		const struct top_row *r = &t->rows[t->slots[at] - 1];
		if (r->hash != hash || r->key_n != n || memcmp(t->bytes.data + r->key, key, n))
			continue;
		t->bytes.len = from;
		return &t->sums[(t->slots[at] - 1) * t->n_values];
	}
	if (t->n == TOP_ROWS_MAX || t->bytes.len > TOP_BYTES_MAX) {
		t->bytes.len = from;
		t->beyond++;
		return NULL;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->rows = xrealloc(t->rows, t->cap * sizeof(*t->rows));
		t->sums = xrealloc(t->sums, (size_t)t->cap * t->n_values * sizeof(*t->sums));
	}
	double *sums = &t->sums[(size_t)t->n * t->n_values];
	begin_sums(t, sums);
	t->rows[t->n] = (struct top_row){hash, from, n};
	place(t, t->n++);
	return sums;
}

static double number_of(const struct field_ref *r, const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
		return v->b;
	case VALUE_I64:
		return (double)v->i;
	case VALUE_DOUBLE:
		return v->d;
	case VALUE_STRING:
	case VALUE_BYTES:
	case VALUE_IP:
	case VALUE_MAC:
		return NAN;
	default:
		return r->field->flags & FIELD_SECONDS ? (double)v->u / 1e9 : (double)v->u;
	}
}

/* Each value of the event; false when it adds nothing to any sum. */
static bool make_values(struct top *t, struct context *c, double *out)
{
	double raw[TOP_VALUES_MAX];
	struct value v[FIELD_MAX_VALUES];
	bool any = false;

	for (unsigned i = 0; i < t->n_values; i++) {
		const struct top_value *w = &t->values[i];
		raw[i] = out[i] = NAN;
		if (w->same < i) {
			raw[i] = raw[w->same];
		} else {
			text_reset(&t->scratch);
			if (w->ref.field->get(w->ref.field, w->ref.arg, c, &t->scratch, v))
				raw[i] = number_of(&w->ref, &v[0]);
		}
		if ((w->way && !(c->ev->flags & w->way)) || (w->only && !filter_match(w->only, c)))
			continue;
		out[i] = raw[i];
		any |= out[i] > 0 && w->fold == TOP_SUM;
	}
	return any;
}

/* A packet that was sampled counts as often as it stands for. */
static double fold(enum top_fold how, double sum, double v, uint32_t weight)
{
	switch (how) {
	case TOP_MIN:
		return fmin(sum, v);
	case TOP_MAX:
		return fmax(sum, v);
	case TOP_OR:
		return v >= 0 && v < 4294967296.0 ? (double)((uint64_t)sum | (uint64_t)v) : sum;
	default:
		return v > 0 ? sum + v * weight : sum;
	}
}

static double *part_for(struct top *t, const struct context *c)
{
	uint32_t at = c->container->index;

	if (at >= t->n_parts) {
		uint32_t n = MAX(at + 1, t->n_parts * 2);
		t->parts = xrealloc(t->parts, n * sizeof(*t->parts));
		memset(t->parts + t->n_parts, 0, (n - t->n_parts) * sizeof(*t->parts));
		t->n_parts = n;
	}
	struct top_part *p = &t->parts[at];
	if (!p->used) {
		begin_sums(t, p->sums);
		p->iface = c->ev->iface;
		p->used = true;
	}
	return p->sums;
}

void top_settle(struct top *t, const struct state *state)
{
	uint32_t from;

	for (uint32_t i = 0; state && i < t->n_parts; i++) {
		struct top_part *p = &t->parts[i];
		struct context c = {.container = state_container_at(state, i),
				    .iface = state_iface_at(state, p->iface)};
		double *sums = p->used && c.container && make_key(t, &c, &from) ? row_for(t, from)
										: NULL;
		for (unsigned v = 0; sums && v < t->n_values; v++)
			sums[v] = fold(t->values[v].fold, sums[v], p->sums[v], 1);
		p->used = false;
	}
}

void top_event(struct top *t, struct context *c)
{
	double now[TOP_VALUES_MAX], *sums;
	uint32_t from;

	if ((t->filter && !filter_match(t->filter, c)) || !make_values(t, c, now))
		return;
	if (t->parts && c->repeated)
		return;
	if (t->parts && c->container)
		sums = part_for(t, c);
	else
		sums = make_key(t, c, &from) ? row_for(t, from) : NULL;
	for (unsigned i = 0; sums && i < t->n_values; i++)
		if (!isnan(now[i]))
			sums[i] = fold(t->values[i].fold, sums[i], now[i], c->ev->weight);
}

/* ---- for Lua ---- */

static struct top *check_top(lua_State *L)
{
	return *(struct top **)luaL_checkudata(L, 1, TOP_META);
}

static int most_first(const void *a, const void *b, void *ctx)
{
	struct top *t = ctx;
	const uint32_t *x = a, *y = b;
	double u = t->sums[(size_t)*x * t->n_values + t->sort],
	       v = t->sums[(size_t)*y * t->n_values + t->sort];
	const struct top_row *r = &t->rows[*x], *s = &t->rows[*y];

	if (u != v)
		return u < v ? 1 : -1;
	int order = memcmp(t->bytes.data + r->key, t->bytes.data + s->key, MIN(r->key_n, s->key_n));
	return order ? order : (r->key_n > s->key_n) - (r->key_n < s->key_n);
}

/* top:rows([n [, by]]): the n greatest (0 = all) by a value, as {key = {...}, value = {...}}. */
static int top_rows(lua_State *L)
{
	struct top *t = check_top(L);
	lua_Integer wanted = luaL_optinteger(L, 2, 0), by = luaL_optinteger(L, 3, 1);

	top_settle(t, chisel_of(L)->set->state);
	luaL_argcheck(L, by >= 1 && by <= (lua_Integer)t->n_values, 3, "no such value");
	uint32_t *order = lua_newuserdata(L, (t->n + 1) * sizeof(*order));
	for (uint32_t i = 0; i < t->n; i++)
		order[i] = i;
	t->sort = (unsigned)by - 1;
	qsort_r(order, t->n, sizeof(*order), most_first, t);
	lua_newtable(L);
	for (uint32_t i = 0; i < t->n && (wanted <= 0 || i < wanted); i++) {
		lua_createtable(L, 0, 2);
		push_key(L, t, &t->rows[order[i]]);
		lua_setfield(L, -2, "key");
		lua_createtable(L, (int)t->n_values, 0);
		for (unsigned v = 0; v < t->n_values; v++) {
			lua_pushnumber(L, t->sums[(size_t)order[i] * t->n_values + v]);
			lua_rawseti(L, -2, (int)v + 1);
		}
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

/* top:clear(): from nothing again. */
static int top_clear(lua_State *L)
{
	struct top *t = check_top(L);

	t->n = 0;
	for (uint32_t i = 0; i < t->n_parts; i++)
		t->parts[i].used = false;
	t->bytes.len = 0;
	t->beyond = 0;
	memset(t->slots, 0, t->n_slots * sizeof(*t->slots));
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
		{"rows", top_rows}, {"clear", top_clear}, {"beyond", top_beyond}, {NULL, NULL}};

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
	grow(t);
	bool of_container = true;
	for (unsigned i = 0; i < t->n_keys; i++)
		of_container &= t->keys[i].field->scope == SCOPE_CONTAINER;
	if (of_container) {
		t->n_parts = 64;
		t->parts = xcalloc(t->n_parts, sizeof(*t->parts));
	}
	*(struct top **)lua_newuserdata(L, sizeof(t)) = t;
	push_methods(L);
	lua_setmetatable(L, -2);
	return 1;
}
