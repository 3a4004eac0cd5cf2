/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room field: the classes, and what their getters share. */
#ifndef DREDGE_FIELD_CLASS_H
#define DREDGE_FIELD_CLASS_H

#include "field/field.h"

extern const struct field_class field_class_evt, field_class_container, field_class_mesos,
	field_class_fd, field_class_frame, field_class_eth, field_class_ip, field_class_tcp,
	field_class_udp, field_class_tunnel, field_class_dns, field_class_http,
	field_class_counters, field_class_notice, field_class_protocol;

/* Every getter has this shape; most use only some of it. */
#define GETTER(name)                                                        \
	static unsigned name(__attribute__((unused)) const struct field *f, \
			     __attribute__((unused)) const char *arg,       \
			     __attribute__((unused)) struct context *c,     \
			     __attribute__((unused)) struct text *scratch, struct value *out)

static inline unsigned value_u64(struct value *out, enum value_type type, uint64_t u)
{
	out->type = type;
	out->plain = out->roomy = false;
	out->n = 0;
	out->u = u;
	return 1;
}

static inline unsigned value_i64(struct value *out, int64_t i)
{
	out->type = VALUE_I64;
	out->plain = out->roomy = false;
	out->n = 0;
	out->i = i;
	return 1;
}

static inline unsigned value_bool(struct value *out, bool b)
{
	out->type = VALUE_BOOL;
	out->plain = out->roomy = false;
	out->n = 0;
	out->b = b;
	return 1;
}

static inline unsigned value_bytes(struct value *out, enum value_type type, const void *p, size_t n)
{
	out->type = type;
	out->plain = out->roomy = false;
	out->n = (uint32_t)n;
	out->p = p;
	return 1;
}

static inline unsigned value_str(struct value *out, const char *s)
{
	return s ? value_bytes(out, VALUE_STRING, s, strlen(s)) : 0;
}

/* A word of our own. */
struct word {
	char text[VALUE_ROOM];
	uint32_t n;
};
#define WORD(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static inline unsigned value_word(struct value *out, const struct word *w)
{
	value_bytes(out, VALUE_STRING, w->text, w->n);
	out->plain = out->roomy = true;
	return w->n != 0;
}

/* Text appended to the scratch since `from`. */
static inline unsigned value_scratch(struct value *out, const struct text *scratch, size_t from)
{
	return value_bytes(out, VALUE_STRING, scratch->data + from, scratch->len - from);
}

static inline const char *context_meta(const struct context *c, enum meta_key key)
{
	return c->container ? c->container->meta[key] : NULL;
}

static inline unsigned value_meta(struct value *out, const struct container *c, enum meta_key key)
{
	if (!c || !(c->plain >> key & 1))
		return c ? value_str(out, c->meta[key]) : 0;
	value_bytes(out, VALUE_STRING, c->meta[key], c->meta_len[key]);
	out->plain = out->roomy = true;
	return 1;
}

/* n captured bytes at an offset of the packet, or NULL. */
static inline const uint8_t *packet_at(const struct packet *p, uint32_t offset, uint32_t n)
{
	return offset <= p->caplen && n <= p->caplen - offset ? p->data + offset : NULL;
}

/* The innermost layer of a packet event, or NULL. */
static inline const struct packet_layer *context_inner(struct context *c)
{
	const struct packet *p = context_packet(c);

	return p ? packet_inner(p) : NULL;
}

/* Bytes of an address of a layer that has one; 0 when it has none. */
static inline unsigned layer_ip_size(const struct packet_layer *l)
{
	return l->has & PACKET_IP4 ? 4 : l->has & PACKET_IP6 ? 16 : 0;
}

/* Captured payload of the innermost layer, *n bytes, or NULL. */
static inline const uint8_t *payload_at(struct context *c, const struct packet_layer *l,
					uint32_t *n)
{
	if (l->payload >= c->packet.caplen)
		return NULL;
	*n = MIN(l->payload_len, c->packet.caplen - l->payload);
	return c->packet.data + l->payload;
}

#define EACH_LAYER(p, l)                                                                     \
	for (const struct packet_layer *l = (p)->layer, *l##_end = l + MIN((p)->layers, 2u); \
	     l < l##_end; l++)

/* notice.c: value of a journal key of a notice or drop event. */
unsigned notice_value(struct context *c, const char *key, struct value *out);
/* tcp.c: the packet refuses or fails a conversation; *errno_value as the peer's program sees it. */
bool packet_failed(struct context *c, int *errno_value);

#endif
