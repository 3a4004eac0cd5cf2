/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Every container has a queue that fq_codel has and that is none of the host's; no two share one
 * before all are in use. */
static void T9_more_containers_than_queues(void **state)
{
	bool used[FLOWS + 1] = {false};

	(void)state;
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		uint32_t flow = flow_of(0x20001, slot), minor = flow & 0xffff;
		assert_int_equal(flow >> 16, 3);
		assert_in_range(minor, 3, FLOWS);
		assert_true(!used[minor] || slot > FLOWS - 2);
		used[minor] = true;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(T9_more_containers_than_queues)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
