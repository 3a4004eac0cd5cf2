/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room state: conversations (TCP and UDP) as one interface sees them, in a table of fixed
 * size. One conversation = (interface, tunnel's VNI, addresses, ports, protocol) of the innermost
 * layer, so a conversation between two containers is two here, one at each. The table is made of
 * sets of 16; in a full set the conversation that was silent for longest is forgotten. Nothing is
 * allocated per packet, and the work per packet is bounded whatever the packets say.
 *
 * Everything is what the observation point saw, no more: a segment lost before it was seen here is
 * not a retransmission when it arrives, and sampled or lost packets make gaps. Sequence numbers
 * are compared modulo 2^32 (RFC 9293, 3.4). A time is 0 when it was not measured, and also when
 * the clock of the capture did not move between the two packets.
 *
 * What the members of struct flow_facts mean:
 *
 * valid            TCP or UDP with ports, not a later fragment; or an ICMP error that refuses a
 *                  tracked connect (then only stream and refused are set besides).
 * stream           number of the conversation, from 0 in the order of first packets. A SYN with a
 *                  new initial sequence number opens a new one on the same ports.
 * first            first packet of its conversation.
 * from_client      the client is who sent SYN or received SYN-ACK: of these two the packet itself
 *                  tells, of others the last of the two before. Without them: the one port below
 *                  32768 (Linux' ephemeral ports begin there) is the server's; of two such
 *                  ports the lower is; otherwise the first sender is the client.
 * seq, ack         relative: the SYN has 0, or the first segment seen without one has 1; ack
 *                  likewise to the numbers of the other side; 0 when the packet has no ACK flag.
 * retransmission   the segment has payload, SYN or FIN, and its first byte was seen before in
 *                  this direction. Not keepalives: at most one byte, the last one, when the other
 *                  side has acknowledged everything; nor one-byte probes of a closed window.
 * out_of_order     the first byte of the segment was not seen before, but later bytes were.
 *                  Four gaps per direction are remembered; the oldest is given up for a fifth.
 *                  A loss before the observation point therefore shows as out_of_order here.
 * duplicate_ack    RFC 5681, section 2: no payload, no SYN, FIN or RST, same ack and same window,
 *                  not 0, as in the segment before, while the other side has data outstanding.
 * zero_window      window 0 without SYN, FIN or RST.
 * rtt              an ACK that ends exactly at the end of a segment, first to do so: time since
 *                  that segment. Segments seen twice are not measured (RFC 6298, section 3); four
 *                  segments per direction are remembered, later ones are not measured until
 *                  those are acknowledged. On SYN-ACK: time since the SYN.
 * initial_rtt      last SYN to the client's first ACK of the SYN-ACK; from that packet on.
 * handshake_done   this is that ACK.
 * handshake_time   first SYN to that ACK, so with the waits of repeated SYNs; on that ACK only.
 * refused          a connect failed, once per conversation: RST from the server's side instead of
 *                  SYN-ACK, or an ICMP destination unreachable (not "fragmentation needed") that
 *                  quotes the unanswered SYN.
 * response         TCP: first new payload of the server after new payload of the client. UDP: the
 *                  same by datagrams. DNS (UDP port 53): a response whose id is that of one of the
 *                  four latest unanswered queries.
 * response_time    time since the last new payload byte of the client; DNS: since the query was
 *                  first sent.
 *
 * A packet seen in both directions by one interface (loopback) is analysed once: the direction of
 * the conversation's first packet counts, the second sight has valid, stream, from_client and the
 * relative numbers only.
 */
#ifndef DREDGE_STATE_FLOWS_H
#define DREDGE_STATE_FLOWS_H

#include "state/state.h"

#define FLOWS_DEFAULT 65536u
#define FLOWS_MAX     (1u << 20)

struct flows;

/* Remembers up to `flows` conversations (16..FLOWS_MAX, rounded up to 16 times a power of two)
 * in 80 bytes each, which the system provides as they are first used; where they are followed, in
 * some 310. Of those that are not, facts have valid, first, from_client, handshake_done, refused,
 * quoted, way and stream. */
struct flows *flows_new(unsigned flows, bool follow);
void flows_free(struct flows *f);
/* Fills *facts wholly. ts in ns; out: the container, or host, sent it. */
void flows_packet(struct flows *f, uint64_t ts, uint32_t iface, bool out, const struct packet *p,
		  struct flow_facts *facts);

#endif
