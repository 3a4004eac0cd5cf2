/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room isolate: a kind of thing that plans speak of is a struct item_ops, on the list of
 * item.c. */
#ifndef DREDGE_ISOLATE_ITEM_H
#define DREDGE_ISOLATE_ITEM_H

#include "isolate/internal.h"

struct item_ops {
	const char *text; /* what it is, in front of its name */
	/* 1: the kernel has it; 0: not; -1: cannot be told. */
	int (*check)(struct target *t, const struct item *it, struct err *e);
	/* NULL: that is for somebody else to do. */
	int (*make)(struct target *t, const struct item *it, struct err *e);
	bool of_host; /* as the host has it, which may change */
};

/* item_link.c */
extern const struct item_ops item_veth, item_up, item_address, item_route, item_sysctl;
/* item_tc.c */
extern const struct item_ops item_clsact, item_ingress, item_first, item_program, item_htb,
	item_class, item_leaf, item_no_qdisc, item_no_class, item_flows;
/* item_table.c */
extern const struct item_ops item_host, item_slot, item_ports;

static inline struct net_socket *item_socket(const struct target *t, const struct item *it)
{
	return it->inside ? t->inside : t->host->net;
}

/* Of the container's end of its pair, called as the host's public interface. */
static inline bool item_is_of_interface(const struct target *t, const struct item *it)
{
	return it->inside && str_eq(it->name, t->host->eth.name);
}

/* As net_link_named; asked for once, until one is changed. A container's interface is known by its
 * index: who is root in there may call it something else. */
int item_link(struct target *t, const struct item *it, struct net_link *l, struct err *e);

#endif
