/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room print: events as text and JSON lines. A format is compiled once; a line
 * costs no allocation and no printf. The caller owns the text buffer and
 * writes it out in large pieces.
 */
#ifndef DREDGE_PRINT_H
#define DREDGE_PRINT_H

#include "filter/filter.h"

enum print_time { TIME_HUMAN, TIME_ABSOLUTE, TIME_RELATIVE, TIME_DELTA_PAIR, TIME_DELTA };
enum print_buffer { BUFFER_DOTTED, BUFFER_ASCII, BUFFER_HEX, BUFFER_HEX_ASCII, BUFFER_BASE64 };

struct print_options {
	enum print_time time;	  /* %evt.outputtime */
	enum print_buffer buffer; /* how bytes are shown */
	bool whole_buffers;	  /* -v: do not cut bytes to 40, texts to 80 characters */
	bool json;
	bool resolve_ports; /* -R */
};

extern const char print_format_default[];
extern const char print_format_containers[]; /* -pc */
extern const char print_format_mesos[];	     /* -pm */

struct format;
/* text: sysdig's format language (dredge-format(5)); "@name" is looked up as NAME.format in dirs.
 */
struct format *format_compile(const char *text, const char *const *dirs,
			      const struct print_options *o, struct err *e);
void format_free(struct format *f);
/* Append one line for the event, with its newline; false when the event has to be skipped because a
 * field is absent and the format does not begin with '*'. */
bool format_line(struct format *f, struct context *c, struct text *out);
/* Has a field of it one of these FIELD_* flags? */
bool format_needs(const struct format *f, unsigned flags);

#endif
