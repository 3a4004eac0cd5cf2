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

static int find_links(struct host *h, const char *eth, const char *lo, struct err *e)
{
	if (net_link_named(h->net, lo ? lo : "lo", &h->lo, e))
		return -1;
	if (eth)
		return net_link_named(h->net, eth, &h->eth, e);
	return net_link_get(h->net, h->gateway.ifindex, &h->eth, e);
}

int host_open(struct host *h, const char *eth, const char *lo, struct err *e)
{
	static const uint8_t none[6];

	*h = (struct host){.net = net_open(-1, e)};
	if (!h->net)
		return -1;
	if (net_default_route(h->net, &h->gateway, e) || find_links(h, eth, lo, e) ||
	    net_addresses(h->net, take_address, h, e))
		goto fail;
	if (!h->address.ifindex) {
		err_set(e, ERR_FAILED, "%s has no IPv4 address", h->eth.name);
		goto fail;
	}
	if (!h->eth.has_mac || !memcmp(h->eth.mac, none, sizeof(none))) {
		err_set(e, ERR_FAILED, "%s has no Ethernet address", h->eth.name);
		goto fail;
	}
	return 0;
fail:
	host_close(h);
	return -1;
}

void host_close(struct host *h)
{
	net_close(h->net);
	h->net = NULL;
}
