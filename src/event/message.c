/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <stdlib.h>

struct message *message_new(void)
{
	return xcalloc(1, sizeof(struct message));
}

void message_free(struct message *m)
{
	for (struct message *next; m; m = next) {
		next = m->next;
		text_done(&m->text);
		text_done(&m->keys);
		free(m->container);
		free(m);
	}
}

void message_post(struct message_box *b, struct message *m)
{
	if (atomic_fetch_add(&b->waiting, 1) >= MESSAGES_WAITING) {
		atomic_fetch_sub(&b->waiting, 1);
		message_free(m);
		return;
	}
	m->next = atomic_load(&b->newest);
	while (!atomic_compare_exchange_weak(&b->newest, &m->next, m))
		;
}

struct message *message_take(struct message_box *b)
{
	struct message *m = atomic_exchange(&b->newest, NULL), *oldest = NULL;
	unsigned n = 0;

	for (struct message *older; m; m = older, n++) {
		older = m->next;
		m->next = oldest;
		oldest = m;
	}
	atomic_fetch_sub(&b->waiting, n);
	return oldest;
}
