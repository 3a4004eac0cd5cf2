/* SPDX-License-Identifier: Apache-2.0 */
/* /v1: rows by filter, one by id, with some members, sorted, in pages, as of a time. */
#include "http/query.h"

#include <stdio.h>
#include <stdlib.h>

#define COMMON ",framework,framework_id,agent,hostname"
#define TOTALS ",containers,limited,cpus,memory,rates,drops,retransmits"

static const struct collection {
	const char *name;
	enum rows_kind kind;
	const char *fields; /* shown when none are asked for */
} collections[] = {
	{"containers", ROWS_CONTAINERS,
	 "id,name,group,app,task,task_name" COMMON ",executor,image,runtime,rung,ports,pid,started,"
	 "limited,cpus,memory,rates,drops,retransmits,statistics"},
	{"tasks", ROWS_TASKS,
	 "id,task_name,task_state,health,since,until,group,app,app_version" COMMON
	 ",executor,container,image,ports,task_labels,app_labels" TOTALS ",statistics"},
	{"apps", ROWS_APPS,
	 "id,group,app_version,deployment,app_labels,since,until" COMMON ",running" TOTALS
	 ",statistics"},
	{"frameworks", ROWS_FRAMEWORKS,
	 "id,framework,active,since,until,running" TOTALS ",statistics"},
	{"agents", ROWS_AGENTS, "id,hostname,active,since,until,running" TOTALS ",statistics"},
	{"ports", ROWS_PORTS,
	 "id,agent,hostname,container,name,task,task_name,task_state,group,app,framework,"
	 "framework_id,since,until,pid"},
};

/* A row, and by what it is sorted. */
struct place {
	const struct row *row;
	char *key; /* JSON; owned, or NULL */
};

/* ---- order ---- */

static bool is_number(const char *s)
{
	return *s == '-' || (*s >= '0' && *s <= '9');
}

static int compare_keys(const char *a, const char *b)
{
	if (!is_number(a) || !is_number(b))
		return strcmp(a, b);
	long double x = strtold(a, NULL), y = strtold(b, NULL);
	return (x > y) - (x < y);
}

static int compare(const char *key, const char *id, const char *other_key, const char *other_id,
		   bool down)
{
	int by_key = key && other_key ? compare_keys(key, other_key) : 0;

	return by_key ? (down ? -by_key : by_key) : strcmp(id, other_id);
}

static int compare_places(const void *a, const void *b, void *query)
{
	const struct place *x = a, *y = b;

	return compare(x->key, x->row->id, y->key, y->row->id, ((struct query *)query)->down);
}

static struct place *places_make(const struct rows *rows, struct query *q)
{
	struct place *places = xcalloc(rows->n + 1, sizeof(*places));

	for (size_t i = 0; i < rows->n; i++) {
		struct text key = {0};
		places[i].row = &rows->items[i];
		if (!q->sort.n)
			continue;
		column_value(&q->sort.of[0], places[i].row, q->view->time, &key);
		places[i].key = xstrdup(text_cstr(&key));
		text_done(&key);
	}
	qsort_r(places, rows->n, sizeof(*places), compare_places, q);
	return places;
}

/* ---- cursors: "KEY\nID" in hex ---- */

static void put_cursor(struct text *t, const struct place *p)
{
	cleanup_free char *plain = xasprintf("%s\n%s", p->key ? p->key : "", p->row->id);

	for (const char *s = plain; *s; s++)
		text_hex(t, (uint8_t)*s, 2);
}

static int cursor_parse(struct query *q, const char *cursor, struct err *e)
{
	size_t n = strlen(cursor) / 2;
	cleanup_free char *plain = xcalloc(n + 1, 1);

	for (size_t i = 0; i < n; i++) {
		const char two[] = {cursor[2 * i], cursor[2 * i + 1], '\0'};
		char *end;
		plain[i] = (char)strtoul(two, &end, 16);
		if (*end || !plain[i])
			n = 0;
	}
	char *line = strchr(plain, '\n');
	if (!n || strlen(cursor) % 2 || !line)
		return err_set(e, ERR_USAGE, "cursor: not one of ours");
	*line = '\0';
	q->after_key = q->sort.n ? xstrdup(plain) : NULL;
	q->after_id = xstrdup(line + 1);
	return 0;
}

/* ---- the query ---- */

static int filter_parse(struct query *q, const char *text, struct err *e)
{
	q->filter = filter_compile(text, NULL, e);
	if (!q->filter)
		return -1;
	if (filter_types(q->filter) >> EVENT_COUNTERS & 1)
		return 0;
	return err_set(e, ERR_USAGE,
		       "filter: it asks for packets or notices, and fits nothing here");
}

/* "03:12" is the last one. */
static int at_parse(struct query *q, const char *text, struct err *e)
{
	const uint64_t day = 24 * 3600 * NSEC_PER_SEC;
	bool of_the_day = strchr(text, ':') && !strpbrk(text, "-@+TZ");

	if (time_parse(text, q->view->time, &q->at, e))
		return err_wrap(e, "at");
	if (of_the_day && q->at > q->view->time)
		q->at -= day;
	if (q->at > q->view->time)
		return err_set(e, ERR_USAGE, "at: '%.40s' is yet to come", text);
	return q->at ? 0 : err_set(e, ERR_USAGE, "at: a time after 1970 is wanted");
}

int query_parse(struct query *q, const struct request *r, const char *otherwise, struct err *e)
{
	const char *filter = request_argument(r, "filter"), *fields = request_argument(r, "fields");
	const char *sort = request_argument(r, "sort"), *limit = request_argument(r, "limit");
	const char *cursor = request_argument(r, "cursor"), *at = request_argument(r, "at");

	q->view = r->view;
	q->limit = LIMIT_MAX;
	q->down = sort && *sort == '-';
	if (filter && filter_parse(q, filter, e))
		return -1;
	if (at && at_parse(q, at, e))
		return -1;
	if (columns_parse(&q->columns, fields ? fields : otherwise, e))
		return -1;
	if (sort && (columns_parse(&q->sort, sort + q->down, e) || q->sort.n != 1))
		return e->code ? -1 : err_set(e, ERR_USAGE, "sort: one field is wanted");
	if (limit && (str_u64(limit, false, &q->limit) || !q->limit || q->limit > LIMIT_MAX))
		return err_set(e, ERR_USAGE, "limit: a number from 1 to %u is wanted", LIMIT_MAX);
	return cursor ? cursor_parse(q, cursor, e) : 0;
}

void query_done(struct query *q)
{
	filter_free(q->filter);
	columns_done(&q->columns);
	columns_done(&q->sort);
	free(q->after_key);
	free(q->after_id);
}

/* ---- answers ---- */

/* A row as an object. */
static void put_row(struct text *t, const struct query *q, const struct row *row)
{
	text_char(t, '{');
	columns_put(&q->columns, row, q->view->time, t);
	text_char(t, '}');
}

static bool is_after(const struct query *q, const struct place *p)
{
	return !q->after_id || compare(p->key, p->row->id, q->after_key, q->after_id, q->down) > 0;
}

static void put_at(struct text *t, const struct query *q)
{
	if (!q->at)
		return;
	text_str(t, "\"at\":");
	text_time_seconds(t, q->at);
	text_char(t, ',');
}

static void put_page(struct text *t, struct query *q, const struct rows *rows, const char *name)
{
	struct place *places = places_make(rows, q);
	uint64_t shown = 0;
	size_t i = 0;

	text_char(t, '{');
	put_at(t, q);
	text_fmt(t, "\"total\":%zu,\"%s\":[", rows->n, name);
	while (i < rows->n && !is_after(q, &places[i]))
		i++;
	for (; i < rows->n && shown < q->limit; i++, shown++) {
		text_str(t, shown ? ",\n" : "\n");
		put_row(t, q, places[i].row);
	}
	text_char(t, ']');
	if (i < rows->n && shown) {
		text_str(t, ",\"next\":\"");
		put_cursor(t, &places[i - 1]);
		text_char(t, '"');
	}
	text_str(t, "}\n");
	for (i = 0; i < rows->n; i++)
		free(places[i].key);
	free(places);
}

static void put_one(struct reply *a, const struct query *q, const struct rows *rows, const char *id)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->items[i];
		if (!str_eq(row->id, id) && !(*row->id == '/' && str_eq(row->id + 1, id)))
			continue;
		put_row(&a->body, q, row);
		text_char(&a->body, '\n');
		return;
	}
	reply_error(a, 404, "nothing here has this id");
}

/* ---- who holds a port ---- */

/* "31005" is in "31000-31007". */
static bool port_is_in(const char *range, unsigned port)
{
	unsigned first, last;
	int n = sscanf(range, "%u-%u", &first, &last);

	return n >= 1 && port >= first && port <= (n == 2 ? last : first);
}

static void put_holders(struct text *t, const struct query *q, uint64_t at, unsigned port)
{
	struct rows rows;
	bool first = true;

	rows_make(&rows, ROWS_PORTS, q->view, at, q->filter);
	for (size_t i = 0; i < rows.n; i++) {
		if (!port_is_in(rows.items[i].id, port))
			continue;
		text_str(t, first ? "\n" : ",\n");
		put_row(t, q, &rows.items[i]);
		first = false;
	}
	rows_done(&rows);
}

/* Now, and then. */
static void put_port(struct reply *a, const struct query *q, const char *id)
{
	uint64_t port;

	if (str_u64(id, false, &port) || port > UINT16_MAX) {
		reply_error(a, 404, "this is no port");
		return;
	}
	text_fmt(&a->body, "{\"port\":%u,\"now\":[", (unsigned)port);
	put_holders(&a->body, q, 0, (unsigned)port);
	text_char(&a->body, ']');
	if (q->at) {
		text_char(&a->body, ',');
		put_at(&a->body, q);
		text_str(&a->body, "\"then\":[");
		put_holders(&a->body, q, q->at, (unsigned)port);
		text_char(&a->body, ']');
	}
	text_str(&a->body, "}\n");
}

/* ---- the route ---- */

static const struct collection *collection_of(const char *path)
{
	static const char prefix[] = "/v1/";
	const char *name = path + strlen(prefix);

	for (size_t i = 0; i < ARRAY_SIZE(collections); i++) {
		size_t n = strlen(collections[i].name);
		if (!strncmp(name, collections[i].name, n) && (!name[n] || name[n] == '/'))
			return &collections[i];
	}
	return NULL;
}

void route_rows(const struct request *r, struct reply *a)
{
	const struct collection *of = collection_of(r->path);
	struct query q = {0};
	struct err e = {0};
	struct rows rows;

	if (query_parse(&q, r, of->fields, &e)) {
		reply_error(a, 400, e.message);
	} else if (of->kind == ROWS_PORTS && r->id) {
		put_port(a, &q, r->id);
	} else {
		rows_make(&rows, of->kind, q.view, q.at, q.filter);
		if (r->id)
			put_one(a, &q, &rows, r->id);
		else
			put_page(&a->body, &q, &rows, of->name);
		rows_done(&rows);
	}
	query_done(&q);
}
