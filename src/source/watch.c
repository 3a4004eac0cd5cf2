/* SPDX-License-Identifier: Apache-2.0 */
#include "source/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/idmap.h"

#define WATCH_MAX_DIRS	65536
#define WATCH_MAX_DEPTH 32
#define WATCH_MASK	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_ONLYDIR | IN_DONT_FOLLOW)

struct watch {
	struct watch_hooks hooks;
	struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES];
	size_t hierarchy_count;
	int fd;
	unsigned pass;
	struct idmap by_path; /* hash of the path -> struct cgdir, owned */
	struct idmap by_wd;
	bool rescan; /* the kernel's queue ran over */
};

static uint64_t path_key(const char *path)
{
	return hash_bytes(path, strlen(path));
}

static struct cgdir *dir_find(const struct watch *w, const char *path)
{
	struct cgdir *d = idmap_find(&w->by_path, path_key(path));
	return d && str_eq(d->path, path) ? d : NULL;
}

static void dir_free(struct cgdir *d)
{
	free(d->path);
	free(d);
}

static void dir_remove(struct watch *w, struct cgdir *d)
{
	w->hooks.removed(w->hooks.ctx, d);
	idmap_remove(&w->by_path, path_key(d->path));
	if (d->wd >= 0 && idmap_find(&w->by_wd, (uint64_t)d->wd) == d) {
		idmap_remove(&w->by_wd, (uint64_t)d->wd);
		(void)inotify_rm_watch(w->fd, d->wd); /* fails when the kernel was first */
	}
	dir_free(d);
}

struct place { /* of a directory being looked at */
	const struct cgroup_hierarchy *hierarchy;
	int around; /* the directory around it, or AT_FDCWD: a look from there spares the way */
	void *outer;
	bool fresh;
	unsigned depth;
};

static bool dir_stat(const char *path, const struct place *at, struct stat *st)
{
	const char *name = at->around < 0 ? path : strrchr(path, '/') + 1;
	return !fstatat(at->around, name, st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st->st_mode);
}

/* Watched before it is looked at: what comes in between is seen twice rather than never. */
static struct cgdir *dir_add(struct watch *w, const char *path, struct stat *st,
			     const struct place *at)
{
	if (w->by_path.n >= WATCH_MAX_DIRS)
		return NULL;
	int wd = inotify_add_watch(w->fd, path, WATCH_MASK);
	if (!dir_stat(path, at, st)) {
		if (wd >= 0)
			(void)inotify_rm_watch(w->fd, wd);
		return NULL;
	}
	struct cgdir *d = xcalloc(1, sizeof(*d));
	d->path = xstrdup(path);
	d->rel = d->path + strlen(at->hierarchy->path);
	d->v2 = at->hierarchy->v2;
	d->inode = st->st_ino;
	d->wd = wd;
	if (wd >= 0)
		idmap_put(&w->by_wd, (uint64_t)wd, d);
	idmap_put(&w->by_path, path_key(path), d);
	w->hooks.added(w->hooks.ctx, d, at->outer, at->fresh);
	return d;
}

static void dir_visit(struct watch *w, const char *path, const struct place *at);

static void children_visit(struct watch *w, const char *path, struct place *at)
{
	DIR *dir = opendir(path);
	if (!dir)
		return;
	at->around = dirfd(dir);
	for (struct dirent *de; (de = readdir(dir));) {
		if ((de->d_type != DT_DIR && de->d_type != DT_UNKNOWN) || str_eq(de->d_name, ".") ||
		    str_eq(de->d_name, ".."))
			continue;
		char child[CGROUP_PATH_SIZE];
		if (snprintf(child, sizeof(child), "%s/%s", path, de->d_name) < (int)sizeof(child))
			dir_visit(w, child, at);
	}
	closedir(dir);
}

static void dir_visit(struct watch *w, const char *path, const struct place *at)
{
	struct stat st;
	struct cgdir *d = dir_find(w, path);
	/* Gone, and perhaps made again? */
	if (d && (!dir_stat(path, at, &st) || d->inode != st.st_ino)) {
		dir_remove(w, d);
		d = NULL;
	}
	if (!d)
		d = dir_add(w, path, &st, at);
	if (!d || at->depth >= WATCH_MAX_DEPTH)
		return;
	d->pass = w->pass;
	struct place below = *at;
	below.outer = d->owner;
	below.depth++;
	/* Two links and no more: no directory in it (cgroup file systems count properly). */
	if (st.st_nlink != 2)
		children_visit(w, path, &below);
}

void watch_scan(struct watch *w)
{
	w->pass++;
	w->rescan = false;
	for (size_t i = 0; i < w->hierarchy_count; i++)
		dir_visit(w, w->hierarchies[i].path,
			  &(struct place){.hierarchy = &w->hierarchies[i], .around = AT_FDCWD});
	for (size_t i = 0; i < w->by_path.cap; i++) {
		struct cgdir *d = w->by_path.slots[i].value;
		if (d && d->pass != w->pass) {
			dir_remove(w, d);
			i--; /* another one may have moved into this slot */
		}
	}
}

struct watch *watch_new(const char *root, const struct watch_hooks *hooks, struct err *e)
{
	struct cgroup_hierarchy found[CGROUP_HIERARCHIES];
	size_t n = cgroup_hierarchies(root, found);
	if (!n) {
		err_set(e, ERR_FAILED, "no cgroup hierarchy at %s", root);
		return NULL;
	}
	struct watch *w = xcalloc(1, sizeof(*w));
	w->hooks = *hooks;
	w->hierarchy_count = n;
	memcpy(w->hierarchies, found, n * sizeof(found[0]));
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		err_sys(e, "cannot watch %s", root);
		watch_free(w);
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->by_path.cap; i++)
		if (w->by_path.slots[i].value)
			dir_free(w->by_path.slots[i].value);
	idmap_done(&w->by_path);
	idmap_done(&w->by_wd);
	for (size_t i = 0; i < w->hierarchy_count; i++)
		free(w->hierarchies[i].path);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

static const struct cgroup_hierarchy *hierarchy_of(const struct watch *w, const char *path)
{
	for (size_t i = 0; i < w->hierarchy_count; i++) {
		size_t n = strlen(w->hierarchies[i].path);
		if (!strncmp(path, w->hierarchies[i].path, n) && (!path[n] || path[n] == '/'))
			return &w->hierarchies[i];
	}
	return NULL;
}

static void event_handle(struct watch *w, const struct inotify_event *ev)
{
	if (ev->mask & IN_Q_OVERFLOW) {
		w->rescan = true;
		return;
	}
	struct cgdir *d = idmap_find(&w->by_wd, (uint64_t)ev->wd);
	if (!d)
		return;
	if (ev->mask & IN_IGNORED) {
		idmap_remove(&w->by_wd, (uint64_t)ev->wd);
		d->wd = -1;
		return;
	}
	if (!(ev->mask & IN_ISDIR)) {
		if (ev->mask & IN_MODIFY &&
		    (str_eq(ev->name, "cgroup.procs") || str_eq(ev->name, "tasks") ||
		     str_eq(ev->name, "cgroup.events")))
			w->hooks.touched(w->hooks.ctx, d);
		return;
	}
	char path[CGROUP_PATH_SIZE];
	if (snprintf(path, sizeof(path), "%s/%s", d->path, ev->name) >= (int)sizeof(path))
		return;
	if (ev->mask & IN_CREATE)
		dir_visit(w, path,
			  &(struct place){hierarchy_of(w, path), AT_FDCWD, d->owner, true,
					  WATCH_MAX_DEPTH / 2});
	struct cgdir *gone = ev->mask & IN_DELETE ? dir_find(w, path) : NULL;
	struct stat st;
	if (gone && (lstat(path, &st) || st.st_ino != gone->inode))
		dir_remove(w, gone);
}

void watch_read(struct watch *w)
{
	_Alignas(struct inotify_event) char buffer[16384];
	for (;;) {
		ssize_t n = read(w->fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (char *p = buffer; p < buffer + n;) {
			const struct inotify_event *ev = (const void *)p;
			event_handle(w, ev);
			p += sizeof(*ev) + ev->len;
		}
	}
	if (w->rescan)
		watch_scan(w);
}
