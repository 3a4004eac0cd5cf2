/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: numbers of the formats, shared by writer and reader. */
#ifndef DREDGE_SAVEFILE_LAYOUT_H
#define DREDGE_SAVEFILE_LAYOUT_H

#include "savefile/savefile.h"

/* pcapng block types (draft-ietf-opsawg-pcapng, section 11.1). */
enum {
	BLOCK_SHB = 0x0a0d0d0a,
	BLOCK_IDB = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SPB = 3,
	BLOCK_ISB = 5,
	BLOCK_EPB = 6,
	BLOCK_JEB = 9,	      /* systemd journal export */
	BLOCK_SYSDIG = 0x201, /* the machine, with which a capture of sysdig begins */
};

enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_CUSTOM_TEXT = 2988,
	OPT_CUSTOM_BYTES = 2989,
	OPT_CUSTOM_TEXT_NO_COPY = 19372,
	OPT_CUSTOM_BYTES_NO_COPY = 19373,
	OPT_SHB_HARDWARE = 2,
	OPT_SHB_OS = 3,
	OPT_SHB_APPLICATION = 4,
	OPT_IF_NAME = 2,
	OPT_IF_DESCRIPTION = 3,
	OPT_IF_IPV4 = 4,
	OPT_IF_IPV6 = 5,
	OPT_IF_MAC = 6,
	OPT_IF_SPEED = 8,
	OPT_IF_TSRESOL = 9,
	OPT_IF_TSOFFSET = 14,
	OPT_IF_TXSPEED = 16,
	OPT_IF_RXSPEED = 17,
	OPT_EPB_FLAGS = 2,
	OPT_EPB_DROPCOUNT = 4,
	OPT_EPB_PACKETID = 5,
	OPT_ISB_STARTTIME = 2,
	OPT_ISB_ENDTIME = 3,
	OPT_ISB_IFRECV = 4,
	OPT_ISB_IFDROP = 5,
};

/* Of an enhanced or obsolete packet block: bytes in front of the packet, and the whole of one that
 * is empty. */
#define PACKET_AT    28u
#define PACKET_LEAST (PACKET_AT + 4)

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

/* Payload of our custom options, behind the enterprise number: u8 kind, u8 version, then this. */
enum {
	CUSTOM_SUMMARY = 1,
	CUSTOM_COUNTERS = 2,
	CUSTOM_TWICE = 3,
	CUSTOM_CONTENTS = 4,
	CUSTOM_CHUNK = 5,
};
#define CUSTOM_VERSION 1

/* Summary: u16 parts, u32 window, u64 first, u64 last, then the parts: u32 interface (IDB number),
 * u32 packets, u64 bytes, u64 captured, u32 second sights, u32 counters, u32 lost. Behind them, not
 * in the first files: for each part u32 packets in, u32 packets out, u64 bytes in, u64 bytes out.
 */
#define SUMMARY_HEAD_SIZE 24u
#define SUMMARY_PART_SIZE 36u
#define SUMMARY_WAYS_SIZE 24u
#define SUMMARY_MAX_PARTS 1024u
#define SUMMARY_PARTS_AT  30u /* its `parts` in an ISB that begins with it */
#define SUMMARY_SIZE(n)	  (SUMMARY_HEAD_SIZE - 2 + (n) * (size_t)SUMMARY_PART_SIZE) /* from there */

/* A list of contents is a chunk of its own: one ISB with CUSTOM_CONTENTS (u16 zero, u64 offset of
 * the list before, 0 = none), then a CUSTOM_CHUNK for each chunk between the two: u16 zero, u32 LZ4
 * block length as it stands in the file, then its summary from `parts` on, or nothing when it
 * begins with none. The last list of a file has no chunks, so that it is found from the end. */
#define CONTENTS_BYTES	    (64u << 10) /* so long is a list */
#define CONTENTS_LAST_BYTES 96u		/* the last one as it is stored, with end mark, at most */

#define LZ4_FRAME_MAGIC	    0x184d2204u
#define LZ4_BLOCK_PLAIN_BIT 0x80000000u
#define LZ4_BLOCK_MAX	    (1u << 20) /* block size id 1 MB */

#endif
