/* SPDX-License-Identifier: Apache-2.0 */
/* Room cmd: what dredge's command line says. */
#ifndef DREDGE_DREDGE_OPTIONS_H
#define DREDGE_DREDGE_OPTIONS_H

#include "chisel/chisel.h"
#include "cmd/options.h"
#include "print/print.h"
#include "source/source.h"

#define DREDGE_FILES_MAX      1024u
#define DREDGE_INTERFACES_MAX 64u

struct settings {
	const char *inputs[DREDGE_FILES_MAX]; /* none = live */
	unsigned input_count;
	struct mesos_settings mesos;
	char *write, *from, *to, *capture_filter, *cgroups_root; /* owned */
	const char *format;
	const char *summary_field; /* NULL = evt.type */
	/* what to do instead of a run */
	bool help, version, list, list_markdown, list_events, info, explain, list_chisels;
	char *chisel_info; /* owned */
	bool verbose, quiet, want_progress, want_summary, unbuffered;
	bool buffer_chosen, format_chosen;
	uint64_t max_events, max_ns;
	unsigned threads, interface_count;
	const char *interfaces[DREDGE_INTERFACES_MAX]; /* NULL-ended */
	bool trust_chisels;
	struct chisels *chisels; /* owned; NULL = none */
	/* What they print from settings_parse on; set before. */
	int (*chisel_text)(void *ctx, const char *p, size_t n);
	void *chisel_ctx;
	struct print_options print;
	struct source_options source;
	struct writer_options out;
};

/* What is not owned is borrowed from argv. On success *words is what follows the options: the
 * filter, or NULL (caller frees); of --info the files have gone to inputs. */
int settings_parse(struct settings *s, int argc, char **argv, char **words, struct err *e);
/* Where chisels, and what they name, are looked up. */
struct chisel_host settings_chisel_host(const struct settings *s);
void settings_done(struct settings *s);
void settings_help(struct text *out);

#endif
