/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room packet: link layer -> IP -> TCP/UDP/ICMP over borrowed bytes, down
 * through VLAN tags and one tunnel (VXLAN, Geneve). Decoding fills a small
 * struct with offsets; nothing is copied, printed or allocated. Called by the
 * state (who talks to whom), the fields and the capture sources; any thread.
 */
#ifndef DREDGE_PACKET_H
#define DREDGE_PACKET_H

#include "base/base.h"

/* LINKTYPE_* values of tcpdump.org/linktypes.html that packet_decode knows. */
#define LINKTYPE_NULL	    0u
#define LINKTYPE_ETHERNET   1u
#define LINKTYPE_RAW	    101u
#define LINKTYPE_LINUX_SLL  113u
#define LINKTYPE_IPV4	    228u
#define LINKTYPE_IPV6	    229u
#define LINKTYPE_LINUX_SLL2 276u

/* What a layer holds; bits of packet_layer.has. */
#define PACKET_ETH   0x0001u /* mac_src, mac_dst valid (Ethernet only) */
#define PACKET_ARP   0x0002u /* l3 = ARP header */
#define PACKET_IP4   0x0004u
#define PACKET_IP6   0x0008u
#define PACKET_TCP   0x0010u
#define PACKET_UDP   0x0020u
#define PACKET_ICMP  0x0040u /* ICMPv4 */
#define PACKET_ICMP6 0x0080u
#define PACKET_SCTP  0x0100u
#define PACKET_FRAG  0x0200u /* a fragment other than the first: no transport header */
#define PACKET_CUT   0x0400u /* a header goes beyond the captured bytes */
#define PACKET_PORTS 0x0800u /* sport, dport valid; also when the header behind is cut */
#define PACKET_VLAN  0x1000u
#define PACKET_MORE  0x2000u /* a first fragment (more fragments follow) */

/* Bits of packet_layer.tcp_flags: RFC 9293, 3.1. */
enum tcp_flag { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };

struct packet_layer {
	uint32_t has;	      /* PACKET_* */
	uint32_t l2, l3, l4;  /* offsets into the packet's bytes; valid when the layer is there */
	uint32_t payload;     /* offset of the transport (else network) payload, <= caplen */
	uint32_t payload_len; /* by the IP header and the wire, may exceed the captured bytes */
	uint16_t ethertype;
	uint16_t vlan; /* outermost VLAN id */
	uint8_t proto; /* IP protocol / last IPv6 next header */
	uint8_t tcp_flags;
	uint16_t sport, dport; /* host order */
	/* Addresses in the packet: 4 or 16 bytes by has; ARP: sender and target. */
	const uint8_t *src, *dst;
};

enum packet_tunnel { TUNNEL_NONE, TUNNEL_VXLAN, TUNNEL_GENEVE };

struct packet {
	const uint8_t *data;
	uint32_t caplen, len;
	enum packet_tunnel tunnel;
	uint32_t vni;		      /* 24 bit, when tunnel != TUNNEL_NONE */
	unsigned layers;	      /* 1, or 2 when a tunnel was opened */
	struct packet_layer layer[2]; /* [0] outer, [1] inner */
};

/* Never fails: what cannot be decoded is simply not marked in has. */
void packet_decode(struct packet *p, uint32_t linktype, const uint8_t *data, uint32_t caplen,
		   uint32_t len);

/* The innermost layer: the talk of the containers themselves. */
static inline const struct packet_layer *packet_inner(const struct packet *p)
{
	return &p->layer[p->layers > 1];
}

/* Ends of a conversation in one order for both directions; hash and compare as bytes. */
struct flow_key {
	uint8_t a[16], b[16]; /* IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
	uint16_t aport, bport;
	uint8_t proto;
	uint8_t zero[3];
};

/* 1: the packet goes a -> b, 2: b -> a, 0: no addresses (key untouched). */
int packet_flow(const struct packet_layer *l, struct flow_key *key);
/* A hash of all that FIELD_ENDS of an IP packet without a conversation are made of: the layer's
 * addresses, ports and protocol, each way another one, and of a SYN that it is one. */
uint64_t packet_ends(const struct packet_layer *l);

/*
 * The packet's id, equal at every point of its path and on every host without
 * marking it: a hash of the innermost addresses, ports, protocol, IP id, TCP
 * sequence and acknowledgement numbers and length; besides fragment offset, IPv6
 * flow label, ICMP type and echo numbers, and the first 8 captured bytes of UDP
 * payload, as such packets often have no IP id. 0 when there is no IP layer.
 * Fields a router or tunnel changes (TTL, checksums, MAC addresses) are left out.
 */
uint64_t packet_id(const struct packet *p);

/* Bytes behind the headers that packet_info looks at, no more: the first question of a DNS message
 * (RFC 1035: a header of 12, a name of up to 256, its type). */
#define PACKET_HEAD 272u

/* What of a packet somebody looks at: all of it; what packet_info does; or no more than its
 * headers, besides packet_id and the state, who look at 8 bytes behind those of TCP and UDP, and at
 * what ICMP quotes. */
enum packet_depth { PACKET_WHOLE, PACKET_HEADS, PACKET_HEADERS };
/* Bytes of a packet that have to be kept for it, <= caplen. */
uint32_t packet_kept(enum packet_depth depth, uint32_t linktype, const uint8_t *data,
		     uint32_t caplen, uint32_t len);

/* Captured bytes of a layer's payload, PACKET_HEAD of them at most. */
static inline uint32_t packet_head_here(const struct packet *p, const struct packet_layer *l)
{
	return MIN(MIN(l->payload_len, p->caplen - l->payload), PACKET_HEAD);
}

/* Short decode for a text line, e.g. "TCP 40000 -> 6379 [PSH, ACK] seq=1 ack=9 win=502 len=33". */
void packet_info(const struct packet *p, struct text *t);

#endif
