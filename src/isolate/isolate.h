/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room isolate: containers that share the host's address and are told apart by
 * port. For each one a plan says what the kernel must hold (a veth pair,
 * addresses, sysctls, programs, classes, entries of the port table); checking
 * the plan against the kernel gives the difference, and applying the
 * difference attaches, updates, repairs and recovers alike. An isolator that is
 * opened again finds its containers in the kernel, and what was lost there in a
 * file of what was asked for.
 * Called by dredged, from one thread. Knows nothing of captures or filters:
 * what happens it tells by one hook.
 *
 * Facts: datapath.bpf.c says what happens to packets.
 */
#ifndef DREDGE_ISOLATE_H
#define DREDGE_ISOLATE_H

#include "isolate/datapath.h"
#include "isolate/ports.h"
#include "isolate/shaping.h"

struct isolate_container { /* borrowed until the next call */
	const char *id, *veth;
	const struct port_set *ports; /* without the ephemeral ones */
	uint32_t ephemeral_begin, ephemeral_end;
	struct shape egress, ingress;
	double cpus;		       /* that it was given, 0 = not known */
	uint64_t refused[DP_COUNTERS]; /* packets, by enum dp_counter */
	uint64_t netns_inode;	       /* of its namespace, 0 = gone */
	const char *netns;	       /* path of the handle of its namespace */
	uint32_t slot;		       /* also the minor number of the class of its egress ... */
	uint32_t shaper;	       /* ... on this link; 0 = there is none */
	uint32_t ifindex;	       /* host end of its interface */
	int missing; /* things of its plan that the kernel lacked at the last look; -1: not known */
	bool ending; /* its detach, or an attach, was refused half way; taken away with the next
			look */
	/* Its interface, which looks like the host's; no gateway, no IPv6: all zero. */
	const char *interface;
	uint8_t address[4], prefix, gateway[4], mac[6];
	uint8_t address6[16], prefix6, gateway6[16];
};

/* ---- what happens ---- */

enum isolate_event_kind {
	ISOLATE_ATTACHED,
	ISOLATE_UPDATED,
	ISOLATE_DETACHED,
	ISOLATE_RECOVERED,    /* by isolate_open */
	ISOLATE_QUARANTINED,  /* found there, but cannot be made as planned: left as it is */
	ISOLATE_DRIFT,	      /* something planned is missing and stays so */
	ISOLATE_REPAIRED,     /* something planned was missing */
	ISOLATE_HOST_CHANGED, /* an address, the MTU ... of the public interface; all follow */
	ISOLATE_PACKETS_REFUSED,
	ISOLATE_REQUEST_REFUSED,
	ISOLATE_EVENT_KINDS
};

struct isolate_event { /* borrowed for the call */
	enum isolate_event_kind kind;
	const char *id;			      /* of the container; NULL = the host's part */
	const struct isolate_container *view; /* as it is now, where it is attached; else NULL */
	/* DRIFT, REPAIRED: which thing, or NULL; HOST_CHANGED: to what; REQUEST_REFUSED: "attach"
	 */
	const char *what;
	const char *why; /* of QUARANTINED, DRIFT, REQUEST_REFUSED; else NULL, or surprising */
	enum dp_counter reason; /* of PACKETS_REFUSED */
	uint64_t times; /* DRIFT, REPAIRED, PACKETS_REFUSED: since it was last told, at least 1 */
};

struct isolate_options {
	/* Borrowed as long as the isolator is open. */
	const char *eth;		  /* public interface; NULL = that of the default route */
	const char *lo;			  /* NULL = "lo" */
	const char *run_dir;		  /* handles of namespaces, state file */
	struct port_set ports, ephemeral; /* the pools */
	uint32_t ephemeral_per_container;
	bool unique_flow;     /* a queue for each container on the public interface */
	uint32_t flow_parent; /* class below which these hang; 0 = at its root */
	bool ip6;	      /* map ports of the host's IPv6 address too, where it has one */
	bool adopt_mesos;     /* take over the containers of Mesos' isolator */
	/* NULL = nobody listens. Must not call back. */
	void (*tell)(void *ctx, const struct isolate_event *ev);
	void *ctx;
};

struct isolator;
/* Recovers what is there and prepares the host. Changes sysctls of loopback and its MTU. */
struct isolator *isolate_open(const struct isolate_options *o, struct err *e);
/* Leaves everything in the kernel as it is. i may be NULL. */
void isolate_close(struct isolator *i);

struct isolate_request {
	const char *id;	       /* letters, digits, '.', '_' and '-'; fits DP_ID_SIZE */
	const char *netns;     /* path of the namespace; attach only */
	struct port_set ports; /* of the pool, owned by nobody else */
	struct shape egress, ingress;
	double cpus;	    /* remembered, no more: rates are computed by who asks */
	uint32_t until;	    /* attach: detached when this process (pid) ends; 0 = none */
	bool spare_ingress; /* update: who receives without a limit goes on so */
};

/* On failure everything made for it has been undone. The namespace is held by a bind mount. */
int isolate_attach(struct isolator *i, const struct isolate_request *r, struct err *e);
int isolate_update(struct isolator *i, const struct isolate_request *r, struct err *e);
/* On failure e says what stays; another detach, or isolate_look, goes on with it. */
int isolate_detach(struct isolator *i, const char *id, struct err *e);

/* Every container, by slot, or only that of the id; fn non-zero ends. */
int isolate_each(struct isolator *i, const char *id,
		 int (*fn)(void *ctx, const struct isolate_container *c), void *ctx);
/*
 * A container of Mesos' own isolator: seen, its ports given to nobody, and otherwise left alone.
 * What cannot be read is 0 or empty.
 */
struct isolate_foreign {	      /* borrowed for the call */
	const char *id, *veth;	      /* id: of the container, NULL = nobody says */
	const struct port_set *ports; /* without the ephemeral ones */
	uint32_t ephemeral_begin, ephemeral_end;
	struct shape egress, ingress;
	const char *why; /* it cannot be taken over, or NULL */
};
void isolate_each_foreign(struct isolator *i,
			  void (*fn)(void *ctx, const struct isolate_foreign *f), void *ctx);
struct isolate_room {
	struct port_set ports, ephemeral; /* of the pools, that nobody has, nor the host uses */
	uint32_t containers;		  /* how many more there can be */
};
void isolate_room(struct isolator *i, struct isolate_room *out);
/* What the plan wants and whether the kernel has it: one line each, "ok" or "missing" in front.
 * id NULL = the host's part. */
int isolate_explain(struct isolator *i, const char *id, struct text *out, struct err *e);
/* For poll: readable when something in the kernel has changed; isolate_notice takes note of it. */
int isolate_fd(const struct isolator *i);
/* true: something that is planned may be concerned. */
bool isolate_notice(struct isolator *i);
/*
 * Follow what changed of the host, then look for what is missing: first where something was
 * noticed, then, as not everything is told (sysctls are not), the others in turn, until budget_ns
 * is used up. repair: put it right. Told once for each thing of each container, and again after
 * DRIFT_TOLD_NS at the earliest. What was left of containers that were to be detached is taken
 * away.
 */
void isolate_look(struct isolator *i, bool repair, uint64_t budget_ns);
#define DRIFT_TOLD_NS (10 * NSEC_PER_SEC)
/* Tell whose counters of refused packets have moved: each container once in REFUSED_TOLD_NS. */
void isolate_look_at_refused(struct isolator *i);
#define REFUSED_TOLD_NS NSEC_PER_SEC
/* Namespace handle of a container, for programs that enter it. */
char *isolate_netns_path(const struct isolator *i, const char *id); /* owned by the caller */

#endif
