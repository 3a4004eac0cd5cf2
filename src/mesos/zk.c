/* SPDX-License-Identifier: Apache-2.0 */
/* The leading master as ZooKeeper knows it: the lowest of the nodes below the masters' path. */
#ifdef HAVE_CURL

#include "mesos/asking.h"
#include "mesos/wire.h"

#define ZK_SCHEME "zk://"

bool zk_is_url(const char *url)
{
	return str_starts(url, ZK_SCHEME);
}

#ifdef HAVE_ZOOKEEPER

#define THREADED
#include <stdlib.h>
#include <zookeeper/zookeeper.h>

#define LIBZOOKEEPER "libzookeeper_mt.so.2"
#define SESSION_MS   10000
#define NODE_MAX     65536
#define WAIT_NS	     (5 * NSEC_PER_SEC)

/* Loaded when it is wanted, as curl is. */
/* clang-format off */
#define ZK_CALLS(X) \
	X(ZOO_CONNECTED_STATE) X(ZOO_EXPIRED_SESSION_STATE) X(ZOO_SESSION_EVENT) \
	X(deallocate_String_vector) X(zerror) X(zoo_add_auth) X(zoo_set_debug_level) \
	X(zoo_state) X(zoo_wget) X(zoo_wget_children) X(zookeeper_close) X(zookeeper_init)
/* clang-format on */

static struct {
#define CALL(name) __typeof__(name) *name;
	ZK_CALLS(CALL)
#undef CALL
} lib;

struct zk {
	char *hosts, *path, *auth; /* auth: "user:password", or NULL */
	zhandle_t *handle;
	struct http *wake;
	atomic_bool news;    /* told by ZooKeeper's own thread */
	atomic_bool expired; /* so is this: the session has to be made anew */
	char *leader;	     /* that was told last */
};

static int load(struct err *e)
{
#define CALL(name) #name,
	static const char *const names[] = {ZK_CALLS(CALL)};
#undef CALL
	return library_load(LIBZOOKEEPER, names, ARRAY_SIZE(names), &lib, e);
}

struct zk *zk_open(const char *url, struct err *e)
{
	const char *hosts = url + strlen(ZK_SCHEME), *path = strchr(hosts, '/');

	if (!path || !path[1])
		return err_set(e, ERR_USAGE, "a zk:// URL needs hosts and a path"), NULL;
	const char *at = memrchr(hosts, '@', (size_t)(path - hosts));
	if ((at ? at + 1 : hosts) == path)
		return err_set(e, ERR_USAGE, "a zk:// URL needs hosts and a path"), NULL;
	if (load(e))
		return NULL;
	struct zk *z = xcalloc(1, sizeof(*z));
	z->auth = at ? xstrndup(hosts, (size_t)(at - hosts)) : NULL;
	hosts = at ? at + 1 : hosts;
	z->hosts = xstrndup(hosts, (size_t)(path - hosts));
	z->path = xstrdup(path);
	for (size_t n = strlen(z->path); n > 1 && z->path[n - 1] == '/'; n--)
		z->path[n - 1] = '\0';
	atomic_store(&z->news, true);
	return z;
}

void zk_close(struct zk *z)
{
	if (!z)
		return;
	if (z->handle)
		lib.zookeeper_close(z->handle);
	if (z->auth)
		explicit_bzero(z->auth, strlen(z->auth));
	free(z->auth);
	free(z->hosts);
	free(z->path);
	free(z->leader);
	free(z);
}

void zk_wakes(struct zk *z, struct http *wake)
{
	z->wake = wake;
}

/* On a thread of ZooKeeper's. */
static void on_change(zhandle_t *handle, int type, int state, const char *path, void *ctx)
{
	struct zk *z = ctx;

	(void)handle;
	(void)path;
	if (type == *lib.ZOO_SESSION_EVENT && state == *lib.ZOO_EXPIRED_SESSION_STATE)
		atomic_store(&z->expired, true);
	atomic_store(&z->news, true);
	http_wake(z->wake);
}

static void end_session(struct zk *z)
{
	lib.zookeeper_close(z->handle);
	z->handle = NULL;
}

/* Its threads are begun here, on the poller's, which has given up privileges. */
static int connect_session(struct zk *z, struct err *e)
{
	uint64_t end = time_monotonic() + WAIT_NS;

	if (z->handle && atomic_exchange(&z->expired, false))
		end_session(z);
	if (!z->handle) {
		lib.zoo_set_debug_level(0);
		z->handle = lib.zookeeper_init(z->hosts, on_change, SESSION_MS, NULL, z, 0);
		if (!z->handle)
			return err_sys(e, ZK_SCHEME "%s", z->hosts);
		if (z->auth)
			lib.zoo_add_auth(z->handle, "digest", z->auth, (int)strlen(z->auth), NULL,
					 NULL);
	}
	while (lib.zoo_state(z->handle) != *lib.ZOO_CONNECTED_STATE) {
		uint64_t now = time_monotonic();
		/* One that began anew, with less than the session has seen, never lets it in. */
		if (now >= end)
			end_session(z);
		if (now >= end || http_is_stopped(z->wake) || atomic_load(&z->expired))
			return err_set(e, ERR_FAILED, ZK_SCHEME "%s: not connected", z->hosts);
		http_sleep(z->wake, MIN(end - now, NSEC_PER_SEC / 10));
	}
	return 0;
}

/* The lowest sequence number; the JSON node before the older one of the same master. */
static const char *lowest(const struct String_vector *names)
{
	static const char *const prefixes[] = {"json.info_", "info_"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *best = NULL;
		for (int32_t k = 0; k < names->count; k++)
			if (str_starts(names->data[k], prefixes[i]) &&
			    (!best || strcmp(names->data[k], best) < 0))
				best = names->data[k];
		if (best)
			return best;
	}
	return NULL;
}

static int read_leader(struct zk *z, struct text *out, struct err *e)
{
	struct String_vector names = {0};
	char node[NODE_MAX];
	int n = sizeof(node);
	int rc = lib.zoo_wget_children(z->handle, z->path, on_change, z, &names);

	if (rc != ZOK)
		return err_set(e, ERR_FAILED, ZK_SCHEME "%s%s: %s", z->hosts, z->path,
			       lib.zerror(rc));
	const char *name = lowest(&names);
	cleanup_free char *path = name ? xasprintf("%s/%s", z->path, name) : NULL;
	lib.deallocate_String_vector(&names);
	if (!path)
		return err_set(e, ERR_FAILED, ZK_SCHEME "%s%s: no leader elected", z->hosts,
			       z->path);
	rc = lib.zoo_wget(z->handle, path, on_change, z, node, &n, NULL);
	if (rc != ZOK)
		return err_set(e, ERR_FAILED, ZK_SCHEME "%s%s: %s", z->hosts, path, lib.zerror(rc));
	/* A longer node is cut, and then no MasterInfo. */
	if (master_info_address(node, (size_t)MAX(n, 0), out, e))
		return err_wrap(e, ZK_SCHEME "%s%s", z->hosts, path);
	return 0;
}

bool zk_has_news(const struct zk *z)
{
	return atomic_load(&z->news);
}

int zk_leader(struct zk *z, struct text *out, bool *changed, struct err *e)
{
	text_reset(out);
	if (z->leader && !atomic_load(&z->news)) {
		text_str(out, z->leader);
		*changed = false;
		return 0;
	}
	atomic_store(&z->news, false);
	if (connect_session(z, e) || read_leader(z, out, e)) {
		atomic_store(&z->news, true);
		return -1;
	}
	*changed = !z->leader || !str_eq(z->leader, text_cstr(out));
	free(z->leader);
	z->leader = xstrdup(text_cstr(out));
	return 0;
}

#else

struct zk *zk_open(const char *url, struct err *e)
{
	(void)url;
	err_set(e, ERR_FAILED, "built without libzookeeper: no zk:// URLs");
	return NULL;
}

void zk_close(struct zk *z)
{
	(void)z;
}

void zk_wakes(struct zk *z, struct http *wake)
{
	(void)z;
	(void)wake;
}

bool zk_has_news(const struct zk *z)
{
	(void)z;
	return false;
}

int zk_leader(struct zk *z, struct text *out, bool *changed, struct err *e)
{
	(void)z;
	(void)out;
	(void)changed;
	return err_set(e, ERR_FAILED, "built without libzookeeper");
}

#endif
#endif
