/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: the events of one filter, as they are sent, for all who
 * asked for it. The newest stay in a ring of fixed size; each listener has a
 * place in it and learns how many it missed when the ring has gone on without
 * it. No locks here: whoever shares a channel has one.
 */
#ifndef DREDGE_HTTP_CHANNEL_H
#define DREDGE_HTTP_CHANNEL_H

#include "filter/filter.h"

#define CHANNEL_BYTES (512u << 10)
#define CHANNEL_ITEMS 4096u

struct channel_item {
	uint64_t at;	 /* in all bytes ever put */
	uint64_t before; /* events that came before it */
	uint32_t len;
	bool event; /* else a comment, or what was missed by all */
};

struct channel {
	char *text;	       /* of the filter; owned */
	struct filter *filter; /* owned; NULL = everything */
	uint64_t epoch;	       /* of its beginning, in the ids of its events */
	uint64_t events;       /* put so far */
	uint64_t first, next;  /* items that are there: first <= n < next */
	uint64_t end;	       /* bytes ever put */
	uint64_t put;	       /* monotonic ns of the newest item */
	unsigned listeners;
	uint64_t left; /* monotonic ns when the last one went */
	struct channel_item items[CHANNEL_ITEMS];
	char bytes[CHANNEL_BYTES];
};

/* A listener's place. */
struct place {
	uint64_t item;	     /* the next for it */
	uint64_t events;     /* of the channel, up to here */
	struct text pending; /* what it gets before that, from `sent` on */
	size_t sent;
};

/* Takes the filter over. */
struct channel *channel_new(const char *text, struct filter *filter, uint64_t epoch);
void channel_free(struct channel *c);
/* An event: JSON on one line, which gets its id here. */
void channel_event(struct channel *c, const char *json, size_t n, uint64_t now);
/* A whole line for all: a comment, or what nobody got. */
void channel_line(struct channel *c, const char *line, uint64_t now);
/* Where to begin: now, or behind an event that was got before (an id, or NULL). */
void channel_enter(const struct channel *c, struct place *p, const char *last_id);
/* Up to n bytes from there on; 0 = nothing new. */
size_t channel_read(const struct channel *c, struct place *p, char *to, size_t n);

#endif
