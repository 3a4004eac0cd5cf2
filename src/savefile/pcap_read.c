/* SPDX-License-Identifier: Apache-2.0 */
/* pcap: pcap-savefile(5). */
#include "savefile/read.h"

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS  0xa1b23c4du
#define MAGIC_MODIFIED	   0xa1b2cd34u /* longer record headers, of an old patched libpcap */

static bool is(uint32_t magic, uint32_t wanted)
{
	return magic == wanted || __builtin_bswap32(magic) == wanted;
}

static uint32_t u32(const struct pcap *p, const uint8_t *at)
{
	return p->swap ? load_be32(at) : load_le32(at);
}

bool pcap_match(const uint8_t *p, size_t n)
{
	uint32_t magic = n >= 4 ? load_le32(p) : 0;

	return is(magic, MAGIC_MICROSECONDS) || is(magic, MAGIC_NANOSECONDS) ||
	       is(magic, MAGIC_MODIFIED);
}

int pcap_header(struct pcap *p, const uint8_t head[24], struct reason *why)
{
	uint32_t magic = load_le32(head);

	if (is(magic, MAGIC_MODIFIED))
		return reason_set(why, "pcap with modified record headers (magic 0xa1b2cd34) is "
				       "not supported");
	p->swap = magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS;
	p->nanoseconds = is(magic, MAGIC_NANOSECONDS);
	uint16_t major = p->swap ? load_be16(head + 4) : load_le16(head + 4);
	if (major != 2)
		return reason_set(why, "pcap version %u is unknown", major);
	p->snaplen = u32(p, head + 16);
	p->linktype = u32(p, head + 20) & 0x0fffffff; /* above: length of the FCS */
	return 0;
}

int64_t pcap_length(const struct pcap *p, const uint8_t head[16], struct reason *why)
{
	uint32_t caplen = u32(p, head + 8);

	if (caplen > SAVEFILE_MAX_PACKET)
		return reason_set(why, "packet length %u is impossible", caplen);
	return 16 + (int64_t)caplen;
}

void pcap_packet(struct pcap *p, const uint8_t *record, struct event *ev)
{
	uint64_t fraction = u32(p, record + 4);
	uint32_t caplen = u32(p, record + 8);

	*ev = (struct event){
		.ts = u32(p, record) * NSEC_PER_SEC +
		      (p->nanoseconds ? fraction : fraction * NSEC_PER_USEC),
		.num = ++p->frames,
		.data = record + 16,
		.caplen = caplen,
		.len = MAX(caplen, u32(p, record + 12)),
		.container = CONTAINER_NONE,
		.type = EVENT_PACKET,
		.weight = 1,
	};
}
