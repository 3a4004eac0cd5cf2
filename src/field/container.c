/* SPDX-License-Identifier: Apache-2.0 */
/* Class container: who the event belongs to, with or without an orchestrator. */
#include "field/class.h"

/* What sysdig shows for events outside any container. */
static const struct word outside = WORD("host");

GETTER(get_outside)
{
	if (!c->container)
		return value_word(out, &outside);
	/* A container without a name is better shown by its id than not at all, and who is known by
	 * ports alone, or by what another program wrote, by the task or app. */
	return value_meta(out, c->container, (enum meta_key)f->detail) ||
	       value_meta(out, c->container, META_CONTAINER) ||
	       value_meta(out, c->container, META_TASK) ||
	       value_meta(out, c->container, META_APP) || value_word(out, &outside);
}

GETTER(get_meta)
{
	return value_meta(out, c->container, (enum meta_key)f->detail);
}

GETTER(get_rung)
{
	return value_str(out, c->by_port ? "port" : context_meta(c, META_RUNG));
}

GETTER(get_start)
{
	if (!c->container || !c->container->start)
		return 0;
	return value_u64(out, VALUE_ABSTIME, c->container->start);
}

GETTER(get_duration)
{
	if (!c->container || !c->container->start || c->ev->ts < c->container->start)
		return 0;
	return value_u64(out, VALUE_RELTIME, c->ev->ts - c->container->start);
}

GETTER(get_ip)
{
	unsigned n = 0;

	if (!c->iface || !c->container)
		return 0;
	if (c->iface->record.has_ipv4)
		n += value_bytes(&out[n], VALUE_IP, c->iface->record.ipv4, 4);
	if (c->iface->record.has_ipv6)
		n += value_bytes(&out[n], VALUE_IP, c->iface->record.ipv6, 16);
	return n;
}

static const struct field rows[] = {
	{"container.id", VALUE_STRING, SCOPE_CONTAINER, FIELD_PREFIX, META_CONTAINER, get_outside,
	 "full id, else the task's; host outside; \"=\" accepts a prefix of 6 or more characters"},
	{"container.full_id", VALUE_STRING, SCOPE_CONTAINER, 0, META_CONTAINER, get_meta,
	 "full container id, compared as it is; absent outside"},
	{"container.name", VALUE_STRING, SCOPE_CONTAINER, 0, META_NAME, get_outside,
	 "container name, else the task's name or id; host outside"},
	{"container.image", VALUE_STRING, SCOPE_CONTAINER, 0, META_IMAGE, get_meta,
	 "image the container runs"},
	{"container.type", VALUE_STRING, SCOPE_CONTAINER, 0, META_RUNTIME, get_meta,
	 "mesos, dredge, docker, libpod, containerd, cri-o, lxc"},
	{"container.start_ts", VALUE_ABSTIME, SCOPE_CONTAINER, 0, 0, get_start,
	 "when the container started, ns since 1970"},
	{"container.duration", VALUE_RELTIME, SCOPE_EVENT, 0, 0, get_duration,
	 "age of the container at the event, ns"},
	{"container.ip", VALUE_IP, SCOPE_IFACE, FIELD_MULTI, 0, get_ip,
	 "addresses of the container's interface"},
	{"container.ports", VALUE_STRING, SCOPE_CONTAINER, 0, META_PORTS, get_meta,
	 "ports the container was given, e.g. 31000-31007,31016"},
	{"container.rung", VALUE_STRING, SCOPE_EVENT, 0, 0, get_rung,
	 "how it was found whose it is: status, agent, executor, docker-name, env, port, cgroup"},
};

const struct field_class field_class_container = {"container", "the container an event belongs to",
						  rows, ARRAY_SIZE(rows)};
