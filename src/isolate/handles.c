/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces of containers, held by bind mounts: a container ends when it is detached. */
#include "isolate/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

char *isolate_netns_path(const struct isolator *i, const char *id)
{
	return xasprintf("%s/%s", i->handles, id);
}

static bool is_netns(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int handle_open(const struct isolator *i, const char *id)
{
	cleanup_free char *path = isolate_netns_path(i, id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || is_netns(fd))
		return fd;
	close(fd); /* a file from before the last boot */
	return -1;
}

int handle_hold(const struct isolator *i, const char *id, const char *netns, struct err *e)
{
	cleanup_free char *path = isolate_netns_path(i, id);
	cleanup_close int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", netns);
	if (!is_netns(fd))
		return err_set(e, ERR_USAGE, "%s is no network namespace", netns);
	if (net_namespace_inode(fd) == net_namespace_inode(-1))
		return err_set(e, ERR_USAGE, "%s is the host's own network namespace", netns);
	cleanup_close int file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return err_sys(e, "%s", path);
	cleanup_free char *source = xasprintf("/proc/self/fd/%d", fd);
	if (mount(source, path, NULL, MS_BIND, NULL)) {
		err_sys(e, "cannot hold namespace %s", netns);
		unlink(path);
		return -1;
	}
	return 0;
}

void handle_drop(const struct isolator *i, const char *id)
{
	cleanup_free char *path = isolate_netns_path(i, id);

	umount2(path, MNT_DETACH);
	unlink(path);
}

static int make_directories(const struct isolator *i, struct err *e)
{
	if ((mkdir(i->run_dir, 0755) && errno != EEXIST) ||
	    (mkdir(i->handles, 0700) && errno != EEXIST))
		return err_sys(e, "cannot make %s", i->handles);
	/* Handles must vanish everywhere when they are unmounted here: a peer group of their own.
	 */
	if (mount(i->handles, i->handles, NULL, MS_BIND, NULL) ||
	    mount(NULL, i->handles, NULL, MS_SLAVE, NULL) ||
	    mount(NULL, i->handles, NULL, MS_SHARED, NULL))
		return err_sys(e, "cannot prepare %s", i->handles);
	return 0;
}

static bool in_mount_table(const char *path)
{
	cleanup_free char *line = NULL;
	cleanup_free char *needle = xasprintf(" %s ", path);
	size_t cap = 0;
	bool found = false;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && !found && getline(&line, &cap, f) > 0)
		found = strstr(line, needle);
	if (f)
		fclose(f);
	return found;
}

void handles_sweep(const struct isolator *i)
{
	DIR *d = opendir(i->handles);

	for (const struct dirent *f; d && (f = readdir(d));) {
		if (f->d_name[0] == '.' || slot_of(i, f->d_name))
			continue;
		log_warn("isolation: a namespace is held for %s, which is no container: let go",
			 f->d_name);
		handle_drop(i, f->d_name);
	}
	if (d)
		closedir(d);
}

int handles_open(const struct isolator *i, struct err *e)
{
	return in_mount_table(i->handles) ? 0 : make_directories(i, e);
}
