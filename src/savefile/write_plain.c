/* SPDX-License-Identifier: Apache-2.0 */
/* Plain pcapng and pcap: events go to the file in the order in which they come. */
#include "savefile/writer.h"

#define STREAM_BYTES	  (64u << 10) /* still in the cache when the kernel copies it; a whole pipe */
#define PCAP_MAGIC_NS	  0xa1b23c4du
#define LINKTYPE_ETHERNET 1

static bool stream_full(const struct writer *w)
{
	return w->stream.len >= STREAM_BYTES ||
	       (w->o.rotate_bytes && w->file.bytes + w->stream.len >= w->o.rotate_bytes);
}

static int stream_flush(struct writer *w, struct err *e)
{
	int status = writer_put(w, w->stream.data, w->stream.len, e);

	if (!status)
		w->stats.raw_bytes += w->stream.len;
	return status;
}

static int nothing_to_end(struct writer *w, struct err *e)
{
	(void)w;
	(void)e;
	return 0;
}

static int put_header(struct writer *w, struct err *e)
{
	int status = writer_put(w, w->scratch.data, w->scratch.len, e);

	w->headed = !status;
	if (!status)
		w->stats.raw_bytes += w->scratch.len;
	return status;
}

/* ---- pcapng ---- */

static int pcapng_header(struct writer *w, struct err *e)
{
	w->scratch.len = 0;
	encode_section(&w->scratch, w->description);
	return put_header(w, e);
}

static bool pcapng_event(struct writer *w, struct lane *l, const struct event *ev)
{
	if (ev->type == EVENT_PACKET) {
		uint32_t idb = writer_describe(w, l);
		size_t size = encode_packet_size(ev);
		encode_packet(builder_room(&w->stream, size), size, idb, ev);
		w->stream.len += size;
	} else if (ev->type == EVENT_COUNTERS) {
		uint32_t idb = writer_describe(w, l);
		encode_counters(&w->stream, idb, ev->ts, (const void *)ev->data);
	} else {
		encode_journal(&w->stream, ev->data, ev->caplen);
	}
	return stream_full(w);
}

const struct writer_format writer_pcapng = {
	.event = pcapng_event,
	.header = pcapng_header,
	.flush = stream_flush,
	.end = nothing_to_end,
};

/* ---- pcap: packets only ---- */

static int pcap_put_header(struct writer *w, uint32_t linktype, struct err *e)
{
	w->scratch.len = 0;
	builder_u32(&w->scratch, PCAP_MAGIC_NS);
	builder_u16(&w->scratch, 2);
	builder_u16(&w->scratch, 4);
	builder_u64(&w->scratch, 0);
	builder_u32(&w->scratch, SAVEFILE_MAX_PACKET);
	builder_u32(&w->scratch, linktype);
	return put_header(w, e);
}

/* The link type is known with the first packet. */
static int pcap_header(struct writer *w, struct err *e)
{
	return w->pcap_linktype == UINT32_MAX ? 0 : pcap_put_header(w, w->pcap_linktype, e);
}

static bool pcap_event(struct writer *w, struct lane *l, const struct event *ev)
{
	if (w->pcap_linktype == UINT32_MAX)
		w->pcap_linktype = l->linktype;
	if (l->linktype != w->pcap_linktype) {
		if (!w->told_linktype)
			writer_set_trouble(w,
					   xasprintf("%s: a pcap file holds one link type; packets "
						     "of link type %u are left out and counted "
						     "as lost (pcapng holds them)",
						     w->path, l->linktype));
		w->told_linktype = true;
		w->batch.packets--;
		w->stats.lost++;
		return false;
	}
	builder_u32(&w->stream, (uint32_t)(ev->ts / NSEC_PER_SEC));
	builder_u32(&w->stream, (uint32_t)(ev->ts % NSEC_PER_SEC));
	builder_u32(&w->stream, ev->caplen);
	builder_u32(&w->stream, ev->len);
	builder_put(&w->stream, ev->data, ev->caplen);
	return stream_full(w);
}

/* A capture without packets is a capture too. */
static int pcap_end(struct writer *w, struct err *e)
{
	return w->pcap_linktype == UINT32_MAX ? pcap_put_header(w, LINKTYPE_ETHERNET, e) : 0;
}

const struct writer_format writer_pcap = {
	.event = pcap_event,
	.header = pcap_header,
	.flush = stream_flush,
	.end = pcap_end,
	.packets_only = true,
};
