/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions against a handful of events: exactly these match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../field/fixture.h"
#include "filter/filter.h"

struct row {
	const char *expression;
	const char *matches; /* names of samples, in their order */
};

static const struct row operators[] = {
	{"tcp.port=31401", "syn data reply"},
	{"tcp.port==31401", "syn data reply"},
	{"tcp.port = 0x7aa9", "syn data reply"},
	{"tcp.dstport=31401", "syn data"},
	/* Either port may serve either condition; a range in a list speaks of one port. */
	{"tcp.port>=31402 and tcp.port<40000", "syn data reply rst vxlan six"},
	{"tcp.port in (31402..39999)", "rst"},
	{"tcp.srcport<=443", ""},
	{"tcp.dstport<=443", "six"},
	{"tcp.port in (443, 31402)", "rst six"},
	{"tcp.port in (443,31402,)", "rst six"},
	{"tcp.port in (31400..31402, 443)", "syn data reply rst six"},
	{"tcp.port intersects (31402)", "rst"},
	{"frame.len<55", "syn rst unreach arp cut"},
	{"frame.len > 130", ""},
	{"evt.type=packet", "syn data reply rst vxlan six unreach dns arp cut"},
	{"evt.type in (notice, drop)", "notice drop"},
	{"evt.type!=packet", "counters notice drop"},
	{"evt.category=net and evt.num<=2", "syn data"},
	{"evt.num=13", "drop"},
	{"evt.dir='>'", "reply rst"},
	{"evt.dir=>", "reply rst"},
	{"evt.dir=< and not evt.type=packet", "counters"},
	{"tcp.flags=0x18", "data reply vxlan"},
	{"tcp.flags.syn", "syn"},
	{"tcp.flags.syn=true", "syn"},
	{"tcp.flags.syn=false", "data reply rst vxlan six"},
	{"tcp.flags.syn exists", "syn data reply rst vxlan six"},
	{"tcp.flags.syn!=true", "data reply rst vxlan six"},
	{"tcp.flags.syn in (true, false)", "syn data reply rst vxlan six"},
	{"tcp.flags.push and tcp.flags.ack=true", "data reply vxlan"},
	{"icmp.type exists and tcp.flags.syn exists", ""},
	{"tcp", "syn data reply rst vxlan six"},
	{"net_rx_bytes>=5000", "counters"},
	{"net_rx_bytes<5000", ""},
	{"net_tx_bytes=0", ""},
	{"cpus_user_time_secs>1.4 and cpus_user_time_secs<1.6", "counters"},
	{"cpus_user_time_secs=1.5", "counters"},
	{"cpus_user_time_secs>1.5", ""},
	{"cpus_user_time_secs in (0.1..0.2, 1..2)", "counters"},
	{"cpus_user_time_secs>-1", "counters"},
	{"evt.rawres=-111", "rst unreach"},
	{"evt.rawres<0", "rst unreach"},
	{"evt.rawres>=-5 and evt.rawres<60", "syn arp cut"},
	{"notice.kind=container_start", "notice"},
	{"notice.priority<5", "drop"},
	{"notice.lost>10", "drop"},
	{"evt.info contains started", "notice"},
	{"evt.arg.PRIORITY=6", "notice"},
	{"evt.rawarg.res=54", "syn rst cut"},
};

static const struct row addresses[] = {
	{"ip.addr=10.1.0.9", "syn data reply rst"},
	{"ip.src=10.1.0.0/16", "syn data reply rst unreach dns"},
	{"ip.src=10.1.0.0/255.255.0.0", "syn data reply rst unreach dns"},
	{"ip.addr=0.0.0.0/0", "syn data reply rst vxlan unreach dns"},
	{"ip.addr in (10.1.0.3, 192.168.0.0/16)", "rst vxlan"},
	{"ip.addr!=10.1.0.9", "vxlan unreach dns"},
	{"not ip.addr=10.1.0.9", "vxlan six unreach dns arp cut counters notice drop"},
	{"ip.src=10.9.0.1", "vxlan"},
	{"ip.src=192.168.7.1", "vxlan"},
	{"fd.ip=10.9.0.1", "vxlan"},
	{"fd.ip=192.168.7.1", ""},
	{"ipv6.addr=fd00::1", "six"},
	{"ipv6.dst=fd00::/8", "six"},
	{"ipv6.dst in (fe80::/10, fd00::2)", "six"},
	{"fd.ip=fd00::1", "six"},
	{"fd.ip in (fd00::2, 10.1.0.3)", "rst six"},
	{"fd.sport=31401", "syn data reply"},
	{"fd.cport=40000", "syn data reply"},
	{"fd.sip=10.1.0.2", "syn data reply unreach"},
	{"fd.lip=10.1.0.2 and fd.rip=10.1.0.9", "syn data reply"},
	{"fd.lport=31402", "rst"},
	{"fd.net=10.9.0.0/24", "vxlan"},
	{"fd.snet=10.1.0.0/24", "syn data reply rst unreach"},
	{"fd.l4proto=udp", "dns"},
	{"fd.l4proto in (icmp, udp)", "unreach dns"},
	{"fd.is_server", "syn data reply rst vxlan six"},
	{"fd.name='10.1.0.9:40000->10.1.0.2:31401'", "syn data reply"},
	{"fd.name contains '[fd00::2]:443'", "six"},
	{"fd.typechar=6", "six"},
	{"fd.num exists", ""},
	{"eth.src=02:00:00:00:00:0a", "syn data reply rst vxlan six unreach dns arp cut"},
	{"eth.addr in (02-00-00-00-00-0c, 02:00:00:00:00:0C)", ""},
	{"eth.type=0x806", "arp"},
	{"arp.dst.proto_ipv4=10.1.0.2", "arp"},
	{"arp.opcode=1", "arp"},
	{"vxlan.vni=42", "vxlan"},
	{"icmp.type=3 and icmp.code=3", "unreach"},
	{"ip.ttl=64", "syn data reply rst vxlan unreach dns"},
	{"ip.id=0xbeef and ip.flags.df and not ip.flags.mf",
	 "syn data reply rst vxlan unreach dns"},
	{"ip.dsfield.dscp=46 and ip.frag_offset=0 and udp", "vxlan dns"},
	{"ipv6.hlim=55 and ipv6.flow=0x12345 and ipv6.nxt=6 and ipv6.plen=20", "six"},
	{"ip.host glob 10.1.0.*", "syn data reply rst unreach dns"},
};

static const struct row who[] = {
	{"marathon.app.id=/shop/web", "syn data reply six unreach cut counters notice drop"},
	{"marathon.app.id=/shop/web2", "rst"},
	{"marathon.app.id!=/shop/web", "rst"},
	{"not marathon.app.id=/shop/web", "rst vxlan dns arp"},
	{"marathon.app.id pmatch (/shop) and tcp.flags.reset", "rst"},
	{"marathon.app.id pmatch (/shop/web) and tcp.flags.reset", ""},
	{"marathon.app.id pmatch (/) and tcp.flags.reset", "rst"},
	{"marathon.app.id startswith /shop/web and tcp.flags.reset", "rst"},
	{"marathon.group.id=/shop and icmp.type exists", "unreach"},
	{"mesos.task.id!='' and udp.port=53", ""},
	{"mesos.task.name=shop_web2", "rst"},
	{"marathon.app.label.tier=front and tcp.flags.syn", "syn"},
	{"marathon.app.label[tier]=front and tcp.flags.syn", "syn"},
	{"marathon.app.label.tier!=back and tcp.flags.syn", "syn"},
	{"marathon.app.label.none!=back", ""},
	{"marathon.app.label.note='a b' and tcp.flags.syn", "syn"},
	{"marathon.app.label.empty='' and tcp.flags.syn", "syn"},
	{"marathon.app.labels contains tier:front and tcp.flags.syn", "syn"},
	{"container.id=" ID_WEB " and tcp.flags.syn", "syn"},
	{"container.id=c0ffee and tcp.flags.syn", "syn"},
	{"container.id=c0ffe and tcp.flags.syn", ""},
	{"container.id=0123456789ab", "rst"},
	{"container.id!=0123456789ab and evt.type=packet",
	 "syn data reply vxlan six unreach dns arp cut"},
	{"container.id=host", "vxlan dns arp"},
	{"container.id!=host and tcp.flags.reset", "rst"},
	{"container.full_id=0123456789ab", ""},
	{"container.name in (web.0, x) and tcp.flags.syn", "syn"},
	{"container.image exists", ""},
	{"container.type=docker", "rst"},
	{"container.duration>=5s and container.duration<5002ms", "syn data"},
	{"frame.interface_name=web2.0:eth0", "rst"},
	{"frame.interface_id=2", "vxlan dns arp"},
	{"frame.interface_description contains app=/shop/web2", "rst"},
};

static const struct row texts[] = {
	{"evt.buffer contains cart", "data"},
	{"evt.buffer icontains CART", "data"},
	{"evt.buffer startswith HTTP", "reply"},
	{"evt.buffer endswith '\\r\\n\\r\\n'", "data reply"},
	{"evt.buffer bcontains 0d0a0d0A", "data reply"},
	{"evt.buffer bstartswith 474554", "data"},
	{"evt.buffer regex '^(GET|POST) /[a-z]+\\?id=[0-9]+ '", "data"},
	{"evt.buffer regex ^GET.*web", "data"},
	{"evt.buflen>0 and evt.type=packet and tcp.len=21", "reply"},
	{"http.request.method=GET", "data"},
	{"http.request.uri glob '/c?rt*7'", "data"},
	{"http.request.uri iglob /C[A-B]RT*", "data"},
	{"http.request.uri glob /c[!a]rt*", ""},
	{"http.request.uri glob *[*", ""},
	{"http.response.code>=500", "reply"},
	{"dns.qry.name=web.marathon.mesos", "dns"},
	{"dns.qry.name endswith .mesos", "dns"},
	{"dns.flags.rcode exists", ""},
	{"mesos.task.id < shop_web.2 and tcp.flags.syn", "syn"},
	{"mesos.task.id <= shop_web.1111 and tcp.flags.syn", "syn"},
	{"mesos.task.id > shop_web.1111 and tcp", "rst"},
	{"mesos.task.id > shop_web.1111", "rst"},
	{"mesos.framework.name in (a, 'marathon', bb) and tcp.flags.syn", "syn"},
	{"evt.failed", "rst unreach"},
	{"evt.res=ECONNREFUSED", "rst unreach"},
	{"evt.io_dir=w", "reply rst"},
	{"evt.is_io_read and dns.qry.name exists", ""},
};

static const struct row times[] = {
	{"evt.rawtime=1700000000001000000", "data"},
	{"evt.rawtime.s=1700000000 and evt.num=1", "syn"},
	{"evt.rawtime<='2023-11-14T22:13:20.001Z'", "syn data"},
	{"evt.rawtime>@1700000000.011", "drop"},
	{"frame.time_epoch>1700000000.0105", "notice drop"},
	{"frame.time_relative>=0.011", "notice drop"},
	{"frame.time_relative>=11ms", "notice drop"},
	{"evt.reltime>=11000000", "notice drop"},
	{"evt.deltatime=0", "syn"},
	{"frame.time_delta in (1ms) and evt.num=2", "data"},
	{"evt.latency>10ms", "reply"},
	{"evt.latency>12500us", ""},
	{"evt.latency=12.5ms", "reply"},
	{"evt.latency.human=12.5ms", "reply"},
	{"tcp.analysis.retransmission", "data"},
	{"not tcp.analysis.retransmission and tcp.stream=7", "reply"},
	{"tcp.analysis.ack_rtt<1ms", "reply"},
	{"tcp.analysis.initial_rtt=0.0003", "reply"},
	{"tcp.stream=7", "data reply"},
};

static const struct row services[] = {
	{"tcp.port=https", "six"},
	{"udp.port in (domain)", "dns"},
	{"fd.proto=https", "six"},
	{"fd.sproto!=https and udp.length exists and not vxlan.vni=42", "dns"},
};

/* Precedence, brackets, both ways of writing. */
static const struct row grammar[] = {
	{"evt.num=1 or evt.num=2 and evt.num=3", "syn"},
	{"(evt.num=1 or evt.num=2) and evt.num=2", "data"},
	{"evt.num=3 and evt.num=2 or evt.num=1", "syn"},
	{"not evt.num=1 and evt.num<3", "data"},
	{"not (evt.num=1 and evt.num<3) and evt.num<3", "data"},
	{"not not evt.num=1", "syn"},
	{"not not not evt.num>2", "syn data"},
	{"not(evt.num>2)and(evt.num>1)", "data"},
	{"!(evt.num>2) && evt.num>1", "data"},
	{"evt.num=1||evt.num=2&&evt.num=2", "syn data"},
	{"!tcp.flags.syn and tcp.flags.ack&&tcp.flags.reset", "rst"},
	{"evt.num=1 or evt.num=2 or evt.num=3 and not evt.num=3", "syn data"},
	{"  evt.num\n=\t1 ", "syn"},
	{"((((evt.num=1))))", "syn"},
	{"evt.num=1 and (evt.num=1 and (evt.num=1 or evt.num=2))", "syn"},
	{"not (evt.num>1 or evt.num<1)", "syn"},
	{"(tcp.flags.syn)", "syn"},
};

static void check(const struct row *rows, size_t n)
{
	struct fixture f;

	for (size_t r = 0; r < n; r++) {
		struct err e = {0};
		struct filter *filter = filter_compile(rows[r].expression, NULL, &e);
		struct text got = {0};

		if (!filter)
			fail_msg("%s: %s", rows[r].expression, e.message);
		fixture_init(&f);
		for (unsigned i = 0; i < SAMPLES; i++) {
			if (!filter_match(filter, &f.c[i]))
				continue;
			text_str(&got, got.len ? " " : "");
			text_str(&got, sample_names[i]);
			/* What the filter promised before it saw the event. */
			assert_true(filter_types(filter) >> f.ev[i].type & 1);
			assert_int_not_equal(filter_iface(filter, f.c[i].container, f.c[i].iface),
					     VERDICT_NO);
			uint64_t from, to;

			filter_time(filter, &from, &to);
			assert_in_range(f.ev[i].ts, from, to);
		}
		if (!str_eq(text_cstr(&got), rows[r].matches))
			fail_msg("%s\n  wanted: %s\n  got:    %s", rows[r].expression,
				 rows[r].matches, text_cstr(&got));
		text_done(&got);
		filter_free(filter);
	}
}

#define CHECK(name)                            \
	static void test_##name(void **state)  \
	{                                      \
		(void)state;                   \
		check(name, ARRAY_SIZE(name)); \
	}

CHECK(operators)
CHECK(addresses)
CHECK(who)
CHECK(texts)
CHECK(times)
CHECK(grammar)

static void test_services(void **state)
{
	(void)state;
	if (service_port("https") != 443 || service_port("domain") != 53) {
		print_message("/etc/services does not list https and domain\n");
		skip();
	}
	check(services, ARRAY_SIZE(services));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_who),	  cmocka_unit_test(test_texts),
		cmocka_unit_test(test_times),	  cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
