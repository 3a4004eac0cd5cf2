/* SPDX-License-Identifier: Apache-2.0 */
#include "source/netview.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/net.h"
#include "source/idmap.h"
#include "source/inside.h"
#include "source/statistics.h"

#define FILE_BYTES 16384	/* of a file of /proc/net that is read; snmp is some 2 KB */
#define STRAY_KEY  (1ull << 63) /* and the ifindex: of containers that discovery does not know */
#define RTTS_MAX   (1u << 20)
/* CPU time of a round for round trip times. For each namespace the kernel walks through the table
 * of all connections of all namespaces, so that many are read in turn. */
#define RTT_BUDGET (20 * NSEC_PER_MSEC)
#define MAJOR	   (1u << 16) /* handle of our root qdiscs, and of Mesos' */

struct place {		/* a network namespace */
	uint64_t netns; /* its inode number; 0 = nothing is open */
	struct net_socket *diag;
	int sockstat, snmp; /* -1 = not open */
	uint32_t *links;    /* host ends; owned */
	size_t link_count, link_cap;
	struct rates *rates;
	uint64_t round;	   /* when it was read */
	uint64_t rtt_turn; /* when its round trip times were */
	uint32_t rtt[RTT_PERCENTILES];
	bool rtt_known; /* there were connections */
};

struct queues { /* of one dump, by interface and handle or parent */
	struct net_qdisc *items;
	size_t n, cap;
	struct idmap index; /* -> index + 1 */
	bool by_parent;
};

struct netview {
	struct statistics_options o;
	char *proc_root; /* owned */
	struct fd_budget *budget;
	struct net_socket *route;
	struct idmap places; /* key -> struct place, owned */
	uint64_t round;
	/* of the host, this round */
	struct net_link_stats *stats;
	size_t n, cap;
	struct idmap links; /* ifindex -> index + 1 into stats */
	struct queues qdiscs, classes;
	struct confined_list *confined;
	struct idmap by_link; /* ifindex -> struct confined */
	uint64_t *seen;	      /* of each of them: the round in which it was read */
	uint32_t *rtt;
	size_t rtt_count, rtt_cap;
	uint64_t rtt_turn;  /* in which each namespace is read once, be it in several rounds */
	uint64_t rtt_spent; /* in this round */
	bool rtt_left;	    /* some have to wait for the next round */
	uint64_t next_rates, rates_step;
};

void confined_list_free(struct confined_list *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		free(l->items[i].netns);
	if (l)
		free(l->items);
	free(l);
}

void sample_list_free(struct sample_list *l)
{
	if (l)
		free(l->items);
	free(l);
}

struct netview *netview_new(const struct source_options *o, struct fd_budget *budget, struct err *e)
{
	struct net_socket *route = net_open(-1, e);

	if (!route)
		return NULL;
	struct netview *v = xcalloc(1, sizeof(*v));
	v->route = route;
	v->o = o->statistics;
	v->proc_root = xstrdup(o->proc_root ? o->proc_root : "/proc");
	v->budget = budget;
	v->qdiscs.by_parent = true;
	v->next_rates = v->o.rate_interval ? 0 : UINT64_MAX;
	v->rates_step = rates_step(v->o.rate_window, v->o.rate_interval);
	return v;
}

/* ---- what is open of a namespace ---- */

static void file_close(struct netview *v, int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		v->budget->used--;
	}
	*fd = -1;
}

static void place_close(struct netview *v, struct place *p)
{
	file_close(v, &p->sockstat);
	file_close(v, &p->snmp);
	if (p->diag)
		v->budget->used--;
	net_close(p->diag);
	p->diag = NULL;
	p->netns = 0;
}

static void place_free(struct netview *v, struct place *p)
{
	place_close(v, p);
	rates_free(p->rates);
	free(p->links);
	free(p);
}

/* What cannot be opened is not read: a kernel may be without inet_diag. */
static void place_open(struct netview *v, struct place *p, const char *path, uint64_t netns)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* The first process need not be in it (a supervisor), or be gone by now. */
	uint64_t inode = fd < 0 ? 0 : net_namespace_inode(fd);
	if (!inode || (netns && netns != inode))
		return;
	p->netns = inode;
	if (v->o.sockets && (p->sockstat = net_proc_open(fd, "sockstat", NULL)) >= 0)
		v->budget->used++;
	if (v->o.snmp && (p->snmp = net_proc_open(fd, "snmp", NULL)) >= 0)
		v->budget->used++;
	if (v->o.rtt && (p->diag = net_open_diag(fd, NULL)))
		v->budget->used++;
}

static struct place *place_get(struct netview *v, uint64_t key)
{
	struct place *p = idmap_find(&v->places, key);

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->sockstat = p->snmp = -1;
	idmap_put(&v->places, key, p);
	return p;
}

static void place_link(struct place *p, uint32_t ifindex)
{
	GROW(p->links, p->link_count, p->link_cap);
	p->links[p->link_count++] = ifindex;
}

void netview_forget(struct netview *v, uint64_t key)
{
	struct place *p = idmap_remove(&v->places, key);

	if (p)
		place_free(v, p);
}

/* ---- what the host tells ---- */

static void link_keep(void *ctx, uint32_t ifindex, const struct net_link_stats *st)
{
	struct netview *v = ctx;

	GROW(v->stats, v->n, v->cap);
	v->stats[v->n++] = *st;
	idmap_put(&v->links, ifindex, (void *)(uintptr_t)v->n);
}

static int read_links(struct netview *v, struct err *e)
{
	v->n = 0;
	idmap_done(&v->links);
	return net_link_stats(v->route, link_keep, v, e);
}

static uint64_t queue_key(uint32_t ifindex, uint32_t handle)
{
	return (uint64_t)ifindex << 32 | handle;
}

static void queue_keep(void *ctx, const struct net_qdisc *q)
{
	struct queues *to = ctx;

	GROW(to->items, to->n, to->cap);
	to->items[to->n++] = *q;
	idmap_put(&to->index, queue_key(q->ifindex, to->by_parent ? q->parent : q->handle),
		  (void *)(uintptr_t)to->n);
}

static void queues_empty(struct queues *q)
{
	q->n = 0;
	idmap_done(&q->index);
}

static const struct net_qdisc *queue_find(const struct queues *q, uint32_t ifindex, uint32_t handle)
{
	uintptr_t at = (uintptr_t)idmap_find(&q->index, queue_key(ifindex, handle));

	return at ? &q->items[at - 1] : NULL;
}

static void take_confined(struct netview *v)
{
	struct confined_list *l = v->o.confined ? v->o.confined(v->o.ctx) : NULL;

	if (!l)
		return;
	confined_list_free(v->confined);
	v->confined = l;
	idmap_done(&v->by_link);
	free(v->seen);
	v->seen = xcalloc(l->n + 1, sizeof(*v->seen));
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].ifindex)
			idmap_put(&v->by_link, l->items[i].ifindex, &l->items[i]);
}

int netview_begin(struct netview *v, struct err *e)
{
	take_confined(v);
	v->round++;
	v->rtt_turn += !v->rtt_left;
	v->rtt_left = false;
	v->rtt_spent = 0;
	queues_empty(&v->qdiscs);
	queues_empty(&v->classes);
	if (read_links(v, e) || net_qdiscs(v->route, 0, queue_keep, &v->qdiscs, e))
		return -1;
	if (!v->confined || !v->confined->shaper)
		return 0;
	return net_classes(v->route, v->confined->shaper, MAJOR, queue_keep, &v->classes, e);
}

void netview_free(struct netview *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->places.cap; i++)
		if (v->places.slots[i].value)
			place_free(v, v->places.slots[i].value);
	idmap_done(&v->places);
	idmap_done(&v->links);
	idmap_done(&v->by_link);
	queues_empty(&v->qdiscs);
	queues_empty(&v->classes);
	free(v->qdiscs.items);
	free(v->classes.items);
	confined_list_free(v->confined);
	free(v->stats);
	free(v->rtt);
	free(v->seen);
	free(v->proc_root);
	net_close(v->route);
	free(v);
}

/* ---- counters of one container ---- */

static void set_queue(struct counters *out, enum counter_id first, const struct net_qdisc *q)
{
	if (!q)
		return;
	const struct net_queue_stats *s = &q->stats;
	const uint64_t values[] = {s->backlog, s->bytes,    s->drops,	 s->overlimits, s->packets,
				   s->qlen,    s->rate_bps, s->rate_pps, s->requeues};
	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		counters_set(out, first + i, values[i]);
}

/* With one class below, the statistics of the root are those of the class. */
static void read_ingress(const struct netview *v, uint32_t link, struct counters *out)
{
	const struct net_qdisc *root = queue_find(&v->qdiscs, link, NET_TC_ROOT);

	if (!root || !str_eq(root->kind, "htb"))
		return;
	set_queue(out, COUNTER_INGRESS_BW_LIMIT_BACKLOG, root);
	set_queue(out, COUNTER_INGRESS_BLOAT_REDUCTION_BACKLOG,
		  queue_find(&v->qdiscs, link, root->handle | 1));
}

static void set_shape(struct counters *out, enum counter_id first, const struct confined_shape *s)
{
	if (s->rate)
		counters_set(out, first, s->rate);
	if (s->rate && s->ceil)
		counters_set(out, first + 1, s->ceil);
	if (s->rate && s->ceil && s->burst)
		counters_set(out, first + 2, s->burst);
}

static void read_confined(const struct netview *v, const struct confined *c, struct counters *out)
{
	uint32_t class = MAJOR | c->slot;

	set_queue(out, COUNTER_BW_LIMIT_BACKLOG,
		  queue_find(&v->classes, v->confined->shaper, class));
	set_queue(out, COUNTER_BLOAT_REDUCTION_BACKLOG,
		  queue_find(&v->qdiscs, v->confined->shaper, class));
	set_shape(out, COUNTER_NET_TX_RATE_LIMIT, &c->tx);
	set_shape(out, COUNTER_NET_RX_RATE_LIMIT, &c->rx);
	counters_set(out, COUNTER_EPHEMERAL_BEGIN, c->ephemeral_begin);
	counters_set(out, COUNTER_EPHEMERAL_END, c->ephemeral_end);
}

static void read_file(int fd, void (*parse)(const char *text, struct counters *out),
		      struct counters *out)
{
	char text[FILE_BYTES];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return;
	text[n] = '\0';
	parse(text, out);
}

static void rtt_keep(void *ctx, uint32_t rtt)
{
	struct netview *v = ctx;

	if (v->rtt_count == RTTS_MAX)
		return;
	GROW(v->rtt, v->rtt_count, v->rtt_cap);
	v->rtt[v->rtt_count++] = rtt;
}

/* As they are, or while others have their turn as they were. */
static void read_rtt(struct netview *v, struct place *p, struct counters *out)
{
	if (p->rtt_turn != v->rtt_turn && v->rtt_spent >= RTT_BUDGET) {
		v->rtt_left = true;
	} else if (p->rtt_turn != v->rtt_turn) {
		uint64_t begun = time_thread_cpu();
		v->rtt_count = 0;
		p->rtt_known = !net_rtts(p->diag, rtt_keep, v, NULL) &&
			       rtt_percentiles(v->rtt, v->rtt_count, p->rtt);
		p->rtt_turn = v->rtt_turn;
		v->rtt_spent += time_thread_cpu() - begun;
	}
	for (unsigned i = 0; p->rtt_known && i < RTT_PERCENTILES; i++)
		counters_set(out, COUNTER_TCP_RTT_P50 + i, p->rtt[i]);
}

static void read_inside(struct netview *v, struct place *p, struct counters *out)
{
	read_file(p->sockstat, sockstat_parse, out);
	read_file(p->snmp, snmp_parse, out);
	if (p->diag)
		read_rtt(v, p, out);
}

/* The eight counters of links; false when none of them is known. */
static bool read_place_links(const struct netview *v, const struct place *p, struct counters *out)
{
	bool any = false;

	for (size_t i = 0; i < p->link_count; i++) {
		uintptr_t at = (uintptr_t)idmap_find(&v->links, p->links[i]);
		if (!at)
			continue;
		counters_add_link(out, &v->stats[at - 1]);
		any = true;
	}
	return any;
}

static void read_rates(const struct netview *v, const struct place *p, struct counters *out)
{
	if (!v->o.rate_interval)
		return;
	counters_set(out, COUNTER_RATE_WINDOW, v->o.rate_window);
	counters_set(out, COUNTER_RATE_INTERVAL, v->rates_step);
	if (p->rates)
		rates_tell(p->rates, out);
}

/* path: of its namespace; netns: the inode number of that, 0 = whatever it is. */
static const struct confined *place_read(struct netview *v, struct place *p, const char *path,
					 uint64_t netns, struct counters *out)
{
	const struct confined *c = NULL;

	p->round = v->round;
	read_place_links(v, p, out);
	for (size_t i = 0; i < p->link_count; i++) {
		read_ingress(v, p->links[i], out);
		if (!c)
			c = idmap_find(&v->by_link, p->links[i]);
	}
	if (c) {
		v->seen[c - v->confined->items] = v->round;
		read_confined(v, c, out);
	}
	read_rates(v, p, out);
	if (p->netns && netns && p->netns != netns)
		place_close(v, p);
	if (!p->netns)
		place_open(v, p, path, netns);
	read_inside(v, p, out);
	if (v->budget->used > v->budget->max)
		place_close(v, p);
	return c;
}

const struct confined *netview_read(struct netview *v, const struct discovered *c,
				    struct counters *out)
{
	char path[4096];

	if (!c->netns || c->host_network || c->netns_owner != c->key)
		return NULL;
	struct place *p = place_get(v, c->key);
	p->link_count = 0;
	for (size_t i = 0; i < c->iface_count; i++)
		if (c->ifaces[i].host_ifindex)
			place_link(p, c->ifaces[i].host_ifindex);
	snprintf(path, sizeof(path), "%s/%d/ns/net", v->proc_root, c->record.pid);
	return place_read(v, p, path, c->netns, out);
}

static void drop_old_strays(struct netview *v)
{
	for (size_t i = 0; i < v->places.cap; i++) {
		const struct idmap_slot *slot = &v->places.slots[i];
		const struct place *p = slot->value;
		if (!p || !(slot->key & STRAY_KEY) || p->round == v->round)
			continue;
		netview_forget(v, slot->key);
		i--; /* what followed may have moved into this place */
	}
}

void netview_strays(struct netview *v,
		    void (*fn)(void *ctx, const struct confined *c, const struct counters *k),
		    void *ctx)
{
	for (size_t i = 0; v->confined && i < v->confined->n; i++) {
		const struct confined *c = &v->confined->items[i];
		struct counters k = {0};
		if (!c->ifindex || v->seen[i] == v->round)
			continue;
		struct place *p = place_get(v, STRAY_KEY | c->ifindex);
		p->link_count = 0;
		place_link(p, c->ifindex);
		place_read(v, p, c->netns, 0, &k);
		fn(ctx, c, &k);
	}
	drop_old_strays(v);
}

uint64_t netview_rates(struct netview *v, uint64_t now)
{
	if (now < v->next_rates)
		return v->next_rates;
	/* Rates that could not be taken in time are left out, not made up for. */
	v->next_rates = MAX(v->next_rates + v->rates_step, now);
	if (read_links(v, NULL))
		return v->next_rates;
	for (size_t i = 0; i < v->places.cap; i++) {
		struct place *p = v->places.slots[i].value;
		struct counters k = {0};
		if (!p || !read_place_links(v, p, &k))
			continue;
		if (!p->rates)
			p->rates = rates_new(v->o.rate_window, v->o.rate_interval);
		rates_add(p->rates, now, &k);
	}
	return v->next_rates;
}
