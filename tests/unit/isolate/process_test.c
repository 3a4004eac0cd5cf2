/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process with which a container ends lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#ifdef HAVE_ISOLATE

#include "isolate/internal.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_lives(void **state)
{
	uint32_t own = (uint32_t)getpid();
	uint64_t begun = process_begun(own);

	(void)state;
	assert_true(begun > 0);
	assert_true(process_lives(own, begun));
	assert_false(process_lives(own, begun + 1));
}

static void test_ended(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	uint64_t begun = process_begun((uint32_t)pid);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_false(process_lives((uint32_t)pid, begun)); /* nobody has waited for it */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(process_lives((uint32_t)pid, begun));
}

/* What cannot be told is no end. */
static void test_no_descriptors(void **state)
{
	uint32_t own = (uint32_t)getpid();
	uint64_t begun = process_begun(own);
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	bool lives = process_lives(own, begun);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(lives);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	puts("skipped: built without enforcement");
	return 77;
}

#endif
