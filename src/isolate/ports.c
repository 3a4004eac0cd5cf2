/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/ports.h"

#include <ctype.h>

void port_set_add(struct port_set *s, uint32_t begin, uint32_t end)
{
	for (uint32_t p = begin; p <= end && p <= PORT_MAX; p++)
		s->bits[p / 64] |= 1ull << (p % 64);
}

void port_set_remove(struct port_set *s, uint32_t begin, uint32_t end)
{
	for (uint32_t p = begin; p <= end && p <= PORT_MAX; p++)
		s->bits[p / 64] &= ~(1ull << (p % 64));
}

void port_set_join(struct port_set *s, const struct port_set *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		s->bits[i] |= other->bits[i];
}

void port_set_subtract(struct port_set *s, const struct port_set *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		s->bits[i] &= ~other->bits[i];
}

uint32_t port_set_count(const struct port_set *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		n += (uint32_t)__builtin_popcountll(s->bits[i]);
	return n;
}

bool port_set_empty(const struct port_set *s)
{
	return !port_set_count(s);
}

bool port_set_contains(const struct port_set *a, const struct port_set *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->bits); i++)
		if (b->bits[i] & ~a->bits[i])
			return false;
	return true;
}

bool port_set_intersects(const struct port_set *a, const struct port_set *b, uint32_t *first)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->bits); i++) {
		uint64_t both = a->bits[i] & b->bits[i];
		if (!both)
			continue;
		if (first)
			*first = (uint32_t)(i * 64 + (unsigned)__builtin_ctzll(both));
		return true;
	}
	return false;
}

/* The first port at or behind `from` that is in the set (or, inverted, is not); PORT_MAX + 1: none.
 */
static uint32_t next_port(const struct port_set *s, uint32_t from, uint64_t invert)
{
	if (from > PORT_MAX)
		return PORT_MAX + 1;
	uint32_t word = from / 64;
	uint64_t bits = (s->bits[word] ^ invert) & ~0ull << (from % 64);
	while (!bits && ++word < ARRAY_SIZE(s->bits))
		bits = s->bits[word] ^ invert;
	return bits ? word * 64 + (uint32_t)__builtin_ctzll(bits) : PORT_MAX + 1;
}

bool port_set_next_range(const struct port_set *s, uint32_t from, uint32_t *begin, uint32_t *end)
{
	uint32_t first = next_port(s, from, 0);

	if (first > PORT_MAX)
		return false;
	*begin = first;
	*end = next_port(s, first, ~0ull) - 1;
	return true;
}

void port_set_text(struct text *t, const struct port_set *s)
{
	uint32_t begin, end = 0;

	for (bool more = false; port_set_next_range(s, end + 1, &begin, &end); more = true) {
		if (more)
			text_char(t, ',');
		text_u64(t, begin);
		if (end > begin) {
			text_char(t, '-');
			text_u64(t, end);
		}
	}
}

/* ---- parsing ---- */

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p;
}

static const char *parse_port(const char *p, const char *end, uint32_t *out)
{
	uint32_t v = 0;
	const char *start = p = skip_blanks(p, end);

	while (p < end && isdigit((unsigned char)*p) && v <= PORT_MAX)
		v = v * 10 + (uint32_t)(*p++ - '0');
	*out = v;
	return p > start && v && v <= PORT_MAX ? skip_blanks(p, end) : NULL;
}

static int parse_range(const char *p, const char *end, struct port_set *s, struct err *e)
{
	uint32_t first, last;
	const char *at = parse_port(p, end, &first);

	last = first;
	if (at && at < end && *at == '-')
		at = parse_port(at + 1, end, &last);
	if (at != end)
		return err_set(e, ERR_USAGE, "'%.*s' is no port and no range of ports (1-65535)",
			       (int)MIN(end - p, 60), p);
	if (first > last)
		return err_set(e, ERR_USAGE, "ports %u-%u: the end comes before the begin", first,
			       last);
	port_set_add(s, first, last);
	return 0;
}

int port_set_parse(const char *text, size_t n, struct port_set *s, struct err *e)
{
	const char *p = skip_blanks(text, text + n), *end = text + n;
	struct port_set made = *s;

	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	if (end - p >= 2 && *p == '[' && end[-1] == ']') {
		p++;
		end--;
	}
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
		if (parse_range(p, stop, &made, e))
			return -1;
		p = comma ? comma + 1 : end;
		if (comma && p == end)
			return err_set(e, ERR_USAGE, "a range is missing behind the last comma");
	}
	*s = made;
	return 0;
}

/* ---- blocks ---- */

void port_blocks(const struct port_set *s, void (*fn)(void *ctx, uint32_t begin, uint32_t size),
		 void *ctx)
{
	uint32_t begin, end = 0;

	while (port_set_next_range(s, end + 1, &begin, &end)) {
		while (begin <= end) {
			uint32_t size = begin & -begin; /* what its alignment allows */
			while (size > end - begin + 1)
				size /= 2;
			fn(ctx, begin, size);
			begin += size;
		}
	}
}

/* ---- ephemeral ranges ---- */

static bool is_free(const struct ephemeral_pool *p, uint32_t begin, uint32_t size)
{
	for (uint32_t port = begin; port < begin + size; port++)
		if (!port_set_has(&p->pool, port) || port_set_has(&p->used, port))
			return false;
	return true;
}

/* The first free range at or behind `from`; 0 when there is none. */
static uint32_t find_free(const struct ephemeral_pool *p, uint32_t from, uint32_t size)
{
	uint32_t step = size & (size - 1) ? 1 : size;

	for (uint32_t begin = (MAX(from, 1) + step - 1) / step * step; begin + size - 1 <= PORT_MAX;
	     begin += step)
		if (is_free(p, begin, size))
			return begin;
	return 0;
}

int ephemeral_allocate(struct ephemeral_pool *p, const struct port_set *avoid, uint32_t size,
		       uint32_t *begin, struct err *e)
{
	struct ephemeral_pool fit = *p;

	port_set_join(&fit.used, avoid);
	uint32_t found = size ? find_free(&fit, 1, size) : 0;

	if (!found)
		return err_set(e, ERR_FAILED, "no %u ephemeral ports in a row are left", size);
	port_set_add(&p->used, found, found + size - 1);
	*begin = found;
	return 0;
}

int ephemeral_take(struct ephemeral_pool *p, uint32_t begin, uint32_t size, struct err *e)
{
	struct port_set wanted = {0};
	uint32_t other;

	port_set_add(&wanted, begin, begin + size - 1);
	if (port_set_intersects(&p->used, &wanted, &other))
		return err_set(e, ERR_FAILED, "ephemeral port %u is taken already", other);
	if (!port_set_contains(&p->pool, &wanted))
		err_set(e, ERR_FAILED, "they are not in the pool any more");
	port_set_add(&p->used, begin, begin + size - 1);
	return port_set_contains(&p->pool, &wanted) ? 0 : -1;
}

void ephemeral_release(struct ephemeral_pool *p, uint32_t begin, uint32_t size)
{
	port_set_remove(&p->used, begin, begin + size - 1);
}

uint32_t ephemeral_left(const struct ephemeral_pool *p, uint32_t size)
{
	uint32_t n = 0;

	if (!size)
		return 0;
	for (uint32_t at = find_free(p, 1, size); at; at = find_free(p, at + size, size))
		n++;
	return n;
}
