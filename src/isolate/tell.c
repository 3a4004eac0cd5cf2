/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, told by the hook: everything once, and what comes again and again with its number
 * now and then. */
#include "isolate/internal.h"

#include <stdio.h>

static void tell(struct isolator *i, const struct isolate_event *ev)
{
	if (i->o.tell)
		i->o.tell(i->o.ctx, ev);
}

/* ---- containers ---- */

struct telling {
	struct isolator *i;
	struct isolate_event ev;
};

static int tell_with_view(void *ctx, const struct isolate_container *c)
{
	struct telling *t = ctx;

	t->ev.view = c;
	tell(t->i, &t->ev);
	return 1;
}

void tell_container(struct isolator *i, enum isolate_event_kind kind, const char *id,
		    const char *what, const char *why)
{
	struct telling t = {i, {.kind = kind, .id = id, .what = what, .why = why}};

	if (!id || !isolate_each(i, id, tell_with_view, &t))
		tell(i, &t.ev);
}

static const char *id_of(const struct isolator *i, uint32_t slot)
{
	return slot ? i->datapath.wanted.containers[slot].id : NULL;
}

/* ---- drift ---- */

static void tell_one_drift(struct isolator *i, struct drift_told *d, uint64_t now)
{
	struct telling t = {i,
			    {.kind = d->kind,
			     .id = id_of(i, d->slot),
			     .what = d->what[0] ? d->what : NULL,
			     .why = d->why[0] ? d->why : NULL,
			     .times = d->since}};

	if (!t.ev.id || !isolate_each(i, t.ev.id, tell_with_view, &t))
		tell(i, &t.ev);
	d->since = 0;
	d->at = now;
}

void tell_drift(struct isolator *i, uint32_t slot, const struct item *it, const char *why)
{
	struct drift_told seen = {.slot = slot, .kind = why ? ISOLATE_DRIFT : ISOLATE_REPAIRED};
	struct text what = {0};
	uint64_t now = time_monotonic();

	if (it)
		item_text(it, &what);
	snprintf(seen.what, sizeof(seen.what), "%s", what.len ? text_cstr(&what) : "");
	snprintf(seen.why, sizeof(seen.why), "%s", why ? why : "");
	text_done(&what);
	seen.key = hash_bytes(&seen, sizeof(seen)) | 1;
	struct drift_told *d = &i->drift[seen.key / 2 % DRIFT_TOLD];
	if (d->key != seen.key) {
		if (d->since)
			tell_one_drift(i, d, now);
		*d = seen;
	}
	d->since++;
	if (!d->at || now - d->at >= DRIFT_TOLD_NS)
		tell_one_drift(i, d, now);
}

void tell_held_drift(struct isolator *i, uint32_t slot)
{
	uint64_t now = time_monotonic();

	for (unsigned k = 0; k < DRIFT_TOLD; k++) {
		struct drift_told *d = &i->drift[k];
		bool wanted = slot == UINT32_MAX ? now - d->at >= DRIFT_TOLD_NS : d->slot == slot;
		if (!d->key || !wanted)
			continue;
		if (d->since)
			tell_one_drift(i, d, now);
		/* The next container of the slot begins anew. */
		if (slot != UINT32_MAX)
			d->key = 0;
	}
}

/* ---- refused packets ---- */

void refused_begin(struct isolator *i, uint32_t slot)
{
	struct refused_told *t = &i->refused[slot];

	*t = (struct refused_told){0};
	read_refused(i, slot, t->packets);
}

void tell_refused(struct isolator *i, uint32_t slot, bool at_once)
{
	struct refused_told *t = &i->refused[slot];
	struct telling x = {i, {.kind = ISOLATE_PACKETS_REFUSED, .id = id_of(i, slot)}};
	uint64_t now = time_monotonic(), packets[DP_COUNTERS];

	if (!at_once && t->at && now - t->at < REFUSED_TOLD_NS)
		return;
	/* Before they are read: what moves from now on is for the next look. */
	__atomic_store_n(&i->datapath.moved[slot], 0, __ATOMIC_SEQ_CST);
	read_refused(i, slot, packets);
	for (unsigned k = 0; k < DP_COUNTERS; k++) {
		x.ev.reason = (enum dp_counter)k;
		x.ev.times = packets[k] - t->packets[k];
		if (!x.ev.times)
			continue;
		t->at = now;
		isolate_each(i, x.ev.id, tell_with_view, &x);
	}
	memcpy(t->packets, packets, sizeof(packets));
}

void isolate_look_at_refused(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		if (__atomic_load_n(&i->datapath.moved[slot], __ATOMIC_RELAXED) &&
		    slot_ready(i, slot))
			tell_refused(i, slot, false);
}
