/* SPDX-License-Identifier: Apache-2.0 */
/* What Mesos' agent answers at /monitor/statistics and /containers, for the collectors of it. */
#include "http/api.h"

static void member(struct text *t, const char *name, const char *value)
{
	text_str(t, "\"");
	text_str(t, name);
	text_str(t, "\":");
	text_quoted(t, value);
	text_char(t, ',');
}

static const char *known(const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

/* Who is no executor of Mesos stands under its own id. */
static const char *executor_of(const struct container *c)
{
	return known(c->meta[META_EXECUTOR], known(c->meta[META_TASK], c->meta[META_CONTAINER]));
}

/* Mesos' agent shows executors: what is nested in them is counted with them. */
static bool is_shown(const struct container *c)
{
	const char *runtime = c->meta[META_RUNTIME];

	return !(runtime && str_eq(runtime, "mesos") && strchr(c->meta[META_CONTAINER], '.'));
}

static void put_executor(struct text *t, const struct container *c)
{
	const char *executor = executor_of(c), *task = c->meta[META_TASK];

	member(t, "framework_id", known(c->meta[META_FRAMEWORK_ID], ""));
	member(t, "executor_id", executor);
	if (task && str_eq(task, executor)) {
		cleanup_free char *name = xasprintf("Command Executor (Task: %s)", task);
		member(t, "executor_name", name);
	} else {
		member(t, "executor_name", "");
	}
	member(t, "source", executor);
}

static void put_statistics(struct text *t, const struct container *c)
{
	text_str(t, "\"statistics\":");
	statistics_text(t, c->sampled, &c->counters);
}

void route_statistics(const struct request *r, struct reply *a)
{
	struct text *t = &a->body;

	text_char(t, '[');
	for (size_t i = 0; i < r->view->n; i++) {
		const struct container *c = &r->view->items[i].c;
		if (!is_shown(c) || !c->sampled)
			continue;
		text_str(t, t->len > 1 ? ",{" : "{");
		put_executor(t, c);
		put_statistics(t, c);
		text_char(t, '}');
	}
	text_char(t, ']');
}

static void put_status(struct text *t, const struct container *c)
{
	text_str(t, "\"status\":{\"container_id\":{\"value\":");
	text_quoted(t, c->meta[META_CONTAINER]);
	text_char(t, '}');
	if (c->pid) {
		text_str(t, ",\"executor_pid\":");
		text_u64(t, (uint64_t)c->pid);
	}
	text_char(t, '}');
}

static bool is_asked(const struct request *r, const struct container *c)
{
	const char *container = request_argument(r, "container_id");
	const char *framework = request_argument(r, "framework_id");
	const char *executor = request_argument(r, "executor_id");

	return (!container || str_eq(container, c->meta[META_CONTAINER])) &&
	       (!framework || str_eq(framework, known(c->meta[META_FRAMEWORK_ID], ""))) &&
	       (!executor || str_eq(executor, executor_of(c)));
}

void route_containers(const struct request *r, struct reply *a)
{
	struct text *t = &a->body;

	if (request_argument(r, "executor_id") && !request_argument(r, "framework_id")) {
		reply_error(a, 400, "executor_id wants framework_id beside it");
		return;
	}
	text_char(t, '[');
	for (size_t i = 0; i < r->view->n; i++) {
		const struct container *c = &r->view->items[i].c;
		if (!is_shown(c) || !is_asked(r, c))
			continue;
		text_str(t, t->len > 1 ? ",{" : "{");
		member(t, "container_id", c->meta[META_CONTAINER]);
		put_executor(t, c);
		put_status(t, c);
		if (c->sampled) {
			text_char(t, ',');
			put_statistics(t, c);
		}
		text_char(t, '}');
	}
	text_char(t, ']');
}
