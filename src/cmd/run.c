/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUPS	   "/sys/fs/cgroup"
#define EMPTY_MSEC 2000 /* so long killed processes may take to leave a cgroup */

/* ---- cgroups: one in each hierarchy, as Mesos makes them ---- */

static const char *const hierarchies[] = {"cpu,cpuacct", "cpu",	  "cpuacct",
					  "memory",	 "blkio", "freezer"};

struct cgroups {
	char *dirs[ARRAY_SIZE(hierarchies)]; /* owned */
	size_t n;
};

static int write_text(const char *dir, const char *file, const char *text)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) > 0 ? 0 : -1;
}

static int cgroup_make(struct cgroups *g, const char *root, const struct run_options *o, bool v2,
		       struct err *e)
{
	static const char *const controllers[] = {"+cpu", "+memory", "+io", "+pids"};
	cleanup_free char *parent = xasprintf("%s/%s", root, o->cgroup);
	char *dir = xasprintf("%s/%s", parent, o->id);

	if (mkdir(parent, 0755) && errno != EEXIST) {
		free(dir);
		return err_sys(e, "%s", parent);
	}
	for (size_t i = 0; v2 && i < ARRAY_SIZE(controllers); i++) /* those that there are */
		write_text(parent, "cgroup.subtree_control", controllers[i]);
	/* One that was left behind is empty; one that is not is somebody else's. */
	if (mkdir(dir, 0755) && (errno != EEXIST || rmdir(dir) || mkdir(dir, 0755))) {
		err_sys(e, "%s", dir);
		free(dir);
		return -1;
	}
	g->dirs[g->n++] = dir;
	return 0;
}

static int cgroups_make(struct cgroups *g, const struct run_options *o, struct err *e)
{
	struct stat st;

	if (str_eq(o->cgroup, "none"))
		return 0;
	if (!access(CGROUPS "/cgroup.controllers", F_OK))
		return cgroup_make(g, CGROUPS, o, true, e);
	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++) {
		cleanup_free char *root = xasprintf(CGROUPS "/%s", hierarchies[i]);
		if (lstat(root, &st) || !S_ISDIR(st.st_mode)) /* "cpu" may be a link */
			continue;
		if (cgroup_make(g, root, o, false, e))
			return -1;
	}
	return 0;
}

static int cgroups_enter(const struct cgroups *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (write_text(g->dirs[i], "cgroup.procs", "0"))
			return -1;
	return 0;
}

static void kill_all(const char *dir)
{
	cleanup_free char *path = xasprintf("%s/cgroup.procs", dir);
	FILE *f = fopen(path, "re");
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

static void cgroups_remove(struct cgroups *g, const char *parent)
{
	for (size_t i = 0; i < g->n; i++) {
		char *dir = g->dirs[i];
		for (int msec = 0; rmdir(dir) && errno == EBUSY && msec < EMPTY_MSEC; msec += 5) {
			kill_all(dir);
			usleep(5000);
		}
		/* Ours goes with its last container; others made theirs. */
		if (str_eq(parent, RUN_CGROUP)) {
			*strrchr(dir, '/') = '\0';
			rmdir(dir);
		}
		free(dir);
	}
	g->n = 0;
}

/* ---- the program ---- */

static volatile sig_atomic_t child;
static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* What the terminal sends it sends to the program too. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (child > 0 && info->si_code != SI_KERNEL)
		kill((pid_t)child, sig);
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};

	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaction(passed[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN); /* a program that is gone already is no reason to be gone too */
}

/* Waits until the parent has attached its namespace, then becomes the program. */
static _Noreturn void become(const struct run_options *o, const struct cgroups *g, int ready,
			     int go)
{
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The namespace first: in its cgroup it is seen, and on the host's network it is not. */
	if (unshare(CLONE_NEWNET)) {
		log_error("cannot make a network namespace: %s", strerror(errno));
		_exit(ERR_FAILED);
	}
	if (cgroups_enter(g)) {
		log_error("cannot enter cgroup %s/%s: %s", o->cgroup, o->id, strerror(errno));
		_exit(ERR_FAILED);
	}
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		_exit(ERR_FAILED);
	execvp(o->words[0], o->words);
	log_error("%s: %s", o->words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* From attaching to the end of the program: its wait status, or -1. */
static int live(const struct run_options *o, pid_t pid, int ready, int go, struct err *e)
{
	bool attached = false;
	int status = 0;
	char byte = 0;

	if (read(ready, &byte, 1) != 1)
		err_set(e, ERR_FAILED, "the program could not be started");
	else if (!o->attach(o->ctx, pid, e))
		attached = true;
	if (attached && write(go, &byte, 1) != 1 && errno != EPIPE)
		err_sys(e, "the program could not be started");
	if (e->code)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return attached ? status : -1;
}

static int run_in(const struct run_options *o, const struct cgroups *g, struct err *e)
{
	int ready[2], go[2];
	sigset_t set, before;

	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return err_sys(e, "cannot make a pipe");
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&set, passed[i]);
	sigprocmask(SIG_BLOCK, &set, &before); /* until it is known whom they are for */
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "cannot fork");
	if (!pid) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		close(ready[0]);
		close(go[1]);
		become(o, g, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	child = pid;
	catch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	int status = live(o, pid, ready[0], go[1], e);
	close(ready[0]);
	close(go[1]);
	return status;
}

int run_program(const struct run_options *o, struct err *e)
{
	struct cgroups g = {0};
	struct err why = {0};

	if (o->id[0] == '.' || strchr(o->id, '/'))
		return err_set(e, ERR_USAGE, "'%.40s' is no id of a container", o->id);
	int status = cgroups_make(&g, o, e) ? -1 : run_in(o, &g, e);

	cgroups_remove(&g, o->cgroup);
	if (status < 0)
		return -1;
	if (o->detach(o->ctx, &why))
		log_warn("%s", why.message);
	if (e->code)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
