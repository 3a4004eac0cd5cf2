/* SPDX-License-Identifier: Apache-2.0 */
/* The way down: what was selected, as a filter, and which views are offered for it. */
#include "view/inside.h"

#include <stdlib.h>

/* Fields that tell one thing by its id or by its name. */
static const char *const same[][2] = {
	{"marathon.app.name", "marathon.app.id"},
	{"marathon.group.name", "marathon.group.id"},
	{"mesos.task.name", "mesos.task.id"},
	{"mesos.framework.id", "mesos.framework.name"},
	{"mesos.agent.hostname", "mesos.agent.id"},
	{"container.name", "container.id"},
	{"container.full_id", "container.id"},
	{"fd.containername", "fd.name"},
	{"fd.sproto", "fd.sport"},
	{"fd.dproto", "fd.dport"},
	{"fd.lproto", "fd.lport"},
	{"fd.rproto", "fd.rport"},
	{"fd.proto", "fd.port"},
};

/* Names that mean the same: "marathon.app.name" for "marathon.app.id". Borrowed. */
static const char *field_entity(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (str_eq(same[i][0], name))
			return same[i][1];
	return name;
}

void view_path_done(struct view_path *p)
{
	while (p->n)
		view_path_pop(p);
	free(p->steps);
	*p = (struct view_path){0};
}

void view_path_pop(struct view_path *p)
{
	if (!p->n)
		return;
	struct view_step *s = &p->steps[--p->n];
	free(s->field);
	free(s->value);
	free(s->filter);
}

const struct view_column *view_drilled(const struct view_info *v)
{
	const struct view_column *key = v->columns;

	for (size_t i = v->n_columns; i--;) {
		const struct view_column *k = &v->columns[i];
		if (k->group_key || (k->key && !key->group_key))
			key = k;
	}
	return key;
}

void view_path_push(struct view_path *p, const struct view_info *v, const struct table_row *row)
{
	const struct view_column *key = view_drilled(v);

	GROW(p->steps, p->n, p->cap);
	p->steps[p->n++] = (struct view_step){
		.field = xstrdup(key->filter_field ? key->filter_field : key->field),
		.value = row->key ? xstrndup(row->key, row->key_n) : NULL,
		.below = v->tree,
		.filter = v->filter && !v->local ? xstrdup(v->filter) : NULL,
	};
}

/* Quoted for the filter language. */
static void put_value(struct text *out, const char *s)
{
	text_char(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_char(out, '\\');
		text_char(out, *s);
	}
	text_char(out, '"');
}

/* "(group="/a" or group startswith "/a/")" */
static void put_below(struct text *out, const struct view_step *s)
{
	cleanup_free char *inside = str_eq(s->value, "/") ? xstrdup("/")
							  : xasprintf("%s/", s->value);

	text_fmt(out, "(%s=", s->field);
	put_value(out, s->value);
	text_fmt(out, " or %s startswith ", s->field);
	put_value(out, inside);
	text_char(out, ')');
}

bool view_path_filter(const struct view_path *p, struct text *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct view_step *s = &p->steps[i];
		if (i)
			text_str(out, " and ");
		if (s->filter)
			text_fmt(out, "(%s) and ", s->filter);
		if (s->value && s->below) {
			put_below(out, s);
		} else if (s->value) {
			text_fmt(out, "%s=", s->field);
			put_value(out, s->value);
		} else {
			text_fmt(out, "not %s exists", s->field);
		}
	}
	return p->n;
}

bool view_applies(const struct view_info *v, const struct view_path *p)
{
	const char *field = p && p->n ? field_entity(p->steps[p->n - 1].field) : "";

	for (char **a = v->applies_to; a && *a; a++)
		if (str_eq(field_entity(*a), field))
			return true;
	return false;
}

const struct view_info *view_below(const struct views *v, const struct view_info *from,
				   const struct view_path *p)
{
	const struct view_info *target = from->drilldown ? views_find(v, from->drilldown) : NULL;

	if (target && !target->trouble)
		return target;
	for (size_t i = 0; i < v->n; i++) {
		const struct view_info *each = v->items[i];
		if (each != from && !each->trouble && view_applies(each, p))
			return each;
	}
	return NULL;
}
