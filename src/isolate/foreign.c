/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of Mesos' own isolator (network/port_mapping of the agent) on this host: a veth
 * "mesosPID" each, whose filters tell the ports, and a handle of the namespace. Only read here.
 */
#include "isolate/config.h"
#include "isolate/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HANDLES	      "/var/run/netns"	     /* PID: a bind mount of its namespace */
#define NAMES	      "/var/run/mesos/netns" /* ID: a symbolic link to that */
#define PRIORITY_PORT 771		     /* of the filters at the veth that let ports through */
#define SOURCE_PORT   20		     /* where it stands: IP header without options */
#define FOREIGN_MAX   4096u

/* ---- what can be seen from the host ---- */

static void take_link(void *ctx, const struct net_link *l)
{
	struct foreigners *out = ctx;
	uint32_t pid;
	int n = 0;

	if (!str_eq(l->kind, "veth") || sscanf(l->name, FOREIGN_NAME "%9u%n", &pid, &n) != 1 ||
	    l->name[n] || out->n == FOREIGN_MAX)
		return;
	out->items = xrealloc(out->items, (out->n + 1) * sizeof(*out->items));
	out->items[out->n++] = (struct foreign){.veth = *l, .pid = pid, .netns = -1};
}

static void take_block(void *ctx, const struct net_rule *filter)
{
	struct foreign *f = ctx;

	for (unsigned k = 0; filter->priority == PRIORITY_PORT && k < filter->key_count; k++) {
		const struct net_key *key = &filter->keys[k];
		uint32_t begin = key->value >> 16, size = 0x10000 - (key->mask >> 16);
		if (key->offset != SOURCE_PORT)
			continue;
		if (!begin || key->mask << 16 || size & (size - 1) || begin & (size - 1))
			snprintf(f->why, sizeof(f->why), "a filter of %s tells no block of ports",
				 f->veth.name);
		else
			port_set_add(&f->all, begin, begin + size - 1);
	}
}

static void take_name(struct foreigners *out, int dir, const char *id)
{
	char target[128];
	ssize_t n = readlinkat(dir, id, target, sizeof(target) - 1);
	uint64_t pid;

	if (n <= 0 || id_valid(id, NULL))
		return;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	if (str_u64(slash ? slash + 1 : target, false, &pid))
		return;
	for (size_t k = 0; k < out->n; k++) {
		struct foreign *f = &out->items[k];
		if (f->pid == pid && f->id[0])
			snprintf(f->why, sizeof(f->why), "it has two names, %.60s and %.60s", f->id,
				 id);
		else if (f->pid == pid)
			memcpy(f->id, id, strlen(id) + 1); /* id_valid */
	}
}

static void take_names(struct foreigners *out)
{
	DIR *d = out->n ? opendir(NAMES) : NULL;

	for (const struct dirent *entry; d && (entry = readdir(d));)
		take_name(out, dirfd(d), entry->d_name);
	if (d)
		closedir(d);
}

/* ---- and inside ---- */

/* The number may be another process's by now: it must be where the other end of the veth is. */
static int open_namespace(const struct isolator *i, const struct foreign *f, const char *form)
{
	char path[64];
	int32_t nsid;

	snprintf(path, sizeof(path), form, f->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!net_namespace_id(i->host.net, fd, &nsid, NULL) && nsid == f->veth.peer_nsid)
		return fd;
	close(fd);
	return -1;
}

static struct shape limit_of(struct net_socket *s, uint32_t ifindex)
{
	struct net_htb_class c;
	struct shape shape = {0};

	if (net_htb_class_get(s, ifindex, 1u << 16 | 1, &c, NULL))
		return shape;
	shape.rate = c.rate;
	if (c.ceil > c.rate) { /* else the kernel filled in both */
		shape.ceil = c.ceil;
		shape.burst = c.burst;
	}
	return shape;
}

static int look_inside(const struct isolator *i, struct foreign *f, struct err *e)
{
	struct net_link inner;
	struct port_set local = {0};
	char range[64];

	f->netns = open_namespace(i, f, HANDLES "/%u");
	if (f->netns < 0)
		f->netns = open_namespace(i, f, "/proc/%u/ns/net");
	if (f->netns < 0)
		return err_set(e, ERR_FAILED, "its namespace cannot be found");
	struct net_socket *s = net_open(f->netns, e);
	if (!s)
		return -1;
	int status = net_link_get(s, f->veth.peer, &inner, e);
	if (!status)
		f->egress = limit_of(s, inner.ifindex);
	net_close(s);
	if (status ||
	    net_sysctl_read(f->netns, "ipv4/ip_local_port_range", range, sizeof(range), e) ||
	    local_ports_parse(range, &local, e))
		return -1;
	if (!str_eq(inner.name, i->host.eth.name))
		return err_set(e, ERR_FAILED, "its interface is called %s", inner.name);
	if (!port_set_contains(&f->all, &local))
		return err_set(e, ERR_FAILED, "not all of its ephemeral ports %s are let through",
			       range);
	port_set_next_range(&local, 0, &f->ephemeral_begin, &f->ephemeral_end);
	port_set_subtract(&f->ports, &local);
	return 0;
}

static int look(const struct isolator *i, struct foreign *f, struct err *e)
{
	struct port_set ephemeral = {0};

	f->ingress = limit_of(i->host.net, f->veth.ifindex);
	if (net_rules(i->host.net, f->veth.ifindex, NET_TC_INGRESS, take_block, f, e))
		return -1;
	f->ports = f->all;
	if (look_inside(i, f, e))
		return -1;
	port_set_add(&ephemeral, f->ephemeral_begin, f->ephemeral_end);
	if (!f->id[0])
		return err_set(e, ERR_FAILED, "nothing in " NAMES " tells its name");
	if (!port_set_contains(&i->o.ports, &f->ports) ||
	    !port_set_contains(&i->o.ephemeral, &ephemeral))
		return err_set(e, ERR_FAILED,
			       "not all of its ports are managed here (--resources)");
	return 0;
}

void foreign_look(struct isolator *i, struct foreigners *out)
{
	*out = (struct foreigners){0};
	/* Reading all links takes longer the more there are: only if it was told of one of these.
	 */
	isolate_notice(i);
	if (!i->foreign)
		return;
	i->foreign = net_links(i->host.net, false, take_link, out, NULL) || out->n;
	take_names(out);
	for (size_t k = 0; k < out->n; k++) {
		struct foreign *f = &out->items[k];
		struct err e = {0};
		if (look(i, f, &e) && !f->why[0])
			snprintf(f->why, sizeof(f->why), "%.150s", e.message);
	}
}

void foreign_done(struct foreigners *f)
{
	for (size_t k = 0; k < f->n; k++)
		if (f->items[k].netns >= 0)
			close(f->items[k].netns);
	free(f->items);
}

void isolate_each_foreign(struct isolator *i,
			  void (*fn)(void *ctx, const struct isolate_foreign *f), void *ctx)
{
	struct foreigners all;

	foreign_look(i, &all);
	for (size_t k = 0; k < all.n; k++) {
		const struct foreign *f = &all.items[k];
		fn(ctx, &(struct isolate_foreign){
				.id = f->id[0] ? f->id : NULL,
				.veth = f->veth.name,
				.ports = &f->ports,
				.ephemeral_begin = f->ephemeral_begin,
				.ephemeral_end = f->ephemeral_end,
				.egress = f->egress,
				.ingress = f->ingress,
				.why = f->why[0] ? f->why : NULL,
			});
	}
	foreign_done(&all);
}

/* ---- ports that are not to be had ---- */

void others_look(struct isolator *i, struct others *out)
{
	host_listening(&i->host, &out->host);
	foreign_look(i, &out->foreign);
}

void others_ports(const struct others *o, struct port_set *out)
{
	*out = o->host;
	for (size_t k = 0; k < o->foreign.n; k++)
		port_set_join(out, &o->foreign.items[k].all);
}

void others_done(struct others *o)
{
	foreign_done(&o->foreign);
}

static int ports_of_nobody(const struct port_set *ports, const struct others *others, struct err *e)
{
	uint32_t port;

	for (size_t k = 0; k < others->foreign.n; k++) {
		const struct foreign *f = &others->foreign.items[k];
		if (port_set_intersects(ports, &f->all, &port))
			return err_set(e, ERR_USAGE,
				       "port %u belongs to container %s of Mesos' isolator", port,
				       f->id[0] ? f->id : f->veth.name);
	}
	return 0;
}

int ports_valid(const struct isolator *i, const struct port_set *ports, uint32_t slot,
		const struct others *others, struct err *e)
{
	if (!port_set_contains(&i->o.ports, ports))
		return err_set(e, ERR_USAGE, "not all of the ports are managed here (--resources)");
	for (uint32_t port = 1; port < DP_PORTS; port++) {
		uint64_t owner = i->datapath.wanted.owners[port];
		if (owner && owner != slot && port_set_has(ports, port))
			return err_set(e, ERR_USAGE, "port %u belongs to container %s", port,
				       i->datapath.wanted.containers[owner].id);
		if (others && !owner && port_set_has(&others->host, port) &&
		    port_set_has(ports, port))
			return err_set(e, ERR_USAGE, "port %u: a process of the host uses it",
				       port);
	}
	return others ? ports_of_nobody(ports, others, e) : 0;
}
