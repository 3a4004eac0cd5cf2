/* SPDX-License-Identifier: Apache-2.0 */
/* Who: section headers, interface descriptions and journal records as records. */
#include "savefile/read.h"

#include <jansson.h>
#include <stdlib.h>

void run_ask(struct run *run, struct iface_table *t, uint32_t number)
{
	t->items[number].wanted = run->all_wanted ||
				  (!run->ended && run->q->iface_wanted(run->q->ctx, number));
}

int run_iface(struct run *run, struct iface_table *t, uint32_t number, const struct iface_in *in,
	      const struct iface_record *r, struct reason *why)
{
	if (number >= READ_MAX_IFACES)
		return reason_set(why, "more than %u interfaces", READ_MAX_IFACES);
	if (number == t->count) {
		GROW(t->items, t->count, t->cap);
		t->items[t->count++] = *in;
	}
	t->items[number].dropped = 0;
	if (!run || !run->sink)
		return 0;
	if (!run->ended && run->sink->iface)
		run->ended = run->sink->iface(run->sink->ctx, r);
	run_ask(run, t, number);
	return 0;
}

/* ---- interfaces ---- */

struct description {
	struct iface_record record;
	struct container_record container;
	struct iface_in in;
	char *name, *text;
	char *meta[META_KEYS];
};

static char *option_text(const struct option *o)
{
	return xstrndup((const char *)o->value, o->size);
}

static void take_meta(struct description *d, const char *key, const char *value)
{
	for (unsigned k = 0; k < META_KEYS; k++) {
		if (!str_eq(meta_rows[k].key, key) || d->meta[k])
			continue;
		d->meta[k] = xstrdup(value);
		return;
	}
}

static uint64_t json_number(const json_t *v)
{
	json_int_t n = json_integer_value(v);
	return n > 0 ? (uint64_t)n : 0;
}

/* Labels written as an object become our label list. */
static void take_labels(struct description *d, const json_t *labels)
{
	struct text t = {0};
	const char *key;
	json_t *v;

	if (d->meta[META_TASK_LABELS])
		return;
	json_object_foreach((json_t *)labels, key, v)
	{
		if (!json_is_string(v))
			continue;
		if (t.len)
			text_char(&t, '\n');
		text_percent(&t, key, strlen(key), "=");
		text_char(&t, '=');
		text_percent(&t, json_string_value(v), json_string_length(v), "");
	}
	if (t.len)
		d->meta[META_TASK_LABELS] = xstrdup(text_cstr(&t));
	text_done(&t);
}

static void take_json(struct description *d, const uint8_t *p, size_t n)
{
	json_t *root = json_loadb((const char *)p, n, 0, NULL), *v;
	const char *key;

	json_object_foreach(root, key, v)
	{
		if (json_is_string(v))
			take_meta(d, key, json_string_value(v));
		else if (str_eq(key, "start"))
			d->container.start = json_number(v);
		else if (str_eq(key, "end"))
			d->container.end = json_number(v);
		else if (str_eq(key, "sample"))
			d->in.weight = (uint32_t)MIN(MAX(json_number(v), 1), UINT32_MAX);
		else if (str_eq(key, "hop"))
			d->in.hop = (uint16_t)json_number(v);
		else if (str_eq(key, "labels") && json_is_object(v))
			take_labels(d, v);
	}
	json_decref(root);
}

static void take_address(struct iface_record *r, const struct option *o)
{
	if (o->code == OPT_IF_IPV4 && o->size == 8 && !r->has_ipv4) {
		memcpy(r->ipv4, o->value, 4);
		memcpy(r->ipv4_mask, o->value + 4, 4);
		r->has_ipv4 = true;
	} else if (o->code == OPT_IF_IPV6 && o->size == 17 && !r->has_ipv6) {
		memcpy(r->ipv6, o->value, 16);
		r->ipv6_prefix = o->value[16];
		r->has_ipv6 = true;
	} else if (o->code == OPT_IF_MAC && o->size == 6) {
		memcpy(r->mac, o->value, 6);
		r->has_mac = true;
	}
}

static void take_option(const struct pcapng *p, struct description *d, const struct option *o)
{
	struct iface_record *r = &d->record;
	const uint8_t *json;
	size_t n;

	switch (o->code) {
	case OPT_IF_NAME:
		free(d->name);
		d->name = option_text(o);
		break;
	case OPT_IF_DESCRIPTION:
		free(d->text);
		d->text = option_text(o);
		break;
	case OPT_IF_TSRESOL:
		if (o->size == 1)
			d->in.resolution = o->value[0];
		break;
	case OPT_IF_TSOFFSET:
		if (o->size == 8)
			d->in.offset = (int64_t)pcapng_u64(p, o->value);
		break;
	case OPT_IF_SPEED:
		if (o->size == 8)
			r->tx_limit = r->rx_limit = pcapng_u64(p, o->value);
		break;
	case OPT_IF_TXSPEED:
		if (o->size == 8)
			r->tx_limit = pcapng_u64(p, o->value);
		break;
	case OPT_IF_RXSPEED:
		if (o->size == 8)
			r->rx_limit = pcapng_u64(p, o->value);
		break;
	case OPT_CUSTOM_TEXT:
		json = pcapng_custom(p, o, &n);
		if (json)
			take_json(d, json, n);
		break;
	default:
		take_address(r, o);
	}
}

/* Another program need not know the container whose task or app it tells. */
static bool tells_who(char *const meta[META_KEYS])
{
	return meta[META_CONTAINER] || meta[META_TASK] || meta[META_APP];
}

int describe_iface(struct pcapng *p, struct run *run, const uint8_t *block, uint32_t size,
		   struct reason *why)
{
	struct cursor c = {block + 16, block + size - 4};
	struct description d = {.in = {.weight = 1, .resolution = 6}};
	struct iface_record *r = &d.record;
	struct option o;

	r->number = p->base + p->limit;
	r->linktype = pcapng_u16(p, block + 8);
	r->snaplen = d.in.snaplen = pcapng_u32(p, block + 12);
	while (pcapng_option(p, &c, &o))
		take_option(p, &d, &o);
	if (d.text)
		meta_parse_description(d.text, d.meta);
	d.in.plain_ns = d.in.resolution == 9 && !d.in.offset;
	r->name = d.name;
	r->description = d.text;
	r->sample = d.in.weight;
	for (unsigned k = 0; k < META_KEYS; k++)
		d.container.meta[k] = d.meta[k];
	d.container.recorded = true;
	d.container.since = d.container.start;
	if (tells_who(d.meta))
		r->container = &d.container;
	int status = run_iface(run, p->ifaces, r->number, &d.in, r, why);
	if (!status)
		p->limit++;
	free(d.name);
	free(d.text);
	for (unsigned k = 0; k < META_KEYS; k++)
		free(d.meta[k]);
	return status;
}

void describe_section(struct pcapng *p, const uint8_t *block, uint32_t size)
{
	struct cursor c = {block + 24, block + size - 4};
	struct option o;
	size_t n;

	if (!p->application || p->application->len)
		return;
	while (pcapng_option(p, &c, &o)) {
		if (o.code == OPT_SHB_APPLICATION) {
			text_reset(p->application);
			text_put(p->application, (const char *)o.value, o.size);
		} else if (o.code == OPT_CUSTOM_TEXT) {
			const uint8_t *json = pcapng_custom(p, &o, &n);
			if (json) {
				text_reset(p->description);
				text_put(p->description, (const char *)json, n);
			}
		}
	}
}

/* ---- journal records ---- */

/* Decimal digits only; 0 when there are none. */
static uint64_t find_number(const uint8_t *text, size_t n, const char *key)
{
	size_t len = 0;
	const char *v = notice_find(text, n, key, &len);
	uint64_t sum = 0;

	for (size_t i = 0; v && i < len && v[i] >= '0' && v[i] <= '9'; i++) {
		if (__builtin_mul_overflow(sum, 10u, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(v[i] - '0'), &sum))
			return UINT64_MAX;
	}
	return sum;
}

static bool value_is(const struct notice_value *v, const char *wanted)
{
	return v->p && v->n == strlen(wanted) && !memcmp(v->p, wanted, v->n);
}

static void tell_container(struct run *run, const uint8_t *text, size_t n, uint64_t ts,
			   const struct notice_value *kind)
{
	struct container_record r = {.recorded = true, .since = ts};
	struct notice_value values[META_KEYS];
	cleanup_free char *copy = xmalloc(n + 1);

	memcpy(copy, text, n);
	notice_meta(copy, n, values);
	for (unsigned k = 0; k < META_KEYS; k++) {
		if (!values[k].p)
			continue;
		copy[values[k].p - copy + (ptrdiff_t)values[k].n] = '\0'; /* in place of '\n' */
		r.meta[k] = values[k].p;
	}
	if (value_is(kind, "container_end") || value_is(kind, "task_end"))
		r.end = ts;
	/* A task whose container nobody saw is known by its ports. */
	if (r.meta[META_CONTAINER] || r.meta[META_TASK])
		run->ended = run->sink->container(run->sink->ctx, &r);
}

void describe_journal(struct run *run, const uint8_t *text, size_t n, struct event *ev)
{
	while (n && !text[n - 1]) /* padding */
		n--;
	uint64_t us = find_number(text, n, "__REALTIME_TIMESTAMP");
	*ev = (struct event){
		.ts = us > UINT64_MAX / NSEC_PER_USEC ? UINT64_MAX : us * NSEC_PER_USEC,
		.data = text,
		.caplen = (uint32_t)n,
		.len = (uint32_t)n,
		.iface = IFACE_NONE,
		.container = CONTAINER_NONE,
		.type = EVENT_NOTICE,
		.weight = 1,
	};
	struct notice_value kind = {0};
	kind.p = notice_find(text, n, "DREDGE_EVENT", &kind.n);
	bool gap = value_is(&kind, "gap"); /* lost by the writer */
	if (gap || value_is(&kind, "drop")) {
		const char *count = gap ? "DREDGE_LOST_PACKETS" : "DREDGE_COUNT";
		ev->type = EVENT_DROP;
		ev->lost = (uint32_t)MIN(find_number(text, n, count), UINT32_MAX);
	}
	if (run && run->sink && run->sink->container && !run->ended)
		tell_container(run, text, n, ev->ts, &kind);
}
