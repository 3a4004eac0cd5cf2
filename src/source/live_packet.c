/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live.h"
#include "packet/packet.h"

#include <stdlib.h>

/* How much may wait for the next socket table; beyond that, packets go on as they are. */
#define HELD_BYTES (1u << 20)

struct sight {
	struct live *l;
	const struct ring_packet *p;
	const struct live_link *link;
	struct packet decoded;
	bool is_decoded, missed; /* missed: an end is in no socket table yet */
	bool twice;		 /* another sight of it comes, or came */
	uint32_t weight;
};

uint64_t live_address_key(const uint8_t *address, unsigned n)
{
	uint64_t a, b;

	if (n == 4)
		return 1ull << 32 | load_le32(address);
	memcpy(&a, address, 8);
	memcpy(&b, address + 8, 8);
	return hash_u64(a ^ hash_u64(b)) | 1ull << 63;
}

static const struct packet_layer *decode(struct sight *s)
{
	if (!s->is_decoded) {
		packet_decode(&s->decoded, s->link->raw ? LINKTYPE_RAW : LINKTYPE_ETHERNET,
			      s->p->data, s->p->caplen, s->p->len);
		s->is_decoded = true;
	}
	return &s->decoded.layer[0];
}

static int deliver(struct sight *s, struct live_iface *i, uint32_t direction)
{
	const struct ring_packet *p = s->p;
	struct live *l = s->l;

	if (i->container)
		i->container->packets++;
	if (!live_in_query(l, EVENT_PACKET, p->ts))
		return 0;
	uint32_t caplen = l->o.snaplen ? MIN(p->caplen, l->o.snaplen) : p->caplen;
	struct event ev = {.ts = p->ts,
			   .data = p->data,
			   .caplen = caplen,
			   .len = p->len,
			   .iface = i->number,
			   .container = CONTAINER_NONE,
			   .type = EVENT_PACKET,
			   .flags = p->flags | direction,
			   .weight = s->weight,
			   .packet_id = s->twice ? PACKET_ID_OF_BYTES : 0};
	l->stats.delivered++;
	l->stats.sampled_out += s->weight - 1;
	return l->sink->event(l->sink->ctx, &ev);
}

/* ---- on the host's own network: whose socket is it? ---- */

static struct live_container *socket_owner(struct sight *s, bool local_is_source)
{
	const struct packet_layer *layer = decode(s);
	const uint8_t *address = local_is_source ? layer->src : layer->dst;
	uint16_t port = local_is_source ? layer->sport : layer->dport;
	unsigned n = layer->has & PACKET_IP4 ? 4 : 16;
	struct live *l = s->l;

	if (!(layer->has & PACKET_PORTS) || !(layer->has & (PACKET_IP4 | PACKET_IP6)) ||
	    !l->sockets)
		return NULL;
	bool many = n == 4 ? address[0] >= 224 : address[0] == 0xff; /* multicast, broadcast */
	bool loop = n == 4 && address[0] == 127;
	/* Packets that the host only forwards have ports of others. */
	if (!loop && !(many && !local_is_source) &&
	    !idmap_find(&l->host_addresses, live_address_key(address, n)))
		return NULL;
	const struct socket_entry *e = socket_table_find(l->sockets, layer->proto, address, n,
							 port);
	if (!e) {
		s->missed = l->ask_sockets = true;
		return NULL;
	}
	return e->container ? idmap_find(&l->containers, e->container) : NULL;
}

static int deliver_host(struct sight *s, struct live_container *c, uint32_t direction)
{
	struct live_iface *i = live_who_host_iface(s->l, c, s->link);

	return i ? deliver(s, i, direction) : 1;
}

/*
 * A socket that was opened a moment ago is not in the table. Its packets wait for the next one
 * rather than being lost. False: there is no more waiting.
 */
static bool hold(struct live *l, const struct ring_packet *p)
{
	struct live_held *h = &l->held;

	if (h->releasing || HELD_BYTES - h->used < p->caplen)
		return false;
	if (!h->bytes)
		h->bytes = xmalloc(HELD_BYTES);
	GROW(h->packets, h->n, h->cap);
	struct ring_packet *to = &h->packets[h->n++];
	*to = *p;
	to->data = h->bytes + h->used;
	memcpy(to->data, p->data, p->caplen);
	h->used += p->caplen;
	return true;
}

int live_packet_release(struct live *l, uint64_t upto)
{
	struct live_held *h = &l->held;
	size_t done = 0;
	int rc = 0;

	h->releasing = true;
	while (done < h->n && !rc && h->packets[done].ts <= upto)
		rc = live_packet(l, &h->packets[done++]);
	h->releasing = false;
	h->n -= done;
	if (h->n && done)
		memmove(h->packets, h->packets + done, h->n * sizeof(*h->packets));
	/* The bytes of those that stay are not moved: all is free again once nobody waits. */
	if (!h->n)
		h->used = 0;
	return rc;
}

void live_packet_close(struct live *l)
{
	free(l->held.packets);
	free(l->held.bytes);
}

/* Loopback shows a packet once, as received, though both of its ends are here. */
static int loopback_packet(struct sight *s)
{
	struct live_container *from = socket_owner(s, true), *to = socket_owner(s, false);
	int rc = 0;

	if (s->missed && hold(s->l, s->p))
		return 0;
	if (from && to && from != to)
		s->twice = true;
	if (from)
		rc = deliver_host(s, from, EVENT_OUT);
	if (!rc && to && to != from)
		rc = deliver_host(s, to, EVENT_IN);
	return rc;
}

/* ---- on a container's own interface ---- */

/* The other end's address, for a quick look before anything is decoded; NULL = not IP. */
static const uint8_t *other_end(const struct sight *s, bool out, unsigned *n)
{
	const struct ring_packet *p = s->p;
	uint32_t l3 = s->link->raw ? 0 : p->tagged ? 18 : 14;

	if (p->caplen < l3 + 20)
		return NULL;
	const uint8_t *ip = p->data + l3;
	uint16_t type = s->link->raw ? 0 : load_be16(ip - 2);
	if (type == 0x0800 || (!type && ip[0] >> 4 == 4)) {
		*n = 4;
		return ip + (out ? 16 : 12);
	}
	if ((type == 0x86dd || (!type && ip[0] >> 4 == 6)) && p->caplen >= l3 + 40) {
		*n = 16;
		return ip + (out ? 24 : 8);
	}
	return NULL;
}

static int container_packet(struct sight *s, struct live_iface *i)
{
	struct live *l = s->l;
	bool out = !s->p->outgoing; /* what the host receives, the container has sent */
	struct live_container *host = NULL;
	unsigned n = 0;
	const uint8_t *other = other_end(s, out, &n);

	if (other) {
		uint64_t key = live_address_key(other, n);
		/* Its address is not known before its name; the receiver's sight of this packet
		 * comes next and has to be told from a packet seen once. */
		if (out && !i->container)
			idmap_put(&l->addresses, live_address_key(other_end(s, false, &n), n), i);
		const struct live_iface *at = idmap_find(&l->addresses, key);

		if (at && at != i)
			s->twice = true;
		else if (l->host_containers && idmap_find(&l->host_addresses, key))
			host = socket_owner(s, !out);
	}
	if (s->missed && hold(l, s->p))
		return 0;
	if (host)
		s->twice = true;
	/* A bridge shows the host's side as well; without one this is the only sight. */
	int rc = 0;
	bool sender_first = host && !s->link->bridged;
	if (sender_first && !out)
		rc = deliver_host(s, host, EVENT_OUT);
	if (!rc)
		rc = deliver(s, i, out ? EVENT_OUT : EVENT_IN);
	if (!rc && sender_first && out)
		rc = deliver_host(s, host, EVENT_IN);
	return rc;
}

/* A host interface that belongs to no container, watched for those on the host's network. */
static int host_packet(struct sight *s)
{
	bool out = s->p->outgoing;
	struct live_container *c = socket_owner(s, out);
	unsigned n = 0;

	if (s->missed && hold(s->l, s->p))
		return 0;
	if (!c)
		return 0;
	const uint8_t *other = other_end(s, out, &n);
	if (other && idmap_find(&s->l->addresses, live_address_key(other, n)))
		s->twice = true;
	return deliver_host(s, c, out ? EVENT_OUT : EVENT_IN);
}

int live_packet(void *live, const struct ring_packet *p)
{
	struct live *l = live;
	struct live_link *link = idmap_find(&l->links, p->ifindex);

	if (!link)
		return 0;
	struct sight s;
	s.l = l;
	s.p = p;
	s.link = link;
	s.is_decoded = s.missed = s.twice = false;
	s.weight = 1;
	if (l->o.sample > 1) {
		uint32_t skip = p->tagged ? 4 : 0; /* the kernel decided before the tag was back */
		if (bpf_is_sampled(p->data + skip, p->caplen - skip, link->raw))
			s.weight = l->o.sample;
	}
	struct live_iface *i = link->iface;
	if (!i && (link->provisional || link->asked) && !(i = live_who_stranger(l, link)))
		return 1;
	if (i && (i->container || link->provisional))
		return container_packet(&s, i);
	if (i && link->asked) {
		int rc = deliver(&s, i, p->outgoing ? EVENT_OUT : EVENT_IN);
		if (rc || !l->host_containers)
			return rc;
	}
	return link->loopback ? loopback_packet(&s) : host_packet(&s);
}
