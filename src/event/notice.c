/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

static size_t line_length(const char *line, const char *end)
{
	const char *stop = memchr(line, '\n', (size_t)(end - line));

	return (size_t)((stop ? stop : end) - line);
}

const char *notice_find(const void *data, size_t size, const char *key, size_t *n)
{
	const char *line = data, *end = line + size;
	size_t key_len = strlen(key);

	while (line < end) {
		size_t len = line_length(line, end);
		if (len > key_len && line[key_len] == '=' && !memcmp(line, key, key_len)) {
			*n = len - key_len - 1;
			return line + key_len + 1;
		}
		line += len + 1;
	}
	return NULL;
}

void notice_meta(const void *data, size_t size, struct notice_value out[META_KEYS])
{
	const char *line = data, *end = line + size;

	memset(out, 0, META_KEYS * sizeof(*out));
	while (line < end) {
		size_t len = line_length(line, end);
		const char *is = memchr(line, '=', len);
		size_t key_len = is ? (size_t)(is - line) : 0;
		for (unsigned k = 0; k < META_KEYS && key_len; k++) {
			const struct meta_row *row = &meta_rows[k];
			if (row->journal_len == key_len && !out[k].p &&
			    !memcmp(row->journal, line, key_len))
				out[k] = (struct notice_value){is + 1, len - key_len - 1};
		}
		line += len + 1;
	}
}

void notice_add(struct text *t, const char *key, const char *value)
{
	text_str(t, key);
	text_char(t, '=');
	for (; *value; value++)
		text_char(t, (uint8_t)*value < 0x20 || *value == 0x7f ? ' ' : *value);
	text_char(t, '\n');
}

void notice_format(struct text *t, uint64_t ts, const char *kind, int priority,
		   const char *const meta[META_KEYS], const char *message)
{
	text_str(t, "__REALTIME_TIMESTAMP=");
	text_u64(t, ts / NSEC_PER_USEC);
	text_str(t, "\nPRIORITY=");
	text_i64(t, priority);
	text_str(t, "\nSYSLOG_IDENTIFIER=dredged\n");
	notice_add(t, "DREDGE_EVENT", kind);
	notice_add(t, "MESSAGE", message);
	for (unsigned k = 0; meta && k < META_KEYS; k++) {
		if (!meta[k])
			continue;
		/* Label lists span lines; journal fields in text form must not. */
		if (k == META_TASK_LABELS || k == META_APP_LABELS)
			continue;
		notice_add(t, meta_rows[k].journal, meta[k]);
	}
}
