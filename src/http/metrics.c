/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in Prometheus' text format 0.0.4: a row of the list is a family of each container. */
#include "http/api.h"

#include <stdlib.h>

/* ---- of each container ---- */

/* cAdvisor's names where it has one. */
static const struct family {
	const char *name, *type, *help;
	enum counter_id id;
	const char *labels; /* more of them, or "" */
	double unit;	    /* what one of the counter is in the unit of the name */
} families[] = {
#define CADVISOR(name, id, help)                                        \
	{                                                               \
		"container_" name, "counter", help, COUNTER_##id, "", 1 \
	}
	CADVISOR("network_receive_bytes_total", NET_RX_BYTES, "Bytes received."),
	CADVISOR("network_receive_packets_total", NET_RX_PACKETS, "Packets received."),
	CADVISOR("network_receive_packets_dropped_total", NET_RX_DROPPED,
		 "Packets dropped on the way in."),
	CADVISOR("network_receive_errors_total", NET_RX_ERRORS, "Receive errors."),
	CADVISOR("network_transmit_bytes_total", NET_TX_BYTES, "Bytes sent."),
	CADVISOR("network_transmit_packets_total", NET_TX_PACKETS, "Packets sent."),
	CADVISOR("network_transmit_packets_dropped_total", NET_TX_DROPPED,
		 "Packets dropped on the way out."),
	CADVISOR("network_transmit_errors_total", NET_TX_ERRORS, "Transmit errors."),
	{"container_cpu_user_seconds_total", "counter", "CPU time in user mode.", COUNTER_CPUS_USER,
	 "", 1e-9},
	{"container_cpu_system_seconds_total", "counter", "CPU time in the kernel.",
	 COUNTER_CPUS_SYSTEM, "", 1e-9},
	{"container_memory_usage_bytes", "gauge", "Memory charged to the container.",
	 COUNTER_MEM_TOTAL, "", 1},
	{"container_memory_rss", "gauge", "Anonymous memory.", COUNTER_MEM_RSS, "", 1},
	{"container_spec_memory_limit_bytes", "gauge", "Memory limit.", COUNTER_MEM_LIMIT, "", 1},
	{"container_processes", "gauge", "Processes.", COUNTER_PROCESSES, "", 1},
	{"container_threads", "gauge", "Threads.", COUNTER_THREADS, "", 1},
#define QDISC(name, type, member, help)                                                          \
	{"dredge_qdisc_" name, type, help, COUNTER_BW_LIMIT_##member, ",qdisc=\"bw_limit\"", 1}, \
		{"dredge_qdisc_" name,	       type, help, COUNTER_BLOAT_REDUCTION_##member,     \
		 ",qdisc=\"bloat_reduction\"", 1},                                               \
		{"dredge_qdisc_" name,		type, help, COUNTER_INGRESS_BW_LIMIT_##member,   \
		 ",qdisc=\"ingress_bw_limit\"", 1},                                              \
	{                                                                                        \
		"dredge_qdisc_" name, type, help, COUNTER_INGRESS_BLOAT_REDUCTION_##member,      \
			",qdisc=\"ingress_bloat_reduction\"", 1                                  \
	}
	QDISC("bytes_total", "counter", BYTES, "Bytes that went through the queue."),
	QDISC("packets_total", "counter", PACKETS, "Packets that went through the queue."),
	QDISC("drops_total", "counter", DROPS, "Packets that the queue dropped."),
	QDISC("overlimits_total", "counter", OVERLIMITS,
	      "Times that packets had to wait for the rate."),
	QDISC("requeues_total", "counter", REQUEUES,
	      "Packets that the device did not take at once."),
	QDISC("backlog_bytes", "gauge", BACKLOG, "Bytes waiting."),
	QDISC("qlen", "gauge", QLEN, "Packets waiting."),
	{"dredge_egress_limit_bytes_per_second", "gauge", "Rate at which the container may send.",
	 COUNTER_NET_TX_RATE_LIMIT, "", 1},
	{"dredge_ingress_limit_bytes_per_second", "gauge",
	 "Rate at which the container may receive.", COUNTER_NET_RX_RATE_LIMIT, "", 1},
#define REFUSED(reason, id)                                                                      \
	{                                                                                        \
		"dredge_refused_packets_total", "counter",                                       \
			"Packets of the container that were refused.", COUNTER_NET_REFUSED_##id, \
			",reason=\"" reason "\"", 1                                              \
	}
	REFUSED("foreign_port", FOREIGN_PORT),
	REFUSED("spoofed", SPOOFED),
	REFUSED("fragment", FRAGMENT),
	REFUSED("other", OTHER),
	{"dredge_tcp_connections", "gauge", "TCP connections in use.", COUNTER_TCP_CONNECTIONS,
	 ",state=\"active\"", 1},
	{"dredge_tcp_connections", "gauge", "TCP connections in use.", COUNTER_TCP_TIME_WAIT,
	 ",state=\"time_wait\"", 1},
	{"dredge_tcp_retransmits_total", "counter", "TCP segments seen again.",
	 COUNTER_TCP_RETRANSMITS, "", 1},
#define RTT(quantile, id)                                                        \
	{                                                                        \
		"dredge_tcp_srtt_seconds", "gauge",                              \
			"Smoothed TCP round trip time of the open connections.", \
			COUNTER_TCP_RTT_##id, ",quantile=\"" quantile "\"", 1e-6 \
	}
	RTT("0.5", P50),
	RTT("0.9", P90),
	RTT("0.95", P95),
	RTT("0.99", P99),
	{"dredge_packets_seen_total", "counter", "Packets of the container that were seen.",
	 COUNTER_PACKETS_SEEN, "", 1},
};

static void put_label(struct text *t, const char *name, const char *value)
{
	if (t->data[t->len - 1] != '{')
		text_char(t, ',');
	text_str(t, name);
	text_str(t, "=\"");
	for (const char *s = value; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_char(t, '\\');
		text_char(t, *s == '\n' ? ' ' : *s);
	}
	text_char(t, '"');
}

/* The same for each series of a container, so that they join; an absent label is an empty one. */
static void put_labels(struct text *t, const struct view_item *i)
{
	static const struct {
		const char *name;
		enum meta_key key;
	} labels[] = {{"id", META_CONTAINER},	     {"name", META_NAME},
		      {"image", META_IMAGE},	     {"app", META_APP},
		      {"task", META_TASK_NAME},	     {"task_id", META_TASK},
		      {"framework", META_FRAMEWORK}, {"executor_id", META_EXECUTOR}};

	text_char(t, '{');
	for (size_t k = 0; k < ARRAY_SIZE(labels); k++)
		if (i->c.meta[labels[k].key])
			put_label(t, labels[k].name, i->c.meta[labels[k].key]);
}

static const char *interface_of(const struct view_item *i)
{
	const char *name = i->iface.record.name, *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void put_head(struct text *t, const char *name, const char *type, const char *help)
{
	text_fmt(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(struct text *t, uint64_t v, double unit)
{
	text_char(t, ' ');
	if (unit == 1)
		text_u64(t, v);
	else
		text_double(t, (double)v * unit, 9);
	text_char(t, '\n');
}

static void put_family(struct text *t, const struct family *f, const struct view *v,
		       const struct text *labels)
{
	bool network = str_starts(f->name, "container_network_");

	for (size_t i = 0; i < v->n; i++) {
		const struct view_item *item = &v->items[i];
		if (!counters_has(&item->c.counters, f->id))
			continue;
		text_str(t, f->name);
		text_put(t, labels[i].data, labels[i].len);
		text_str(t, f->labels);
		if (network && item->iface.record.name)
			put_label(t, "interface", interface_of(item));
		text_char(t, '}');
		put_value(t, item->c.counters.value[f->id], f->unit);
	}
}

static bool is_there(const struct family *f, const struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (counters_has(&v->items[i].c.counters, f->id))
			return true;
	return false;
}

static void put_containers(struct text *t, const struct view *v)
{
	struct text *labels = xcalloc(v->n + 1, sizeof(*labels));
	const char *last = "";

	for (size_t i = 0; i < v->n; i++)
		put_labels(&labels[i], &v->items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *f = &families[i];
		if (!is_there(f, v))
			continue;
		if (!str_eq(f->name, last))
			put_head(t, f->name, f->type, f->help);
		last = f->name;
		put_family(t, f, v, labels);
	}
	for (size_t i = 0; i < v->n; i++)
		text_done(&labels[i]);
	free(labels);
}

/* ---- of dredged ---- */

static void put_one(struct text *t, const char *name, const char *type, const char *help,
		    const char *labels, double value)
{
	put_head(t, name, type, help);
	text_fmt(t, "%s%s %.15g\n", name, labels, value);
}

/* How the identity of each container was found. */
static void put_rungs(struct text *t, const struct view *v)
{
	static const char *const rungs[] = {"status", "agent", "executor", "docker-name",
					    "env",    "port",  "cgroup"};

	put_head(t, "dredge_attribution", "gauge",
		 "Containers by how their identity was found; cgroup is no more than an id.");
	for (size_t k = 0; k < ARRAY_SIZE(rungs); k++) {
		size_t n = 0;
		for (size_t i = 0; i < v->n; i++) {
			const char *rung = v->items[i].c.meta[META_RUNG];
			n += rung && str_eq(rung, rungs[k]);
		}
		text_fmt(t, "dredge_attribution{result=\"%s\"} %zu\n", rungs[k], n);
	}
}

static void put_capture(struct text *t, const struct health *h)
{
	put_one(t, "dredge_events_submitted_total", "counter", "Events that were recorded.", "",
		(double)h->recorded);
	put_one(t, "dredge_capture_bytes_total", "counter", "Bytes of captures on disk.", "",
		(double)h->capture_bytes);
}

static void put_metadata(struct text *t, const struct health *h)
{
	uint64_t now = time_now();

	put_one(t, "dredge_metadata_tasks", "gauge", "Tasks that Mesos and Marathon told of.", "",
		(double)h->tasks);
	put_one(t, "dredge_metadata_up", "gauge", "1 when the last question was answered.", "",
		h->answered && !h->metadata_error);
	if (h->answered)
		put_one(t, "dredge_metadata_age_seconds", "gauge", "Age of the newest answer.",
			"{source=\"mesos\"}",
			now > h->answered ? (double)(now - h->answered) / 1e9 : 0);
}

void route_metrics(const struct request *r, struct reply *a)
{
	const struct health *h = &r->view->health;
	struct text *t = &a->body;

	a->type = "text/plain; version=0.0.4; charset=utf-8";
	put_one(t, "dredge_build_info", "gauge", "The version of dredged.",
		"{version=\"" DREDGE_VERSION "\"}", 1);
	put_one(t, "dredge_containers", "gauge", "Containers that are alive.", "",
		(double)r->view->n);
	put_one(t, "dredge_interfaces", "gauge", "Interfaces that are watched.", "",
		(double)h->interfaces);
	put_one(t, "dredge_events_seen_total", "counter", "Packets that were seen.",
		"{source=\"packets\"}", (double)h->seen);
	put_head(t, "dredge_events_lost_total", "counter", "What was lost, and why.");
	text_fmt(t, "dredge_events_lost_total{reason=\"ring_full\"} %llu\n",
		 (unsigned long long)h->lost);
	text_fmt(t, "dredge_events_lost_total{reason=\"disk\"} %llu\n",
		 (unsigned long long)h->unwritten);
	put_one(t, "dredge_events_sampled_out_total", "counter", "Packets left out by sampling.",
		"", (double)h->sampled_out);
	put_one(t, "dredge_sampling_ratio", "gauge", "Share of the packets that is looked at.", "",
		h->sample ? 1.0 / h->sample : 1.0);
	put_rungs(t, r->view);
	if (h->capture)
		put_capture(t, h);
	if (h->metadata)
		put_metadata(t, h);
	put_containers(t, r->view);
}
