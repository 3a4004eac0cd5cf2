/* SPDX-License-Identifier: Apache-2.0 */
#include "http/orders.h"
#include "filter/filter.h"
#include "http/api.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Held by the client's stream and by who takes it. */
struct capture_command {
	struct stream stream;
	atomic_uint refs;
	struct capture_order order;
	struct capture_command *next;
	/* once the descriptor is readable */
	unsigned status;
	struct err why;
};

void capture_order_done(struct capture_order *o)
{
	free(o->name);
	free(o->filter_text);
	filter_free(o->filter);
	*o = (struct capture_order){0};
}

static void unref(struct capture_command *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	capture_order_done(&c->order);
	close(c->stream.fd);
	free(c);
}

static bool command_begin(struct stream *s, struct reply *a)
{
	struct capture_command *c = (struct capture_command *)s;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (c->status >= 400) {
		reply_error(a, c->status, c->why.message);
		return true;
	}
	a->status = c->status;
	text_str(&a->body, "{\"name\":");
	text_quoted(&a->body, c->order.name);
	text_str(&a->body, "}\n");
	return true;
}

static void command_close(struct stream *s)
{
	unref((struct capture_command *)s);
}

static const struct stream_kind command_kind = {.begin = command_begin, .close = command_close};

struct stream *orders_post(struct orders *all, struct capture_order *o, struct err *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		err_sys(e, "cannot make an event descriptor");
		capture_order_done(o);
		return NULL;
	}
	struct capture_command *c = xcalloc(1, sizeof(*c));
	c->stream = (struct stream){&command_kind, fd};
	c->order = *o;
	atomic_init(&c->refs, 2);
	c->next = atomic_load(&all->newest);
	while (!atomic_compare_exchange_weak(&all->newest, &c->next, c))
		;
	return &c->stream;
}

bool orders_take(struct orders *all, capture_taker *take, void *ctx)
{
	if (LIKELY(!atomic_load_explicit(&all->newest, memory_order_relaxed)))
		return false;
	struct capture_command *c = atomic_exchange(&all->newest, NULL);
	while (c) {
		struct capture_command *next = c->next;
		c->status = take(ctx, &c->order, &c->why);
		(void)!eventfd_write(c->stream.fd, 1);
		unref(c);
		c = next;
	}
	return true;
}

void orders_done(struct orders *all)
{
	struct capture_command *c = atomic_exchange(&all->newest, NULL);

	while (c) {
		struct capture_command *next = c->next;
		unref(c);
		c = next;
	}
}
