/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/groups: the tree of groups, apps and tasks, each with the sums of all below it. */
#include "http/query.h"

#include <stdlib.h>

#define NODE "id,running,containers,limited,cpus,memory,rates,drops,retransmits"
#define LEAF ",task_name,task_state,framework,container,name,executor,hostname"

struct tree {
	struct query *q;   /* members of groups and apps */
	struct query leaf; /* and of tasks */
	struct rows groups, apps, leaves;
	const struct row **group, **app, **by_app; /* sorted by id; leaves by their app, then id */
	struct text *t;
};

static const char *app_of(const struct row *leaf)
{
	return leaf->meta[META_APP] ? leaf->meta[META_APP] : NOBODY;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(const struct row *const *)a)->id, (*(const struct row *const *)b)->id);
}

static int compare_leaves(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	int by_app = strcmp(app_of(x), app_of(y));

	return by_app ? by_app : strcmp(x->id, y->id);
}

static const struct row **sorted(const struct rows *rows,
				 int (*compare)(const void *, const void *))
{
	const struct row **list = xcalloc(rows->n + 1, sizeof(*list));

	for (size_t i = 0; i < rows->n; i++)
		list[i] = &rows->items[i];
	qsort(list, rows->n, sizeof(*list), compare);
	return list;
}

/* Whether an app or group is directly in the group. */
static bool is_in(const char *id, const char *group)
{
	size_t n = group_len(id);

	return n ? strlen(group) == n && !memcmp(group, id, n)
		 : str_eq(group, NOBODY) && !str_eq(id, "/") && !str_eq(id, NOBODY);
}

/* The first of a sorted list that begins with the prefix or comes behind it. */
static size_t first_of(const struct row **list, size_t n, const char *prefix)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;
		if (strcmp(list[middle]->id, prefix) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static void open_node(struct tree *tree, const struct query *q, const struct row *row, bool first)
{
	text_str(tree->t, first ? "\n{" : ",\n{");
	columns_put(&q->columns, row, q->view->time, tree->t);
}

static void put_leaves(struct tree *tree, const char *app)
{
	size_t low = 0, n = tree->leaves.n;
	bool first = true;

	while (low < n) {
		size_t middle = low + (n - low) / 2;
		if (strcmp(app_of(tree->by_app[middle]), app) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	text_str(tree->t, ",\"tasks\":[");
	for (; low < tree->leaves.n && str_eq(app_of(tree->by_app[low]), app); low++) {
		open_node(tree, &tree->leaf, tree->by_app[low], first);
		text_char(tree->t, '}');
		first = false;
	}
	text_char(tree->t, ']');
}

static void put_app(struct tree *tree, const struct row *app, bool first)
{
	open_node(tree, tree->q, app, first);
	put_leaves(tree, app->id);
	text_char(tree->t, '}');
}

static void put_apps(struct tree *tree, const char *group)
{
	bool nobody = str_eq(group, NOBODY), first = true;
	size_t n = strlen(group);

	text_str(tree->t, ",\"apps\":[");
	for (size_t i = nobody ? 0 : first_of(tree->app, tree->apps.n, group); i < tree->apps.n;
	     i++) {
		const struct row *app = tree->app[i];
		if (!nobody && strncmp(app->id, group, n))
			break;
		if (!is_in(app->id, group) && !(nobody && str_eq(app->id, NOBODY)))
			continue;
		put_app(tree, app, first);
		first = false;
	}
	text_char(tree->t, ']');
}

static void put_group(struct tree *tree, const struct row *group, bool first)
{
	bool first_below = true;
	size_t n = strlen(group->id);

	open_node(tree, tree->q, group, first);
	text_str(tree->t, ",\"groups\":[");
	for (size_t i = first_of(tree->group, tree->groups.n, group->id); i < tree->groups.n; i++) {
		const struct row *below = tree->group[i];
		if (strncmp(below->id, group->id, n))
			break;
		if (!is_in(below->id, group->id))
			continue;
		put_group(tree, below, first_below); /* as deep as group_len lets it be */
		first_below = false;
	}
	text_char(tree->t, ']');
	put_apps(tree, group->id);
	text_char(tree->t, '}');
}

static void put_all(struct tree *tree)
{
	bool first = true;

	text_str(tree->t, "{\"groups\":[");
	for (size_t i = 0; i < tree->groups.n; i++) {
		if (group_len(tree->group[i]->id))
			continue;
		put_group(tree, tree->group[i], first);
		first = false;
	}
	text_str(tree->t, "]}\n");
}

static bool is_asked(const struct row *group, const char *id)
{
	return str_eq(group->id, id) || (*group->id == '/' && str_eq(group->id + 1, id));
}

static void put_one(struct tree *tree, const char *id, struct reply *a)
{
	for (size_t i = 0; i < tree->groups.n; i++)
		if (is_asked(tree->group[i], id)) {
			put_group(tree, tree->group[i], true);
			return;
		}
	reply_error(a, 404, "nothing here has this id");
}

static void tree_done(struct tree *tree)
{
	rows_done(&tree->groups);
	rows_done(&tree->apps);
	rows_done(&tree->leaves);
	free(tree->group);
	free(tree->app);
	free(tree->by_app);
}

void route_groups(const struct request *r, struct reply *a)
{
	struct query q = {0};
	struct tree tree = {.q = &q, .t = &a->body};
	struct err e = {0};

	if (query_parse(&q, r, NODE, &e) || query_parse(&tree.leaf, r, NODE LEAF, &e)) {
		reply_error(a, 400, e.message);
	} else {
		rows_make(&tree.groups, ROWS_GROUPS, q.view, q.at, q.filter);
		rows_make(&tree.apps, ROWS_APPS, q.view, q.at, q.filter);
		rows_make(&tree.leaves, ROWS_LEAVES, q.view, q.at, q.filter);
		tree.group = sorted(&tree.groups, compare_ids);
		tree.app = sorted(&tree.apps, compare_ids);
		tree.by_app = sorted(&tree.leaves, compare_leaves);
		if (r->id)
			put_one(&tree, r->id, a);
		else
			put_all(&tree);
		tree_done(&tree);
	}
	query_done(&q);
	query_done(&tree.leaf);
}
