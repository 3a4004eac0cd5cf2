/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: link type; second: how far the length on the wire goes beyond the captured bytes;
 * the rest is the packet. It passes twice through the conversations, the second time reversed. */
#include "packet/packet.h"
#include "state/flows.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t linktypes[] = {
	LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_RAW,
	LINKTYPE_NULL,	   LINKTYPE_IPV4,      LINKTYPE_IPV6,	    9999,
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_layer(const struct packet *p, const struct packet_layer *l)
{
	uint32_t ip = l->has & PACKET_IP4 ? 20 : l->has & PACKET_IP6 ? 40 : 0;

	require(l->payload <= p->caplen);
	require(l->payload_len <= p->len);
	require((uint64_t)l->payload + l->payload_len <= p->len);
	if (ip)
		require(l->l3 + ip <= p->caplen && l->src > p->data);
	if (l->has & PACKET_TCP)
		require(l->l4 + 20 <= p->caplen && l->has & PACKET_PORTS);
	if (l->has & PACKET_UDP)
		require(l->l4 + 8 <= p->caplen && l->has & PACKET_PORTS);
	if (l->has & (PACKET_ICMP | PACKET_ICMP6))
		require(l->l4 + 4 <= p->caplen);
	if (l->has & PACKET_ARP)
		require(l->l3 + 28 <= p->caplen && l->dst + 4 <= p->data + p->caplen);
	if (l->has & PACKET_FRAG)
		require(!(l->has & (PACKET_TCP | PACKET_UDP | PACKET_PORTS)));
}

/* What is kept of it says what the whole packet says. */
static void check_kept(enum packet_depth depth, uint32_t linktype, const struct packet *whole,
		       const struct text *line)
{
	static struct text t;
	uint32_t n = packet_kept(depth, linktype, whole->data, whole->caplen, whole->len);
	struct flow_facts facts[2];
	struct packet p;

	require(n <= whole->caplen);
	uint8_t *bytes = xmalloc(n + !n);
	memcpy(bytes, whole->data, n);
	packet_decode(&p, linktype, bytes, n, whole->len);
	require(p.layers == whole->layers && packet_id(&p) == packet_id(whole));
	require(packet_inner(&p)->has == packet_inner(whole)->has);
	text_reset(&t);
	packet_info(&p, &t);
	require(depth == PACKET_HEADERS ||
		(t.len == line->len && memcmp(t.data, line->data, t.len) == 0));
	for (unsigned i = 0; i < 2; i++) {
		struct flows *f = flows_new(16, true);
		flows_packet(f, 1000, 0, false, i ? whole : &p, &facts[i]);
		flows_free(f);
	}
	require(memcmp(&facts[0], &facts[1], sizeof(facts[0])) == 0);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct text t;
	struct flow_facts facts;
	struct flow_key key;
	struct packet p;

	if (size < 2)
		return 0;
	/* An exact copy, so that the sanitizer sees one byte too far. */
	uint32_t caplen = (uint32_t)size - 2, len = caplen + data[1];
	uint8_t *bytes = xmalloc(caplen + !caplen);
	memcpy(bytes, data + 2, caplen);

	uint32_t linktype = linktypes[data[0] % ARRAY_SIZE(linktypes)];
	packet_decode(&p, linktype, bytes, caplen, len);
	for (unsigned i = 0; i < p.layers; i++) {
		check_layer(&p, &p.layer[i]);
		packet_flow(&p.layer[i], &key);
	}
	bool ip = packet_inner(&p)->has & (PACKET_IP4 | PACKET_IP6);
	require(ip == (packet_id(&p) != 0));
	text_reset(&t);
	packet_info(&p, &t);
	require(t.len > 0 && t.len < 4096);
	check_kept(PACKET_HEADS, linktype, &p, &t);
	check_kept(PACKET_HEADERS, linktype, &p, &t);

	struct flows *f = flows_new(16, true);
	flows_packet(f, 1000, 0, false, &p, &facts);
	flows_packet(f, 2000, 0, false, &p, &facts);
	require(facts.valid == false || !facts.first || facts.refused);
	struct packet_layer *l = &p.layer[p.layers - 1];
	if (l->has & PACKET_PORTS) {
		uint16_t port = l->sport;
		const uint8_t *address = l->src;
		l->sport = l->dport;
		l->src = l->dst;
		l->dport = port;
		l->dst = address;
		flows_packet(f, 3000, 0, true, &p, &facts);
	}
	flows_free(f);
	free(bytes);
	return 0;
}
