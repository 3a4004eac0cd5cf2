/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz: does it run? /readyz: can it be relied on, and why not? */
#include "http/api.h"

#define STUCK_NS (10 * NSEC_PER_SEC) /* a view is made each second */
#define STALE_NS (60 * NSEC_PER_SEC) /* names are asked for each 5 s unless told otherwise */

static uint64_t age(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

void route_health(const struct request *r, struct reply *a)
{
	if (age(time_now(), r->view->time) > STUCK_NS) {
		reply_error(a, 503, "nothing is known since more than 10 s");
		return;
	}
	text_str(&a->body, "{\"status\":\"ok\",\"version\":\"" DREDGE_VERSION "\"}\n");
}

static void put_metadata(struct text *t, const struct health *h, uint64_t now)
{
	text_str(t, "\"metadata\":{\"tasks\":");
	text_u64(t, h->tasks);
	text_str(t, ",\"age_seconds\":");
	if (h->answered)
		text_double(t, (double)age(now, h->answered) / (double)NSEC_PER_SEC, 3);
	else
		text_str(t, "null");
	text_str(t, ",\"error\":");
	text_quoted(t, h->metadata_error);
	text_str(t, "},");
}

static const char *why_not(const struct health *h, uint64_t now, uint64_t made)
{
	if (age(now, made) > STUCK_NS)
		return "nothing is known since more than 10 s";
	if (h->metadata && !h->answered)
		return "no metadata yet";
	if (h->metadata && age(now, h->answered) > STALE_NS)
		return "metadata is older than 60 s";
	return NULL;
}

void route_ready(const struct request *r, struct reply *a)
{
	const struct health *h = &r->view->health;
	uint64_t now = time_now();
	const char *why = why_not(h, now, r->view->time);
	struct text *t = &a->body;

	a->status = why ? 503 : 200;
	text_str(t, why ? "{\"ready\":false,\"why\":" : "{\"ready\":true,\"why\":");
	text_quoted(t, why);
	text_char(t, ',');
	if (h->metadata)
		put_metadata(t, h, now);
	text_fmt(
		t,
		"\"containers\":%zu,\"packets\":{\"seen\":%llu,\"lost\":%llu,\"sampled_out\":%llu}",
		r->view->n, (unsigned long long)h->seen, (unsigned long long)h->lost,
		(unsigned long long)h->sampled_out);
	if (h->capture) {
		text_str(t, ",\"capture\":{\"file\":");
		text_quoted(t, h->capture);
		text_fmt(t, ",\"events\":%llu,\"bytes\":%llu,\"lost\":%llu}",
			 (unsigned long long)h->recorded, (unsigned long long)h->capture_bytes,
			 (unsigned long long)h->unwritten);
	}
	text_str(t, "}\n");
}
