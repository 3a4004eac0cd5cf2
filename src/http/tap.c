/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tap.h"

#include <stdlib.h>

enum entry_kind { ENTRY_SKIP, ENTRY_CONTAINER, ENTRY_IFACE, ENTRY_EVENT };

/* Entries are whole in the ring and begin at multiples of 8. */
struct entry {
	uint32_t size; /* of the entry, this included */
	uint32_t data; /* bytes behind the struct of its kind */
	uint32_t generation;
	enum entry_kind kind;
};

struct iface_entry {
	struct iface_record record;
	bool has_name, has_description, has_container;
};

struct seen { /* bits */
	uint64_t *words;
	size_t n;
};

struct tap {
	uint8_t *ring;
	size_t size;
	_Atomic uint64_t head, tail; /* bytes put, and taken, in all */
	_Atomic uint32_t types, generation;
	_Atomic uint64_t lost;
	/* of the event thread */
	struct seen containers, ifaces; /* were put since */
	uint64_t version;		/* of the state */
	uint32_t of_generation;
	struct text strings;
	/* of the other one */
	uint64_t lost_told;
};

struct tap *tap_new(size_t bytes)
{
	struct tap *t = xcalloc(1, sizeof(*t));

	t->size = bytes;
	t->ring = xmalloc(bytes);
	return t;
}

void tap_free(struct tap *t)
{
	if (!t)
		return;
	free(t->ring);
	free(t->containers.words);
	free(t->ifaces.words);
	text_done(&t->strings);
	free(t);
}

/* ---- the event thread ---- */

static void seen_clear(struct seen *s)
{
	if (s->n)
		memset(s->words, 0, s->n * sizeof(*s->words));
}

static bool seen_has(const struct seen *s, uint32_t i)
{
	return i / 64 < s->n && s->words[i / 64] >> (i % 64) & 1;
}

static void seen_add(struct seen *s, uint32_t i)
{
	size_t n = MAX(i / 64 + 1, s->n);

	if (n > s->n) {
		n = MAX(n, s->n * 2);
		s->words = xrealloc(s->words, n * sizeof(*s->words));
		memset(s->words + s->n, 0, (n - s->n) * sizeof(*s->words));
		s->n = n;
	}
	s->words[i / 64] |= 1ull << (i % 64);
}

static uint8_t *entry_at(const struct tap *t, uint64_t place)
{
	return t->ring + (place & (t->size - 1));
}

/* An entry of a struct and the bytes behind it; false: no room. */
static bool put(struct tap *t, enum entry_kind kind, const void *head, size_t head_size,
		const void *data, uint32_t data_size)
{
	uint64_t at = atomic_load_explicit(&t->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&t->tail, memory_order_acquire);
	struct entry e = {.data = data_size, .generation = t->of_generation, .kind = kind};
	size_t size = (sizeof(e) + head_size + data_size + 7) & ~(size_t)7;
	size_t to_end = t->size - (at & (t->size - 1));
	size_t skip = to_end < size ? to_end : 0;

	if (size > t->size / 2 || at + skip + size - tail > t->size)
		return false;
	if (skip >= sizeof(e)) {
		const struct entry pad = {.size = (uint32_t)skip, .kind = ENTRY_SKIP};
		memcpy(entry_at(t, at), &pad, sizeof(pad));
	}
	e.size = (uint32_t)size;
	uint8_t *to = entry_at(t, at + skip);
	memcpy(to, &e, sizeof(e));
	memcpy(to + sizeof(e), head, head_size);
	if (data_size)
		memcpy(to + sizeof(e) + head_size, data, data_size);
	atomic_store_explicit(&t->head, at + skip + size, memory_order_release);
	return true;
}

static bool put_container(struct tap *t, const struct container *c)
{
	struct container_record r = {.start = c->start, .end = c->end, .pid = c->pid};

	text_reset(&t->strings);
	for (unsigned k = 0; k < META_KEYS; k++) {
		r.meta[k] = c->meta[k];
		if (c->meta[k])
			text_put(&t->strings, c->meta[k], strlen(c->meta[k]) + 1);
	}
	return put(t, ENTRY_CONTAINER, &r, sizeof(r), t->strings.data, (uint32_t)t->strings.len);
}

static bool put_iface(struct tap *t, const struct iface *i, const struct container *c)
{
	const char *const texts[] = {i->record.name, i->record.description,
				     c ? c->meta[META_CONTAINER] : NULL};
	const struct iface_entry e = {i->record, texts[0], texts[1], texts[2]};

	text_reset(&t->strings);
	for (unsigned k = 0; k < ARRAY_SIZE(texts); k++)
		if (texts[k])
			text_put(&t->strings, texts[k], strlen(texts[k]) + 1);
	return put(t, ENTRY_IFACE, &e, sizeof(e), t->strings.data, (uint32_t)t->strings.len);
}

static bool put_who(struct tap *t, const struct context *c)
{
	if (c->container && !seen_has(&t->containers, c->container->index)) {
		if (!put_container(t, c->container))
			return false;
		seen_add(&t->containers, c->container->index);
	}
	if (c->iface && !seen_has(&t->ifaces, c->iface->record.number)) {
		if (!put_iface(t, c->iface, c->by_port ? NULL : c->container))
			return false;
		seen_add(&t->ifaces, c->iface->record.number);
	}
	return true;
}

void tap_put(struct tap *t, const struct context *c)
{
	const struct event *ev = c->ev;

	if (LIKELY(!(atomic_load_explicit(&t->types, memory_order_relaxed) >> ev->type & 1)))
		return;
	uint32_t generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	if (UNLIKELY(t->version != c->version || t->of_generation != generation)) {
		t->version = c->version;
		t->of_generation = generation;
		seen_clear(&t->containers);
		seen_clear(&t->ifaces);
	}
	uint32_t bytes = ev->type == EVENT_COUNTERS ? sizeof(struct counters) : ev->caplen;
	if (!put_who(t, c) || !put(t, ENTRY_EVENT, ev, sizeof(*ev), ev->data, bytes))
		atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
}

/* ---- the other one ---- */

void tap_want(struct tap *t, uint32_t types)
{
	atomic_store_explicit(&t->types, types, memory_order_relaxed);
}

void tap_restart(struct tap *t)
{
	atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
}

uint64_t tap_lost(struct tap *t)
{
	uint64_t all = atomic_load_explicit(&t->lost, memory_order_relaxed);
	uint64_t fresh = all - t->lost_told;

	t->lost_told = all;
	return fresh;
}

static const char *next_text(const char **at)
{
	const char *s = *at;

	*at += strlen(s) + 1;
	return s;
}

static void take_container(const struct sink *sink, const uint8_t *p)
{
	struct container_record r;
	const char *at = (const char *)p + sizeof(r);

	memcpy(&r, p, sizeof(r));
	for (unsigned k = 0; k < META_KEYS; k++)
		if (r.meta[k]) /* the other thread's */
			r.meta[k] = next_text(&at);
	sink->container(sink->ctx, &r);
}

static void take_iface(const struct sink *sink, const uint8_t *p)
{
	struct container_record who = {0};
	struct iface_entry e;
	const char *at = (const char *)p + sizeof(e);

	memcpy(&e, p, sizeof(e));
	e.record.name = e.has_name ? next_text(&at) : NULL;
	e.record.description = e.has_description ? next_text(&at) : NULL;
	e.record.container = NULL;
	if (e.has_container) {
		who.meta[META_CONTAINER] = next_text(&at);
		e.record.container = &who;
	}
	sink->iface(sink->ctx, &e.record);
}

static void take_event(const struct sink *sink, const uint8_t *p)
{
	struct event ev;

	memcpy(&ev, p, sizeof(ev));
	ev.data = p + sizeof(ev);
	sink->event(sink->ctx, &ev);
}

static void take(const struct sink *sink, const struct entry *e)
{
	const uint8_t *p = (const uint8_t *)(e + 1);

	if (e->kind == ENTRY_CONTAINER)
		take_container(sink, p);
	else if (e->kind == ENTRY_IFACE)
		take_iface(sink, p);
	else
		take_event(sink, p);
}

void tap_take(struct tap *t, const struct sink *sink)
{
	uint32_t generation = atomic_load_explicit(&t->generation, memory_order_relaxed);
	uint64_t at = atomic_load_explicit(&t->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&t->head, memory_order_acquire);

	while (at < head) {
		size_t to_end = t->size - (at & (t->size - 1));
		const struct entry *e = (const struct entry *)entry_at(t, at);
		size_t size = to_end < sizeof(*e) ? to_end : e->size;
		if (to_end >= sizeof(*e) && e->kind != ENTRY_SKIP && e->generation == generation)
			take(sink, e);
		at += size;
		atomic_store_explicit(&t->tail, at, memory_order_release);
	}
}
