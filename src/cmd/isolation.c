/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/isolation.h"

#ifdef HAVE_ISOLATE
#include "http/http.h"
#include "isolate/isolate.h"
#endif

#include <stdlib.h>

#define EPHEMERAL_DEFAULT 1024u
#define RUN_DIR		  "/run/dredge"

static int keep(char **where, const char *arg)
{
	free(*where);
	*where = xstrdup(arg);
	return 0;
}

/* "cgroups/cpu,network/port_mapping": others than the network are not ours to judge. */
static int set_isolation(struct isolation *s, const char *arg, struct err *e)
{
	for (const char *p = arg; *p;) {
		size_t n = strcspn(p, ",");
		bool network = n > 8 && !strncmp(p, "network/", 8);
		if (n == 20 && !strncmp(p, "network/port_mapping", n))
			s->wanted = true;
		else if (network && !(n == 13 && !strncmp(p, "network/ports", n)))
			return err_set(e, ERR_USAGE, "isolator '%.*s' is unknown", (int)MIN(n, 60),
				       p);
		p += n + (p[n] == ',');
	}
	return 0;
}

/* "cpus:22;ports:[31000-32000];ephemeral_ports:[32768-57344]" */
static int set_resources(struct isolation *s, const char *arg, struct err *e)
{
	for (const char *p = arg; *p;) {
		size_t n = strcspn(p, ";"), name = strcspn(p, ":;");
		if (name >= n)
			return err_set(e, ERR_USAGE, "resource '%.*s': NAME:VALUE is wanted",
				       (int)MIN(n, 60), p);
		struct port_set *to = name == 5 && !strncmp(p, "ports", 5) ? &s->ports
				      : name == 15 && !strncmp(p, "ephemeral_ports", 15)
					      ? &s->ephemeral
					      : NULL;
		if (to && port_set_parse(p + name + 1, n - name - 1, to, e))
			return err_wrap(e, "--resources");
		p += n + (p[n] == ';');
	}
	return 0;
}

int isolation_set(struct isolation *s, const char *name, const char *arg, struct err *e)
{
	uint64_t n;

	if (str_eq(name, "isolation"))
		return set_isolation(s, arg, e);
	if (str_eq(name, "resources"))
		return set_resources(s, arg, e);
	if (str_eq(name, "eth0_name"))
		return keep(&s->eth, arg);
	if (str_eq(name, "lo_name"))
		return keep(&s->lo, arg);
	if (str_eq(name, "runtime_dir"))
		return keep(&s->run_dir, arg);
	if (str_eq(name, "control-group"))
		return keep(&s->group, arg);
	if (str_u64(arg, false, &n) || n < 16 || n > PORT_MAX)
		return err_set(e, ERR_USAGE, "--%s: %s is not between 16 and %u", name, arg,
			       PORT_MAX);
	s->ephemeral_per_container = (uint32_t)n;
	return 0;
}

#ifdef HAVE_ISOLATE

static int check_pools(const struct isolation *s, uint32_t size, struct err *e)
{
	const struct ephemeral_pool pool = {.pool = s->ephemeral};
	struct port_set well_known = {0};
	uint32_t port;

	port_set_add(&well_known, 1, 1023);
	if (port_set_empty(&s->ephemeral))
		return err_set(e, ERR_USAGE,
			       "--resources: ephemeral_ports are wanted, some for each container");
	if (port_set_intersects(&s->ports, &s->ephemeral, &port))
		return err_set(e, ERR_USAGE, "port %u is in ports and in ephemeral_ports", port);
	if (port_set_intersects(&s->ephemeral, &well_known, &port))
		return err_set(e, ERR_USAGE, "ephemeral port %u is a well-known port", port);
	if (!ephemeral_left(&pool, size))
		return err_set(e, ERR_USAGE, "ephemeral_ports have no room for %u in a row", size);
	return 0;
}

int isolation_open(struct isolation *s, struct err *e)
{
	uint32_t size = s->ephemeral_per_container ? s->ephemeral_per_container : EPHEMERAL_DEFAULT;
	const char *run_dir = s->run_dir ? s->run_dir : RUN_DIR;
	cleanup_free char *socket = xasprintf("%s/control", run_dir);
	const struct isolate_options o = {
		.eth = s->eth,
		.lo = s->lo,
		.run_dir = run_dir,
		.ports = s->ports,
		.ephemeral = s->ephemeral,
		.ephemeral_per_container = size,
	};
	const struct control_options co = {.path = socket, .group = s->group, .repair = true};

	if (!s->wanted)
		return 0;
	if (check_pools(s, size, e))
		return -1;
	struct isolator *i = isolate_open(&o, e);
	if (!i)
		return -1;
	s->control = control_open(&co, i, e);
	return s->control ? 0 : -1;
}

int isolation_start(struct isolation *s, struct err *e)
{
	return s->control ? control_start(s->control, e) : 0;
}

static void stop(struct isolation *s)
{
	control_close(s->control);
}

#else

int isolation_open(struct isolation *s, struct err *e)
{
	return s->wanted ? err_set(e, ERR_USAGE,
				   "isolator network/port_mapping is not built in (libbpf, "
				   "libmicrohttpd or clang were missing)")
			 : 0;
}

int isolation_start(struct isolation *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static void stop(struct isolation *s)
{
	(void)s;
}

#endif

void isolation_close(struct isolation *s)
{
	stop(s);
	free(s->eth);
	free(s->lo);
	free(s->run_dir);
	free(s->group);
}
