/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a plan: traffic control, which are the programs and the shaping. */
#include "isolate/item.h"

#include <linux/pkt_sched.h>
#include <stdio.h>

/* Behind the first, which others take, and in front of those of Mesos' isolator (258 to 1026):
 * these let nothing through to anybody behind, and we let through all that is not ours. */
#define FILTER_PRIORITY 200
#define FILTER_HANDLE	1

/* ---- programs ---- */

/* Either takes our filters. */
static int check_hook(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	int none = net_qdisc_at(item_socket(t, it), l.ifindex, NET_TC_CLSACT, &q, e);
	return none < 0 ? -1 : !none;
}

static int make_clsact(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return item_link(t, it, &l, e) ? -1
				       : net_clsact_add(item_socket(t, it), l.ifindex, NULL, e);
}

const struct item_ops item_clsact = {"clsact on", check_hook, make_clsact, true};

static int make_ingress(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return item_link(t, it, &l, e) ? -1
				       : net_ingress_add(item_socket(t, it), l.ifindex, NULL, e);
}

const struct item_ops item_ingress = {"ingress on", check_hook, make_ingress, true};

struct finding {
	uint32_t program_id, classid;
	bool found;
};

static struct net_bpf_filter filter_of(struct target *t, const struct item *it, uint32_t ifindex)
{
	struct net_bpf_filter f = {
		.ifindex = ifindex,
		.parent = NET_TC_INGRESS,
		.priority = FILTER_PRIORITY,
		.handle = FILTER_HANDLE,
		/* The major number has no meaning to us, but 0 would be none. */
		.classid = t->container ? 1u << 16 | t->container->slot : 0,
		.program = t->datapath->program[it->number],
	};

	snprintf(f.name, sizeof(f.name), "%s", datapath_names[it->number]);
	return f;
}

static void find_program(void *ctx, const struct net_bpf_filter *f)
{
	struct finding *w = ctx;

	w->found |= f->priority == FILTER_PRIORITY && f->handle == FILTER_HANDLE &&
		    f->id == w->program_id && f->classid == w->classid;
}

static int check_program(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	struct net_bpf_filter wanted = filter_of(t, it, l.ifindex);
	struct finding w = {.classid = wanted.classid,
			    .program_id = t->datapath->program_id[it->number]};
	if (net_filters(item_socket(t, it), l.ifindex, NET_TC_INGRESS, find_program, &w, e))
		return -1;
	return w.found;
}

static int make_program(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	const struct net_bpf_filter f = filter_of(t, it, l.ifindex);
	return net_bpf_filter_set(item_socket(t, it), &f, NULL, e);
}

const struct item_ops item_program = {"program on", check_program, make_program, true};

static void find_front(void *ctx, const struct net_bpf_filter *f)
{
	*(bool *)ctx |= f->priority < FILTER_PRIORITY ||
			(f->priority == FILTER_PRIORITY && f->handle != FILTER_HANDLE);
}

/* What is decided in front of our programs, they never see. */
static int check_first(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;
	bool found = false;

	if (item_link(t, it, &l, e) ||
	    net_filters(item_socket(t, it), l.ifindex, NET_TC_INGRESS, find_front, &found, e))
		return -1;
	return !found;
}

const struct item_ops item_first = {"nothing in front on", check_first, NULL, false};

/* ---- shaping ---- */

static int check_htb(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (item_link(t, it, &l, e) ||
	    net_qdisc_at(item_socket(t, it), l.ifindex, NET_TC_ROOT, &q, e) < 0)
		return -1;
	return q.handle == TC_H_MAKE(1u << 16, 0) && str_eq(q.kind, "htb");
}

static int make_htb(struct target *t, const struct item *it, struct err *e)
{
	struct net_socket *s = item_socket(t, it);
	struct net_qdisc q;
	struct net_link l;

	if (item_link(t, it, &l, e) || net_qdisc_at(s, l.ifindex, NET_TC_ROOT, &q, e) < 0)
		return -1;
	/* The link is ours: what somebody put there is in the way. A default has no handle. */
	if (q.handle && net_qdisc_delete(s, l.ifindex, NET_TC_ROOT, NULL, e))
		return -1;
	return net_htb_add(s, l.ifindex, it->number, NULL, e);
}

const struct item_ops item_htb = {"htb on", check_htb, make_htb, false};

static int check_no_qdisc(struct target *t, const struct item *it, struct err *e)
{
	int has = check_htb(t, it, e);

	return has < 0 ? has : !has;
}

static int make_no_qdisc(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return item_link(t, it, &l, e)
		       ? -1
		       : net_qdisc_delete(item_socket(t, it), l.ifindex, NET_TC_ROOT, NULL, e);
}

const struct item_ops item_no_qdisc = {"no htb on", check_no_qdisc, make_no_qdisc, false};

static bool about(uint64_t a, uint64_t b) /* what a tick of HTB rounds away */
{
	return a > b ? a - b <= a / 64 + 64 : b - a <= b / 64 + 64;
}

/* 0 found, 1 none, -1. */
static int class_of(struct target *t, const struct item *it, struct net_link *l,
		    struct net_htb_class *c, struct err *e)
{
	if (item_link(t, it, l, e))
		return -1;
	return net_htb_class_get(item_socket(t, it), l->ifindex, 1u << 16 | it->number, c, e);
}

static int check_class(struct target *t, const struct item *it, struct err *e)
{
	const struct shape *s = &it->shape;
	struct net_htb_class c;
	struct net_link l;

	int none = class_of(t, it, &l, &c, e);
	if (none)
		return none < 0 ? -1 : 0;
	return c.rate == s->rate && c.ceil == MAX(s->ceil, s->rate) &&
	       (!s->burst || about(c.burst, s->burst));
}

static int make_class(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	const struct net_htb_class c = {
		.ifindex = l.ifindex,
		.parent = 1u << 16,
		.handle = 1u << 16 | it->number,
		.rate = it->shape.rate,
		.ceil = it->shape.ceil,
		.burst = it->shape.burst,
	};
	return net_htb_class_set(item_socket(t, it), &c, e);
}

const struct item_ops item_class = {"class on", check_class, make_class, false};

/* Below a class stands a queue of the kernel's own, without a handle, until there is another. */
static int check_leaf(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (item_link(t, it, &l, e))
		return -1;
	int none = net_qdisc_at(item_socket(t, it), l.ifindex, 1u << 16 | it->number, &q, e);
	if (none)
		return MIN(none, 0);
	return q.handle && (str_eq(q.kind, "fq_codel") || str_eq(q.kind, "pfifo"));
}

static int make_leaf(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;
	const char *kind;

	return item_link(t, it, &l, e) ? -1
				       : net_leaf_add(item_socket(t, it), l.ifindex,
						      1u << 16 | it->number, &kind, e);
}

const struct item_ops item_leaf = {"queue of the class on", check_leaf, make_leaf, false};

static int check_no_class(struct target *t, const struct item *it, struct err *e)
{
	struct net_htb_class c;
	struct net_link l;
	int none = item_link(t, it, &l, e);

	if (none)
		return none; /* no shaper at all */
	return class_of(t, it, &l, &c, e);
}

static int make_no_class(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return item_link(t, it, &l, e)
		       ? -1
		       : net_class_delete(item_socket(t, it), l.ifindex, 1u << 16 | it->number, e);
}

const struct item_ops item_no_class = {"no class on", check_no_class, make_no_class, false};

/* 0 something is there, 1 nothing, -1. */
static int flows_of(struct target *t, const struct item *it, struct net_link *l,
		    struct net_qdisc *q, struct err *e)
{
	if (item_link(t, it, l, e))
		return -1;
	return net_qdisc_at(item_socket(t, it), l->ifindex, it->number ? it->number : NET_TC_ROOT,
			    q, e);
}

static int check_flows(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (flows_of(t, it, &l, &q, e) < 0)
		return -1;
	return q.handle == flow_handle(it->number) && str_eq(q.kind, "fq_codel");
}

/* The kernel's default, also fq_codel or mq, has handle 0 and gives way. */
static int make_flows(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (flows_of(t, it, &l, &q, e) < 0)
		return -1;
	if (q.handle)
		return err_set(e, ERR_FAILED,
			       "%s has a qdisc there already (%s %x:), which is "
			       "left alone",
			       it->name, q.kind, q.handle >> 16);
	return net_fq_codel_add(item_socket(t, it), l.ifindex,
				it->number ? it->number : NET_TC_ROOT, flow_handle(it->number),
				NULL, e);
}

const struct item_ops item_flows = {"fq_codel on", check_flows, make_flows, true};
