/* SPDX-License-Identifier: Apache-2.0 */
#include "source/sockscan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "source/idmap.h"
#include "source/process.h"

#define MAX_SOCKETS (1u << 20)
#define TCP_LISTEN  10
#define UDP_UNBOUND 7	  /* TCP_CLOSE: not connected */
#define EPHEMERAL   32768 /* a UDP port from here on is a client's, not worth a notice */

struct owner {	      /* of an inode, kept between scans */
	uint64_t key; /* 0 = a stranger */
	int pid;
	char comm[16];
	bool announced;
	unsigned pass;
};

struct sockscan {
	const char *proc_root;
	struct net_socket *diag;
	struct idmap owners; /* inode -> struct owner, owned */
	unsigned pass;
	struct socket_entry *entries;
	uint64_t *cgroups; /* of the entries */
	size_t n, cap, cgroup_cap;
};

struct sockscan *sockscan_new(const char *proc_root, struct err *e)
{
	struct net_socket *diag = net_open_diag(-1, e);
	if (!diag)
		return NULL;
	struct sockscan *s = xcalloc(1, sizeof(*s));
	s->proc_root = proc_root;
	s->diag = diag;
	return s;
}

static void owners_clear(struct sockscan *s)
{
	for (size_t i = 0; i < s->owners.cap; i++)
		free(s->owners.slots[i].value);
	idmap_done(&s->owners);
}

void sockscan_free(struct sockscan *s)
{
	if (!s)
		return;
	owners_clear(s);
	net_close(s->diag);
	free(s->entries);
	free(s->cgroups);
	free(s);
}

/* Remove owners for which pick says so. */
static void owners_drop(struct sockscan *s,
			bool (*pick)(const struct sockscan *s, const struct owner *o))
{
	for (size_t i = 0; i < s->owners.cap; i++) {
		struct idmap_slot slot = s->owners.slots[i];
		if (slot.value && pick(s, slot.value)) {
			idmap_remove(&s->owners, slot.key);
			free(slot.value);
			i--;
		}
	}
}

static bool is_stranger(const struct sockscan *s, const struct owner *o)
{
	(void)s;
	return !o->key || !o->pid;
}

void sockscan_forget_strangers(struct sockscan *s)
{
	owners_drop(s, is_stranger);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void entry_add(void *ctx, const struct net_sock *k)
{
	struct sockscan *s = ctx;
	if (!k->inode || !k->local_port || s->n >= MAX_SOCKETS)
		return;
	bool tcp = k->protocol == 6, v6 = k->family == AF_INET6;
	struct socket_entry entry = {
		.protocol = k->protocol,
		.listening = k->state == (tcp ? TCP_LISTEN : UDP_UNBOUND),
		.wildcard = is_zero(k->local, v6 ? 16 : 4),
		.v6 = v6,
		.port = k->local_port,
		.uid = k->uid,
		.inode = k->inode,
	};
	if (v6) {
		memcpy(entry.local, k->local, 16);
	} else {
		entry.local[10] = entry.local[11] = 0xff;
		memcpy(entry.local + 12, k->local, 4);
	}
	if (s->n >= s->cgroup_cap) {
		s->cgroup_cap = s->cgroup_cap ? s->cgroup_cap * 2 : 64;
		s->cgroups = xrealloc(s->cgroups, s->cgroup_cap * sizeof(*s->cgroups));
	}
	GROW(s->entries, s->n, s->cap);
	s->cgroups[s->n] = k->cgroup;
	s->entries[s->n++] = entry;
}

static struct owner *owner_get(struct sockscan *s, uint64_t inode)
{
	struct owner *o = idmap_find(&s->owners, inode);
	if (!o) {
		o = xcalloc(1, sizeof(*o));
		idmap_put(&s->owners, inode, o);
	}
	return o;
}

/* Note which sockets a process holds. */
static void process_sockets(struct sockscan *s, int pid, uint64_t key)
{
	char path[512];
	struct process p;
	snprintf(path, sizeof(path), "%s/%d/fd", s->proc_root, pid);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	if (process_read(s->proc_root, pid, &p))
		p.comm[0] = '\0';
	for (struct dirent *de; (de = readdir(dir));) {
		char link[64];
		ssize_t n = readlinkat(dirfd(dir), de->d_name, link, sizeof(link) - 1);
		if (n < 9 || memcmp(link, "socket:[", 8))
			continue;
		link[n] = '\0';
		struct owner *o = idmap_find(&s->owners, strtoull(link + 8, NULL, 10));
		if (!o || o->pid) /* no inet socket, or somebody was first */
			continue;
		o->key = key;
		o->pid = pid;
		memcpy(o->comm, p.comm, sizeof(o->comm));
	}
	closedir(dir);
}

static uint64_t cgroup_key(uint64_t cgroup, const struct sock_holder *holders, size_t n)
{
	for (size_t i = 0; cgroup && i < n; i++)
		for (size_t j = 0; j < holders[i].cgroup_count; j++)
			if (holders[i].cgroups[j] == cgroup)
				return holders[i].key;
	return 0;
}

/* Owners for all entries; true when some are new and only /proc can tell whose they are. */
static bool owners_prepare(struct sockscan *s, const struct sock_holder *holders, size_t n)
{
	bool unknown = false;
	for (size_t i = 0; i < s->n; i++) {
		struct owner *o = idmap_find(&s->owners, s->entries[i].inode);
		if (!o) {
			o = owner_get(s, s->entries[i].inode);
			o->key = cgroup_key(s->cgroups[i], holders, n);
			/* The cgroup names the container; a listener's process is wanted too. */
			unknown |= !o->key || s->entries[i].listening;
		}
		o->pass = s->pass;
	}
	return unknown;
}

static bool is_stale(const struct sockscan *s, const struct owner *o)
{
	return o->pass != s->pass;
}

static bool holder_known(const struct sock_holder *holders, size_t n, uint64_t key)
{
	for (size_t i = 0; i < n; i++)
		if (holders[i].key == key)
			return true;
	return false;
}

struct socket_table *sockscan_run(struct sockscan *s, uint64_t ts,
				  const struct sock_holder *holders, size_t n,
				  void (*listening)(void *ctx, const struct socket_entry *k),
				  void *ctx, struct err *e)
{
	s->n = 0;
	s->pass++;
	if (net_sockets(s->diag, entry_add, s, e))
		return NULL;
	if (owners_prepare(s, holders, n))
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < holders[i].pid_count; j++)
				process_sockets(s, holders[i].pids[j], holders[i].key);
	owners_drop(s, is_stale);
	for (size_t i = 0; i < s->n; i++) {
		struct socket_entry *k = &s->entries[i];
		struct owner *o = idmap_find(&s->owners, k->inode);
		if (o->key && !holder_known(holders, n, o->key))
			o->key = 0;
		k->container = o->key;
		k->pid = o->pid;
		memcpy(k->comm, o->comm, sizeof(k->comm));
		if (k->listening && o->key && !o->announced &&
		    (k->protocol == 6 || k->port < EPHEMERAL)) {
			o->announced = true;
			listening(ctx, k);
		}
	}
	return socket_table_new(s->entries, s->n, ts);
}
