/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: what dredged says of itself, what it saw, lost, recorded and knows; and the route. */
#include "http/metrics.h"

static void put_one(struct exposition *x, const char *name, enum metric_type type, const char *help,
		    double value)
{
	exposition_family(x, name, type, help);
	exposition_value(x, "", value);
}

/* How the identity of each container was found. */
static void put_rungs(struct exposition *x, const struct view *v)
{
	static const char *const rungs[] = {"status", "agent", "executor", "docker-name",
					    "env",    "port",  "cgroup"};

	exposition_family(x, "dredge_attribution", GAUGE,
			  "Containers by how their identity was found; cgroup is no more than an "
			  "id.");
	for (size_t k = 0; k < ARRAY_SIZE(rungs); k++) {
		struct text labels = {0};
		uint64_t n = 0;
		for (size_t i = 0; i < v->n; i++) {
			const char *rung = v->items[i].c.meta[META_RUNG];
			n += rung && str_eq(rung, rungs[k]);
		}
		exposition_label(&labels, "result", rungs[k]);
		exposition_count(x, text_cstr(&labels), n);
		text_done(&labels);
	}
}

/* And of each packet. */
static void put_attribution(struct exposition *x, const struct view *v)
{
	exposition_family(x, "dredge_attributed_packets", METRIC_COUNTER,
			  "Packets by how it was found whose they are; port is the address of the "
			  "agent and a port of the task.");
	for (size_t i = 0; i < v->rung_count; i++) {
		struct text labels = {0};
		exposition_label(&labels, "result", v->rungs[i].rung);
		exposition_count(x, text_cstr(&labels), v->rungs[i].packets);
		text_done(&labels);
	}
}

static void put_packets(struct exposition *x, const struct health *h)
{
	exposition_family(x, "dredge_events_seen", METRIC_COUNTER, "Packets that were seen.");
	exposition_count(x, "source=\"packets\"", h->seen);
	exposition_family(x, "dredge_events_lost", METRIC_COUNTER, "What was lost, and why.");
	exposition_count(x, "reason=\"ring_full\"", h->lost);
	exposition_count(x, "reason=\"disk\"", h->unwritten);
	put_one(x, "dredge_events_sampled_out", METRIC_COUNTER, "Packets left out by sampling.",
		(double)h->sampled_out);
	put_one(x, "dredge_sampling_ratio", GAUGE, "Share of the packets that is looked at.",
		h->sample ? 1.0 / h->sample : 1.0);
}

static void put_capture(struct exposition *x, const struct health *h)
{
	put_one(x, "dredge_events_submitted", METRIC_COUNTER, "Events that were recorded.",
		(double)h->recorded);
	put_one(x, "dredge_capture_bytes", METRIC_COUNTER, "Bytes of captures on disk.",
		(double)h->capture_bytes);
}

static void put_notices(struct exposition *x, const struct health *h)
{
	exposition_family(x, "dredge_notices", METRIC_COUNTER,
			  "Notices by kind: drift_repaired, packets_refused and so on.");
	for (size_t i = 0; i < NOTICE_KINDS && *h->notices[i].kind; i++) {
		struct text labels = {0};
		exposition_label(&labels, "kind", h->notices[i].kind);
		exposition_count(x, text_cstr(&labels), h->notices[i].n);
		text_done(&labels);
	}
}

static void put_metadata(struct exposition *x, const struct health *h)
{
	uint64_t now = time_now();

	put_one(x, "dredge_metadata_tasks", GAUGE, "Tasks that Mesos and Marathon told of.",
		(double)h->tasks);
	put_one(x, "dredge_metadata_up", GAUGE, "1 when the last question was answered.",
		h->answered && !h->metadata_error);
	if (h->metadata_error) {
		struct text labels = {0};
		exposition_family(x, "dredge_metadata_error", GAUGE,
				  "Why the last question was not.");
		exposition_label(&labels, "reason", h->metadata_error);
		exposition_value(x, text_cstr(&labels), 1);
		text_done(&labels);
	}
	if (!h->answered)
		return;
	exposition_family(x, "dredge_metadata_age_seconds", GAUGE, "Age of the newest answer.");
	exposition_value(x, "source=\"mesos\"",
			 now > h->answered ? (double)(now - h->answered) / 1e9 : 0);
}

void route_metrics(const struct request *r, struct reply *a)
{
	const struct health *h = &r->view->health;
	struct exposition x = {.t = &a->body, .openmetrics = r->openmetrics};

	a->type = exposition_content_type(&x);
	exposition_family(&x, "dredge_build_info", GAUGE, "The version of dredged.");
	exposition_value(&x, "version=\"" DREDGE_VERSION "\"", 1);
	put_one(&x, "dredge_containers", GAUGE, "Containers that are alive.", (double)r->view->n);
	put_one(&x, "dredge_interfaces", GAUGE, "Interfaces that are watched.",
		(double)h->interfaces);
	put_packets(&x, h);
	put_rungs(&x, r->view);
	put_attribution(&x, r->view);
	put_notices(&x, h);
	if (h->capture)
		put_capture(&x, h);
	if (h->metadata)
		put_metadata(&x, h);
	metrics_containers(&x, r->view);
	exposition_end(&x);
}
