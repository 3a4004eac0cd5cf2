/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < META_KEYS; i++) {
		assert_non_null(meta_rows[i].key);
		assert_non_null(meta_rows[i].journal);
		assert_int_equal(meta_rows[i].described, i <= META_IMAGE);
		/* systemd's journal: upper case, digits and '_', not '_' first, up to 64 bytes. */
		size_t n = strlen(meta_rows[i].journal);
		assert_in_range(n, 1, 64);
		assert_int_equal(strspn(meta_rows[i].journal, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), n);
		assert_int_not_equal(meta_rows[i].journal[0], '_');
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(meta_rows[i].key, meta_rows[j].key);
			assert_string_not_equal(meta_rows[i].journal, meta_rows[j].journal);
		}
	}
}

static void test_percent(void **state)
{
	static const struct {
		const char *in, *also, *want;
	} rows[] = {
		{"", "", ""},
		{"/shop/web", "", "/shop/web"},
		{"a b", "", "a%20b"},
		{"100%", "", "100%25"},
		{"line\nnext\t\x7f\x01", "", "line%0Anext%09%7F%01"},
		{"k=v", "", "k=v"},
		{"k=v", "=", "k%3Dv"},
		{"\xc3\xa9", "", "\xc3\xa9"},
	};
	struct text t = {0}, back = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		text_reset(&t);
		text_reset(&back);
		text_percent(&t, rows[i].in, strlen(rows[i].in), rows[i].also);
		assert_string_equal(text_cstr(&t), rows[i].want);
		text_unpercent(&back, t.data, t.len);
		assert_string_equal(text_cstr(&back), rows[i].in);
	}
	text_reset(&t);
	text_percent(&t, "a\0b", 3, "");
	assert_string_equal(text_cstr(&t), "a%00b");
	text_done(&t);
	text_done(&back);
}

static void test_unpercent_lenient(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"%", "%"},   {"%4", "%4"},   {"%zz", "%zz"},	    {"%4g", "%4g"},
		{"%41", "A"}, {"%%41", "%A"}, {"a%2fb%2F", "a/b/"}, {"%2541", "%41"},
	};
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		text_reset(&t);
		text_unpercent(&t, rows[i].in, strlen(rows[i].in));
		assert_string_equal(text_cstr(&t), rows[i].want);
	}
	text_done(&t);
}

static void test_labels(void **state)
{
	const char *labels = "tier=front\nempty=\na%3Db=c=d\ntiers=no\nlast=50%25";
	static const struct {
		const char *key, *want;
	} rows[] = {
		{"tier", "front"}, {"empty", ""},   {"a=b", "c=d"},
		{"last", "50%25"}, {"tiers", "no"}, {"absent", NULL},
		{"tie", NULL},	   {"", NULL},	    {"front", NULL},
	};
	size_t n;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		n = 99;
		const char *got = labels_find(labels, rows[i].key, &n);
		if (!rows[i].want) {
			assert_null(got);
			continue;
		}
		assert_non_null(got);
		assert_int_equal(n, strlen(rows[i].want));
		assert_memory_equal(got, rows[i].want, n);
	}
	assert_null(labels_find(NULL, "tier", &n));
	assert_null(labels_find("", "tier", &n));
}

static void free_meta(char *meta[META_KEYS])
{
	for (unsigned k = 0; k < META_KEYS; k++) {
		free(meta[k]);
		meta[k] = NULL;
	}
}

static void test_describe(void **state)
{
	const char *const meta[META_KEYS] = {
		[META_APP] = "/shop/web",	   [META_TASK] = "shop_web.1111",
		[META_FRAMEWORK] = "my framework", [META_CONTAINER] = "c0ffee00-1",
		[META_IMAGE] = "nginx:1.25%",	   [META_NAME] = "web.0",
	};
	struct text t = {0};
	char *back[META_KEYS] = {0};

	(void)state;
	meta_describe(&t, meta);
	assert_string_equal(text_cstr(&t),
			    "app=/shop/web task=shop_web.1111 framework=my%20framework "
			    "container=c0ffee00-1 image=nginx:1.25%25");
	meta_parse_description(text_cstr(&t), back);
	for (unsigned k = 0; k < META_KEYS; k++) {
		if (meta[k] && meta_rows[k].described)
			assert_string_equal(back[k], meta[k]);
		else
			assert_null(back[k]);
	}
	free_meta(back);
	text_reset(&t);
	meta_describe(&t, (const char *const[META_KEYS]){0});
	assert_int_equal(t.len, 0);
	text_done(&t);
}

static void test_foreign_description(void **state)
{
	static const struct {
		const char *in, *app, *container;
	} rows[] = {
		{"", NULL, NULL},
		{"Ethernet adapter of some host", NULL, NULL},
		{"  app=/a   container=x  ", "/a", "x"},
		{"app=/a app=/b", "/b", NULL},
		{"application=/a", NULL, NULL},
		{"=x app", NULL, NULL},
		{"app= container==", "", "="},
		{"seen app=/x,y on eth0", "/x,y", NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char *meta[META_KEYS] = {0};
		meta_parse_description(rows[i].in, meta);
		if (rows[i].app)
			assert_string_equal(meta[META_APP], rows[i].app);
		else
			assert_null(meta[META_APP]);
		if (rows[i].container)
			assert_string_equal(meta[META_CONTAINER], rows[i].container);
		else
			assert_null(meta[META_CONTAINER]);
		free_meta(meta);
	}
}

static void expect_found(const char *text, size_t size, const char *key, const char *want)
{
	size_t n = 99;
	const char *got = notice_find(text, size, key, &n);

	if (!want) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

static void test_notice_find(void **state)
{
	static const char text[] = "A=1\nMESSAGE=a=b\nEMPTY=\nAA=2\nLAST=end";
	size_t size = sizeof(text) - 1;

	(void)state;
	expect_found(text, size, "A", "1");
	expect_found(text, size, "AA", "2");
	expect_found(text, size, "MESSAGE", "a=b");
	expect_found(text, size, "EMPTY", "");
	expect_found(text, size, "LAST", "end");
	expect_found(text, size, "LAS", NULL);
	expect_found(text, size, "B", NULL);
	expect_found(text, size - 4, "LAST", NULL); /* cut before '=' */
	expect_found(text, 0, "A", NULL);
}

static void test_notice_format(void **state)
{
	const char *const meta[META_KEYS] = {
		[META_APP] = "/shop/web",
		[META_CONTAINER] = "c0ffee",
		[META_TASK_LABELS] = "a=b\nc=d",
	};
	struct text t = {0};

	(void)state;
	notice_format(&t, 1700000000450000999, "container_start", 6, meta, "started\nMESSAGE=lie");
	assert_string_equal(text_cstr(&t), "__REALTIME_TIMESTAMP=1700000000450000\n"
					   "PRIORITY=6\n"
					   "SYSLOG_IDENTIFIER=dredged\n"
					   "DREDGE_EVENT=container_start\n"
					   "MESSAGE=started MESSAGE=lie\n"
					   "MARATHON_APP_ID=/shop/web\n"
					   "CONTAINER_ID=c0ffee\n");
	text_reset(&t);
	notice_format(&t, 0, "drop", 4, NULL, "");
	expect_found(t.data, t.len, "MESSAGE", "");
	expect_found(t.data, t.len, "PRIORITY", "4");
	expect_found(t.data, t.len, "CONTAINER_ID", NULL);
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_unpercent_lenient),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_foreign_description),
		cmocka_unit_test(test_notice_find),
		cmocka_unit_test(test_notice_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
