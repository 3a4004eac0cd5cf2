/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room view: a view compiled for speed, and its rows. */
#ifndef DREDGE_VIEW_INSIDE_H
#define DREDGE_VIEW_INSIDE_H

#include "view/view.h"

#define COLUMN_NONE UINT32_MAX
#define SUM_MAX	    6u /* fields that one column adds up */

/* Values that need no getter: what the event itself tells (enum part_what), or of TCP its
 * conversation (FIELD_FACT). */
enum shortcut { SHORT_NONE = PART_NONE, SHORT_TRUTH = PART_WHATS, SHORT_TIME };

struct getter {
	const struct field *field; /* NULL = none */
	char *arg;		   /* owned */
};

/* "a + b - c" */
struct terms {
	struct getter of[SUM_MAX];
	bool minus[SUM_MAX];
	unsigned n;
};

struct column {
	/* What each event needs comes first. */
	enum shortcut shortcut;
	enum view_fold fold;
	uint32_t place; /* where the row has it */
	uint32_t dirs;	/* EVENT_IN, EVENT_OUT: only events of these; 0 = all */
	bool of_event;	/* sums up what the event itself tells, and no more */
	bool once;	/* counts what all packets of a conversation have in common */
	bool spark;	/* the sparkline follows it */
	bool keeps;	/* has a value, not numbers: values[place] of a row, else slots[place] */
	bool number;	/* what is shown is a number */
	uint32_t fact;	/* of SHORT_TRUTH and SHORT_TIME: its offset */
	struct filter *where; /* only events that it matches; NULL = all */
	const struct view_column *info;
	struct terms get, over; /* over.n = 0: none */
	uint32_t types;		/* mask of 1 << EVENT_* that can have it */
	uint32_t slots;		/* numbers of the first stage */
};

#define KEPT_ROOM VALUE_ROOM /* most texts: they take no other memory than the row */

/* A value that a row keeps; bytes are owned and reused. */
struct kept {
	struct value v;
	char *bytes; /* of what is longer than the room */
	uint32_t cap;
	bool known;
	char room[KEPT_ROOM];
};

struct row {
	uint64_t id, hash;
	uint64_t when;	     /* ns, of a list of packets: its event's; 0 else */
	uint64_t version;    /* of what was known of containers when its values were kept */
	uint32_t settled;    /* mask of 1 << EVENT_*: nothing more to keep of these */
	uint32_t touched;    /* interval */
	uint32_t spark_at;   /* bucket of the newest point */
	bool absent;	     /* the row of those without a key */
	uint64_t ended;	     /* ns, of the container that it is; 0 = not known to have */
	double error;	     /* in the sorted column */
	struct kept key;     /* as text */
	struct kept *values; /* of columns that keep */
	double *slots;	     /* of those that count */
	float *spark;	     /* TABLE_SPARK, or NULL */
};

/* Rows by the hash of their key; open addressing, never more than half full. */
struct rowmap {
	struct rowmap_entry {
		uint64_t hash;
		struct row *row; /* NULL = nobody's */
	} * at;
	size_t mask, n;
};

/* Different values of FOLD_COUNT columns: hashes of row's key, column and value. Bounded. */
struct different {
	uint64_t *at;
	uint64_t *whose; /* of a twin: id of the row << 16 | column, beside each; NULL else */
	size_t mask, n;
	bool full;
};

/* Counters are sampled once a second; a sample may be late. */
#define SAMPLE_NS (NSEC_PER_SEC + NSEC_PER_SEC / 5)

#define TALKING	      16384u /* a power of two */
#define DIFFERENT_MAX (1u << 20)

struct table {
	const struct view_info *info;
	struct filter *filter; /* NULL = all */
	bool totals, shares, measures;
	bool of_container; /* a row of the first stage is a container */
	bool of_parts;	   /* a directory tells all that its columns want of packets */
	bool of_newest;	   /* a list whose rows are had from their events alone */
	enum table_order order;
	struct column *columns;
	size_t n_columns;
	size_t key, group; /* indices; group == key when there is one stage */
	struct table_column *shown;
	size_t *shown_of; /* column index of each shown */
	size_t n_shown;
	uint32_t n_values, n_slots;
	double *fresh; /* slots of a new row */
	/* columns by type of event and its way: those that are of_event come first */
	struct plan {
		const struct column **columns;
		size_t n_sums, n;
	} plan[EVENT_TYPES][EVENT_DIR_MASK + 1];
	/* the first stage */
	struct row **rows; /* owned; used ones first; of a list: list.c */
	size_t n_rows, cap_rows, made_rows, max_rows;
	struct rowmap map;
	struct different different;
	uint64_t next_id, events, given_up;
	double error;
	/* what was settled for containers and interfaces while nothing more was known of them */
	uint64_t version;
	struct row **by_container; /* the row; &no_row = left out */
	size_t by_container_cap;
	bool of_conversation; /* a row of the first stage is one */
	bool again;	      /* the event is of a conversation whose row had one before */
	/* The rows by context_talk (flow_talk_place), where the key is one of FIELD_ENDS; NULL
	 * else. &no_row: the filter leaves it out. */
	struct talking {
		uint64_t talk;
		struct row *row;
	} * talking;
	bool talk_filter;  /* the filter is field_of_talk: asked once */
	bool talk_keeps;   /* so are all columns that keep a value: the first packet has them */
	uint8_t *verdicts; /* by interface: enum verdict + 1 */
	size_t verdicts_cap;
	struct text scratch, keytext;
	/* the interval */
	uint64_t from, to;    /* of a file, else 0 */
	uint64_t began;	      /* live: of this interval */
	uint64_t first, last; /* of the events */
	uint32_t interval;
	uint64_t bucket_base, bucket_from, bucket_to, bucket_ns;
	uint32_t bucket, newest; /* of the event, and the last one that is shown */
	size_t spark_column;	 /* that the sparkline follows, or COLUMN_NONE */
	/* what is shown */
	unsigned sorted;
	bool descending;
	bool arrived; /* a list that nobody sorted: in the order of its events */
	struct rowmap groups;
	struct row **group_rows; /* owned and reused: values and two slots for each column */
	size_t n_groups, made_groups, cap_groups;
	struct different members;
	struct table_row *out;
	size_t cap_out;
	struct cell *cells;
	float *points; /* TABLE_SPARK for each of out, where it has them */
	struct text cell_bytes;
	struct table_rows result;
};

/* ---- numbers: fold.c ---- */

uint32_t fold_slots(enum view_fold fold, bool over);
void fold_fresh(enum view_fold fold, bool over, double *slots);
void fold_add(enum view_fold fold, double *slots, double v, double weight, uint64_t ts);
/* What another thread added from the same interval on; but for FOLD_COUNT, whose values may be
 * the same. */
void fold_join(enum view_fold fold, bool over, double *slots, const double *more);
/* An interval is over: totals go on from their last sample. */
void fold_next(enum view_fold fold, bool over, double *slots);
/* A ratio into a group's two slots: sums above and below the line. */
void fold_add_ratio(double *group, enum view_fold fold, const double *slots);
/* Seconds between the first and the last sample of a total; NAN = there is none. */
double fold_span(const double *slots);
/* NAN = absent. seconds: of the interval. */
double fold_result(enum view_fold fold, bool over, const double *slots, double seconds);

/* ---- rows: rows.c ---- */

/* A row is not moved in memory, as its values may point into it. */
struct row *row_new(size_t n_values, size_t n_slots, bool spark);
void row_free(struct row *r, size_t n_values); /* r may be NULL */
void kept_set(struct kept *k, const struct value *v);
void kept_text(struct kept *k, const char *p, size_t n);
struct row *rowmap_find(const struct rowmap *m, uint64_t hash, const char *key, size_t n,
			bool absent);
void rowmap_add(struct rowmap *m, struct row *r);
void rowmap_clear(struct rowmap *m);
/* true when the hash is new. */
bool different_add(struct different *d, uint64_t hash, uint64_t whose);
void different_clear(struct different *d);
void different_done(struct different *d);
/* The row of a key (n bytes), made when there is none. */
struct row *table_find_key(struct table *t, const char *key, size_t n, bool absent);
/* Takes the place of one that was not used yet, which is returned, or NULL. */
struct row *table_put_row(struct table *t, struct row *r);
/* The row of the event, or NULL when it has none. */
struct row *table_find_row(struct table *t, struct context *c);
/* One that was not used yet; what of the others it takes away is given up. */
struct row *table_take_row(struct table *t);
void row_clear(const struct table *t, struct row *r);
extern struct row no_row; /* of what is left out */
void table_forget(struct table *t);

/* ---- rows of a list: list.c ---- */

/* The row of an event, or NULL: the list is full of newer ones. */
struct row *list_row(struct table *t, const struct event *ev);
/* Takes in the rows of another list. */
void list_join(struct table *t, struct table *more);

/* ---- events: table.c ---- */

/* It counts, with a row or without. */
static inline void table_passed(struct table *t, const struct event *ev)
{
	t->events++;
	t->first = MIN(t->first, ev->ts);
	t->last = MAX(t->last, ev->ts);
}

/* Evenly over [first, last], of which what is in the window is drawn. */
void spark_spread(struct table *t, struct row *r, uint64_t first, uint64_t last, double v);
/* The filter's; what the container alone decides is asked once for each interface. */
enum verdict table_verdict(struct table *t, const struct container *c, const struct iface *i);
/* What does not change, from the first event that has it; of containers again when more is known
 * of them. */
void table_keep(struct table *t, struct row *r, struct context *c);

/* ---- what a directory says instead of packets: part.c ---- */

void column_shortcut(struct column *k);
bool table_is_of_parts(const struct table *t);

/* ---- paths: tree.c ---- */

/* The path above the one of n bytes: "/a/b", "/a", "/"; false at the root, or when it is none. */
bool tree_above(const char *path, size_t *n);
/* Each behind the nearest that it is a part of; among themselves they stay in order. */
void tree_sort(struct table_row *rows, size_t n);

/* ---- opening: open.c ---- */

/* The first value; false when there is none. Borrowed from the table's scratch. */
static inline bool getter_value(const struct getter *g, struct context *c, struct text *scratch,
				struct value *out)
{
	struct value all[FIELD_MAX_VALUES];

	scratch->len = 0;
	if (!g->field->get(g->field, g->arg, c, scratch, all))
		return false;
	*out = all[0];
	return true;
}

/* The field of a column whose value is kept or counted. */
static inline const struct getter *column_getter(const struct column *k)
{
	return &k->get.of[0];
}

static inline double value_number(const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
		return v->b;
	case VALUE_I64:
		return (double)v->i;
	case VALUE_DOUBLE:
		return v->d;
	default:
		return (double)v->u;
	}
}

static inline bool value_is_text(enum value_type type)
{
	return type == VALUE_STRING || type == VALUE_BYTES || type == VALUE_IP || type == VALUE_MAC;
}

#endif
