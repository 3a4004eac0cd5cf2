/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dredge-cni says and is told: the network configuration of the Container Network Interface
 * (github.com/containernetworking/cni, SPEC.md, versions 0.1.0 to 1.1.0), what is to be asked of
 * dredged for it, and the result made of dredged's answer. Nothing here reads, writes or asks.
 */
#ifndef DREDGE_CMD_CNI_H
#define DREDGE_CMD_CNI_H

#include "isolate/ports.h"

#include <jansson.h>

#define CNI_CONFIG_MAX (1u << 20) /* bytes on stdin */
#define CNI_NEWEST     "1.1.0"

/* Error codes of the specification; from 100 on they are the plugin's. */
enum cni_code {
	CNI_OK = 0,
	CNI_BAD_VERSION = 1,
	CNI_BAD_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_UNDECODABLE = 6,
	CNI_BAD_CONFIG = 7,
	CNI_TRY_AGAIN = 11,
	CNI_UNAVAILABLE = 50,
	CNI_REFUSED = 100,  /* by dredged */
	CNI_FAILED = 101,   /* dredged could not do it */
	CNI_CONFLICT = 102, /* the container is attached in another way */
	CNI_UNKNOWN = 103,  /* the container is not attached */
	CNI_DRIFTED = 104,  /* CHECK: the kernel does not have what it should */
};

struct cni_error {
	enum cni_code code;
	char message[400];
	struct text details; /* may be empty */
};

/* Fill *e and return -1. */
int cni_fail(struct cni_error *e, enum cni_code code, const char *fmt, ...) ATTR_PRINTF(3, 4);

struct cni_environment { /* borrowed from the environment; NULL = not given */
	const char *command, *id, *netns, *ifname;
};

/* Takes the variables and checks those that the command needs. */
int cni_environment_read(struct cni_environment *env, struct cni_error *e);

struct cni_config {
	json_t *root;	    /* owned */
	const char *socket; /* of dredged, borrowed from root; NULL = not named */
	char version[8];    /* "" = not named: 0.2.0 without saying so, as Mesos wants it */
};

/* Only what every command needs: DEL has to work with a configuration that ADD would refuse.
 * Whether it succeeds or not, cni_config_done ends it. */
int cni_config_parse(const char *p, size_t n, struct cni_config *c, struct cni_error *e);
void cni_config_done(struct cni_config *c);
/* Is the configuration's version at least this one ("0.4.0")? */
bool cni_config_since(const struct cni_config *c, const char *version);

struct cni_wish {
	struct port_set ports;
	bool has_egress, has_ingress;
	uint64_t egress, ingress; /* bytes/s, 0 = no limit */
};

/* Ports and rates of a container: those of the network, of the mappings, and of its labels. */
int cni_wish_parse(const struct cni_config *c, struct cni_wish *w, struct cni_error *e);
/* Body of the request that attaches it. Owned by the caller, free(). */
char *cni_wish_body(const struct cni_wish *w, const char *netns);
/* Is the container of dredged's answer what is wished for? CNI_CONFLICT when it is not. */
int cni_wish_compare(const struct cni_wish *w, uint64_t netns_inode, const json_t *container,
		     struct cni_error *e);

/* Result of ADD, owned by the caller; NULL when dredged's answer does not have what is needed. */
json_t *cni_result(const struct cni_config *c, const struct cni_environment *env,
		   const json_t *container, struct cni_error *e);
/* Does the container still have the addresses that ADD reported (prevResult)? */
int cni_previous_compare(const struct cni_config *c, const json_t *container, struct cni_error *e);
json_t *cni_versions(const struct cni_config *c);
json_t *cni_error_json(const struct cni_config *c, struct cni_error *e);

#endif
