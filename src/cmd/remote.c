/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ask.h"
#include "cmd/remote.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 100000u

struct remote {
	struct view_feed base;
	struct ask_host host;
	char *token; /* owned */
	struct text body;
	json_t *rows; /* what cells and keys borrow from */
	struct table_rows result;
	struct cell *cells;
};

static void put_cell(json_t *v, const struct view_column *info, struct cell *cell)
{
	*cell = (struct cell){.number = NAN};
	if (json_is_number(v)) {
		cell->number = json_number_value(v) / (info->unit == UNIT_PERCENT ? 100 : 1);
	} else if (json_is_string(v)) {
		cell->text = json_string_value(v);
		cell->n = (uint32_t)json_string_length(v);
	}
}

static void put_row(struct remote *r, const struct table *t, json_t *object, size_t at)
{
	const char *drilled = view_drilled(table_info(t))->field;
	struct table_row *row = &r->result.rows[at];
	size_t n;
	const struct table_column *columns = table_columns(t, &n);
	struct cell *cells = r->cells + at * n;
	uint64_t id = 0;

	*row = (struct table_row){.cells = cells};
	for (size_t k = 0; k < n; k++) {
		put_cell(json_object_get(object, columns[k].info->name), columns[k].info,
			 &cells[k]);
		if (!cells[k].text)
			continue;
		if (str_eq(columns[k].info->field, drilled)) {
			row->key = cells[k].text;
			row->key_n = cells[k].n;
		}
		if (!columns[k].number)
			id = id * 31 + hash_bytes(cells[k].text, cells[k].n);
	}
	row->id = id;
}

static const struct table_rows *read_rows(struct remote *r, const struct table *t, struct err *e)
{
	json_error_t why;
	size_t n, columns;

	json_decref(r->rows);
	r->rows = json_loadb(r->body.data, r->body.len, 0, &why);
	if (!json_is_array(r->rows)) {
		err_set(e, ERR_FAILED, "%s: its answer is no list of rows", r->host.url);
		return NULL;
	}
	n = MIN(json_array_size(r->rows), ROWS_MAX);
	table_columns(t, &columns);
	r->result = (struct table_rows){
		.tree = table_info(t)->tree,
		.rows = xrealloc(r->result.rows, (n + 1) * sizeof(*r->result.rows)),
		.n = n,
		.seconds = 1,
	};
	r->cells = xrealloc(r->cells, (n * columns + 1) * sizeof(*r->cells));
	for (size_t i = 0; i < n; i++)
		put_row(r, t, json_array_get(r->rows, i), i);
	return &r->result;
}

static const struct table_rows *ask_rows(struct view_feed *f, const struct table *t,
					 const char *filter, struct err *e)
{
	struct remote *r = (struct remote *)f;
	cleanup_free char *path = xasprintf("/v1/views/%s", table_info(t)->id);

	text_reset(&r->body);
	text_room(&r->body, 1);
	return ask_host(&r->host, path, filter, &r->body, e) ? NULL : read_rows(r, t, e);
}

static void remote_close(struct view_feed *f)
{
	struct remote *r = (struct remote *)f;

	json_decref(r->rows);
	free(r->result.rows);
	free(r->cells);
	text_done(&r->body);
	free(r->token);
	free(r);
}

/* The last word of the first line. */
static char *read_token(const char *path, struct err *e)
{
	char line[512];
	FILE *f = fopen(path, "re");

	if (!f) {
		err_sys(e, "%s", path);
		return NULL;
	}
	char *got = fgets(line, sizeof(line), f);
	fclose(f);
	if (got)
		line[strcspn(line, "\r\n")] = '\0';
	const char *blank = got ? strrchr(line, ' ') : NULL;
	const char *token = blank ? blank + 1 : line;
	if (!got || !*token) {
		err_set(e, ERR_FAILED, "%s: no token in its first line", path);
		return NULL;
	}
	return xstrdup(token);
}

struct view_feed *remote_feed_open(const char *url, const char *token_file, const char *ca_file,
				   struct err *e)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	r->token = token_file ? read_token(token_file, e) : NULL;
	r->host = (struct ask_host){.url = url, .token = r->token, .ca_file = ca_file};
	r->base = (struct view_feed){
		.live = true, .name = url, .ask = ask_rows, .close = remote_close};
	if ((token_file && !r->token) || ask_host(&r->host, "/v1/views", NULL, &r->body, e)) {
		remote_close(&r->base);
		return NULL;
	}
	return &r->base;
}
