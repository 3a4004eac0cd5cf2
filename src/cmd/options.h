/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room cmd: command lines as data. A row per option gives parsing, the
 * configuration file, the help text and, for the plain ones, what it sets.
 */
#ifndef DREDGE_OPTIONS_H
#define DREDGE_OPTIONS_H

#include "base/base.h"
#include "mesos/mesos.h"

#define OPTION_BARE   0x1u /* the argument may be left out (--name, --name=ARG) */
#define OPTION_JOINS  0x2u /* an argument that ends in a comma goes on in the next word */
#define OPTION_BOOL   0x4u /* the argument is true or false: --no-NAME is --NAME=false */
#define OPTION_HIDDEN 0x8u /* not in the help */
/* Of another program whose habits are followed; help: why not here, and what is there instead. Not
 * in the help, and never cut short. */
#define OPTION_REFUSED 0x100u
/* Errors of its setter are about the argument: the option's name is put before them, as it is for
 * plain options. */
#define OPTION_VALUE 0x200u

/* What a plain option sets, at row.to in the settings; the others go to the setter. */
#define OPTION_TRUE 0x10u /* a bool */
#define OPTION_TEXT 0x20u /* a char *: a copy of the argument, owned, freed by options_done */
#define OPTION_TIME 0x40u /* a uint64_t: ns */
#define OPTION_SIZE 0x80u /* a uint64_t: bytes */
#define OPTION_LONG 256	  /* the id of plain options without a letter */

struct option_row {
	int id;		  /* a letter for options that have one, else >= 256 */
	const char *name; /* long name, or NULL */
	const char *arg;  /* placeholder of the argument, NULL = takes none */
	const char *help; /* NULL: the row's name is the heading of a group */
	unsigned flags;	  /* OPTION_* */
	size_t to;	  /* offset in the settings, of plain options */
};

/* For the options that are not plain (NULL where there are none). settings is what options_parse
 * was given; arg is NULL for options without one. */
typedef int option_setter(void *settings, int id, const char *arg, struct err *e);

/*
 * Long names as Mesos takes them: "--NAME=ARG" or "--NAME ARG", '-' and '_' are the same; a name
 * may be cut short where only one begins so. Returns the index of the first word that is no option,
 * or -1 (ERR_USAGE).
 */
int options_parse(const struct option_row *rows, size_t n, int argc, char **argv,
		  option_setter *set, void *settings, struct err *e);
/* The same, but options may stand behind words, too, up to "--": the words are moved to the end. */
int options_parse_mixed(const struct option_row *rows, size_t n, int argc, char **argv,
			option_setter *set, void *settings, struct err *e);
/* For a setter: the *n words behind the option; who takes some of them adds that to optind. */
char **options_behind(unsigned *n);
/* A file of "name = value" lines with the long names; '#' begins a comment. */
int options_read_file(const struct option_row *rows, size_t n, const char *path, option_setter *set,
		      void *settings, struct err *e);
/* All words that are no options are the filter: one text, owned, or NULL. */
char *words_join(int argc, char **argv, int from);
/* A lone word that names a file is no filter: somebody forgot -r. Says so, and how to read it. */
int words_refuse_file(int argc, char **argv, int from, struct err *e);
void options_help(const struct option_row *rows, size_t n, struct text *out);
/* Free the texts. */
void options_done(const struct option_row *rows, size_t n, void *settings);

/* ---- what the programs share ---- */

#ifndef DREDGE_VERSION
#define DREDGE_VERSION "0.0"
#endif

/* Where plug-ins of a kind ("filters", "formats") are looked for: ./KIND, the user's directory
 * (XDG_DATA_HOME, else ~/.local/share)/dredge/KIND, the installed one. NULL-ended, lives for ever.
 */
const char *const *plugin_dirs(const char *kind);
/* Who is asked about containers: the options that the programs share. */
struct mesos_settings {
	char *urls, *agent, *credentials, *token, *login, *ca_file; /* owned; NULL = not given */
	bool no_follow, no_stream;
};
/* Rows that fill `member`, a struct mesos_settings, of the settings. */
#define MESOS_ROWS(settings, member)                                                             \
	{'m',                                                                                    \
	 "mesos-api",                                                                            \
	 "URL[,URL]",                                                                            \
	 "ask this Mesos master (and Marathon) who containers are",                              \
	 OPTION_JOINS | OPTION_TEXT,                                                             \
	 offsetof(settings, member.urls)},                                                       \
		{OPTION_LONG, "mesos-agent",                                                     \
		 "URL",	      "this host's Mesos agent (found from the master otherwise)",       \
		 OPTION_TEXT, offsetof(settings, member.agent)},                                 \
		{OPTION_LONG, "mesos-credentials",                                               \
		 "FILE",      "file with 'PRINCIPAL SECRET', as Mesos takes it",                 \
		 OPTION_TEXT, offsetof(settings, member.credentials)},                           \
		{OPTION_LONG, "mesos-token",                                                     \
		 "FILE",      "file with a bearer token",                                        \
		 OPTION_TEXT, offsetof(settings, member.token)},                                 \
		{OPTION_LONG, "dcos-login",                                                      \
		 "FILE",      "JSON file with a login, or a service account, of DC/OS",          \
		 OPTION_TEXT, offsetof(settings, member.login)},                                 \
		{OPTION_LONG, "ca-file",                                                         \
		 "FILE",      "certificates to trust for https",                                 \
		 OPTION_TEXT, offsetof(settings, member.ca_file)},                               \
		{OPTION_LONG, "no-stream",                                                       \
		 NULL,	      "ask again and again, and read no event streams",                  \
		 OPTION_TRUE, offsetof(settings, member.no_stream)},                             \
	{                                                                                        \
		OPTION_LONG, "no-follow", NULL, "ask the given Mesos URLs alone, whoever leads", \
			OPTION_TRUE, offsetof(settings, member.no_follow)                        \
	}
/* *poller stays NULL unless there is somebody to ask ("URL[,URL]", also as two words, "URL,"
 * "URL"; "auto": who answers on this host). o gives the rest. */
int start_poller(const struct mesos_settings *s, struct mesos_options o,
		 struct mesos_poller **poller, struct err *e);
/* Set by SIGINT and SIGTERM; the source of the run is told to stop. A second ^C ends at once. */
struct source;
void signals_stop(struct source *s);
int signals_caught(void); /* the signal, or 0 */
/* Give up every capability but those named (CAP_* numbers, -1 at the end). */
int privileges_keep(const int *caps, struct err *e);
void privileges_drop(void); /* all of them; a thread that reads foreign bytes begins so */
/* Print the error as "program: message" on stderr and return its exit status. */
int report(const struct err *e);
/* "12.3 MB", "4.0 kB": decimal units, as capinfos and ls --si. */
void text_bytes(struct text *t, uint64_t n);

#endif
