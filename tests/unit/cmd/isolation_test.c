/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/isolation.h"
#include "event/event.h"
#include "isolate/isolate.h"

#include <stdio.h>
#include <stdlib.h>

static struct isolate_container web(struct port_set *ports)
{
	port_set_add(ports, 31000, 31007);
	return (struct isolate_container){
		.id = "web",
		.veth = "dr1",
		.ports = ports,
		.ephemeral_begin = 30016,
		.ephemeral_end = 30031,
		.egress = {.rate = 1048576},
		.refused = {[DP_FOREIGN_PORT] = 7, [DP_OTHER] = 2},
	};
}

static const struct {
	struct isolate_event ev;
	bool view;
	const char *kind, *text, *key, *value;
} cases[] = {
	{{.kind = ISOLATE_ATTACHED, .id = "web"},
	 true,
	 "attached",
	 "isolation: web attached: ports 31000-31007, ephemeral 30016-30031, egress 1048576 B/s, "
	 "ingress unlimited",
	 "DREDGE_EGRESS",
	 "1048576"},
	{{.kind = ISOLATE_UPDATED, .id = "web"},
	 true,
	 "updated",
	 "isolation: web updated: ports 31000-31007, ephemeral 30016-30031, egress 1048576 B/s, "
	 "ingress unlimited",
	 "DREDGE_PORTS",
	 "31000-31007"},
	{{.kind = ISOLATE_DETACHED, .id = "web"},
	 false,
	 "detached",
	 "isolation: web detached",
	 NULL,
	 NULL},
	{{.kind = ISOLATE_RECOVERED, .id = "web"},
	 true,
	 "recovered",
	 "isolation: web recovered: ports 31000-31007, ephemeral 30016-30031, egress 1048576 B/s, "
	 "ingress unlimited",
	 "DREDGE_LINK",
	 "dr1"},
	{{.kind = ISOLATE_QUARANTINED, .id = "web", .why = "gone"},
	 false,
	 "quarantined",
	 "isolation: web left as it was found: gone",
	 "DREDGE_REASON",
	 "gone"},
	{{.kind = ISOLATE_DRIFT, .what = "host: clsact on lo", .why = "left alone", .times = 1},
	 false,
	 "drift",
	 "isolation: host: clsact on lo is missing: left alone",
	 "DREDGE_COUNT",
	 "1"},
	{{.kind = ISOLATE_REPAIRED, .id = "web", .what = "program", .times = 3},
	 false,
	 "drift_repaired",
	 "isolation: web: program was missing, put right, 3 times",
	 "DREDGE_THING",
	 "program"},
	{{.kind = ISOLATE_HOST_CHANGED, .what = "MTU 1400, gateway none"},
	 false,
	 "host_changed",
	 "isolation: the host has now MTU 1400, gateway none: containers follow",
	 "DREDGE_THING",
	 "MTU 1400, gateway none"},
	{{.kind = ISOLATE_PACKETS_REFUSED, .id = "web", .reason = DP_SPOOFED, .times = 1},
	 true,
	 "packets_refused",
	 "isolation: web: 1 packet, sent from an address that is not the host's",
	 "DREDGE_REASON",
	 "spoofed"},
	{{.kind = ISOLATE_PACKETS_REFUSED, .id = "web", .reason = DP_FOREIGN_PORT, .times = 2},
	 true,
	 "packets_refused",
	 "isolation: web: 2 packets, sent from a port that is not its own",
	 "DREDGE_COUNT",
	 "2"},
	{{.kind = ISOLATE_REQUEST_REFUSED, .id = "db", .what = "attach", .why = "in use\nDREDGE"},
	 false,
	 "request_refused",
	 "isolation: db: attach refused: in use\nDREDGE",
	 "DREDGE_REASON",
	 "in use DREDGE"},
	{{.kind = ISOLATE_REQUEST_REFUSED, .what = "attach", .why = "bad id"},
	 false,
	 "request_refused",
	 "isolation: attach refused: bad id",
	 "DREDGE_REQUEST",
	 "attach"},
};

static void test_every_kind_says_what_it_should(void **state)
{
	static struct port_set ports;
	const struct isolate_container view = web(&ports);
	bool met[ISOLATE_EVENT_KINDS] = {false};
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct isolate_event ev = cases[i].ev;
		ev.view = cases[i].view ? &view : NULL;
		met[ev.kind] = true;
		struct message *m = isolation_message(&ev, 12345);
		assert_int_equal(m->ts, 12345);
		assert_string_equal(m->kind, cases[i].kind);
		assert_string_equal(text_cstr(&m->text), cases[i].text);
		assert_int_equal(m->container != NULL, ev.id != NULL);
		const char *v = cases[i].key
					? notice_find(m->keys.data, m->keys.len, cases[i].key, &n)
					: NULL;
		assert_int_equal(v != NULL, cases[i].key != NULL);
		if (v) {
			assert_int_equal(n, strlen(cases[i].value));
			assert_memory_equal(v, cases[i].value, n);
		}
		assert_int_equal(counters_has(&m->counters, COUNTER_NET_REFUSED_FOREIGN_PORT),
				 cases[i].view);
		if (cases[i].view) {
			assert_int_equal(m->counters.value[COUNTER_NET_REFUSED_FOREIGN_PORT], 7);
			assert_int_equal(m->counters.value[COUNTER_NET_REFUSED_SPOOFED], 0);
			assert_int_equal(m->counters.value[COUNTER_NET_REFUSED_OTHER], 2);
		}
		message_free(m);
	}
	for (unsigned k = 0; k < ISOLATE_EVENT_KINDS; k++)
		assert_true(met[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_says_what_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
