/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

const char *event_type_name(enum event_type t)
{
	static const char *const names[EVENT_TYPES] = {
		[EVENT_NONE] = "none",	   [EVENT_PACKET] = "packet", [EVENT_COUNTERS] = "counters",
		[EVENT_NOTICE] = "notice", [EVENT_DROP] = "drop",     [EVENT_SYSCALL] = "syscall",
		[EVENT_HOP] = "hop",
	};

	return (unsigned)t < EVENT_TYPES ? names[t] : "unknown";
}

const struct counter_row counter_rows[COUNTERS] = {
#define COUNTER(id, name, kind, unit, text) [COUNTER_##id] = {name, kind, unit, text},
#include "event/counters.def"
#undef COUNTER
};

_Static_assert(COUNTERS <= UINT16_MAX, "counter ids are 16 bit in files");

void counters_pack(const struct counters *c, struct builder *b)
{
	uint16_t n = 0;

	for (unsigned w = 0; w < ARRAY_SIZE(c->known); w++)
		n = (uint16_t)(n + __builtin_popcountll(c->known[w]));
	builder_u16(b, n);
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (!counters_has(c, i))
			continue;
		builder_u16(b, (uint16_t)i);
		builder_u64(b, c->value[i]);
	}
}

int counters_unpack(struct counters *c, const void *p, size_t size)
{
	struct cursor in = cursor_of(p, size);
	const uint8_t *head = cursor_take(&in, 2);

	if (!head || cursor_left(&in) < load_le16(head) * 10u)
		return -1;
	*c = (struct counters){0};
	for (unsigned n = load_le16(head); n; n--) {
		const uint8_t *pair = cursor_take(&in, 10);
		unsigned id = load_le16(pair);
		if (id < COUNTERS)
			counters_set(c, id, load_le64(pair + 2));
	}
	return 0;
}

void counters_merge(struct counters *into, const struct counters *from)
{
	for (unsigned w = 0; w < ARRAY_SIZE(from->known); w++) {
		for (uint64_t left = from->known[w]; left; left &= left - 1) {
			unsigned id = w * 64 + (unsigned)__builtin_ctzll(left);
			counters_set(into, id, from->value[id]);
		}
	}
}
