/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room source: what /proc and the runtimes' files say of a container's processes. */
#ifndef DREDGE_SOURCE_PROCESS_H
#define DREDGE_SOURCE_PROCESS_H

#include "event/event.h"

struct process {
	int pid;
	uint64_t start; /* ns since 1970, from the boot time and a clock of 10 ms */
	char comm[16];
};

/* Process ids in a cgroup directory, as many as fit in max; 0 also when it is gone. */
size_t process_list(const char *cgroup_dir, int *pids, size_t max);
int process_read(const char *proc_root, int pid, struct process *out);
/* Descriptor of its network namespace (owned by the caller) with its inode, or -1 and 0: gone or
 * not permitted. */
int process_netns(const char *proc_root, int pid, uint64_t *inode);
/* Only the inode. */
uint64_t process_netns_inode(const char *proc_root, int pid);

/* Identity as found; strings owned, NULL = unknown. */
struct identity {
	char *meta[META_KEYS];
};

void identity_done(struct identity *id);
/* What Mesos and Marathon put into the environment of a task (NUL-separated NAME=value). */
void identity_environ(struct identity *id, const char *block, size_t n);
void identity_process(struct identity *id, const char *proc_root, int pid);
/* Name and image from the runtime's own files; costs a file or two. */
void identity_runtime(struct identity *id, const char *runtime, const char *container);

#endif
