/* SPDX-License-Identifier: Apache-2.0 */
/* The format: https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.5. */
#include "http/channel.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENT_MAX (64u << 10) /* bytes; a longer one is not sent */

struct channel *channel_new(const char *text, struct filter *filter, uint64_t epoch)
{
	struct channel *c = xmalloc(sizeof(*c)); /* the rings are not touched yet */

	memset(c, 0, offsetof(struct channel, items));
	c->text = xstrdup(text);
	c->filter = filter;
	c->epoch = epoch;
	return c;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	free(c->text);
	filter_free(c->filter);
	free(c);
}

/* ---- putting ---- */

static void copy_in(struct channel *c, const char *p, size_t n)
{
	size_t at = c->end % CHANNEL_BYTES, part = MIN(n, CHANNEL_BYTES - at);

	memcpy(c->bytes + at, p, part);
	memcpy(c->bytes, p + part, n - part);
	c->end += n;
}

static void begin_item(struct channel *c, size_t n, bool event, uint64_t now)
{
	while (c->first < c->next &&
	       (c->next - c->first == CHANNEL_ITEMS ||
		c->end + n - c->items[c->first % CHANNEL_ITEMS].at > CHANNEL_BYTES))
		c->first++;
	c->items[c->next++ % CHANNEL_ITEMS] = (struct channel_item){c->end, c->events, (uint32_t)n,
								    event};
	c->put = now;
}

void channel_event(struct channel *c, const char *json, size_t n, uint64_t now)
{
	char head[64];
	int len = snprintf(head, sizeof(head),
			   "id: %llx-%llu\ndata: ", (unsigned long long)c->epoch,
			   (unsigned long long)c->events + 1);

	if (n <= EVENT_MAX) {
		begin_item(c, (size_t)len + n + 2, true, now);
		copy_in(c, head, (size_t)len);
		copy_in(c, json, n);
		copy_in(c, "\n\n", 2);
	}
	c->events++;
}

void channel_line(struct channel *c, const char *line, uint64_t now)
{
	begin_item(c, strlen(line), false, now);
	copy_in(c, line, strlen(line));
}

/* ---- reading ---- */

static void copy_out(const struct channel *c, uint64_t from, char *to, size_t n)
{
	size_t at = from % CHANNEL_BYTES, part = MIN(n, CHANNEL_BYTES - at);

	memcpy(to, c->bytes + at, part);
	memcpy(to + part, c->bytes, n - part);
}

static const struct channel_item *item_at(const struct channel *c, uint64_t n)
{
	return &c->items[n % CHANNEL_ITEMS];
}

static void tell_missed(struct place *p, uint64_t n)
{
	text_fmt(&p->pending, "event: missed\ndata: {\"missed\":%llu}\n\n", (unsigned long long)n);
}

/* Events that have left the ring since are told. */
static void catch_up(const struct channel *c, struct place *p)
{
	uint64_t before = c->events;

	p->item = MAX(p->item, c->first);
	if (p->item < c->next)
		before = item_at(c, p->item)->before;
	if (before > p->events)
		tell_missed(p, before - p->events);
	p->events = before;
}

void channel_enter(const struct channel *c, struct place *p, const char *last_id)
{
	unsigned long long epoch = 0, n = 0;

	*p = (struct place){.item = c->next, .events = c->events};
	text_str(&p->pending, "retry: 2000\n\n");
	if (!last_id || !*last_id)
		return;
	if (sscanf(last_id, "%llx-%llu", &epoch, &n) != 2 || epoch != c->epoch || n > c->events) {
		text_str(&p->pending, "event: missed\ndata: {\"missed\":null}\n\n");
		return;
	}
	p->events = n;
	for (p->item = c->first; p->item < c->next; p->item++)
		if (item_at(c, p->item)->before >= n)
			break;
	catch_up(c, p);
}

static size_t read_pending(struct place *p, char *to, size_t n)
{
	size_t part = MIN(n, p->pending.len - p->sent);

	if (part)
		memcpy(to, p->pending.data + p->sent, part);
	p->sent += part;
	if (p->sent == p->pending.len) {
		text_done(&p->pending);
		p->sent = 0;
	}
	return part;
}

size_t channel_read(const struct channel *c, struct place *p, char *to, size_t n)
{
	size_t filled = 0;

	if (!p->pending.len)
		catch_up(c, p);
	filled = read_pending(p, to, n);
	while (!p->pending.len && p->item < c->next) {
		const struct channel_item *it = item_at(c, p->item);
		if (it->len > n - filled && filled)
			break;
		p->item++;
		p->events += it->event;
		if (it->len <= n) {
			copy_out(c, it->at, to + filled, it->len);
			filled += it->len;
			continue;
		}
		/* It may leave the ring before the client has all of it. */
		copy_out(c, it->at, text_room(&p->pending, it->len), it->len);
		p->pending.len = it->len;
		filled = read_pending(p, to, n);
	}
	return filled;
}
