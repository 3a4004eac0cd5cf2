/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/desired.h"

#include "mesos/mesos.h"

#include <stdlib.h>

#ifdef HAVE_ISOLATE

#include "isolate/isolate.h"

#include <stdio.h>

struct desired_told {
	char id[DP_ID_SIZE];
	struct port_set ports;
	bool current; /* still wanted, and still not to be had */
};

struct change {
	char id[DP_ID_SIZE];
	struct isolate_request request;
};

struct pass {
	struct desired *d;
	const struct mesos_snapshot *s;
	struct isolate_room room;
	struct change *changes;
	size_t count, cap;
};

static bool same(const struct port_set *a, const struct port_set *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void tell_once(struct desired *d, const char *id, const struct port_set *ports)
{
	struct text list = {0};
	size_t k = 0;

	while (k < d->count && !str_eq(d->told[k].id, id))
		k++;
	if (k == d->count) {
		GROW(d->told, d->count, d->cap);
		d->told[d->count++] = (struct desired_told){0};
		snprintf(d->told[k].id, sizeof(d->told[k].id), "%s", id);
	}
	d->told[k].current = true;
	if (same(&d->told[k].ports, ports))
		return;
	d->told[k].ports = *ports;
	port_set_text(&list, ports);
	log_warn("container %s: ports %s, which its tasks were assigned, are not of the pool or "
		 "somebody else's",
		 id, text_cstr(&list));
	text_done(&list);
}

static int look_at_one(void *ctx, const struct isolate_container *c)
{
	struct port_set wanted = {0}, refused, may;
	struct pass *p = ctx;
	struct text list = {0};
	bool known = mesos_assigned_ports(p->s, c->id, &list) &&
		     !port_set_parse(text_cstr(&list), list.len, &wanted, NULL);

	text_done(&list);
	if (!known || c->ending)
		return 0;
	may = p->room.ports;
	port_set_join(&may, c->ports);
	refused = wanted;
	port_set_subtract(&refused, &may);
	port_set_subtract(&wanted, &refused);
	if (!port_set_empty(&refused))
		tell_once(p->d, c->id, &refused);
	if (port_set_empty(&wanted) || same(&wanted, c->ports))
		return 0;
	GROW(p->changes, p->count, p->cap);
	struct change *change = &p->changes[p->count++];
	*change = (struct change){.request = {.ports = wanted,
					      .egress = c->egress,
					      .ingress = c->ingress,
					      .cpus = c->cpus}};
	snprintf(change->id, sizeof(change->id), "%s", c->id);
	/* The next one cannot have them too. */
	port_set_subtract(&p->room.ports, &wanted);
	return 0;
}

static void forget(struct desired *d)
{
	size_t kept = 0;

	for (size_t k = 0; k < d->count; k++)
		if (d->told[k].current) {
			d->told[kept] = d->told[k];
			d->told[kept++].current = false;
		}
	d->count = kept;
}

void desired_apply(struct desired *d, struct isolator *i)
{
	struct mesos_snapshot *s = d->poller ? mesos_poller_take(d->poller, MESOS_ISOLATION) : NULL;
	struct pass p = {.d = d, .s = s};

	if (!s)
		return;
	isolate_room(i, &p.room);
	isolate_each(i, NULL, look_at_one, &p);
	forget(d);
	for (size_t k = 0; k < p.count; k++) {
		p.changes[k].request.id = p.changes[k].id;
		/* Refused: the isolator tells, and the next answer of Mesos is another try. */
		isolate_update(i, &p.changes[k].request, NULL);
	}
	free(p.changes);
	mesos_snapshot_free(d->newest);
	d->newest = s;
}

void desired_names(const struct desired *d, const char *id, const char *meta[META_KEYS])
{
	if (d->newest)
		mesos_lookup(d->newest, id, NULL, NULL, meta);
}

#endif

void desired_done(struct desired *d)
{
	mesos_snapshot_free(d->newest);
	free(d->told);
}
