/* SPDX-License-Identifier: Apache-2.0 */
/* Rows whose keys are paths: each below the one that it is a part of. */
#include "view/inside.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

bool tree_above(const char *path, size_t *n)
{
	size_t at = *n;

	if (at < 2 || path[0] != '/')
		return false;
	while (path[at - 1] != '/')
		at--;
	*n = at > 1 ? at - 1 : 1;
	return true;
}

/* Rows by their keys; open addressing, never more than half full. */
struct by_key {
	const struct table_row *rows;
	uint32_t *at; /* row + 1 */
	size_t mask;
};

static uint32_t *find(const struct by_key *m, const char *key, size_t n)
{
	size_t i = hash_bytes(key, n) & m->mask;

	for (; m->at[i]; i = (i + 1) & m->mask) {
		const struct table_row *r = &m->rows[m->at[i] - 1];
		if (r->key_n == n && !memcmp(r->key, key, n))
			break;
	}
	return &m->at[i];
}

/* The nearest row above it, or NOBODY. */
static uint32_t parent_of(const struct by_key *m, const struct table_row *r)
{
	size_t n = r->key_n;

	while (r->key && tree_above(r->key, &n)) {
		uint32_t row = *find(m, r->key, n);
		if (row)
			return row - 1;
	}
	return NOBODY;
}

struct links {
	uint32_t parent, child, next; /* rows; NOBODY = none */
};

/* Later rows are linked first, so that children keep the order of their rows. */
static uint32_t link_all(const struct by_key *m, struct links *links, size_t n)
{
	uint32_t first = NOBODY;

	for (size_t i = 0; i < n; i++)
		links[i] = (struct links){parent_of(m, &m->rows[i]), NOBODY, NOBODY};
	for (size_t i = n; i-- > 0;) {
		uint32_t up = links[i].parent;
		uint32_t *head = up == NOBODY ? &first : &links[up].child;
		links[i].next = *head;
		*head = (uint32_t)i;
	}
	return first;
}

void tree_sort(struct table_row *rows, size_t n)
{
	struct by_key m = {.rows = rows, .mask = 63};

	while (m.mask < 2 * n)
		m.mask = m.mask * 2 + 1;
	m.at = xcalloc(m.mask + 1, sizeof(*m.at));
	for (size_t i = 0; i < n; i++)
		if (rows[i].key)
			*find(&m, rows[i].key, rows[i].key_n) = (uint32_t)i + 1;
	struct links *links = xcalloc(n + 1, sizeof(*links));
	struct table_row *out = xcalloc(n + 1, sizeof(*out));
	size_t made = 0;
	for (uint32_t at = link_all(&m, links, n); at != NOBODY;) {
		out[made++] = rows[at];
		uint32_t next = links[at].child;
		while (next == NOBODY && at != NOBODY) {
			next = links[at].next;
			at = links[at].parent;
		}
		at = next;
	}
	memcpy(rows, out, made * sizeof(*rows));
	free(m.at);
	free(links);
	free(out);
}
