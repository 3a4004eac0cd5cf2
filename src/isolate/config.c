/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/config.h"

#include <ctype.h>
#include <stdlib.h>

/* Options of the agent that come along on its command lines have no help text. */
const struct isolate_flag isolate_flags[] = {
	{"isolation", "LIST", "isolators; network/port_mapping keeps containers in their ports"},
	{"resources", "LIST", "ports:[31000-32000];ephemeral_ports:[32768-57344];cpus:8"},
	{"ephemeral_ports_per_container", "N",
	 "ports that the kernel gives away in each container (1024)"},
	{"eth0_name", "NAME", "public interface (that of the default route)"},
	{"lo_name", "NAME", "loopback (lo)"},
	{"egress_rate_limit_per_container", "SIZE", "bytes per second a container may send"},
	{"egress_rate_per_cpu", "SIZE",
	 "... times its cpus; auto = link speed by cpus of the host"},
	{"minimum_egress_rate_limit", "SIZE", "... but not less (125000 B)"},
	{"maximum_egress_rate_limit", "SIZE", "... and not more"},
	{"egress_ceil_limit", "SIZE", "rate of bursts"},
	{"egress_burst", "SIZE", "bytes of a burst"},
	{"egress_unique_flow_per_container", NULL, "a queue for each container on the interface"},
	{"ipv6", NULL, "map the ports of the host's IPv6 address too (true)"},
	{"ingress_rate_limit_per_container", "SIZE", "bytes per second a container may receive"},
	{"ingress_rate_per_cpu", "SIZE", "the same for what it receives"},
	{"minimum_ingress_rate_limit", "SIZE", ""},
	{"maximum_ingress_rate_limit", "SIZE", ""},
	{"ingress_ceil_limit", "SIZE", ""},
	{"ingress_burst", "SIZE", ""},
	{"network_link_speed", "SIZE", "for auto, in place of what the interface says"},
	{"runtime_dir", "DIR", "handles of namespaces, and the socket for dredgectl (/run/dredge)"},
	{"control-group", "GROUP", "may use the socket beside root"},
	{"repair_drift", NULL, "put right what somebody else changed (true)"},
	{"checkpoint", NULL, NULL},
	{"log_dir", "DIR", NULL},
	{"work_dir", "DIR", NULL},
	{"launcher_dir", "DIR", NULL},
	{"master", "URL", NULL},
	{"default_role", "ROLE", NULL},
	{"egress_flow_classifier_parent", "CLASS", NULL},
	{"ingress_isolate_existing_containers", NULL, NULL},
	{"network_enable_socket_statistics_summary", NULL, NULL},
	{"network_enable_socket_statistics_details", NULL, NULL},
	{"network_enable_snmp_statistics", NULL, NULL},
	{"network_enable_rate_statistics", NULL, NULL},
	{"network_rate_statistics_window", "TIME", NULL},
	{"network_rate_statistics_interval", "TIME", NULL},
};
const size_t isolate_flag_count = ARRAY_SIZE(isolate_flags);

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

/* "cgroups/cpu,network/port_mapping": others than the network are not ours to judge. */
static int set_isolation(struct isolate_config *c, const char *value, struct err *e)
{
	bool wanted = false;

	for (const char *at = value; *at;) {
		const char *p = at;
		size_t n = strcspn(p, ",");
		at += n + (at[n] == ',');
		trim(&p, &n);
		if (word_is(p, n, "network/port_mapping"))
			wanted = true;
		else if (n > 8 && !strncmp(p, "network/", 8) && !word_is(p, n, "network/ports"))
			return err_set(e, ERR_USAGE,
				       "isolator '%.*s' is unknown, or cannot go together with "
				       "network/port_mapping",
				       (int)MIN(n, 60), p);
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

/* "NAME:VALUE". "NAME(*)" is the same; other roles are Mesos' way to reserve something. */
static int set_resource(struct isolate_config *c, const char *p, size_t n, struct err *e)
{
	const char *colon = memchr(p, ':', n);

	if (!colon)
		return err_set(e, ERR_USAGE, "'%.*s': NAME:VALUE is wanted", (int)MIN(n, 60), p);
	size_t name = (size_t)(colon - p), left = n - name - 1;
	const char *value = colon + 1;
	trim(&p, &name);
	trim(&value, &left);
	if (name > 3 && !memcmp(p + name - 3, "(*)", 3))
		name -= 3;
	if (memchr(p, '(', name))
		return err_set(e, ERR_USAGE, "'%.*s': reserved resources are not understood",
			       (int)MIN(n, 60), p);
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

	if (*at == '[' || *at == '{' || str_starts(at, "file:"))
		return err_set(e, ERR_USAGE,
			       "--resources: JSON and files are not understood; write it as "
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

static uint64_t *bytes_flag(struct isolate_config *c, const char *name)
{
	const struct {
		const char *name;
		uint64_t *to;
	} rows[] = {
		{"egress_rate_limit_per_container", &c->egress.rate},
		{"minimum_egress_rate_limit", &c->egress.minimum},
		{"maximum_egress_rate_limit", &c->egress.maximum},
		{"egress_ceil_limit", &c->egress.ceil},
		{"egress_burst", &c->egress.burst},
		{"ingress_rate_limit_per_container", &c->ingress.rate},
		{"minimum_ingress_rate_limit", &c->ingress.minimum},
		{"maximum_ingress_rate_limit", &c->ingress.maximum},
		{"ingress_ceil_limit", &c->ingress.ceil},
		{"ingress_burst", &c->ingress.burst},
		{"network_link_speed", &c->link_speed},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].name, name))
			return rows[i].to;
	return NULL;
}

static char **text_flag(struct isolate_config *c, const char *name)
{
	return str_eq(name, "eth0_name")       ? &c->eth
	       : str_eq(name, "lo_name")       ? &c->lo
	       : str_eq(name, "runtime_dir")   ? &c->run_dir
	       : str_eq(name, "control-group") ? &c->group
					       : NULL;
}

int isolate_config_set(struct isolate_config *c, const char *name, const char *value, struct err *e)
{
	uint64_t *bytes = bytes_flag(c, name), n;
	char **text = text_flag(c, name);

	if (bytes) {
		if (bytes_parse(value, bytes, e))
			return err_wrap(e, "--%s", name);
		c->egress.no_floor |= bytes == &c->egress.minimum;
		c->ingress.no_floor |= bytes == &c->ingress.minimum;
		return 0;
	}
	if (text)
		return keep(text, value);
	if (str_eq(name, "isolation"))
		return set_isolation(c, value, e);
	if (str_eq(name, "resources"))
		return set_resources(c, value, e);
	if (str_eq(name, "egress_rate_per_cpu"))
		return set_per_cpu(&c->egress, name, value, e);
	if (str_eq(name, "ingress_rate_per_cpu"))
		return set_per_cpu(&c->ingress, name, value, e);
	if (str_eq(name, "ipv6")) {
		bool ip6 = true;
		int status = set_bool(&ip6, name, value, e);
		c->no_ip6 = !ip6;
		return status;
	}
	if (str_eq(name, "egress_unique_flow_per_container"))
		return set_bool(&c->unique_flow, name, value, e);
	if (str_eq(name, "repair_drift")) {
		bool repair = true;
		int status = set_bool(&repair, name, value, e);
		c->tell_only = !repair;
		return status;
	}
	if (str_eq(name, "ephemeral_ports_per_container")) {
		if (str_u64(value, false, &n) || n < EPHEMERAL_LEAST || n > PORT_MAX)
			return err_set(e, ERR_USAGE, "--%s: %s is not between %u and %u", name,
				       value, EPHEMERAL_LEAST, PORT_MAX);
		c->ephemeral_per_container = (uint32_t)n;
		return 0;
	}
	c->ignored = true;
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
	if (link_speed && MAX(l->rate, l->minimum) > link_speed)
		return err_set(e, ERR_USAGE, "the %s limit is above the speed of the link", way);
	if (link_speed && l->maximum > link_speed)
		text_fmt(notices, "maximum_%s_rate_limit is above the speed of the link\n", way);
	return 0;
}

int isolate_config_check(struct isolate_config *c, const struct isolate_facts *f,
			 struct text *notices, struct err *e)
{
	if (!c->ephemeral_per_container)
		c->ephemeral_per_container = EPHEMERAL_DEFAULT;
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
