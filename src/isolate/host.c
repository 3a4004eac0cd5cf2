/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/internal.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

static void take_address(void *ctx, const struct net_address *a)
{
	struct host *h = ctx;

	if (!h->address.ifindex && a->ifindex == h->eth.ifindex && a->family == AF_INET)
		h->address = *a;
}

static int look(struct host *h, struct err *e)
{
	static const uint8_t none[6];

	h->address = (struct net_address){0};
	if (net_default_route(h->net, &h->gateway, e) ||
	    net_link_named(h->net, h->lo_name ? h->lo_name : "lo", &h->lo, e))
		return -1;
	if (h->eth_name ? net_link_named(h->net, h->eth_name, &h->eth, e)
			: net_link_get(h->net, h->gateway.ifindex, &h->eth, e))
		return -1;
	if (net_addresses(h->net, take_address, h, e))
		return -1;
	if (!h->address.ifindex)
		return err_set(e, ERR_FAILED, "%s has no IPv4 address", h->eth.name);
	if (!h->eth.has_mac || !memcmp(h->eth.mac, none, sizeof(none)))
		return err_set(e, ERR_FAILED, "%s has no Ethernet address", h->eth.name);
	return 0;
}

int host_open(struct host *h, const char *eth, const char *lo, struct err *e)
{
	*h = (struct host){.net = net_open(-1, e), .eth_name = eth, .lo_name = lo};
	if (h->net && !look(h, e))
		return 0;
	host_close(h);
	return -1;
}

int host_refresh(struct host *h, struct err *e)
{
	struct host fresh = *h;

	if (look(&fresh, e))
		return -1;
	*h = fresh;
	return 0;
}

void host_close(struct host *h)
{
	net_close(h->net);
	h->net = NULL;
}
