/* SPDX-License-Identifier: Apache-2.0 */
/* One thing of a plan: as text, looked up in the kernel, made; and the list of their kinds. */
#include "isolate/item.h"

#include <linux/if.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <sys/socket.h>

int item_link(struct target *t, const struct item *it, struct net_link *l, struct err *e)
{
	struct seen_link *seen = t->links;
	struct net_socket *s = item_socket(t, it);

	for (; seen < t->links + t->links_seen; seen++)
		if (seen->inside == it->inside && str_eq(seen->name, it->name)) {
			*l = seen->link;
			return 0;
		}
	int none = item_is_of_interface(t, it) ? net_link_get(s, t->container->entry.inner, l, e)
					       : net_link_named(s, it->name, l, e);
	if (!none && t->links_seen < LINKS_SEEN) {
		*seen = (struct seen_link){.inside = it->inside, .link = *l};
		snprintf(seen->name, sizeof(seen->name), "%s", it->name);
		t->links_seen++;
	}
	return none;
}

static const struct item_ops *const kinds[] = {
	[ITEM_VETH] = &item_veth,	  [ITEM_UP] = &item_up,
	[ITEM_ADDRESS] = &item_address,	  [ITEM_ROUTE] = &item_route,
	[ITEM_SYSCTL] = &item_sysctl,	  [ITEM_CLSACT] = &item_clsact,
	[ITEM_INGRESS] = &item_ingress,	  [ITEM_FIRST] = &item_first,
	[ITEM_PROGRAM] = &item_program,	  [ITEM_HTB] = &item_htb,
	[ITEM_CLASS] = &item_class,	  [ITEM_LEAF] = &item_leaf,
	[ITEM_NO_QDISC] = &item_no_qdisc, [ITEM_NO_CLASS] = &item_no_class,
	[ITEM_FLOWS] = &item_flows,	  [ITEM_HOST] = &item_host,
	[ITEM_SLOT] = &item_slot,	  [ITEM_PORTS] = &item_ports,
};

void item_text(const struct item *it, struct text *out)
{
	text_str(out, it->inside ? "container: " : "host: ");
	text_str(out, kinds[it->kind]->text);
	if (it->dir)
		text_fmt(out, " %s/", it->dir);
	else if (it->name[0])
		text_char(out, ' ');
	text_str(out, it->name);
	if (it->key)
		text_fmt(out, "/%s", it->key);
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
	return kinds[it->kind]->check(t, it, e);
}

bool item_is_ours(const struct item *it)
{
	return kinds[it->kind]->make;
}

bool item_follows_host(const struct item *it)
{
	return kinds[it->kind]->of_host;
}

int item_apply(struct target *t, const struct item *it, struct err *e)
{
	int status = kinds[it->kind]->make(t, it, e);
	if (it->kind == ITEM_VETH || it->kind == ITEM_UP)
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
		if (item_link(t, it, &l, e))
			return -1;
		b->mtu = l.mtu;
		b->flags = l.flags;
	}
	return 0;
}

void item_take_back(struct target *t, const struct item *it, const struct before *b)
{
	struct net_socket *s = item_socket(t, it);
	struct net_link l;

	if (!it->inside)
		return;
	if (it->kind == ITEM_SYSCTL)
		sysctl_write(t, it, b->value, NULL);
	if (it->kind == ITEM_UP && !item_link(t, it, &l, NULL))
		net_link_set(s, l.ifindex, b->flags & IFF_UP, b->mtu, NULL, NULL);
	if (it->kind == ITEM_INGRESS && !item_link(t, it, &l, NULL))
		net_qdisc_delete(s, l.ifindex, NET_TC_CLSACT, NULL, NULL);
	t->links_seen = 0;
}
