/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room print: bytes in the forms of -A -x -X -b. */
#ifndef DREDGE_PRINT_BYTES_H
#define DREDGE_PRINT_BYTES_H

#include "print/print.h"

/* Within a line: dots for unprintable bytes, or base64; the dump forms begin with a newline. */
void bytes_inline(struct text *t, enum print_buffer how, const char *p, size_t n);
/* As a quoted JSON string. */
void bytes_json(struct text *t, enum print_buffer how, const char *p, size_t n);
/* The transport payload of a packet on lines of its own; nothing when it is empty. */
void bytes_payload(struct text *t, enum print_buffer how, const struct packet *p);

#endif
