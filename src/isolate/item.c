/* SPDX-License-Identifier: Apache-2.0 */
/* One thing of a plan: as text, looked up in the kernel, made. A kind is a row and two functions.
 */
#include "isolate/internal.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <sys/socket.h>

/* Behind the first, which others take, and in front of those of Mesos' isolator (258 to 1026):
 * these let nothing through to anybody behind, and we let through all that is not ours. */
#define FILTER_PRIORITY 200
#define FILTER_HANDLE	1

static struct net_socket *socket_of(struct target *t, const struct item *it)
{
	return it->inside ? t->inside : t->host->net;
}

/* As net_link_named. */
static int link_of(struct target *t, const struct item *it, struct net_link *l, struct err *e)
{
	for (unsigned k = 0; k < t->links_seen; k++)
		if (t->links[k].inside == it->inside && str_eq(t->links[k].link.name, it->name)) {
			*l = t->links[k].link;
			return 0;
		}
	int none = net_link_named(socket_of(t, it), it->name, l, e);
	if (!none && t->links_seen < LINKS_SEEN)
		t->links[t->links_seen++] = (struct seen_link){it->inside, *l};
	return none;
}

/* ---- links ---- */

static int check_veth(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;
	int none = link_of(t, it, &l, e);

	if (none)
		return MIN(none, 0);
	if (!str_eq(l.kind, "veth"))
		return err_set(e, ERR_FAILED, "%s is no veth", it->name);
	if (t->container) {
		t->container->entry.ifindex = l.ifindex;
		t->container->entry.inner = l.peer;
	}
	return 1;
}

static int make_veth(struct target *t, const struct item *it, struct err *e)
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

static int check_up(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	return l.flags & IFF_UP && l.mtu == it->number &&
	       (!it->mac || !memcmp(l.mac, t->host->eth.mac, sizeof(l.mac)));
}

static int make_up(struct target *t, const struct item *it, struct err *e)
{
	const uint8_t *mac = it->mac ? t->host->eth.mac : NULL;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	return net_link_set(socket_of(t, it), l.ifindex, true, it->number, mac, e);
}

/* ---- addresses, routes, sysctls ---- */

#define ADDRESSES_MAX 8u

struct looking {
	uint32_t ifindex;
	uint8_t family;
	struct net_address wanted[2]; /* of the host */
	bool found[2];
	unsigned wanted_count;
	struct net_address others[ADDRESSES_MAX]; /* of the interface, not wanted */
	unsigned other_count;
};

static bool same_address(const struct net_address *a, const struct net_address *b)
{
	return a->prefix == b->prefix && !memcmp(a->address, b->address, sizeof(a->address));
}

static void look_address(void *ctx, const struct net_address *a)
{
	struct looking *l = ctx;

	if (a->ifindex != l->ifindex || a->family != l->family)
		return;
	for (unsigned i = 0; i < l->wanted_count; i++)
		if (same_address(a, &l->wanted[i])) {
			l->found[i] = true;
			return;
		}
	if (l->other_count < ADDRESSES_MAX)
		l->others[l->other_count++] = *a;
}

static int look_for_addresses(struct target *t, const struct item *it, struct looking *look,
			      struct err *e)
{
	const struct host *h = t->host;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	*look = (struct looking){.ifindex = l.ifindex, .family = (uint8_t)it->number};
	look->wanted[look->wanted_count++] = it->number == AF_INET6 ? h->address6 : h->address;
	if (it->number == AF_INET6 && h->link_local.ifindex)
		look->wanted[look->wanted_count++] = h->link_local;
	for (unsigned i = 0; i < look->wanted_count; i++)
		look->wanted[i].ifindex = l.ifindex;
	return net_addresses(socket_of(t, it), look_address, look, e);
}

static int check_address(struct target *t, const struct item *it, struct err *e)
{
	struct looking look;

	if (look_for_addresses(t, it, &look, e))
		return -1;
	return look.found[0] && (look.wanted_count < 2 || look.found[1]) && !look.other_count;
}

/* The new ones first: without any the routes would go too. */
static int make_address(struct target *t, const struct item *it, struct err *e)
{
	struct looking look;

	if (look_for_addresses(t, it, &look, e))
		return -1;
	for (unsigned i = 0; i < look.wanted_count; i++)
		if (!look.found[i] && net_address_add(socket_of(t, it), &look.wanted[i], e))
			return -1;
	for (unsigned i = 0; i < look.other_count; i++)
		if (net_address_delete(socket_of(t, it), &look.others[i], e))
			return -1;
	return 0;
}

static const struct net_gateway *gateway_of(struct target *t, const struct item *it)
{
	return it->number == AF_INET6 ? &t->host->gateway6 : &t->host->gateway;
}

static int check_route(struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	int none = net_default_route(socket_of(t, it), (uint8_t)it->number, &g, e);
	if (none)
		return MIN(none, 0);
	return g.ifindex == l.ifindex &&
	       !memcmp(g.address, gateway_of(t, it)->address, sizeof(g.address));
}

static int make_route(struct target *t, const struct item *it, struct err *e)
{
	struct net_gateway g = *gateway_of(t, it);
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	g.ifindex = l.ifindex;
	return net_default_route_add(socket_of(t, it), &g, e);
}

static int check_sysctl(struct target *t, const struct item *it, struct err *e)
{
	char have[64];

	return sysctl_read(t, it, have, sizeof(have), e) ? -1 : str_eq(have, it->value);
}

static int make_sysctl(struct target *t, const struct item *it, struct err *e)
{
	return sysctl_write(t, it, it->value, e);
}

/* ---- programs ---- */

/* A plain "ingress" qdisc takes our filters as clsact does. */
static int check_clsact(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	int none = net_qdisc_at(socket_of(t, it), l.ifindex, NET_TC_CLSACT, &q, e);
	return none < 0 ? -1 : !none;
}

static int make_clsact(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e) ? -1 : net_clsact_add(socket_of(t, it), l.ifindex, NULL, e);
}

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

	if (link_of(t, it, &l, e))
		return -1;
	struct net_bpf_filter wanted = filter_of(t, it, l.ifindex);
	struct finding w = {.classid = wanted.classid,
			    .program_id = t->datapath->program_id[it->number]};
	if (net_filters(socket_of(t, it), l.ifindex, NET_TC_INGRESS, find_program, &w, e))
		return -1;
	return w.found;
}

static int make_program(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	const struct net_bpf_filter f = filter_of(t, it, l.ifindex);
	return net_bpf_filter_set(socket_of(t, it), &f, NULL, e);
}

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

	if (link_of(t, it, &l, e) ||
	    net_filters(socket_of(t, it), l.ifindex, NET_TC_INGRESS, find_front, &found, e))
		return -1;
	return !found;
}

/* ---- shaping ---- */

static int check_htb(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (link_of(t, it, &l, e) ||
	    net_qdisc_at(socket_of(t, it), l.ifindex, NET_TC_ROOT, &q, e) < 0)
		return -1;
	return q.handle == TC_H_MAKE(1u << 16, 0) && str_eq(q.kind, "htb");
}

static int make_htb(struct target *t, const struct item *it, struct err *e)
{
	struct net_socket *s = socket_of(t, it);
	struct net_qdisc q;
	struct net_link l;

	if (link_of(t, it, &l, e) || net_qdisc_at(s, l.ifindex, NET_TC_ROOT, &q, e) < 0)
		return -1;
	/* The link is ours: what somebody put there is in the way. A default has no handle. */
	if (q.handle && net_qdisc_delete(s, l.ifindex, NET_TC_ROOT, NULL, e))
		return -1;
	return net_htb_add(s, l.ifindex, it->number, NULL, e);
}

static int check_no_qdisc(struct target *t, const struct item *it, struct err *e)
{
	int has = check_htb(t, it, e);

	return has < 0 ? has : !has;
}

static int make_no_qdisc(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_qdisc_delete(socket_of(t, it), l.ifindex, NET_TC_ROOT, NULL, e);
}

static bool about(uint64_t a, uint64_t b) /* what a tick of HTB rounds away */
{
	return a > b ? a - b <= a / 64 + 64 : b - a <= b / 64 + 64;
}

/* 0 found, 1 none, -1. */
static int class_of(struct target *t, const struct item *it, struct net_link *l,
		    struct net_htb_class *c, struct err *e)
{
	if (link_of(t, it, l, e))
		return -1;
	return net_htb_class_get(socket_of(t, it), l->ifindex, 1u << 16 | it->number, c, e);
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

	if (link_of(t, it, &l, e))
		return -1;
	const struct net_htb_class c = {
		.ifindex = l.ifindex,
		.parent = 1u << 16,
		.handle = 1u << 16 | it->number,
		.rate = it->shape.rate,
		.ceil = it->shape.ceil,
		.burst = it->shape.burst,
	};
	return net_htb_class_set(socket_of(t, it), &c, e);
}

/* Below a class stands a queue of the kernel's own, without a handle, until there is another. */
static int check_leaf(struct target *t, const struct item *it, struct err *e)
{
	struct net_qdisc q;
	struct net_link l;

	if (link_of(t, it, &l, e))
		return -1;
	int none = net_qdisc_at(socket_of(t, it), l.ifindex, 1u << 16 | it->number, &q, e);
	if (none)
		return MIN(none, 0);
	return q.handle && (str_eq(q.kind, "fq_codel") || str_eq(q.kind, "pfifo"));
}

static int make_leaf(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;
	const char *kind;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_leaf_add(socket_of(t, it), l.ifindex, 1u << 16 | it->number, &kind, e);
}

static int check_no_class(struct target *t, const struct item *it, struct err *e)
{
	struct net_htb_class c;
	struct net_link l;
	int none = link_of(t, it, &l, e);

	if (none)
		return none; /* no shaper at all */
	return class_of(t, it, &l, &c, e);
}

static int make_no_class(struct target *t, const struct item *it, struct err *e)
{
	struct net_link l;

	return link_of(t, it, &l, e)
		       ? -1
		       : net_class_delete(socket_of(t, it), l.ifindex, 1u << 16 | it->number, e);
}

/* 0 something is there, 1 nothing, -1. */
static int flows_of(struct target *t, const struct item *it, struct net_link *l,
		    struct net_qdisc *q, struct err *e)
{
	if (link_of(t, it, l, e))
		return -1;
	return net_qdisc_at(socket_of(t, it), l->ifindex, it->number ? it->number : NET_TC_ROOT, q,
			    e);
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
	return net_fq_codel_add(socket_of(t, it), l.ifindex, it->number ? it->number : NET_TC_ROOT,
				flow_handle(it->number), NULL, e);
}

/* ---- entries of the maps ---- */

static int host_entry(struct target *t, struct dp_host *out, struct err *e)
{
	struct dp_host h = {.eth = t->host->eth.ifindex, .lo = t->host->lo.ifindex};
	struct net_link shaper;
	int none = net_link_named(t->host->net, SHAPER_IN, &shaper, e);

	if (none < 0)
		return -1;
	if (!none)
		h.shaper = shaper.ifindex;
	memcpy(&h.ip, t->host->address.address, sizeof(h.ip));
	memcpy(&h.ip6, t->host->address6.address, sizeof(h.ip6));
	memcpy(&h.link_local, t->host->link_local.address, sizeof(h.link_local));
	memcpy(h.mac, t->host->eth.mac, sizeof(h.mac));
	*out = h;
	return 0;
}

static int check_host(struct target *t, const struct item *it, struct err *e)
{
	struct dp_host h;

	(void)it;
	return host_entry(t, &h, e) ? -1 : !memcmp(t->datapath->host, &h, sizeof(h));
}

static int make_host(struct target *t, const struct item *it, struct err *e)
{
	(void)it;
	return host_entry(t, t->datapath->host, e);
}

static int check_slot(struct target *t, const struct item *it, struct err *e)
{
	const struct container *c = t->container;

	(void)it;
	(void)e;
	return !memcmp(&t->datapath->kernel.containers[c->slot], &c->entry, sizeof(c->entry));
}

static int make_slot(struct target *t, const struct item *it, struct err *e)
{
	(void)it;
	(void)e;
	datapath_put(t->datapath, t->container->slot, &t->container->entry);
	return 0;
}

static void wanted_ports(const struct container *c, struct port_set *out)
{
	*out = c->ports;
	port_set_add(out, c->entry.ephemeral_begin, c->entry.ephemeral_end);
}

static int check_ports(struct target *t, const struct item *it, struct err *e)
{
	struct port_set wanted, have;

	(void)it;
	(void)e;
	wanted_ports(t->container, &wanted);
	datapath_owned(t->datapath->kernel.owners, t->container->slot, &have);
	return !memcmp(&wanted, &have, sizeof(have));
}

static int make_ports(struct target *t, const struct item *it, struct err *e)
{
	const struct container *c = t->container;
	const struct table *kernel = &t->datapath->kernel;
	struct port_set wanted;

	(void)it;
	(void)e;
	wanted_ports(c, &wanted);
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		if (port_set_has(&wanted, port))
			datapath_give(t->datapath, port, c->slot);
		else if (kernel->owners[port] == c->slot)
			datapath_give(t->datapath, port, 0);
	}
	return 0;
}

/* ---- the list of kinds ---- */

static const struct {
	const char *text; /* %s name, %s value, %u number, in this order as far as they are there */
	int (*check)(struct target *t, const struct item *it, struct err *e);
	/* NULL: that is for somebody else to do. */
	int (*make)(struct target *t, const struct item *it, struct err *e);
} kinds[] = {
	[ITEM_VETH] = {"veth pair", check_veth, make_veth},
	[ITEM_UP] = {"link up", check_up, make_up},
	[ITEM_ADDRESS] = {"the host's address on", check_address, make_address},
	[ITEM_ROUTE] = {"default route through", check_route, make_route},
	[ITEM_SYSCTL] = {"sysctl", check_sysctl, make_sysctl},
	[ITEM_CLSACT] = {"clsact on", check_clsact, make_clsact},
	[ITEM_FIRST] = {"nothing in front on", check_first, NULL},
	[ITEM_PROGRAM] = {"program on", check_program, make_program},
	[ITEM_HTB] = {"htb on", check_htb, make_htb},
	[ITEM_CLASS] = {"class on", check_class, make_class},
	[ITEM_LEAF] = {"queue of the class on", check_leaf, make_leaf},
	[ITEM_NO_QDISC] = {"no htb on", check_no_qdisc, make_no_qdisc},
	[ITEM_NO_CLASS] = {"no class on", check_no_class, make_no_class},
	[ITEM_FLOWS] = {"fq_codel on", check_flows, make_flows},
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
	if (it->number == AF_INET6 && (it->kind == ITEM_ADDRESS || it->kind == ITEM_ROUTE))
		text_str(out, " (IPv6)");
	if (it->kind == ITEM_UP)
		text_fmt(out, " mtu %u", it->number);
	if (it->kind == ITEM_PROGRAM)
		text_fmt(out, " %s", datapath_names[it->number]);
	if (it->kind == ITEM_CLASS || it->kind == ITEM_LEAF || it->kind == ITEM_NO_CLASS)
		text_fmt(out, " 1:%x", it->number);
	if (it->kind == ITEM_CLASS)
		text_fmt(out, " rate %llu B/s", (unsigned long long)it->shape.rate);
}

int item_check(struct target *t, const struct item *it, struct err *e)
{
	return kinds[it->kind].check(t, it, e);
}

bool item_is_ours(const struct item *it)
{
	return kinds[it->kind].make;
}

int item_apply(struct target *t, const struct item *it, struct err *e)
{
	t->links_seen = 0;
	int status = kinds[it->kind].make(t, it, e);
	t->links_seen = 0;
	return status;
}

/* ---- as it was before ---- */

int item_remember(struct target *t, const struct item *it, struct before *b, struct err *e)
{
	struct net_link l;

	if (!it->inside)
		return 0;
	if (it->kind == ITEM_SYSCTL)
		return sysctl_read(t, it, b->value, sizeof(b->value), e);
	if (it->kind == ITEM_UP) {
		if (link_of(t, it, &l, e))
			return -1;
		b->mtu = l.mtu;
		b->flags = l.flags;
	}
	return 0;
}

void item_take_back(struct target *t, const struct item *it, const struct before *b)
{
	struct net_socket *s = socket_of(t, it);
	struct net_link l;

	if (!it->inside)
		return;
	if (it->kind == ITEM_SYSCTL)
		sysctl_write(t, it, b->value, NULL);
	if (it->kind == ITEM_UP && !link_of(t, it, &l, NULL))
		net_link_set(s, l.ifindex, b->flags & IFF_UP, b->mtu, NULL, NULL);
	if (it->kind == ITEM_CLSACT && !link_of(t, it, &l, NULL))
		net_qdisc_delete(s, l.ifindex, NET_TC_CLSACT, NULL, NULL);
	t->links_seen = 0;
}
