/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cni.h"
#include "isolate/shaping.h"

#include <strings.h>

#define MESOS "org.apache.mesos"

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
