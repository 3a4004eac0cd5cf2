/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room chisel: a chisel.top, shared by who sums (top.c) and who speaks Lua (top_lua.c). */
#ifndef DREDGE_CHISEL_TOP_H
#define DREDGE_CHISEL_TOP_H

#include "chisel/inside.h"

#define TOP_KEYS_MAX   8u
#define TOP_VALUES_MAX 8u
#define TOP_ROWS_MAX   (1u << 20)
#define TOP_BYTES_MAX  (256u << 20) /* of all keys */

enum top_fold { TOP_SUM, TOP_MIN, TOP_MAX, TOP_OR, TOP_FOLDS };

struct top_value {
	struct field_ref ref;
	unsigned same;	     /* the first value of this field, which it is looked up for */
	struct filter *only; /* events that count; NULL = all */
	uint32_t way;	     /* EVENT_IN or EVENT_OUT: only those (packet_way); 0 = all */
	const struct part_field *told; /* by directories and events themselves; NULL = it is not */
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
	/* Where all keys are field_of_talk: the row + 1 by flow_talk, 0 = left out; NULL else. */
	struct top_talk {
		uint64_t talk, version; /* of the context; 0 = none */
		uint32_t row;
	} * talking;
	bool talk_filter; /* so is the filter: asked once */
	bool twin;	  /* keys, values and absent are another's */
	/* Sums of what packets tell by themselves, and nothing else: by packet_way what each value
	 * takes, PART_NONE of those that go another way. */
	bool of_events;
	uint8_t takes[EVENT_DIR_MASK + 1][TOP_VALUES_MAX];
	uint64_t beyond; /* events whose key found no place */
};

/* Its keys and values are known. */
void top_begin(struct top *t);
/* From nothing again. */
void top_clear(struct top *t);

static inline bool top_is_bytes(const struct value *v)
{
	return v->type == VALUE_STRING || v->type == VALUE_BYTES || v->type == VALUE_IP ||
	       v->type == VALUE_MAC;
}

static inline double top_sum(const struct top *t, uint32_t row, unsigned value)
{
	return t->sums[(size_t)row * t->n_values + value];
}

#endif
