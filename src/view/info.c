/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of views, and the list of them. */
#include "view/inside.h"

#include <stdlib.h>
#include <strings.h>

static const char *const folds[FOLDS] = {
	[FOLD_NONE] = "NONE",	      [FOLD_SUM] = "SUM",     [FOLD_AVG] = "AVG",
	[FOLD_TIME_AVG] = "TIME_AVG", [FOLD_MIN] = "MIN",     [FOLD_MAX] = "MAX",
	[FOLD_COUNT] = "COUNT",	      [FOLD_DELTA] = "DELTA", [FOLD_RATE] = "RATE",
	[FOLD_SHARE] = "SHARE",
};

static const char *const units[UNITS] = {
	[UNIT_NONE] = "none",	    [UNIT_BYTES] = "bytes", [UNIT_COUNT] = "count",
	[UNIT_PERCENT] = "percent", [UNIT_TIME] = "time",   [UNIT_SECONDS] = "seconds",
};

static unsigned find_name(const char *const *names, unsigned n, const char *name)
{
	unsigned i = 0;

	while (i < n && strcasecmp(names[i], name))
		i++;
	return i;
}

enum view_fold view_fold_parse(const char *name)
{
	return (enum view_fold)find_name(folds, FOLDS, name);
}

enum view_unit view_unit_parse(const char *name)
{
	return (enum view_unit)find_name(units, UNITS, name);
}

const char *view_unit_name(enum view_unit unit)
{
	return unit < UNITS ? units[unit] : units[UNIT_NONE];
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void view_column_done(struct view_column *c)
{
	free(c->name);
	free(c->description);
	free(c->field);
	free(c->over);
	free(c->where);
	free(c->filter_field);
	free(c->absent);
	*c = (struct view_column){0};
}

void view_info_free(struct view_info *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_columns; i++)
		view_column_done(&v->columns[i]);
	for (size_t i = 0; i < v->n_actions; i++) {
		free(v->actions[i].description);
		free(v->actions[i].when);
		for (char **word = v->actions[i].argv; *word; word++)
			free(*word);
	}
	free(v->columns);
	free(v->actions);
	free_list(v->tips);
	free_list(v->tags);
	free_list(v->applies_to);
	free(v->id);
	free(v->name);
	free(v->description);
	free(v->file);
	free(v->trouble);
	free(v->filter);
	free(v->drilldown);
	free(v);
}

int view_info_check(const struct view_info *v, struct err *e)
{
	struct table *t = table_open(&(struct table_options){.info = v, .max_rows = 4}, e);

	table_close(t);
	return t ? 0 : -1;
}

void views_free(struct views *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++)
		view_info_free(v->items[i]);
	free(v->items);
	*v = (struct views){0};
}

void views_add(struct views *v, struct view_info *info)
{
	if (views_find(v, info->id)) {
		view_info_free(info);
		return;
	}
	GROW(v->items, v->n, v->cap);
	v->items[v->n++] = info;
}

const struct view_info *views_find(const struct views *v, const char *id)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->items[i]->id, id))
			return v->items[i];
	return NULL;
}
