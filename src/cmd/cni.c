/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cni.h"
#include "isolate/shaping.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/un.h>

#define IFNAME_MAX 16u /* with its end */
#define MESOS	   "org.apache.mesos"

static const char *const versions[] = {"0.1.0", "0.2.0", "0.3.0",   "0.3.1",
				       "0.4.0", "1.0.0", CNI_NEWEST};

int cni_fail(struct cni_error *e, enum cni_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- the environment ---- */

static bool id_valid(const char *id)
{
	if (!isalnum((unsigned char)*id))
		return false;
	while (isalnum((unsigned char)*id) || (*id && strchr("_.-", *id)))
		id++;
	return !*id;
}

static bool ifname_valid(const char *name)
{
	if (!*name || strlen(name) >= IFNAME_MAX || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	while (*name && *name != '/' && *name != ':' && !isspace((unsigned char)*name))
		name++;
	return !*name;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int cni_environment_read(struct cni_environment *env, struct cni_error *e)
{
	*env = (struct cni_environment){
		.command = variable("CNI_COMMAND"),
		.id = variable("CNI_CONTAINERID"),
		.netns = variable("CNI_NETNS"),
		.ifname = variable("CNI_IFNAME"),
	};
	const char *command = env->command;
	if (!command)
		return cni_fail(e, CNI_BAD_ENVIRONMENT,
				"CNI_COMMAND is not set (see dredge-cni --help)");
	bool add = str_eq(command, "ADD") || str_eq(command, "CHECK");
	if (!add && !str_eq(command, "DEL")) {
		if (str_eq(command, "VERSION") || str_eq(command, "STATUS") ||
		    str_eq(command, "GC"))
			return 0;
		return cni_fail(e, CNI_BAD_ENVIRONMENT, "CNI_COMMAND: no command '%.40s'", command);
	}
	if (!env->id || !id_valid(env->id))
		return cni_fail(e, CNI_BAD_ENVIRONMENT,
				"CNI_CONTAINERID %s: letters, digits, '_', '.' and '-' are wanted, "
				"a letter or digit first",
				env->id ? "is not valid" : "is not set");
	if (!env->ifname || !ifname_valid(env->ifname))
		return cni_fail(e, CNI_BAD_ENVIRONMENT, "CNI_IFNAME %s",
				env->ifname ? "is no name of an interface" : "is not set");
	if (add && !env->netns)
		return cni_fail(e, CNI_BAD_ENVIRONMENT, "CNI_NETNS is not set");
	/* dredged opens it, whose "self" and working directory are others. */
	if (add && (env->netns[0] != '/' || str_starts(env->netns, "/proc/self/") ||
		    str_starts(env->netns, "/proc/thread-self/")))
		return cni_fail(e, CNI_BAD_ENVIRONMENT,
				"CNI_NETNS: a path that means the same to every process is wanted");
	return 0;
}

/* ---- the configuration ---- */

static int take_version(struct cni_config *c, struct cni_error *e)
{
	const json_t *v = json_object_get(c->root, "cniVersion");
	const char *text = json_string_value(v);

	if (!v)
		return 0;
	if (!text)
		return cni_fail(e, CNI_BAD_CONFIG, "cniVersion: a text is wanted");
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (str_eq(text, versions[i])) {
			snprintf(c->version, sizeof(c->version), "%s", text);
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		text_fmt(&e->details, "%s%s", i ? ", " : "supported: ", versions[i]);
	return cni_fail(e, CNI_BAD_VERSION, "cniVersion '%.40s' is not known here", text);
}

static int take_socket(struct cni_config *c, struct cni_error *e)
{
	const json_t *v = json_object_get(c->root, "socket");
	const char *path = json_string_value(v);

	if (v && (!path || path[0] != '/' ||
		  strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)))
		return cni_fail(e, CNI_BAD_CONFIG,
				"socket: an absolute path of less than 108 bytes is wanted");
	c->socket = path;
	return 0;
}

int cni_config_parse(const char *p, size_t n, struct cni_config *c, struct cni_error *e)
{
	json_error_t why;

	*c = (struct cni_config){0};
	if (n > CNI_CONFIG_MAX)
		return cni_fail(e, CNI_UNDECODABLE,
				"the network configuration is longer than 1 MiB");
	c->root = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
	if (!c->root) {
		text_fmt(&e->details, "line %d, column %d: %s", why.line, why.column, why.text);
		return cni_fail(e, CNI_UNDECODABLE, "the network configuration is no valid JSON");
	}
	if (!json_is_object(c->root)) {
		cni_config_done(c);
		return cni_fail(e, CNI_UNDECODABLE, "the network configuration is no JSON object");
	}
	return take_version(c, e) || take_socket(c, e) ? -1 : 0;
}

void cni_config_done(struct cni_config *c)
{
	json_decref(c->root);
	c->root = NULL;
	c->socket = NULL;
}

bool cni_config_since(const struct cni_config *c, const char *version)
{
	return strcmp(c->version, version) >= 0; /* one digit each */
}

/* ---- ports ---- */

static int take_ports(const char *what, const json_t *v, struct port_set *ports,
		      struct cni_error *e)
{
	struct err why;

	if (!v)
		return 0;
	if (!json_is_string(v))
		return cni_fail(e, CNI_BAD_CONFIG, "%s: a text as \"31000-31007,31016\" is wanted",
				what);
	if (port_set_parse(json_string_value(v), json_string_length(v), ports, &why))
		return cni_fail(e, CNI_BAD_CONFIG, "%s: %s", what, why.message);
	return 0;
}

/* The same thing has one spelling in CNI's conventions and another in Mesos' protobufs. */
struct mapping_keys {
	const char *what, *host_port, *container_port, *host_ip;
};

static int take_mapping(const struct mapping_keys *k, const json_t *m, struct port_set *ports,
			struct cni_error *e)
{
	const json_t *host = json_object_get(m, k->host_port);
	const json_t *inside = json_object_get(m, k->container_port);
	const json_t *protocol = json_object_get(m, "protocol");
	const char *ip = json_string_value(json_object_get(m, k->host_ip));
	json_int_t port = json_integer_value(host);

	if (!json_is_integer(host) || port < 1 || port > (json_int_t)PORT_MAX)
		return cni_fail(e, CNI_BAD_CONFIG, "%s: %s: a port (1-65535) is wanted", k->what,
				k->host_port);
	if (!json_is_integer(inside) || json_integer_value(inside) != port)
		return cni_fail(e, CNI_BAD_CONFIG,
				"%s: host port %lld and container port %lld: ports are not "
				"translated here, both must be the same",
				k->what, (long long)port, (long long)json_integer_value(inside));
	if (protocol &&
	    (!json_is_string(protocol) || (strcasecmp(json_string_value(protocol), "tcp") &&
					   strcasecmp(json_string_value(protocol), "udp"))))
		return cni_fail(e, CNI_BAD_CONFIG,
				"%s: protocol of port %lld: tcp or udp is wanted", k->what,
				(long long)port);
	if (ip && *ip && !str_eq(ip, "0.0.0.0"))
		return cni_fail(e, CNI_BAD_CONFIG,
				"%s: %s %.40s: a port is the container's on every address of the "
				"host",
				k->what, k->host_ip, ip);
	port_set_add(ports, (uint32_t)port, (uint32_t)port);
	return 0;
}

static int take_mappings(const struct mapping_keys *k, const json_t *list, struct port_set *ports,
			 struct cni_error *e)
{
	json_t *m;
	size_t i;

	if (list && !json_is_null(list) && !json_is_array(list))
		return cni_fail(e, CNI_BAD_CONFIG, "%s: a list is wanted", k->what);
	json_array_foreach(list, i, m) if (take_mapping(k, m, ports, e)) return -1;
	return 0;
}

/* ---- rates ---- */

static int take_rate(const char *what, const json_t *v, bool *has, uint64_t *out,
		     struct cni_error *e)
{
	struct err why = {.message = "a size as \"10MB\", or a number of bytes, is wanted"};
	uint64_t n = json_is_integer(v) ? (uint64_t)json_integer_value(v) : UINT64_MAX;

	if (!v)
		return 0;
	if ((json_is_string(v) && bytes_parse(json_string_value(v), &n, &why)) || n > INT64_MAX)
		return cni_fail(e, CNI_BAD_CONFIG, "%s: %s", what, why.message);
	*has = true;
	*out = n;
	return 0;
}

/* Who runs the container may only lower what the operator put into the network's configuration. */
static int lower_rate(const char *what, const json_t *v, bool *has, uint64_t *rate,
		      struct cni_error *e)
{
	uint64_t wanted = 0;
	bool named = false;

	if (take_rate(what, v, &named, &wanted, e))
		return -1;
	if (!named)
		return 0;
	if (*has && *rate && (!wanted || wanted > *rate))
		return cni_fail(e, CNI_BAD_CONFIG,
				"%s: the network allows %llu bytes per second at most", what,
				(unsigned long long)*rate);
	*has = true;
	*rate = wanted;
	return 0;
}

/* CNI's convention for the capability "bandwidth": bits per second; 0 or none = nothing asked for.
 * Bursts are computed here. */
static int take_bandwidth(const json_t *v, struct cni_wish *w, struct cni_error *e)
{
	static const char *const names[] = {"egressRate", "ingressRate"};
	bool *const has[] = {&w->has_egress, &w->has_ingress};
	uint64_t *const rates[] = {&w->egress, &w->ingress};

	if (v && !json_is_null(v) && !json_is_object(v))
		return cni_fail(e, CNI_BAD_CONFIG, "runtimeConfig.bandwidth: an object is wanted");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json_t *bits = json_object_get(v, names[i]);
		json_int_t n = json_integer_value(bits);
		char what[48];
		snprintf(what, sizeof(what), "runtimeConfig.bandwidth.%s", names[i]);
		if (bits && (!json_is_integer(bits) || n < 0))
			return cni_fail(e, CNI_BAD_CONFIG, "%s: bits per second are wanted", what);
		json_t *bytes = n ? json_integer(n / 8 + (n % 8 > 0)) : NULL;
		int status = lower_rate(what, bytes, has[i], rates[i], e);
		json_decref(bytes);
		if (status)
			return -1;
	}
	return 0;
}

static int take_label(const json_t *label, struct cni_wish *w, struct cni_error *e)
{
	const char *key = json_string_value(json_object_get(label, "key"));
	json_t *value = json_object_get(label, "value");
	json_t *empty = NULL;
	int status;

	if (!key || !str_starts(key, "dredge."))
		return 0;
	if (!value)
		value = empty = json_string("");
	if (!json_is_string(value))
		status = cni_fail(e, CNI_BAD_CONFIG, "label %.40s: a text is wanted", key);
	else if (str_eq(key, "dredge.ports"))
		status = take_ports(key, value, &w->ports, e);
	else if (str_eq(key, "dredge.egress"))
		status = lower_rate(key, value, &w->has_egress, &w->egress, e);
	else if (str_eq(key, "dredge.ingress"))
		status = lower_rate(key, value, &w->has_ingress, &w->ingress, e);
	else
		status = cni_fail(e, CNI_BAD_CONFIG,
				  "label %.40s: dredge.ports, dredge.egress or dredge.ingress is "
				  "wanted",
				  key);
	json_decref(empty);
	return status;
}

static int take_mesos(const json_t *info, struct cni_wish *w, struct cni_error *e)
{
	static const struct mapping_keys keys = {"network_info.port_mappings", "host_port",
						 "container_port", "host_ip"};
	const json_t *labels = json_object_get(json_object_get(info, "labels"), "labels");
	json_t *label;
	size_t i;

	if (take_mappings(&keys, json_object_get(info, "port_mappings"), &w->ports, e))
		return -1;
	json_array_foreach(labels, i, label) if (take_label(label, w, e)) return -1;
	return 0;
}

int cni_wish_parse(const struct cni_config *c, struct cni_wish *w, struct cni_error *e)
{
	static const struct mapping_keys keys = {"runtimeConfig.portMappings", "hostPort",
						 "containerPort", "hostIP"};
	const json_t *runtime = json_object_get(c->root, "runtimeConfig");
	const json_t *mesos = json_object_get(json_object_get(c->root, "args"), MESOS);

	*w = (struct cni_wish){0};
	if (take_ports("ports", json_object_get(c->root, "ports"), &w->ports, e) ||
	    take_rate("egress", json_object_get(c->root, "egress"), &w->has_egress, &w->egress,
		      e) ||
	    take_rate("ingress", json_object_get(c->root, "ingress"), &w->has_ingress, &w->ingress,
		      e) ||
	    take_mappings(&keys, json_object_get(runtime, "portMappings"), &w->ports, e) ||
	    take_bandwidth(json_object_get(runtime, "bandwidth"), w, e))
		return -1;
	return take_mesos(json_object_get(mesos, "network_info"), w, e);
}

/* ---- dredged's side ---- */

static json_t *rate_json(uint64_t rate)
{
	return json_pack("{s:I}", "rate", (json_int_t)rate);
}

char *cni_wish_body(const struct cni_wish *w, const char *netns)
{
	json_t *root = json_object();
	struct text ports = {0};

	port_set_text(&ports, &w->ports);
	json_object_set_new(root, "netns", json_string(netns));
	json_object_set_new(root, "ports", json_string(text_cstr(&ports)));
	if (w->has_egress)
		json_object_set_new(root, "egress", rate_json(w->egress));
	if (w->has_ingress)
		json_object_set_new(root, "ingress", rate_json(w->ingress));
	char *body = json_dumps(root, JSON_COMPACT);
	text_done(&ports);
	json_decref(root);
	return body;
}

static int compare_rate(const char *what, bool named, uint64_t wanted, const json_t *container,
			struct cni_error *e)
{
	const json_t *shape = json_object_get(container, what);
	json_int_t has = json_integer_value(json_object_get(shape, "rate"));

	if (!named || (json_int_t)wanted == has)
		return 0;
	return cni_fail(e, CNI_CONFLICT,
			"the container's %s rate is %lld bytes per second in place of %llu", what,
			(long long)has, (unsigned long long)wanted);
}

int cni_wish_compare(const struct cni_wish *w, uint64_t netns_inode, const json_t *container,
		     struct cni_error *e)
{
	const json_t *inode = json_object_get(container, "netns_inode");
	const json_t *has = json_object_get(container, "ports");
	struct text ports = {0};

	if (!json_is_integer(inode) || !json_is_string(has))
		return cni_fail(e, CNI_FAILED, "dredged does not say enough: another version?");
	if ((uint64_t)json_integer_value(inode) != netns_inode)
		return cni_fail(e, CNI_CONFLICT,
				"the container is attached with another network namespace");
	port_set_text(&ports, &w->ports);
	/* Who names none may have been given some by then. */
	bool same = !ports.len || str_eq(text_cstr(&ports), json_string_value(has));
	if (!same)
		text_fmt(&e->details, "ports %s; wanted: %s", json_string_value(has),
			 text_cstr(&ports));
	text_done(&ports);
	if (!same)
		return cni_fail(e, CNI_CONFLICT, "the container is attached with other ports");
	return compare_rate("egress", w->has_egress, w->egress, container, e) ||
			       compare_rate("ingress", w->has_ingress, w->ingress, container, e)
		       ? -1
		       : 0;
}

/* ---- results ---- */

static const char *string_of(const json_t *container, const char *key)
{
	return json_string_value(json_object_get(container, key));
}

static const struct family {
	const char *version, *address, *gateway, *everywhere, *old_key;
} families[] = {
	{"4", "address", "gateway", "0.0.0.0/0", "ip4"},
	{"6", "address6", "gateway6", "::/0", "ip6"},
};

static json_t *route_of(const struct family *f, const json_t *container)
{
	return json_pack("{s:s,s:s*}", "dst", f->everywhere, "gw",
			 string_of(container, f->gateway));
}

/* Versions 0.1.0 and 0.2.0. */
static json_t *old_result(const json_t *container)
{
	json_t *r = json_object();

	for (const struct family *f = families; f < families + ARRAY_SIZE(families); f++)
		if (string_of(container, f->address))
			json_object_set_new(r, f->old_key,
					    json_pack("{s:s,s:s*,s:[o]}", "ip",
						      string_of(container, f->address), "gateway",
						      string_of(container, f->gateway), "routes",
						      route_of(f, container)));
	return r;
}

static json_t *new_result(const struct cni_config *c, const struct cni_environment *env,
			  const json_t *container)
{
	json_t *ips = json_array(), *routes = json_array();
	json_t *interfaces = json_pack("[{s:s},{s:s,s:s*,s:s}]", "name",
				       string_of(container, "veth"), "name",
				       string_of(container, "interface"), "mac",
				       string_of(container, "mac"), "sandbox", env->netns);

	for (const struct family *f = families; f < families + ARRAY_SIZE(families); f++) {
		if (!string_of(container, f->address))
			continue;
		json_t *ip = json_pack("{s:s,s:s*,s:i}", "address",
				       string_of(container, f->address), "gateway",
				       string_of(container, f->gateway), "interface", 1);
		if (ip && !cni_config_since(c, "1.0.0"))
			json_object_set_new(ip, "version", json_string(f->version));
		json_array_append_new(ips, ip);
		json_array_append_new(routes, route_of(f, container));
	}
	return json_pack("{s:o,s:o,s:o}", "interfaces", interfaces, "ips", ips, "routes", routes);
}

json_t *cni_result(const struct cni_config *c, const struct cni_environment *env,
		   const json_t *container, struct cni_error *e)
{
	json_t *r = NULL;

	if (string_of(container, "address") && string_of(container, "interface") &&
	    string_of(container, "veth"))
		r = cni_config_since(c, "0.3.0") ? new_result(c, env, container)
						 : old_result(container);
	if (!r)
		cni_fail(e, CNI_FAILED, "dredged does not say enough: another version?");
	else if (*c->version)
		json_object_set_new(r, "cniVersion", json_string(c->version));
	return r;
}

int cni_previous_compare(const struct cni_config *c, const json_t *container, struct cni_error *e)
{
	const json_t *previous = json_object_get(c->root, "prevResult");
	const json_t *ips = json_object_get(previous, "ips");
	const char *address = string_of(container, "address"), *had = NULL;
	json_t *ip;
	size_t i;

	if (previous && !json_is_object(previous))
		return cni_fail(e, CNI_BAD_CONFIG, "prevResult: an object is wanted");
	/* Plugins behind this one in a chain may have added addresses of theirs. */
	json_array_foreach(ips, i, ip)
	{
		const char *one = string_of(ip, "address");
		if (one && address && str_eq(one, address))
			return 0;
		had = had ? had : one;
	}
	return had ? cni_fail(e, CNI_CONFLICT, "the container's address is %.40s in place of %.40s",
			      address ? address : "unknown", had)
		   : 0;
}

json_t *cni_versions(const struct cni_config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		json_array_append_new(list, json_string(versions[i]));
	return json_pack("{s:s,s:o}", "cniVersion", *c->version ? c->version : CNI_NEWEST,
			 "supportedVersions", list);
}

json_t *cni_error_json(const struct cni_config *c, struct cni_error *e)
{
	const char *version = *c->version		   ? c->version
			      : e->code == CNI_BAD_VERSION ? CNI_NEWEST
							   : "0.2.0";
	struct text message = {0}, details = {0};

	/* What comes from outside may be cut in the middle of a character. */
	text_plain(&message, e->message, strlen(e->message));
	text_plain(&details, text_cstr(&e->details), e->details.len);
	json_t *root = json_pack("{s:s,s:i,s:s}", "cniVersion", version, "code", (int)e->code,
				 "msg", text_cstr(&message));
	if (details.len)
		json_object_set_new(root, "details", json_string(text_cstr(&details)));
	text_done(&message);
	text_done(&details);
	return root;
}
