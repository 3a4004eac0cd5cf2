/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"
#include "cmd/printer.h"

#include <unistd.h>

#define BAR_WIDTH   30
#define FIRST_AFTER (500 * NSEC_PER_MSEC) /* short reads show nothing */
#define SHOW_EVERY  (100 * NSEC_PER_MSEC)

void progress_init(struct progress *p, bool forced)
{
	*p = (struct progress){
		.wanted = forced || isatty(STDERR_FILENO),
		.started = time_monotonic(),
	};
}

void progress_show(struct progress *p, const struct source *s, uint64_t events)
{
	uint64_t now = time_monotonic();

	if (!p->wanted || now - p->started < FIRST_AFTER || now - p->shown < SHOW_EVERY)
		return;
	double part = s->kind->progress ? s->kind->progress(s) : -1;
	if (part < 0)
		return;
	p->shown = now;
	p->visible = true;
	int full = (int)(MIN(part, 1.0) * BAR_WIDTH);
	struct text t = {0};
	text_str(&t, "\r[");
	for (int i = 0; i < BAR_WIDTH; i++)
		text_char(&t, i < full ? '#' : '.');
	text_fmt(&t, "] %3.0f%%  %llu events ", MIN(part, 1.0) * 100, (unsigned long long)events);
	write_all(STDERR_FILENO, t.data, t.len);
	text_done(&t);
}

void progress_done(struct progress *p)
{
	static const char wipe[] = "\r\033[K";

	if (p->visible)
		write_all(STDERR_FILENO, wipe, sizeof(wipe) - 1);
	p->visible = false;
}
