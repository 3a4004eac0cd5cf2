/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: one packet in full, in several shapes. */
#ifndef DREDGE_CONSOLE_PACKET_H
#define DREDGE_CONSOLE_PACKET_H

#include "console/ui.h"

struct packet_kept {
	uint64_t ts, num;
	uint32_t len, caplen, n, linktype;
	struct text line;
	struct text bytes;
};

/* As csysdig's "View As". */
enum packet_shape { SHAPE_DECODED, SHAPE_PRINTABLE, SHAPE_DOTTED, SHAPE_HEX, SHAPE_JSON, SHAPES };

extern const char *const packet_shapes[SHAPES];

/* From line `top` of its words and bytes on. Returns the last `top` that shows more. */
unsigned packet_draw(const struct packet_kept *k, enum packet_shape shape, unsigned top, unsigned y,
		     unsigned rows);

#endif
