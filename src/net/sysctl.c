/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#define SYSCTLS "/proc/sys/net"

static const char *const families[] = {"ipv4", "ipv6"};

struct net_sysctls {
	int directories[ARRAY_SIZE(families)]; /* -1 = the kernel has none */
};

/*
 * A proc file system that nobody else looks into. The common one keeps these directories of every
 * namespace under one name, and whoever comes in walks past all of them (proc_sys_compare in
 * fs/proc/proc_sysctl.c): 0.5 ms with 500 namespaces, 2 ms with 1000, to 0.05 ms here.
 */
static int own_proc(void)
{
	cleanup_close int context = fsopen("proc", FSOPEN_CLOEXEC); /* Linux 5.2 */

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, 0);
}

static int open_directories(void *ctx, struct err *e)
{
	cleanup_close int own = own_proc();
	cleanup_close int proc = own < 0 ? open("/proc", O_PATH | O_CLOEXEC) : -1;
	struct net_sysctls *s = ctx;
	char path[32];

	for (unsigned k = 0; k < ARRAY_SIZE(families); k++) {
		snprintf(path, sizeof(path), "sys/net/%s", families[k]);
		s->directories[k] = openat(own < 0 ? proc : own, path,
					   O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return s->directories[0] < 0 ? err_sys(e, SYSCTLS "/%s", families[0]) : 0;
}

struct net_sysctls *net_sysctls_open(int netns_fd, struct err *e)
{
	struct net_sysctls *s = xmalloc(sizeof(*s));

	memset(s->directories, -1, sizeof(s->directories));
	if (!namespace_run(netns_fd, open_directories, s, e))
		return s;
	net_sysctls_close(s);
	return NULL;
}

void net_sysctls_close(struct net_sysctls *s)
{
	for (unsigned k = 0; s && k < ARRAY_SIZE(families); k++)
		if (s->directories[k] >= 0)
			close(s->directories[k]);
	free(s);
}

static int open_file(const struct net_sysctls *s, const char *name, int flags, struct err *e)
{
	for (unsigned k = 0; k < ARRAY_SIZE(families); k++) {
		size_t n = strlen(families[k]);
		if (!str_starts(name, families[k]) || name[n] != '/')
			continue;
		int fd = openat(s->directories[k], name + n + 1, flags | O_CLOEXEC);
		return fd < 0 ? err_sys(e, SYSCTLS "/%s", name) : fd;
	}
	return err_set(e, ERR_FAILED, SYSCTLS "/%s: unknown", name);
}

int net_sysctl_open(const struct net_sysctls *s, const char *name, struct err *e)
{
	return open_file(s, name, O_RDWR, e);
}

int net_sysctl_get(int fd, const char *name, char *out, size_t n, struct err *e)
{
	ssize_t got = pread(fd, out, n - 1, 0);

	if (got < 0)
		return err_sys(e, SYSCTLS "/%s", name);
	while (got && out[got - 1] == '\n')
		got--;
	out[got] = '\0';
	return 0;
}

int net_sysctl_set(int fd, const char *name, const char *value, struct err *e)
{
	if (net_ops.pwrite(fd, value, strlen(value), 0) < 0)
		return err_sys(e, SYSCTLS "/%s", name);
	return 0;
}

int net_sysctl_read(int netns_fd, const char *name, char *out, size_t n, struct err *e)
{
	struct net_sysctls *s = net_sysctls_open(netns_fd, e);
	cleanup_close int fd = s ? open_file(s, name, O_RDONLY, e) : -1;

	net_sysctls_close(s);
	return fd < 0 ? -1 : net_sysctl_get(fd, name, out, n, e);
}
