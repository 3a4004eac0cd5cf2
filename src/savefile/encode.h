/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: pcapng blocks as bytes. */
#ifndef DREDGE_SAVEFILE_ENCODE_H
#define DREDGE_SAVEFILE_ENCODE_H

#include "savefile/layout.h"

/* What one interface has in a chunk being built. */
struct encode_part {
	uint32_t idb;
	uint32_t packets, second_sights, counters, lost, packets_in, packets_out;
	uint64_t bytes, captured, bytes_in, bytes_out;
};

void encode_section(struct builder *b, const char *description);
void encode_iface(struct builder *b, const struct iface_record *r);
void encode_journal(struct builder *b, const void *text, size_t n);
/* The ISB that begins a data chunk. */
void encode_summary(struct builder *b, uint32_t window, uint64_t first, uint64_t last,
		    const struct encode_part *parts, unsigned count);
/* A list of contents: the beginning of its ISB, which encode_contents_end wants back; then the
 * chunks. summary: n bytes, n may be 0. */
size_t encode_contents_begin(struct builder *b, uint64_t ts, uint64_t before);
void encode_contents_chunk(struct builder *b, uint32_t length, const uint8_t *summary, size_t n);
void encode_contents_end(struct builder *b, size_t at);
void encode_counters(struct builder *b, uint32_t idb, uint64_t ts, const struct counters *c);

/* Bytes encode_packet will write. */
size_t encode_packet_size(const struct event *ev);
/* The event path: writes an EPB of that size at out, which has room. */
void encode_packet(uint8_t *out, size_t size, uint32_t idb, const struct event *ev);

#endif
