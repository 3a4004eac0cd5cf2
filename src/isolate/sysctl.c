/* SPDX-License-Identifier: Apache-2.0 */
/* Files below /proc/sys/net, kept open: to read one again is all that looking at it costs. */
#include "isolate/item.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH_SIZE 96

struct sysctl_file {
	struct sysctl_file *next;
	int fd;
	bool inside;
	char path[PATH_SIZE]; /* as the plan calls it */
	char wanted[32];      /* empty = never read */
};

static void file_free(struct isolator *i, struct sysctl_file *f)
{
	close(f->fd);
	free(f);
	i->sysctl_count--;
}

void sysctls_drop(struct isolator *i, uint32_t slot)
{
	struct sysctl_file *next;

	for (struct sysctl_file *f = i->sysctls[slot]; f; f = next) {
		next = f->next;
		file_free(i, f);
	}
	i->sysctls[slot] = NULL;
}

/* Half of the descriptors that we may have; who is more comes later, again and again. */
static bool is_full(const struct isolator *i)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY)
		return false;
	return i->sysctl_count >= r.rlim_cur / 2;
}

void sysctls_make_room(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Where the files of a thing are, kept as long as the target is. */
static const struct net_sysctls *sysctls_of(struct target *t, const struct item *it, struct err *e)
{
	if (!it->inside)
		return t->host->sysctls;
	if (!t->sysctls)
		t->sysctls = net_sysctls_open(t->container->netns, e);
	return t->sysctls;
}

static void path_of(const struct item *it, const char *name, char *out, size_t n)
{
	snprintf(out, n, "%s/%s%s%s", it->dir, name, it->key ? "/" : "", it->key ? it->key : "");
}

static int open_file(struct target *t, const struct item *it, struct err *e)
{
	const struct net_sysctls *s = sysctls_of(t, it, e);
	bool of_interface = item_is_of_interface(t, it);
	struct net_link l;
	char path[PATH_SIZE];

	if (!s || (of_interface && item_link(t, it, &l, e)))
		return -1;
	path_of(it, of_interface ? l.name : it->name, path, sizeof(path));
	return net_sysctl_open(s, path, e);
}

static struct sysctl_file *file_of(struct target *t, const struct item *it, struct err *e)
{
	struct isolator *i = t->isolator;
	const uint32_t slot = t->container ? t->container->slot : 0;
	char path[PATH_SIZE];

	path_of(it, it->name, path, sizeof(path));
	for (struct sysctl_file *f = i->sysctls[slot]; f; f = f->next)
		if (f->inside == it->inside && str_eq(f->path, path))
			return f;
	for (uint32_t k = 0; is_full(i) && k < DP_SLOTS; k++)
		sysctls_drop(i, k);
	int fd = open_file(t, it, e);
	if (fd < 0)
		return NULL;
	struct sysctl_file *f = xcalloc(1, sizeof(*f));
	f->fd = fd;
	f->inside = it->inside;
	memcpy(f->path, path, sizeof(path));
	f->next = i->sysctls[slot];
	i->sysctls[slot] = f;
	i->sysctl_count++;
	return f;
}

static int file_read(const struct sysctl_file *f, char *out, size_t n, struct err *e)
{
	if (net_sysctl_get(f->fd, f->path, out, n, e))
		return -1;
	for (char *p = out; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return 0;
}

int sysctl_read(struct target *t, const struct item *it, char *out, size_t n, struct err *e)
{
	struct sysctl_file *f = file_of(t, it, e);

	if (f && !file_read(f, out, n, NULL))
		goto found;
	/* The link that it is about may have been made anew. */
	sysctls_drop(t->isolator, t->container ? t->container->slot : 0);
	f = file_of(t, it, e);
	if (!f || file_read(f, out, n, e))
		return -1;
found:
	snprintf(f->wanted, sizeof(f->wanted), "%s", it->value);
	return 0;
}

int sysctl_write(struct target *t, const struct item *it, const char *value, struct err *e)
{
	struct sysctl_file *f = file_of(t, it, e);

	return f ? net_sysctl_set(f->fd, f->path, value, e) : -1;
}

bool sysctls_drifted(const struct isolator *i, uint32_t slot)
{
	char have[64];

	for (const struct sysctl_file *f = i->sysctls[slot]; f; f = f->next)
		if (file_read(f, have, sizeof(have), NULL) || !str_eq(have, f->wanted))
			return true;
	return false;
}
