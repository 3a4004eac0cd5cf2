/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics of the containers: a row of the list is a family, or a part of one. */
#include "http/metrics.h"

#include <stdlib.h>

/* Series of more are counted, not shown: each takes memory in every Prometheus that asks. */
#define CONTAINERS_MAX 4096u

/* cAdvisor's names where it has one. Rows of one family follow each other. */
static const struct family {
	const char *name, *help;
	enum counter_id id;
	const char *labels; /* more of them, or "" */
	double unit;	    /* what one of the counter is in the unit of the name */
} families[] = {
	{"container_network_receive_bytes", "Bytes received.", COUNTER_NET_RX_BYTES, "", 1},
	{"container_network_receive_packets", "Packets received.", COUNTER_NET_RX_PACKETS, "", 1},
	{"container_network_receive_packets_dropped", "Packets dropped on the way in.",
	 COUNTER_NET_RX_DROPPED, "", 1},
	{"container_network_receive_errors", "Receive errors.", COUNTER_NET_RX_ERRORS, "", 1},
	{"container_network_transmit_bytes", "Bytes sent.", COUNTER_NET_TX_BYTES, "", 1},
	{"container_network_transmit_packets", "Packets sent.", COUNTER_NET_TX_PACKETS, "", 1},
	{"container_network_transmit_packets_dropped", "Packets dropped on the way out.",
	 COUNTER_NET_TX_DROPPED, "", 1},
	{"container_network_transmit_errors", "Transmit errors.", COUNTER_NET_TX_ERRORS, "", 1},
	{"container_cpu_user_seconds", "CPU time in user mode.", COUNTER_CPUS_USER, "", 1e-9},
	{"container_cpu_system_seconds", "CPU time in the kernel.", COUNTER_CPUS_SYSTEM, "", 1e-9},
	{"container_cpu_cfs_periods", "Periods of the CPU limit.", COUNTER_CPUS_NR_PERIODS, "", 1},
	{"container_cpu_cfs_throttled_periods", "Periods in which the CPU limit was reached.",
	 COUNTER_CPUS_NR_THROTTLED, "", 1},
	{"container_cpu_cfs_throttled_seconds", "Time held back by the CPU limit.",
	 COUNTER_CPUS_THROTTLED, "", 1e-9},
	{"container_memory_usage_bytes", "Memory charged to the container.", COUNTER_MEM_TOTAL, "",
	 1},
	{"container_memory_rss", "Anonymous memory.", COUNTER_MEM_RSS, "", 1},
	{"container_memory_cache", "Pages of files.", COUNTER_MEM_FILE, "", 1},
	{"container_memory_mapped_file", "Mapped pages of files.", COUNTER_MEM_MAPPED_FILE, "", 1},
	{"container_memory_swap", "Swapped memory.", COUNTER_MEM_SWAP, "", 1},
	{"container_spec_memory_limit_bytes", "Memory limit.", COUNTER_MEM_LIMIT, "", 1},
	{"container_fs_reads_bytes", "Bytes read from disks.", COUNTER_DISK_READ_BYTES, "", 1},
	{"container_fs_writes_bytes", "Bytes written to disks.", COUNTER_DISK_WRITE_BYTES, "", 1},
	{"container_processes", "Processes.", COUNTER_PROCESSES, "", 1},
	{"container_threads", "Threads.", COUNTER_THREADS, "", 1},
#define QDISC(name, member, help)                                                         \
	{"dredge_qdisc_" name, help, COUNTER_BW_LIMIT_##member, "qdisc=\"bw_limit\"", 1}, \
		{"dredge_qdisc_" name, help, COUNTER_BLOAT_REDUCTION_##member,            \
		 "qdisc=\"bloat_reduction\"", 1},                                         \
		{"dredge_qdisc_" name, help, COUNTER_INGRESS_BW_LIMIT_##member,           \
		 "qdisc=\"ingress_bw_limit\"", 1},                                        \
	{                                                                                 \
		"dredge_qdisc_" name, help, COUNTER_INGRESS_BLOAT_REDUCTION_##member,     \
			"qdisc=\"ingress_bloat_reduction\"", 1                            \
	}
	QDISC("bytes", BYTES, "Bytes that went through the queue."),
	QDISC("packets", PACKETS, "Packets that went through the queue."),
	QDISC("drops", DROPS, "Packets that the queue dropped."),
	QDISC("overlimits", OVERLIMITS, "Times that packets had to wait for the rate."),
	QDISC("requeues", REQUEUES, "Packets that the device did not take at once."),
	QDISC("backlog_bytes", BACKLOG, "Bytes waiting."),
	QDISC("qlen", QLEN, "Packets waiting."),
	{"dredge_egress_limit_bytes_per_second", "Rate at which the container may send.",
	 COUNTER_NET_TX_RATE_LIMIT, "", 1},
	{"dredge_ingress_limit_bytes_per_second", "Rate at which the container may receive.",
	 COUNTER_NET_RX_RATE_LIMIT, "", 1},
#define REFUSED(reason, id)                                                              \
	{                                                                                \
		"dredge_refused_packets", "Packets of the container that were refused.", \
			COUNTER_NET_REFUSED_##id, "reason=\"" reason "\"", 1             \
	}
	REFUSED("foreign_port", FOREIGN_PORT),
	REFUSED("spoofed", SPOOFED),
	REFUSED("fragment", FRAGMENT),
	REFUSED("other", OTHER),
	{"dredge_tcp_connections", "TCP connections in use.", COUNTER_TCP_CONNECTIONS,
	 "state=\"active\"", 1},
	{"dredge_tcp_connections", "TCP connections in use.", COUNTER_TCP_TIME_WAIT,
	 "state=\"time_wait\"", 1},
	{"dredge_tcp_retransmits", "TCP segments seen again.", COUNTER_TCP_RETRANSMITS, "", 1},
	{"dredge_tcp_retransmitted_segments", "TCP segments sent again, as the kernel counts them.",
	 COUNTER_TCP_RETRANS_SEGS, "", 1},
#define RTT(percentile, id)                                                         \
	{                                                                           \
		"dredge_tcp_srtt_seconds",                                          \
			"Smoothed TCP round trip time of the open connections.",    \
			COUNTER_TCP_RTT_##id, "percentile=\"" percentile "\"", 1e-6 \
	}
	RTT("50", P50),
	RTT("90", P90),
	RTT("95", P95),
	RTT("99", P99),
	{"dredge_tcp_handshakes", "TCP connections that came about.", COUNTER_TCP_HANDSHAKES, "",
	 1},
	{"dredge_tcp_handshake_seconds", "Time that they took for it.", COUNTER_TCP_HANDSHAKE_TIME,
	 "", 1e-9},
	{"dredge_tcp_refused", "TCP connects that were refused.", COUNTER_TCP_REFUSED, "", 1},
	{"dredge_responses", "Answers seen in TCP conversations.", COUNTER_RESPONSES, "", 1},
	{"dredge_response_seconds", "Time from the end of the request to the begin of the answer.",
	 COUNTER_RESPONSE_TIME, "", 1e-9},
	{"dredge_packets_seen", "Packets of the container that were seen.", COUNTER_PACKETS_SEEN,
	 "", 1},
	{"dredge_packets_lost", "Packets of the container that were lost.", COUNTER_PACKETS_LOST,
	 "", 1},
};

/* Labels of every series of a container, the same for each so that they join; an absent one is an
 * empty one. */
static void put_labels(struct text *t, const struct view_item *i)
{
	static const struct {
		const char *name;
		enum meta_key key;
	} labels[] = {{"id", META_CONTAINER},	     {"name", META_NAME},
		      {"image", META_IMAGE},	     {"app", META_APP},
		      {"task", META_TASK_NAME},	     {"task_id", META_TASK},
		      {"framework", META_FRAMEWORK}, {"executor_id", META_EXECUTOR}};

	for (size_t k = 0; k < ARRAY_SIZE(labels); k++)
		if (i->c.meta[labels[k].key])
			exposition_label(t, labels[k].name, i->c.meta[labels[k].key]);
}

static const char *interface_of(const struct view_item *i)
{
	const char *name = i->iface.record.name, *colon = name ? strrchr(name, ':') : NULL;

	return colon ? colon + 1 : name;
}

/* The labels of a container, as series of its interface and as others have them. */
struct labels {
	struct text plain, interface;
};

static void put_value(struct text *t, uint64_t v, double unit)
{
	if (unit == 1)
		text_u64(t, v);
	else
		text_double(t, (double)v * unit, 9);
	text_char(t, '\n');
}

static void put_series(struct exposition *x, const struct family *f, const struct labels *l,
		       uint64_t v)
{
	const struct text *labels =
		str_starts(f->name, "container_network_") ? &l->interface : &l->plain;

	exposition_begin(x, labels->data, labels->len, f->labels);
	put_value(x->t, v, f->unit);
}

static size_t count(const struct family *f, const struct view *v, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += counters_has(&v->items[i].c.counters, f->id);
	return n;
}

static void put_families(struct exposition *x, const struct view *v, const struct labels *labels,
			 size_t n)
{
	const char *last = "";

	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		const struct family *f = &families[k];
		if (!count(f, v, 0, n))
			continue;
		if (!str_eq(f->name, last))
			exposition_family(
				x, f->name,
				counter_rows[f->id].kind == COUNTER_GAUGE ? GAUGE : METRIC_COUNTER,
				f->help);
		last = f->name;
		for (size_t i = 0; i < n; i++)
			if (counters_has(&v->items[i].c.counters, f->id))
				put_series(x, f, &labels[i], v->items[i].c.counters.value[f->id]);
	}
}

static void put_times(struct exposition *x, const char *name, const char *help,
		      const struct view *v, const struct labels *labels, size_t n, size_t offset)
{
	exposition_family(x, name, GAUGE, help);
	for (size_t i = 0; i < n; i++) {
		const uint64_t *at = (const uint64_t *)((const char *)&v->items[i].c + offset);
		if (!*at)
			continue;
		exposition_begin(x, labels[i].plain.data, labels[i].plain.len, "");
		text_time_seconds(x->t, *at);
		text_char(x->t, '\n');
	}
}

void metrics_containers(struct exposition *x, const struct view *v)
{
	size_t n = MIN(v->n, CONTAINERS_MAX), dropped = 0;
	struct labels *labels = xcalloc(n + 1, sizeof(*labels));

	for (size_t i = 0; i < n; i++) {
		const char *interface = interface_of(&v->items[i]);
		put_labels(&labels[i].plain, &v->items[i]);
		text_put(&labels[i].interface, labels[i].plain.data, labels[i].plain.len);
		if (interface)
			exposition_label(&labels[i].interface, "interface", interface);
	}
	put_families(x, v, labels, n);
	put_times(x, "container_last_seen", "When it was sampled last, since 1970.", v, labels, n,
		  offsetof(struct container, sampled));
	put_times(x, "container_start_time_seconds", "When it began, since 1970.", v, labels, n,
		  offsetof(struct container, start));
	for (size_t k = 0; k < ARRAY_SIZE(families); k++)
		dropped += count(&families[k], v, n, v->n);
	exposition_family(x, "dredge_series_dropped", GAUGE,
			  "Series left out here, as there are too many containers.");
	exposition_count(x, "", dropped);
	for (size_t i = 0; i < n; i++) {
		text_done(&labels[i].plain);
		text_done(&labels[i].interface);
	}
	free(labels);
}
