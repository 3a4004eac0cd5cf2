/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic control: clsact, HTB with its classes and leaves, cls_bpf. */
#include "net/internal.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define TICK_NS	    64u /* of HTB's times: PSCHED_SHIFT of net/pkt_sched.h */
#define QUANTUM_MIN 1514u
#define QUANTUM_MAX 200000u
#define PFIFO_LIMIT 1000u /* packets: what a queue of a device holds by default */

/* ---- qdiscs ---- */

struct qdisc_visit {
	void (*fn)(void *ctx, const struct net_qdisc *q);
	void *ctx;
	int type; /* RTM_NEWQDISC or RTM_NEWTCLASS */
	uint32_t ifindex;
};

static void take_stats(struct net_queue_stats *q, struct nlattr *stats)
{
	struct nlattr *tb[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic = {0};
	struct gnet_stats_queue queue = {0};
	struct gnet_stats_rate_est rate = {0};

	if (!stats || nla_parse_nested(tb, TCA_STATS_MAX, stats, NULL) < 0)
		return;
	if (tb[TCA_STATS_BASIC])
		nla_memcpy(&basic, tb[TCA_STATS_BASIC], sizeof(basic));
	if (tb[TCA_STATS_QUEUE])
		nla_memcpy(&queue, tb[TCA_STATS_QUEUE], sizeof(queue));
	if (tb[TCA_STATS_RATE_EST])
		nla_memcpy(&rate, tb[TCA_STATS_RATE_EST], sizeof(rate));
	q->bytes = basic.bytes;
	q->packets = basic.packets;
	if (tb[TCA_STATS_PKT64])
		q->packets = nla_get_u64(tb[TCA_STATS_PKT64]);
	q->drops = queue.drops;
	q->overlimits = queue.overlimits;
	q->requeues = queue.requeues;
	q->backlog = queue.backlog;
	q->qlen = queue.qlen;
	q->rate_bps = rate.bps;
	q->rate_pps = rate.pps;
}

static void take_qdisc(void *ctx, struct nlmsghdr *h)
{
	const struct qdisc_visit *v = ctx;
	const struct tcmsg *t = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1];
	struct net_qdisc q = {0};

	if (h->nlmsg_type != v->type || nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_KIND] || (v->ifindex && (uint32_t)t->tcm_ifindex != v->ifindex))
		return;
	q.ifindex = (uint32_t)t->tcm_ifindex;
	q.handle = t->tcm_handle;
	q.parent = t->tcm_parent;
	nla_strlcpy(q.kind, tb[TCA_KIND], sizeof(q.kind));
	take_stats(&q.stats, tb[TCA_STATS2]);
	v->fn(v->ctx, &q);
}

int net_qdiscs(struct net_socket *s, uint32_t ifindex,
	       void (*fn)(void *ctx, const struct net_qdisc *q), void *ctx, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, 0, 0);
	struct qdisc_visit v = {fn, ctx, RTM_NEWQDISC, ifindex};

	return socket_ask(s, request_new(RTM_GETQDISC, true, &t, sizeof(t)), take_qdisc, &v,
			  "cannot read qdiscs", NULL, e);
}

int net_classes(struct net_socket *s, uint32_t ifindex, uint32_t qdisc,
		void (*fn)(void *ctx, const struct net_qdisc *class), void *ctx, struct err *e)
{
	/* With the qdisc as parent, else fq_codel leaves would tell of each of their flows. */
	const struct tcmsg t = tc_of(ifindex, qdisc, 0);
	struct qdisc_visit v = {fn, ctx, RTM_NEWTCLASS, ifindex};

	return socket_ask(s, request_new(RTM_GETTCLASS, true, &t, sizeof(t)), take_qdisc, &v,
			  "cannot read classes", NULL, e);
}

static void keep_qdisc(void *ctx, const struct net_qdisc *q)
{
	*(struct net_qdisc *)ctx = *q;
}

int net_qdisc_at(struct net_socket *s, uint32_t ifindex, uint32_t parent, struct net_qdisc *out,
		 struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, 0);
	struct qdisc_visit v = {keep_qdisc, out, RTM_NEWQDISC, ifindex};
	int code = 0;

	/* Of a built-in one the kernel tells nothing: only the acknowledgement comes. It takes the
	 * answer for a notification, which its cause hears of by NLM_F_ECHO only. */
	*out = (struct net_qdisc){0};
	if (socket_ask(s, change_new(RTM_GETQDISC, NLM_F_ECHO, &t, sizeof(t)), take_qdisc, &v,
		       "cannot read a qdisc", &code, e))
		return code == ENOENT || code == EINVAL ? 1 : -1;
	return !out->ifindex;
}

static int hook_add(struct net_socket *s, uint32_t ifindex, const char *kind, int *code,
		    struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, NET_TC_CLSACT, 0xffff0000u);
	struct nl_msg *msg = change_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));
	char what[32];

	put_text(msg, TCA_KIND, kind);
	snprintf(what, sizeof(what), "cannot add %s", kind);
	return change_run(s, msg, code, e, what);
}

int net_clsact_add(struct net_socket *s, uint32_t ifindex, int *code, struct err *e)
{
	return hook_add(s, ifindex, "clsact", code, e);
}

int net_ingress_add(struct net_socket *s, uint32_t ifindex, int *code, struct err *e)
{
	return hook_add(s, ifindex, "ingress", code, e);
}

int net_qdisc_delete(struct net_socket *s, uint32_t ifindex, uint32_t parent, int *code,
		     struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, 0);

	return change_run(s, change_new(RTM_DELQDISC, 0, &t, sizeof(t)), code, e,
			  "cannot delete a qdisc");
}

/* ---- HTB ---- */

int net_htb_add(struct net_socket *s, uint32_t ifindex, uint32_t default_class, int *code,
		struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, NET_TC_ROOT, TC_H_MAKE(1u << 16, 0));
	const struct tc_htb_glob g = {.version = 3, .rate2quantum = 10, .defcls = default_class};
	struct nl_msg *msg = change_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));

	put_text(msg, TCA_KIND, "htb");
	struct nlattr *options = nest_begin(msg, TCA_OPTIONS);
	put_bytes(msg, TCA_HTB_INIT, &g, sizeof(g));
	nla_nest_end(msg, options);
	return change_run(s, msg, code, e, "cannot add HTB");
}

int net_fq_codel_add(struct net_socket *s, uint32_t ifindex, uint32_t parent, uint32_t handle,
		     int *code, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, handle);
	/* A default qdisc has no handle of its own and gives way. */
	struct nl_msg *msg = change_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));

	put_text(msg, TCA_KIND, "fq_codel");
	return change_run(s, msg, code, e, "cannot add fq_codel");
}

static uint32_t ticks_for(uint64_t bytes, uint64_t rate)
{
	unsigned __int128 ticks = (unsigned __int128)bytes * NSEC_PER_SEC / rate / TICK_NS;

	return (uint32_t)MIN(ticks, (unsigned __int128)UINT32_MAX);
}

static struct tc_ratespec rate_spec(uint64_t rate)
{
	return (struct tc_ratespec){
		.rate = (uint32_t)MIN(rate, UINT32_MAX), /* more: in the 64-bit attribute */
		.linklayer = TC_LINKLAYER_ETHERNET,	 /* no table needed */
	};
}

int net_htb_class_set(struct net_socket *s, const struct net_htb_class *c, struct err *e)
{
	const struct tcmsg t = tc_of(c->ifindex, c->parent, c->handle);
	struct nl_msg *msg = change_new(RTM_NEWTCLASS, NLM_F_CREATE, &t, sizeof(t));
	uint64_t ceil = MAX(c->ceil, c->rate);
	/* 10 ms, unless given: a busy processor is elsewhere for so long, and less loses of the
	 * rate. */
	uint64_t computed = MAX(c->rate / 100, 2 * QUANTUM_MIN);
	uint64_t burst = c->burst ? c->burst : computed;
	const struct tc_htb_opt o = {
		.rate = rate_spec(c->rate),
		.ceil = rate_spec(ceil),
		.buffer = ticks_for(burst, c->rate),
		.cbuffer = ticks_for(MAX(ceil / 100, 2 * QUANTUM_MIN), ceil),
		.quantum = (uint32_t)MIN(MAX(c->rate / 10, QUANTUM_MIN), QUANTUM_MAX),
	};

	put_text(msg, TCA_KIND, "htb");
	struct nlattr *options = nest_begin(msg, TCA_OPTIONS);
	put_bytes(msg, TCA_HTB_PARMS, &o, sizeof(o));
	if (c->rate > UINT32_MAX)
		put_bytes(msg, TCA_HTB_RATE64, &c->rate, sizeof(c->rate));
	if (ceil > UINT32_MAX)
		put_bytes(msg, TCA_HTB_CEIL64, &ceil, sizeof(ceil));
	nla_nest_end(msg, options);
	return change_run(s, msg, NULL, e, "cannot set an HTB class");
}

int net_class_delete(struct net_socket *s, uint32_t ifindex, uint32_t handle, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, 0, handle);

	return change_run(s, change_new(RTM_DELTCLASS, 0, &t, sizeof(t)), NULL, e,
			  "cannot delete a class");
}

static void take_class(void *ctx, struct nlmsghdr *h)
{
	const struct tcmsg *t = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1], *ob[TCA_HTB_MAX + 1];
	struct net_htb_class *c = ctx;
	struct tc_htb_opt o = {0};

	if (h->nlmsg_type != RTM_NEWTCLASS || nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_KIND] || strcmp(nla_get_string(tb[TCA_KIND]), "htb") || !tb[TCA_OPTIONS] ||
	    nla_parse_nested(ob, TCA_HTB_MAX, tb[TCA_OPTIONS], NULL) < 0 || !ob[TCA_HTB_PARMS])
		return;
	nla_memcpy(&o, ob[TCA_HTB_PARMS], sizeof(o));
	*c = (struct net_htb_class){
		.ifindex = (uint32_t)t->tcm_ifindex,
		.parent = t->tcm_parent,
		.handle = t->tcm_handle,
		.rate = ob[TCA_HTB_RATE64] ? nla_get_u64(ob[TCA_HTB_RATE64]) : o.rate.rate,
		.ceil = ob[TCA_HTB_CEIL64] ? nla_get_u64(ob[TCA_HTB_CEIL64]) : o.ceil.rate,
	};
	c->burst = (uint64_t)o.buffer * TICK_NS * c->rate / NSEC_PER_SEC;
}

int net_htb_class_get(struct net_socket *s, uint32_t ifindex, uint32_t handle,
		      struct net_htb_class *out, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, 0, handle);
	int code = 0;

	*out = (struct net_htb_class){0};
	if (socket_ask(s, change_new(RTM_GETTCLASS, NLM_F_ECHO, &t, sizeof(t)), take_class, out,
		       "cannot read a class", &code, e))
		return code == ENOENT ? 1 : -1;
	return !out->handle;
}

static int leaf_of(struct net_socket *s, uint32_t ifindex, uint32_t parent, const char *kind,
		   int *code, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, 0);
	const struct tc_fifo_qopt fifo = {.limit = PFIFO_LIMIT};
	struct nl_msg *msg = change_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &t, sizeof(t));

	put_text(msg, TCA_KIND, kind);
	if (!strcmp(kind, "pfifo"))
		put_bytes(msg, TCA_OPTIONS, &fifo, sizeof(fifo));
	return change_run(s, msg, code, e, "cannot add a leaf qdisc");
}

int net_leaf_add(struct net_socket *s, uint32_t ifindex, uint32_t parent, const char **kind,
		 struct err *e)
{
	int code;

	*kind = "fq_codel";
	if (!leaf_of(s, ifindex, parent, *kind, &code, e))
		return 0;
	if (code != ENOENT && code != EOPNOTSUPP)
		return -1;
	*kind = "pfifo";
	return leaf_of(s, ifindex, parent, *kind, NULL, e);
}

/* ---- cls_bpf ---- */

static struct tcmsg filter_header(const struct net_bpf_filter *f, uint16_t protocol)
{
	struct tcmsg t = tc_of(f->ifindex, f->parent, f->handle);

	t.tcm_info = TC_H_MAKE((uint32_t)f->priority << 16, __builtin_bswap16(protocol));
	return t;
}

int net_bpf_filter_set(struct net_socket *s, const struct net_bpf_filter *f, int *code,
		       struct err *e)
{
	const struct tcmsg t = filter_header(f, ETH_P_ALL);
	struct nl_msg *msg = change_new(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, &t,
					sizeof(t));

	put_text(msg, TCA_KIND, "bpf");
	struct nlattr *options = nest_begin(msg, TCA_OPTIONS);
	put_u32(msg, TCA_BPF_FD, (uint32_t)f->program);
	put_text(msg, TCA_BPF_NAME, f->name);
	put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	if (f->classid)
		put_u32(msg, TCA_BPF_CLASSID, f->classid);
	nla_nest_end(msg, options);
	return change_run(s, msg, code, e, "cannot attach a program");
}

int net_filter_delete(struct net_socket *s, const struct net_bpf_filter *f, int *code,
		      struct err *e)
{
	const struct tcmsg t = filter_header(f, 0);

	return change_run(s, change_new(RTM_DELTFILTER, 0, &t, sizeof(t)), code, e,
			  "cannot delete a filter");
}

struct filter_visit {
	void (*fn)(void *ctx, const struct net_bpf_filter *f);
	void *ctx;
};

static void take_filter(void *ctx, struct nlmsghdr *h)
{
	const struct filter_visit *v = ctx;
	const struct tcmsg *t = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1], *ob[TCA_BPF_MAX + 1] = {0};

	if (h->nlmsg_type != RTM_NEWTFILTER || nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_KIND] || !t->tcm_handle)
		return; /* the head of a chain has no handle */
	if (!strcmp(nla_get_string(tb[TCA_KIND]), "bpf") &&
	    (!tb[TCA_OPTIONS] || nla_parse_nested(ob, TCA_BPF_MAX, tb[TCA_OPTIONS], NULL) < 0))
		return;
	struct net_bpf_filter f = {
		.ifindex = (uint32_t)t->tcm_ifindex,
		.parent = t->tcm_parent,
		.priority = (uint16_t)(t->tcm_info >> 16),
		.handle = t->tcm_handle,
		.classid = ob[TCA_BPF_CLASSID] ? nla_get_u32(ob[TCA_BPF_CLASSID]) : 0,
		.program = -1,
		.id = ob[TCA_BPF_ID] ? nla_get_u32(ob[TCA_BPF_ID]) : 0,
	};
	nla_strlcpy(f.kind, tb[TCA_KIND], sizeof(f.kind));
	if (ob[TCA_BPF_NAME])
		nla_strlcpy(f.name, ob[TCA_BPF_NAME], sizeof(f.name));
	v->fn(v->ctx, &f);
}

int net_filters(struct net_socket *s, uint32_t ifindex, uint32_t parent,
		void (*fn)(void *ctx, const struct net_bpf_filter *f), void *ctx, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, 0);
	struct filter_visit v = {fn, ctx};

	return socket_ask(s, request_new(RTM_GETTFILTER, true, &t, sizeof(t)), take_filter, &v,
			  "cannot read filters", NULL, e);
}
