/* SPDX-License-Identifier: Apache-2.0 */
#include "http/view.h"

#include <stdlib.h>

/* Strings move while more are added: until the end each pointer holds its offset and one. */
static void put(struct text *strings, const char **s)
{
	size_t at = strings->len + 1;

	if (!*s)
		return;
	text_put(strings, *s, strlen(*s) + 1);
	*s = (const char *)(uintptr_t)at;
}

static void settle(const char *strings, const char **s)
{
	if (*s)
		*s = strings + (uintptr_t)*s - 1;
}

static void each_string(struct view *v, void (*fn)(void *ctx, const char **s), void *ctx)
{
	for (size_t i = 0; i < v->n; i++) {
		for (unsigned k = 0; k < META_KEYS; k++)
			fn(ctx, (const char **)&v->items[i].c.meta[k]);
		fn(ctx, &v->items[i].iface.record.name);
	}
	for (size_t i = 0; i < v->health.capture_count; i++) {
		struct capture_file *c = &v->captures[i];
		fn(ctx, &c->name);
		fn(ctx, &c->path);
		fn(ctx, &c->hidden);
		fn(ctx, &c->filter);
	}
	for (size_t i = 0; i < v->rung_count; i++)
		fn(ctx, &v->rungs[i].rung);
	fn(ctx, &v->health.capture);
	fn(ctx, &v->health.metadata_error);
}

static void put_one(void *ctx, const char **s)
{
	put(ctx, s);
}

static void settle_one(void *ctx, const char **s)
{
	settle(ctx, s);
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return now < before ? 0 : (double)(now - before) / seconds;
}

static struct rates rates_of(struct past *past, const struct container *c)
{
	const uint64_t *v = c->counters.value;
	const struct past_sample now = {
		.sampled = c->sampled,
		.rx_bytes = v[COUNTER_NET_RX_BYTES],
		.tx_bytes = v[COUNTER_NET_TX_BYTES],
		.rx_packets = v[COUNTER_NET_RX_PACKETS],
		.tx_packets = v[COUNTER_NET_TX_PACKETS],
		.cpu = v[COUNTER_CPUS_USER] + v[COUNTER_CPUS_SYSTEM],
	};

	while (past->n <= c->index) {
		GROW(past->of, past->n, past->cap);
		past->of[past->n++] = (struct past_sample){0};
	}
	struct past_sample *p = &past->of[c->index];
	if (now.sampled <= p->sampled)
		return p->rates;
	double seconds = (double)(now.sampled - p->sampled) / (double)NSEC_PER_SEC;
	struct rates rates = {0};
	if (p->sampled)
		rates = (struct rates){
			.known = true,
			.rx_bytes = per_second(now.rx_bytes, p->rx_bytes, seconds),
			.tx_bytes = per_second(now.tx_bytes, p->tx_bytes, seconds),
			.rx_packets = per_second(now.rx_packets, p->rx_packets, seconds),
			.tx_packets = per_second(now.tx_packets, p->tx_packets, seconds),
			.cpus = per_second(now.cpu, p->cpu, seconds * (double)NSEC_PER_SEC),
		};
	*p = now;
	p->rates = rates;
	return rates;
}

/* The first interface of each container that is alive, by the index of the container. */
static const struct iface **first_ifaces(const struct state *s)
{
	const struct iface **first = xcalloc(state_containers(s) + 1, sizeof(struct iface *));

	for (uint32_t n = 0; n < state_ifaces(s); n++) {
		const struct iface *i = state_iface_at(s, n);
		if (i && i->container < state_containers(s) && !first[i->container])
			first[i->container] = i;
	}
	return first;
}

struct view *view_new(const struct state *s, const struct health *h, struct past *past,
		      uint64_t now)
{
	struct view *v = xcalloc(1, sizeof(*v));
	struct text strings = {0};
	const struct iface **first = first_ifaces(s);

	atomic_init(&v->refs, 1);
	v->time = now;
	v->health = *h;
	v->captures = xmalloc((h->capture_count + 1) * sizeof(*v->captures));
	if (h->capture_count)
		memcpy(v->captures, h->captures, h->capture_count * sizeof(*v->captures));
	v->health.captures = v->captures;
	v->items = xmalloc((state_containers(s) + 1) * sizeof(*v->items));
	for (uint32_t i = 0; i < state_containers(s); i++) {
		const struct container *c = state_container_at(s, i);
		struct view_item *to = &v->items[v->n];
		if (c->end || !c->meta[META_CONTAINER])
			continue;
		to->c = *c;
		to->iface = first[i] ? *first[i] : (struct iface){0};
		to->iface.record.description = NULL;
		to->rates = rates_of(past, c);
		v->n++;
	}
	free(first);
	v->rung_count = state_attribution(s, v->rungs);
	each_string(v, put_one, &strings);
	v->strings = strings.data;
	each_string(v, settle_one, v->strings);
	return v;
}

struct view *view_ref(struct view *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void view_unref(struct view *v)
{
	if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(v->items);
	free(v->captures);
	free(v->strings);
	mesos_snapshot_free(v->names);
	free(v);
}
