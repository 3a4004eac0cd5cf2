/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum kind {
	FLAG_TEXT,
	FLAG_BOOL,
	FLAG_BYTES,
	FLAG_PER_CPU,
	FLAG_ISOLATION,
	FLAG_RESOURCES,
	FLAG_EPHEMERAL,
	FLAG_PARENT,
	FLAG_NOT, /* the member is the opposite */
	FLAG_MODULES,
};

#define AT(member) offsetof(struct isolate_config, member)

const struct isolate_flag isolate_flags[] = {
	{"isolation", "LIST", "isolators; network/port_mapping keeps containers in their ports",
	 FLAG_ISOLATION, 0},
	{"enforce", NULL, "the same as --isolation=network/port_mapping", FLAG_BOOL, AT(wanted)},
	{"resources", "LIST", "ports:[31000-32000];ephemeral_ports:[32768-57344];cpus:8",
	 FLAG_RESOURCES, 0},
	{"ephemeral_ports_per_container", "N",
	 "ports that the kernel gives away in each container (1024)", FLAG_EPHEMERAL, 0},
	{"eth0_name", "NAME", "public interface (that of the default route)", FLAG_TEXT, AT(eth)},
	{"lo_name", "NAME", "loopback (lo)", FLAG_TEXT, AT(lo)},
	{"egress_rate_limit_per_container", "SIZE", "bytes per second a container may send",
	 FLAG_BYTES, AT(egress.rate)},
	{"egress_rate_per_cpu", "SIZE", "... times its cpus; auto = link speed by cpus of the host",
	 FLAG_PER_CPU, AT(egress)},
	{"minimum_egress_rate_limit", "SIZE", "... but not less (125000 B)", FLAG_BYTES,
	 AT(egress.minimum)},
	{"maximum_egress_rate_limit", "SIZE", "... and not more", FLAG_BYTES, AT(egress.maximum)},
	{"egress_ceil_limit", "SIZE", "rate of bursts", FLAG_BYTES, AT(egress.ceil)},
	{"egress_burst", "SIZE", "bytes of a burst", FLAG_BYTES, AT(egress.burst)},
	{"egress_unique_flow_per_container", NULL, "a queue for each container on the interface",
	 FLAG_BOOL, AT(unique_flow)},
	{"egress_flow_classifier_parent", "CLASS",
	 "where these queues hang: root, or a class MAJ:MIN in hex", FLAG_PARENT, 0},
	{"ipv6", NULL, "map the ports of the host's IPv6 address too (true)", FLAG_NOT, AT(no_ip6)},
	{"ingress_rate_limit_per_container", "SIZE", "bytes per second a container may receive",
	 FLAG_BYTES, AT(ingress.rate)},
	{"ingress_rate_per_cpu", "SIZE", "the same for what it receives", FLAG_PER_CPU,
	 AT(ingress)},
	{"minimum_ingress_rate_limit", "SIZE", "", FLAG_BYTES, AT(ingress.minimum)},
	{"maximum_ingress_rate_limit", "SIZE", "", FLAG_BYTES, AT(ingress.maximum)},
	{"ingress_ceil_limit", "SIZE", "", FLAG_BYTES, AT(ingress.ceil)},
	{"ingress_burst", "SIZE", "", FLAG_BYTES, AT(ingress.burst)},
	{"ingress_isolate_existing_containers", NULL,
	 "an update may limit what an unlimited container receives (true)", FLAG_NOT,
	 AT(spare_ingress)},
	{"network_link_speed", "SIZE", "for auto, in place of what the interface says", FLAG_BYTES,
	 AT(link_speed)},
	{"runtime_dir", "DIR", "handles of namespaces, and the socket for dredgectl (/run/dredge)",
	 FLAG_TEXT, AT(run_dir)},
	{"control-group", "GROUP", "may use the socket beside root", FLAG_TEXT, AT(group)},
	{"repair", NULL, "put right what somebody else changed (true); else only tell", FLAG_NOT,
	 AT(tell_only)},
	{"adopt-mesos", NULL, "take over the containers of the agent's own network/port_mapping",
	 FLAG_BOOL, AT(adopt_mesos)},
	{"modules", "JSON", "of the agent: isolators of other names may be there", FLAG_MODULES, 0},
	{"modules_dir", "DIR", "", FLAG_MODULES, 0},
};
const size_t isolate_flag_count = ARRAY_SIZE(isolate_flags);

/* Those of Mesos 1.11; cgroups/ has more of them than anybody counts. */
static const char *const isolators[] = {
	"appc/runtime",
	"disk/du",
	"disk/xfs",
	"docker/runtime",
	"docker/volume",
	"environment_secret",
	"filesystem/linux",
	"filesystem/posix",
	"filesystem/shared",
	"gpu/nvidia",
	"linux/capabilities",
	"linux/devices",
	"linux/nnp",
	"linux/seccomp",
	"namespaces/ipc",
	"namespaces/pid",
	"network/cni",
	"network/port_mapping",
	"network/ports",
	"posix/cpu",
	"posix/disk",
	"posix/mem",
	"posix/rlimits",
	"volume/csi",
	"volume/host_path",
	"volume/image",
	"volume/sandbox_path",
	"volume/secret",
	"process",
	"cgroups",
};

static int keep(char **where, const char *value)
{
	free(*where);
	*where = xstrdup(value);
	return 0;
}

static bool word_is(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(p, word, n);
}

static void trim(const char **p, size_t *n)
{
	for (; *n && isspace((unsigned char)**p); (*n)--)
		(*p)++;
	while (*n && isspace((unsigned char)(*p)[*n - 1]))
		(*n)--;
}

static bool isolator_known(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(isolators); i++)
		if (word_is(p, n, isolators[i]))
			return true;
	return n > 8 && !strncmp(p, "cgroups/", 8);
}

/* "cgroups/cpu,network/port_mapping": beside network/ports there is one for the network. */
static int set_isolation(struct isolate_config *c, const char *value, struct err *e)
{
	char network[32] = "";
	bool wanted = false;

	free(c->foreign);
	c->foreign = NULL;
	for (const char *at = value; *at;) {
		const char *p = at;
		size_t n = strcspn(p, ",");
		at += n + (at[n] == ',');
		trim(&p, &n);
		bool known = !n || isolator_known(p, n);
		if (!known && !c->foreign)
			c->foreign = xstrndup(p, n);
		if (!known || word_is(p, n, "network/ports") || n <= 8 || strncmp(p, "network/", 8))
			continue;
		if (network[0] && !word_is(p, n, network))
			return err_set(
				e, ERR_USAGE,
				"--isolation: %s and %.*s: there can be one network isolator "
				"only",
				network, (int)MIN(n, 60), p);
		snprintf(network, sizeof(network), "%.*s", (int)n, p);
		wanted |= word_is(p, n, "network/port_mapping");
	}
	c->wanted = wanted;
	return 0;
}

static int set_cpus(double *to, const char *value, size_t n, struct err *e)
{
	char *end;
	double cpus = strtod(value, &end);

	if (!n || end != value + n || !(cpus >= 0 && cpus <= SHAPE_CPUS_MAX))
		return err_set(e, ERR_USAGE, "cpus: '%.*s' is no number from 0 to %u",
			       (int)MIN(n, 40), value, SHAPE_CPUS_MAX);
	*to = cpus;
	return 0;
}

/* "NAME:VALUE" or "NAME(ROLE):VALUE": for whom it is reserved is the master's business. */
static int set_resource(struct isolate_config *c, const char *p, size_t n, struct err *e)
{
	const char *colon = memchr(p, ':', n);

	if (!colon)
		return err_set(e, ERR_USAGE, "'%.*s': NAME:VALUE is wanted", (int)MIN(n, 60), p);
	size_t name = (size_t)(colon - p), left = n - name - 1;
	const char *value = colon + 1;
	trim(&p, &name);
	trim(&value, &left);
	const char *role = memchr(p, '(', name);
	if (role && p[name - 1] == ')')
		name = (size_t)(role - p);
	trim(&p, &name);
	if (word_is(p, name, "ports"))
		return port_set_parse(value, left, &c->ports, e);
	if (word_is(p, name, "ephemeral_ports"))
		return port_set_parse(value, left, &c->ephemeral, e);
	return word_is(p, name, "cpus") ? set_cpus(&c->cpus, value, left, e) : 0;
}

/* The whole list anew: a flag replaces the line of the settings file. */
static int set_resources(struct isolate_config *c, const char *value, struct err *e)
{
	struct isolate_config made = *c;
	const char *at = value + strspn(value, " \t\n");

	if (*at == '/' || str_starts(at, "file:"))
		return err_set(e, ERR_USAGE,
			       "--resources: files are not read; write it as "
			       "cpus:8;ports:[31000-32000];ephemeral_ports:[...]");
	made.ports = made.ephemeral = (struct port_set){0};
	made.cpus = 0;
	while (*at) {
		const char *p = at;
		size_t n = strcspn(p, ";");
		at += n + (at[n] == ';');
		trim(&p, &n);
		if (n && set_resource(&made, p, n, e))
			return err_wrap(e, "--resources");
	}
	*c = made;
	return 0;
}

static int set_per_cpu(struct limit_flags *f, const char *name, const char *value, struct err *e)
{
	f->per_cpu_auto = str_eq(value, "auto");
	return !f->per_cpu_auto && bytes_parse(value, &f->per_cpu, e) ? err_wrap(e, "--%s", name)
								      : 0;
}

static int set_bool(bool *to, const char *name, const char *value, struct err *e)
{
	if (value && !str_eq(value, "true") && !str_eq(value, "false"))
		return err_set(e, ERR_USAGE, "--%s: true or false is wanted", name);
	*to = !value || str_eq(value, "true");
	return 0;
}

static int set_bytes(struct isolate_config *c, uint64_t *to, const char *name, const char *value,
		     struct err *e)
{
	if (bytes_parse(value, to, e))
		return err_wrap(e, "--%s", name);
	c->egress.no_floor |= to == &c->egress.minimum;
	c->ingress.no_floor |= to == &c->ingress.minimum;
	return 0;
}

static int set_ephemeral(struct isolate_config *c, const char *name, const char *value,
			 struct err *e)
{
	uint64_t n;

	if (str_u64(value, false, &n) || n < EPHEMERAL_LEAST || n > PORT_MAX)
		return err_set(e, ERR_USAGE, "--%s: %s is not between %u and %u", name, value,
			       EPHEMERAL_LEAST, PORT_MAX);
	c->ephemeral_per_container = (uint32_t)n;
	return 0;
}

/* "root", or "MAJ:MIN": hex without 0x, 16 bits each; the qdisc there gets handle MAJ + 1. */
static int set_parent(struct isolate_config *c, const char *name, const char *value, struct err *e)
{
	char *end, *colon;
	unsigned long major = strtoul(value, &colon, 16);
	unsigned long minor = *colon == ':' ? strtoul(colon + 1, &end, 16) : 0;

	if (str_eq(value, "root")) {
		c->flow_parent = 0;
		return 0;
	}
	if (!isxdigit((unsigned char)value[0]) || *colon != ':' ||
	    !isxdigit((unsigned char)colon[1]) || *end || !major || major >= UINT16_MAX - 1 ||
	    minor > UINT16_MAX || strpbrk(value, "xX"))
		return err_set(e, ERR_USAGE,
			       "--%s: '%s' is neither root nor a class MAJ:MIN in hex, 1:0 to "
			       "fffd:ffff",
			       name, value);
	c->flow_parent = (uint32_t)(major << 16 | minor);
	return 0;
}

int isolate_config_set(struct isolate_config *c, const char *name, const char *value, struct err *e)
{
	size_t i = 0;

	while (!str_eq(isolate_flags[i].name, name))
		if (++i == isolate_flag_count)
			return err_set(e, ERR_USAGE, "no flag --%s", name);
	void *at = (char *)c + isolate_flags[i].at;
	switch ((enum kind)isolate_flags[i].kind) {
	case FLAG_TEXT:
		return keep(at, value);
	case FLAG_BOOL:
		return set_bool(at, name, value, e);
	case FLAG_BYTES:
		return set_bytes(c, at, name, value, e);
	case FLAG_PER_CPU:
		return set_per_cpu(at, name, value, e);
	case FLAG_ISOLATION:
		return set_isolation(c, value, e);
	case FLAG_RESOURCES:
		return set_resources(c, value, e);
	case FLAG_EPHEMERAL:
		return set_ephemeral(c, name, value, e);
	case FLAG_PARENT:
		return set_parent(c, name, value, e);
	case FLAG_NOT:
		if (set_bool(at, name, value, e))
			return -1;
		*(bool *)at = !*(bool *)at;
		return 0;
	case FLAG_MODULES:
		c->modules = true;
	}
	return 0;
}

/* ---- what cannot be ---- */

static int check_pools(const struct isolate_config *c, const struct isolate_facts *f,
		       struct text *notices, struct err *e)
{
	const struct ephemeral_pool pool = {.pool = c->ephemeral};
	struct port_set well_known = {0};
	uint32_t port;

	port_set_add(&well_known, 1, 1023);
	if (port_set_empty(&c->ephemeral))
		return err_set(e, ERR_USAGE,
			       "--resources: ephemeral_ports are wanted, some for each container");
	if (port_set_intersects(&c->ports, &c->ephemeral, &port))
		return err_set(e, ERR_USAGE, "port %u is in ports and in ephemeral_ports", port);
	if (port_set_intersects(&c->ephemeral, &well_known, &port))
		return err_set(e, ERR_USAGE, "ephemeral port %u is a well-known port", port);
	if (port_set_intersects(&c->ephemeral, &f->local, &port))
		return err_set(e, ERR_USAGE,
			       "ephemeral port %u is one that the host's kernel gives away "
			       "(net.ipv4.ip_local_port_range)",
			       port);
	if (!ephemeral_left(&pool, c->ephemeral_per_container))
		return err_set(e, ERR_USAGE, "ephemeral_ports have no room for %u in a row",
			       c->ephemeral_per_container);
	if (port_set_intersects(&c->ports, &well_known, &port))
		text_fmt(notices, "port %u of ports is a well-known port\n", port);
	if (port_set_intersects(&c->ports, &f->local, &port))
		text_fmt(notices,
			 "port %u of ports is one that the host's kernel gives away "
			 "(net.ipv4.ip_local_port_range)\n",
			 port);
	return 0;
}

static void count_block(void *ctx, uint32_t begin, uint32_t size)
{
	(void)begin;
	(void)size;
	++*(unsigned *)ctx;
}

/* What it would cost elsewhere, for those who come from there. */
static void tell_of_blocks(uint32_t size, struct text *notices)
{
	struct port_set range = {0};
	unsigned blocks = 0;

	if (!(size & (size - 1)))
		return;
	port_set_add(&range, PORT_MAX + 1 - size, PORT_MAX);
	port_blocks(&range, count_block, &blocks);
	text_fmt(notices,
		 "ephemeral_ports_per_container: %u is no power of two; as filters a range would "
		 "be %u blocks or more, each at a cost to every packet; here it costs nothing\n",
		 size, blocks);
}

static int check_limits(struct isolate_config *c, struct limit_flags *l, const char *way,
			uint64_t link_speed, struct text *notices, struct err *e)
{
	uint64_t speed = c->link_speed ? c->link_speed : link_speed;

	if (l->rate && (l->per_cpu || l->per_cpu_auto))
		return err_set(e, ERR_USAGE,
			       "%s_rate_limit_per_container and %s_rate_per_cpu exclude each other",
			       way, way);
	if (l->minimum && l->maximum && l->minimum > l->maximum)
		return err_set(e, ERR_USAGE, "minimum_%s_rate_limit is above the maximum", way);
	if (l->per_cpu_auto && c->cpus < 1)
		return err_set(e, ERR_USAGE, "%s_rate_per_cpu=auto wants cpus in --resources", way);
	if (l->per_cpu_auto && !speed)
		return err_set(e, ERR_USAGE,
			       "%s_rate_per_cpu=auto: the link speed is not known, give "
			       "network_link_speed",
			       way);
	if (l->per_cpu_auto)
		l->per_cpu = speed / (uint64_t)c->cpus;
	if (!link_speed && MAX(l->rate, MAX(l->minimum, l->maximum)))
		text_fmt(notices,
			 "the speed of the link is not known: the %s limits are not held against "
			 "it\n",
			 way);
	if (link_speed && MAX(l->rate, l->minimum) > link_speed)
		return err_set(e, ERR_USAGE, "the %s limit is above the speed of the link", way);
	if (link_speed && l->maximum > link_speed)
		text_fmt(notices, "maximum_%s_rate_limit is above the speed of the link\n", way);
	return 0;
}

int isolate_isolators_check(const struct isolate_config *c, struct err *e)
{
	return c->foreign && !c->modules
		       ? err_set(e, ERR_USAGE, "--isolation: unknown isolator '%.60s'", c->foreign)
		       : 0;
}

int isolate_config_check(struct isolate_config *c, const struct isolate_facts *f,
			 struct text *notices, struct err *e)
{
	if (!c->ephemeral_per_container)
		c->ephemeral_per_container = EPHEMERAL_DEFAULT;
	if (!f->root)
		return err_set(e, ERR_USAGE, "network/port_mapping needs root");
	if (isolate_isolators_check(c, e))
		return -1;
	tell_of_blocks(c->ephemeral_per_container, notices);
	return check_pools(c, f, notices, e) ||
			       check_limits(c, &c->egress, "egress", f->link_speed, notices, e) ||
			       check_limits(c, &c->ingress, "ingress", f->link_speed, notices, e)
		       ? -1
		       : 0;
}

void isolate_config_done(struct isolate_config *c)
{
	free(c->eth);
	free(c->lo);
	free(c->run_dir);
	free(c->group);
	free(c->foreign);
}

/* ---- what the host says ---- */

int local_ports_parse(const char *text, struct port_set *out, struct err *e)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10);
	unsigned long last = strtoul(end, &end, 10);

	if (!first || last < first || last > PORT_MAX || end[strspn(end, " \t\n")])
		return err_set(e, ERR_FAILED, "ip_local_port_range is '%.40s'", text);
	port_set_add(out, (uint32_t)first, (uint32_t)last);
	return 0;
}

uint64_t link_speed_parse(const char *text)
{
	char *end;
	long long mbit = strtoll(text, &end, 10);

	if (end == text || mbit <= 0 || mbit >= UINT32_MAX)
		return 0;
	return (uint64_t)mbit * 1000000 / 8;
}
