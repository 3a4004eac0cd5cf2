/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: a view's description, a way down and a filter become columns, slots and plans. */
#include "view/inside.h"

#include <stdlib.h>

static bool getter_parse(struct getter *g, const char *name, struct err *e)
{
	size_t used = 0, n = strlen(name);

	g->field = field_find(name, n, &used, &g->arg);
	if (g->field && used == n && !(g->field->flags & FIELD_FILTER))
		return true;
	free(g->arg);
	*g = (struct getter){0};
	const char *why = field_why_not(name, n), *near = field_nearest(name, n);
	if (why)
		err_set(e, ERR_USAGE, "%s: %s", name, why);
	else if (near)
		err_set(e, ERR_USAGE, "%s: no such field; %s?", name, near);
	else
		err_set(e, ERR_USAGE, "%s: no such field", name);
	return false;
}

static uint32_t types_of(const struct field *f)
{
	uint32_t types = 0;

	if (f->flags & FIELD_PACKETS)
		types |= 1u << EVENT_PACKET;
	if (f->flags & FIELD_COUNTERS)
		types |= 1u << EVENT_COUNTERS;
	if (f->flags & FIELD_NOTICES)
		types |= 1u << EVENT_NOTICE | 1u << EVENT_DROP;
	return types ? types : (1u << EVENT_TYPES) - 2;
}

static bool is_number(enum value_type type)
{
	return !value_is_text(type) && type != VALUE_BOOL;
}

/* "cpus_user_time_secs + cpus_system_time_secs": those of them that an event has. */
static int parse_terms(struct terms *terms, const char *s, struct err *e)
{
	for (;;) {
		const char *plus = strstr(s, " + "), *minus = strstr(s, " - ");
		const char *end = !plus || (minus && minus < plus) ? minus : plus;
		cleanup_free char *name = end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s);
		if (terms->n == SUM_MAX)
			return err_set(e, ERR_USAGE, "more than %u fields", SUM_MAX);
		if (!getter_parse(&terms->of[terms->n++], name, e))
			return -1;
		if (!end)
			return 0;
		if (terms->n < SUM_MAX)
			terms->minus[terms->n] = end == minus;
		s = end + 3;
	}
}

static void terms_done(struct terms *terms)
{
	for (unsigned i = 0; i < terms->n; i++)
		free(terms->of[i].arg);
}

static int check_numbers(const struct terms *terms, struct err *e)
{
	for (unsigned i = 0; i < terms->n; i++)
		if (value_is_text(terms->of[i].field->type))
			return err_set(e, ERR_USAGE, "%s is a text: it is not added or divided",
				       terms->of[i].field->name);
	return 0;
}

static bool is_conversation(const char *field)
{
	return str_eq(field, "fd.name") || str_eq(field, "fd.containername");
}

static int set_column(struct table *t, struct column *k, const struct view_column *info,
		      struct err *e)
{
	k->info = info;
	k->fold = info->fold;
	if (info->group_fold > FOLD_COUNT)
		return err_set(e, ERR_USAGE,
			       "column %s: rows of a group are not totals that could grow",
			       info->name);
	if (parse_terms(&k->get, info->field, e) ||
	    (info->over && parse_terms(&k->over, info->over, e)) ||
	    ((k->get.n > 1 || info->over) &&
	     (check_numbers(&k->get, e) || check_numbers(&k->over, e))) ||
	    (info->where && !(k->where = filter_compile(info->where, NULL, e))))
		return err_wrap(e, "column %s", info->name);
	const struct field *f = column_getter(k)->field;
	/* Of a text there is no sum: any of its values, as sysdig takes it. */
	if (value_is_text(f->type) && k->fold != FOLD_COUNT)
		k->fold = FOLD_NONE;
	k->once = k->fold == FOLD_COUNT && !k->where && field_of_talk(f);
	k->keeps = k->fold == FOLD_NONE && !(f->flags & FIELD_COUNTERS && is_number(f->type));
	bool counted = info->group_fold == FOLD_COUNT && !info->group_key;
	k->number = counted || k->fold == FOLD_COUNT || is_number(f->type) ||
		    (f->type == VALUE_BOOL && k->fold != FOLD_NONE);
	k->types = types_of(f);
	column_shortcut(k);
	if (k->keeps) {
		k->place = t->n_values++;
	} else {
		k->slots = fold_slots(k->fold, info->over);
		k->place = t->n_slots;
		t->n_slots += k->slots;
	}
	t->measures |= f->flags & FIELD_COUNTERS && f->detail >= COUNTER_TCP_RETRANSMITS &&
		       f->detail <= COUNTER_RESPONSE_TIME;
	t->totals |= k->fold >= FOLD_DELTA;
	t->shares |= k->fold == FOLD_SHARE;
	return 0;
}

static bool is_container(const char *field)
{
	return str_eq(field, "container.id") || str_eq(field, "container.full_id");
}

static int set_columns(struct table *t, struct err *e)
{
	const struct view_info *v = t->info;

	t->key = t->group = COLUMN_NONE;
	t->columns = xcalloc(v->n_columns + 1, sizeof(*t->columns));
	for (size_t i = 0; i < v->n_columns; i++) {
		t->n_columns = i + 1;
		if (set_column(t, &t->columns[i], &v->columns[i], e))
			return -1;
		if (v->columns[i].key)
			t->key = i;
		if (v->columns[i].group_key)
			t->group = i;
		if (v->columns[i].sparkline && !t->columns[i].keeps &&
		    t->columns[i].fold <= FOLD_TIME_AVG)
			t->spark_column = i;
	}
	if (t->spark_column != COLUMN_NONE)
		t->columns[t->spark_column].spark = true;
	if (t->group == COLUMN_NONE)
		t->group = t->key;
	if (v->kind == VIEW_TABLE && t->key == COLUMN_NONE)
		return err_set(e, ERR_USAGE, "no column is the key");
	if (!v->n_columns)
		return err_set(e, ERR_USAGE, "no columns");
	t->of_container = t->key != COLUMN_NONE && is_container(v->columns[t->key].field);
	const struct field *key = t->key == COLUMN_NONE ? NULL
							: column_getter(&t->columns[t->key])->field;
	t->of_conversation = key && is_conversation(key->name);
	if (key && key->flags & FIELD_ENDS)
		t->talking = xcalloc(TALKING, sizeof(*t->talking));
	t->fresh = xcalloc(t->n_slots + 1, sizeof(*t->fresh));
	for (size_t i = 0; i < t->n_columns; i++)
		if (!t->columns[i].keeps)
			fold_fresh(t->columns[i].fold, t->columns[i].over.n,
				   t->fresh + t->columns[i].place);
	return 0;
}

static void set_plan(struct table *t, struct plan *p, unsigned type, uint32_t way)
{
	p->columns = xcalloc(t->n_columns + 1, sizeof(*p->columns));
	for (unsigned of_event = 2; of_event-- > 0;) {
		for (size_t i = 0; i < t->n_columns; i++) {
			const struct column *k = &t->columns[i];
			bool counts = !k->keeps && k->types >> type & 1 &&
				      (!k->dirs || k->dirs & way);
			if (counts && k->of_event == of_event)
				p->columns[p->n++] = k;
		}
		p->n_sums = of_event ? p->n : p->n_sums;
	}
}

static void set_plans(struct table *t)
{
	for (unsigned type = 0; type < EVENT_TYPES; type++)
		for (uint32_t way = 0; way <= EVENT_DIR_MASK; way++)
			set_plan(t, &t->plan[type][way], type, way);
	t->talk_keeps = true;
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].keeps)
			t->talk_keeps &= field_of_talk(column_getter(&t->columns[i])->field);
}

static void set_shown(struct table *t)
{
	t->shown = xcalloc(t->n_columns + 1, sizeof(*t->shown));
	t->shown_of = xcalloc(t->n_columns + 1, sizeof(*t->shown_of));
	t->arrived = t->info->kind == VIEW_LIST;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct view_column *info = t->columns[i].info;
		if (str_eq(info->name, "NA"))
			continue;
		if (info->sorting) {
			t->sorted = (unsigned)t->n_shown;
			t->arrived = false;
		}
		bool path = t->info->tree && t->group != t->key &&
			    str_eq(info->field, t->columns[t->group].info->field);
		t->shown[t->n_shown] = (struct table_column){info, t->columns[i].number,
							     i == t->group, path};
		t->shown_of[t->n_shown++] = i;
	}
	t->descending = !t->arrived && t->n_shown && t->shown[t->sorted].number;
}

/* "%depth" and "%depth+1" of a filter. */
static void put_depth(struct text *out, const char *s, unsigned depth)
{
	static const char mark[] = "%depth";

	while (*s) {
		if (!str_starts(s, mark)) {
			text_char(out, *s++);
			continue;
		}
		s += strlen(mark);
		bool next = str_starts(s, "+1");
		text_u64(out, depth + next);
		s += next ? 2 : 0;
	}
}

static void and_also(struct text *out, const char *filter)
{
	if (!filter || !*filter)
		return;
	text_str(out, out->len ? " and (" : "(");
	text_str(out, filter);
	text_char(out, ')');
}

static int set_filter(struct table *t, const struct table_options *o, struct err *e)
{
	struct text all = {0}, own = {0};
	int status = 0;

	/* By itself first: then the column of an error is one in what the user wrote. */
	if (o->filter && *o->filter) {
		struct filter *f = filter_compile(o->filter, o->dirs, e);
		if (!f)
			return -1;
		filter_free(f);
	}
	if (o->info->filter)
		put_depth(&own, o->info->filter, o->depth);
	and_also(&all, text_cstr(&own));
	text_reset(&own);
	if (o->path && view_path_filter(o->path, &own))
		and_also(&all, text_cstr(&own));
	and_also(&all, o->filter);
	if (all.len) {
		t->filter = filter_compile(text_cstr(&all), o->dirs, e);
		if (!t->filter)
			status = err_wrap(e, "view %s", o->info->id);
	}
	text_done(&all);
	text_done(&own);
	t->talk_filter = filter_of_talk(t->filter);
	return status;
}

static unsigned terms_needs(const struct table *t, const struct terms *terms)
{
	unsigned needs = 0;

	for (unsigned i = 0; i < terms->n; i++)
		needs |= filter_field_needs(t->filter, terms->of[i].field);
	return needs;
}

bool table_needs(const struct table *t, unsigned flags)
{
	bool needed = filter_needs(t->filter, flags);

	for (size_t i = 0; i < t->n_columns; i++)
		needed |= filter_needs(t->columns[i].where, flags) ||
			  (terms_needs(t, &t->columns[i].get) & flags) ||
			  (terms_needs(t, &t->columns[i].over) & flags);
	return needed;
}

/* Rows of a list are put in order of time, by the numbers that packets of one time have. */
static bool is_put_in_order(const struct table *t)
{
	return t->info->kind != VIEW_LIST ||
	       (t->filter && filter_types(t->filter) == 1u << EVENT_PACKET);
}

/* Conversations are those of one interface. */
static enum table_order order_of(const struct table *t)
{
	if (table_needs(t, FIELD_ORDER) || !is_put_in_order(t))
		return TABLE_BY_TIME;
	return t->shares || table_needs(t, FIELD_FLOW) ? TABLE_BY_IFACE : TABLE_ANY_ORDER;
}

struct table *table_open(const struct table_options *o, struct err *e)
{
	if (o->info->trouble) {
		err_set(e, ERR_FAILED, "%s", o->info->trouble);
		return NULL;
	}
	struct table *t = xcalloc(1, sizeof(*t));

	t->info = o->info;
	t->spark_column = COLUMN_NONE;
	t->max_rows = o->max_rows		   ? o->max_rows
		      : o->info->kind == VIEW_LIST ? TABLE_LIST
						   : TABLE_ROWS;
	t->max_rows = MAX(t->max_rows, 4);
	if (o->info->kind == VIEW_SPECTROGRAM) {
		err_set(e, ERR_USAGE, "view %s: is a spectrogram, which has no rows", o->info->id);
		table_close(t);
		return NULL;
	}
	if (set_columns(t, e)) {
		err_wrap(e, "view %s", o->info->id);
		table_close(t);
		return NULL;
	}
	if (set_filter(t, o, e)) {
		table_close(t);
		return NULL;
	}
	set_plans(t);
	t->order = order_of(t);
	t->of_parts = table_is_of_parts(t);
	t->of_newest = o->info->kind == VIEW_LIST && !table_needs(t, FIELD_FLOW | FIELD_ORDER);
	set_shown(t);
	table_window(t, 0, 0);
	return t;
}

struct table *table_twin(struct table *t)
{
	bool told = t->of_parts || (t->of_newest && filter_of_iface(t->filter));
	if (t->order == TABLE_BY_TIME || told)
		return NULL;
	struct table *twin = xcalloc(1, sizeof(*twin));
	twin->info = t->info;
	twin->spark_column = COLUMN_NONE;
	/* Conversations are of one of the two: together they take no more than one. */
	if (t->of_conversation)
		t->max_rows /= 2;
	twin->max_rows = t->max_rows;
	if (set_columns(twin, NULL)) {
		table_close(twin);
		return NULL;
	}
	twin->filter = filter_twin(t->filter);
	twin->talk_filter = t->talk_filter;
	twin->order = t->order;
	twin->different.whose = xcalloc(1, sizeof(*twin->different.whose));
	set_plans(twin);
	set_shown(twin);
	twin->sorted = t->sorted;
	table_window(twin, t->from, t->to);
	twin->interval = t->interval;
	return twin;
}

void table_close(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->made_rows; i++)
		row_free(t->rows[i], t->n_values);
	for (size_t i = 0; i < t->made_groups; i++)
		row_free(t->group_rows[i], t->n_columns);
	for (size_t i = 0; i < t->n_columns; i++) {
		terms_done(&t->columns[i].get);
		terms_done(&t->columns[i].over);
		filter_free(t->columns[i].where);
	}
	for (unsigned type = 0; type < EVENT_TYPES; type++)
		for (uint32_t way = 0; way <= EVENT_DIR_MASK; way++)
			free(t->plan[type][way].columns);
	filter_free(t->filter);
	free(t->columns);
	free(t->shown);
	free(t->shown_of);
	free(t->fresh);
	free(t->rows);
	free(t->map.at);
	free(t->groups.at);
	free(t->group_rows);
	different_done(&t->different);
	different_done(&t->members);
	free(t->by_container);
	free(t->talking);
	free(t->verdicts);
	free(t->out);
	free(t->cells);
	free(t->points);
	text_done(&t->scratch);
	text_done(&t->keytext);
	text_done(&t->cell_bytes);
	free(t);
}

const struct view_info *table_info(const struct table *t)
{
	return t->info;
}

const struct filter *table_filter(const struct table *t)
{
	return t->filter;
}

enum table_order table_order(const struct table *t)
{
	return t->order;
}

bool table_measures(const struct table *t)
{
	return t->measures;
}

size_t table_max_rows(const struct table *t)
{
	return t->max_rows;
}

uint64_t table_early(const struct table *t)
{
	return t->totals ? SAMPLE_NS : 0;
}

const struct table_column *table_columns(const struct table *t, size_t *n)
{
	*n = t->n_shown;
	return t->shown;
}
