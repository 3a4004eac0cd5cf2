/* SPDX-License-Identifier: Apache-2.0 */
/* Class counters: the values of a counter sample, with Mesos' names (ResourceStatistics). */
#include "field/class.h"

GETTER(get_counter)
{
	enum counter_id id = (enum counter_id)f->detail;

	if (!c->counters || !counters_has(c->counters, id))
		return 0;
	if (f->type == VALUE_I64)
		return value_i64(out, (int64_t)c->counters->value[id]);
	if (f->type != VALUE_DOUBLE)
		return value_u64(out, VALUE_U64, c->counters->value[id]);
	out->type = VALUE_DOUBLE;
	out->plain = false;
	out->n = 0;
	out->d = (double)c->counters->value[id] / (double)NSEC_PER_SEC;
	return 1;
}

#define TYPE_OF(kind)                              \
	((kind) == COUNTER_SECONDS  ? VALUE_DOUBLE \
	 : (kind) == COUNTER_SIGNED ? VALUE_I64    \
				    : VALUE_U64)

static const struct field rows[] = {
#define COUNTER(id, name, kind, unit, text) \
	{name, TYPE_OF(kind), SCOPE_EVENT, FIELD_COUNTERS, COUNTER_##id, get_counter, text},
#include "event/counters.def"
#undef COUNTER
};

const struct field_class field_class_counters = {"counters", "counter samples, with Mesos' names",
						 rows, ARRAY_SIZE(rows)};
