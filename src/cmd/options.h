/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room cmd: command lines as data. A row per option gives parsing, the
 * configuration file and the help text.
 */
#ifndef DREDGE_OPTIONS_H
#define DREDGE_OPTIONS_H

#include "base/base.h"
#include "mesos/mesos.h"

#define OPTION_BARE   0x1u /* the argument may be left out (--name, --name=ARG) */
#define OPTION_JOINS  0x2u /* an argument that ends in a comma goes on in the next word */
#define OPTION_BOOL   0x4u /* the argument is true or false: --no-NAME is --NAME=false */
#define OPTION_HIDDEN 0x8u /* not in the help */

struct option_row {
	int id;		  /* a letter for options that have one, else >= 256 */
	const char *name; /* long name, or NULL */
	const char *arg;  /* placeholder of the argument, NULL = takes none */
	const char *help; /* NULL: the row's name is the heading of a group */
	unsigned flags;	  /* OPTION_* */
};

/* arg is NULL for options without one. */
typedef int option_setter(void *ctx, int id, const char *arg, struct err *e);

/*
 * Long names as Mesos takes them: "--NAME=ARG" or "--NAME ARG", '-' and '_' are the same; a name
 * may be cut short where only one begins so. Returns the index of the first word that is no option,
 * or -1 (ERR_USAGE).
 */
int options_parse(const struct option_row *rows, size_t n, int argc, char **argv,
		  option_setter *set, void *ctx, struct err *e);
/* A file of "name = value" lines with the long names; '#' begins a comment. */
int options_read_file(const struct option_row *rows, size_t n, const char *path, option_setter *set,
		      void *ctx, struct err *e);
/* All words behind the options are the filter: one text, owned, or NULL. */
char *words_join(int argc, char **argv, int from);
void options_help(const struct option_row *rows, size_t n, struct text *out);

/* ---- what the programs share ---- */

#ifndef DREDGE_VERSION
#define DREDGE_VERSION "0.0"
#endif

/* Where plug-ins of a kind ("filters", "formats") are looked for: ./KIND, the user's directory
 * (XDG_DATA_HOME, else ~/.local/share)/dredge/KIND, the installed one. NULL-ended, lives for ever.
 */
const char *const *plugin_dirs(const char *kind);
/* Mesos URLs from "-m": "URL[,URL]", also as two words ("URL," "URL"); they fill those of o. */
struct mesos_poller *start_poller(const char *urls, struct mesos_options o, struct err *e);
/* Set by SIGINT and SIGTERM; the source of the run is told to stop. A second ^C ends at once. */
struct source;
void signals_stop(struct source *s);
int signals_caught(void); /* the signal, or 0 */
/* Give up every capability but those named (CAP_* numbers, -1 at the end). */
int privileges_keep(const int *caps, struct err *e);
void privileges_drop(void); /* all of them; a thread that reads foreign bytes begins so */
/* Print the error as "program: message" on stderr and return its exit status. */
int report(const struct err *e);
int write_all(int fd, const char *p, size_t n);
/* "12.3 MB", "4.0 kB": decimal units, as capinfos and ls --si. */
void text_bytes(struct text *t, uint64_t n);

#endif
