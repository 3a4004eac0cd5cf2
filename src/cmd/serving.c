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

void serving_note(struct serving *s, const struct event *notice)
{
	struct notice_count *of = s->health.notices;
	size_t n = 0, i = 0;
	const char *kind = notice_find(notice->data, notice->caplen, "DREDGE_EVENT", &n);

	while (i < NOTICE_KINDS && *of[i].kind &&
	       (strncmp(of[i].kind, kind ? kind : "", n) || of[i].kind[n]))
		i++;
	if (!kind || !n || n >= sizeof(of->kind) || i == NOTICE_KINDS)
		return;
	memcpy(of[i].kind, kind, n);
	of[i].n++;
}

void serving_tick(struct serving *s, uint64_t now)
{
	struct source_stats stats = {0};
	struct health *h = &s->health;

	if (!s->server || !server_is_due(s->server, now))
		return;
	s->source->kind->stats(s->source, &stats);
	h->seen = stats.seen;
	h->lost = stats.lost;
	h->sampled_out = stats.sampled_out;
	h->interfaces = stats.interfaces;
	h->sample = s->sample;
	if (s->writer)
		add_writer(h, s->writer);
	captures_tell(s->captures, h);
	if (s->poller)
		add_metadata(h, s->poller);
	server_publish(s->server, s->state, h, now);
}
