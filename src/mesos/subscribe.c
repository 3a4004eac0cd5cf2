/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of a master (since 1.0): its state, and from then on what changes. */
#ifdef HAVE_CURL

#include "mesos/asking.h"
#include "mesos/wire.h"

#include <stdlib.h>

#define HEARTBEATS_MISSED 5u
#define STABLE_NS	  (60 * NSEC_PER_SEC)
#define RECOVERED_NS	  (5 * NSEC_PER_SEC) /* so long a stream lives until its trouble is over */
#define LOSSES_MAX	  4u
#define LAYER_EVENTS	  1024u /* events of one layer, so that readers need not wait */

static const struct request request = {
	.path = "/api/v1",
	.body = "{\"type\":\"SUBSCRIBE\"}",
	.accept = "application/json",
};

static void close_stream(struct mesos_poller *p)
{
	http_stream_close(p->master.stream);
	p->master.stream = NULL;
	p->now.streaming = false;
}

void subscription_done(struct mesos_poller *p)
{
	close_stream(p);
	free(p->master.refused);
	p->master.refused = NULL;
}

static void be_patient(struct subscription *s, const struct mesos_builder *b)
{
	if (b->heartbeat > 0)
		s->patience = (uint64_t)(MIN(b->heartbeat, 3600.0) * HEARTBEATS_MISSED *
					 (double)NSEC_PER_SEC);
}

/* The records that have come whole, up to `most`. Returns how many, or -1. */
static int take_records(struct mesos_poller *p, struct mesos_builder *b, unsigned most,
			struct err *e)
{
	struct cursor all = http_stream_bytes(p->master.stream), c = all;
	unsigned count = 0;
	const char *record;
	size_t n;
	int rc = 1;

	while (count < most && rc > 0) {
		rc = recordio_next(&c, p->max_body, &record, &n, e);
		if (rc > 0 && mesos_add_v1(b, record, n, e))
			rc = -1;
		count += rc > 0;
	}
	http_stream_drop(p->master.stream, (size_t)(c.pos - all.pos));
	be_patient(&p->master, b);
	return rc < 0 ? err_wrap(e, "%s", http_stream_origin(p->master.stream)) : (int)count;
}

/* The first record is the whole state, and may be long in coming. */
static int await_state(struct mesos_poller *p, struct mesos_builder *b, struct err *e)
{
	uint64_t patience = p->timeout_ms * NSEC_PER_MSEC;
	int got = 0;

	while (!got) {
		if (http_is_stopped(p->http))
			return err_set(e, ERR_FAILED, "stopped");
		got = take_records(p, b, 1, e);
		uint64_t silence = time_monotonic() - http_stream_heard(p->master.stream);
		if (!got && http_stream_ended(p->master.stream, e))
			return -1;
		if (!got && silence > patience)
			return err_set(e, ERR_FAILED, "%s: no state in the stream",
				       http_stream_origin(p->master.stream));
		if (!got)
			http_sleep(p->http, patience - silence);
	}
	return got < 0 ? -1 : 0;
}

/* Only the leader has a stream: who opened it leads. */
static void name_leader(struct mesos_poller *p, struct mesos_builder *b)
{
	const char *origin = http_stream_origin(p->master.stream), *host = strstr(origin, "://");
	cleanup_free char *pid = xasprintf("master@%s", host ? host + 3 : origin);

	b->leader = b->pid = again(b, pid);
}

int subscribe(struct mesos_poller *p, const struct target *t, struct mesos_builder *b,
	      struct err *e)
{
	struct subscription *s = &p->master;
	int status;

	if ((s->refused && str_eq(s->refused, t->url)) || time_monotonic() < s->again)
		return NOT_THERE;
	close_stream(p);
	s->patience = 0;
	s->stream = http_stream_open(p->http, t, &request, &status, e);
	if (status == 401)
		login_refused(p->login);
	if (!s->stream) {
		bool unknown = status >= 400 && status != 401 && status != 503;
		/* Older ones know no such path or method; some may not be read by this way. Other
		 * trouble passes. */
		if (unknown && (status < 500 || status == 501)) {
			free(s->refused);
			s->refused = xstrdup(t->url);
			tell(p, ASKED_STREAM, &(struct err){0});
		}
		return unknown ? NOT_THERE : -1;
	}
	if (await_state(p, b, e)) {
		close_stream(p);
		return -1;
	}
	name_leader(p, b);
	s->opened = time_monotonic();
	p->now.streaming = true;
	return 0;
}

/*
 * All of the cluster asks a new leader at one moment, if nobody waits; and the longer the oftener
 * it breaks. Meanwhile the state is polled.
 */
static void lose(struct mesos_poller *p, const struct err *e)
{
	struct subscription *s = &p->master;
	uint64_t now = time_monotonic();

	s->losses = now - s->opened > STABLE_NS ? 0 : MIN(s->losses + 1, LOSSES_MAX);
	s->again = now + at_random(p, p->interval << s->losses);
	close_stream(p);
	tell(p, ASKED_STREAM, e);
}

void subscription_turn(struct mesos_poller *p)
{
	struct subscription *s = &p->master;
	struct err e = {0};
	int got = LAYER_EVENTS;

	while (s->stream && got == LAYER_EVENTS) {
		struct mesos_builder *b = builder_on(p->last, time_now());
		got = take_records(p, b, LAYER_EVENTS, &e);
		if (got > 0) {
			publish(p, b, false);
			if (time_monotonic() - s->opened > RECOVERED_NS)
				tell(p, ASKED_STREAM, &e);
		} else {
			mesos_builder_free(b);
		}
	}
	if (!s->stream)
		return;
	uint64_t silence = time_monotonic() - http_stream_heard(s->stream);
	if (got < 0 || http_stream_ended(s->stream, &e)) {
		lose(p, &e);
	} else if (s->patience && silence > s->patience) {
		err_set(&e, ERR_FAILED, "%s: no heartbeat for %.1f s",
			http_stream_origin(s->stream), (double)silence / (double)NSEC_PER_SEC);
		lose(p, &e);
	}
}

uint64_t subscription_due(const struct mesos_poller *p)
{
	const struct subscription *s = &p->master;

	if (!s->stream)
		return s->again;
	return s->patience ? http_stream_heard(s->stream) + s->patience + 1 : UINT64_MAX;
}

#endif
