/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source/inside.h"

#define SETTLE_NS                                                                             \
	(30 * NSEC_PER_MSEC)	   /* after so long a runtime's helper has become the program \
				    */
#define SETTLED_NS    NSEC_PER_SEC /* so long: does not need to be watched any more */
#define NETNS_PIDS    32	   /* looked at for one in a namespace of its own */
#define IDENTITY_PIDS 8		   /* looked at for a task id */

struct container *container_by_id(const struct discover *d, const char *id)
{
	struct container *c = idmap_find(&d->by_id, hash_bytes(id, strlen(id)));
	return c && str_eq(c->id.id, id) ? c : NULL;
}

void container_free(struct container *c)
{
	if (c->pidfd >= 0)
		close(c->pidfd);
	identity_done(&c->identity);
	discovered_unref(c->pub);
	free(c->final);
	free(c->dirs);
	free(c);
}

/* Processes of the container. All hierarchies should hold the same ones; the first that has any
 * counts, directories further inside only when the top has none (systemd in a container). */
size_t container_pids(const struct container *c, int *pids, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < c->dir_count && !n; i++)
		if (c->dirs[i]->top)
			n = process_list(c->dirs[i]->path, pids, max);
	for (size_t i = 0; i < c->dir_count && n < max; i++)
		if (!c->dirs[i]->top)
			n += process_list(c->dirs[i]->path, pids + n, max - n);
	return n;
}

/* The same, read once per look. */
static const int *pids_now(struct discover *d, const struct container *c, size_t *n)
{
	if (d->pids_of != c)
		d->pid_count = container_pids(c, d->pids, MAX_PIDS);
	d->pids_of = c;
	*n = d->pid_count;
	return d->pids;
}

bool container_enter(struct discover *d, struct container *c)
{
	size_t n;
	const int *pids = pids_now(d, c, &n);
	struct process first = {0};
	for (size_t i = 0; i < n; i++) {
		struct process p;
		if (process_read(d->options.proc_root, pids[i], &p))
			continue;
		if (!first.pid || p.start < first.start ||
		    (p.start == first.start && p.pid < first.pid))
			first = p;
	}
	if (!first.pid)
		return false;
	c->first = first;
	c->pidfd = (int)syscall(SYS_pidfd_open, first.pid, 0);
	if (c->pidfd < 0 && errno == ESRCH) { /* died in between; the next look finds another */
		c->first.pid = 0;
		return false;
	}
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = c->key};
	if (c->pidfd >= 0)
		(void)epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, c->pidfd, &ev);
	return true;
}

void container_leave(struct container *c)
{
	if (c->pidfd >= 0)
		close(c->pidfd); /* leaves the epoll set too */
	c->pidfd = -1;
	c->first = (struct process){0};
}

/*
 * The namespace of the process whose network is the container's: the first one, unless that is on
 * the host's network (a supervisor) and another one has a namespace of its own.
 */
static int network_open(struct discover *d, const struct container *c, uint64_t *netns)
{
	const char *proc = d->options.proc_root;
	int fd = process_netns(proc, c->first.pid, netns);
	size_t n = 0;
	const int *pids = *netns == d->netns ? pids_now(d, c, &n) : NULL;
	for (size_t i = 0; i < n && i < NETNS_PIDS; i++) {
		uint64_t other = process_netns_inode(proc, pids[i]);
		if (other && other != d->netns) {
			close(fd);
			return process_netns(proc, pids[i], netns);
		}
	}
	return fd;
}

static void read_identity(struct discover *d, struct container *c)
{
	if (!c->runtime_read)
		identity_runtime(&c->identity, c->id.runtime, c->id.id);
	c->runtime_read = true;
	if (!c->identity.meta[META_TASK] || !c->identity.meta[META_APP])
		identity_process(&c->identity, d->options.proc_root, c->first.pid);
	if (c->identity.meta[META_TASK] || !str_eq(c->id.runtime, "mesos"))
		return;
	/* The first process may be an executor; the task's variables are in its children. */
	size_t n;
	const int *pids = pids_now(d, c, &n);
	for (size_t i = 0; i < n && i < IDENTITY_PIDS; i++)
		if (pids[i] != c->first.pid)
			identity_process(&c->identity, d->options.proc_root, pids[i]);
}

bool container_named(struct discover *d, struct container *c)
{
	d->pids_of = NULL;
	read_identity(d, c);
	return c->identity.meta[META_TASK];
}

/* Who else lives in this namespace and was there first: the container around it, else the one
 * found earliest. */
static uint64_t netns_owner(const struct discover *d, const struct container *c, uint64_t netns)
{
	const struct container *parent = c->id.parent[0] ? container_by_id(d, c->id.parent) : NULL;
	if (parent && parent->pub && parent->pub->netns == netns)
		return parent->pub->netns_owner;
	for (size_t i = 0; i < d->n && d->containers[i] != c; i++) {
		const struct discovered *o = d->containers[i]->pub;
		if (o && o->netns == netns)
			return o->netns_owner;
	}
	return c->key;
}

static bool describe_network(struct discover *d, struct container *c, struct discovered *out,
			     bool *settled)
{
	uint64_t netns;
	cleanup_close int fd = network_open(d, c, &netns);
	if (!netns)
		return false; /* it is dying, or not ours to look at */
	if (netns == d->netns) {
		c->nsid = NET_NO_NSID;
		/* A runtime may put a process into the cgroup first and into its namespace after.
		 */
		uint64_t age = time_monotonic() - c->seen;
		*settled = age >= SETTLED_NS || !c->fresh;
		out->host_network = age >= SETTLE_NS || !c->fresh;
		out->netns = out->host_network ? netns : 0;
		return true;
	}
	out->netns = netns;
	out->netns_owner = netns_owner(d, c, netns);
	out->record.netns = out->netns_owner == c->key ? netns : 0;
	if (out->netns_owner != c->key) {
		(void)net_namespace_id(d->route, fd, &c->nsid, NULL);
		*settled = true;
		return true;
	}
	out->ifaces = links_inside(d, c, fd, &out->iface_count);
	for (size_t i = 0; i < out->iface_count; i++) /* no address yet: keep looking a while */
		*settled |= out->ifaces[i].has_ipv4 || out->ifaces[i].has_ipv6;
	return true;
}

struct discovered *container_describe(struct discover *d, struct container *c, bool *settled)
{
	*settled = false;
	read_identity(d, c);
	struct discovered *out = discovered_new(c);
	const struct container *parent = c->id.parent[0] ? container_by_id(d, c->id.parent) : NULL;
	out->parent = parent ? parent->key : 0;
	/* Made before our eyes: that moment is finer than the clock of process start times. */
	out->record.start = c->fresh ? c->seen_ts : c->first.start;
	if (c->pub)
		out->record.start = c->pub->record.start;
	if (!describe_network(d, c, out, settled) && c->pub) {
		discovered_unref(out);
		return NULL;
	}
	if (c->fresh && time_monotonic() - c->seen < SETTLE_NS)
		*settled = false;
	free(c->final); /* of a link that went while the container lives on */
	c->final = NULL;
	return out;
}
