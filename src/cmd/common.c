/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"
#include "mesos/mesos.h"
#include "source/source.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_CAPNG
#include <cap-ng.h>
#endif

/* Beside the program, wherever cmake --install --prefix has put both; else where they should be. */
static char *installed_dir(const char *kind)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	for (unsigned up = 0; up < 2; up++)
		while (n > 0 && program[--n] != '/')
			;
	char *beside = xasprintf("%.*s/share/dredge/%s", (int)MAX(n, 0), program, kind);
	if (!access(beside, F_OK))
		return beside;
	free(beside);
	return xasprintf("%s/%s", DREDGE_SHARE_DIR, kind);
}

const char *const *plugin_dirs(const char *kind)
{
	static char *dirs[8][4];
	static const char *kinds[8];
	unsigned i = 0;

	while (kinds[i] && !str_eq(kinds[i], kind))
		i++;
	if (kinds[i])
		return (const char *const *)dirs[i];
	kinds[i] = kind;
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	unsigned n = 0;
	dirs[i][n++] = xasprintf("./%s", kind);
	if (data && *data)
		dirs[i][n++] = xasprintf("%s/dredge/%s", data, kind);
	else if (home && *home)
		dirs[i][n++] = xasprintf("%s/.local/share/dredge/%s", home, kind);
	dirs[i][n++] = installed_dir(kind);
	return (const char *const *)dirs[i];
}

#define URLS_MAX 16u

void privileges_drop(void)
{
	const int none[] = {-1};

	privileges_keep(none, NULL);
}

/* The next of "URL,URL URL"; hosts of a zk:// URL have commas between them too. */
static char *next_url(char **rest)
{
	char *u = *rest + strspn(*rest, ", ");

	if (!*u)
		return NULL;
	char *path = str_starts(u, "zk://") ? u + strcspn(u, " ") : u;
	if (path != u) {
		char *slash = strchr(u + strlen("zk://"), '/');
		path = slash && slash < path ? slash : u;
	}
	char *end = path + strcspn(path, ", ");
	*rest = end + (*end != '\0');
	*end = '\0';
	return u;
}

int start_poller(const struct mesos_settings *s, struct mesos_options o,
		 struct mesos_poller **poller, struct err *e)
{
	struct text found = {0};
	const char *list[URLS_MAX];
	size_t n = 0;

	*poller = NULL;
	if (!s->urls)
		return 0;
	if (str_eq(s->urls, "auto"))
		mesos_find_local(&found);
	cleanup_free char *copy = xstrdup(found.len ? text_cstr(&found) : s->urls);
	text_done(&found);
	if (str_eq(copy, "auto")) {
		log_info("no Mesos master on this host: nobody to ask for names");
		return 0;
	}
	char *rest = copy;
	for (char *u; (u = next_url(&rest));) {
		if (n == URLS_MAX)
			return err_set(e, ERR_USAGE, "more than %u Mesos URLs", URLS_MAX);
		list[n++] = u;
	}
	if (!n)
		return err_set(e, ERR_USAGE, "no Mesos URL in '%s'", s->urls);
	o.urls = list;
	o.n = n;
	o.thread_begins = privileges_drop;
	o.agent_url = s->agent;
	o.credentials_file = s->credentials;
	o.token_file = s->token;
	o.login_file = s->login;
	o.ca_file = s->ca_file;
	o.no_follow = s->no_follow;
	o.no_stream = s->no_stream;
	*poller = mesos_poller_start(&o, e);
	return *poller ? 0 : -1;
}

static struct source *_Atomic running;
static volatile sig_atomic_t caught;

static void on_stop(int sig)
{
	struct source *s = atomic_load(&running);

	if (caught && sig == SIGINT)
		_exit(128 + sig);
	caught = sig;
	if (s)
		atomic_store(&s->stop, true);
}

void signals_stop(struct source *s)
{
	struct sigaction act = {.sa_handler = on_stop};

	atomic_store(&running, s);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	sigaction(SIGXFSZ, &act, NULL); /* a limit is told like a full disk */
}

int signals_caught(void)
{
	return caught;
}

int privileges_keep(const int *caps, struct err *e)
{
#ifdef HAVE_CAPNG
	capng_get_caps_process();
	if (!capng_have_capabilities(CAPNG_SELECT_CAPS))
		return 0;
	capng_clear(CAPNG_SELECT_CAPS);
	for (; *caps >= 0; caps++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)*caps);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return err_set(e, ERR_FAILED, "cannot give up capabilities");
#else
	(void)caps;
	(void)e;
#endif
	return 0;
}

/* A filter error shows the text and a caret on lines of their own. */
int report(const struct err *e)
{
	cleanup_free char *copy = xstrdup(e->message);
	char *rest = copy;

	log_error("%s", strsep(&rest, "\n"));
	for (char *line; (line = strsep(&rest, "\n"));) {
		struct text t = {0};
		text_plain(&t, line, strlen(line));
		text_char(&t, '\n');
		write_all(STDERR_FILENO, t.data, t.len);
		text_done(&t);
	}
	return e->code ? (int)e->code : ERR_FAILED;
}

void text_bytes(struct text *t, uint64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	unsigned u = 0;
	double v = (double)n;

	while (v >= 1000 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	text_fmt(t, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}
