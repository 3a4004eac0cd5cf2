/* SPDX-License-Identifier: Apache-2.0 */
#include "source/counters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "source/idmap.h"
#include "source/netview.h"

#define FILE_BYTES   65536	  /* of a cgroup file: some 9000 processes */
#define V1_UNLIMITED (1ull << 60) /* memory.limit_in_bytes says "no limit" as a huge number */
#define SPARE_FDS    256	  /* left to the rest of the program */
#define INNER_DEPTH  8		  /* of groups inside that of a container */

/* Read the file at p (NUL-terminated) into c. */
typedef void parse_fn(const char *p, struct counters *c);

static uint64_t number(const char *p)
{
	return strtoull(p, NULL, 10);
}

/* "key value" lines: the value behind key, or false. */
static bool keyed(const char *p, const char *key, uint64_t *out)
{
	size_t n = strlen(key);
	for (; p && *p; p = (p = strchr(p, '\n')) ? p + 1 : NULL)
		if (!strncmp(p, key, n) && p[n] == ' ') {
			*out = number(p + n + 1);
			return true;
		}
	return false;
}

struct keyed_row {
	const char *key;
	enum counter_id id;
	uint64_t factor;
};

static void keyed_set(const char *p, struct counters *c, const struct keyed_row *rows, size_t n)
{
	uint64_t v;
	for (size_t i = 0; i < n; i++)
		if (keyed(p, rows[i].key, &v))
			counters_set(c, rows[i].id, v * rows[i].factor);
}

static void parse_cpuacct_stat(const char *p, struct counters *c)
{
	uint64_t tick = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	const struct keyed_row rows[] = {{"user", COUNTER_CPUS_USER, tick},
					 {"system", COUNTER_CPUS_SYSTEM, tick}};
	keyed_set(p, c, rows, ARRAY_SIZE(rows));
}

static void parse_cpu_stat_v1(const char *p, struct counters *c)
{
	static const struct keyed_row rows[] = {
		{"nr_periods", COUNTER_CPUS_NR_PERIODS, 1},
		{"nr_throttled", COUNTER_CPUS_NR_THROTTLED, 1},
		{"throttled_time", COUNTER_CPUS_THROTTLED, 1},
	};
	keyed_set(p, c, rows, ARRAY_SIZE(rows));
}

static void parse_cpu_stat_v2(const char *p, struct counters *c)
{
	static const struct keyed_row rows[] = {
		{"user_usec", COUNTER_CPUS_USER, NSEC_PER_USEC},
		{"system_usec", COUNTER_CPUS_SYSTEM, NSEC_PER_USEC},
		{"nr_periods", COUNTER_CPUS_NR_PERIODS, 1},
		{"nr_throttled", COUNTER_CPUS_NR_THROTTLED, 1},
		{"throttled_usec", COUNTER_CPUS_THROTTLED, NSEC_PER_USEC},
	};
	keyed_set(p, c, rows, ARRAY_SIZE(rows));
}

static void parse_memory_total(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_MEM_TOTAL, number(p));
}

static void parse_memory_limit(const char *p, struct counters *c)
{
	if (*p >= '0' && *p <= '9' && number(p) < V1_UNLIMITED) /* v2 says "max" */
		counters_set(c, COUNTER_MEM_LIMIT, number(p));
}

static void parse_memory_stat_v1(const char *p, struct counters *c)
{
	static const struct keyed_row rows[] = {
		{"total_rss", COUNTER_MEM_RSS, 1},
		{"total_cache", COUNTER_MEM_FILE, 1},
		{"total_mapped_file", COUNTER_MEM_MAPPED_FILE, 1},
		{"total_swap", COUNTER_MEM_SWAP, 1},
	};
	keyed_set(p, c, rows, ARRAY_SIZE(rows));
}

static void parse_memory_stat_v2(const char *p, struct counters *c)
{
	static const struct keyed_row rows[] = {
		{"anon", COUNTER_MEM_RSS, 1},
		{"file", COUNTER_MEM_FILE, 1},
		{"file_mapped", COUNTER_MEM_MAPPED_FILE, 1},
	};
	keyed_set(p, c, rows, ARRAY_SIZE(rows));
}

static void parse_memory_swap(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_MEM_SWAP, number(p));
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" (microseconds) */
static void parse_memory_pressure(const char *p, struct counters *c)
{
	const char *total = strncmp(p, "some ", 5) ? NULL : strstr(p, "total=");
	if (total)
		counters_set(c, COUNTER_MEM_PRESSURE, number(total + 6) * NSEC_PER_USEC);
}

/* Sum of the numbers that follow `word` anywhere in the file: one per device. */
static uint64_t sum_after(const char *p, const char *word)
{
	uint64_t sum = 0;
	for (; (p = strstr(p, word)); p += strlen(word))
		sum += number(p + strlen(word));
	return sum;
}

static void parse_blkio_bytes(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_DISK_READ_BYTES, sum_after(p, " Read "));
	counters_set(c, COUNTER_DISK_WRITE_BYTES, sum_after(p, " Write "));
}

static void parse_blkio_ops(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_DISK_READ_OPS, sum_after(p, " Read "));
	counters_set(c, COUNTER_DISK_WRITE_OPS, sum_after(p, " Write "));
}

static void parse_io_stat(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_DISK_READ_BYTES, sum_after(p, " rbytes="));
	counters_set(c, COUNTER_DISK_WRITE_BYTES, sum_after(p, " wbytes="));
	counters_set(c, COUNTER_DISK_READ_OPS, sum_after(p, " rios="));
	counters_set(c, COUNTER_DISK_WRITE_OPS, sum_after(p, " wios="));
}

static uint64_t lines(const char *p)
{
	uint64_t n = 0;
	while ((p = strchr(p, '\n'))) {
		n++;
		p++;
	}
	return n;
}

static void parse_processes(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_PROCESSES, lines(p));
}

static void parse_threads(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_THREADS, lines(p));
}

static void parse_pids_current(const char *p, struct counters *c)
{
	counters_set(c, COUNTER_THREADS, number(p));
}

/* In the order of trying; a later one is read only while the counter is unknown. */
static const struct cgroup_file {
	const char *name;
	bool v2;
	enum counter_id tells; /* not opened when another hierarchy told it already */
	parse_fn *parse;
} cgroup_files[] = {
	{"cpuacct.stat", false, COUNTER_CPUS_USER, parse_cpuacct_stat},
	{"cpu.stat", false, COUNTER_CPUS_NR_PERIODS, parse_cpu_stat_v1},
	{"memory.usage_in_bytes", false, COUNTER_MEM_TOTAL, parse_memory_total},
	{"memory.limit_in_bytes", false, COUNTER_MEM_LIMIT, parse_memory_limit},
	{"memory.stat", false, COUNTER_MEM_RSS, parse_memory_stat_v1},
	{"blkio.throttle.io_service_bytes", false, COUNTER_DISK_READ_BYTES, parse_blkio_bytes},
	{"blkio.throttle.io_serviced", false, COUNTER_DISK_READ_OPS, parse_blkio_ops},
	{"cpu.stat", true, COUNTER_CPUS_USER, parse_cpu_stat_v2},
	{"memory.current", true, COUNTER_MEM_TOTAL, parse_memory_total},
	{"memory.max", true, COUNTER_MEM_LIMIT, parse_memory_limit},
	{"memory.stat", true, COUNTER_MEM_RSS, parse_memory_stat_v2},
	{"memory.swap.current", true, COUNTER_MEM_SWAP, parse_memory_swap},
	{"memory.pressure", true, COUNTER_MEM_PRESSURE, parse_memory_pressure},
	{"io.stat", true, COUNTER_DISK_READ_BYTES, parse_io_stat},
	{"pids.current", false, COUNTER_THREADS, parse_pids_current},
	{"pids.current", true, COUNTER_THREADS, parse_pids_current},
	{"cgroup.procs", true, COUNTER_PROCESSES, parse_processes},
	{"cgroup.procs", false, COUNTER_PROCESSES, parse_processes},
	{"cgroup.threads", true, COUNTER_THREADS, parse_threads},
	{"tasks", false, COUNTER_THREADS, parse_threads},
};

struct watched { /* a container */
	struct open_file {
		int fd; /* -1: opened anew for each sample, descriptors being scarce */
		char *path;
		const struct cgroup_file *row;
	} files[ARRAY_SIZE(cgroup_files)];
	size_t n;
	size_t dirs; /* of the container when they were looked up */
};

struct sampler {
	struct netview *net;
	struct idmap watched; /* container key -> struct watched, owned */
	struct fd_budget fds;
	struct statistics_options o;
	struct sample_list *list; /* of this round, where somebody wants it; owned */
};

struct sampler *sampler_new(const struct source_options *o, struct err *e)
{
	struct sampler *s = xcalloc(1, sizeof(*s));
	s->o = o->statistics;
	s->net = netview_new(o, &s->fds, e);
	if (!s->net) {
		free(s);
		return NULL;
	}
	/* Some ten descriptors per container: the soft limit of 1024 is for programs with select.
	 */
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
		(void)getrlimit(RLIMIT_NOFILE, &r);
		s->fds.max = r.rlim_cur > 2 * SPARE_FDS ? r.rlim_cur - SPARE_FDS : 0;
		s->fds.max = MIN(s->fds.max, 1u << 16);
	}
	return s;
}

static void watched_close(struct sampler *s, struct watched *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->files[i].fd >= 0) {
			close(w->files[i].fd);
			s->fds.used--;
		}
		free(w->files[i].path);
	}
	w->n = 0;
}

void sampler_forget(struct sampler *s, uint64_t key)
{
	struct watched *w = idmap_remove(&s->watched, key);
	netview_forget(s->net, key);
	if (!w)
		return;
	watched_close(s, w);
	free(w);
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->watched.cap; i++)
		if (s->watched.slots[i].value) {
			watched_close(s, s->watched.slots[i].value);
			free(s->watched.slots[i].value);
		}
	idmap_done(&s->watched);
	sample_list_free(s->list);
	netview_free(s->net);
	free(s);
}

int sampler_begin(struct sampler *s, struct err *e)
{
	if (s->o.publish) {
		sample_list_free(s->list);
		s->list = xcalloc(1, sizeof(*s->list));
		s->list->ts = time_now();
	}
	return netview_begin(s->net, e);
}

static int file_text(int fd, char buffer[FILE_BYTES])
{
	ssize_t n = pread(fd, buffer, FILE_BYTES - 1, 0);
	if (n < 0)
		return -1;
	buffer[n] = '\0';
	return 0;
}

static void file_keep(struct sampler *s, struct watched *w, const char *dir, int fd,
		      const struct cgroup_file *row)
{
	if (s->fds.used >= s->fds.max) {
		close(fd);
		fd = -1;
	} else {
		s->fds.used++;
	}
	w->files[w->n++] = (struct open_file){fd, xasprintf("%s/%s", dir, row->name), row};
}

/* Which files of one directory tell something that no other hierarchy told. */
static void directory_open(struct sampler *s, struct watched *w, const char *dir, bool v2,
			   struct counters *told)
{
	char buffer[FILE_BYTES];
	cleanup_close int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || v2 != !faccessat(at, "cgroup.controllers", F_OK, 0))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_files); i++) {
		const struct cgroup_file *row = &cgroup_files[i];
		if (row->v2 != v2 || counters_has(told, row->tells) || w->n == ARRAY_SIZE(w->files))
			continue;
		int fd = openat(at, row->name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (file_text(fd, buffer)) { /* as memory.pressure where PSI is off */
			close(fd);
			continue;
		}
		row->parse(buffer, told);
		if (row->tells == COUNTER_PROCESSES && !told->value[COUNTER_PROCESSES]) {
			told->known[COUNTER_PROCESSES / 64] &= ~(1ull << COUNTER_PROCESSES % 64);
			close(fd); /* its processes are in other hierarchies */
			continue;
		}
		counters_set(told, row->tells, 0);
		file_keep(s, w, dir, fd, row);
	}
}

/* Controllers live in v1 hierarchies or in the v2 one, never in both; v1 first, for where it is
 * mounted the v2 directory has little more than processes. */
static void watched_open(struct sampler *s, struct watched *w, const struct discovered *c)
{
	struct counters told = {0};
	for (unsigned v2 = 0; v2 < 2; v2++)
		for (size_t i = 0; c->cgroup_dirs[i]; i++)
			directory_open(s, w, c->cgroup_dirs[i], v2, &told);
}

/* A group with groups inside has no processes of its own in version 2: podman, systemd and Mesos
 * put them further inside. */
static uint64_t processes_inside(const char *dir, unsigned depth, char buffer[FILE_BYTES])
{
	uint64_t n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *x; d && (x = readdir(d));) {
		if (x->d_type != DT_DIR || x->d_name[0] == '.')
			continue;
		cleanup_free char *inner = xasprintf("%s/%s", dir, x->d_name);
		cleanup_free char *name = xasprintf("%s/cgroup.procs", inner);
		cleanup_close int fd = open(name, O_RDONLY | O_CLOEXEC);
		n += fd >= 0 && !file_text(fd, buffer) ? lines(buffer) : 0;
		n += depth > 1 ? processes_inside(inner, depth - 1, buffer) : 0;
	}
	if (d)
		closedir(d);
	return n;
}

static void count_inside(const struct discovered *c, char buffer[FILE_BYTES], struct counters *out)
{
	uint64_t n = 0;
	for (size_t i = 0; c->cgroup_dirs[i] && !n; i++)
		n = processes_inside(c->cgroup_dirs[i], INNER_DEPTH, buffer);
	if (n)
		counters_set(out, COUNTER_PROCESSES, n);
}

static void read_cgroup(struct sampler *s, const struct discovered *c, struct counters *out)
{
	struct watched *w = idmap_find(&s->watched, c->key);
	size_t dirs = 0;
	while (c->cgroup_dirs[dirs])
		dirs++;
	if (!w) {
		if (c->record.end)
			return;
		w = xcalloc(1, sizeof(*w));
		idmap_put(&s->watched, c->key, w);
	}
	if (w->dirs != dirs && !c->record.end) {
		watched_close(s, w);
		watched_open(s, w, c);
		w->dirs = dirs;
	}
	char buffer[FILE_BYTES];
	for (size_t i = 0; i < w->n; i++) {
		const struct open_file *f = &w->files[i];
		cleanup_close int once = f->fd < 0 ? open(f->path, O_RDONLY | O_CLOEXEC) : -1;
		int fd = f->fd < 0 ? once : f->fd;
		if (fd >= 0 && !file_text(fd, buffer))
			f->row->parse(buffer, out);
	}
	if (!out->value[COUNTER_PROCESSES] && !c->record.end)
		count_inside(c, buffer, out);
}

static void list_add(struct sampler *s, const char *id, const char *container,
		     const struct counters *k)
{
	struct sample_list *l = s->list;

	GROW(l->items, l->n, l->cap);
	struct sample *to = &l->items[l->n++];
	snprintf(to->id, sizeof(to->id), "%s", id);
	snprintf(to->container, sizeof(to->container), "%s", container);
	to->counters = *k;
}

void sampler_read(struct sampler *s, const struct discovered *c, struct counters *out)
{
	*out = (struct counters){0};
	read_cgroup(s, c, out);
	if (c->record.end) {
		if (c->final)
			counters_merge(out, c->final);
		return;
	}
	const struct confined *who = netview_read(s->net, c, out);
	const char *id = c->record.meta[META_CONTAINER];
	if (s->list)
		list_add(s, who ? who->id : id, id, out);
}

static void add_stray(void *ctx, const struct confined *c, const struct counters *k)
{
	list_add(ctx, c->id, "", k);
}

void sampler_end(struct sampler *s)
{
	if (!s->list)
		return;
	netview_strays(s->net, add_stray, s);
	s->o.publish(s->o.ctx, s->list);
	s->list = NULL;
}

uint64_t sampler_rates(struct sampler *s, uint64_t now)
{
	return netview_rates(s->net, now);
}
