/* SPDX-License-Identifier: Apache-2.0 */
/* Room cmd: what dredged's command line and settings file say. */
#ifndef DREDGE_DREDGED_OPTIONS_H
#define DREDGE_DREDGED_OPTIONS_H

#include "cmd/options.h"
#include "cmd/statistics.h"
#include "isolate/config.h"
#include "savefile/savefile.h"
#include "source/source.h"

#define DREDGED_INTERFACES_MAX 64u

struct dredged_settings {
	struct mesos_settings mesos;
	char *write, *capture_filter, *cgroup_root, *mesos_cgroup, *listen, *tls_cert, *tls_key,
		*token_file, *capture_dir;	  /* owned; NULL = not given */
	char *interfaces[DREDGED_INTERFACES_MAX]; /* owned, NULL-ended */
	unsigned interface_count;
	uint64_t mesos_interval, status_interval, max_ns; /* ns */
	uint64_t max_body, history_size;		  /* bytes */
	uint64_t history;				  /* ns */
	bool reading;					  /* a file of settings */
	bool help, version, check, json, verbose, format_chosen, latency, no_capture;
	struct source_options source; /* without the texts above */
	struct writer_options out;    /* without the path */
	struct isolate_config isolate;
	struct text ignored; /* " --NAME" of each flag of the agent that is none of ours */
	struct statistics statistics;
};

/* Fills *s, which is all zero. Returns the index of the first word that is no option, or -1. Call
 * dredged_settings_done in either case. */
int dredged_settings_parse(struct dredged_settings *s, int argc, char **argv, struct err *e);
void dredged_settings_done(struct dredged_settings *s);
/* After dredged_settings_parse. */
void dredged_help(struct text *out);

#endif
