/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that is there already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/listen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/dredge-listen-XXXXXX";

static void test_unix(void **state)
{
	cleanup_free char *path = xasprintf("%s/control", dir);
	struct err e = {0};
	struct stat st;

	(void)state;
	int first = listen_unix(path, NULL, &e);
	assert_true(first >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ino_t inode = st.st_ino;
	assert_int_equal(listen_unix(path, NULL, &e), -1);
	assert_non_null(strstr(e.message, "somebody serves there already"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_ino, inode);
	close(first);
	int second = listen_unix(path, NULL, &e);
	assert_true(second >= 0);
	close(second);
	unlink(path);
}

static void test_file(void **state)
{
	cleanup_free char *path = xasprintf("%s/file", dir);
	struct err e = {0};

	(void)state;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(listen_unix(path, NULL, &e), -1);
	assert_non_null(strstr(e.message, path));
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static int make_dir(void **state)
{
	(void)state;
	return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_unix),
					   cmocka_unit_test(test_file)};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
