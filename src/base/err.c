/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdio.h>

static void fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	e->code = code;
	e->line = e->column = 0;
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	fill(e, code, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	fill(e, ERR_FAILED, fmt, ap);
	va_end(ap);
	size_t n = strlen(e->message);
	snprintf(e->message + n, sizeof(e->message) - n, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->message)];
	va_list ap;

	if (!e)
		return -1;
	memcpy(inner, e->message, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	size_t n = strlen(e->message);
	if (n + 3 < sizeof(e->message)) {
		memcpy(e->message + n, ": ", 3);
		n += 2;
		size_t room = sizeof(e->message) - n - 1, m = MIN(strlen(inner), room);
		memcpy(e->message + n, inner, m);
		e->message[n + m] = '\0';
	}
	return -1;
}
