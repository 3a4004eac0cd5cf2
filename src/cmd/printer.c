/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/printer.h"
#include "cmd/options.h"

#include <errno.h>
#include <unistd.h>

#define FLUSH_BYTES (256u << 10)

int printer_flush(struct printer *p)
{
	size_t n = p->out.len;

	text_reset(&p->out);
	if (!n || !write_all(STDOUT_FILENO, p->out.data, n))
		return 0;
	p->error = errno;
	return -1;
}

static int flush_full(struct printer *p)
{
	return p->out.len < FLUSH_BYTES && !p->unbuffered ? 0 : printer_flush(p);
}

int printer_event(struct printer *p, struct context *c)
{
	c->printed_ts = p->printed_ts;
	if (!format_line(p->format, c, &p->out))
		return 0;
	p->printed_ts = c->ev->ts;
	return flush_full(p);
}

int printer_put(struct printer *p, const char *text, size_t n)
{
	text_put(&p->out, text, n);
	return flush_full(p);
}

void printer_done(struct printer *p)
{
	format_free(p->format);
	text_done(&p->out);
}
