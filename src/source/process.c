/* SPDX-License-Identifier: Apache-2.0 */
#include "source/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#define MAX_LINE    512 /* of a file that the kernel writes line by line */
#define MAX_ENVIRON (256u << 10)
#define MAX_VALUE   1024 /* of one variable */
#define MAX_CONFIG  (4u << 20)

/* All of a small file, NUL-terminated, or NULL; *n without the NUL. */
static char *file_read(const char *path, size_t max, size_t *n)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	size_t cap = 4096, len = 0;
	char *data = xmalloc(cap + 1);
	for (;;) {
		size_t asked = cap - len;
		ssize_t got = read(fd, data + len, asked);
		if (got <= 0)
			break;
		len += (size_t)got;
		/* Before its end the kernel gives a page, less the line that does not fit. */
		if ((size_t)got + MAX_LINE < MIN(asked, 4096))
			break;
		if (len == cap && cap < max)
			data = xrealloc(data, (cap = MIN(cap * 4, max)) + 1);
	}
	data[len] = '\0';
	*n = len;
	return data;
}

size_t process_list(const char *cgroup_dir, int *pids, size_t max)
{
	char path[4096 + 32];
	size_t len, n = 0;
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup_dir);
	cleanup_free char *data = file_read(path, 1u << 20, &len);
	for (char *p = data; p && *p && n < max;) {
		char *end;
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		if (pid > 0) /* 0: lives in a pid namespace that cannot be seen from here */
			pids[n++] = (int)pid;
		p = end;
	}
	return n;
}

static uint64_t ticks_to_realtime(uint64_t ticks)
{
	static _Atomic uint64_t boot;
	uint64_t base = atomic_load(&boot);
	if (!base) {
		struct timespec up;
		clock_gettime(CLOCK_BOOTTIME, &up);
		base = time_now() - ((uint64_t)up.tv_sec * NSEC_PER_SEC + (uint64_t)up.tv_nsec);
		/* Kept, so that one process has one start time as long as the program runs. */
		atomic_store(&boot, base);
	}
	return base + ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

int process_read(const char *proc_root, int pid, struct process *out)
{
	char path[4096];
	size_t n;
	snprintf(path, sizeof(path), "%s/%d/stat", proc_root, pid);
	cleanup_free char *stat = file_read(path, 4096, &n);
	/* "pid (comm) state ...": comm may hold blanks and parentheses, so from the right. */
	char *open = stat ? strchr(stat, '(') : NULL, *close = stat ? strrchr(stat, ')') : NULL;
	if (!open || !close || close < open)
		return -1;
	struct process p = {.pid = pid};
	size_t len = MIN((size_t)(close - open - 1), sizeof(p.comm) - 1);
	memcpy(p.comm, open + 1, len);
	char state = close[1] ? close[2] : '\0';
	if (!state || state == 'Z' || state == 'X')
		return -1;
	char *field = close + 2; /* field 3 of proc(5); 22 is the start time */
	for (int i = 3; i < 22 && field; i++)
		field = (field = strchr(field, ' ')) ? field + 1 : NULL;
	if (!field)
		return -1;
	p.start = ticks_to_realtime(strtoull(field, NULL, 10));
	*out = p;
	return 0;
}

int process_netns(const char *proc_root, int pid, uint64_t *inode)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%d/ns/net", proc_root, pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	*inode = fd < 0 || fstat(fd, &st) ? 0 : st.st_ino;
	return fd;
}

uint64_t process_netns_inode(const char *proc_root, int pid)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%d/ns/net", proc_root, pid);
	return stat(path, &st) ? 0 : st.st_ino;
}

void identity_done(struct identity *id)
{
	for (size_t i = 0; i < META_KEYS; i++)
		free(id->meta[i]);
	*id = (struct identity){0};
}

static void meta_set(struct identity *id, enum meta_key key, const char *value, size_t n)
{
	if (id->meta[key] || !n || n > MAX_VALUE)
		return;
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)value[i]))
			return;
	id->meta[key] = xstrndup(value, n);
}

/* Value of a variable, *n bytes, or NULL. */
static const char *environ_find(const char *block, size_t size, const char *name, size_t *n)
{
	size_t len = strlen(name);
	for (const char *p = block, *end = block + size; p < end;) {
		size_t row = strnlen(p, (size_t)(end - p));
		if (row > len && !memcmp(p, name, len) && p[len] == '=') {
			*n = row - len - 1;
			return p + len + 1;
		}
		p += row + 1;
	}
	return NULL;
}

/* As sysdig: not every program that sets such a variable is a Mesos task. */
static bool is_task_id(const char *p, size_t n)
{
	return n >= 3 && (memchr(p, '.', n) || memchr(p, '_', n));
}

void identity_environ(struct identity *id, const char *block, size_t n)
{
	static const char *const task_names[] = {"MESOS_TASK_ID", "mesos_task_id",
						 "MESOS_EXECUTOR_ID"};
	static const struct {
		const char *name;
		enum meta_key key;
	} rows[] = {
		{"MARATHON_APP_ID", META_APP},
		{"MARATHON_APP_VERSION", META_APP_VERSION},
		{"MARATHON_APP_DOCKER_IMAGE", META_IMAGE},
		{"MESOS_FRAMEWORK_ID", META_FRAMEWORK_ID},
		{"MESOS_EXECUTOR_ID", META_EXECUTOR},
		{"MESOS_AGENT_ID", META_AGENT},
		{"MESOS_SLAVE_ID", META_AGENT},
	};
	size_t len;
	const char *value;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((value = environ_find(block, n, rows[i].name, &len)))
			meta_set(id, rows[i].key, value, len);
	for (size_t i = 0; i < ARRAY_SIZE(task_names); i++)
		if ((value = environ_find(block, n, task_names[i], &len)) && is_task_id(value, len))
			meta_set(id, META_TASK, value, len);
	/* Names that anybody may use; Marathon's only where Marathon is. */
	if (id->meta[META_APP] && (value = environ_find(block, n, "HOST", &len)))
		meta_set(id, META_HOSTNAME, value, len);
	if (id->meta[META_APP] && (value = environ_find(block, n, "PORTS", &len)))
		meta_set(id, META_PORTS, value, len);
}

void identity_process(struct identity *id, const char *proc_root, int pid)
{
	char path[4096];
	size_t n;
	snprintf(path, sizeof(path), "%s/%d/environ", proc_root, pid);
	cleanup_free char *data = file_read(path, MAX_ENVIRON, &n);
	if (data)
		identity_environ(id, data, n);
}

static void meta_set_json(struct identity *id, enum meta_key key, const json_t *string)
{
	const char *s = json_string_value(string);
	if (s)
		meta_set(id, key, s, strlen(s));
}

static void identity_docker(struct identity *id, const char *container)
{
	char path[4096];
	size_t n;
	snprintf(path, sizeof(path), "/var/lib/docker/containers/%s/config.v2.json", container);
	cleanup_free char *data = file_read(path, MAX_CONFIG, &n);
	json_t *root = data ? json_loadb(data, n, 0, NULL) : NULL;
	const char *name = json_string_value(json_object_get(root, "Name"));
	if (name) /* "/web" */
		meta_set(id, META_NAME, name + (*name == '/'), strlen(name + (*name == '/')));
	const json_t *config = json_object_get(root, "Config");
	meta_set_json(id, META_IMAGE, json_object_get(config, "Image"));
	const json_t *labels = json_object_get(config, "Labels");
	meta_set_json(id, META_TASK, json_object_get(labels, "MESOS_TASK_ID"));
	json_decref(root);
}

static void identity_libpod(struct identity *id, const char *container)
{
	size_t n;
	cleanup_free char *data = file_read(
		"/var/lib/containers/storage/overlay-containers/containers.json", MAX_CONFIG, &n);
	json_t *root = data ? json_loadb(data, n, 0, NULL) : NULL, *row;
	size_t i;
	json_array_foreach(root, i, row)
	{
		const char *found = json_string_value(json_object_get(row, "id"));
		if (!found || !str_eq(found, container))
			continue;
		meta_set_json(id, META_NAME, json_array_get(json_object_get(row, "names"), 0));
		/* JSON within a JSON string */
		const char *inner = json_string_value(json_object_get(row, "metadata"));
		json_t *metadata = inner ? json_loads(inner, 0, NULL) : NULL;
		meta_set_json(id, META_IMAGE, json_object_get(metadata, "image-name"));
		json_decref(metadata);
	}
	json_decref(root);
}

void identity_runtime(struct identity *id, const char *runtime, const char *container)
{
	if (str_eq(runtime, "docker"))
		identity_docker(id, container);
	else if (str_eq(runtime, "libpod"))
		identity_libpod(id, container);
	else if (str_eq(runtime, "lxc"))
		meta_set(id, META_NAME, container, strlen(container));
}
