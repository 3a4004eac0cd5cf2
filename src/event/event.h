/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room event: the one stream that everything speaks. Sources and files produce
 * records (who and where) and events (what, when); from here on nobody can
 * tell live from replay. Everything is borrowed for the duration of the call
 * that passes it on; nothing here allocates per event.
 */
#ifndef DREDGE_EVENT_H
#define DREDGE_EVENT_H

#include "base/base.h"

/* Values are written to files (as journal text or block kind), so they only ever grow. */
enum event_type {
	EVENT_NONE,
	EVENT_PACKET,	/* data = link-layer bytes */
	EVENT_COUNTERS, /* data = struct counters */
	EVENT_NOTICE,	/* data = journal text: lifecycle and metadata changes */
	EVENT_DROP,	/* data = journal text; lost = how many packets */
	EVENT_SYSCALL,	/* reserved: system calls beside packets */
	EVENT_HOP,	/* reserved: the same packet at another point of its path */
	EVENT_TYPES
};

/* Name as in evt.type: "packet", "counters", "notice", "drop", "syscall", "hop". */
const char *event_type_name(enum event_type t);

/* epb_flags of pcapng (draft-ietf-opsawg-pcapng, 4.3.1), kept as they stand in the file. */
#define EVENT_IN	     0x1u /* direction as the container sees it */
#define EVENT_OUT	     0x2u
#define EVENT_DIR_MASK	     0x3u
#define EVENT_CSUM_NOT_READY (1u << 9)
#define EVENT_CSUM_VALID     (1u << 10)
#define EVENT_TSO	     (1u << 11)

#define IFACE_NONE     UINT32_MAX
#define CONTAINER_NONE UINT32_MAX

struct event {
	uint64_t ts;	     /* ns since 1970 UTC */
	uint64_t num;	     /* from 1; of a file: the frame there; 0 = none; live: by the state */
	const uint8_t *data; /* borrowed */
	uint32_t caplen;     /* bytes at data */
	uint32_t len;	     /* bytes on the wire, >= caplen */
	uint32_t iface;	     /* number of the interface record, or IFACE_NONE */
	uint32_t container;  /* index in the state's table, or CONTAINER_NONE; set by the state */
	uint16_t type;	     /* enum event_type */
	uint16_t hop;	     /* observation point, 0 = the container's interface */
	uint32_t flags;	     /* epb_flags */
	uint32_t lost;	    /* events lost on this interface just before this one (epb_dropcount) */
	uint32_t weight;    /* 1 in N sampling: this event stands for N; at least 1 */
	uint64_t packet_id; /* same value = same packet seen at several points; 0 = seen once */
};

/* The usual packet_id of a packet seen at several points: not stored, but packet_id() (room packet)
 * of its bytes. Other values were stored by another program. */
#define PACKET_ID_OF_BYTES 1u

/*
 * A packet between two captured containers is recorded at both, with a
 * packet_id; it counts in totals at its sender only.
 */
static inline bool event_is_second_sight(const struct event *ev)
{
	return (ev->packet_id != 0) & ((ev->flags & EVENT_DIR_MASK) == EVENT_IN); /* no branch */
}

/* ---- who: the identity of a container, a row of strings ---- */

enum meta_key {
	META_APP,	/* Marathon app id, "/shop/web" */
	META_TASK,	/* Mesos task id */
	META_FRAMEWORK, /* framework name */
	META_CONTAINER, /* full container id; NULL where only the task or app is known */
	META_AGENT,	/* Mesos agent id */
	META_IMAGE,
	META_NAME, /* container name (docker), else the task name or id */
	META_TASK_NAME,
	META_FRAMEWORK_ID,
	META_EXECUTOR,
	META_RUNTIME,  /* mesos dredge docker libpod containerd cri-o lxc */
	META_HOSTNAME, /* agent host name */
	META_RUNG,     /* how the identity was found: "cgroup", "agent", "env", "port", ... */
	META_TASK_STATE,
	META_APP_VERSION,
	META_PORTS,	  /* "31000-31007,31016" */
	META_TASK_LABELS, /* label list, see labels_find */
	META_APP_LABELS,
	META_HEALTH,	 /* of the task: "healthy", "unhealthy" */
	META_DEPLOYMENT, /* id of Marathon's newest deployment that concerned the app */
	META_ADDRESS,	 /* of the agent: "10.0.0.1"; META_PORTS are ports of this host */
	META_EPHEMERAL,	 /* "30016-30031": of the same host, for connections it opens */
	META_KEYS
};

struct meta_row {
	const char *key;     /* in if_description and JSON: "app" */
	const char *journal; /* in journal records: "MARATHON_APP_ID" */
	uint8_t key_len, journal_len;
	bool described; /* stands in if_description (the first six, in this order) */
	bool changes;	/* may change while the container lives */
};

extern const struct meta_row meta_rows[META_KEYS];

/*
 * Label lists are one string: "key=value" pairs separated by '\n'; '\n' and '%' in either part and
 * '=' in keys are percent-encoded. Returns the value (borrowed, *n bytes, still encoded), or NULL.
 */
const char *labels_find(const char *labels, const char *key, size_t *n);
/* Percent-encode control bytes, blanks, '%' and the bytes of `also`; and back. */
void text_percent(struct text *t, const char *s, size_t n, const char *also);
void text_unpercent(struct text *t, const char *s, size_t n);

struct container_record {
	const char *meta[META_KEYS]; /* NULL = unknown */
	uint64_t start, end;	     /* ns, 0 = unknown or still alive */
	int pid;	/* live: the first process as the host numbers it; 0 = unknown */
	uint64_t netns; /* live: inode number of the network namespace it has to itself; 0 = none */
	bool recorded;	/* by a file, where earlier events keep what was told before */
	uint64_t since; /* of a file: ns since when it was so; 0 = since it began */
};

struct iface_record {
	uint32_t number;	 /* unique in one run of a source, dense from 0 */
	const char *name;	 /* "web.0:eth0", or what the file says; may be NULL */
	const char *description; /* as found in a foreign file; may be NULL */
	const struct container_record *container; /* NULL = none known */
	uint32_t linktype;			  /* LINKTYPE_* of tcpdump.org */
	uint32_t snaplen;			  /* 0 = no limit */
	uint32_t sample;			  /* 1 in N; at least 1 */
	uint8_t mac[6];
	bool has_mac, has_ipv4, has_ipv6;
	uint8_t ipv4[4], ipv4_mask[4];
	uint8_t ipv6[16], ipv6_prefix;
	uint64_t tx_limit, rx_limit; /* bit/s, 0 = none */
};

/* if_description text: "app= task= framework= container= agent= image=", known ones only. */
void meta_describe(struct text *t, const char *const meta[META_KEYS]);
/* The other way: fills meta[] with strings owned by the caller (free each). */
void meta_parse_description(const char *description, char *meta[META_KEYS]);

/* ---- counter samples: Mesos' names; ids are written to files and only ever grow ---- */

enum counter_id {
#define COUNTER(id, name, kind, unit, text) COUNTER_##id,
#include "event/counters.def"
#undef COUNTER
	COUNTERS
};

enum counter_kind {
	COUNTER_TOTAL,
	COUNTER_GAUGE,
	COUNTER_SIGNED, /* a gauge whose value is an int64_t */
	COUNTER_SECONDS /* value in ns, shown in s */
};

struct counter_row {
	const char *name; /* "net_rx_bytes" */
	enum counter_kind kind;
	const char *unit;
	const char *text;
};

extern const struct counter_row counter_rows[COUNTERS];

struct counters {
	uint64_t known[(COUNTERS + 63) / 64]; /* bit i set: value[i] was sampled */
	uint64_t value[COUNTERS];
};

static inline bool counters_has(const struct counters *c, enum counter_id id)
{
	return c->known[id / 64] >> (id % 64) & 1;
}

static inline void counters_set(struct counters *c, enum counter_id id, uint64_t v)
{
	c->known[id / 64] |= 1ull << (id % 64);
	c->value[id] = v;
}

/* Take over what `from` knows. */
void counters_merge(struct counters *into, const struct counters *from);
/* Binary form in files: u16 number of pairs, then u16 id, u64 value each, little-endian. */
void counters_pack(const struct counters *c, struct builder *b);
/* Unknown ids are skipped. Returns 0, or -1 when the bytes are no such list. */
int counters_unpack(struct counters *c, const void *p, size_t n);

/* ---- notices: journal text "KEY=value\n..." ---- */

/* Value of a key (borrowed, *n bytes), or NULL. */
const char *notice_find(const void *data, size_t size, const char *key, size_t *n);
/* All that it says of a container at once: likewise, NULL where it says nothing. */
struct notice_value {
	const char *p;
	size_t n;
};
void notice_meta(const void *data, size_t size, struct notice_value out[META_KEYS]);
/* Append "KEY=value\n" with '\n' and control bytes of the value shown as blanks. */
void notice_add(struct text *t, const char *key, const char *value);
/*
 * A whole journal record: __REALTIME_TIMESTAMP, MESSAGE, PRIORITY (3 error .. 6 info),
 * SYSLOG_IDENTIFIER=dredged, DREDGE_EVENT=kind ("container_start", "container_end", "named",
 * "restart_loop", "drop", "gap", "listen", those of isolation ...), and the identity under its
 * journal keys.
 */
void notice_format(struct text *t, uint64_t ts, const char *kind, int priority,
		   const char *const meta[META_KEYS], const char *message);

/* ---- messages: what another thread knows of a container, on the way to the event thread ---- */

struct message {
	struct message *next;
	uint64_t ts;		  /* realtime ns */
	char *container;	  /* owned: its id; NULL = nobody */
	uint64_t netns;		  /* as struct container_record has it */
	bool gone;		  /* it is no container (any more), unless others say so */
	struct counters counters; /* totals that its samples show from now on; may know nothing */
	const char *kind;	  /* DREDGE_EVENT, lives for ever */
	int priority;
	struct text text; /* MESSAGE; owned */
	struct text keys; /* further lines, by notice_add; owned */
};

/* Any thread posts, one takes; neither waits. All zero is an empty one. */
struct message_box {
	_Atomic(struct message *) newest;
	atomic_uint waiting;
};

struct message *message_new(void);
void message_free(struct message *m); /* and all that follow; m may be NULL */
/* Takes one over. Where nobody takes, what is over MESSAGES_WAITING is thrown away. */
void message_post(struct message_box *b, struct message *m);
#define MESSAGES_WAITING 65536u
/* The oldest and all that followed, now owned by the caller, or NULL. */
struct message *message_take(struct message_box *b);

/* ---- sink: who listens; every hook returns 0, or non-zero to end the run politely ---- */

struct sink {
	void *ctx;
	/* A new interface, or the same number with a changed description or identity. */
	int (*iface)(void *ctx, const struct iface_record *r);
	/* A container, new or with more known of it; also for containers without an interface. */
	int (*container)(void *ctx, const struct container_record *r);
	/* Files only, before the first event: the time of the first there is, ns, whatever is
	 * skipped. May be NULL. */
	void (*begin)(void *ctx, uint64_t first);
	/* In order of time as far as the source can give it. The sink may set num and container. */
	int (*event)(void *ctx, struct event *ev);
	/* Live sources only, some ten times a second, now = CLOCK_REALTIME ns. May be NULL. */
	int (*tick)(void *ctx, uint64_t now);
};

#endif
