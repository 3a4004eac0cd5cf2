/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times, truth and MAC addresses as they are written: of each one key, by the field's
 * type.
 */
#include "filter/program.h"

#include <stdio.h>

#define MAC_SIZE 6u

/* A decimal number with at most `digits` decimals, in units of 10^-digits; -1 = not one. */
static int parse_decimal(const char *s, unsigned digits, const char **end, uint64_t *out)
{
	unsigned __int128 v = 0;
	unsigned seen = 0, decimals = 0;

	for (; *s >= '0' && *s <= '9'; s++, seen++) {
		v = v * 10 + (unsigned)(*s - '0');
		if (v > UINT64_MAX)
			return -1;
	}
	if (*s == '.' && s[1] >= '0' && s[1] <= '9') {
		for (s++; *s >= '0' && *s <= '9'; s++, seen++) {
			if (decimals == digits)
				return -1;
			v = v * 10 + (unsigned)(*s - '0');
			decimals++;
		}
	}
	for (; decimals < digits; decimals++)
		v *= 10;
	if (!seen || v > UINT64_MAX)
		return -1;
	*end = s;
	*out = (uint64_t)v;
	return 0;
}

/* "5ms", "0.25s", and without a unit ns or, for Wireshark's times, seconds. */
static int parse_reltime(const struct field *f, const char *s, uint64_t *out)
{
	static const struct {
		const char *unit;
		unsigned digits;
		uint64_t times;
	} units[] = {{"ns", 0, 1}, {"us", 3, 1}, {"ms", 6, 1},
		     {"s", 9, 1},  {"m", 9, 60}, {"h", 9, 3600}};
	const char *unit = s + strspn(s, "0123456789.");
	bool seconds = f->flags & FIELD_SECONDS;

	if (!*unit)
		unit = seconds ? "s" : "ns";
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const char *end;

		if (!str_eq(unit, units[i].unit))
			continue;
		if (parse_decimal(s, units[i].digits, &end, out) ||
		    __builtin_mul_overflow(*out, units[i].times, out))
			return -1;
		return 0;
	}
	return -1;
}

static int parse_abstime(const struct field *f, const char *s, uint64_t *out)
{
	const char *end;

	if (s[strspn(s, "0123456789.")] == '\0')
		return parse_decimal(s, f->flags & FIELD_SECONDS ? 9 : 0, &end, out) || *end;
	/* "22:13" and "+5s" need a day or a start, which a filter does not know. */
	if (*s != '@' && !strchr(s, '-'))
		return -1;
	return time_parse(s, 0, out, NULL);
}

static int parse_mac(const char *s, uint64_t *out)
{
	unsigned b[MAC_SIZE];
	int used = 0;

	if (sscanf(s, "%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%n", &b[0], &b[1], &b[2],
		   &b[3], &b[4], &b[5], &used) != (int)MAC_SIZE ||
	    s[used])
		return -1;
	*out = 0;
	for (size_t i = 0; i < MAC_SIZE; i++)
		*out = *out << 8 | b[i];
	return 0;
}

static int parse_i64(const char *s, uint64_t *key)
{
	bool minus = *s == '-';
	uint64_t v;

	if (str_u64(s + minus, false, &v) || v > (uint64_t)INT64_MAX + minus)
		return -1;
	*key = (minus ? 0 - v : v) ^ 1ull << 63;
	return 0;
}

static int parse_double(const char *s, uint64_t *key)
{
	bool minus = *s == '-';
	const char *end;
	uint64_t v;

	if (parse_decimal(s + minus, 9, &end, &v) || *end)
		return -1;
	double d = (double)v / 1e9;

	*key = key_double(minus ? -d : d);
	return 0;
}

static int parse_port(const char *s, uint64_t *out)
{
	int port;

	if (str_u64(s, false, out) == 0)
		return *out <= UINT16_MAX ? 0 : -1;
	port = service_port(s);
	*out = (uint64_t)port;
	return port < 0 ? -1 : 0;
}

const char *literal_key(const struct field *f, const char *s, uint64_t *key)
{
	switch (f->type) {
	case VALUE_BOOL:
		*key = str_eq(s, "true") || str_eq(s, "1");
		return *key || str_eq(s, "false") || str_eq(s, "0") ? NULL : "true or false";
	case VALUE_U64:
		return str_u64(s, false, key) ? "a valid number" : NULL;
	case VALUE_I64:
		return parse_i64(s, key) ? "a valid number" : NULL;
	case VALUE_DOUBLE:
		return parse_double(s, key) ? "a valid number" : NULL;
	case VALUE_PORT:
		return parse_port(s, key) ? "a port number or a known service" : NULL;
	case VALUE_ABSTIME:
		return parse_abstime(f, s, key) ? "a valid time" : NULL;
	case VALUE_RELTIME:
		return parse_reltime(f, s, key) ? "a valid duration" : NULL;
	case VALUE_MAC:
		return parse_mac(s, key) ? "a MAC address" : NULL;
	default:
		return "a valid value";
	}
}

const char *literal_hint(const struct field *f)
{
	switch (f->type) {
	case VALUE_ABSTIME:
		return f->flags & FIELD_SECONDS
			       ? "write '2023-11-14 22:13:20' or seconds since 1970"
			       : "write '2023-11-14 22:13:20', @SECONDS or nanoseconds since 1970";
	case VALUE_RELTIME:
		return f->flags & FIELD_SECONDS ? "write 5ms, 0.25s, or a number of seconds"
						: "write 5ms, 0.25s, or whole nanoseconds";
	default:
		return NULL;
	}
}
