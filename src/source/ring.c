/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"
#include "event/event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES    (1u << 20)
#define FRAME_BYTES    2048u /* TPACKET_V3 wants one, but packs packets by their own length */
#define VLAN_BYTES     4u
#define CACHE_LINE     64u
#define PREFETCH_BYTES 1024u /* ahead */

#ifndef TP_STATUS_GSO_TCP /* linux/if_packet.h since 6.2 */
#define TP_STATUS_GSO_TCP (1 << 8)
#endif

struct ring {
	int fd;
	uint8_t *map;
	unsigned blocks, next;
	struct ring_stats stats;
};

static int set_option(int fd, int option, const void *value, socklen_t n, const char *name,
		      struct err *e)
{
	if (setsockopt(fd, SOL_PACKET, option, value, n))
		return err_sys(e, "cannot set %s", name);
	return 0;
}

static int ring_setup(struct ring *r, size_t bytes, struct err *e)
{
	int version = TPACKET_V3;
	unsigned reserve = VLAN_BYTES; /* room to put a VLAN tag back in front of each packet */
	struct tpacket_req3 req = {.tp_block_size = BLOCK_BYTES,
				   .tp_frame_size = FRAME_BYTES,
				   .tp_retire_blk_tov = RING_RETIRE_MS};
	struct sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};

	bytes = MIN(bytes ? bytes : RING_BYTES_DEFAULT, (size_t)RING_BYTES_MAX);
	r->blocks = (unsigned)MAX((bytes + BLOCK_BYTES - 1) / BLOCK_BYTES, 2u);
	req.tp_block_nr = r->blocks;
	req.tp_frame_nr = r->blocks * (BLOCK_BYTES / FRAME_BYTES);
	if (set_option(r->fd, PACKET_VERSION, &version, sizeof(version), "TPACKET_V3", e) ||
	    set_option(r->fd, PACKET_RESERVE, &reserve, sizeof(reserve), "PACKET_RESERVE", e) ||
	    set_option(r->fd, PACKET_RX_RING, &req, sizeof(req), "the packet ring", e))
		return -1;
	r->map = mmap(NULL, (size_t)r->blocks * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      r->fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return err_sys(e, "cannot map a packet ring of %u MB", r->blocks);
	}
	if (ring_filter(r, &nothing, 1, e))
		return -1;
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	if (bind(r->fd, (struct sockaddr *)&all, sizeof(all)))
		return err_sys(e, "cannot bind the packet socket");
	return 0;
}

struct ring *ring_open(size_t bytes, struct err *e)
{
	/* Protocol 0: deaf until bind, so not a packet comes past the filter. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		const char *hint = errno == EPERM ? " (needs CAP_NET_RAW; run as root)" : "";
		err_set(e, ERR_FAILED, "cannot open a packet socket: %s%s", strerror(errno), hint);
		return NULL;
	}
	struct ring *r = xcalloc(1, sizeof(*r));
	r->fd = fd;
	if (ring_setup(r, bytes, e)) {
		ring_close(r);
		return NULL;
	}
	return r;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	if (r->map)
		munmap(r->map, (size_t)r->blocks * BLOCK_BYTES);
	close(r->fd);
	free(r);
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

int ring_filter(struct ring *r, const struct sock_filter *insns, unsigned n, struct err *e)
{
	struct sock_fprog prog = {.len = (unsigned short)n, .filter = (struct sock_filter *)insns};

	/* The kernel compiles the new program first and swaps one pointer, so no packet sees a gap.
	 */
	if (setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return err_sys(e, "cannot attach the capture filter (%u instructions)", n);
	return 0;
}

/* The kernel takes the tag out of the packet; put it back where it was on the wire. */
static void restore_vlan(const struct tpacket3_hdr *h, struct ring_packet *p)
{
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid
								 : ETH_P_8021Q;

	if (p->caplen < 12)
		return;
	p->data -= VLAN_BYTES;
	memmove(p->data, p->data + VLAN_BYTES, 12);
	uint16_t tag[2] = {htons(tpid), htons((uint16_t)h->hv1.tp_vlan_tci)};
	memcpy(p->data + 12, tag, 4);
	p->caplen += VLAN_BYTES;
	p->len += VLAN_BYTES;
	p->tagged = true;
}

static void fill(struct ring_packet *p, struct tpacket3_hdr *h)
{
	const struct sockaddr_ll *from =
		(const void *)((uint8_t *)h + TPACKET_ALIGN(sizeof(struct tpacket3_hdr)));
	uint32_t status = h->tp_status;

	p->ts = (uint64_t)h->tp_sec * NSEC_PER_SEC + h->tp_nsec;
	p->data = (uint8_t *)h + h->tp_mac;
	p->caplen = h->tp_snaplen;
	p->len = h->tp_len;
	p->ifindex = (uint32_t)from->sll_ifindex;
	p->outgoing = from->sll_pkttype == PACKET_OUTGOING;
	p->tagged = false;
	p->flags = (status & TP_STATUS_CSUMNOTREADY ? EVENT_CSUM_NOT_READY : 0) |
		   (status & TP_STATUS_CSUM_VALID ? EVENT_CSUM_VALID : 0) |
		   (status & TP_STATUS_GSO_TCP ? EVENT_TSO : 0);
	if (status & TP_STATUS_VLAN_VALID)
		restore_vlan(h, p);
}

static int read_block(struct tpacket_block_desc *b,
		      int (*fn)(void *ctx, const struct ring_packet *p), void *ctx)
{
	uint8_t *at = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
	struct ring_packet p;
	int rc = 0;

	for (uint32_t left = b->hdr.bh1.num_pkts; left && !rc; left--) {
		struct tpacket3_hdr *h = (struct tpacket3_hdr *)at;

		/* As far as this packet goes, for packets stand close together, and another
		 * processor has just written them. */
		const uint32_t n = MIN(h->tp_next_offset, PREFETCH_BYTES);
		for (uint32_t line = 0; line < n; line += CACHE_LINE)
			__builtin_prefetch(at + PREFETCH_BYTES + line);
		fill(&p, h);
		rc = fn(ctx, &p);
		at += h->tp_next_offset;
	}
	return rc;
}

static struct tpacket_block_desc *block_at(const struct ring *r, unsigned i)
{
	return (struct tpacket_block_desc *)(r->map + (size_t)i * BLOCK_BYTES);
}

static bool is_ready(const struct tpacket_block_desc *b)
{
	return __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

int ring_read(struct ring *r, unsigned blocks, int (*fn)(void *ctx, const struct ring_packet *p),
	      void *ctx, bool *left)
{
	int rc = 0;

	for (; blocks && !rc; blocks--) {
		struct tpacket_block_desc *b = block_at(r, r->next);

		if (!is_ready(b))
			break;
		rc = read_block(b, fn, ctx);
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = r->next + 1 == r->blocks ? 0 : r->next + 1;
	}
	*left = is_ready(block_at(r, r->next));
	return rc;
}

void ring_get_stats(struct ring *r, struct ring_stats *out)
{
	struct tpacket_stats_v3 st;
	socklen_t n = sizeof(st);

	/* Reading sets the kernel's counts back to zero; tp_packets includes tp_drops. */
	if (!getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &n)) {
		r->stats.seen += st.tp_packets;
		r->stats.lost += st.tp_drops;
	}
	*out = r->stats;
}
