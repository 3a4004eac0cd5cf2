/* SPDX-License-Identifier: Apache-2.0 */
/* What a script can ask of the event: evt.*. */
#include "chisel/inside.h"

#include <stdlib.h>

int field_ref_parse(struct field_ref *r, const char *name, struct err *e)
{
	/* What sysdig's reads and writes carry is here the payload of a packet. */
	if (str_eq(name, "evt.rawarg.data") || str_eq(name, "evt.arg.data"))
		name = "evt.buffer";
	size_t used, n = strlen(name);
	char *arg = NULL;
	const struct field *f = field_find(name, n, &used, &arg);
	struct text shown = {0};

	if (f && used == n && !(f->flags & FIELD_FILTER)) {
		*r = (struct field_ref){f, arg};
		return 0;
	}
	free(arg);
	text_plain(&shown, name, MIN(n, 80));
	const char *near = field_nearest(name, n), *why = field_why_not(name, n);
	if (f && used == n)
		err_set(e, ERR_FAILED, "field %s can only be used in filters", text_cstr(&shown));
	else if (why)
		err_set(e, ERR_FAILED, "no field '%s': %s", text_cstr(&shown), why);
	else
		err_set(e, ERR_FAILED, "no field '%s'%s%s%s", text_cstr(&shown),
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	text_done(&shown);
	return -1;
}

void field_ref_done(struct field_ref *r)
{
	free(r->arg);
}

/* Bytes as they are, since scripts parse them, but for what begins an escape sequence. */
static void push_bytes(lua_State *L, struct text *clean, const char *p, size_t n)
{
	text_reset(clean);
	text_put(clean, p, n);
	for (char *at = clean->data, *end = at + clean->len;
	     at < end && (at = memchr(at, 0x1b, (size_t)(end - at)));)
		*at++ = '.';
	lua_pushlstring(L, n ? clean->data : "", n);
}

static void push_text(lua_State *L, struct text *clean, const char *p, size_t n)
{
	if (text_is_plain(p, n)) {
		lua_pushlstring(L, p, n);
		return;
	}
	text_reset(clean);
	text_plain(clean, p, n);
	lua_pushlstring(L, clean->data, clean->len);
}

void push_value(lua_State *L, struct text *clean, const struct field_ref *r, const struct value *v)
{
	bool seconds = r->field->flags & FIELD_SECONDS;

	switch (v->type) {
	case VALUE_BOOL:
		lua_pushboolean(L, v->b);
		return;
	case VALUE_I64:
		lua_pushnumber(L, (lua_Number)v->i);
		return;
	case VALUE_DOUBLE:
		lua_pushnumber(L, v->d);
		return;
	case VALUE_U64:
	case VALUE_PORT:
	case VALUE_ABSTIME:
	case VALUE_RELTIME:
		lua_pushnumber(L, seconds ? (lua_Number)v->u / 1e9 : (lua_Number)v->u);
		return;
	case VALUE_STRING:
		push_text(L, clean, v->p, v->n);
		return;
	case VALUE_BYTES:
		push_bytes(L, clean, v->p, v->n);
		return;
	case VALUE_IP:
	case VALUE_MAC:
		text_reset(clean);
		value_text(clean, r->field, v);
		lua_pushlstring(L, clean->data, clean->len);
		return;
	}
	lua_pushnil(L);
}

/* NULL between events, where everything is nil. */
static struct context *event_now(lua_State *L)
{
	return chisel_of(L)->set->c;
}

/* The field that a handle stands for; NULL: one that the script never asked for, which is nil as in
 * sysdig. */
static const struct field_ref *field_of(lua_State *L)
{
	const struct chisel *c = chisel_of(L);

	if (lua_isnil(L, 1))
		return NULL;
	lua_Integer i = luaL_checkinteger(L, 1);
	if (i < 1 || i > (lua_Integer)c->n_fields)
		luaL_error(L, "this handle is not one that chisel.request_field gave");
	return &c->fields[i - 1];
}

/* How many values the event has of it. */
static unsigned get_values(struct chisels *s, const struct field_ref *r, struct value *v)
{
	text_reset(&s->scratch);
	return s->c && r ? r->field->get(r->field, r->arg, s->c, &s->scratch, v) : 0;
}

static int evt_field(lua_State *L)
{
	struct chisels *s = chisel_of(L)->set;
	const struct field_ref *r = field_of(L);
	struct value v[FIELD_MAX_VALUES];

	if (get_values(s, r, v))
		push_value(L, &s->clean, r, v);
	else
		lua_pushnil(L);
	return 1;
}

/* As formats print it, all values and all digits. */
static int evt_text(lua_State *L)
{
	struct chisels *s = chisel_of(L)->set;
	const struct field_ref *r = field_of(L);
	struct value v[FIELD_MAX_VALUES];
	unsigned n = get_values(s, r, v);

	text_reset(&s->line);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_char(&s->line, ',');
		value_text(&s->line, r->field, &v[i]);
	}
	if (n)
		push_text(L, &s->clean, s->line.data, s->line.len);
	else
		lua_pushnil(L);
	return 1;
}

static int evt_get_num(lua_State *L)
{
	const struct context *c = event_now(L);

	if (c)
		lua_pushnumber(L, (lua_Number)c->ev->num);
	else
		lua_pushnil(L);
	return 1;
}

/* Between events: of the newest. */
static int evt_get_ts(lua_State *L)
{
	const struct context *c = event_now(L);
	uint64_t ts = c ? c->ev->ts : chisel_of(L)->set->last;

	lua_pushnumber(L, (lua_Number)(ts / NSEC_PER_SEC));
	lua_pushnumber(L, (lua_Number)(ts % NSEC_PER_SEC));
	return 2;
}

static int evt_get_type(lua_State *L)
{
	const struct context *c = event_now(L);

	if (c)
		lua_pushstring(L, event_type_name(c->ev->type));
	else
		lua_pushnil(L);
	return 1;
}

/* Packets do not belong to a CPU. */
static int evt_get_cpuid(lua_State *L)
{
	lua_pushnumber(L, 0);
	return 1;
}

const luaL_Reg evt_functions[] = {{"field", evt_field},
				  {"text", evt_text},
				  {"get_num", evt_get_num},
				  {"get_ts", evt_get_ts},
				  {"get_type", evt_get_type},
				  {"get_cpuid", evt_get_cpuid},
				  {NULL, NULL}};
