/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the statistics: texts of /proc/net, percentiles of round trip times, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/net.h"
#include "source/inside.h"
#include "source/statistics.h"

static struct counters out;

static int empty(void **state)
{
	(void)state;
	out = (struct counters){0};
	return 0;
}

static enum counter_id id_of(const char *name)
{
	for (unsigned id = 0; id < COUNTERS; id++)
		if (str_eq(counter_rows[id].name, name))
			return id;
	fail_msg("no counter %s", name);
	return 0;
}

static void is(const char *name, int64_t wanted)
{
	enum counter_id id = id_of(name);

	if (!counters_has(&out, id))
		fail_msg("%s is missing", name);
	if ((int64_t)out.value[id] != wanted)
		fail_msg("%s is %lld, not %lld", name, (long long)out.value[id], (long long)wanted);
}

static void absent(const char *name)
{
	if (counters_has(&out, id_of(name)))
		fail_msg("%s is there", name);
}

static unsigned count(void)
{
	unsigned n = 0;

	for (unsigned id = 0; id < COUNTERS; id++)
		n += counters_has(&out, id);
	return n;
}

/* ---- sockstat ---- */

static void test_sockstat(void **state)
{
	(void)state;
	sockstat_parse("sockets: used 9\nTCP: inuse 3 orphan 1 tw 7 alloc 4 mem 2\n"
		       "UDP: inuse 5 mem 0\n",
		       &out);
	is("net_tcp_active_connections", 3);
	is("net_tcp_time_wait_connections", 7);
	assert_int_equal(count(), 2);
}

static void test_sockstat_malformed(void **state)
{
	static const char *const texts[] = {"",
					    "\n",
					    "TCP:",
					    "TCP: inuse",
					    "TCP: inuse \n",
					    "TCP: inuse x tw y\n",
					    "UDP: inuse 5\n",
					    "xTCP: inuse 5 tw 3\n",
					    "TCP: orphan 0\n inuse 5 tw 3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sockstat_parse(texts[i], &out);
	assert_int_equal(count(), 0);
}

/* ---- snmp ---- */

/* As Linux 6.18 writes it, with columns that came after Mesos' list. */
static const char kernel_text[] =
	"Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams "
	"InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout "
	"ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits\n"
	"Ip: 2 64 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n"
	"Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs "
	"InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps "
	"OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds "
	"OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps "
	"OutTimestampReps OutAddrMasks OutAddrMaskReps\n"
	"Icmp: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29\n"
	"IcmpMsg: InType3 OutType3\nIcmpMsg: 77 78\n"
	"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails "
	"EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
	"Tcp: 1 200 120000 -1 5 6 7 8 9 10 11 9223372036854775807 13 14 15\n"
	"Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors "
	"IgnoredMulti MemErrors\n"
	"Udp: 1 2 3 4 5 6 7 8 9\n"
	"UdpLite: InDatagrams NoPorts\nUdpLite: 91 92\n";

static void test_snmp(void **state)
{
	(void)state;
	snmp_parse(kernel_text, &out);
	is("ip_stats.Forwarding", 2);
	is("ip_stats.FragCreates", 19);
	is("icmp_stats.OutErrors", 16);
	is("icmp_stats.OutDestUnreachs", 19);
	is("icmp_stats.OutAddrMaskReps", 29);
	is("tcp_stats.MaxConn", -1);
	is("tcp_stats.RetransSegs", INT64_MAX);
	is("tcp_stats.InCsumErrors", 15);
	is("udp_stats.InDatagrams", 1);
	is("udp_stats.IgnoredMulti", 8);
	assert_int_equal(count(), 19 + 27 + 15 + 8);
}

/* What is wrong in one pair of lines does not concern the others. */
static void test_snmp_malformed(void **state)
{
	static const char *const first[] = {
		"",
		"Ip:\nIp:\n",
		"Ip: \nIp: \n",
		"Ip: Forwarding DefaultTTL\n",
		"Ip: Forwarding DefaultTTL\nIcmp: 1 64\n",
		"Ip: Forwarding DefaultTTL\nIp: x 64\n",
		"Ip: Forwarding DefaultTTL\nIp:  64\n",
		"Ip: Forwarding DefaultTTL\nIp: 1x 64\n",
		"Ip: Forwarding DefaultTTL\nIp: 99999999999999999999 64\n",
		"Ip: Forwarding DefaultTTL\nIp: -3\n",
		"Ip: Forward DefaultTT Forwarding2\nIp: 1 2 3\n",
		"no colon\nIp\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		char text[256];
		snprintf(text, sizeof(text), "%sUdp: InDatagrams NoPorts\nUdp: 7 8\n", first[i]);
		out = (struct counters){0};
		snmp_parse(text, &out);
		is("udp_stats.InDatagrams", 7);
		is("udp_stats.NoPorts", 8);
		if (count() != 2)
			fail_msg("'%s' gave something", first[i]);
	}
}

/* What stands before the fault counts; columns may come in any order. */
static void test_snmp_partly(void **state)
{
	(void)state;
	snmp_parse("Tcp: MaxConn New InSegs RtoMin\nTcp: -1 5 6\n", &out);
	is("tcp_stats.MaxConn", -1);
	is("tcp_stats.InSegs", 6);
	absent("tcp_stats.RtoMin");
	snmp_parse("Udp: NoPorts InDatagrams\nUdp: 1 2", &out);
	is("udp_stats.NoPorts", 1);
	is("udp_stats.InDatagrams", 2);
	assert_int_equal(count(), 4);
}

/* ---- round trip times ---- */

static void test_rtt(void **state)
{
	uint32_t times[] = {50, 10, 40, 30, 20}, hundred[100], p[RTT_PERCENTILES] = {7};

	(void)state;
	assert_false(rtt_percentiles(times, 0, p));
	assert_int_equal(p[0], 7);
	assert_true(rtt_percentiles(times, 1, p));
	assert_int_equal(p[0], 50);
	assert_int_equal(p[3], 50);
	assert_true(rtt_percentiles(times, 5, p));
	assert_int_equal(p[0], 30);
	assert_int_equal(p[1], 50);
	for (unsigned i = 0; i < 100; i++)
		hundred[i] = 4000000000u - i;
	assert_true(rtt_percentiles(hundred, 100, p));
	assert_int_equal(p[0], 4000000000u - 49);
	assert_int_equal(p[1], 4000000000u - 9);
	assert_int_equal(p[2], 4000000000u - 4);
	assert_int_equal(p[3], 4000000000u);
}

/* ---- rates ---- */

/* The host end of the link: what it sends is what the container receives. */
static void feed(struct rates *r, uint64_t seconds, const struct net_link_stats *host_end)
{
	struct counters c = {0};

	counters_add_link(&c, host_end);
	rates_add(r, (1000 + seconds) * NSEC_PER_SEC, &c);
}

/* A case of Mesos' tests. */
static void PercentileRatesCollector(void **state)
{
	struct rates *r = rates_new(100 * NSEC_PER_SEC, NSEC_PER_SEC);
	struct net_link_stats st = {.tx_bytes = 5000, .rx_bytes = 7000};

	(void)state;
	feed(r, 0, &st);
	rates_tell(r, &out);
	assert_int_equal(count(), 0);
	for (unsigned i = 1; i <= 5; i++) {
		st.tx_bytes += i <= 2 ? 100 : 50;
		st.rx_bytes += 10 * i;
		st.tx_packets += 2;
		st.rx_dropped += 3;
		st.rx_errors += 4;
		st.tx_errors += 5;
		st.tx_dropped += 6;
		st.rx_packets += 7;
		feed(r, i, &st);
		out = (struct counters){0};
		rates_tell(r, &out);
		assert_int_equal(count(), i < 2 ? 0 : 8 * 9);
	}
	is("rx_rate.max", 100);
	is("rx_rate.min", 50);
	is("rx_rate.p90", 100);
	is("rx_rate.p50", 50);
	is("rx_rate.samples", 5);
	is("tx_rate.min", 10);
	is("tx_rate.p50", 30);
	is("tx_rate.p90", 46); /* between 40 and 50 at 3.6 */
	is("tx_rate.p95", 48);
	is("tx_rate.max", 50);
	is("rx_packet_rate.p50", 2);
	is("tx_drop_rate.p50", 3);
	is("tx_error_rate.p9999", 4);
	is("rx_error_rate.p999", 5);
	is("rx_drop_rate.p99", 6);
	is("tx_packet_rate.max", 7);
	is("tx_packet_rate.samples", 5);
	rates_free(r);
}

static void test_rates_backwards(void **state)
{
	struct rates *r = rates_new(100 * NSEC_PER_SEC, NSEC_PER_SEC);
	static const uint64_t bytes[] = {1000, 1100, 1200, 5, 105, 205};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++)
		feed(r, i, &(struct net_link_stats){.tx_bytes = bytes[i]});
	rates_tell(r, &out);
	is("rx_rate.max", 100);
	is("rx_rate.min", 100);
	is("rx_rate.samples", 4); /* five intervals, one of them without a rate */
	rates_free(r);
}

static void test_rates_window(void **state)
{
	struct rates *r = rates_new(5 * NSEC_PER_SEC, NSEC_PER_SEC);

	(void)state;
	for (unsigned i = 0; i <= 20; i++)
		feed(r, i, &(struct net_link_stats){.tx_bytes = (uint64_t)i * i});
	rates_tell(r, &out);
	is("rx_rate.samples", 5);
	is("rx_rate.min", 16 * 16 - 15 * 15);
	is("rx_rate.max", 20 * 20 - 19 * 19);
	/* Nothing for a long time: what is too old goes. */
	feed(r, 1000, &(struct net_link_stats){.tx_bytes = 500});
	out = (struct counters){0};
	rates_tell(r, &out);
	assert_int_equal(count(), 0);
	rates_free(r);
}

/* Two looks at one moment give no rate, and a huge one is not cut off. */
static void test_rates_extremes(void **state)
{
	struct rates *r = rates_new(5 * NSEC_PER_SEC, NSEC_PER_SEC);
	static const struct {
		uint64_t at, bytes;
	} rows[] = {{0, 0}, {0, 10}, {1, UINT64_MAX / 2}, {2, UINT64_MAX}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		feed(r, rows[i].at, &(struct net_link_stats){.tx_bytes = rows[i].bytes});
	rates_tell(r, &out);
	is("rx_rate.samples", 2);
	assert_true(out.value[COUNTER_RX_RATE_MAX] == UINT64_MAX - UINT64_MAX / 2);
	rates_free(r);
}

static void test_rates_step(void **state)
{
	(void)state;
	assert_true(rates_step(5 * NSEC_PER_SEC, 50 * NSEC_PER_MSEC) == 50 * NSEC_PER_MSEC);
	/* A day in steps of 20 ms would be 4 million points. */
	uint64_t day = 86400 * NSEC_PER_SEC;
	assert_true(rates_step(day, 20 * NSEC_PER_MSEC) == day / RATE_POINTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sockstat, empty),
		cmocka_unit_test_setup(test_sockstat_malformed, empty),
		cmocka_unit_test_setup(test_snmp, empty),
		cmocka_unit_test_setup(test_snmp_malformed, empty),
		cmocka_unit_test_setup(test_snmp_partly, empty),
		cmocka_unit_test_setup(test_rtt, empty),
		cmocka_unit_test_setup(PercentileRatesCollector, empty),
		cmocka_unit_test_setup(test_rates_backwards, empty),
		cmocka_unit_test_setup(test_rates_window, empty),
		cmocka_unit_test_setup(test_rates_extremes, empty),
		cmocka_unit_test_setup(test_rates_step, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
