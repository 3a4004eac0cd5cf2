/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to GET /v1/isolation as a table. */
#include "cmd/list_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define COLUMNS "LINK     PORTS                  EPHEMERAL    EGRESS      INGRESS     FOREIGN PORT "
#define NOTHING "free: ports none; ephemeral none; 0 more containers\n"

static void same(const char *json, const char *wanted)
{
	struct text t = {0};

	list_table(json, &t);
	assert_string_equal(text_cstr(&t), wanted);
	text_done(&t);
}

static void test_nameless(void **state)
{
	(void)state;
	same("{\"containers\":[{\"id\":\"a\",\"veth\":\"dr1\",\"ports\":\"31000\","
	     "\"ephemeral_ports\":{\"begin\":30016,\"end\":30031},"
	     "\"egress\":{\"rate\":1500},\"refused\":{\"foreign_port\":3},\"missing\":2}],"
	     "\"foreign\":[{\"veth\":\"mesos7\",\"why\":\"gone\"}],"
	     "\"free\":{\"ports\":\"31001-31007\",\"containers\":4}}",
	     "ID                                   " COLUMNS "KERNEL\n"
	     "a                                    dr1      31000                  30016-30031  "
	     "1.5 kB/s    -           3            2 missing\n"
	     "-                                    mesos7   -                      -            "
	     "-           -           -            of Mesos' isolator: gone\n"
	     "free: ports 31001-31007; ephemeral none; 4 more containers\n");
}

static void test_named(void **state)
{
	(void)state;
	same("{\"containers\":[{\"id\":\"a\",\"missing\":0,\"app\":\"/shop/web\","
	     "\"task\":\"shop_web.1\"},{\"id\":\"b\"},{\"id\":\"c\",\"ending\":true}]}",
	     "ID                                   " COLUMNS
	     "APP                    TASK                                 KERNEL\n"
	     "a                                    -        -                      -            "
	     "-           -           -            "
	     "/shop/web              shop_web.1                           agrees\n"
	     "b                                    -        -                      -            "
	     "-           -           -            "
	     "-                      -                                    unknown\n"
	     "c                                    -        -                      -            "
	     "-           -           -            "
	     "-                      -                                    ending\n" NOTHING);
}

static void test_other_answers(void **state)
{
	static const char *const odd[] = {"no JSON", "[]", "{\"containers\":7,\"free\":[]}"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(odd); k++)
		same(odd[k], "ID                                   " COLUMNS "KERNEL\n" NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nameless),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_other_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
