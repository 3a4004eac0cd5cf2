/* SPDX-License-Identifier: Apache-2.0 */
/* dredge --info: what a capture holds, from its chunk directory where it has one. */
#include "cmd/options.h"
#include "cmd/printer.h"

#include <stdlib.h>

struct part {
	uint64_t packets, bytes, captured, second_sights, counters, lost;
	uint64_t first, last;
};

struct info {
	struct state *state;
	struct part *ifaces; /* by interface number */
	size_t iface_count, iface_cap;
	struct part total;
	uint64_t notices;
	size_t chunks;
};

static struct part *part_of(struct info *in, uint32_t number)
{
	while (in->iface_count <= number) {
		GROW(in->ifaces, in->iface_count, in->iface_cap);
		in->ifaces[in->iface_count++] = (struct part){0};
	}
	return &in->ifaces[number];
}

static void span(struct part *p, uint64_t first, uint64_t last)
{
	if (!p->first || first < p->first)
		p->first = first;
	p->last = MAX(p->last, last);
}

static void add(struct part *to, const struct part *p)
{
	to->packets += p->packets;
	to->bytes += p->bytes;
	to->captured += p->captured;
	to->second_sights += p->second_sights;
	to->counters += p->counters;
	to->lost += p->lost;
	if (p->last)
		span(to, p->first, p->last);
}

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct info *in = ctx;

	return state_iface(in->state, r) ? 1 : 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	struct info *in = ctx;

	state_container(in->state, r);
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	struct info *in = ctx;
	struct part one = {.first = ev->ts, .last = ev->ts, .lost = ev->lost};

	if (ev->type == EVENT_PACKET) {
		one.packets = 1;
		one.bytes = ev->len;
		one.captured = ev->caplen;
		one.second_sights = event_is_second_sight(ev);
	} else if (ev->type == EVENT_COUNTERS) {
		one.counters = 1;
	} else {
		in->notices++;
	}
	if (ev->iface != IFACE_NONE)
		add(part_of(in, ev->iface), &one);
	add(&in->total, &one);
	return 0;
}

static void take_directory(struct info *in, const struct reader *r)
{
	for (size_t i = 0; i < in->chunks; i++) {
		const struct chunk *c = reader_chunk(r, i);
		if (c->metadata)
			continue;
		span(&in->total, c->first, c->last);
		for (uint32_t k = 0; k < c->part_count; k++) {
			const struct chunk_part *p = &c->parts[k];
			struct part one = {p->packets,	p->bytes, p->captured, p->second_sights,
					   p->counters, p->lost,  c->first,    c->last};
			if (p->iface != IFACE_NONE)
				add(part_of(in, p->iface), &one);
			add(&in->total, &one);
		}
	}
}

static int gather(struct info *in, struct reader *r, struct err *e)
{
	const struct sink sink = {
		.ctx = in,
		.iface = on_iface,
		.container = on_container,
		.event = on_event,
	};
	struct reader_query q = {.to = UINT64_MAX, .unordered = true, .threads = 1};

	in->chunks = reader_chunks(r);
	if (in->chunks) { /* only the records and notices have to be read */
		q.types = 1u << EVENT_NOTICE | 1u << EVENT_DROP;
		take_directory(in, r);
	}
	return reader_run(r, &q, &sink, e) < 0 ? -1 : 0;
}

/* ---- presentation ---- */

static void put_part_json(struct text *t, const struct part *p)
{
	text_fmt(t,
		 "\"packets\":%llu,\"bytes\":%llu,\"captured\":%llu,\"second_sights\":%llu,"
		 "\"counters\":%llu,\"lost\":%llu",
		 (unsigned long long)p->packets, (unsigned long long)p->bytes,
		 (unsigned long long)p->captured, (unsigned long long)p->second_sights,
		 (unsigned long long)p->counters, (unsigned long long)p->lost);
	if (p->last)
		text_fmt(t, ",\"first\":%llu,\"last\":%llu", (unsigned long long)p->first,
			 (unsigned long long)p->last);
}

static void put_json_text(struct text *t, const char *key, const char *value)
{
	text_fmt(t, "\"%s\":", key);
	if (!value) {
		text_str(t, "null");
		return;
	}
	text_char(t, '"');
	text_json(t, value, strlen(value));
	text_char(t, '"');
}

/* As it was before a change it is no container of its own here. */
static bool is_past(const struct container *c)
{
	return c->now != c->index;
}

static struct part container_part(const struct info *in, uint32_t index)
{
	struct part sum = {0};

	for (uint32_t n = 0; n < in->iface_count; n++) {
		const struct iface *i = state_iface_at(in->state, n);
		const struct container *c = i ? state_container_at(in->state, i->container) : NULL;
		if (c && c->now == index)
			add(&sum, &in->ifaces[n]);
	}
	return sum;
}

/* Of the interfaces that have packets: 1 packet in N was taken, from *least to the N returned. */
static uint32_t sampling(const struct info *in, uint32_t *least)
{
	uint32_t most = 1;

	*least = UINT32_MAX;
	for (uint32_t n = 0; n < in->iface_count; n++) {
		const struct iface *i = state_iface_at(in->state, n);
		if (!i || !in->ifaces[n].packets)
			continue;
		*least = MIN(*least, i->record.sample);
		most = MAX(most, i->record.sample);
	}
	*least = MIN(*least, most);
	return most;
}

static void put_json(const struct info *in, const struct reader_info *ri, const char *path,
		     struct text *t)
{
	uint32_t least, most = sampling(in, &least);

	text_char(t, '{');
	put_json_text(t, "file", path);
	text_char(t, ',');
	put_json_text(t, "format", ri->format);
	text_char(t, ',');
	put_json_text(t, "compression", ri->compression);
	text_char(t, ',');
	put_json_text(t, "application", ri->application);
	text_fmt(t,
		 ",\"file_bytes\":%llu,\"chunked\":%s,\"complete\":%s,\"chunks\":%zu,"
		 "\"windows\":%u,\"notices\":%llu,",
		 (unsigned long long)ri->file_bytes, ri->chunked ? "true" : "false",
		 ri->complete ? "true" : "false", in->chunks, ri->windows,
		 (unsigned long long)in->notices);
	put_part_json(t, &in->total);
	text_fmt(t,
		 ",\"packets_once\":%llu,\"sampled\":{\"least\":%u,\"most\":%u},\"containers\":[",
		 (unsigned long long)(in->total.packets - in->total.second_sights), least, most);
	for (uint32_t i = 0; i < state_containers(in->state); i++) {
		const struct container *c = state_container_at(in->state, i);
		if (is_past(c))
			continue;
		const struct part p = container_part(in, i);
		text_str(t, i ? ",{" : "{");
		for (unsigned k = 0; k < META_KEYS; k++) {
			if (!c->meta[k])
				continue;
			put_json_text(t, meta_rows[k].key, c->meta[k]);
			text_char(t, ',');
		}
		put_part_json(t, &p);
		text_char(t, '}');
	}
	text_str(t, "]}\n");
}

static void put_time(struct text *t, const char *what, uint64_t ns)
{
	if (!ns)
		return;
	text_fmt(t, "%-18s", what);
	text_time_datetime(t, ns);
	text_char(t, '\n');
}

static size_t containers(const struct info *in)
{
	size_t n = 0;

	for (uint32_t i = 0; i < state_containers(in->state); i++)
		n += !is_past(state_container_at(in->state, i));
	return n;
}

static unsigned distinct(const struct info *in, enum meta_key key)
{
	struct strmap *seen = strmap_new();
	unsigned n = 0;

	for (uint32_t i = 0; i < state_containers(in->state); i++) {
		const char *v = state_container_at(in->state, i)->meta[key];
		if (!v || strmap_find(seen, v) >= 0)
			continue;
		strmap_put(seen, v, n++);
	}
	strmap_free(seen);
	return n;
}

static void put_cell(struct text *t, const char *value, unsigned width)
{
	size_t start = t->len;

	text_plain(t, value ? value : "-", strlen(value ? value : "-"));
	while (t->len - start < width)
		text_char(t, ' ');
	if (width)
		text_put(t, "  ", 2);
}

static unsigned widest(const struct info *in, enum meta_key key, unsigned at_least)
{
	size_t w = at_least;

	for (uint32_t i = 0; i < state_containers(in->state); i++) {
		const char *v = state_container_at(in->state, i)->meta[key];
		if (v)
			w = MAX(w, strlen(v));
	}
	return (unsigned)w;
}

static void put_containers(const struct info *in, struct text *t)
{
	static const enum meta_key keys[] = {META_APP, META_TASK, META_CONTAINER};
	static const char *const heads[] = {"app", "task", "container"};
	unsigned width[ARRAY_SIZE(keys)];

	if (!state_containers(in->state))
		return;
	text_fmt(t, "\n%10s %14s %8s %6s  ", "packets", "bytes", "counters", "lost");
	for (unsigned k = 0; k < ARRAY_SIZE(keys); k++) {
		/* The last column runs to the end of the line. */
		bool last = k + 1 == ARRAY_SIZE(keys);
		width[k] = last ? 0 : widest(in, keys[k], (unsigned)strlen(heads[k]));
		put_cell(t, heads[k], width[k]);
	}
	text_char(t, '\n');
	for (uint32_t i = 0; i < state_containers(in->state); i++) {
		const struct container *c = state_container_at(in->state, i);
		if (is_past(c))
			continue;
		const struct part p = container_part(in, i);
		text_fmt(t, "%10llu %14llu %8llu %6llu  ", (unsigned long long)p.packets,
			 (unsigned long long)p.bytes, (unsigned long long)p.counters,
			 (unsigned long long)p.lost);
		for (unsigned k = 0; k < ARRAY_SIZE(keys); k++)
			put_cell(t, c->meta[keys[k]], width[k]);
		text_char(t, '\n');
	}
}

static void put_sampling(const struct info *in, struct text *t)
{
	uint32_t least, most = sampling(in, &least);

	if (most == 1)
		return;
	text_fmt(t, "%-18s1 packet in %u", "Sampled", most);
	if (least < most)
		text_fmt(t, " of some containers, 1 in %u of others", least);
	text_char(t, '\n');
}

static void put_text(const struct info *in, const struct reader_info *ri, const char *path,
		     struct text *t)
{
	const struct part *p = &in->total;

	text_fmt(t, "%-18s%s\n", "File", path);
	text_fmt(t, "%-18s%s, compression %s%s\n", "Format", ri->format, ri->compression,
		 ri->chunked ? ", chunked by container" : "");
	if (ri->application)
		text_fmt(t, "%-18s%s\n", "Written by", ri->application);
	if (ri->file_bytes) {
		text_fmt(t, "%-18s", "Size");
		text_bytes(t, ri->file_bytes);
		text_fmt(t, " (%llu bytes)\n", (unsigned long long)ri->file_bytes);
	}
	if (ri->chunked)
		text_fmt(t, "%-18s%zu in %u windows%s\n", "Chunks", in->chunks, ri->windows,
			 ri->complete
				 ? ""
				 : "; no end mark: still being written, or its writer was killed");
	put_time(t, "First event", p->first);
	put_time(t, "Last event", p->last);
	if (p->last)
		text_fmt(t, "%-18s%.3f s\n", "Duration", (double)(p->last - p->first) / 1e9);
	text_fmt(t, "%-18s%llu", "Packets", (unsigned long long)p->packets);
	if (p->second_sights) /* whose first ones need not be in the file */
		text_fmt(t, " (%llu without second sights: two containers record a packet twice)",
			 (unsigned long long)(p->packets - p->second_sights));
	text_char(t, '\n');
	text_fmt(t, "%-18s%llu on the wire, %llu captured\n", "Bytes", (unsigned long long)p->bytes,
		 (unsigned long long)p->captured);
	text_fmt(t, "%-18s%llu\n", "Counter samples", (unsigned long long)p->counters);
	text_fmt(t, "%-18s%llu\n", "Notices", (unsigned long long)in->notices);
	text_fmt(t, "%-18s%llu\n", "Packets lost", (unsigned long long)p->lost);
	put_sampling(in, t);
	text_fmt(t, "%-18s%zu (%u tasks, %u apps, %u frameworks)\n", "Containers", containers(in),
		 distinct(in, META_TASK), distinct(in, META_APP), distinct(in, META_FRAMEWORK));
	put_containers(in, t);
}

int info_print(const char *path, bool json, struct text *out, struct err *e)
{
	struct reader *r = reader_open(path, e);
	if (!r)
		return -1;
	struct info in = {.state = state_new(0)};
	struct reader_info ri;
	int status = gather(&in, r, e);
	reader_get_info(r, &ri);
	if (json)
		put_json(&in, &ri, path, out);
	else
		put_text(&in, &ri, path, out);
	free(in.ifaces);
	state_free(in.state);
	reader_close(r);
	return status;
}
