/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"

#include <ctype.h>
#include <stdlib.h>

#define KEYS(key, journal) key, journal, sizeof(key) - 1, sizeof(journal) - 1

const struct meta_row meta_rows[META_KEYS] = {
	[META_APP] = {KEYS("app", "MARATHON_APP_ID"), true, true},
	[META_TASK] = {KEYS("task", "MESOS_TASK_ID"), true, true},
	[META_FRAMEWORK] = {KEYS("framework", "MESOS_FRAMEWORK_NAME"), true, false},
	[META_CONTAINER] = {KEYS("container", "CONTAINER_ID"), true, false},
	[META_AGENT] = {KEYS("agent", "MESOS_AGENT_ID"), true, false},
	[META_IMAGE] = {KEYS("image", "CONTAINER_IMAGE"), true, false},
	[META_NAME] = {KEYS("name", "CONTAINER_NAME"), false, false},
	[META_TASK_NAME] = {KEYS("task_name", "MESOS_TASK_NAME"), false, true},
	[META_FRAMEWORK_ID] = {KEYS("framework_id", "MESOS_FRAMEWORK_ID"), false, false},
	[META_EXECUTOR] = {KEYS("executor", "MESOS_EXECUTOR_ID"), false, false},
	[META_RUNTIME] = {KEYS("runtime", "CONTAINER_RUNTIME"), false, false},
	[META_HOSTNAME] = {KEYS("hostname", "MESOS_AGENT_HOSTNAME"), false, false},
	[META_RUNG] = {KEYS("rung", "DREDGE_RUNG"), false, false},
	[META_TASK_STATE] = {KEYS("task_state", "MESOS_TASK_STATE"), false, true},
	[META_APP_VERSION] = {KEYS("app_version", "MARATHON_APP_VERSION"), false, true},
	[META_PORTS] = {KEYS("ports", "MESOS_TASK_PORTS"), false, true},
	[META_TASK_LABELS] = {KEYS("task_labels", "MESOS_TASK_LABELS"), false, true},
	[META_APP_LABELS] = {KEYS("app_labels", "MARATHON_APP_LABELS"), false, true},
	[META_HEALTH] = {KEYS("health", "MESOS_TASK_HEALTH"), false, true},
	[META_DEPLOYMENT] = {KEYS("deployment", "MARATHON_DEPLOYMENT_ID"), false, true},
	[META_ADDRESS] = {KEYS("address", "MESOS_AGENT_ADDRESS"), false, true},
	[META_EPHEMERAL] = {KEYS("ephemeral", "DREDGE_EPHEMERAL_PORTS"), false, true},
};

void text_percent(struct text *t, const char *s, size_t n, const char *also)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		if (c > 0x20 && c != 0x7f && c != '%' && !strchr(also, c)) {
			text_char(t, (char)c);
			continue;
		}
		text_char(t, '%');
		text_char(t, "0123456789ABCDEF"[c >> 4]);
		text_char(t, "0123456789ABCDEF"[c & 15]);
	}
}

static int hex_value(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

void text_unpercent(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && n - i > 2 && hex_value(s[i + 1]) >= 0 &&
		    hex_value(s[i + 2]) >= 0) {
			text_char(t, (char)(hex_value(s[i + 1]) << 4 | hex_value(s[i + 2])));
			i += 2;
		} else {
			text_char(t, s[i]);
		}
	}
}

const char *labels_find(const char *labels, const char *key, size_t *n)
{
	struct text wanted = {0};
	const char *found = NULL;

	text_percent(&wanted, key, strlen(key), "=");
	for (const char *line = labels; line && *line && !found;) {
		const char *end = strchrnul(line, '\n'),
			   *eq = memchr(line, '=', (size_t)(end - line));
		if (eq && (size_t)(eq - line) == wanted.len &&
		    !memcmp(line, wanted.data, wanted.len)) {
			found = eq + 1;
			*n = (size_t)(end - found);
		}
		line = *end ? end + 1 : end;
	}
	text_done(&wanted);
	return found;
}

void meta_describe(struct text *t, const char *const meta[META_KEYS])
{
	bool first = true;

	for (unsigned k = 0; k < META_KEYS; k++) {
		if (!meta_rows[k].described || !meta[k])
			continue;
		if (!first)
			text_char(t, ' ');
		first = false;
		text_str(t, meta_rows[k].key);
		text_char(t, '=');
		text_percent(t, meta[k], strlen(meta[k]), "");
	}
}

static int key_of(const char *s, size_t n)
{
	for (int k = 0; k < META_KEYS; k++)
		if (meta_rows[k].key_len == n && !memcmp(meta_rows[k].key, s, n))
			return k;
	return -1;
}

void meta_parse_description(const char *description, char *meta[META_KEYS])
{
	for (const char *s = description; *s;) {
		size_t n = strcspn(s, " ");
		const char *eq = memchr(s, '=', n);
		int k = eq ? key_of(s, (size_t)(eq - s)) : -1;
		if (k >= 0) {
			struct text value = {0};
			text_unpercent(&value, eq + 1, n - (size_t)(eq + 1 - s));
			free(meta[k]);
			meta[k] = xstrdup(text_cstr(&value));
			text_done(&value);
		}
		s += n;
		s += strspn(s, " ");
	}
}
