/* SPDX-License-Identifier: Apache-2.0 */
/* The watch on a plain directory tree, which inotify treats as it treats cgroups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/watch.h"

struct seen {
	struct text log; /* "+/a +/a/b* ~/a -/a/b": added (* = fresh), touched, removed */
	char root[64];
	struct watch *w;
};

static void note(struct seen *s, char sign, const char *rel, bool fresh)
{
	text_fmt(&s->log, "%s%c%s%s", s->log.len ? " " : "", sign, rel, fresh ? "*" : "");
}

static void added(void *ctx, struct cgdir *dir, void *outer, bool fresh)
{
	note(ctx, '+', dir->rel, fresh);
	/* The owner of /own is handed to what is made inside. */
	dir->owner = str_eq(dir->rel, "/own") ? ctx : outer;
	if (str_starts(dir->rel, "/own/"))
		assert_ptr_equal(outer, ctx);
}

static void removed(void *ctx, struct cgdir *dir)
{
	note(ctx, '-', dir->rel, false);
}

static void touched(void *ctx, struct cgdir *dir)
{
	note(ctx, '~', dir->rel, false);
}

static void expect(struct seen *s, const char *want)
{
	assert_string_equal(text_cstr(&s->log), want);
	text_reset(&s->log);
}

static void make(const struct seen *s, const char *rel)
{
	char path[128];
	snprintf(path, sizeof(path), "%s%s", s->root, rel);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void drop(const struct seen *s, const char *rel)
{
	char path[128];
	snprintf(path, sizeof(path), "%s%s", s->root, rel);
	assert_int_equal(rmdir(path), 0);
}

static void touch(const struct seen *s, const char *rel)
{
	char path[128];
	snprintf(path, sizeof(path), "%s%s", s->root, rel);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1\n", 2), 2);
	close(fd);
}

static void wipe(const struct seen *s, const char *rel)
{
	char path[128];
	snprintf(path, sizeof(path), "%s%s", s->root, rel);
	assert_int_equal(unlink(path), 0);
}

static void test_life(void **state)
{
	(void)state;
	struct seen s = {.root = "/tmp/watch-test-XXXXXX"};
	assert_non_null(mkdtemp(s.root));
	make(&s, "/a");
	make(&s, "/a/b");
	const struct watch_hooks hooks = {&s, added, removed, touched};
	struct err e;
	s.w = watch_new(s.root, &hooks, &e);
	assert_non_null(s.w);
	watch_scan(s.w);
	expect(&s, "+ +/a +/a/b");
	watch_scan(s.w);
	expect(&s, "");

	make(&s, "/own"); /* by notification, with what was made before the watch was on it */
	make(&s, "/own/mesos");
	make(&s, "/own/mesos/x");
	watch_read(s.w);
	expect(&s, "+/own* +/own/mesos* +/own/mesos/x*");
	watch_read(s.w);
	expect(&s, "");

	touch(&s, "/own/mesos/x/cgroup.procs");
	touch(&s, "/own/mesos/x/memory.max");
	watch_read(s.w);
	assert_true(s.log.len > 0 && !strstr(text_cstr(&s.log), "+"));
	assert_non_null(strstr(text_cstr(&s.log), "~/own/mesos/x"));
	text_reset(&s.log);
	wipe(&s, "/own/mesos/x/memory.max");
	watch_read(s.w);
	expect(&s, "");
	wipe(&s, "/own/mesos/x/cgroup.procs");

	drop(&s, "/own/mesos/x");
	watch_read(s.w);
	expect(&s, "-/own/mesos/x");
	make(&s, "/own/mesos/x"); /* gone and back between two looks */
	drop(&s, "/own/mesos/x");
	make(&s, "/own/mesos/x");
	watch_scan(s.w);
	watch_read(s.w);
	expect(&s, "+/own/mesos/x");
	drop(&s, "/own/mesos/x");
	drop(&s, "/own/mesos");
	drop(&s, "/own");
	watch_scan(s.w); /* the scan alone finds it too */
	assert_int_equal(s.log.len, strlen("-/own -/own/mesos -/own/mesos/x"));
	text_reset(&s.log);
	watch_read(s.w);
	expect(&s, "");

	watch_free(s.w);
	drop(&s, "/a/b");
	drop(&s, "/a");
	drop(&s, "");
	text_done(&s.log);
}

static void test_nothing(void **state)
{
	(void)state;
	const struct watch_hooks hooks = {NULL, added, removed, touched};
	struct err e;
	assert_null(watch_new("/nonexistent/cgroup", &hooks, &e));
	assert_non_null(strstr(e.message, "/nonexistent/cgroup"));
	watch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
