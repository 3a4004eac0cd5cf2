/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: what a cgroup's name says of its container, and where
 * the cgroup hierarchies are.
 */
#ifndef DREDGE_SOURCE_CGROUP_H
#define DREDGE_SOURCE_CGROUP_H

#include "base/base.h"

#define CGROUP_ID_SIZE	    256	 /* of a container id; nested Mesos ids join with dots */
#define CGROUP_PATH_SIZE    4096 /* PATH_MAX */
#define CGROUP_HIERARCHIES  32
#define CGROUP_NESTED_DEPTH 8 /* Mesos containers within containers */

struct cgroup_id {
	char id[CGROUP_ID_SIZE];     /* full; nested Mesos containers as "outer.inner" */
	char parent[CGROUP_ID_SIZE]; /* id of the enclosing container; empty = none */
	const char *runtime;	     /* as META_RUNTIME; static */
};

/*
 * Is the cgroup at path (below its hierarchy: "/mesos/c0ffee00-...") the top directory of a
 * container? Directories further inside one are not. mesos_root: "mesos", or "a/b". Knows Mesos
 * (nested too), dredgectl run, docker, podman, containerd, CRI-O, kubepods and LXC, as plain
 * directories and as systemd scopes.
 */
bool cgroup_identify(const char *path, const char *mesos_root, struct cgroup_id *out);

struct cgroup_hierarchy {
	char *path; /* absolute, owned */
	bool v2;
};

/*
 * The hierarchies below root: root itself when it is a cgroup2 mount, else the distinct cgroup
 * mounts in it (v1 and hybrid). A plain directory counts as one v2 hierarchy. Returns how many;
 * owned by the caller.
 */
size_t cgroup_hierarchies(const char *root, struct cgroup_hierarchy out[CGROUP_HIERARCHIES]);

#endif
