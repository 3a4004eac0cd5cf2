/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "source/idmap.h"

enum { N = 2000 };

static void test_against_array(void **state)
{
	(void)state;
	static int values[N];
	bool there[N] = {false};
	struct idmap m = {0};
	uint64_t random = 1;
	assert_null(idmap_find(&m, 3));
	assert_null(idmap_remove(&m, 3));
	for (unsigned step = 0; step < 100000; step++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		size_t i = (random >> 33) % N;
		if (random >> 62) {
			idmap_put(&m, i, &values[i]);
			there[i] = true;
		} else {
			assert_ptr_equal(idmap_remove(&m, i), there[i] ? &values[i] : NULL);
			there[i] = false;
		}
		size_t j = (random >> 20) % N;
		assert_ptr_equal(idmap_find(&m, j), there[j] ? &values[j] : NULL);
	}
	size_t n = 0;
	for (size_t i = 0; i < N; i++) {
		n += there[i];
		assert_ptr_equal(idmap_find(&m, i), there[i] ? &values[i] : NULL);
	}
	assert_int_equal(m.n, n);
	idmap_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_array)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
