/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in fives: who and what (bit 0 direction, 1 FIN, 2 SYN, 3 RST, 4 ACK, 5 a second
 * conversation, 6 loopback's second sight, 7 UDP port 53), sequence number, acknowledgement, length
 * and time, each in steps that make overlaps, gaps and wrapped numbers likely. */
#include "state/flows.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP	 5u
#define HEADERS	 40u
#define FIRST_TS 1000000u

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint32_t number(uint8_t v)
{
	/* Close ones around the wrap, and a few far away. */
	return v < 240 ? (uint32_t)v * 50 - 6000 : (uint32_t)v << 28;
}

static void build(struct packet *p, uint8_t frame[HEADERS], const uint8_t *s)
{
	bool back = s[0] & 1, udp = s[0] & 0x80;
	uint32_t len = s[3] < 250 ? s[3] : 65000, header = udp ? 8 : 20;
	uint16_t port = s[0] & 0x20 ? 40001 : 40000, other = udp ? 53 : 80;

	memset(frame, 0, HEADERS);
	frame[0] = 0x45;
	put32(frame + 2, (20 + header + len) << 16);
	frame[9] = udp ? 17 : 6;
	put32(frame + 12, back ? 0x0a000002 : 0x0a000001);
	put32(frame + 16, back ? 0x0a000001 : 0x0a000002);
	put32(frame + 20, back ? (uint32_t)other << 16 | port : (uint32_t)port << 16 | other);
	if (udp) {
		put32(frame + 24, (8 + len) << 16);
		put32(frame + 28, (uint32_t)(s[1] & 7) << 16 | (back ? 0x8000 : 0));
	} else {
		put32(frame + 24, number(s[1]));
		put32(frame + 28, number(s[2]));
		frame[32] = 0x50;
		frame[33] = (uint8_t)(s[0] >> 1 & 7) | (s[0] & 0x10);
		frame[34] = s[4] & 0x80;
	}
	packet_decode(p, LINKTYPE_RAW, frame, HEADERS, HEADERS + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flows *f = flows_new(16, true), *ends = flows_new(16, false);
	uint64_t streams = 0;

	for (size_t at = 0; at + STEP <= size; at += STEP) {
		const uint8_t *s = data + at;
		uint8_t frame[HEADERS];
		struct flow_facts facts, fewer;
		struct packet p;
		uint64_t ts = FIRST_TS + s[4];
		bool out = !!(s[0] & 1) == !!(s[0] & 0x40);

		build(&p, frame, s);
		memset(&facts, 0xff, sizeof(facts));
		flows_packet(f, ts, 0, out, &p, &facts);
		flows_packet(ends, ts, 0, out, &p, &fewer);
		require(fewer.valid && fewer.stream == facts.stream && fewer.way == facts.way);
		require(fewer.first == facts.first && fewer.from_client == facts.from_client);
		require(fewer.refused == facts.refused);
		require(fewer.handshake_done == facts.handshake_done);
		require(facts.valid);
		require(facts.first ? facts.stream == streams : facts.stream < streams);
		streams += facts.first;
		require(!(facts.retransmission && facts.out_of_order));
		require(!(facts.duplicate_ack && facts.retransmission));
		require(!facts.handshake_done || facts.from_client);
		require(!facts.response || !facts.from_client);
		require(facts.rtt <= 255 && facts.initial_rtt <= 255);
		require(facts.handshake_time <= 255 && facts.response_time <= 255);
	}
	flows_free(f);
	flows_free(ends);
	return 0;
}
