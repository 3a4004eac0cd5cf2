/* SPDX-License-Identifier: Apache-2.0 */
#include "view/inside.h"

#include <stdlib.h>

void views_builtin(struct views *v)
{
	static const struct view_column columns[] = {
		{.name = "NA", .field = "container.id", .key = true},
		{.name = "NA", .field = "marathon.app.id", .group_key = true, .absent = "n/a"},
		{.name = "CPU%",
		 .field = "cpus_user_time_secs",
		 .fold = FOLD_RATE,
		 .unit = UNIT_PERCENT,
		 .width = 6},
		{.name = "MEM", .field = "mem_total_bytes", .unit = UNIT_BYTES, .width = 6},
		{.name = "IN/s",
		 .field = "frame.len.in",
		 .fold = FOLD_TIME_AVG,
		 .unit = UNIT_BYTES,
		 .width = 6,
		 .sorting = true,
		 .sparkline = true},
		{.name = "OUT/s",
		 .field = "frame.len.out",
		 .fold = FOLD_TIME_AVG,
		 .unit = UNIT_BYTES,
		 .width = 6},
		{.name = "CONT", .field = "container.id", .group_fold = FOLD_COUNT, .width = 5},
		{.name = "APP", .field = "marathon.app.id", .absent = "n/a"},
	};
	struct view_info *info = xcalloc(1, sizeof(*info));

	info->id = xstrdup("marathon_apps");
	info->name = xstrdup("Marathon Apps");
	info->columns = xcalloc(ARRAY_SIZE(columns), sizeof(*columns));
	info->root = true;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		struct view_column *c = &info->columns[info->n_columns++];
		*c = columns[i];
		c->name = xstrdup(c->name);
		c->field = xstrdup(c->field);
		c->absent = c->absent ? xstrdup(c->absent) : NULL;
	}
	views_add(v, info);
}
