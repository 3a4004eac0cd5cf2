/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room filter: sysdig's filter language, compiled once to a flat program. The
 * flow asks three questions: can this interface (container) match at all, can
 * this stretch of time, does this event. The language is in dredge-filter(5).
 */
#ifndef DREDGE_FILTER_H
#define DREDGE_FILTER_H

#include "field/field.h"

enum verdict { VERDICT_NO, VERDICT_MAYBE, VERDICT_YES };

struct filter;

/* dirs: where @name is looked up as NAME.filter, NULL-ended; may be NULL. On failure: ERR_USAGE
 * with column (bytes, from 1), and a message of several lines: what is wrong, the text, a caret
 * below it, the nearest field. Inside a named filter e->line and column count in that file. */
struct filter *filter_compile(const char *text, const char *const *dirs, struct err *e);
/* The same for another thread; f has to outlive it. NULL when f is. */
struct filter *filter_twin(const struct filter *f);
void filter_free(struct filter *f);		 /* f may be NULL */
const char *filter_text(const struct filter *f); /* as it was compiled; borrowed */
/* By one thread at a time, because text that has to be made shares one buffer. */
bool filter_match(const struct filter *f, struct context *c);
/*
 * Judge with only the container and interface known; any thread. NO and YES hold for every event of
 * the interface while what is known of the two stays the same: ask again when it grows. Without a
 * container nothing is settled, since a host's interface carries the packets of several.
 */
enum verdict filter_iface(const struct filter *f, const struct container *container,
			  const struct iface *iface);
/* Likewise of its packets alone, whatever is in them. */
enum verdict filter_packets(const struct filter *f, const struct container *container,
			    const struct iface *iface);
/* Bounds on the time of matching events (evt.rawtime and its kin), both included; 0 and UINT64_MAX
 * if none, from > to when no event can match. */
void filter_time(const struct filter *f, uint64_t *from, uint64_t *to);
/* Mask of 1 << EVENT_* that can match. */
uint32_t filter_types(const struct filter *f);
/* Has a field of it one of these FIELD_* flags? f may be NULL. */
bool filter_needs(const struct filter *f, unsigned flags);
/* Are all of its fields field_of_talk? f may be NULL. */
bool filter_of_talk(const struct filter *f);
/* The FIELD_* flags of a field of events that pass f: where nothing passes but TCP packets with
 * SYN, FIELD_ENDS need no FIELD_FLOW. f may be NULL. */
unsigned filter_field_needs(const struct filter *f, const struct field *field);
/* Is all of it settled by filter_packets, whatever is known of container and interface? f may be
 * NULL. */
bool filter_of_iface(const struct filter *f);
/* The flat program, what is settled per container, per chunk and per packet, in plain words. */
void filter_explain(const struct filter *f, struct text *t);
/* A message like those of filter_compile, for what else people type: what is wrong with the byte
 * pos of text, and hint, a way out; NULL = none known. Returns -1. */
int filter_complain(const char *text, size_t pos, const char *hint, const char *what,
		    struct err *e);

#endif
