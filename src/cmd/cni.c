/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cni.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#define IFNAME_MAX 16u /* with its end */

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
