/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/overlap.h"

#include "net/net.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LISTENERS_MAX 256u /* more of them are told by number only */

struct listener {
	uint64_t inode;
	uint32_t port;
	uint8_t protocol;
	int pid;
};

struct looking {
	const struct port_set *pool;
	struct listener found[LISTENERS_MAX];
	unsigned count, more;
};

static void take_listener(void *ctx, const struct net_sock *k)
{
	struct looking *l = ctx;

	if (!port_set_has(l->pool, k->local_port))
		return;
	for (unsigned i = 0; i < l->count; i++) /* of IPv6 what was of IPv4 */
		if (l->found[i].port == k->local_port && l->found[i].protocol == k->protocol)
			return;
	if (l->count == LISTENERS_MAX)
		l->more++;
	else
		l->found[l->count++] = (struct listener){
			.inode = k->inode, .port = k->local_port, .protocol = k->protocol};
}

static void match(struct looking *l, const char *link, int pid)
{
	unsigned long long inode;

	if (sscanf(link, "socket:[%llu]", &inode) != 1)
		return;
	for (unsigned i = 0; i < l->count; i++)
		if (l->found[i].inode == inode)
			l->found[i].pid = pid;
}

static void look_at_process(struct looking *l, int pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	char link[64];

	for (struct dirent *d; dir && (d = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);
		link[MAX(n, 0)] = '\0';
		match(l, link, pid);
	}
	if (dir)
		closedir(dir);
}

static void find_processes(struct looking *l)
{
	DIR *proc = opendir("/proc");

	for (struct dirent *d; proc && (d = readdir(proc));) {
		int pid = atoi(d->d_name);
		if (pid > 0)
			look_at_process(l, pid);
	}
	if (proc)
		closedir(proc);
}

static void put_process(struct text *t, int pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/comm", pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char name[32];
	ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof(name));

	while (n > 0 && name[n - 1] == '\n')
		n--;
	text_str(t, ": ");
	text_plain(t, name, (size_t)MAX(n, 0));
	text_fmt(t, ", process %d", pid);
}

int overlap_text(const struct port_set *pool, struct text *lines, struct err *e)
{
	struct looking l = {.pool = pool};
	struct net_socket *diag = net_open_diag(-1, e);
	int status = diag ? net_listeners(diag, take_listener, &l, e) : -1;

	net_close(diag);
	if (status)
		return -1;
	if (l.count)
		find_processes(&l);
	for (unsigned i = 0; i < l.count; i++) {
		text_fmt(lines, "port %u (%s)", l.found[i].port,
			 l.found[i].protocol == IPPROTO_TCP ? "TCP" : "UDP");
		if (l.found[i].pid)
			put_process(lines, l.found[i].pid);
		text_char(lines, '\n');
	}
	if (l.more)
		text_fmt(lines, "and %u more\n", l.more);
	return 0;
}
