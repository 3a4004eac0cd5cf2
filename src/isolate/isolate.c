/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- containers, as the port table has them ---- */

uint32_t slot_of(const struct isolator *i, const char *id)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		if (slot_used(i, slot) &&
		    !strncmp(i->datapath.wanted.containers[slot].id, id, DP_ID_SIZE))
			return slot;
	return 0;
}

uint32_t slot_free(const struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++)
		if (!slot_used(i, slot))
			return slot;
	return 0;
}

void container_load(const struct isolator *i, uint32_t slot, struct container *c)
{
	*c = (struct container){.slot = slot, .netns = -1};
	c->entry = i->datapath.wanted.containers[slot];
	c->entry.id[DP_ID_SIZE - 1] = '\0';
	datapath_owned(i->datapath.wanted.owners, slot, &c->ports);
	port_set_remove(&c->ports, c->entry.ephemeral_begin, c->entry.ephemeral_end);
	snprintf(c->veth, sizeof(c->veth), VETH_FORM, slot);
	c->netns = handle_open(i, c->entry.id);
}

void container_ports(const struct container *c, struct port_set *out)
{
	*out = c->ports;
	port_set_add(out, c->entry.ephemeral_begin, c->entry.ephemeral_end);
}

void container_hash_ports(struct container *c)
{
	struct port_set ports;

	container_ports(c, &ports);
	c->entry.ports = hash_bytes(&ports, sizeof(ports));
}

void container_done(struct container *c)
{
	if (c->netns >= 0)
		close(c->netns);
	c->netns = -1;
}

/* ---- the plan and the kernel ---- */

int target_open(struct isolator *i, struct container *c, enum apply how, struct target *t,
		struct err *e)
{
	*t = (struct target){.isolator = i,
			     .how = how,
			     .host = &i->host,
			     .datapath = &i->datapath,
			     .container = c,
			     .follow = i->following};
	if (!c)
		return 0;
	if (c->netns < 0)
		return err_set(e, ERR_FAILED, "the namespace of %s is gone", c->entry.id);
	t->inside = net_open(c->netns, e);
	return t->inside ? 0 : -1;
}

void target_close(struct target *t)
{
	net_close(t->inside);
	net_sysctls_close(t->sysctls);
}

int host_apply(struct isolator *i, enum apply how, struct err *e)
{
	struct target t;
	struct plan p;

	target_open(i, NULL, how, &t, e);
	plan_host(&i->host, i->shaper, i->flows ? &i->o.flow_parent : NULL, &p);
	return plan_apply(&t, &p, e);
}

int container_apply(struct isolator *i, struct container *c, enum apply how, struct err *e)
{
	struct target t;
	struct plan p;

	i->missing[c->slot] = -1;
	if (target_open(i, c, how, &t, e))
		return -1;
	plan_container(&i->host, c, &p);
	int status = plan_apply(&t, &p, e);
	target_close(&t);
	if (!status)
		i->missing[c->slot] = t.missing;
	return status;
}

void isolate_close(struct isolator *i)
{
	if (!i)
		return;
	for (uint32_t slot = 0; slot < DP_SLOTS; slot++) {
		sysctls_drop(i, slot);
		free(i->asked[slot]);
	}
	if (i->claim >= 0)
		close(i->claim);
	net_close(i->monitor);
	datapath_close(&i->datapath);
	host_close(&i->host);
	free(i->handles);
	free(i->state_path);
	free(i->run_dir);
	free(i);
}

/* ---- requests ---- */

static void set_limits(const struct isolator *i, struct container *c,
		       const struct isolate_request *r)
{
	c->entry.egress = (struct dp_shape){r->egress.rate, r->egress.ceil, r->egress.burst};
	c->entry.ingress = (struct dp_shape){r->ingress.rate, r->ingress.ceil, r->ingress.burst};
	c->entry.milli_cpus = (uint32_t)MIN(r->cpus * 1000 + 0.5, (double)UINT32_MAX);
	c->entry.class = r->egress.rate ? 1u << 16 | c->slot : 0;
	c->entry.flow = i->flows ? flow_of(i->o.flow_parent, c->slot) : 0;
	c->ports = r->ports;
	container_hash_ports(c);
}

static int make_shaper(struct isolator *i, const struct isolate_request *r, struct err *e)
{
	if (!r->egress.rate || i->shaper)
		return 0;
	i->shaper = true;
	return host_apply(i, APPLY_PLAN, e);
}

/* Deletes the link of that name, if there is one. */
static int link_drop(struct isolator *i, const char *name, struct err *e)
{
	struct net_link l;
	int none = net_link_named(i->host.net, name, &l, e);

	return none ? MIN(none, 0) : net_link_delete(i->host.net, l.ifindex, e);
}

/* Somebody's first egress limit came to nothing. */
static void drop_shaper(struct isolator *i)
{
	i->shaper = false;
	if (!link_drop(i, SHAPER_IN, NULL))
		host_apply(i, APPLY_PLAN, NULL);
}

int container_undo(struct isolator *i, struct container *c, struct err *e)
{
	struct target t = {.host = &i->host, .datapath = &i->datapath, .container = c};
	const struct item class = {.kind = ITEM_NO_CLASS, .name = SHAPER_IN, .number = c->slot};

	/* What is refused here containers_end goes on with: as ready it would be kept instead. */
	c->entry.state = DP_CHANGING;
	datapath_put(&i->datapath, c->slot, &c->entry);
	/* Its ports are not given away as long as something could send from them. */
	if (link_drop(i, c->veth, e))
		return err_wrap(e, "its interface %s stays for now", c->veth);
	int none = item_check(&t, &class, e);
	if (none < 0 || (!none && item_apply(&t, &class, e)))
		return err_wrap(e, "its class 1:%x of " SHAPER_IN " stays for now", c->slot);
	for (uint32_t port = 1; port < DP_PORTS; port++)
		if (i->datapath.wanted.owners[port] == c->slot)
			datapath_give(&i->datapath, port, 0);
	ephemeral_release(&i->pool, c->entry.ephemeral_begin,
			  c->entry.ephemeral_end - c->entry.ephemeral_begin + 1);
	handle_drop(i, c->entry.id);
	sysctls_drop(i, c->slot);
	tell_held_drift(i, c->slot);
	/* Last: what the table knows of is finished by the next start. */
	datapath_put(&i->datapath, c->slot, &(struct dp_container){0});
	return 0;
}

static void clear_counters(struct isolator *i, uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	cleanup_free struct dp_counters *zero = xcalloc((size_t)MAX(cpus, 1), sizeof(*zero));

	bpf_map_update_elem(i->datapath.counters, &slot, zero, BPF_ANY);
}

void container_fill(const struct isolator *i, struct container *c, const struct isolate_request *r,
		    uint32_t ephemeral_begin, uint32_t ephemeral_end)
{
	snprintf(c->entry.id, sizeof(c->entry.id), "%s", r->id);
	snprintf(c->veth, sizeof(c->veth), VETH_FORM, c->slot);
	c->entry.ephemeral_begin = ephemeral_begin;
	c->entry.ephemeral_end = ephemeral_end;
	set_limits(i, c, r);
}

void container_begin(struct isolator *i, struct container *c, const struct isolate_request *r,
		     uint32_t ephemeral_begin, uint32_t ephemeral_end)
{
	container_fill(i, c, r, ephemeral_begin, ephemeral_end);
	clear_counters(i, c->slot);
	refused_begin(i, c->slot);
	c->entry.state = DP_CHANGING;
	datapath_put(&i->datapath, c->slot, &c->entry);
}

int container_write(struct isolator *i, struct container *c, const struct net_link *veth,
		    struct err *e)
{
	struct target t = {
		.isolator = i, .host = &i->host, .datapath = &i->datapath, .container = c};
	const struct item slot = {.kind = ITEM_SLOT}, ports = {.kind = ITEM_PORTS};

	c->entry.state = DP_READY;
	c->entry.ifindex = veth ? veth->ifindex : 0;
	c->entry.inner = veth ? veth->peer : 0;
	container_hash_ports(c);
	return item_apply(&t, &ports, e) || item_apply(&t, &slot, e) ? -1 : 0;
}

/*
 * The kernel looks for the id of a namespace from the lowest on (idr_for_each in
 * net/core/net_namespace.c), some fifty times while a container is attached: the newest has the
 * lowest one, else each would take longer than the one before it. Nothing takes an id away again:
 * it stays with its namespace, also when the attach fails, and is found by the next one.
 */
static void choose_nsid(const struct isolator *i, const struct container *c)
{
	/* One that it has already is as good. */
	net_namespace_id_set(i->host.net, c->netns, i->nsid_lowest - 1, NULL);
}

static int attach(struct isolator *i, const struct isolate_request *r, struct container *c,
		  struct err *e)
{
	if (handle_hold(i, r->id, r->netns, e))
		return -1;
	c->netns = handle_open(i, r->id);
	choose_nsid(i, c);
	if (make_shaper(i, r, e))
		return -1;
	c->entry.until = r->until;
	c->entry.begun = r->until ? process_begun(r->until) : 0;
	if (r->until && !c->entry.begun)
		return err_set(e, ERR_USAGE, "no process %u", r->until);
	c->entry.state = DP_READY;
	return container_apply(i, c, APPLY_NEW, e);
}

static int attach_checked(struct isolator *i, const struct isolate_request *r,
			  const struct others *others, struct err *e)
{
	const uint32_t size = i->o.ephemeral_per_container;
	struct container c = {.slot = slot_free(i), .netns = -1};
	struct port_set taken;
	struct err left;
	uint32_t begin;

	if (id_valid(r->id, e))
		return -1;
	if (slot_of(i, r->id))
		return err_set(e, ERR_USAGE, "container %s is %s", r->id,
			       slot_ready(i, slot_of(i, r->id)) ? "attached already"
								: "not detached wholly yet");
	if (ports_valid(i, &r->ports, 0, others, e))
		return -1;
	if (!c.slot)
		return err_set(e, ERR_FAILED, "%d containers are attached already", DP_SLOTS - 1);
	others_ports(others, &taken);
	if (ephemeral_allocate(&i->pool, &taken, size, &begin, e))
		return -1;
	container_begin(i, &c, r, begin, begin + size - 1);
	bool had_shaper = i->shaper;
	int status = attach(i, r, &c, e);
	if (status) {
		if (container_undo(i, &c, &left))
			log_warn("container %s ends later: %s", r->id, left.message);
		if (i->shaper && !had_shaper)
			drop_shaper(i);
	}
	container_done(&c);
	if (!status)
		statefile_keep(i, c.slot);
	return status;
}

static int update_checked(struct isolator *i, const struct isolate_request *r,
			  const struct others *others, struct err *e)
{
	uint32_t slot = slot_of(i, r->id);
	struct container c, before;

	if (!slot)
		return err_set(e, ERR_USAGE, "no container %.64s", r->id);
	if (!slot_ready(i, slot))
		return err_set(e, ERR_USAGE, "container %s is being detached", r->id);
	if (ports_valid(i, &r->ports, slot, others, e))
		return -1;
	container_load(i, slot, &c);
	before = c;
	set_limits(i, &c, r);
	if (r->spare_ingress && !before.entry.ingress.rate)
		c.entry.ingress = before.entry.ingress;
	bool had_shaper = i->shaper;
	int status = make_shaper(i, r, e) || container_apply(i, &c, APPLY_PLAN, e) ? -1 : 0;
	if (status) {
		container_apply(i, &before, APPLY_PLAN, NULL);
		if (i->shaper && !had_shaper)
			drop_shaper(i);
	}
	container_done(&c);
	if (!status)
		statefile_keep(i, slot);
	return status;
}

/* Refused: it is begun, and containers_end goes on with it. */
static int detach_slot(struct isolator *i, uint32_t slot, struct err *e)
{
	struct container c;

	container_load(i, slot, &c);
	container_done(&c);
	if (slot_ready(i, slot))
		tell_refused(i, slot, true);
	int status = container_undo(i, &c, e);
	statefile_keep(i, slot);
	return status;
}

static int detach_checked(struct isolator *i, const char *id, struct err *e)
{
	uint32_t slot = slot_of(i, id);

	return slot ? detach_slot(i, slot, e) : err_set(e, ERR_USAGE, "no container %.64s", id);
}

void containers_end(struct isolator *i)
{
	for (uint32_t slot = 1; slot < DP_SLOTS; slot++) {
		const struct dp_container x = i->datapath.wanted.containers[slot];
		bool ready = slot_ready(i, slot);
		struct err why;
		if (!slot_used(i, slot) ||
		    (ready && (!x.until || process_lives((uint32_t)x.until, x.begun))))
			continue;
		if (!detach_slot(i, slot, &why))
			tell_container(i, ISOLATE_DETACHED, x.id, NULL,
				       ready ? "its process has ended"
					     : "what was left of it is gone");
		else if (ready) /* else it was told when it was begun */
			tell_container(i, ISOLATE_REQUEST_REFUSED, x.id, "detach", why.message);
	}
}

/* Tell how a request went. */
static int answered(struct isolator *i, enum isolate_event_kind done, const char *request,
		    const char *id, int status, const struct err *why, struct err *e)
{
	if (status)
		tell_container(i, ISOLATE_REQUEST_REFUSED, id_valid(id, NULL) ? NULL : id, request,
			       why->message);
	else
		tell_container(i, done, id, NULL, NULL);
	if (status && e)
		*e = *why;
	return status;
}

int isolate_attach(struct isolator *i, const struct isolate_request *r, struct err *e)
{
	struct err why = {0};
	struct others others;

	others_look(i, &others);
	int status = attach_checked(i, r, &others, &why);
	others_done(&others);
	return answered(i, ISOLATE_ATTACHED, "attach", r->id, status, &why, e);
}

int isolate_update(struct isolator *i, const struct isolate_request *r, struct err *e)
{
	struct err why = {0};
	struct others others;

	others_look(i, &others);
	int status = update_checked(i, r, &others, &why);
	others_done(&others);
	return answered(i, ISOLATE_UPDATED, "update", r->id, status, &why, e);
}

int isolate_detach(struct isolator *i, const char *id, struct err *e)
{
	struct err why = {0};

	return answered(i, ISOLATE_DETACHED, "detach", id, detach_checked(i, id, &why), &why, e);
}

/* ---- opening ---- */

/* Not every kernel has fq_codel, and not every interface is free: then without. */
static void try_flows(struct isolator *i)
{
	struct target t = {.host = &i->host, .datapath = &i->datapath};
	struct item it = {.kind = ITEM_FLOWS, .number = i->o.flow_parent};
	struct err why = {0};

	if (!i->o.unique_flow)
		return;
	snprintf(it.name, sizeof(it.name), "%s", i->host.eth.name);
	i->flows = item_check(&t, &it, &why) == 1 || !item_apply(&t, &it, &why);
	if (!i->flows)
		log_warn("no queue of its own for each container: %s", why.message);
}

static void tell_foreign(struct isolator *i)
{
	struct foreigners f;

	foreign_look(i, &f);
	if (f.n)
		log_warn("isolation: %zu containers of Mesos' isolator are here: their ports are "
			 "given to nobody, and they are left alone (--adopt-mesos)",
			 f.n);
	foreign_done(&f);
}

struct isolator *isolate_open(const struct isolate_options *o, struct err *e)
{
	struct isolator *i = xcalloc(1, sizeof(*i));

	i->o = *o;
	i->run_dir = xstrdup(o->run_dir);
	i->handles = xasprintf("%s/netns", o->run_dir);
	i->state_path = xasprintf("%s/state.json", o->run_dir);
	i->pool.pool = o->ephemeral;
	i->nsid_lowest = NSID_TOP;
	i->foreign = true;
	sysctls_make_room();
	i->claim = alone_claim(e);
	if (i->claim < 0 || host_open(&i->host, o->eth, o->lo, o->ip6, e))
		goto fail;
	if (handles_open(i, e))
		goto fail;
	i->monitor = net_monitor_open(NET_HEAR_CONFIG, e);
	if (!i->monitor || datapath_open(&i->datapath, recover_program(&i->host), e))
		goto fail;
	try_flows(i);
	recover_table(i);
	/* The table lives by the programs that are attached, and must outlive us from here on. */
	if (o->adopt_mesos && host_apply(i, APPLY_PLAN, e))
		goto fail;
	if (o->adopt_mesos)
		adopt_take(i);
	if (recover_plans(i, e))
		goto fail;
	if (o->adopt_mesos)
		adopt_clear(i);
	tell_foreign(i);
	return i;
fail:
	isolate_close(i);
	return NULL;
}
