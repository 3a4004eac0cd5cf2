/* SPDX-License-Identifier: Apache-2.0 */
/* Room cmd: what the reading programs do with events: lines, a summary table, progress. */
#ifndef DREDGE_PRINTER_H
#define DREDGE_PRINTER_H

#include "flow/flow.h"
#include "print/print.h"

/* ---- lines on stdout, written in large pieces ---- */

struct printer {
	struct format *format; /* owned */
	struct text out;
	uint64_t printed_ts;
	bool unbuffered;
	int error; /* errno of the write that failed */
};

int printer_event(struct printer *p, struct context *c);
/* Text that is already made. */
int printer_put(struct printer *p, const char *text, size_t n);
int printer_flush(struct printer *p); /* non-zero: stdout is gone */
void printer_done(struct printer *p);

/* ---- -S: counts by a field ---- */

struct summary;
struct summary *summary_new(const char *field, struct err *e);
void summary_free(struct summary *s);
void summary_event(struct summary *s, struct context *c);
/* Do the sums of a part of a chunk stand for its packets? And take them in. */
bool summary_part_enough(const struct summary *s, const struct table_part *p);
void summary_part(struct summary *s, const struct table_part *p);
bool summary_needs(const struct summary *s, unsigned flags); /* FIELD_* of its field */
void summary_print(struct summary *s, bool json, struct text *out);

/* ---- progress of long reads, on stderr ---- */

struct progress {
	bool wanted; /* -P, or stderr is a terminal */
	uint64_t started, shown;
	bool visible;
};

void progress_init(struct progress *p, bool forced);
void progress_show(struct progress *p, const struct source *s, uint64_t events);
void progress_done(struct progress *p);

/* ---- lists and reports ---- */

void list_fields(bool verbose, bool markdown, struct text *out);
void list_events(struct text *out);
/* `dredge --info FILE`; reads the whole file only when it has no directory of its own. */
int info_print(const char *path, bool json, struct text *out, struct err *e);

#endif
