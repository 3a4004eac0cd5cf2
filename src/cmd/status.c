/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/status.h"
#include "cmd/options.h"

#include <jansson.h>

static unsigned long long number_of(const json_t *o, const char *name)
{
	return (unsigned long long)json_integer_value(json_object_get(o, name));
}

static void put_metadata(struct text *t, const json_t *m)
{
	const json_t *age = json_object_get(m, "age_seconds");
	const char *error = json_string_value(json_object_get(m, "error"));

	text_str(t, "metadata:   ");
	if (!m) {
		text_str(t, "nobody is asked\n");
		return;
	}
	if (json_is_number(age))
		text_fmt(t, "%llu tasks, %.1f s old", number_of(m, "tasks"),
			 json_number_value(age));
	else
		text_str(t, "none yet");
	if (error) {
		text_str(t, "; last error: ");
		text_plain(t, error, strlen(error));
	}
	text_char(t, '\n');
}

static void put_capture(struct text *t, const json_t *c)
{
	const char *file = json_string_value(json_object_get(c, "file"));

	text_str(t, "capture:    ");
	if (!file) {
		text_str(t, "none\n");
		return;
	}
	text_plain(t, file, strlen(file));
	text_fmt(t, ": %llu events, ", number_of(c, "events"));
	text_bytes(t, number_of(c, "bytes"));
	text_fmt(t, ", %llu lost\n", number_of(c, "lost"));
}

int status_text(const char *json, struct text *out, struct err *e)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *packets = json_object_get(root, "packets");
	const char *why = json_string_value(json_object_get(root, "why"));
	int status = 0;

	text_fmt(out, "ready:      %s%s%s\n", why ? "no" : "yes", why ? ": " : "", why ? why : "");
	put_metadata(out, json_object_get(root, "metadata"));
	text_fmt(out, "containers: %llu\n", number_of(root, "containers"));
	text_fmt(out, "packets:    %llu seen, %llu lost, %llu left out by sampling\n",
		 number_of(packets, "seen"), number_of(packets, "lost"),
		 number_of(packets, "sampled_out"));
	put_capture(out, json_object_get(root, "capture"));
	if (!json_is_true(json_object_get(root, "ready")))
		status = err_set(e, ERR_FAILED, "not ready");
	json_decref(root);
	return status;
}
