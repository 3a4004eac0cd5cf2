/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/encode.h"

#include <sys/utsname.h>

#define OPTION_MAX 65535u

static size_t block_begin(struct builder *b, uint32_t type)
{
	size_t at = b->len;

	builder_u32(b, type);
	builder_u32(b, 0);
	return at;
}

/* The length stands at both ends of a block; it is known only now. */
static void block_end(struct builder *b, size_t at)
{
	builder_pad4(b);
	uint32_t total = (uint32_t)(b->len - at) + 4;
	builder_u32(b, total);
	builder_patch_u32(b, at + 4, total);
}

static void option(struct builder *b, uint16_t code, const void *p, size_t n)
{
	n = MIN(n, OPTION_MAX);
	builder_u16(b, code);
	builder_u16(b, (uint16_t)n);
	builder_put(b, p, n);
	builder_pad4(b);
}

static void option_text(struct builder *b, uint16_t code, const char *s)
{
	option(b, code, s, strlen(s));
}

static void option_u64(struct builder *b, uint16_t code, uint64_t v)
{
	option(b, code, &v, sizeof(v));
}

static void option_custom(struct builder *b, uint16_t code, const void *p, size_t n)
{
	n = MIN(n, OPTION_MAX - 4);
	builder_u16(b, code);
	builder_u16(b, (uint16_t)(n + 4));
	builder_u32(b, SAVEFILE_PEN);
	builder_put(b, p, n);
	builder_pad4(b);
}

static void options_end(struct builder *b)
{
	builder_u32(b, OPT_END);
}

void encode_section(struct builder *b, const char *description)
{
	struct utsname host;
	struct text json = {0};
	size_t at = block_begin(b, BLOCK_SHB);

	builder_u32(b, BYTE_ORDER_MAGIC);
	builder_u16(b, 1);
	builder_u16(b, 0);
	builder_u64(b, UINT64_MAX); /* section length unknown */
	if (!uname(&host)) {
		cleanup_free char *os = xasprintf("%s %s", host.sysname, host.release);
		option_text(b, OPT_SHB_HARDWARE, host.machine);
		option_text(b, OPT_SHB_OS, os);
	}
	option_text(b, OPT_SHB_APPLICATION, "dredge " DREDGE_VERSION);
	text_str(&json, "{\"dredge\":1");
	if (description && description[0] == '{' && description[1] != '}') {
		text_char(&json, ',');
		text_str(&json, description + 1);
	} else {
		text_char(&json, '}');
	}
	option_custom(b, OPT_CUSTOM_TEXT, json.data, json.len);
	options_end(b);
	block_end(b, at);
	text_done(&json);
}

static void json_pair(struct text *t, const char *key, const char *value, size_t n)
{
	text_str(t, t->len > 1 ? ",\"" : "\"");
	text_str(t, key);
	text_str(t, "\":\"");
	text_json(t, value, n);
	text_char(t, '"');
}

static void json_number(struct text *t, const char *key, uint64_t v)
{
	text_str(t, t->len > 1 ? ",\"" : "\"");
	text_str(t, key);
	text_str(t, "\":");
	text_u64(t, v);
}

static void json_labels(struct text *t, const char *labels)
{
	struct text name = {0}, value = {0};
	bool first = true;

	text_str(t, t->len > 1 ? ",\"labels\":{" : "\"labels\":{");
	for (const char *line = labels, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		const char *eq = memchr(line, '=', (size_t)(end - line));
		if (!eq)
			continue;
		text_reset(&name);
		text_reset(&value);
		text_unpercent(&name, line, (size_t)(eq - line));
		text_unpercent(&value, eq + 1, (size_t)(end - eq - 1));
		text_str(t, first ? "\"" : ",\"");
		text_json(t, name.data, name.len);
		text_str(t, "\":\"");
		text_json(t, value.data, value.len);
		text_char(t, '"');
		first = false;
	}
	text_char(t, '}');
	text_done(&name);
	text_done(&value);
}

/* Everything that the description does not say. */
static void iface_json(struct text *t, const struct iface_record *r, bool labels)
{
	text_reset(t);
	text_char(t, '{');
	for (unsigned k = 0; r->container && k < META_KEYS; k++) {
		const char *v = r->container->meta[k];
		if (!v || meta_rows[k].described)
			continue;
		if ((k == META_TASK_LABELS || k == META_APP_LABELS) && !labels)
			continue;
		if (k == META_TASK_LABELS)
			json_labels(t, v);
		else
			json_pair(t, meta_rows[k].key, v, strlen(v));
	}
	if (r->container && r->container->start)
		json_number(t, "start", r->container->start);
	if (r->container && r->container->end)
		json_number(t, "end", r->container->end);
	if (r->sample > 1)
		json_number(t, "sample", r->sample);
	text_char(t, '}');
}

static void iface_addresses(struct builder *b, const struct iface_record *r)
{
	if (r->has_ipv4) {
		uint8_t v[8];
		memcpy(v, r->ipv4, 4);
		memcpy(v + 4, r->ipv4_mask, 4);
		option(b, OPT_IF_IPV4, v, sizeof(v));
	}
	if (r->has_ipv6) {
		uint8_t v[17];
		memcpy(v, r->ipv6, 16);
		v[16] = r->ipv6_prefix;
		option(b, OPT_IF_IPV6, v, sizeof(v));
	}
	if (r->has_mac)
		option(b, OPT_IF_MAC, r->mac, sizeof(r->mac));
	if (r->tx_limit && r->tx_limit == r->rx_limit) {
		option_u64(b, OPT_IF_SPEED, r->tx_limit);
		return;
	}
	if (r->tx_limit)
		option_u64(b, OPT_IF_TXSPEED, r->tx_limit);
	if (r->rx_limit)
		option_u64(b, OPT_IF_RXSPEED, r->rx_limit);
}

void encode_iface(struct builder *b, const struct iface_record *r)
{
	static const uint8_t nanoseconds = 9;
	struct text t = {0};
	size_t at = block_begin(b, BLOCK_IDB);

	builder_u16(b, (uint16_t)r->linktype);
	builder_u16(b, 0);
	builder_u32(b, r->snaplen);
	if (r->name)
		option_text(b, OPT_IF_NAME, r->name);
	if (r->container)
		meta_describe(&t, r->container->meta);
	if (!t.len && r->description)
		text_str(&t, r->description);
	if (t.len)
		option(b, OPT_IF_DESCRIPTION, t.data, t.len);
	option(b, OPT_IF_TSRESOL, &nanoseconds, 1);
	iface_addresses(b, r);
	iface_json(&t, r, true);
	if (t.len > OPTION_MAX - 4) /* cut JSON would be none */
		iface_json(&t, r, false);
	if (t.len > 2)
		option_custom(b, OPT_CUSTOM_TEXT, t.data, t.len);
	options_end(b);
	block_end(b, at);
	text_done(&t);
}

void encode_journal(struct builder *b, const void *text, size_t n)
{
	size_t at = block_begin(b, BLOCK_JEB);

	builder_put(b, text, n);
	block_end(b, at);
}

static void put_time(struct builder *b, uint64_t ts)
{
	builder_u32(b, (uint32_t)(ts >> 32));
	builder_u32(b, (uint32_t)ts);
}

static size_t statistics_begin(struct builder *b, uint32_t idb, uint64_t ts)
{
	size_t at = block_begin(b, BLOCK_ISB);

	builder_u32(b, idb);
	put_time(b, ts);
	return at;
}

/* pcapng times are two halves, the high one first, also inside options. */
static void option_time(struct builder *b, uint16_t code, uint64_t ts)
{
	option_u64(b, code, ts << 32 | ts >> 32);
}

static size_t custom_begin(struct builder *b, uint8_t kind)
{
	size_t at = b->len;

	builder_u16(b, OPT_CUSTOM_BYTES_NO_COPY);
	builder_u16(b, 0);
	builder_u32(b, SAVEFILE_PEN);
	builder_u16(b, (uint16_t)(kind | CUSTOM_VERSION << 8));
	return at;
}

static void custom_end(struct builder *b, size_t at)
{
	uint16_t n = (uint16_t)(b->len - at - 4);

	memcpy(b->data + at + 2, &n, sizeof(n));
	builder_pad4(b);
}

void encode_summary(struct builder *b, uint32_t window, uint64_t first, uint64_t last,
		    const struct encode_part *parts, unsigned count)
{
	size_t at = statistics_begin(b, parts[0].idb, last);
	/* The summary stands first, so that decoding the beginning of the chunk is
	 * enough. */
	size_t custom = custom_begin(b, CUSTOM_SUMMARY);

	builder_u16(b, (uint16_t)count);
	builder_u32(b, window);
	builder_u64(b, first);
	builder_u64(b, last);
	for (unsigned i = 0; i < count; i++) {
		builder_u32(b, parts[i].idb);
		builder_u32(b, parts[i].packets);
		builder_u64(b, parts[i].bytes);
		builder_u64(b, parts[i].captured);
		builder_u32(b, parts[i].second_sights);
		builder_u32(b, parts[i].counters);
		builder_u32(b, parts[i].lost);
	}
	for (unsigned i = 0; i < count; i++) {
		builder_u32(b, parts[i].packets_in);
		builder_u32(b, parts[i].packets_out);
		builder_u64(b, parts[i].bytes_in);
		builder_u64(b, parts[i].bytes_out);
	}
	custom_end(b, custom);
	option_time(b, OPT_ISB_STARTTIME, first);
	option_time(b, OPT_ISB_ENDTIME, last);
	options_end(b);
	block_end(b, at);
}

size_t encode_contents_begin(struct builder *b, uint64_t ts, uint64_t before)
{
	size_t at = statistics_begin(b, 0, ts);
	size_t custom = custom_begin(b, CUSTOM_CONTENTS);

	builder_u16(b, 0);
	builder_u64(b, before);
	custom_end(b, custom);
	return at;
}

void encode_contents_chunk(struct builder *b, uint32_t length, const uint8_t *summary, size_t n)
{
	size_t custom = custom_begin(b, CUSTOM_CHUNK);

	builder_u16(b, 0);
	builder_u32(b, length);
	builder_put(b, summary, n);
	custom_end(b, custom);
}

void encode_contents_end(struct builder *b, size_t at)
{
	options_end(b);
	block_end(b, at);
}

void encode_counters(struct builder *b, uint32_t idb, uint64_t ts, const struct counters *c)
{
	size_t at = statistics_begin(b, idb, ts);

	option_time(b, OPT_ISB_ENDTIME, ts);
	if (counters_has(c, COUNTER_PACKETS_SEEN))
		option_u64(b, OPT_ISB_IFRECV, c->value[COUNTER_PACKETS_SEEN]);
	if (counters_has(c, COUNTER_PACKETS_LOST))
		option_u64(b, OPT_ISB_IFDROP, c->value[COUNTER_PACKETS_LOST]);
	size_t custom = custom_begin(b, CUSTOM_COUNTERS);
	counters_pack(c, b);
	custom_end(b, custom);
	options_end(b);
	block_end(b, at);
}

size_t encode_packet_size(const struct event *ev)
{
	size_t n = PACKET_LEAST + ((ev->caplen + 3u) & ~3u);

	/* Both kinds of packet id take 12 bytes. */
	if (ev->flags || ev->lost || ev->packet_id)
		n += 4 + (ev->flags ? 8 : 0) + (ev->lost ? 12 : 0) + (ev->packet_id ? 12 : 0);
	return n;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
	return p + 4;
}

static uint8_t *put64_option(uint8_t *p, uint16_t code, uint64_t v)
{
	p = put32(p, code | 8u << 16);
	memcpy(p, &v, 8);
	return p + 8;
}

/* The id itself would be eight bytes that no compression makes smaller. */
static uint8_t *put_twice(uint8_t *p)
{
	p = put32(p, OPT_CUSTOM_BYTES | 6u << 16);
	p = put32(p, SAVEFILE_PEN);
	return put32(p, CUSTOM_TWICE | CUSTOM_VERSION << 8);
}

void encode_packet(uint8_t *out, size_t size, uint32_t idb, const struct event *ev)
{
	uint8_t *p = put32(out, BLOCK_EPB);

	p = put32(p, (uint32_t)size);
	p = put32(p, idb);
	p = put32(p, (uint32_t)(ev->ts >> 32));
	p = put32(p, (uint32_t)ev->ts);
	p = put32(p, ev->caplen);
	p = put32(p, ev->len);
	if (ev->caplen) {
		put32(p + ((ev->caplen - 1) & ~3u), 0); /* the padding */
		memcpy(p, ev->data, ev->caplen);
		p += (ev->caplen + 3u) & ~3u;
	}
	if (ev->flags || ev->lost || ev->packet_id) {
		if (ev->flags)
			p = put32(put32(p, OPT_EPB_FLAGS | 4u << 16), ev->flags);
		if (ev->lost)
			p = put64_option(p, OPT_EPB_DROPCOUNT, ev->lost);
		if (ev->packet_id == PACKET_ID_OF_BYTES)
			p = put_twice(p);
		else if (ev->packet_id)
			p = put64_option(p, OPT_EPB_PACKETID, ev->packet_id);
		p = put32(p, OPT_END);
	}
	put32(p, (uint32_t)size);
}
