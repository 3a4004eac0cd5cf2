/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct option_row rows[] = {
	{0, "A heading", NULL, NULL, 0, 0},
	{'r', "read", "FILE", "read", 0, 0},
	{'m', "mesos-api", "URL", "ask", OPTION_JOINS, 0},
	{'q', "quiet", NULL, "say nothing", 0, 0},
	{'S', "summary", "FIELD", "count", OPTION_BARE, 0},
	{256, "from", "TIME", "begin", 0, 0},
	{257, "unique_flow", "true|false", "a flag of Mesos", OPTION_BARE | OPTION_BOOL, 0},
	{258, "log-dir", "DIR", "another", OPTION_HIDDEN, 0},
	{'k', "frost", "URL", "-m", OPTION_REFUSED, 0}, /* --fro is --from's all the same */
};

/* What the setter was told, as one line. */
static char seen[512];

static int note(void *ctx, int id, const char *arg, struct err *e)
{
	char one[160];

	(void)ctx;
	snprintf(one, sizeof(one), "%d=%s;", id, arg ? arg : "");
	if (arg && str_eq(arg, "bad"))
		return err_set(e, ERR_USAGE, "bad value");
	strncat(seen, one, sizeof(seen) - strlen(seen) - 1);
	return 0;
}

static void test_plain_options(void **state)
{
	struct plain {
		bool quiet;
		char *file;
		uint64_t wait, most;
	} s = {0};
	static const struct option_row plain_rows[] = {
		{'q', "quiet", NULL, "", OPTION_TRUE, offsetof(struct plain, quiet)},
		{'f', "file", "FILE", "", OPTION_TEXT, offsetof(struct plain, file)},
		{OPTION_LONG, "wait", "TIME", "", OPTION_TIME, offsetof(struct plain, wait)},
		{OPTION_LONG, "most", "SIZE", "", OPTION_SIZE, offsetof(struct plain, most)},
	};
	char *good[] = {"p", "-qfa", "--file=b", "--wait=2s", "--most", "3KB", NULL};
	char *bad[] = {"p", "--wait=x", NULL};
	struct err e = {0};

	(void)state;
	assert_int_equal(options_parse(plain_rows, 4, 6, good, NULL, &s, &e), 6);
	assert_true(s.quiet);
	assert_string_equal(s.file, "b");
	assert_int_equal(s.wait, 2 * NSEC_PER_SEC);
	assert_int_equal(s.most, 3072);
	assert_int_equal(options_parse(plain_rows, 4, 2, bad, NULL, &s, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_string_equal(e.message, "--wait: 'x' is no duration (like 500ms, 10s, 5m)");
	options_done(plain_rows, 4, &s);
	assert_null(s.file);
}

static void test_command_lines(void **state)
{
	static const struct {
		const char *argv[8];
		int first; /* -1: refused */
		const char *seen;
	} cases[] = {
		{{"p", "-r", "a", "-q", "tcp.port=1"}, 4, "114=a;113=;"},
		{{"p", "-qra"}, 2, "113=;114=a;"},
		{{"p", "--read=a", "--from", "x"}, 4, "114=a;256=x;"},
		{{"p", "-m", "http://a,", "http://b", "f"}, 4, "109=http://a,http://b;"},
		{{"p", "-m", "http://a", "f"}, 3, "109=http://a;"},
		{{"p", "-r", "a,", "f"}, 3, "114=a,;"},
		{{"p", "-S", "evt.num=1"}, 2, "83=;"},
		{{"p", "--summary=x", "f"}, 2, "83=x;"},
		{{"p", "f", "-q"}, 1, ""},
		{{"p", "--", "-q"}, 2, ""},
		{{"p"}, 1, ""},
		{{"p", "-Z"}, -1, NULL},
		{{"p", "-r"}, -1, NULL},
		{{"p", "--quiet=1"}, -1, NULL},
		{{"p", "-r", "bad"}, -1, NULL},
		{{"p", "--unique_flow", "f"}, 2, "257=;"},
		{{"p", "--unique-flow=false", "f"}, 2, "257=false;"},
		{{"p", "--no-unique_flow", "f"}, 2, "257=false;"},
		{{"p", "--no_unique-flow", "f"}, 2, "257=false;"},
		{{"p", "--no-unique_flow=true"}, -1, NULL},
		{{"p", "--no-quiet"}, -1, NULL},
		{{"p", "--no-"}, -1, NULL},
		{{"p", "--log_dir=/x", "--log-dir", "/y", "f"}, 4, "258=/x;258=/y;"},
		{{"p", "--log_dir"}, -1, NULL},
		{{"p", "--log=/x"}, 2, "258=/x;"}, /* cut short */
		{{"p", "--q", "--", "f"}, 3, "113=;"},
		{{"p", "--nosuch"}, -1, NULL},
		{{"p", "-k", "a"}, -1, NULL},
		{{"p", "--frost=a"}, -1, NULL},
		{{"p", "--fros=a"}, -1, NULL},
		{{"p", "-q", "--fro=1"}, 3, "113=;256=1;"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[9] = {0};
		int argc = 0;
		struct err e = {0};
		while (argc < 8 && cases[i].argv[argc]) {
			argv[argc] = (char *)cases[i].argv[argc];
			argc++;
		}
		seen[0] = '\0';
		int first = options_parse(rows, ARRAY_SIZE(rows), argc, argv, note, NULL, &e);
		assert_int_equal(first, cases[i].first);
		if (first < 0)
			assert_int_equal(e.code, ERR_USAGE);
		else
			assert_string_equal(seen, cases[i].seen);
	}
}

static void test_options_behind_words(void **state)
{
	static const struct {
		const char *argv[9];
		const char *seen, *words;
	} cases[] = {
		{{"p", "-r", "a", "tcp.port=1", "-q"}, "114=a;113=;", "tcp.port=1"},
		{{"p", "not", "-r", "a", "tcp", "and", "-q", "udp"},
		 "114=a;113=;",
		 "not tcp and udp"},
		{{"p", "evt.res", "=", "-EPERM", "-q"}, "113=;", "evt.res = -EPERM"},
		{{"p", "evt.num", ">", "-5"}, "", "evt.num > -5"},
		{{"p", "-r", "-", "tcp", "--", "-q"}, "114=-;", "tcp -q"},
		{{"p", "-q", "--", "-q"}, "113=;", "-q"},
		{{"p", "-m", "http://a,", "http://b", "f", "--read", "x"},
		 "109=http://a,http://b;114=x;",
		 "f"},
		{{"p"}, "", ""},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		char *argv[9] = {0};
		int argc = 0;
		while (argc < 9 && cases[i].argv[argc]) {
			argv[argc] = (char *)cases[i].argv[argc];
			argc++;
		}
		seen[0] = '\0';
		int first = options_parse_mixed(rows, ARRAY_SIZE(rows), argc, argv, note, NULL, &e);
		assert_true(first >= 0);
		cleanup_free char *words = words_join(argc, argv, first);
		assert_string_equal(seen, cases[i].seen);
		assert_string_equal(words ? words : "", cases[i].words);
	}
}

static int read_text(const char *text, struct err *e)
{
	char path[] = "/tmp/options-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	seen[0] = '\0';
	int status = options_read_file(rows, ARRAY_SIZE(rows), path, note, NULL, e);
	unlink(path);
	return status;
}

static void test_settings(void **state)
{
	static const struct {
		const char *text, *seen; /* seen NULL: refused */
		const char *message;
	} cases[] = {
		{"# nothing\n\n", "", NULL},
		{"read = a b \n quiet\nfrom=+5s # soon\n", "114=a b;113=;256=+5s;", NULL},
		{"--read = x", "114=x;", NULL},
		{"read = a#b", "114=a#b;", NULL},
		{"quiet = true\nsummary\nsummary = f\n", "113=;83=;83=f;", NULL},
		{"quiet = no", NULL, ":1: 'quiet' takes no value"},
		{"\nread", NULL, ":2: 'read' needs a value"},
		{"nonsense = 1", NULL, ":1: unknown setting 'nonsense'"},
		{"quiet\nread = bad", NULL, ":2: bad value"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		int status = read_text(cases[i].text, &e);
		if (cases[i].seen) {
			assert_int_equal(status, 0);
			assert_string_equal(seen, cases[i].seen);
		} else {
			assert_int_equal(status, -1);
			assert_non_null(strstr(e.message, cases[i].message));
		}
	}
}

static void test_help_names_every_option(void **state)
{
	struct text t = {0};

	(void)state;
	options_help(rows, ARRAY_SIZE(rows), &t);
	const char *help = text_cstr(&t);
	assert_non_null(strstr(help, "\nA heading\n"));
	assert_non_null(strstr(help, "  -r, --read FILE"));
	assert_non_null(strstr(help, "  -S, --summary[=FIELD]"));
	assert_non_null(strstr(help, "      --from TIME"));
	text_done(&t);
}

static void test_bytes(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{0, "0 B"},	     {999, "999 B"},	      {1000, "1.0 kB"},
		{2191677, "2.2 MB"}, {UINT64_MAX, "18.4 EB"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text t = {0};
		text_bytes(&t, cases[i].n);
		assert_string_equal(text_cstr(&t), cases[i].text);
		text_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_options),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_options_behind_words),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_help_names_every_option),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
