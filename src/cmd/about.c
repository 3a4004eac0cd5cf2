/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/about.h"
#include "cmd/printer.h"

#include <linux/capability.h>

static int explain(const char *filter, struct text *out, struct err *e)
{
	struct filter *f = filter_compile(filter, plugin_dirs("filters"), e);
	if (!f)
		return -1;
	filter_explain(f, out);
	filter_free(f);
	return 0;
}

static int info(const struct settings *s, struct text *out, struct err *e)
{
	const int none[] = {CAP_DAC_OVERRIDE, -1};
	int status = privileges_keep(none, e);

	if (status)
		return -1;
	for (unsigned i = 0; i < s->input_count; i++) {
		struct err why = {0};
		if (i && !s->print.json)
			text_char(out, '\n');
		if (!info_print(s->inputs[i], s->print.json, out, &why))
			continue;
		if (status)
			report(e);
		*e = why;
		status = -1;
	}
	return status;
}

int about(const struct settings *s, const char *words, struct text *out, struct err *e)
{
	int failed = 0;

	if (s->help) {
		text_str(out, "Usage: dredge [OPTIONS] [FILTER]\n"
			      "       dredge --info FILE...\n"
			      "       dredge --explain FILTER\n"
			      "Print, filter, count and record the packets of containers, live (as "
			      "root) or from a capture, or run scripts (chisels) over them.\n");
		settings_help(out);
		text_str(out, "\nSee dredge(1), dredge-filter(5), dredge-fields(7), "
			      "dredge-chisels(7).\n");
	} else if (s->version) {
		text_str(out, "dredge " DREDGE_VERSION "\n");
	} else if (s->list || s->list_markdown) {
		list_fields(s->verbose, s->list_markdown, out);
	} else if (s->list_events) {
		list_events(out);
	} else if (s->format && str_eq(s->format, "p")) {
		text_fmt(out, "%s\n", print_format_default);
	} else if (s->explain) {
		failed = explain(words, out, e);
	} else if (s->info) {
		failed = info(s, out, e);
	} else if (s->list_chisels) {
		const struct chisel_host host = settings_chisel_host(s);
		chisels_list(&host, out);
	} else if (s->chisel_info) {
		const struct chisel_host host = settings_chisel_host(s);
		failed = chisel_info(&host, s->chisel_info, out, e);
	} else {
		return ABOUT_NOTHING;
	}
	return failed;
}
