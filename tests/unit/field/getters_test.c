/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "fixture.h"

struct row {
	enum sample sample;
	const char *field;
	const char *wanted; /* as text, values joined by ','; NULL = absent */
};

static const struct row rows[] = {
	{WEB_SYN, "evt.num", "1"},
	{WEB_SYN, "evt.time.iso8601", "2023-11-14T22:13:20.000000000+0000"},
	{WEB_DATA, "evt.rawtime", "1700000000001000000"},
	{WEB_DATA, "evt.rawtime.s", "1700000000"},
	{WEB_DATA, "evt.rawtime.ns", "1000000"},
	{WEB_DATA, "evt.reltime", "1000000"},
	{DROP, "evt.reltime.ns", "12000000"},
	{DROP, "evt.reltime.s", "0"},
	{WEB_SYN, "evt.deltatime", "0"},
	{DROP, "evt.deltatime", "1000000"},
	{WEB_REPLY, "evt.latency", "12500000"},
	{WEB_REPLY, "evt.latency.s", "0"},
	{WEB_REPLY, "evt.latency.human", "12.5ms"},
	{WEB_DATA, "evt.latency", NULL},
	{WEB_SYN, "evt.dir", "<"},
	{WEB_REPLY, "evt.dir", ">"},
	{DNS, "evt.dir", NULL},
	{COUNTERS_, "evt.dir", "<"},
	{NOTICE, "evt.dir", NULL},
	{WEB_SYN, "evt.type", "packet"},
	{COUNTERS_, "evt.type", "counters"},
	{WEB_SYN, "evt.category", "net"},
	{DROP, "evt.category", "drop"},
	{WEB_SYN, "evt.cpu", NULL},
	{COUNTERS_, "evt.info", "rx 50 pkts 5000 bytes cpu 1.500 s"},
	{NOTICE, "evt.info", "container web.0 started"},
	{DROP, "evt.args", "12 packets lost"},
	{WEB_DATA, "evt.arg.res", "92"},
	{WEB_DATA, "evt.rawarg[size]", "92"},
	{WEB_DATA, "evt.rawarg.fd", NULL},
	{NOTICE, "evt.arg.DREDGE_EVENT", "container_start"},
	{WEB_DATA, "evt.buffer", "GET /cart?id=7 HTTP/1.1..Host: web...."},
	{WEB_DATA, "evt.buflen", "38"},
	{WEB_SYN, "evt.buffer", NULL},
	{WEB_SYN, "evt.buflen", "0"},
	{WEB_SYN, "evt.is_io", "true"},
	{NOTICE, "evt.is_io", "false"},
	{WEB_SYN, "evt.is_io_read", "true"},
	{WEB_REPLY, "evt.is_io_read", "false"},
	{WEB_REPLY, "evt.is_io_write", "true"},
	{WEB_REPLY, "evt.io_dir", "w"},
	{DNS, "evt.io_dir", NULL},
	{WEB_SYN, "evt.failed", "false"},
	{WEB2_RST, "evt.failed", "true"},
	{WEB2_RST, "evt.res", "ECONNREFUSED"},
	{UNREACH, "evt.rawres", "-111"},
	{WEB_SYN, "evt.res", "SUCCESS"},
	{WEB_SYN, "evt.rawres", "54"},
	{WEB_SYN, "container.id", ID_WEB},
	{DNS, "container.id", "host"},
	{DNS, "container.name", "host"},
	{WEB2_RST, "container.name", ID_WEB2},
	{DNS, "container.full_id", NULL},
	{WEB_SYN, "container.start_ts", "1699999995000000000"},
	{WEB_DATA, "container.duration", "5001000000"},
	{WEB2_RST, "container.duration", NULL},
	{WEB2_RST, "container.rung", "port"},
	{DNS, "container.rung", NULL},
	{WEB_SYN, "mesos.task.name", "shop_web"},
	{WEB_SYN, "marathon.group.id", "/shop"},
	{WEB_SYN, "marathon.app.label.tier", "front"},
	{WEB_SYN, "marathon.app.label[note]", "a b"},
	{WEB_SYN, "marathon.app.label.tie", NULL},
	{WEB_SYN, "marathon.app.labels", "tier:front, note:a b, empty:"},
	{WEB_SYN, "mesos.task.labels", NULL},
	{DNS, "marathon.app.id", NULL},
	{WEB_SYN, "fd.name", "10.1.0.9:40000->10.1.0.2:31401"},
	{WEB_REPLY, "fd.name", "10.1.0.9:40000->10.1.0.2:31401"},
	{WEB2_RST, "fd.name", "10.1.0.9:40003->10.1.0.3:31402"},
	{SIX, "fd.name", "[fd00::1]:40001->[fd00::2]:443"},
	{VXLAN, "fd.name", "10.9.0.1:40002->10.9.0.2:6379"},
	{UNREACH, "fd.name", "10.1.0.1->10.1.0.2"},
	{ARP, "fd.name", NULL},
	{WEB_REPLY, "fd.cip", "10.1.0.9"},
	{WEB_REPLY, "fd.lip", "10.1.0.2"},
	{WEB_REPLY, "fd.rport", "40000"},
	{WEB_REPLY, "fd.is_server", "true"},
	{DNS, "fd.lip", "10.0.0.53"},
	{DNS, "fd.rport", "50000"},
	{DNS, "frame.len.in", "78"},
	{DNS, "frame.len.out", NULL},
	{DNS, "fd.is_server", NULL},
	{WEB_SYN, "fd.ip", "10.1.0.9,10.1.0.2"},
	{UNREACH, "fd.port", NULL},
	{UNREACH, "fd.l4proto", "icmp"},
	{ARP, "fd.l4proto", NULL},
	{WEB_SYN, "frame.time_epoch", "1700000000.000000000"},
	{WEB_DATA, "frame.time_relative", "0.001000000"},
	{CUT, "frame.cap_len", "30"},
	{CUT, "frame.len", "54"},
	{NOTICE, "frame.len", NULL},
	{WEB_DATA, "frame.packet_id", "0xabc"},
	{WEB_SYN, "frame.packet_id", NULL},
	{WEB_REPLY, "frame.packet_id", "0xeee06d5dd87a4fc2"},
	{ARP, "frame.packet_id", NULL},
	{DROP, "frame.drop_count", "12"},
	{VXLAN, "frame.protocols", "eth:ip:udp:vxlan:eth:ip:tcp"},
	{WEB2_RST, "frame.interface_description",
	 "app=/shop/web2 task=shop_web2.2222 container=" ID_WEB2},
	{WEB_SYN, "eth.addr", "02:00:00:00:00:0a,02:00:00:00:00:0b"},
	{ARP, "eth.type", "0x806"},
	{ARP, "arp.src.proto_ipv4", "10.1.0.1"},
	{ARP, "arp.dst.hw_mac", "00:00:00:00:00:00"},
	{WEB_SYN, "arp.opcode", NULL},
	{VXLAN, "ip.src", "192.168.7.1,10.9.0.1"},
	{VXLAN, "ip.host", "192.168.7.1,192.168.7.2,10.9.0.1,10.9.0.2"},
	{VXLAN, "ip.proto", "17,6"},
	{SIX, "ip.src", NULL},
	{SIX, "ipv6.src", "fd00::1"},
	{SIX, "ipv6.flow", "0x12345"},
	{WEB_SYN, "ip.id", "0xbeef"},
	{WEB_SYN, "ip.dsfield.dscp", "46"},
	{CUT, "ip.ttl", NULL},
	{VXLAN, "tcp.port", "40002,6379"},
	{VXLAN, "udp.port", "55555,4789"},
	{VXLAN, "vxlan.vni", "42"},
	{VXLAN, "geneve.vni", NULL},
	{WEB_SYN, "tcp.flags", "0x2"},
	{WEB_SYN, "tcp.flags.syn", "true"},
	{WEB_SYN, "tcp.flags.ack", "false"},
	{WEB_SYN, "tcp.seq_raw", "1000"},
	{WEB_SYN, "tcp.window_size_value", "502"},
	{WEB_SYN, "tcp.seq", NULL},
	{WEB_DATA, "tcp.seq", "1"},
	{WEB_DATA, "tcp.len", "38"},
	{WEB_DATA, "tcp.stream", "7"},
	{WEB_DATA, "tcp.analysis.retransmission", "true"},
	{WEB_REPLY, "tcp.analysis.retransmission", "false"},
	{WEB_SYN, "tcp.analysis.retransmission", NULL},
	{WEB_REPLY, "tcp.analysis.initial_rtt", "0.000300000"},
	{DNS, "udp.length", "44"},
	{DNS, "dns.qry.name", "web.marathon.mesos"},
	{DNS, "dns.flags.response", "false"},
	{DNS, "dns.flags.rcode", NULL},
	{DNS, "dns.id", "0x1234"},
	{DNS, "dns.qry.type", "1"},
	{DNS, "dns.count.answers", "0"},
	{DNS, "dns.a", NULL},
	{WEB_DATA, "http.host", "web"},
	{WEB_DATA, "http.content_length_header", NULL},
	{WEB_REPLY, "http.host", NULL},
	{WEB_DATA, "http.request.method", "GET"},
	{WEB_DATA, "http.request.uri", "/cart?id=7"},
	{WEB_REPLY, "http.response.code", "503"},
	{WEB_DATA, "http.response.code", NULL},
	{UNREACH, "icmp.code", "3"},
	{COUNTERS_, "net_rx_bytes", "5000"},
	{COUNTERS_, "cpus_user_time_secs", "1.500000000"},
	{COUNTERS_, "net_tx_bytes", NULL},
	{WEB_SYN, "net_rx_bytes", NULL},
	{NOTICE, "notice.kind", "container_start"},
	{DROP, "notice.priority", "4"},
	{DROP, "notice.lost", "12"},
	{WEB_SYN, "notice.message", NULL},
};

static void test_values(void **state)
{
	static struct fixture x;
	struct text scratch = {0}, got = {0};

	(void)state;
	fixture_init(&x);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct value v[FIELD_MAX_VALUES];
		size_t used;
		char *arg;
		const struct field *f = field_find(rows[i].field, strlen(rows[i].field), &used,
						   &arg);

		if (!f || used != strlen(rows[i].field))
			fail_msg("%s is not known", rows[i].field);
		text_reset(&scratch);
		text_reset(&got);
		unsigned n = f->get(f, arg, &x.c[rows[i].sample], &scratch, v);

		for (unsigned k = 0; k < n; k++) {
			text_str(&got, k ? "," : "");
			value_text(&got, f, &v[k]);
		}
		const char *wanted = rows[i].wanted ? rows[i].wanted : "";

		if (!!n != !!rows[i].wanted || !str_eq(text_cstr(&got), wanted))
			fail_msg("%s of %s: wanted %s, got %s", rows[i].field,
				 sample_names[rows[i].sample], rows[i].wanted ? wanted : "no value",
				 n ? text_cstr(&got) : "none");
		free(arg);
	}
	text_done(&scratch);
	text_done(&got);
}

/* A notice of an app, and of no container. */
static void test_notice_of_app(void **state)
{
	static const char data[] = "DREDGE_EVENT=app_changed\nMARATHON_APP_ID=/shop/web\n";
	static const char *const fields[][2] = {{"marathon.app.id", "/shop/web"},
						{"marathon.group.id", "/shop"},
						{"container.id", "host"}};
	const struct event ev = {.type = EVENT_NOTICE,
				 .data = (const uint8_t *)data,
				 .caplen = sizeof(data) - 1,
				 .len = sizeof(data) - 1};
	struct text scratch = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct context c = {.ev = &ev};
		struct value v[FIELD_MAX_VALUES];
		size_t used;
		char *arg;
		const struct field *f = field_find(fields[i][0], strlen(fields[i][0]), &used, &arg);
		assert_int_equal(f->get(f, arg, &c, &scratch, v), 1);
		assert_int_equal(v[0].n, strlen(fields[i][1]));
		assert_memory_equal(v[0].p, fields[i][1], v[0].n);
	}
	text_done(&scratch);
}

/* Every field on every event, with the bytes cut at every length: the row's promises hold. */
static void check_promises(const struct field *f, struct context *c)
{
	static const uint32_t kinds[EVENT_TYPES] = {
		[EVENT_PACKET] = FIELD_PACKETS,
		[EVENT_COUNTERS] = FIELD_COUNTERS,
		[EVENT_NOTICE] = FIELD_NOTICES,
		[EVENT_DROP] = FIELD_NOTICES,
	};
	uint32_t wanted = f->flags & (FIELD_PACKETS | FIELD_COUNTERS | FIELD_NOTICES);
	struct value v[FIELD_MAX_VALUES];
	struct text scratch = {0}, json = {0};
	unsigned n = f->get(f, f->flags & FIELD_ARG ? "size" : NULL, c, &scratch, v);

	if (n && wanted && !(wanted & kinds[c->ev->type]))
		fail_msg("%s has a value on %s", f->name,
			 event_type_name((enum event_type)c->ev->type));
	if (n > (f->flags & FIELD_MULTI ? FIELD_MAX_VALUES : 1))
		fail_msg("%s has %u values", f->name, n);
	for (unsigned i = 0; i < n; i++) {
		if (v[i].type != f->type)
			fail_msg("%s is no %s", f->name, value_type_name(f->type));
		value_text(&json, f, &v[i]);
		value_json(&json, f, &v[i]);
	}
	text_done(&scratch);
	text_done(&json);
}

static void each_field(struct context *c)
{
	for (const struct field_class *const *k = field_classes; *k; k++) {
		for (size_t i = 0; i < (*k)->count; i++)
			check_promises(&(*k)->fields[i], c);
	}
}

static void test_promises(void **state)
{
	static struct fixture x;

	(void)state;
	for (unsigned s = 0; s < SAMPLES; s++) {
		fixture_init(&x);
		uint32_t whole = x.ev[s].caplen;

		for (uint32_t cut = 0; cut <= whole; cut++) {
			if (x.ev[s].type == EVENT_COUNTERS && cut < whole)
				continue;
			/* A copy of exactly this size, so that reading past it is seen. */
			uint8_t *copy = xmalloc(cut ? cut : 1);

			memcpy(copy, x.ev[s].data, cut);
			struct event ev = x.ev[s];
			struct context c = x.c[s];

			ev.data = copy;
			ev.caplen = cut;
			c.ev = &ev;
			c.decoded = false;
			each_field(&c);
			free(copy);
		}
	}
}

static void test_json(void **state)
{
	static const struct {
		struct value v;
		uint32_t flags;
		const char *wanted;
	} values[] = {
		{{.type = VALUE_BOOL, .b = true}, 0, "true"},
		{{.type = VALUE_U64, .u = UINT64_MAX}, 0, "18446744073709551615"},
		{{.type = VALUE_U64, .u = 255}, FIELD_HEX, "255"},
		{{.type = VALUE_I64, .i = INT64_MIN}, 0, "-9223372036854775808"},
		{{.type = VALUE_DOUBLE, .d = 1.5}, 0, "1.500000000"},
		{{.type = VALUE_DOUBLE, .d = __builtin_inf()}, 0, "null"},
		{{.type = VALUE_STRING, .n = 3, .p = "a\"\n"}, 0, "\"a\\\"\\n\""},
		{{.type = VALUE_IP, .n = 4, .p = "\x0a\0\0\1"}, 0, "\"10.0.0.1\""},
		{{.type = VALUE_MAC, .n = 6, .p = "\2\0\0\0\0\1"}, 0, "\"02:00:00:00:00:01\""},
		{{.type = VALUE_ABSTIME, .u = 1700000000000000001}, 0, "1700000000000000001"},
		{{.type = VALUE_ABSTIME, .u = 1700000000000000001},
		 FIELD_SECONDS,
		 "1700000000.000000001"},
	};
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct field f = {.type = values[i].v.type, .flags = values[i].flags};

		text_reset(&t);
		value_json(&t, &f, &values[i].v);
		assert_string_equal(text_cstr(&t), values[i].wanted);
	}
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_notice_of_app),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
