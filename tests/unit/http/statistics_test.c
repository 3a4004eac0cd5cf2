/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in the shape of Mesos' ResourceStatistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "http/statistics.h"

static void test_shape(void **state)
{
	static const struct {
		enum counter_id id;
		uint64_t value;
	} rows[] = {
		{COUNTER_NET_RX_BYTES, 1ull << 62},
		{COUNTER_CPUS_USER, 1500 * NSEC_PER_MSEC},
		{COUNTER_TCP_CONNECTIONS, 3},
		{COUNTER_TCP_RTT_P50, 180},
		{COUNTER_INGRESS_BW_LIMIT_BYTES, 7},
		{COUNTER_BW_LIMIT_BYTES, 4096},
		{COUNTER_BW_LIMIT_OVERLIMITS, 2},
		{COUNTER_TCP_MAX_CONN, (uint64_t)-1},
		{COUNTER_TCP_RETRANS_SEGS, 1},
		{COUNTER_UDP_NO_PORTS, 5},
		{COUNTER_NET_TX_RATE_LIMIT, 1048576},
		{COUNTER_EPHEMERAL_BEGIN, 33792},
		{COUNTER_EPHEMERAL_END, 34815},
		{COUNTER_RATE_WINDOW, 5 * NSEC_PER_SEC},
		{COUNTER_RATE_INTERVAL, 50 * NSEC_PER_MSEC},
		{COUNTER_RX_RATE_P90, 100},
		{COUNTER_RX_RATE_SAMPLES, 5},
	};
	static const char wanted[] =
		"{\"timestamp\":1.25,"
		"\"net_rx_bytes\":4611686018427387904,\"cpus_user_time_secs\":1.5,"
		"\"net_tcp_active_connections\":3.0,\"net_tcp_rtt_microsecs_p50\":180.0,"
		"\"net_traffic_control_statistics\":[{\"id\":\"ingress_bw_limit\",\"bytes\":7},"
		"{\"id\":\"bw_limit\",\"bytes\":4096,\"overlimits\":2}],"
		"\"net_snmp_statistics\":{\"tcp_stats\":{\"MaxConn\":-1,\"RetransSegs\":1},"
		"\"udp_stats\":{\"NoPorts\":5}},\"net_tx_rate_limit\":1048576,"
		"\"net_ephemeral_ports\":{\"begin\":33792,\"end\":34815},"
		"\"net_rate_statistics\":{\"sampling_window_secs\":5.0,"
		"\"sampling_interval_secs\":0.05,\"rx_rate\":{\"p90\":100,\"samples\":5}}}";
	struct counters c = {0}, none = {0};
	struct text t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		counters_set(&c, rows[i].id, rows[i].value);
	statistics_text(&t, 1250 * NSEC_PER_MSEC, &c);
	assert_string_equal(text_cstr(&t), wanted);
	text_reset(&t);
	statistics_text(&t, 0, &none);
	assert_string_equal(text_cstr(&t), "{\"timestamp\":0.0}");
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_shape)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
