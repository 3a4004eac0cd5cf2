/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text and as JSON. */
#include "field/class.h"

#include <math.h>

/* Decimals of a DOUBLE: counters in seconds keep nanoseconds. */
#define DOUBLE_DECIMALS 9u

const char *value_type_name(enum value_type t)
{
	static const char *const names[] = {
		[VALUE_BOOL] = "BOOL",	     [VALUE_U64] = "UINT64",	  [VALUE_I64] = "INT64",
		[VALUE_DOUBLE] = "DOUBLE",   [VALUE_STRING] = "CHARBUF",  [VALUE_BYTES] = "BYTEBUF",
		[VALUE_IP] = "IPADDR",	     [VALUE_MAC] = "ETHER",	  [VALUE_PORT] = "PORT",
		[VALUE_ABSTIME] = "ABSTIME", [VALUE_RELTIME] = "RELTIME",
	};

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}

static unsigned hex_digits(uint64_t v)
{
	unsigned digits = 1;

	while (digits < 16 && v >> (4 * digits))
		digits++;
	return digits;
}

static void number_text(struct text *t, const struct field *f, uint64_t v)
{
	if (f && f->flags & FIELD_HEX) {
		text_str(t, "0x");
		text_hex(t, v, hex_digits(v));
	} else {
		text_u64(t, v);
	}
}

static void time_text(struct text *t, const struct field *f, uint64_t ns)
{
	if (f && f->flags & FIELD_SECONDS)
		text_time_seconds(t, ns);
	else
		text_u64(t, ns);
}

static void address_text(struct text *t, const struct value *v)
{
	if (v->n == 4)
		text_ipv4(t, (const uint8_t *)v->p);
	else if (v->n == 16)
		text_ipv6(t, (const uint8_t *)v->p);
}

void value_text(struct text *t, const struct field *f, const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
		text_str(t, v->b ? "true" : "false");
		break;
	case VALUE_U64:
	case VALUE_PORT:
		number_text(t, f, v->u);
		break;
	case VALUE_I64:
		text_i64(t, v->i);
		break;
	case VALUE_DOUBLE:
		text_double(t, v->d, DOUBLE_DECIMALS);
		break;
	case VALUE_STRING:
	case VALUE_BYTES:
		text_plain(t, v->p, v->n);
		break;
	case VALUE_IP:
		address_text(t, v);
		break;
	case VALUE_MAC:
		text_mac(t, (const uint8_t *)v->p);
		break;
	case VALUE_ABSTIME:
	case VALUE_RELTIME:
		time_text(t, f, v->u);
		break;
	}
}

void value_json(struct text *t, const struct field *f, const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
	case VALUE_I64:
	case VALUE_ABSTIME:
	case VALUE_RELTIME:
		value_text(t, f, v);
		break;
	case VALUE_DOUBLE:
		/* JSON has no word for infinity or not-a-number. */
		if (isfinite(v->d))
			value_text(t, f, v);
		else
			text_str(t, "null");
		break;
	case VALUE_U64:
	case VALUE_PORT:
		text_u64(t, v->u);
		break;
	case VALUE_STRING:
	case VALUE_BYTES:
		text_char(t, '"');
		text_json(t, v->p, v->n);
		text_char(t, '"');
		break;
	case VALUE_IP:
	case VALUE_MAC:
		text_char(t, '"');
		value_text(t, f, v);
		text_char(t, '"');
		break;
	}
}
