/* SPDX-License-Identifier: Apache-2.0 */
#include "source/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define UUID_CHARS 36
#define HEX_CHARS  64

struct part { /* of a path */
	const char *p;
	size_t n;
};

#define MAX_PARTS 48

static size_t path_split(const char *path, struct part parts[MAX_PARTS])
{
	size_t n = 0;
	while (*path) {
		size_t len = strcspn(path, "/");
		if (len) {
			if (n == MAX_PARTS)
				return 0; /* deeper than any runtime goes */
			parts[n++] = (struct part){path, len};
		}
		path += len + (path[len] == '/');
	}
	return n;
}

static bool part_is(struct part a, const char *s)
{
	return strlen(s) == a.n && !memcmp(a.p, s, a.n);
}

static bool part_starts(struct part a, const char *s)
{
	return a.n >= strlen(s) && !memcmp(a.p, s, strlen(s));
}

static bool is_hex(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)p[i]))
			return false;
	return true;
}

static bool is_hex64(struct part a)
{
	return a.n == HEX_CHARS && is_hex(a.p, a.n);
}

/* A UUID, alone or behind a prefix that ends in '-' or '.', as frameworks may name containers. */
static bool is_mesos_id(struct part a)
{
	if (a.n < UUID_CHARS)
		return false;
	const char *u = a.p + a.n - UUID_CHARS;
	if (a.n > UUID_CHARS && u[-1] != '-' && u[-1] != '.')
		return false;
	return u[8] == '-' && u[13] == '-' && u[18] == '-' && u[23] == '-' && is_hex(u, 8) &&
	       is_hex(u + 9, 4) && is_hex(u + 14, 4) && is_hex(u + 19, 4) && is_hex(u + 24, 12);
}

static bool id_set(struct cgroup_id *out, const char *runtime, const char *p, size_t n)
{
	if (!n || n >= sizeof(out->id))
		return false;
	memcpy(out->id, p, n);
	out->id[n] = '\0';
	out->runtime = runtime;
	return true;
}

/* How many parts up to and with the last "mesos root" in front of a container id; 0 = none. */
static size_t mesos_root_end(const struct part *parts, size_t n, const char *mesos_root)
{
	struct part want[MAX_PARTS];
	size_t m = path_split(mesos_root, want);
	for (size_t end = m; m && end < n; end++) {
		size_t i = 0;
		while (i < m && parts[end - m + i].n == want[i].n &&
		       !memcmp(parts[end - m + i].p, want[i].p, want[i].n))
			i++;
		if (i == m && is_mesos_id(parts[end]))
			return end;
	}
	return 0;
}

static bool identify_mesos(const struct part *parts, size_t n, const char *mesos_root,
			   struct cgroup_id *out)
{
	size_t at = mesos_root_end(parts, n, mesos_root);
	if (!at || (n - at) % 2 == 0 || (n - at) / 2 >= CGROUP_NESTED_DEPTH)
		return false;
	char id[CGROUP_ID_SIZE];
	size_t len = 0, parent = 0;
	for (size_t i = at; i < n; i += 2) {
		/* Below a container Mesos always says "mesos", whatever its root is called. */
		if (i > at && !part_is(parts[i - 1], "mesos"))
			return false;
		if (len + 1 + parts[i].n >= sizeof(id))
			return false;
		parent = len;
		if (len)
			id[len++] = '.';
		memcpy(id + len, parts[i].p, parts[i].n);
		len += parts[i].n;
	}
	memcpy(out->parent, id, parent);
	out->parent[parent] = '\0';
	return id_set(out, "mesos", id, len);
}

/* "docker-<64 hex>.scope" and its relatives. */
static bool identify_scope(struct part a, struct cgroup_id *out)
{
	static const struct {
		const char *prefix, *runtime;
	} rows[] = {
		{"docker-", "docker"},
		{"libpod-", "libpod"},
		{"cri-containerd-", "containerd"},
		{"nerdctl-", "containerd"},
		{"containerd-", "containerd"},
		{"crio-", "cri-o"},
	};
	static const char suffix[] = ".scope";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = strlen(rows[i].prefix);
		if (!part_starts(a, rows[i].prefix) || a.n < n + HEX_CHARS ||
		    !is_hex(a.p + n, HEX_CHARS))
			continue;
		size_t rest = a.n - n - HEX_CHARS;
		if (rest == 0 || (rest == sizeof(suffix) - 1 &&
				  !memcmp(a.p + n + HEX_CHARS, suffix, sizeof(suffix) - 1)))
			return id_set(out, rows[i].runtime, a.p + n, HEX_CHARS);
	}
	return false;
}

static bool identify_lxc(const struct part *parts, size_t n, struct cgroup_id *out)
{
	static const char payload[] = "lxc.payload.";
	struct part last = parts[n - 1];
	if (part_starts(last, payload))
		return id_set(out, "lxc", last.p + sizeof(payload) - 1,
			      last.n - (sizeof(payload) - 1));
	bool below = n > 1 &&
		     (part_is(parts[n - 2], "lxc") || part_is(parts[n - 2], "lxc.payload"));
	return below && !part_starts(last, "lxc.") && id_set(out, "lxc", last.p, last.n);
}

/* "/dredge/<id>", by dredgectl run. */
static bool identify_own(const struct part *parts, size_t n, struct cgroup_id *out)
{
	return n == 2 && part_is(parts[0], "dredge") &&
	       id_set(out, "dredge", parts[1].p, parts[1].n);
}

/* A bare 64-digit name says nothing of its runtime; the directories above it do. */
static bool identify_bare(const struct part *parts, size_t n, struct cgroup_id *out)
{
	struct part last = parts[n - 1];
	if (!is_hex64(last) || n < 2)
		return false;
	const char *runtime = n == 2 ? "containerd" : NULL; /* "/<namespace>/<id>" */
	for (size_t i = 0; i + 1 < n; i++)
		if (part_starts(parts[i], "kubepods"))
			runtime = "containerd";
	if (part_is(parts[n - 2], "docker"))
		runtime = "docker";
	if (part_starts(parts[n - 2], "libpod"))
		runtime = "libpod";
	return runtime && id_set(out, runtime, last.p, last.n);
}

bool cgroup_identify(const char *path, const char *mesos_root, struct cgroup_id *out)
{
	struct part parts[MAX_PARTS];
	struct cgroup_id id = {0};
	size_t n = path_split(path, parts);
	if (!n || !(identify_mesos(parts, n, mesos_root, &id) ||
		    identify_scope(parts[n - 1], &id) || identify_own(parts, n, &id) ||
		    identify_bare(parts, n, &id) || identify_lxc(parts, n, &id)))
		return false;
	*out = id;
	return true;
}

static bool is_cgroup_mount(const char *path, bool *v2)
{
	struct statfs fs;
	if (statfs(path, &fs))
		return false;
	*v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
	return *v2 || fs.f_type == CGROUP_SUPER_MAGIC;
}

static size_t hierarchies_in(const char *root, struct cgroup_hierarchy out[CGROUP_HIERARCHIES])
{
	dev_t seen[CGROUP_HIERARCHIES];
	size_t n = 0;
	DIR *d = opendir(root);
	if (!d)
		return 0;
	for (struct dirent *de; n < CGROUP_HIERARCHIES && (de = readdir(d));) {
		/* "cpu" is often a link to "cpu,cpuacct". */
		if (de->d_name[0] == '.' || de->d_type == DT_LNK)
			continue;
		cleanup_free char *path = xasprintf("%s/%s", root, de->d_name);
		struct stat st;
		bool v2, known = false;
		if (!is_cgroup_mount(path, &v2) || stat(path, &st))
			continue;
		for (size_t i = 0; i < n; i++)
			known |= seen[i] == st.st_dev;
		if (known)
			continue;
		seen[n] = st.st_dev;
		out[n++] = (struct cgroup_hierarchy){xstrdup(path), v2};
	}
	closedir(d);
	return n;
}

size_t cgroup_hierarchies(const char *root, struct cgroup_hierarchy out[CGROUP_HIERARCHIES])
{
	bool v2 = false;
	size_t n = is_cgroup_mount(root, &v2) ? 0 : hierarchies_in(root, out);
	if (n)
		return n;
	struct stat st;
	if (stat(root, &st) || !S_ISDIR(st.st_mode))
		return 0;
	/* One mount, of either version; or a test's plain directory. */
	bool v1 = !v2 && is_cgroup_mount(root, &v2);
	out[0] = (struct cgroup_hierarchy){xstrdup(root), !v1};
	return 1;
}
