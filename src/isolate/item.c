/* SPDX-License-Identifier: Apache-2.0 */
/* One thing of a plan: as text, looked up in the kernel, made. A kind is a row and two functions.
 */
#include "isolate/internal.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <sys/socket.h>

#define FILTER_PRIORITY 12321 /* behind the low numbers that others take by default */
#define FILTER_HANDLE	1

static struct net_socket *socket_of(const struct target *t, const struct item *it)
{
	return it->inside ? t->inside : t->host->net;
}

static int netns_of(const struct target *t, const struct item *it)
{
	return it->inside ? t->container->netns : -1;
}

static int link_of(const struct target *t, const struct item *it, struct net_link *l, struct err *e)
{
	return net_link_named(socket_of(t, it), it->name, l, e);
}

/* ---- links ---- */

static int check_veth(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	(void)e;
	if (link_of(t, it, &l, NULL) || !str_eq(l.kind, "veth"))
		return 0;
	if (t->container) {
		t->container->entry.ifindex = l.ifindex;
		t->container->entry.inner = l.peer;
	}
	return 1;
}

static int make_veth(const struct target *t, const struct item *it, struct err *e)
{
	struct net_veth v = {
		.name = it->name,
		.peer_name = t->container ? t->host->eth.name : SHAPER_OUT,
		.peer_netns_fd = t->container ? t->container->netns : -1,
		.mtu = t->host->eth.mtu,
		.peer_mtu = t->host->eth.mtu,
	};

	memcpy(v.mac, t->host->eth.mac, sizeof(v.mac));
	int code;
	if (net_veth_create(t->host->net, &v, &code, e))
		return code == EEXIST
			       ? err_set(e, ERR_USAGE, "the namespace has an interface %s already",
					 v.peer_name)
			       : -1;
	return check_veth(t, it, e) == 1 ? 0 : err_set(e, ERR_FAILED, "%s is gone", it->name);
}

static int check_up(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	return l.flags & IFF_UP && l.mtu == it->number;
}

static int make_up(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_link_set(socket_of(t, it), l.ifindex, true, it->number, e);
}

/* ---- addresses, routes, sysctls ---- */

struct looking {
	struct net_address wanted;
	bool found;
};

static void look_address(void *ctx, const struct net_address *a)
{
	struct looking *l = ctx;

	l->found |= a->ifindex == l->wanted.ifindex && a->family == l->wanted.family &&
		    a->prefix == l->wanted.prefix && !memcmp(a->address, l->wanted.address, 4);
}

static int wanted_address(const struct target *t, const struct item *it, struct net_address *a,
			  struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	*a = t->host->address;
	a->ifindex = l.ifindex;
	return 0;
}

static int check_address(const struct target *t, const struct item *it, struct err *e)
{
	struct looking l = {0};

	if (wanted_address(t, it, &l.wanted, e) ||
	    net_addresses(socket_of(t, it), look_address, &l, e))
		return -1;
	return l.found;
}

static int make_address(const struct target *t, const struct item *it, struct err *e)
{
	struct net_address a;

	return wanted_address(t, it, &a, e) ? -1 : net_address_add(socket_of(t, it), &a, e);
}

static int check_route(const struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	return !net_default_route(socket_of(t, it), &g, NULL) && g.ifindex == l.ifindex &&
	       !memcmp(g.address, t->host->gateway.address, sizeof(g.address));
}

static int make_route(const struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g = t->host->gateway;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	g.ifindex = l.ifindex;
	return net_default_route_add(socket_of(t, it), &g, e);
}

static int check_sysctl(const struct target *t, const struct item *it, struct err *e)
{
	char have[64];

	if (net_sysctl_read(netns_of(t, it), it->name, have, sizeof(have), e))
		return -1;
	for (char *p = have; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return str_eq(have, it->value);
}

static int make_sysctl(const struct target *t, const struct item *it, struct err *e)
{
	return net_sysctl_write(netns_of(t, it), it->name, it->value, e);
}

/* ---- programs ---- */

struct finding {
	const struct item *it;
	uint32_t parent, handle, program_id;
	bool found;
};

/* A plain "ingress" qdisc takes our filters as clsact does. */
static void find_clsact(void *ctx, const struct net_qdisc *q)
{
	struct finding *f = ctx;

	f->found |= str_eq(q->kind, "clsact") || str_eq(q->kind, "ingress");
}

static int check_clsact(const struct target *t, const struct item *it, struct err *e)
{
	struct finding f = {0};
	struct net_link l;

	if (link_of(t, it, &l, e) || net_qdiscs(socket_of(t, it), l.ifindex, find_clsact, &f, e))
		return -1;
	return f.found;
}

static int make_clsact(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e) ? -1 : net_clsact_add(socket_of(t, it), l.ifindex, NULL, e);
}

static struct net_bpf_filter filter_of(const struct target *t, const struct item *it,
				       uint32_t ifindex)
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
		    f->id == w->program_id && f->classid == w->handle;
}

static int check_program(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	struct net_bpf_filter wanted = filter_of(t, it, l.ifindex);
	struct finding w = {.handle = wanted.classid,
			    .program_id = t->datapath->program_id[it->number]};
	if (net_bpf_filters(socket_of(t, it), l.ifindex, NET_TC_INGRESS, find_program, &w, e))
		return -1;
	return w.found;
}

static int make_program(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	const struct net_bpf_filter f = filter_of(t, it, l.ifindex);
	return net_bpf_filter_set(socket_of(t, it), &f, NULL, e);
}

/* ---- shaping ---- */

static void find_root(void *ctx, const struct net_qdisc *q)
{
	struct finding *f = ctx;

	f->found |= q->parent == NET_TC_ROOT && q->handle == TC_H_MAKE(1u << 16, 0) &&
		    str_eq(q->kind, "htb");
}

static int check_htb(const struct target *t, const struct item *it, struct err *e)
{
	struct finding f = {0};
	struct net_link l;

	if (link_of(t, it, &l, e) || net_qdiscs(socket_of(t, it), l.ifindex, find_root, &f, e))
		return -1;
	return f.found;
}

static int make_htb(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_htb_add(socket_of(t, it), l.ifindex, it->number, NULL, e);
}

static int check_no_qdisc(const struct target *t, const struct item *it, struct err *e)
{
	int has = check_htb(t, it, e);

	return has < 0 ? has : !has;
}

static int make_no_qdisc(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_qdisc_delete(socket_of(t, it), l.ifindex, NET_TC_ROOT, NULL, e);
}

struct class_search {
	uint32_t handle;
	struct shape wanted;
	bool found, equal;
};

static bool about(uint64_t a, uint64_t b) /* what a tick of HTB rounds away */
{
	return a > b ? a - b <= a / 64 + 64 : b - a <= b / 64 + 64;
}

static void find_class(void *ctx, const struct net_htb_class *c)
{
	struct class_search *s = ctx;

	if (c->handle != s->handle)
		return;
	s->found = true;
	s->equal = c->rate == s->wanted.rate && c->ceil == MAX(s->wanted.ceil, s->wanted.rate) &&
		   (!s->wanted.burst || about(c->burst, s->wanted.burst));
}

static int search_class(const struct target *t, const struct item *it, struct class_search *s,
			struct net_link *l, struct err *e)
{
	*s = (struct class_search){.handle = 1u << 16 | it->number, .wanted = it->shape};
	if (link_of(t, it, l, e))
		return -1;
	return net_htb_classes(socket_of(t, it), l->ifindex, find_class, s, e);
}

static int check_class(const struct target *t, const struct item *it, struct err *e)
{
	struct class_search s;
	struct net_link l;

	return search_class(t, it, &s, &l, e) ? -1 : s.equal;
}

static int make_class(const struct target *t, const struct item *it, struct err *e)
{
	struct class_search s;
	struct net_link l;
	const char *leaf;

	if (search_class(t, it, &s, &l, e))
		return -1;
	const struct net_htb_class c = {
		.ifindex = l.ifindex,
		.parent = 1u << 16,
		.handle = s.handle,
		.rate = it->shape.rate,
		.ceil = it->shape.ceil,
		.burst = it->shape.burst,
	};
	if (net_htb_class_set(socket_of(t, it), &c, e))
		return -1;
	return s.found ? 0 : net_leaf_add(socket_of(t, it), l.ifindex, c.handle, &leaf, e);
}

static int check_no_class(const struct target *t, const struct item *it, struct err *e)
{
	struct class_search s;
	struct net_link l;

	if (link_of(t, it, &l, NULL))
		return 1;
	return search_class(t, it, &s, &l, e) ? -1 : !s.found;
}

static int make_no_class(const struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_class_delete(socket_of(t, it), l.ifindex, 1u << 16 | it->number, e);
}

/* ---- entries of the maps ---- */

static struct dp_host host_entry(const struct target *t)
{
	struct dp_host h = {.eth = t->host->eth.ifindex, .lo = t->host->lo.ifindex};
	struct net_link shaper;

	memcpy(&h.ip, t->host->address.address, sizeof(h.ip));
	memcpy(h.mac, t->host->eth.mac, sizeof(h.mac));
	if (!net_link_named(t->host->net, SHAPER_IN, &shaper, NULL))
		h.shaper = shaper.ifindex;
	return h;
}

static int check_host(const struct target *t, const struct item *it, struct err *e)
{
	struct dp_host h = host_entry(t);

	(void)it;
	(void)e;
	return !memcmp(t->datapath->host, &h, sizeof(h));
}

static int make_host(const struct target *t, const struct item *it, struct err *e)
{
	(void)it;
	(void)e;
	*t->datapath->host = host_entry(t);
	return 0;
}

static int check_slot(const struct target *t, const struct item *it, struct err *e)
{
	const struct container *c = t->container;

	(void)it;
	(void)e;
	return !memcmp(&t->datapath->containers[c->slot], &c->entry, sizeof(c->entry));
}

static int make_slot(const struct target *t, const struct item *it, struct err *e)
{
	(void)it;
	(void)e;
	t->datapath->containers[t->container->slot] = t->container->entry;
	return 0;
}

static bool owns(const struct container *c, uint32_t port)
{
	return (port >= c->entry.ephemeral_begin && port <= c->entry.ephemeral_end) ||
	       port_set_has(&c->ports, port);
}

static int check_ports(const struct target *t, const struct item *it, struct err *e)
{
	const struct container *c = t->container;

	(void)it;
	(void)e;
	for (uint32_t port = 1; port < DP_PORTS; port++)
		if (owns(c, port) != (t->datapath->owners[port] == c->slot))
			return 0;
	return 1;
}

static int make_ports(const struct target *t, const struct item *it, struct err *e)
{
	const struct container *c = t->container;
	uint64_t *owners = t->datapath->owners;

	(void)it;
	(void)e;
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		if (owns(c, port))
			owners[port] = c->slot;
		else if (owners[port] == c->slot)
			owners[port] = 0;
	}
	return 0;
}

/* ---- the list of kinds ---- */

static const struct {
	const char *text; /* %s name, %s value, %u number, in this order as far as they are there */
	int (*check)(const struct target *t, const struct item *it, struct err *e);
	int (*make)(const struct target *t, const struct item *it, struct err *e);
} kinds[] = {
	[ITEM_VETH] = {"veth pair", check_veth, make_veth},
	[ITEM_UP] = {"link up", check_up, make_up},
	[ITEM_ADDRESS] = {"the host's address on", check_address, make_address},
	[ITEM_ROUTE] = {"default route through", check_route, make_route},
	[ITEM_SYSCTL] = {"sysctl", check_sysctl, make_sysctl},
	[ITEM_CLSACT] = {"clsact on", check_clsact, make_clsact},
	[ITEM_PROGRAM] = {"program on", check_program, make_program},
	[ITEM_HTB] = {"htb on", check_htb, make_htb},
	[ITEM_CLASS] = {"class on", check_class, make_class},
	[ITEM_NO_QDISC] = {"no htb on", check_no_qdisc, make_no_qdisc},
	[ITEM_NO_CLASS] = {"no class on", check_no_class, make_no_class},
	[ITEM_HOST] = {"the host in the port table", check_host, make_host},
	[ITEM_SLOT] = {"the container in the port table", check_slot, make_slot},
	[ITEM_PORTS] = {"its ports in the port table", check_ports, make_ports},
};

void item_text(const struct item *it, struct text *out)
{
	text_str(out, it->inside ? "container: " : "host: ");
	text_str(out, kinds[it->kind].text);
	if (it->name[0]) {
		text_char(out, ' ');
		text_str(out, it->name);
	}
	if (it->value[0])
		text_fmt(out, " = %s", it->value);
	if (it->kind == ITEM_UP)
		text_fmt(out, " mtu %u", it->number);
	if (it->kind == ITEM_PROGRAM)
		text_fmt(out, " %s", datapath_names[it->number]);
	if (it->kind == ITEM_CLASS || it->kind == ITEM_NO_CLASS)
		text_fmt(out, " 1:%x", it->number);
	if (it->kind == ITEM_CLASS)
		text_fmt(out, " rate %llu B/s", (unsigned long long)it->shape.rate);
}

int item_check(const struct target *t, const struct item *it, struct err *e)
{
	return kinds[it->kind].check(t, it, e);
}

int item_apply(const struct target *t, const struct item *it, struct err *e)
{
	return kinds[it->kind].make(t, it, e);
}
