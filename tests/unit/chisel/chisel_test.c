/* SPDX-License-Identifier: Apache-2.0 */
/* Chisels over events made by hand: the host's functions, and the shipped ones that need counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chisel/chisel.h"

#define START (1700000000 * NSEC_PER_SEC)

static const char *const chisel_dirs[] = {CHISELS_DIR, NULL};
static const char *const no_dirs[] = {NULL};
static struct text printed;
static struct state *state;
static struct chisels *set;

static int on_write(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	text_put(&printed, p, n);
	return 0;
}

/* ---- a run ---- */

static void add_container(uint32_t n, const char *id, const char *app, const char *ports)
{
	const struct container_record r = {
		.meta = {[META_CONTAINER] = id, [META_APP] = app, [META_PORTS] = ports}};
	const struct iface_record i = {
		.number = n, .container = &r, .linktype = LINKTYPE_RAW, .sample = 1};

	state_iface(state, &i);
}

static void begin(const char *name, char **words, unsigned n, bool live)
{
	const struct chisel_host h = {.dirs = chisel_dirs,
				      .filter_dirs = no_dirs,
				      .format_dirs = no_dirs,
				      .live = live,
				      .source = "x",
				      .write = on_write};
	struct err e = {0};
	unsigned used;

	text_reset(&printed);
	state = state_new(64);
	set = chisels_new(&h);
	if (chisels_add(set, name, words, n, &used, &e) || chisels_init(set, &e))
		fail_msg("%s: %s", name, e.message);
	chisels_state(set, state);
}

static unsigned finish(void)
{
	unsigned failures = chisels_end(set);

	chisels_free(set);
	state_free(state);
	set = NULL;
	state = NULL;
	return failures;
}

static void expect(const char *text)
{
	assert_int_equal(finish(), 0);
	assert_string_equal(text_cstr(&printed), text);
}

/* A script in a file of its own, run as the only chisel. */
static void begin_script_with(const char *text, char **words, unsigned n, bool live)
{
	char path[] = "/tmp/chisel-test-XXXXXX.lua";
	int fd = mkstemps(path, 4);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	begin(path, words, n, live);
	unlink(path);
}

static void begin_script(const char *text, bool live)
{
	begin_script_with(text, NULL, 0, live);
}

/* What takes an argument may take the list of arguments away. */
static void test_arguments_vanish(void **unused)
{
	(void)unused;
	begin_script_with(
		"args = {}\n"
		"for i = 1, 3 do args[i] = {name = ('n'):rep(20) .. i, description = ''} end\n"
		"function on_set_arg(name, value)\n"
		"  args = nil\n"
		"  for _ = 1, 2 do\n"
		"    collectgarbage()\n"
		"    local t = {}\n"
		"    for i = 1, 20000 do t[i] = ('x'):rep(i % 40) .. i end\n"
		"  end\n"
		"  print(name .. '=' .. value)\n"
		"  return true\n"
		"end\n",
		(char *[]){"a", "b", "c"}, 3, false);
	expect("nnnnnnnnnnnnnnnnnnnn1=a\nnnnnnnnnnnnnnnnnnnnn2=b\nnnnnnnnnnnnnnnnnnnnn3=c\n");
}

static int send(struct event *ev)
{
	ev->weight = ev->weight ? ev->weight : 1;
	return chisels_event(set, state_event(state, ev));
}

static void sample(uint32_t iface, unsigned second, const struct counters *k)
{
	struct event ev = {.ts = START + second * NSEC_PER_SEC,
			   .type = EVENT_COUNTERS,
			   .data = (const uint8_t *)k,
			   .iface = iface};

	send(&ev);
}

static void notice(const char *id, unsigned second, const char *kind, const char *journal)
{
	const char *const meta[META_KEYS] = {[META_CONTAINER] = id};
	struct text t = {0};

	notice_format(&t, START + second * NSEC_PER_SEC, kind, 6, id ? meta : NULL, "m");
	text_str(&t, journal);
	struct event ev = {.ts = START + second * NSEC_PER_SEC,
			   .type = str_eq(kind, "drop") ? EVENT_DROP : EVENT_NOTICE,
			   .data = (const uint8_t *)t.data,
			   .caplen = (uint32_t)t.len,
			   .iface = IFACE_NONE,
			   .lost = str_eq(kind, "drop") ? 12 : 0};
	send(&ev);
	text_done(&t);
}

/* TCP of 10.0.0.client:40000 to 10.0.0.server:port, or the answer to it. */
static void packet(uint32_t iface, uint64_t ms, bool answers, uint8_t client, uint8_t server,
		   uint16_t port, uint8_t flags, uint32_t direction)
{
	uint8_t p[40] = {0x45, 0, 0,  40, 0, 0,	     0,	 0, 64, 6,
			 0,    0, 10, 0,  0, client, 10, 0, 0,	server};
	uint16_t from = __builtin_bswap16(40000), to = __builtin_bswap16(port);

	memcpy(p + 20, answers ? &to : &from, 2);
	memcpy(p + 22, answers ? &from : &to, 2);
	p[15] = answers ? server : client;
	p[19] = answers ? client : server;
	p[32] = 0x50;
	p[33] = flags;
	struct event ev = {.ts = START + ms * NSEC_PER_MSEC,
			   .type = EVENT_PACKET,
			   .data = p,
			   .caplen = sizeof(p),
			   .len = sizeof(p),
			   .iface = iface,
			   .flags = direction};
	send(&ev);
}

/* ---- counters ---- */

static void test_shaping(void **unused)
{
	(void)unused;
	begin("shaping", NULL, 0, false);
	add_container(0, "aaaaaaaa", "/shop/web", NULL);
	add_container(1, "bbbbbbbb", "/shop/web", NULL);
	add_container(2, "cccccccc", "/free", NULL);
	for (unsigned second = 0; second <= 4; second++) {
		struct counters k = {0};
		counters_set(&k, COUNTER_NET_TX_BYTES, 500000 * second);
		sample(2, second, &k);
		counters_set(&k, COUNTER_NET_TX_RATE_LIMIT, 1000000);
		counters_set(&k, COUNTER_BW_LIMIT_OVERLIMITS, 10 * MIN(second, 2));
		counters_set(&k, COUNTER_BW_LIMIT_DROPS, second);
		counters_set(&k, COUNTER_BW_LIMIT_BACKLOG, 1500);
		sample(0, second, &k);
		counters_set(&k, COUNTER_BW_LIMIT_OVERLIMITS, 7);
		sample(1, second, &k);
	}
	expect("marathon.app.id  Way  Containers     Limit      Used  Limited  Waiting  Dropped\n"
	       "/shop/web        out           2  2.0 MB/s  1.0 MB/s   25.0 %   3.0 kB        "
	       "8\n");
}

static void test_drops(void **unused)
{
	(void)unused;
	begin("drops", NULL, 0, false);
	add_container(0, "aaaaaaaa", "/shop/web", NULL);
	add_container(1, "bbbbbbbb", "/quiet", NULL);
	for (unsigned second = 0; second < 3; second++) {
		struct counters k = {0};
		counters_set(&k, COUNTER_NET_RX_DROPPED, 100);
		sample(1, second, &k);
		/* It began anew in between. */
		counters_set(&k, COUNTER_NET_RX_DROPPED, second == 2 ? 5 : 100 + second);
		counters_set(&k, COUNTER_NET_REFUSED_SPOOFED, 4 * second);
		sample(0, second, &k);
	}
	notice(NULL, 3, "drop", "");
	expect("marathon.app.id  In  Out  Limit  Errors  Refused  Retransmits  Unseen\n"
	       "/shop/web         6    -      -       -        8            -       -\n"
	       "The monitor itself lost 12 packets.\n");
}

/* ---- ports ---- */

static void test_portconflict(void **unused)
{
	(void)unused;
	begin("portconflict", NULL, 0, false);
	add_container(0, "aaaaaaaa", "/shop/web", "31000-31007");
	add_container(1, "bbbbbbbb", "/shop/api", "31004-31011");
	add_container(2, "cccccccc", "/shop/late", "32000");
	notice("aaaaaaaa", 0, "container_start", "");
	notice("bbbbbbbb", 0, "container_start", "");
	notice("cccccccc", 0, "container_start", "");
	/* Two answer on 10.0.0.2:31004 in turn within the same second, a third one later. */
	packet(0, 100, false, 9, 2, 31004, 0x02, EVENT_IN);
	packet(0, 101, true, 9, 2, 31004, 0x12, EVENT_OUT);
	packet(1, 200, false, 8, 2, 31004, 0x02, EVENT_IN);
	packet(0, 300, true, 9, 2, 31004, 0x10, EVENT_OUT);
	packet(2, 5000, false, 7, 2, 31004, 0x02, EVENT_IN);
	notice("bbbbbbbb", 6, "packets_refused", "DREDGE_REASON=foreign_port\nDREDGE_COUNT=3\n");
	expect("What                How                       marathon.app.id       Container\n"
	       "tcp 10.0.0.2:31004  first                     /shop/web             aaaaaaaa\n"
	       "tcp 10.0.0.2:31004  at the same time          /shop/api             bbbbbbbb\n"
	       "tcp 10.0.0.2:31004  took over                 /shop/late            cccccccc\n"
	       "ports 31004-31007   assigned twice            /shop/api, /shop/web  bbbbbbbb, "
	       "aaaaaaaa\n"
	       "3 packets           refused: port of another  /shop/api             bbbbbbbb\n");
}

static void test_portuse(void **unused)
{
	(void)unused;
	begin("portuse", NULL, 0, false);
	add_container(0, "aaaaaaaa", "/shop/web", "31000-31007,31016");
	packet(0, 0, false, 9, 2, 31016, 0x02, EVENT_IN);
	packet(0, 1, true, 9, 2, 31016, 0x12, EVENT_OUT);
	packet(0, 2, false, 9, 2, 31008, 0x02, EVENT_IN);
	notice("aaaaaaaa", 3, "listen", "DREDGE_PROTOCOL=tcp\nDREDGE_PORT=31001\n");
	expect("marathon.app.id  Proto   Port  Connects  Packets  Bytes  Assigned           "
	       "Remark\n"
	       "/shop/web        tcp    31001         0        0    0 B  31000-31007,31016  -\n"
	       "/shop/web        tcp    31008         1        1   40 B  31000-31007,31016  not "
	       "assigned\n"
	       "/shop/web        tcp    31016         1        2   80 B  31000-31007,31016  -\n");
}

/* ---- what the host offers ---- */

static void test_top(void **unused)
{
	(void)unused;
	begin_script(
		"function on_init()\n"
		" t = chisel.top{keys = {'fd.sport', 'container.id'}, absent = 'none',"
		"  values = {'frame.len', {field = 'frame.len', way = 'in'},"
		"   {field = 'evt.reltime', fold = 'min'}, {field = 'tcp.flags', fold = 'or'}}}\n"
		"end\n"
		"function on_capture_end()\n"
		" for _, r in ipairs(t:rows(2, 2)) do\n"
		"  print(r.key[1], r.key[2], unpack(r.value)) end\n"
		" t:clear() print(#t:rows(), t:beyond())\n"
		"end\n",
		false);
	add_container(0, "aaaaaaaa", NULL, NULL);
	packet(0, 0, false, 9, 2, 80, 0x02, EVENT_IN);
	packet(0, 1, true, 9, 2, 80, 0x12, EVENT_OUT);
	packet(0, 2, false, 9, 2, 81, 0x02, EVENT_IN);
	packet(0, 3, false, 9, 2, 81, 0x10, EVENT_IN);
	notice("aaaaaaaa", 1, "x", "");
	expect("81\taaaaaaaa\t80\t80\t2000000\t18\n80\taaaaaaaa\t80\t40\t0\t18\n0\t0\n");
}

/* Keys of containers are looked up late: by the name they have got by then. */
static void test_top_containers(void **unused)
{
	(void)unused;
	begin("topapps", NULL, 0, false);
	add_container(0, "aaaaaaaa", NULL, NULL);
	add_container(1, "bbbbbbbb", "/shop/web", NULL);
	packet(0, 0, false, 9, 2, 80, 0x02, EVENT_IN);
	packet(1, 1, false, 9, 2, 80, 0x02, EVENT_OUT);
	packet(1, 1, false, 9, 2, 80, 0x02, EVENT_OUT);
	packet(IFACE_NONE, 1, false, 9, 2, 80, 0x02, 0);
	add_container(0, "aaaaaaaa", "/shop/api", NULL);
	expect("Bytes    In   Out  Packets  App\n"
	       " 80 B   0 B  80 B        2  /shop/web\n"
	       " 40 B   0 B   0 B        1  -\n"
	       " 40 B  40 B   0 B        1  /shop/api\n");
}

/* A conversation that began before its container had a name. */
static void test_top_conversations(void **unused)
{
	(void)unused;
	begin_script("function on_init()\n"
		     " t = chisel.top{keys = {'fd.name', 'marathon.app.id'}, absent = '-',"
		     "  values = {'frame.len'}}\n"
		     "end\n"
		     "function on_capture_end()\n"
		     " for _, r in ipairs(t:rows()) do print(r.key[2], r.value[1]) end\n"
		     "end\n",
		     true);
	add_container(0, "aaaaaaaa", NULL, NULL);
	packet(0, 0, false, 9, 2, 80, 0x02, EVENT_IN);
	add_container(0, "aaaaaaaa", "/shop/api", NULL);
	packet(0, 1, true, 9, 2, 80, 0x12, EVENT_OUT);
	packet(0, 2, false, 9, 2, 80, 0x10, EVENT_IN);
	expect("/shop/api\t80\n-\t40\n");
}

/* An error of a router about a connect counts with it, also when more is known since. */
static void test_top_errors(void **unused)
{
	/* 10.0.0.1 to 10.0.0.9: host unreachable, about 10.0.0.9:40000 to 10.0.0.2:80 */
	static const uint8_t p[56] = {
		0x45,	   [3] = 56, [8] = 64, [9] = 1,	    [12] = 10, [15] = 1,  [16] = 10,
		[19] = 9,  3,	     1,	       [28] = 0x45, [31] = 40, [36] = 64, [37] = 6,
		[40] = 10, [43] = 9, 10,       [47] = 2,    0x9c,      0x40,	  [51] = 80};
	struct event ev = {.ts = START + NSEC_PER_SEC,
			   .type = EVENT_PACKET,
			   .data = p,
			   .caplen = sizeof(p),
			   .len = sizeof(p),
			   .iface = 0,
			   .flags = EVENT_IN};

	(void)unused;
	begin_script("function on_init()\n"
		     " t = chisel.top{keys = {'fd.name'}, values = {'frame.count'}}\n"
		     "end\n"
		     "function on_capture_end()\n"
		     " for _, r in ipairs(t:rows()) do print(r.key[1], r.value[1]) end\n"
		     "end\n",
		     true);
	add_container(0, "aaaaaaaa", NULL, NULL);
	packet(0, 0, false, 9, 2, 80, 0x02, EVENT_OUT);
	add_container(0, "aaaaaaaa", "/shop/api", NULL);
	send(&ev);
	expect("10.0.0.9:40000->10.0.0.2:80\t2\n");
}

static void test_live(void **unused)
{
	(void)unused;
	begin_script(
		"function on_capture_start() chisel.set_interval_s(1) return true end\n"
		"function on_interval(s, ns, delta) print(s, ns, delta) return s < 1700000003 end\n"
		"function on_capture_end() print('end', sysdig.is_live()) end\n",
		true);
	assert_int_equal(chisels_tick(set, START + NSEC_PER_MSEC), 0);
	assert_int_equal(chisels_tick(set, START + 900 * NSEC_PER_MSEC), 0);
	assert_int_equal(chisels_tick(set, START + 1100 * NSEC_PER_MSEC), 0);
	assert_int_equal(chisels_tick(set, START + 1200 * NSEC_PER_MSEC), 0);
	/* It returns false: that ends the only chisel, and with it the run. */
	assert_int_equal(chisels_tick(set, START + 3000 * NSEC_PER_MSEC), 1);
	expect("1700000001\t100000000\t1099000000\n1700000003\t0\t1900000000\nend\ttrue\n");
}

static void test_hostile_names(void **unused)
{
	(void)unused;
	begin_script("function on_init()\n"
		     " f = chisel.request_field('container.id')\n"
		     " chisel.set_event_formatter('%container.id') return true end\n"
		     "function on_event() print(evt.field(f)) return true end\n",
		     false);
	add_container(0, "evil\033[2J\342\200\256\377", NULL, NULL);
	packet(0, 0, false, 9, 2, 80, 0x02, EVENT_IN);
	expect("evil.[2J..\nevil.[2J..\n");
}

static void test_functions(void **unused)
{
	(void)unused;
	begin_script("print(sysdig.make_ts(1, 2), sysdig.add_ts('5', '7'), sysdig.subtract_ts('9', "
		     "'7'))\n"
		     "print(sysdig.get_filter() == '', sysdig.get_evtsource_name())\n"
		     "print(sysdig.get_output_format(), sysdig.set_output_format('hex'))\n"
		     "print(sysdig.get_output_format(), type(sysdig.get_machine_info().hostname))\n"
		     "print(pcall(sysdig.set_output_format, 'x'))\n"
		     "print(pcall(sysdig.make_ts, -1, 0))\n"
		     "print(evt.get_num(), evt.get_type(), evt.get_cpuid(), pcall(evt.field, 1))\n"
		     "print(pcall(chisel.top, {keys = {}, values = {}}))\n"
		     "print(pcall(chisel.top, {keys = {'tcp'}, values = {'evt.count'}}))\n"
		     "print(pcall(chisel.set_interval_ns, 0/0))\n"
		     "print(getmetatable(chisel.top{keys = {'ip.src'}, values = {'evt.count'}}))\n",
		     false);
	expect("1000000002\t12\t2\ntrue\tx\nnormal\nhex\tstring\n"
	       "false\tno output format 'x'\nfalse\tthe time is out of range\n"
	       "nil\tnil\t0\tfalse\tthis handle is not one that chisel.request_field gave\n"
	       "false\tbad argument #1 to '?' (keys and values have to be lists of fields)\n"
	       "false\tfield tcp can only be used in filters\n"
	       "false\tan interval of nan ns is out of range\nfalse\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_vanish),
		cmocka_unit_test(test_shaping),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_portconflict),
		cmocka_unit_test(test_portuse),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_top_containers),
		cmocka_unit_test(test_top_conversations),
		cmocka_unit_test(test_top_errors),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_functions),
	};
	int status = cmocka_run_group_tests(tests, NULL, NULL);

	text_done(&printed);
	return status;
}
