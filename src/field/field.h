/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room field: every name that a filter, format, view or chisel can use. One
 * class of fields per file; a field is one row and a getter; the list of
 * classes is in fields.c. Context fields have sysdig's names, packet fields
 * Wireshark's, counters Mesos'. Getters neither allocate nor fail: a field
 * without a value for this event has zero values.
 */
#ifndef DREDGE_FIELD_H
#define DREDGE_FIELD_H

#include "state/state.h"

enum value_type {
	VALUE_BOOL,
	VALUE_U64,
	VALUE_I64,
	VALUE_DOUBLE,
	VALUE_STRING, /* borrowed bytes, not NUL-terminated */
	VALUE_BYTES,
	VALUE_IP, /* n = 4 or 16 bytes at p */
	VALUE_MAC,
	VALUE_PORT,
	VALUE_ABSTIME, /* ns since 1970 */
	VALUE_RELTIME  /* ns */
};

#define VALUE_ROOM 16u

struct value {
	enum value_type type : 8;
	bool plain; /* text that was made fit for a terminal: nobody need look at it again */
	bool roomy; /* text of which VALUE_ROOM bytes may be read, also where n is less */
	uint32_t n; /* bytes at p */
	union {
		bool b;
		uint64_t u;
		int64_t i;
		double d;
		const char *p;
	};
};

/* What a value depends on: decides whether a condition can be settled before decoding. */
enum field_scope { SCOPE_EVENT, SCOPE_CONTAINER, SCOPE_IFACE, SCOPE_TIME, SCOPE_TYPE };

#define FIELD_ARG    0x01u /* name.ARG or name[ARG] */
#define FIELD_MULTI  0x02u /* may have several values; a condition holds if one of them fits */
#define FIELD_FLOW   0x04u /* needs conversations tracked: state_new_ends is enough */
#define FIELD_FILTER 0x08u /* filters only */
#define FIELD_PRINT  0x10u /* formats only */
#define FIELD_HEX    0x20u /* a number shown in hexadecimal */
#define FIELD_SECONDS \
	0x40u /* a time shown as seconds with nine decimals, and written so in filters */
#define FIELD_PREFIX 0x80u /* "=" also accepts a prefix of at least FIELD_PREFIX_MIN characters */
/* Which events can have the field; none of the three = any event. */
#define FIELD_PACKETS  0x100u
#define FIELD_COUNTERS 0x200u
#define FIELD_NOTICES  0x400u /* notices and drops */
/*
 * Rows that stand for ports or addresses of any layer: detail = FIELD_SIDES(PACKET_TCP, 1 sender |
 * 2 receiver). A filter looks at these in the decoded packet itself, without the getter's call.
 */
#define FIELD_PORTS   0x800u
#define FIELD_ADDRS   0x1000u
#define FIELD_ORDER   0x2000u  /* depends on the events before: they must come in order of time */
#define FIELD_PAYLOAD 0x4000u  /* needs PACKET_WHOLE */
#define FIELD_HEAD    0x10000u /* needs PACKET_HEADS; without both PACKET_HEADERS are enough */
#define FIELD_ENDS \
	0x8000u /* of a packet's ends and direction, container and interface, and nothing else */
#define FIELD_FOLLOW 0x20000u /* with FIELD_FLOW: needs state_new */
#define FIELD_SYN    0x40000u /* true of a SYN: such a packet tells FIELD_ENDS by itself */
/* True of a packet with this bit of packet_layer.tcp_flags: detail = FIELD_TCP_FLAG(bit). A filter
 * looks at it in the decoded packet itself, as at ports. */
#define FIELD_BIT 0x80000u
/* Stands in valid facts of TCP packets as it is, detail = its offset in struct flow_facts: a bool,
 * or of VALUE_RELTIME a uint64_t, ns, 0 = absent. */
#define FIELD_FACT 0x100000u
/* No value where no layer has one of these PACKET_*, all below 0x200. */
#define FIELD_LAYER(has)	((unsigned)(has) << 22)
#define FIELD_LAYER_OF(flags)	((flags) >> 22)
#define FIELD_TCP_FLAG(bit)	((uint32_t)(bit) << 8)
#define FIELD_SIDES(has, sides) ((uint32_t)(has) << 8 | (sides))

#define FIELD_PREFIX_MIN 6u

/* For whoever has fields with FIELD_PAYLOAD or with FIELD_HEAD. */
static inline enum packet_depth field_depth(bool payload, bool head)
{
	return payload ? PACKET_WHOLE : head ? PACKET_HEADS : PACKET_HEADERS;
}

#define FIELD_MAX_VALUES 8u

struct field;
/*
 * Writes up to FIELD_MAX_VALUES values, returns how many. scratch: for text that has to be made.
 * Values that borrow from it hold until the scratch is reset or given to another getter (it may
 * move when it grows). Getters of scope CONTAINER and IFACE look at nothing but c->container and
 * c->iface, and where there is no container at a notice; those of scope TIME and TYPE only at
 * c->ev->ts and c->ev->type.
 */
typedef unsigned field_getter(const struct field *f, const char *arg, struct context *c,
			      struct text *scratch, struct value *out);

struct field {
	const char *name;
	enum value_type type;
	enum field_scope scope;
	unsigned flags;
	uint32_t detail; /* what this row means to a getter that serves several */
	field_getter *get;
	const char *text; /* one line for `dredge -l` */
};

struct field_class {
	const char *name, *text;
	const struct field *fields;
	size_t count;
};

/* The same for all packets with one flow_talk, while no more is known of their container and that
 * is not known by ports alone. */
static inline bool field_of_talk(const struct field *f)
{
	return f->flags & FIELD_ENDS || f->scope == SCOPE_CONTAINER || f->scope == SCOPE_IFACE ||
	       f->scope == SCOPE_TYPE;
}

extern const struct field_class *const field_classes[]; /* NULL at the end */

/* Longest known field at the start of s (n bytes): *used = bytes of the name and its argument, arg
 * = the argument (malloc'd, caller frees) or NULL, also when a FIELD_ARG field stands without one.
 * NULL when nothing fits. */
const struct field *field_find(const char *s, size_t n, size_t *used, char **arg);
/* The known name most like s, or NULL. */
const char *field_nearest(const char *s, size_t n);
/* Why a name that sysdig or Wireshark know is no field here ("a system call field; ..."), or NULL.
 */
const char *field_why_not(const char *s, size_t n);
/* Service names of /etc/services, read at the first call. NULL / -1 = no such service. */
const char *service_name(uint16_t port, bool udp);
int service_port(const char *name);
const char *value_type_name(enum value_type t);
/* A value as it is printed in text. */
void value_text(struct text *t, const struct field *f, const struct value *v);
/* A value as JSON: numbers as numbers (integers exact to 64 bits), text quoted. */
void value_json(struct text *t, const struct field *f, const struct value *v);

/* Of a packet whose capture does not tell who sent it, as most of tcpdump's: EVENT_IN or
 * EVENT_OUT as the server sees it; 0 = no IP packet. */
unsigned packet_way_of_server(struct context *c);
/* Which way a packet goes, as its local end sees it: the container, or where that is not known
 * the server. 0 = neither. */
static inline unsigned packet_way(struct context *c)
{
	unsigned way = c->ev->flags & EVENT_DIR_MASK;

	return way || c->ev->type != EVENT_PACKET ? way : packet_way_of_server(c);
}

#endif
