/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room isolate: the programs and maps, the plan, and the containers. */
#ifndef DREDGE_ISOLATE_INTERNAL_H
#define DREDGE_ISOLATE_INTERNAL_H

#include "isolate/asked.h"
#include "isolate/isolate.h"
#include "net/net.h"

/* ---- programs and maps ---- */

enum dp_program { DP_WIRE, DP_HOST_LO, DP_OUT, DP_SHAPED, DP_INNER_LO, DP_INNER_ETH, DP_PROGRAMS };

struct table {
	uint64_t *owners; /* DP_PORTS slots */
	struct dp_container *containers;
};

struct datapath {
	struct bpf_object *object;
	int program[DP_PROGRAMS];
	uint32_t program_id[DP_PROGRAMS];
	/* Maps, in our memory and the kernel's at once. */
	struct dp_host *host;
	struct table kernel;
	struct table
		wanted;	 /* ours alone: what the kernel's held when we came, and what we changed */
	uint64_t *moved; /* by slot: not 0 when its counters moved; a map in memory too */
	int counters;	 /* descriptor: one copy per processor */
};

extern const char *const datapath_names[DP_PROGRAMS]; /* "dredge:dp_wire": names of filters */

/* Load; existing: id of a program of ours that is attached, whose maps are taken over; 0 = none. */
int datapath_open(struct datapath *d, uint32_t existing, struct err *e);
void datapath_close(struct datapath *d);
/* Both tables. slot 0 = nobody. */
void datapath_give(const struct datapath *d, uint32_t port, uint32_t slot);
void datapath_put(const struct datapath *d, uint32_t slot, const struct dp_container *entry);
/* Every port that a table gives to the slot. */
void datapath_owned(const uint64_t *owners, uint32_t slot, struct port_set *out);

/* ---- what is known of the host ---- */

struct host {
	struct net_socket *net, *diag;
	struct net_sysctls *sysctls;
	const char *eth_name, *lo_name; /* as asked for, or NULL */
	bool ip6_kernel;		/* it can IPv6 at all */
	bool ip6_wanted;
	struct net_link eth, lo;
	struct net_address address; /* the first IPv4 address of eth */
	struct net_gateway gateway;
	/* IPv6, as far as eth has it; ifindex 0 = not. */
	struct net_address address6, link_local; /* the first lasting global one */
	struct net_gateway gateway6;
};

/* eth, lo: borrowed as long as the host is open, or NULL. */
int host_open(struct host *h, const char *eth, const char *lo, bool ip6, struct err *e);
/* Look again, and say what became otherwise, if anything did; on failure (an interface that is gone
 * for a moment) nothing changes. */
int host_refresh(struct host *h, struct text *changed, struct err *e);
/* Ports on which the host's own processes wait; what cannot be told is none. */
void host_listening(const struct host *h, struct port_set *out);
void host_close(struct host *h);

/* ---- the plan: a list of things the kernel must hold ---- */

enum item_kind {
	ITEM_VETH,     /* name, number: ifindex is filled in */
	ITEM_UP,       /* name, number = MTU, mac: with the host's Ethernet address */
	ITEM_ADDRESS,  /* name, number = family: those of the host and no other */
	ITEM_ROUTE,    /* name, number = family: default route */
	ITEM_SYSCTL,   /* dir, name, key, value: a file below /proc/sys/net */
	ITEM_CLSACT,   /* name: of the host, where others put filters too */
	ITEM_INGRESS,  /* name: the same where all is ours; costs the kernel half to make */
	ITEM_FIRST,    /* name: no filter in front of ours; who put one there has his reasons */
	ITEM_PROGRAM,  /* name, number = enum dp_program, slot */
	ITEM_HTB,      /* name, number = default class: root qdisc */
	ITEM_CLASS,    /* name, number = minor, shape */
	ITEM_LEAF,     /* name, number = minor: the queue of a class */
	ITEM_NO_QDISC, /* name: no root qdisc of ours */
	ITEM_NO_CLASS, /* name, number = minor */
	ITEM_FLOWS,    /* name, number = class above, 0 = root: fq_codel */
	ITEM_HOST,     /* map entry */
	ITEM_SLOT,     /* map entry */
	ITEM_PORTS,    /* port table */
};

#define ITEM_NAME_SIZE 32

struct item {
	enum item_kind kind;
	bool inside; /* in the container's namespace */
	bool mac;
	char name[ITEM_NAME_SIZE], value[32];
	const char *dir, *key; /* static; dir NULL: no file; key NULL: name is the file */
	uint32_t number;
	struct shape shape;
};

struct plan {
	struct item items[64];
	unsigned count;
};

struct container {
	uint32_t slot;
	struct dp_container entry; /* as it is to stand in the map */
	struct port_set ports;
	char veth[NET_NAME_SIZE];
	int netns; /* descriptor of its namespace, -1 = not to be had */
};

enum apply {
	APPLY_PLAN,   /* make what is missing */
	APPLY_NEW,    /* the same; when that fails, the container's namespace is as before */
	APPLY_REPAIR, /* and tell of it */
	APPLY_LOOK,   /* only tell */
};

#define LINKS_SEEN 4u /* a plan speaks of so many */

struct seen_link {
	bool inside;
	char name[ITEM_NAME_SIZE]; /* as the plan calls it */
	struct net_link link;
};

/* What a plan is checked against and applied to. */
struct target {
	struct isolator *isolator;
	enum apply how;
	const struct host *host;
	const struct datapath *datapath;
	struct container *container; /* NULL: the host's own part */
	struct net_socket *inside;   /* in its namespace */
	struct net_sysctls *sysctls; /* its files, when they were asked for */
	bool follow;		     /* the host changed: what is as the host has it, is news */
	int missing;		     /* things of the plan that still are */
	/* Asked for once, until one is changed. */
	struct seen_link links[LINKS_SEEN];
	unsigned links_seen;
};

/* Of a thing in the container's namespace, before it was made as planned. */
struct before {
	char value[64];
	uint32_t mtu, flags;
};

/* flow_parent: NULL = no queues. */
void plan_host(const struct host *h, bool shaper, const uint32_t *flow_parent, struct plan *p);
void plan_container(const struct host *h, const struct container *c, struct plan *p);
void item_text(const struct item *it, struct text *out);
/* 1: the kernel has it; 0: not; -1: cannot be told. */
int item_check(struct target *t, const struct item *it, struct err *e);
/* It can be made; else it is only told of. */
bool item_is_ours(const struct item *it);
/* What it should be comes from the host's public interface. */
bool item_follows_host(const struct item *it);
int item_apply(struct target *t, const struct item *it, struct err *e);
/* Only what outlives the container's interface. */
int item_remember(struct target *t, const struct item *it, struct before *b, struct err *e);
void item_take_back(struct target *t, const struct item *it, const struct before *b);
/* Apply what is missing, in order. */
int plan_apply(struct target *t, const struct plan *p, struct err *e);

#define SHAPER_IN  "drshape0" /* queues; what leaves it comes out of the other end */
#define SHAPER_OUT "drshape1"
#define VETH_FORM  "dr%u" /* slot */
#define FLOWS	   1024u  /* queues of fq_codel; the first two are the host's */

/* As Mesos chooses it: 1: at the root, else the one behind the parent's. */
static inline uint32_t flow_handle(uint32_t parent)
{
	return ((parent >> 16) + 1) << 16;
}

/* Class id of a container's queue: the first two are the host's, and more containers than queues
 * share them. */
static inline uint32_t flow_of(uint32_t parent, uint32_t slot)
{
	return flow_handle(parent) | (3 + (slot - 1) % (FLOWS - 2));
}

/* ---- what was told already, so that nothing floods ---- */

#define DRIFT_TOLD 1024u /* things; one more pushes another out, which is then told afresh */

struct drift_told {
	uint64_t key;	/* 0 = free */
	uint64_t at;	/* monotonic */
	uint64_t since; /* how often it was seen, but not told */
	enum isolate_event_kind kind;
	uint32_t slot;
	char what[160], why[160];
};

struct refused_told {
	uint64_t at; /* monotonic, 0 = never */
	uint64_t packets[DP_COUNTERS];
};

/* ---- the isolator and its containers ---- */

/* Between them are the ids of namespaces that are chosen here: the kernel itself takes the lowest
 * that is free. */
#define NSID_TOP    (1 << 24)
#define NSID_BOTTOM (1 << 16)

struct isolator {
	struct isolate_options o;
	int claim;			      /* descriptor, alone_claim */
	char *run_dir, *handles, *state_path; /* owned */
	struct host host;
	struct datapath datapath;
	struct ephemeral_pool pool;
	bool flows;
	bool shaper;	       /* somebody has, or had, an egress limit */
	char *asked[DP_SLOTS]; /* owned: its line of the state file, or NULL */
	bool state_behind;     /* that file could not be written */
	bool following;	       /* the look that is going on began with a changed host */
	struct net_socket *monitor;
	bool foreign;		    /* links of Mesos' isolator are here, or may be */
	int missing[DP_SLOTS];	    /* as struct isolate_container has it */
	int32_t nsid[DP_SLOTS];	    /* by which the host's namespace knows the container's */
	int32_t nsid_lowest;	    /* of those that were chosen here */
	bool noticed[DP_SLOTS];	    /* 0: the host's part */
	uint64_t looked;	    /* monotonic: when all were looked at, as far as time permits */
	uint32_t turn, sysctl_turn; /* slots to look at next */
	struct sysctl_file *sysctls[DP_SLOTS]; /* owned */
	unsigned sysctl_count;
	struct drift_told drift[DRIFT_TOLD];
	struct refused_told refused[DP_SLOTS];
};

static inline bool slot_used(const struct isolator *i, uint32_t slot)
{
	return i->datapath.wanted.containers[slot].state != DP_FREE;
}

/* Nothing was begun with it that is to be finished. */
static inline bool slot_ready(const struct isolator *i, uint32_t slot)
{
	return i->datapath.wanted.containers[slot].state == DP_READY;
}

uint32_t slot_of(const struct isolator *i, const char *id); /* 0: no such container */
uint32_t slot_free(const struct isolator *i);		    /* 0: all are used */
/* As it is to be; state and link are left as they are. */
void container_fill(const struct isolator *i, struct container *c, const struct isolate_request *r,
		    uint32_t ephemeral_begin, uint32_t ephemeral_end);
/* The same, and the note of what is begun, for whoever comes after a crash. */
void container_begin(struct isolator *i, struct container *c, const struct isolate_request *r,
		     uint32_t ephemeral_begin, uint32_t ephemeral_end);
/*
 * Take everything of a container out of the kernel; what is not there is no error. When the kernel
 * refuses, e says what stays, and the container is in the table, half changed, for another try.
 */
int container_undo(struct isolator *i, struct container *c, struct err *e);
/* Into the table, before its plan is applied: programs that are there already then know where to
 * and from whom. veth: NULL = there is none. */
int container_write(struct isolator *i, struct container *c, const struct net_link *veth,
		    struct err *e);
/* netns stays -1 when its handle is gone. */
void container_load(const struct isolator *i, uint32_t slot, struct container *c);
void container_done(struct container *c);
/* With the ephemeral ones. */
void container_ports(const struct container *c, struct port_set *out);
void container_hash_ports(struct container *c);
int target_open(struct isolator *i, struct container *c, enum apply how, struct target *t,
		struct err *e);
void target_close(struct target *t);
int host_apply(struct isolator *i, enum apply how, struct err *e);
int container_apply(struct isolator *i, struct container *c, enum apply how, struct err *e);

/* Detach those whose process has ended, and those of whom something was left. */
void containers_end(struct isolator *i);

/* ---- processes with which containers end; process.c ---- */

/* When it began, by which it is known from others of its number; 0: there is none, or it cannot be
 * told. */
uint64_t process_begun(uint32_t pid);
bool process_lives(uint32_t pid, uint64_t begun);

/* ---- the only one on this host; alone.c ---- */

/* Descriptor, to be held as long as containers are changed, or -1: another one is here. */
int alone_claim(struct err *e);
/* Let go of those that asked: they know by now. Does not wait. */
void alone_answer(int claim);

/* ---- after a restart; recover.c ---- */

/* The id of a program of ours that is attached somewhere, or 0: all share the maps. */
uint32_t recover_program(const struct host *h);
/* The table has who is attached and nobody else. */
void recover_table(struct isolator *i);
/* Everything as planned, whoever can be. */
int recover_plans(struct isolator *i, struct err *e);

/* ---- the state file; statefile.c ---- */

/* What was asked for the container of this slot, or that there is none; for the next writing. */
void statefile_note(struct isolator *i, uint32_t slot);
/* Failure is told once, and tried again with each look: enforcement does not need the file. */
void statefile_write(struct isolator *i);
/* Both. */
void statefile_keep(struct isolator *i, uint32_t slot);
/* Each container of the file: 0, 1 there is no file (e says so), -1. */
int statefile_each(const struct isolator *i, void (*fn)(void *ctx, const struct asked *a),
		   void *ctx, struct err *e);

/* ---- sysctls; sysctl.c ---- */

/* Tabs become blanks. */
int sysctl_read(struct target *t, const struct item *it, char *out, size_t n, struct err *e);
int sysctl_write(struct target *t, const struct item *it, const char *value, struct err *e);
/* One that was read for this slot has not the planned value any more. */
bool sysctls_drifted(const struct isolator *i, uint32_t slot);
void sysctls_drop(struct isolator *i, uint32_t slot);
void sysctls_make_room(void);

/* ---- containers of Mesos' isolator: foreign.c; taken over: adopt.c ---- */

struct foreign {
	char id[DP_ID_SIZE]; /* empty = nobody says */
	struct net_link veth;
	uint32_t pid;
	int netns;				 /* -1 = gone */
	struct port_set ports, all;		 /* all: with the ephemeral ones */
	uint32_t ephemeral_begin, ephemeral_end; /* 0 = not known */
	struct shape egress, ingress;
	char why[160]; /* it cannot be taken over; empty = it can */
};

#define FOREIGN_NAME "mesos" /* and a pid: their veths */

struct foreigners {
	struct foreign *items; /* owned */
	size_t n;
};

void foreign_look(struct isolator *i, struct foreigners *out);
void foreign_done(struct foreigners *f);

/* Ports that others than the containers here use. */
struct others {
	struct port_set host;
	struct foreigners foreign;
};

void others_look(struct isolator *i, struct others *out);
void others_ports(const struct others *o, struct port_set *out);
void others_done(struct others *o);
/* Of the pool, and of nobody else; slot: whose they may be; others NULL = do not care. */
int ports_valid(const struct isolator *i, const struct port_set *ports, uint32_t slot,
		const struct others *others, struct err *e);

/* Make them look like containers of ours that are to be recovered ... */
void adopt_take(struct isolator *i);
/* ... and where that was done clear away what Mesos' isolator made for them. */
void adopt_clear(struct isolator *i);

/* ---- telling; tell.c ---- */

/* With how it is now, if it is attached. id NULL: nobody that can be named. */
void tell_container(struct isolator *i, enum isolate_event_kind kind, const char *id,
		    const char *what, const char *why);
/* it NULL: the whole of it. why: it stays missing; NULL = it was put right. */
void tell_drift(struct isolator *i, uint32_t slot, const struct item *it, const char *why);
/* What was held back of drift, of this slot at once; UINT32_MAX: of all that waited enough. */
void tell_held_drift(struct isolator *i, uint32_t slot);
void tell_refused(struct isolator *i, uint32_t slot, bool at_once);
/* What is counted so far is nobody's news. */
void refused_begin(struct isolator *i, uint32_t slot);
void read_refused(const struct isolator *i, uint32_t slot, uint64_t out[DP_COUNTERS]);

/* ---- namespaces, held by bind mounts below i->handles ---- */

int handles_open(const struct isolator *i, struct err *e);
/* Descriptor of the container's namespace, -1 = its handle is gone. */
int handle_open(const struct isolator *i, const char *id);
int handle_hold(const struct isolator *i, const char *id, const char *netns, struct err *e);
void handle_drop(const struct isolator *i, const char *id);
/* Let go of those that belong to no container of the table. */
void handles_sweep(const struct isolator *i);

#endif
