/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/serving.h"

static void add_writer(struct health *h, struct writer *writer)
{
	struct writer_stats w = {0};

	writer_get_stats(writer, &w);
	h->capture = w.path;
	h->recorded = w.packets + w.counters + w.notices;
	h->unwritten = w.lost;
	h->capture_bytes = w.file_bytes;
}

static void add_metadata(struct health *h, struct mesos_poller *poller)
{
	struct mesos_health m = {0};

	mesos_poller_health(poller, &m);
	h->metadata = true;
	h->answered = m.answered;
	h->tasks = m.tasks;
	h->metadata_error = m.error;
}

void serving_tick(const struct serving *s, uint64_t now)
{
	struct source_stats stats = {0};

	if (!s->server || !server_is_due(s->server, now))
		return;
	s->source->kind->stats(s->source, &stats);
	struct health h = {
		.seen = stats.seen,
		.lost = stats.lost,
		.sampled_out = stats.sampled_out,
		.interfaces = stats.interfaces,
		.sample = s->sample,
	};
	if (s->writer)
		add_writer(&h, s->writer);
	if (s->poller)
		add_metadata(&h, s->poller);
	server_publish(s->server, s->state, &h, now);
}
