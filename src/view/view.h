/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room view: tables over the stream of events. A view is a description (struct
 * view_info, made from a file by room chisel); opened over a selection it is a
 * table, which is fed events and gives sorted rows. Called by the console, the
 * server and the programs; one thread per table. Nothing is allocated per event
 * once the rows are known.
 */
#ifndef DREDGE_VIEW_H
#define DREDGE_VIEW_H

#include "filter/filter.h"

/* ---- what a view is: sysdig's view_info, and a little more ---- */

enum view_kind { VIEW_TABLE, VIEW_LIST, VIEW_SPECTROGRAM };

/* How values become one. "Total" is a counter that only grows. */
enum view_fold {
	FOLD_NONE,     /* a value that all have; of counters the newest; "*" where members differ */
	FOLD_SUM,      /* packets that were sampled count as often as they stand for */
	FOLD_AVG,      /* mean of the values */
	FOLD_TIME_AVG, /* sum per second of the interval */
	FOLD_MIN,
	FOLD_MAX,
	FOLD_COUNT, /* how many different values */
	FOLD_DELTA, /* of a total: by how much it grew */
	FOLD_RATE,  /* of a total: growth per second, between the samples */
	FOLD_SHARE, /* of a total: share of the time, 0..1, in which it grew */
	FOLDS
};

enum view_unit {
	UNIT_NONE,    /* a number or text as it is */
	UNIT_BYTES,   /* 1.50k, 23.4M */
	UNIT_COUNT,   /* likewise */
	UNIT_PERCENT, /* value 1 is shown as 100 */
	UNIT_TIME,    /* ns: 850ns, 12.3ms */
	UNIT_SECONDS, /* s, shown as UNIT_TIME */
	UNITS
};

/* Texts are owned by the view_info; optional ones are NULL. */
struct view_column {
	char *name; /* "NA" = not shown */
	char *description;
	char *field;	    /* of dredge-fields(7); numbers also as sums, "a + b - c" */
	char *over;	    /* likewise: the column is field / over */
	char *where;	    /* a filter: `field` counts only of events that it matches */
	char *filter_field; /* drilled down by this one instead of `field` */
	char *absent;	/* keys: rows without a value are kept under this text; NULL = left out */
	unsigned width; /* characters; 0 = the rest of the line */
	bool key, group_key, sorting, sparkline;
	enum view_fold fold, group_fold; /* group_fold: up to FOLD_COUNT */
	enum view_unit unit;
};

#define VIEW_ACTION_WORDS 32u

struct view_action {
	char hotkey; /* printable ASCII */
	char *description;
	char *when; /* "field=value": only for rows that have that value; NULL = all */
	/* Words, NULL-ended; "%field" in a word stands for the row's value. Never given to a shell.
	 */
	char *argv[VIEW_ACTION_WORDS + 1];
	bool ask;  /* confirm before */
	bool wait; /* for Enter before the screen comes back */
};

struct view_info {
	char *id, *name, *description;
	char *file;	   /* it was read from, or NULL */
	char *trouble;	   /* why it cannot be opened ("FILE:LINE: ..."), or NULL */
	char **tips;	   /* these three NULL-ended, or NULL */
	char **tags;	   /* "Default" = offered in the console */
	char **applies_to; /* fields of selections it is offered for; "" = at the top */
	enum view_kind kind;
	char *filter;	 /* its own, or NULL; %depth = how often was drilled down within it */
	char *drilldown; /* id of the view that Enter opens, or NULL */
	bool root;	 /* may begin */
	bool deeper;	 /* drilldown_increase_depth */
	bool local;	 /* propagate_filter=false: its filter does not bind those below */
	/* Rows are paths ("/prod/shop"): those above are rows too, which sum up what is below. */
	bool tree;
	struct view_column *columns;
	size_t n_columns;
	struct view_action *actions;
	size_t n_actions;
};

void view_column_done(struct view_column *c);
void view_info_free(struct view_info *v); /* v may be NULL */
/* Are all fields known, and is there a key? 0, or -1 with e: what is missing, and that a field of
 * sysdig needs system calls. */
int view_info_check(const struct view_info *v, struct err *e);
/* By name as in files ("TIME_AVG"); FOLDS or UNITS when there is none. */
enum view_fold view_fold_parse(const char *name);
enum view_unit view_unit_parse(const char *name);
const char *view_unit_name(enum view_unit unit);

/* Owns its items. In the order of the list that F2 shows. */
struct views {
	struct view_info **items;
	size_t n, cap;
};

void views_free(struct views *v); /* v may be NULL */
/* Takes ownership; an id that is there already wins (directories are read in order). */
void views_add(struct views *v, struct view_info *info);
const struct view_info *views_find(const struct views *v, const char *id); /* NULL = none */

/* ---- selections: the way down ---- */

struct view_step {
	char *field;  /* owned; of the key that was chosen */
	char *value;  /* owned; NULL = the rows without one */
	bool below;   /* it is a path, and all below it is meant too */
	char *filter; /* owned: of the view it was chosen in, that binds those below; or NULL */
};

struct view_path {
	struct view_step *steps; /* owned */
	size_t n, cap;
};

void view_path_done(struct view_path *p);
/* The column that is drilled down by: of the second stage, else of the first. */
const struct view_column *view_drilled(const struct view_info *v);
/* A step from a row of a view (copied). */
struct table_row;
void view_path_push(struct view_path *p, const struct view_info *v, const struct table_row *row);
void view_path_pop(struct view_path *p);
/* Its conditions, joined by "and"; false when there are none. */
bool view_path_filter(const struct view_path *p, struct text *out);
/* Is the view offered for what is selected last (ids and names are one key)? */
bool view_applies(const struct view_info *v, const struct view_path *p);
/* What Enter opens: the drilldown target when it can be opened, else the first that applies. */
const struct view_info *view_below(const struct views *v, const struct view_info *from,
				   const struct view_path *p);

/* ---- tables ---- */

struct table;

#define TABLE_ROWS  16384u /* of the first stage; beyond that the least are given up */
#define TABLE_SPARK 16u	   /* points of a sparkline */
#define TABLE_LIST  10000u /* events a list keeps, the newest */

struct table_options {
	const struct view_info *info;
	const struct view_path *path; /* NULL = everything */
	const char *filter;	      /* the user's, or NULL */
	const char *const *dirs;      /* of "@name" in filters; may be NULL */
	size_t max_rows;	      /* 0 = TABLE_ROWS */
	unsigned depth;		      /* for %depth */
};

/* Copies what it needs but info, which has to outlive it. ERR_USAGE with column for the filter. */
struct table *table_open(const struct table_options *o, struct err *e);
void table_close(struct table *t); /* t may be NULL */
/* An empty one of the same columns, filter and window, to be fed by another thread until it is
 * joined; t has to outlive it. NULL: its events cannot be taken in apart (TABLE_BY_TIME), or need
 * not be, as a directory tells enough. With a twin no part of it is skipped. */
struct table *table_twin(struct table *t);
/* Takes in all that the twin did, closes it. */
void table_join(struct table *t, struct table *twin);
const struct view_info *table_info(const struct table *t);

/* All conditions in one, for whoever reads: what it cannot match need not be read. NULL = all. */
const struct filter *table_filter(const struct table *t);
/* Has a field of it one of these FIELD_* flags? */
bool table_needs(const struct table *t, unsigned flags);
/* In what order its events have to come: any, each interface's by time, all by time. */
enum table_order { TABLE_ANY_ORDER, TABLE_BY_IFACE, TABLE_BY_TIME };
enum table_order table_order(const struct table *t);
/* Has it columns that the state measures from packets into counter samples (tcp_retransmits ...)?
 */
bool table_measures(const struct table *t);
/* How long before the window its samples are wanted, where totals begin; ns. */
uint64_t table_early(const struct table *t);

/* Takes in an event that the filter has not judged. */
void table_event(struct table *t, struct context *c);
/*
 * Takes in what the directory of a file says of an interface instead of its packets: how many, the
 * bytes on the wire, the losses. Columns that cannot be had that way stay absent.
 */
struct table_part {
	const struct container *container; /* NULL = none known */
	const struct iface *iface;	   /* NULL = unknown */
	uint64_t first, last;		   /* ns, of the events of its chunk */
	uint64_t packets, bytes, lost;
	bool ways; /* these are known: */
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
};
/* A field of packets that parts may tell the sum of ("frame.len", "frame.count.in", "evt.count"
 * ...); NULL = another one. */
const struct part_field *part_field_find(const char *field);
/* What it adds up to in a part (way: of EVENT_IN or EVENT_OUT alone, 0 = as the field says). false:
 * the part does not tell, or f is NULL. */
bool table_part_sum(const struct table_part *p, const struct part_field *f, uint32_t way,
		    double *sum);
/* What of an event is summed, and what it tells of each, weight times. */
enum part_what { PART_NONE, PART_ONE, PART_LEN, PART_LOST, PART_WHATS };
enum part_what part_field_what(const struct part_field *f);
static inline void event_tells(const struct event *ev, double weight, double out[PART_WHATS])
{
	out[PART_NONE] = 0;
	out[PART_ONE] = weight;
	out[PART_LEN] = ev->len * weight;
	out[PART_LOST] = ev->lost * weight;
}
/* The direction it counts: EVENT_IN, EVENT_OUT; 0 = both. */
uint32_t part_field_way(const struct part_field *f);
/* How many packets one of it stands for, where they were sampled. */
double table_part_weight(const struct table_part *p);
/* Has the table then all that the packets would tell it? (Points of a sparkline may be off by what
 * the chunk has on the other side of their border.) */
bool table_part_enough(struct table *t, const struct table_part *p);
/* false: the view cannot be had that way, as its filter or key is not of containers alone. */
bool table_part(struct table *t, const struct table_part *p);

/* Of a list whose rows are had from their events alone: how many the part's packets would make.
 * false: the directory does not tell, or it is no such list. */
bool table_part_rows(struct table *t, const struct table_part *p, uint64_t *rows);
/* How many rows it keeps. */
size_t table_max_rows(const struct table *t);
/* Those rows would be older than what it keeps: they count as given up. */
void table_skip(struct table *t, const struct table_part *p);

/* Forget everything; the events that follow are of [from, to] (ns; counter samples before that
 * are where totals begin). Sparklines divide it. */
void table_window(struct table *t, uint64_t from, uint64_t to);
/* Live: a new interval begins at `now`; rows stay (without traffic for a while), sparklines move
 * on by one, totals go on from their last sample. */
void table_next(struct table *t, uint64_t now);

/* ---- what is shown ---- */

struct cell {
	double number;	  /* what it is sorted by; NAN: none, or a text */
	const char *text; /* borrowed until the next refresh; NULL: the number is to be shown */
	uint32_t n;	  /* bytes of text: foreign, to be cleaned for a terminal */
};

struct table_row {
	uint64_t id;		  /* the same in every refresh */
	uint64_t when;		  /* ns: before the id tells which row came first; 0 = it does */
	const char *key;	  /* value of the key, n bytes; NULL = the rows without one */
	uint32_t key_n;		  /* */
	const struct cell *cells; /* one per column shown */
	const float *spark;	  /* TABLE_SPARK points, oldest first, or NULL */
	double error;		  /* how much the sorted value may be too low (sums only) */
};

struct table_column {
	const struct view_column *info;
	bool number; /* shown on the right */
	bool key;    /* the one that is drilled down by */
	bool path;   /* of a tree: only the last part is shown, behind blanks */
};

struct table_rows {
	struct table_row *rows;
	size_t n;
	uint64_t events; /* taken in */
	uint64_t
		given_up; /* rows the table had no room for; their least values were the smallest */
	double error;	  /* no row that is missing has more than that in the sorted column */
	double seconds;	  /* length of the interval */
	bool tree;	  /* rows stand below the one they are part of */
};

/* Columns shown, in order. */
const struct table_column *table_columns(const struct table *t, size_t *n);
#define ROWS_ARRIVED UINT32_MAX /* instead of a column: as they came */
/* The column sorted by (index of those shown, or ROWS_ARRIVED of a list), and the direction; the
 * view's own choice first. */
unsigned table_sorted(const struct table *t, bool *descending);
void table_sort(struct table *t, unsigned column, bool descending);
/* The same for rows that were copied; of a tree, each below the row that its key is a part of. */
void table_rows_sort(struct table_rows *rows, unsigned column, bool descending);
bool table_row_contains(const struct table_column *columns, size_t n, const struct cell *cells,
			const char *text, struct text *scratch);
/*
 * Rows as of `now` (ns; of a file: anything), sorted. Borrowed until the next call for the table.
 */
const struct table_rows *table_refresh(struct table *t, uint64_t now);

/*
 * A cell as text for people: units that fit, absent ones as "-", cleaned for a terminal; at most
 * `width` columns of the terminal when width > 0. Numbers are never cut. Returns the columns taken.
 */
unsigned cell_text(const struct table_column *c, const struct cell *cell, unsigned width,
		   struct text *out);
/* The whole table: aligned text, CSV (RFC 4180), or JSON (array of objects by column name). */
enum table_format { TABLE_TEXT, TABLE_CSV, TABLE_JSON };
/* "text", "csv", "json"; -1 with err on anything else. */
int table_format_parse(const char *name, enum table_format *out, struct err *e);
void table_print(struct table *t, const struct table_rows *rows, enum table_format format,
		 struct text *out);
/* The list of views with their columns: aligned text, or (JSON) all that is known of each. */
void views_print(const struct views *v, bool json, struct text *out);
/* Index of a column shown, by name, or -1. */
int table_column_find(const struct table *t, const char *name);

/*
 * ---- feeds: where a table's events come from; room flow makes them ----
 *
 * Everything happens on the calling thread. Times are ns since 1970.
 */
/* Who looks at events one by one: for a page of packets, for a picture. */
struct view_look {
	const struct filter *filter; /* NULL = all; borrowed */
	bool flows;		     /* a file: facts of conversations are wanted */
	/* Those that passed; non-zero ends a scan. */
	int (*event)(void *ctx, struct context *c);
	void *ctx;
};

struct view_feed {
	bool live;
	const char *name;     /* "Live System" or the file's; borrowed of the feed */
	uint64_t first, last; /* of a file's events */
	uint64_t packets;     /* of a file with a directory, else 0 */
	uint64_t lost; /* packets nobody saw: live until now, of a file in what was read last */
	/* Live: who is asked for names and does not answer as it should, "Mesos"; NULL = nobody.
	 * Static; looked at in tick. */
	const char *trouble;
	/* Called some ten times a second of work (live: also without events), part = how much of a
	 * file's window has been read, 0..1; non-zero ends the call that is going on. Set by the
	 * user of the feed; may be NULL. */
	int (*tick)(void *ctx, uint64_t now, double part);
	void *ctx;
	/* Live: the table that the events go into; may be changed in tick. */
	struct table *table;
	/* Live: who looks at them too, or NULL; may be changed in tick. */
	const struct view_look *look;
	/* A file: fill the table with what it has in [from, to]. 0; 1 when tick ended it; -1 on
	 * damage, after everything readable. Only chunks that the table's filter may match are
	 * decoded. */
	int (*fill)(struct view_feed *f, struct table *t, uint64_t from, uint64_t to,
		    struct err *e);
	/* A file: the same for who looks, in order of time. */
	int (*scan)(struct view_feed *f, const struct view_look *l, uint64_t from, uint64_t to,
		    struct err *e);
	/* A file: the same from its directory alone, nothing is decoded: columns that cannot be had
	 * that way stay absent. false: not this file, or not this view. */
	bool (*overview)(struct view_feed *f, struct table *t, uint64_t from, uint64_t to);
	/* A file: bytes that fill would have to decode, about; 0 = not known. */
	uint64_t (*cost)(struct view_feed *f, const struct table *t, uint64_t from, uint64_t to);
	/* A file: packets of containers that the table's filter may match, in n equal parts of
	 * [from, to]; t may be NULL (all). From the directory where there is one. */
	void (*histogram)(struct view_feed *f, const struct table *t, uint64_t from, uint64_t to,
			  double *bins, size_t n);
	/* Live: events go into `table` until tick ends it (returns 0) or it fails (-1). */
	int (*run)(struct view_feed *f, struct err *e);
	/* Another host, which is asked instead of events being read: rows of the table's view as it
	 * has them now, of what passes `filter` (NULL = all). Borrowed until the next call; NULL
	 * with e. Such a feed has none of the hooks above. */
	const struct table_rows *(*ask)(struct view_feed *f, const struct table *t,
					const char *filter, struct err *e);
	void (*close)(struct view_feed *f);
};

#endif
