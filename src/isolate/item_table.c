/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a plan: entries of the port table. */
#include "isolate/item.h"

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

const struct item_ops item_host = {"the host in the port table", check_host, make_host, true};

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

const struct item_ops item_slot = {"the container in the port table", check_slot, make_slot, false};

static int check_ports(struct target *t, const struct item *it, struct err *e)
{
	struct port_set wanted, have;

	(void)it;
	(void)e;
	container_ports(t->container, &wanted);
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
	container_ports(c, &wanted);
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		if (port_set_has(&wanted, port))
			datapath_give(t->datapath, port, c->slot);
		else if (kernel->owners[port] == c->slot)
			datapath_give(t->datapath, port, 0);
	}
	return 0;
}

const struct item_ops item_ports = {"its ports in the port table", check_ports, make_ports, false};
