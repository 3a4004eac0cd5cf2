/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/internal.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* Not yet, not long, or not any more. */
#define PASSING (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_TEMPORARY | IFA_F_DEPRECATED)

static void take_address(void *ctx, const struct net_address *a)
{
	struct host *h = ctx;

	if (a->ifindex != h->eth.ifindex)
		return;
	if (a->family == AF_INET && !h->address.ifindex)
		h->address = *a;
	if (a->family != AF_INET6 || !h->ip6_wanted || a->flags & PASSING)
		return;
	if (a->scope == RT_SCOPE_UNIVERSE && !h->address6.ifindex)
		h->address6 = *a;
	if (a->scope == RT_SCOPE_LINK && !h->link_local.ifindex)
		h->link_local = *a;
}

static int look(struct host *h, struct err *e)
{
	static const uint8_t none[6];

	h->address = h->address6 = h->link_local = (struct net_address){0};
	h->gateway6 = (struct net_gateway){0};
	if (net_default_route(h->net, AF_INET, &h->gateway, e))
		return err_wrap(e, "no gateway");
	if (net_link_named(h->net, h->lo_name ? h->lo_name : "lo", &h->lo, e))
		return err_wrap(e, "no loopback");
	if (h->eth_name ? net_link_named(h->net, h->eth_name, &h->eth, e)
			: net_link_get(h->net, h->gateway.ifindex, &h->eth, e))
		return err_wrap(e, "no public interface");
	if (net_addresses(h->net, h->eth.ifindex, take_address, h, e))
		return -1;
	if (!h->address.ifindex)
		return err_set(e, ERR_FAILED, "%s has no IPv4 address", h->eth.name);
	if (!h->eth.has_mac || !memcmp(h->eth.mac, none, sizeof(none)))
		return err_set(e, ERR_FAILED, "%s has no Ethernet address", h->eth.name);
	/* Without a default route: IPv6 among neighbours only. */
	if (h->address6.ifindex && net_default_route(h->net, AF_INET6, &h->gateway6, e) < 0)
		return -1;
	return 0;
}

int host_open(struct host *h, const char *eth, const char *lo, bool ip6, struct err *e)
{
	char off[8];

	*h = (struct host){.net = net_open(-1, e), .eth_name = eth, .lo_name = lo};
	h->sysctls = net_sysctls_open(-1, e);
	h->diag = net_open_diag(-1, NULL);
	h->ip6_kernel = !net_sysctl_read(-1, "ipv6/conf/all/disable_ipv6", off, sizeof(off), NULL);
	h->ip6_wanted = ip6 && h->ip6_kernel;
	if (h->net && h->sysctls && !look(h, e))
		return 0;
	host_close(h);
	return -1;
}

/* ---- what became otherwise ---- */

static void say(struct text *out, const char *what)
{
	text_fmt(out, "%s%s ", out->len ? ", " : "", what);
}

/* ifindex: of the link that has it, 0 = there is none. */
static void say_ip(struct text *out, uint32_t ifindex, uint8_t family, const uint8_t *address)
{
	if (!ifindex)
		text_str(out, "none");
	else if (family == AF_INET)
		text_ipv4(out, address);
	else
		text_ipv6(out, address);
}

static void say_address(struct text *out, const char *what, const struct net_address *was,
			const struct net_address *is)
{
	if (!memcmp(was->address, is->address, sizeof(is->address)) && was->prefix == is->prefix)
		return;
	say(out, what);
	say_ip(out, is->ifindex, is->family, is->address);
	if (is->ifindex)
		text_fmt(out, "/%u", is->prefix);
}

static void say_gateway(struct text *out, const char *what, const struct net_gateway *was,
			const struct net_gateway *is)
{
	if (!memcmp(was->address, is->address, sizeof(is->address)) && was->ifindex == is->ifindex)
		return;
	say(out, what);
	say_ip(out, is->ifindex, is->family, is->address);
}

static void say_changed(struct text *out, const struct host *was, const struct host *is)
{
	if (!str_eq(was->eth.name, is->eth.name) || was->eth.ifindex != is->eth.ifindex) {
		say(out, "interface");
		text_str(out, is->eth.name);
	}
	if (memcmp(was->eth.mac, is->eth.mac, sizeof(is->eth.mac))) {
		say(out, "Ethernet address");
		text_mac(out, is->eth.mac);
	}
	if (was->eth.mtu != is->eth.mtu) {
		say(out, "MTU");
		text_fmt(out, "%u", is->eth.mtu);
	}
	say_address(out, "address", &was->address, &is->address);
	say_gateway(out, "gateway", &was->gateway, &is->gateway);
	say_address(out, "IPv6 address", &was->address6, &is->address6);
	say_address(out, "link-local address", &was->link_local, &is->link_local);
	say_gateway(out, "IPv6 gateway", &was->gateway6, &is->gateway6);
}

int host_refresh(struct host *h, struct text *changed, struct err *e)
{
	struct host fresh = *h;

	if (look(&fresh, e))
		return -1;
	say_changed(changed, h, &fresh);
	*h = fresh;
	return 0;
}

static void take_listener(void *ctx, const struct net_sock *k)
{
	port_set_add(ctx, k->local_port, k->local_port);
}

void host_listening(const struct host *h, struct port_set *out)
{
	*out = (struct port_set){0};
	if (h->diag)
		net_listeners(h->diag, take_listener, out, NULL);
	port_set_remove(out, 0, 0);
}

void host_close(struct host *h)
{
	net_close(h->net);
	net_close(h->diag);
	net_sysctls_close(h->sysctls);
	h->net = h->diag = NULL;
	h->sysctls = NULL;
}
