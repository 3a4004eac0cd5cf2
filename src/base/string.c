/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const struct {
	const char *name;
	unsigned shift;
} size_units[] = {{"B", 0}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};

int str_u64(const char *s, bool units, uint64_t *out)
{
	if (!isdigit((unsigned char)*s))
		return -1;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end,
					str_starts(s, "0x") || str_starts(s, "0X") ? 16 : 10);
	if (errno || end == s)
		return -1;
	unsigned shift = 0;
	if (*end && units) {
		unsigned i = 0;
		while (i < ARRAY_SIZE(size_units) && !str_eq(end, size_units[i].name))
			i++;
		if (i == ARRAY_SIZE(size_units))
			return -1;
		shift = size_units[i].shift;
	} else if (*end) {
		return -1;
	}
	if (v > UINT64_MAX >> shift)
		return -1;
	*out = (uint64_t)v << shift;
	return 0;
}

#define DISTANCE_MAX 64u

unsigned str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[DISTANCE_MAX + 1];

	if (n > DISTANCE_MAX || m > DISTANCE_MAX)
		return UINT32_MAX;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned above = row[j];
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			row[j] = MIN(change, MIN(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[m];
}

uint64_t hash_bytes(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = 0x9e3779b97f4a7c15ull ^ n, first = 0, last = 0;

	for (; n > 16; p += 16, n -= 16)
		h = hash_pair(load_le64(p) ^ 0xd1b54a32d192ed03ull, load_le64(p + 8) ^ h);
	/* What is left is looked at from both ends, which may overlap. */
	if (n >= 8) {
		first = load_le64(p);
		last = load_le64(p + n - 8);
	} else if (n >= 4) {
		first = load_le32(p);
		last = load_le32(p + n - 4);
	} else if (n) {
		first = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
	}
	return hash_u64(hash_pair(first ^ 0x8cb92ba72f3d8dd7ull, last ^ h));
}

struct slot {
	char *key; /* NULL = free */
	uint64_t hash;
	uint32_t value;
};

struct strmap {
	struct slot *slots;
	size_t count, size; /* size is a power of two */
};

struct strmap *strmap_new(void)
{
	struct strmap *m = xcalloc(1, sizeof(*m));

	m->size = 16;
	m->slots = xcalloc(m->size, sizeof(*m->slots));
	return m;
}

void strmap_free(struct strmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->size; i++)
		free(m->slots[i].key);
	free(m->slots);
	free(m);
}

static struct slot *slot_for(const struct strmap *m, const char *key, uint64_t hash)
{
	for (size_t i = hash;; i++) {
		struct slot *s = &m->slots[i & (m->size - 1)];
		if (!s->key || (s->hash == hash && str_eq(s->key, key)))
			return s;
	}
}

int64_t strmap_find(const struct strmap *m, const char *key)
{
	const struct slot *s = slot_for(m, key, hash_bytes(key, strlen(key)));

	return s->key ? (int64_t)s->value : -1;
}

static void grow(struct strmap *m)
{
	struct slot *old = m->slots;
	size_t n = m->size;

	m->size *= 2;
	m->slots = xcalloc(m->size, sizeof(*m->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].key)
			*slot_for(m, old[i].key, old[i].hash) = old[i];
	free(old);
}

void strmap_put(struct strmap *m, const char *key, uint32_t value)
{
	if (m->count * 4 >= m->size * 3)
		grow(m);
	uint64_t hash = hash_bytes(key, strlen(key));
	struct slot *s = slot_for(m, key, hash);
	if (!s->key) {
		s->key = xstrdup(key);
		s->hash = hash;
		m->count++;
	}
	s->value = value;
}
