/* SPDX-License-Identifier: Apache-2.0 */
/* Room cmd: the command line of cdredge. */
#ifndef DREDGE_CDREDGE_OPTIONS_H
#define DREDGE_CDREDGE_OPTIONS_H

#include "cmd/options.h"
#include "flow/flow.h"
#include "view/view.h"

struct console_settings {
	const char *input;	    /* borrowed from argv; NULL = live */
	char *connect, *token_file; /* owned; NULL = not given */
	struct mesos_settings mesos;
	char *cgroups_root, *view, *from, *to, *sort, *filter; /* owned; NULL = not given */
	struct source_options source;
	enum table_format format;
	uint64_t interval; /* ns */
	uint64_t rows;	   /* 0 = all */
	unsigned threads;
	bool batch, repeat, list_views, list_fields, help, version;
};

int console_settings_parse(struct console_settings *s, int argc, char **argv, struct err *e);
void console_settings_done(struct console_settings *s);
void console_settings_help(struct text *out);

#endif
