/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/check.h"

#include "cmd/isolation.h"
#include "cmd/options.h"
#include "cmd/overlap.h"

#ifdef HAVE_ISOLATE

#include "isolate/try.h"
#include "net/net.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const words[] = {
	[TRY_OK] = "ok", [TRY_FALLBACK] = "fallback", [TRY_REFUSED] = "refused"};

struct table {
	json_t *rows;
	bool refused;
};

static void add_row(void *ctx, enum try_result result, const char *what, const char *said)
{
	struct table *t = ctx;

	t->refused |= result == TRY_REFUSED;
	json_array_append_new(t->rows, json_pack("{s:s,s:s,s:s}", "result", words[result], "what",
						 what, "said", said));
}

/* In a process of its own, which ends with all that it made; its rows come through a pipe. */
static void try_kernel(struct table *t)
{
	FILE *out = tmpfile();
	pid_t pid = out ? fork() : -1;
	int status = -1;

	if (!pid) {
		struct table own = {.rows = json_array()};
		isolate_try_kernel(add_row, &own);
		_exit(json_dumpf(own.rows, out, 0) || fflush(out) ? ERR_FAILED : 0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (out)
		rewind(out);
	json_t *rows = status ? NULL : json_loadf(out, 0, NULL);
	json_t *row;
	size_t i;
	if (!rows)
		add_row(t, TRY_REFUSED, "the kernel", "trying it ended before it was done");
	json_array_foreach(rows, i, row)
	{
		t->refused |= str_eq(json_string_value(json_object_get(row, "result")),
				     words[TRY_REFUSED]);
		json_array_append(t->rows, row);
	}
	json_decref(rows);
	if (out)
		fclose(out);
}

static void try_link_speed(struct table *t, const struct isolate_config *c)
{
	uint64_t speed = isolation_link_speed(c);
	cleanup_free char *what = speed ? xasprintf("link speed: %llu Mbit/s",
						    (unsigned long long)(speed / 125000))
					: xstrdup("link speed");

	add_row(t, speed ? TRY_OK : TRY_FALLBACK, what,
		speed ? ""
		      : "the public interface tells none: limits are not held against it, and a "
			"rate "
			"per cpu that is auto wants network_link_speed");
}

static void add_lines(struct table *t, const char *what, struct text *lines)
{
	for (char *line = lines->len ? (char *)text_cstr(lines) : NULL; line && *line;) {
		size_t n = strcspn(line, "\n");
		cleanup_free char *one = xstrndup(line, n);
		add_row(t, TRY_FALLBACK, what, one);
		line += n + (line[n] == '\n');
	}
	text_done(lines);
}

static void try_flags(struct table *t, struct isolate_config *c)
{
	struct port_set pool = c->ports;
	struct text notices = {0}, overlap = {0};
	struct err e = {0};

	int status = isolation_check(c, &notices, &e);
	add_row(t, status ? TRY_REFUSED : TRY_OK, "flags, and the host's own ports",
		status ? e.message : "");
	add_lines(t, "flags", &notices);
	port_set_join(&pool, &c->ephemeral);
	if (!overlap_text(&pool, &overlap, &e))
		add_lines(t, "in use by the host", &overlap);
}

int check_run(struct isolate_config *c, bool json)
{
	struct table t = {.rows = json_array()};
	struct text out = {0};
	json_t *row;
	size_t i;

	add_row(&t, net_library_is_new() ? TRY_OK : TRY_REFUSED, "libnl 3.2.26 or later",
		net_library_is_new() ? "" : "install a newer one");
	try_kernel(&t);
	isolate_try_host(c->eth, c->lo, add_row, &t);
	try_link_speed(&t, c);
	try_flags(&t, c);
	if (json) {
		cleanup_free char *text = json_dumps(t.rows, JSON_COMPACT);
		text_fmt(&out, "%s\n", text);
	}
	json_array_foreach(t.rows, i, row)
	{
		const char *said = json_string_value(json_object_get(row, "said"));
		if (!json)
			text_fmt(&out, "%-9s %s%s%s\n",
				 json_string_value(json_object_get(row, "result")),
				 json_string_value(json_object_get(row, "what")), *said ? ": " : "",
				 said);
	}
	int failed = write_all(STDOUT_FILENO, out.data, out.len);
	text_done(&out);
	json_decref(t.rows);
	return failed || t.refused ? ERR_FAILED : 0;
}

#else

int check_run(struct isolate_config *c, bool json)
{
	const struct err e = {.code = ERR_FAILED,
			      .message = "enforcement is not built in (libbpf, libmicrohttpd or "
					 "clang were missing)"};

	(void)c;
	(void)json;
	return report(&e);
}

#endif
