/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/inside.h"

#include <stdlib.h>

#define FIRST_SIZE 1024u
#define BLOCK_SIZE (64u * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	char data[];
};

static char *arena_room(struct arena *a, size_t n)
{
	struct arena_block *block = a->blocks;

	if (!block || block->size - block->used < n) {
		/* Small layers are many. */
		size_t size = MAX(n, block ? MIN(2 * block->size, BLOCK_SIZE) : FIRST_SIZE);
		block = xmalloc(sizeof(*block) + size);
		*block = (struct arena_block){.next = a->blocks, .size = size};
		a->blocks = block;
	}
	block->used += n;
	return block->data + block->used - n;
}

static uint32_t key_hash(const char *key, size_t n)
{
	return (uint32_t)hash_bytes(key, n);
}

static struct index_slot *slot_for(const struct index *x, const char *key, size_t n, uint32_t hash)
{
	for (size_t i = hash;; i++) {
		struct index_slot *s = &x->slots[i & (x->size - 1)];
		if (!s->key)
			return s;
		if (s->hash == hash && !strncmp(s->key, key, n) && !s->key[n])
			return s;
	}
}

uint32_t index_find(const struct index *x, const char *key, size_t n)
{
	if (!x->count)
		return NO_ROW;
	const struct index_slot *s = slot_for(x, key, n, key_hash(key, n));
	return s->key ? s->row : NO_ROW;
}

uint32_t index_find_str(const struct index *x, const char *key)
{
	return key ? index_find(x, key, strlen(key)) : NO_ROW;
}

static void index_grow(struct index *x)
{
	struct index old = *x;

	x->size = old.size ? old.size * 2 : 64;
	x->slots = xcalloc(x->size, sizeof(*x->slots));
	for (size_t i = 0; i < old.size; i++) {
		if (!old.slots[i].key)
			continue;
		size_t at = old.slots[i].hash;
		while (x->slots[at & (x->size - 1)].key)
			at++;
		x->slots[at & (x->size - 1)] = old.slots[i];
	}
	free(old.slots);
}

void index_put(struct index *x, const char *key, uint32_t row)
{
	size_t n = strlen(key);
	uint32_t hash = key_hash(key, n);

	if (x->count * 4 >= x->size * 3)
		index_grow(x);
	struct index_slot *s = slot_for(x, key, n, hash);
	if (!s->key)
		x->count++;
	*s = (struct index_slot){s->key ? s->key : key, hash, row};
}

void index_done(struct index *x)
{
	free(x->slots);
	*x = (struct index){0};
}

static const char *interned(const struct index *x, const char *p, size_t n)
{
	return x->count ? slot_for(x, p, n, key_hash(p, n))->key : NULL;
}

const char *strings_add(struct strings *s, const char *p, size_t n)
{
	const char *known = interned(&s->seen, p, n);

	if (known)
		return known;
	char *copy = arena_room(&s->arena, n + 1);
	s->bytes += n + 1;
	memcpy(copy, p, n);
	copy[n] = '\0';
	index_put(&s->seen, copy, 0);
	return copy;
}

const char *strings_pair(struct strings *s, const char *a, const char *b)
{
	struct text t = {0};

	text_str(&t, a);
	text_char(&t, '\n');
	text_str(&t, b);
	const char *pair = strings_add(s, t.data, t.len);
	text_done(&t);
	return pair;
}

size_t strings_bytes(const struct strings *s)
{
	return s->bytes + s->seen.size * sizeof(*s->seen.slots);
}

void strings_done(struct strings *s)
{
	for (struct arena_block *block = s->arena.blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	index_done(&s->seen);
	s->arena.blocks = NULL;
}
