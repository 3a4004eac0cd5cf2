/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/printer.h"

static void list_field(const struct field *f, bool verbose, bool markdown, struct text *out)
{
	cleanup_free char *name = xasprintf("%s%s", f->name, f->flags & FIELD_ARG ? ".ARG" : "");

	if (markdown)
		text_fmt(out, "`%s` | %s | %s\n", name, value_type_name(f->type), f->text);
	else if (verbose)
		text_fmt(out, "%-30s %-8s %s%s%s\n", name, value_type_name(f->type), f->text,
			 f->flags & FIELD_FILTER ? " (filters only)" : "",
			 f->flags & FIELD_PRINT ? " (formats only)" : "");
	else
		text_fmt(out, "%-30s %s\n", name, f->text);
}

void list_fields(bool verbose, bool markdown, struct text *out)
{
	for (const struct field_class *const *k = field_classes; *k; k++) {
		if (markdown)
			text_fmt(out, "\n## %s: %s\n\nName | Type | Description\n:--|:--|:--\n",
				 (*k)->name, (*k)->text);
		else
			text_fmt(out, "%s---- %s: %s\n", k == field_classes ? "" : "\n", (*k)->name,
				 (*k)->text);
		for (size_t i = 0; i < (*k)->count; i++)
			list_field(&(*k)->fields[i], verbose, markdown, out);
	}
}

void list_events(struct text *out)
{
	static const char *const texts[EVENT_TYPES] = {
		[EVENT_PACKET] = "a packet at a container's interface",
		[EVENT_COUNTERS] = "a sample of a container's counters",
		[EVENT_NOTICE] =
			"a container started, ended, got its name, listens, restarts again",
		[EVENT_DROP] = "packets that were lost, with their number",
	};

	for (unsigned t = 0; t < EVENT_TYPES; t++)
		if (texts[t])
			text_fmt(out, "%-10s %s\n", event_type_name(t), texts[t]);
}
