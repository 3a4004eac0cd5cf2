/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"
#include "packet/wire.h"

/* Two halves of an address in an order of their own: only equality and one fixed order matter. */
struct half {
	uint64_t high, low;
};

static inline struct half load_address(const uint8_t *at, bool ip6)
{
	struct half h;

	if (ip6) {
		h.high = load_le64(at);
		h.low = load_le64(at + 8);
	} else {
		h.high = 0;
		h.low = (uint64_t)load_le32(at) << 32 | 0xffff0000u;
	}
	return h;
}

static inline void store_address(uint8_t to[16], struct half h)
{
	memcpy(to, &h.high, 8);
	memcpy(to + 8, &h.low, 8);
}

int packet_flow(const struct packet_layer *l, struct flow_key *key)
{
	if (!(l->has & (PACKET_IP4 | PACKET_IP6)))
		return 0;
	bool ip6 = l->has & PACKET_IP6;
	struct half src = load_address(l->src, ip6), dst = load_address(l->dst, ip6);
	uint32_t sport = l->has & PACKET_PORTS ? l->sport : 0;
	uint32_t dport = l->has & PACKET_PORTS ? l->dport : 0;
	bool forward = src.high != dst.high ? src.high < dst.high
		       : src.low != dst.low ? src.low < dst.low
					    : sport <= dport;

	store_address(key->a, forward ? src : dst);
	store_address(key->b, forward ? dst : src);
	/* In one piece, as it is read next: else that would wait for its parts. */
	uint64_t ports = forward ? sport | dport << 16 : dport | sport << 16;
	uint64_t rest = ports | (uint64_t)l->proto << 32;
	memcpy(&key->aport, &rest, sizeof(rest));
	return forward ? 1 : 2;
}

uint64_t packet_ends(const struct packet_layer *l)
{
	bool ip6 = l->has & PACKET_IP6, ports = l->has & PACKET_PORTS;
	uint64_t kind = (uint64_t)l->has << 40 | (uint64_t)l->proto << 32;
	uint64_t h = 0;

	kind |= ports ? (uint64_t)l->sport << 16 | l->dport : 0;
	if (l->has & PACKET_TCP && l->tcp_flags & TCP_SYN)
		kind |= (l->tcp_flags & TCP_ACK ? 2ull : 1ull) << 62;
	for (unsigned i = 0; ip6 && i < 3; i++)
		h = hash_u64(h ^ load_le64(i < 2 ? l->src + 8 * i : l->dst));
	h ^= ip6 ? load_le64(l->dst + 8) : (uint64_t)load_le32(l->src) << 32 | load_le32(l->dst);
	return hash_u64(hash_u64(h) ^ kind);
}

static inline uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

/* n captured bytes at an offset, or NULL. */
static inline const uint8_t *captured(const struct packet *p, uint32_t at, uint32_t n)
{
	return at <= p->caplen && n <= p->caplen - at ? p->data + at : NULL;
}

/* What tells two packets of one conversation apart that have the same IP id, or none. */
static uint64_t transport_word(const struct packet *p, const struct packet_layer *l)
{
	const uint8_t *at;

	if (l->has & PACKET_TCP)
		return load_le64(p->data + l->l4 + 4);
	if (l->has & (PACKET_ICMP | PACKET_ICMP6)) {
		uint64_t type = load_le16(p->data + l->l4);
		at = captured(p, l->l4 + 4, 4);
		return type << 32 | (at ? load_le32(at) : 0);
	}
	if (l->has & PACKET_UDP && l->payload_len >= 8) {
		at = captured(p, l->payload, 8);
		return at ? load_le64(at) : 0;
	}
	return 0;
}

uint64_t packet_id(const struct packet *p)
{
	const struct packet_layer *l = packet_inner(p);

	if (!(l->has & (PACKET_IP4 | PACKET_IP6)))
		return 0;
	bool ip6 = l->has & PACKET_IP6;
	struct half src = load_address(l->src, ip6), dst = load_address(l->dst, ip6);
	const uint8_t *ip = p->data + l->l3;
	uint64_t ports = l->has & PACKET_PORTS ? (uint64_t)l->sport << 16 | l->dport : 0;
	/* IPv4: id, fragment offset without the flags; IPv6: the flow label, which stays as it is.
	 */
	uint64_t id = ip6 ? load_be32(ip) & 0xfffff
			  : (uint64_t)load_be16(ip + 4) << 16 | (load_be16(ip + 6) & IP4_OFFSET);
	/* The fragment offset of IPv6 stands in front of the payload of fragments. */
	const uint8_t *fragment = ip6 && l->has & PACKET_FRAG ? captured(p, l->payload - 8, 8)
							      : NULL;

	uint64_t h = mix(0x647265646765ull, src.high);
	h = mix(h, src.low);
	h = mix(h, dst.high);
	h = mix(h, dst.low);
	h = mix(h, ports << 32 | (uint64_t)l->payload_len << 8 | l->proto);
	h = mix(h, id);
	h = mix(h, fragment ? load_le64(fragment) : transport_word(p, l));
	h = hash_u64(h);
	return h ? h : 1;
}
