/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048u

static const char *log_program = "dredge";
static enum log_level log_limit = LOG_LEVEL_INFO;
static _Atomic(bool (*)(const char *, size_t)) log_taker;

void log_divert(bool (*take)(const char *text, size_t n))
{
	atomic_store(&log_taker, take);
}

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_limit = level;
}

/* In its place: a line is also written when there is no memory. */
static void make_plain(char *line, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		uint8_t c = (uint8_t)line[i];
		len = c < 0x80 ? 1 : MAX(text_utf8(line + i, n - i), 1);
		if (c < 0x20 || c == 0x7f ||
		    (c >= 0x80 && text_is_unseen((const uint8_t *)line + i, (unsigned)len)))
			memset(line + i, '?', len);
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	int saved = errno;
	va_list ap;

	if (level > log_limit)
		return;
	bool (*take)(const char *, size_t) = atomic_load(&log_taker);
	size_t before = (size_t)snprintf(line, sizeof(line) / 2, "%s: ", log_program);
	size_t n = before;
	va_start(ap, fmt);
	int m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (m > 0)
		n = MIN(n + (size_t)m, sizeof(line) - 2);
	make_plain(line, n);
	if (!take || !take(line + before, n - before)) {
		line[n++] = '\n';
		(void)!write(STDERR_FILENO, line, n);
	}
	errno = saved;
}
