/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "source/inside.h"

#define SCAN_NS	       (2 * NSEC_PER_SEC)
#define SOCKETS_NS     NSEC_PER_SEC
#define SOCKETS_ASK_NS (200 * NSEC_PER_MSEC)
#define NAMELESS_NS    (30 * NSEC_PER_SEC) /* how long scans look for a task's variables */
#define FIRST_KEY      16		   /* below: the fixed descriptors of the epoll set */

enum { TAG_WATCH = 1, TAG_LINKS, TAG_CONTROL };

/* ---- sockets ---- */

/* Whoever made a socket was there before it, and may not have been told of yet: taken for a
 * stranger, he would lose his first packets. */
static void look_for_newcomers(struct discover *d, uint64_t now)
{
	watch_read(d->watch);
	for (size_t i = 0; i < d->n; i++)
		d->containers[i]->dirty |= !d->containers[i]->first.pid;
	lives_look(d, now);
}

static void listening(void *ctx, const struct socket_entry *k)
{
	struct discover *d = ctx;
	struct container *c = idmap_find(&d->by_key, k->container);
	if (c && c->pub)
		fact_add(d, DISCOVER_LISTEN, time_now(), c->pub)->socket = *k;
}

/* A newcomer's network is not known until he has settled, but a socket that is here and his is his:
 * taken for a stranger's, its first packets would be nobody's. */
static bool may_hold_sockets(const struct container *c)
{
	return c->pub && (c->pub->host_network || !c->pub->netns);
}

static void sockets_scan(struct discover *d, uint64_t ts)
{
	struct sock_holder *holders = xcalloc(d->n + 1, sizeof(*holders));
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++) {
		struct container *c = d->containers[i];
		if (!may_hold_sockets(c))
			continue;
		int *pids = xmalloc(MAX_PIDS * sizeof(*pids));
		uint64_t *cgroups = xcalloc(c->dir_count + 1, sizeof(*cgroups));
		struct sock_holder *h = &holders[n++];
		*h = (struct sock_holder){.key = c->key, .pids = pids, .cgroups = cgroups};
		h->pid_count = container_pids(c, pids, MAX_PIDS);
		for (size_t j = 0; j < c->dir_count; j++)
			if (c->dirs[j]->v2)
				cgroups[h->cgroup_count++] = c->dirs[j]->inode;
	}
	if (n || d->had_sockets) {
		struct err e;
		struct socket_table *t = sockscan_run(d->sockscan, ts, holders, n, listening, d,
						      &e);
		if (t)
			sockets_add(d, t);
	}
	d->had_sockets = n > 0;
	for (size_t i = 0; i < n; i++) {
		free((void *)holders[i].pids);
		free((void *)holders[i].cgroups);
	}
	free(holders);
}

static void sockets_refresh(struct discover *d, uint64_t now)
{
	if (d->options.no_host_network)
		return;
	bool asked = atomic_load(&d->ask) && now - d->sockets_last >= SOCKETS_ASK_NS;
	if (!asked && !d->scan_sockets && now < d->sockets_due)
		return;
	atomic_store(&d->ask, false);
	uint64_t ts = time_now(); /* what is asked from here on waits for the next table */
	look_for_newcomers(d, now);
	if (d->scan_sockets)
		sockscan_forget_strangers(d->sockscan);
	d->scan_sockets = false;
	sockets_scan(d, ts);
	d->sockets_last = now;
	d->sockets_due = d->had_sockets ? now + SOCKETS_NS : NEVER;
}

/* ---- the thread ---- */

/* What no notification tells: namespaces that changed under a process, late variables. */
static void safety_scan(struct discover *d)
{
	uint64_t now = time_monotonic();
	watch_scan(d->watch);
	for (size_t i = 0; i < d->n; i++) {
		struct container *c = d->containers[i];
		if (!c->first.pid || !c->pub) {
			c->dirty = true;
			continue;
		}
		bool unheard = c->nsid == NET_NO_NSID && !c->pub->host_network;
		bool nameless = !c->identity.meta[META_TASK] && now - c->seen < NAMELESS_NS;
		c->dirty |= unheard || c->pidfd < 0 || (nameless && container_named(d, c)) ||
			    (c->pub->host_network &&
			     process_netns_inode(d->options.proc_root, c->first.pid) != d->netns);
	}
}

static void on_link(void *ctx, const struct net_event *ev)
{
	links_event(ctx, ev);
}

static int wait_ms(const struct discover *d)
{
	uint64_t now = time_monotonic(), due = MIN(d->scan_due, d->sockets_due);
	if (atomic_load(&d->ask))
		due = MIN(due, d->sockets_last + SOCKETS_ASK_NS);
	for (size_t i = 0; i < d->n; i++)
		due = MIN(due, d->containers[i]->dirty ? now : d->containers[i]->due);
	return due <= now ? 0 : (int)((due - now) / NSEC_PER_MSEC) + 1;
}

static void handle(struct discover *d, uint64_t tag)
{
	struct err e;
	eventfd_t unused;
	switch (tag) {
	case TAG_WATCH:
		watch_read(d->watch);
		return;
	case TAG_LINKS:
		if (net_monitor_read(d->monitor, on_link, d, &e))
			log_warn("%s", e.message);
		return;
	case TAG_CONTROL:
		(void)eventfd_read(d->control_fd, &unused);
		return;
	}
	struct container *c = idmap_find(&d->by_key, tag);
	if (c) { /* its first process has ended */
		container_leave(c);
		c->dirty = true;
	}
}

static void work(struct discover *d)
{
	uint64_t now = time_monotonic();
	if (now >= d->scan_due) {
		safety_scan(d);
		d->scan_due = now + SCAN_NS;
	}
	lives_look(d, now);
	sockets_refresh(d, now);
	if (d->draft || !d->generation)
		letter_send(d);
}

static void *thread_main(void *arg)
{
	struct discover *d = arg;
	while (!atomic_load(&d->stop)) {
		struct epoll_event events[64];
		int n = epoll_wait(d->epoll_fd, events, ARRAY_SIZE(events), wait_ms(d));
		for (int i = 0; i < n; i++)
			handle(d, events[i].data.u64);
		work(d);
	}
	return NULL;
}

static int poll_add(struct discover *d, int fd, uint64_t tag, struct err *e)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = tag};
	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? err_sys(e, "cannot poll") : 0;
}

static int discover_open(struct discover *d, struct err *e)
{
	const struct watch_hooks hooks = lives_hooks(d);
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->out_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->epoll_fd < 0 || d->out_fd < 0 || d->control_fd < 0)
		return err_sys(e, "cannot start the search for containers");
	d->netns = net_namespace_inode(-1);
	/* Subscribed before anything is listed: changes in between are not lost. */
	if (!(d->monitor = net_monitor_open(NET_HEAR_ALL, e)) || !(d->route = net_open(-1, e)) ||
	    !(d->sockscan = sockscan_new(d->options.proc_root, e)) || links_load(d, e) ||
	    !(d->watch = watch_new(d->options.cgroup_root, &hooks, e)))
		return -1;
	return poll_add(d, watch_fd(d->watch), TAG_WATCH, e) ||
			       poll_add(d, net_fd(d->monitor), TAG_LINKS, e) ||
			       poll_add(d, d->control_fd, TAG_CONTROL, e)
		       ? -1
		       : 0;
}

struct discover *discover_start(const struct source_options *o, struct err *e)
{
	struct discover *d = xcalloc(1, sizeof(*d));
	d->options = *o;
	if (!o->cgroup_root)
		d->options.cgroup_root = "/sys/fs/cgroup";
	if (!o->proc_root)
		d->options.proc_root = "/proc";
	if (!o->mesos_cgroup)
		d->options.mesos_cgroup = "mesos";
	d->next_key = FIRST_KEY;
	d->epoll_fd = d->out_fd = d->control_fd = -1;
	d->sockets_due = NEVER;
	d->restarts = restarts_new();
	if (discover_open(d, e)) {
		discover_stop(d);
		return NULL;
	}
	work(d); /* the first scan, so that a letter lies ready */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
	errno = pthread_create(&d->thread, NULL, thread_main, d);
	d->running = !errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!d->running) {
		err_sys(e, "cannot start the search for containers");
		discover_stop(d);
		return NULL;
	}
	return d;
}

void discover_stop(struct discover *d)
{
	if (!d)
		return;
	if (d->running) {
		atomic_store(&d->stop, true);
		eventfd_write(d->control_fd, 1);
		pthread_join(d->thread, NULL);
	}
	for (size_t i = 0; i < d->n; i++)
		container_free(d->containers[i]);
	free(d->containers);
	idmap_done(&d->by_id);
	idmap_done(&d->by_key);
	links_done(d);
	watch_free(d->watch);
	net_close(d->monitor);
	net_close(d->route);
	sockscan_free(d->sockscan);
	restarts_free(d->restarts);
	discovery_free(d->draft);
	discovery_free(mailbox_take(&d->letters));
	int fds[] = {d->epoll_fd, d->out_fd, d->control_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(d);
}

int discover_fd(const struct discover *d)
{
	return d->out_fd;
}

struct discovery *discover_take(struct discover *d)
{
	eventfd_t unused;
	(void)eventfd_read(d->out_fd, &unused);
	return mailbox_take(&d->letters);
}

void discover_ask_sockets(struct discover *d)
{
	if (!atomic_exchange(&d->ask, true))
		eventfd_write(d->control_fd, 1);
}
