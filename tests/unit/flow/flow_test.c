/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/flow.h"

#include <stdio.h>

/* A source of five packets of two containers, one of them seen at both ends, and a loss. */

static const struct container_record web = {
	.meta = {[META_CONTAINER] = "11111111-0000-4000-8000-000000000001", [META_APP] = "/web"}};
static const struct container_record db = {
	.meta = {[META_CONTAINER] = "22222222-0000-4000-8000-000000000002", [META_APP] = "/db"}};

static const struct {
	uint32_t iface, flags, len;
	uint64_t ts, packet_id;
} packets[] = {
	{0, EVENT_OUT, 100, 1000, 0}, {0, EVENT_OUT, 200, 2000, 42}, /* web sends ... */
	{1, EVENT_IN, 200, 2001, 42}, /* ... db receives the same packet */
	{1, EVENT_OUT, 300, 5000, 0}, {0, EVENT_IN, 400, 9000, 0},
};

static struct reader_query asked; /* by the flow */
static bool wanted[2];

static int announce(const struct sink *sink, uint32_t number, const struct container_record *who)
{
	const struct iface_record r = {
		.number = number, .container = who, .linktype = 1, .sample = 1};

	return sink->iface(sink->ctx, &r);
}

static int send_packet(const struct sink *sink, unsigned i)
{
	static const uint8_t bytes[60];
	struct event ev = {
		.ts = packets[i].ts,
		.data = bytes,
		.caplen = sizeof(bytes),
		.len = packets[i].len,
		.iface = packets[i].iface,
		.type = EVENT_PACKET,
		.flags = packets[i].flags,
		.weight = 1,
		.packet_id = packets[i].packet_id,
	};

	return sink->event(sink->ctx, &ev);
}

static int send_text(const struct sink *sink, enum event_type type, const char *text, uint32_t lost)
{
	struct event ev = {
		.ts = 9500,
		.data = (const uint8_t *)text,
		.caplen = (uint32_t)strlen(text),
		.iface = IFACE_NONE,
		.type = (uint16_t)type,
		.lost = lost,
		.weight = 1,
	};

	return sink->event(sink->ctx, &ev);
}

static int send_loss(const struct sink *sink)
{
	return send_text(sink, EVENT_DROP, "MESSAGE=3 packets lost\nDREDGE_EVENT=drop\n", 3);
}

/* Of web, and of the host. */
static int send_notices(const struct sink *sink)
{
	return send_text(sink, EVENT_NOTICE,
			 "DREDGE_EVENT=container_end\n"
			 "CONTAINER_ID=11111111-0000-4000-8000-000000000001\n",
			 0) ||
	       send_text(sink, EVENT_NOTICE, "DREDGE_EVENT=host_changed\n", 0);
}

/* What the container of interface 0 is said to have at the end. */
static int send_sample(const struct sink *sink)
{
	static const struct counters none;
	struct event ev = {
		.ts = 10000001,
		.data = (const uint8_t *)&none,
		.caplen = sizeof(none),
		.type = EVENT_COUNTERS,
		.weight = 1,
	};

	return sink->event(sink->ctx, &ev);
}

static bool ends_well; /* after a tick and a sample of counters; else the file is cut off */

static int fake_run(struct source *s, const struct reader_query *q, const struct sink *sink,
		    struct err *e)
{
	(void)s;
	asked = *q;
	announce(sink, 0, &web);
	announce(sink, 1, &db);
	for (uint32_t n = 0; n < 2; n++)
		wanted[n] = !q->iface_wanted || q->iface_wanted(q->ctx, n);
	for (unsigned i = 0; i < ARRAY_SIZE(packets); i++)
		if (wanted[packets[i].iface] && send_packet(sink, i))
			return 1;
	if ((q->types >> EVENT_NOTICE & 1 && send_notices(sink)) || send_loss(sink))
		return 1;
	if (ends_well)
		return sink->tick(sink->ctx, 10000000) || send_sample(sink);
	return err_set(e, ERR_FAILED, "the file is cut off");
}

static const struct source_kind fake_kind = {.scheme = "fake", .run = fake_run};
static struct source fake = {.kind = &fake_kind};

static unsigned presented, notices;
static uint64_t refused_other;
static char told[200]; /* text of the last notice */

static int present(void *ctx, struct context *c)
{
	(void)ctx;
	presented += c->ev->type == EVENT_PACKET;
	if (c->counters)
		refused_other = c->counters->value[COUNTER_NET_REFUSED_OTHER];
	return 0;
}

static int notice(void *ctx, struct context *c)
{
	(void)ctx;
	notices += c->ev->lost == 3;
	snprintf(told, sizeof(told), "%.*s", (int)c->ev->caplen, (const char *)c->ev->data);
	return 0;
}

static int run(const char *filter, struct flow_options o, struct flow_totals *t, struct err *e)
{
	struct filter *f = filter ? filter_compile(filter, NULL, e) : NULL;

	o.source = &fake;
	o.state = state_new(0);
	o.filter = f;
	o.present = present;
	o.notice = notice;
	*t = (struct flow_totals){0};
	presented = notices = 0;
	int status = flow_run(&o, t, e);
	state_free(o.state);
	filter_free(f);
	return status;
}

static void test_a_packet_between_containers_counts_once(void **state)
{
	struct flow_totals t;
	struct err e = {0};

	(void)state;
	assert_int_equal(run(NULL, (struct flow_options){0}, &t, &e), -1);
	assert_string_equal(e.message, "the file is cut off");
	assert_int_equal(t.sights, 5);
	assert_int_equal(t.packets, 4);
	assert_int_equal(t.bytes, 1000);
	assert_int_equal(t.lost, 3);
	assert_int_equal(t.first, 1000);
	assert_int_equal(t.last, 9500);
	assert_int_equal(presented, 5);
}

static void test_conditions_reach_the_source(void **state)
{
	struct flow_totals t;

	(void)state;
	run("marathon.app.id=/db", (struct flow_options){0}, &t, &(struct err){0});
	assert_false(wanted[0]);
	assert_true(wanted[1]);
	assert_int_equal(presented, 2);
	assert_int_equal(notices, 1); /* a loss is told whatever the filter says */
	run("evt.rawtime>=2000 and evt.type=packet", (struct flow_options){.to = 6000}, &t,
	    &(struct err){0});
	assert_int_equal(asked.from, 2000);
	assert_int_equal(asked.to, 6000);
	assert_int_equal(asked.types, 1u << EVENT_PACKET | 1u << EVENT_DROP);
}

static void test_messages_become_notices_and_counters(void **state)
{
	struct message_box box = {.waiting = 0};
	struct message *m = message_new();
	struct flow_totals t;

	(void)state;
	m->ts = 9600000;
	m->container = xstrdup(web.meta[META_CONTAINER]);
	m->kind = "attached";
	m->priority = 6;
	text_str(&m->text, "hello");
	notice_add(&m->keys, "DREDGE_LINK", "dr1");
	counters_set(&m->counters, COUNTER_NET_REFUSED_OTHER, 5);
	message_post(&box, m);
	ends_well = true;
	assert_int_equal(run(NULL, (struct flow_options){.messages = &box, .live = true}, &t,
			     &(struct err){0}),
			 0);
	ends_well = false;
	assert_null(message_take(&box));
	assert_string_equal(told, "__REALTIME_TIMESTAMP=9600\nPRIORITY=6\n"
				  "SYSLOG_IDENTIFIER=dredged\nDREDGE_EVENT=attached\n"
				  "MESSAGE=hello app=/web\nMARATHON_APP_ID=/web\n"
				  "CONTAINER_ID=11111111-0000-4000-8000-000000000001\n"
				  "DREDGE_LINK=dr1\n");
	assert_int_equal(refused_other, 5);
}

static void test_ends(void **state)
{
	struct flow_totals t;
	struct err e = {0};

	(void)state;
	assert_int_equal(run(NULL, (struct flow_options){.max_events = 2}, &t, &e), 0);
	assert_int_equal(presented, 2);
	assert_int_equal(run(NULL, (struct flow_options){.max_ns = 1001}, &t, &e), 0);
	assert_int_equal(presented, 2); /* 1000 and 2000; 2001 is 1001 ns after the first */
	assert_int_equal(run("frame.len>=200", (struct flow_options){.max_events = 3}, &t, &e), 0);
	assert_int_equal(presented, 3);
}

static uint64_t written(struct recorder *r)
{
	struct writer_stats s;

	writer_get_stats(r->writer, &s);
	return s.packets;
}

static struct writer *write_to(const char *path)
{
	const struct writer_options o = {.path = path, .format = SAVEFILE_PCAPNG};
	struct err e = {0};
	struct writer *w = writer_open(&o, &e);

	if (!w)
		fail_msg("%s", e.message);
	return w;
}

/* Each has its filter; one that fails ends alone, unless it must not fail. */
static void test_recorders(void **state)
{
	struct flow_totals t;
	struct err e = {0};
	struct filter *db_only = filter_compile("marathon.app.id=/db", NULL, &e);
	struct recorder all = {.writer = write_to("/dev/null")};
	struct recorder some = {.writer = write_to("/dev/null"), .filter = db_only, .next = &all};
	struct recorder *first = &some;
	struct flow_options o = {.recorders = &first};

	(void)state;
	ends_well = true;
	assert_int_equal(run(NULL, o, &t, &e), 0);
	assert_int_equal(written(&all), 5);
	assert_int_equal(written(&some), 2);
	assert_int_equal(run("frame.len=300", o, &t, &e), 0); /* and the flow's own */
	assert_int_equal(written(&all), 6);
	assert_int_equal(written(&some), 3);

	/* Interface numbers that are too much for a writer. */
	struct recorder far = {.writer = write_to("/dev/null"),
			       .base = UINT32_MAX / 2,
			       .spare = true,
			       .next = &some};
	first = &far;
	assert_int_equal(run(NULL, o, &t, &e), 0);
	assert_true(far.broken);
	assert_non_null(strstr(far.why.message, "interfaces"));
	assert_int_equal(written(&all), 11);
	assert_int_equal(written(&some), 5);
	far.broken = far.spare = false;
	assert_int_equal(run(NULL, o, &t, &e), -1);
	assert_non_null(strstr(e.message, "interfaces"));
	writer_close(far.writer, NULL);
	writer_close(some.writer, NULL);
	writer_close(all.writer, NULL);
	filter_free(db_only);
}

/* What passes a filter is recorded with what becomes of the containers that it may let through, and
 * with losses. */
static void test_notices_are_recorded(void **state)
{
	static const struct {
		const char *filter;
		uint64_t packets, notices;
	} rows[] = {
		{NULL, 5, 3},
		{"frame.len=300", 1, 2},
		{"marathon.app.id=/web", 3, 2},
		{"marathon.app.id=/db", 2, 1},
	};

	(void)state;
	ends_well = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_totals t;
		struct err e = {0};
		struct writer_stats s;
		struct recorder r = {.writer = write_to("/dev/null")};
		struct recorder *first = &r;
		assert_int_equal(
			run(rows[i].filter, (struct flow_options){.recorders = &first}, &t, &e), 0);
		writer_get_stats(r.writer, &s);
		assert_int_equal(s.packets, rows[i].packets);
		assert_int_equal(s.notices, rows[i].notices);
		writer_close(r.writer, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_packet_between_containers_counts_once),
		cmocka_unit_test(test_conditions_reach_the_source),
		cmocka_unit_test(test_messages_become_notices_and_counters),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_recorders),
		cmocka_unit_test(test_notices_are_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
