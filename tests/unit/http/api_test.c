/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the server and their replies, from a view made of records and samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/rows.h"

#define AT (1700000000 * NSEC_PER_SEC)

#define TASK(id, agent, state, ports)                                                        \
	"{\"id\":\"" id "\",\"name\":\"web\",\"framework_id\":\"F-0\",\"slave_id\":\"" agent \
	"\",\"executor_id\":\"\",\"state\":\"" state "\",\"resources\":{\"ports\":\"[" ports \
	"]\"},\"statuses\":[]}"

static struct state *state;
static struct past past;
static struct view *view;

static void add_container(uint32_t n, const char *id, const char *task, const char *app,
			  const char *ports)
{
	const struct container_record r = {
		.meta = {[META_CONTAINER] = id,
			 [META_TASK] = task,
			 [META_EXECUTOR] = task,
			 [META_APP] = app,
			 [META_FRAMEWORK] = task ? "marathon" : NULL,
			 [META_FRAMEWORK_ID] = task ? "F-0" : NULL,
			 [META_RUNTIME] = "mesos",
			 [META_PORTS] = ports,
			 [META_TASK_LABELS] = task ? "team=a%25b\nx=" : NULL},
		.pid = 4700 + (int)n,
	};
	const struct iface_record i = {
		.number = n, .name = "web:eth0", .container = &r, .sample = 1};

	state_iface(state, &i);
}

static void sample(uint32_t n, uint64_t ts, uint64_t rx, uint64_t over)
{
	struct counters k = {0};
	struct event ev = {.ts = ts,
			   .type = EVENT_COUNTERS,
			   .data = (const uint8_t *)&k,
			   .iface = n,
			   .weight = 1};

	counters_set(&k, COUNTER_NET_RX_BYTES, rx);
	counters_set(&k, COUNTER_CPUS_USER, rx * NSEC_PER_MSEC);
	counters_set(&k, COUNTER_MEM_TOTAL, 1000);
	if (over)
		counters_set(&k, COUNTER_BW_LIMIT_OVERLIMITS, over);
	state_event(state, &ev);
}

/* Who is known of the cluster: two tasks that have containers here, two elsewhere, an idle app. */
static struct mesos_snapshot *cluster(void)
{
	static const char *const states[] = {
		"{\"leader\":\"master@1.2.3.4:5050\",\"pid\":\"master@1.2.3.4:5050\",\"slaves\":["
		"{\"id\":\"S0\",\"hostname\":\"here\",\"pid\":\"slave(1)@127.0.0.1:5051\"},"
		"{\"id\":\"S1\",\"hostname\":\"there\",\"pid\":\"slave(1)@192.0.2.7:5051\"}],"
		"\"frameworks\":[{\"id\":\"F-0\",\"name\":\"marathon\",\"active\":true,\"tasks\":"
		"[" TASK("shop_web.1", "S0", "TASK_RUNNING", "31000-31003") "," TASK(
			"shop_web.2", "S0", "TASK_RUNNING",
			"31008-31008") "," TASK("shop_web.9", "S1", "TASK_RUNNING",
						"31000-31003") "]},"
							       "{\"id\":\"F-1\",\"name\":"
							       "\"chronos\",\"active\":true,"
							       "\"tasks\":[]}]}",
	};
	static const char apps[] =
		"{\"apps\":[{\"id\":\"/shop/web\",\"tasks\":[{\"id\":\"shop_web.1\"},"
		"{\"id\":\"shop_web.2\"},{\"id\":\"shop_web.9\"}]},{\"id\":\"/idle/one\","
		"\"tasks\":[]}]}";
	struct mesos_builder *b = mesos_builder_new(AT);
	struct err e = {0};

	if (mesos_add_master_state(b, states[0], strlen(states[0]), &e) ||
	    mesos_add_marathon_apps(b, apps, strlen(apps), &e))
		fail_msg("%s", e.message);
	return mesos_builder_finish(b);
}

static int set_up(void **unused)
{
	const struct capture_file files[] = {
		{.name = "a.pcapng", .path = "/nowhere/a.pcapng", .begun = AT, .ended = AT + 1},
		{.name = "b.pcapng",
		 .path = "/nowhere/b.pcapng",
		 .hidden = "/nowhere/.b.pcapng.part",
		 .filter = "icmp",
		 .begun = AT,
		 .bytes = 77},
	};
	const struct health h = {.captures = files,
				 .capture_count = ARRAY_SIZE(files),
				 .seen = 1000,
				 .lost = 3,
				 .sample = 1,
				 .metadata = true,
				 .answered = AT - 7 * NSEC_PER_SEC,
				 .tasks = 3,
				 .metadata_error = "http://m: refused"};

	(void)unused;
	state = state_new(0);
	add_container(0, "c0ffee-0", "shop_web.1", "/shop/web", "31000-31003,31005");
	add_container(1, "c0ffee-1", "shop_web.2", "/shop/web", "31008");
	add_container(2, "c0ffee-2", "db.1", "/db", NULL);
	add_container(3, "c0ffee-3", NULL, NULL, NULL);
	for (uint32_t n = 0; n < 4; n++)
		sample(n, AT, 100 * n, 0);
	view_unref(view_new(state, &h, &past, AT));
	for (uint32_t n = 0; n < 4; n++)
		sample(n, AT + 2 * NSEC_PER_SEC, 100 * n + 50, n == 1 ? 9 : 0);
	view = view_new(state, &h, &past, AT + 2 * NSEC_PER_SEC);
	view->names = cluster();
	state_free(state); /* the view has copies */
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	view_unref(view);
	free(past.of);
	return 0;
}

static json_t *get(const char *target, unsigned status)
{
	struct reply a = {0};

	api_reply(view, &(struct ask){.target = target}, &a);
	json_t *j = json_loadb(a.body.data, a.body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
			       NULL);
	if (a.status != status)
		print_error("%s: %u %s\n", target, a.status, text_cstr(&a.body));
	assert_int_equal(a.status, status);
	assert_non_null(j);
	text_done(&a.body);
	return j;
}

static const char *text_of(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

/* The reply, and its status where that is not 200. */
static json_t *ask_of(const char *target)
{
	struct reply a = {0};

	view->time = time_now();
	view->health.answered = view->time;
	api_reply(view, &(struct ask){.target = target}, &a);
	json_t *j = json_loadb(a.body.data, a.body.len, 0, NULL);
	if (!json_is_object(j)) {
		json_decref(j);
		j = json_object();
	}
	if (a.status != 200)
		json_object_set_new(j, "HTTP", json_integer(a.status));
	text_done(&a.body);
	return j;
}

static void test_statistics(void **unused)
{
	json_t *j = get("/monitor/statistics", 200);
	const json_t *one = json_array_get(j, 1);

	(void)unused;
	assert_int_equal(json_array_size(j), 4);
	assert_string_equal(text_of(one, "executor_id"), "shop_web.2");
	assert_string_equal(text_of(one, "source"), "shop_web.2");
	assert_string_equal(text_of(one, "framework_id"), "F-0");
	assert_string_equal(text_of(one, "executor_name"), "Command Executor (Task: shop_web.2)");
	one = json_object_get(one, "statistics");
	assert_int_equal(json_integer_value(json_object_get(one, "net_rx_bytes")), 150);
	assert_true(json_real_value(json_object_get(one, "timestamp")) == 1700000002);
	one = json_array_get(json_object_get(one, "net_traffic_control_statistics"), 0);
	assert_string_equal(text_of(one, "id"), "bw_limit");
	assert_string_equal(text_of(json_array_get(j, 3), "executor_id"), "c0ffee-3");
	json_decref(j);
}

static void test_containers(void **unused)
{
	json_t *j = get("/containers?framework_id=F-0&executor_id=db.1", 200);
	const json_t *status = json_object_get(json_array_get(j, 0), "status");

	(void)unused;
	assert_int_equal(json_array_size(j), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "executor_pid")), 4702);
	assert_string_equal(text_of(json_object_get(status, "container_id"), "value"), "c0ffee-2");
	json_decref(j);
	json_decref(get("/containers?executor_id=db.1", 400));
	j = get("/containers?container_id=nobody", 200);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
}

static void test_targets(void **unused)
{
	static const struct {
		const char *target;
		unsigned status;
	} rows[] = {
		{"/", 200},
		{"/monitor/statistics.json", 200},
		{"/monitor/statistics/", 200},
		{"/monitor/statistics?jsonp=x", 200},
		{"/monitor/statistic", 404},
		{"/monitor/statistics/x", 404},
		{"//", 404},
		{"", 400},
		{"*", 400},
		{"http://127.0.0.1/", 400},
		{"/%00", 400},
		{"/containers?a=%0a", 400},
		{"/?a=1", 400},
		{"/containers?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h", 400},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_decref(get(rows[i].target, rows[i].status));
	char *path = xmalloc(API_TARGET_MAX + 2);
	memset(path, '/', API_TARGET_MAX + 1);
	path[API_TARGET_MAX + 1] = '\0';
	json_decref(get(path, 400));
	free(path);
	struct reply a = {0};
	api_reply(NULL, &(struct ask){.target = "/containers"}, &a);
	assert_int_equal(a.status, 503);
	text_done(&a.body);
}

static json_t *rows(const char *target, const char *name, size_t n)
{
	json_t *j = get(target, 200), *list = json_incref(json_object_get(j, name));

	if (json_array_size(list) != n)
		fail_msg("%s: %zu rows", target, json_array_size(list));
	json_decref(j);
	return list;
}

static long long number_of(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static void test_rows(void **unused)
{
	static const struct {
		const char *target, *name;
		size_t n;
	} counts[] = {
		{"/v1/containers", "containers", 4},
		{"/v1/tasks", "tasks", 4},
		{"/v1/apps", "apps", 4},
		{"/v1/frameworks", "frameworks", 3},
		{"/v1/agents", "agents", 2},
		{"/v1/ports", "ports", 4},
		{"/v1/tasks?filter=marathon.app.id=/shop/web", "tasks", 3},
		{"/v1/tasks?filter=mesos.agent.hostname=there", "tasks", 1},
		{"/v1/tasks?filter=net_rx_bytes%3E0", "tasks", 3},
		{"/v1/tasks?filter=net_rx_bytes%3E100+and+marathon.app.id=/shop/web", "tasks", 1},
		{"/v1/apps?filter=mesos.framework.name=marathon", "apps", 2},
		{"/v1/agents?filter=mesos.framework.name=marathon", "agents", 2},
		{"/v1/containers?filter=container.full_id=c0ffee-3", "containers", 1},
		{"/v1/tasks?limit=2", "tasks", 2},
	};
	json_t *j;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_decref(rows(counts[i].target, counts[i].name, counts[i].n));
	j = get("/v1/apps/shop/web", 200);
	assert_string_equal(text_of(j, "id"), "/shop/web");
	assert_int_equal(number_of(j, "containers"), 2);
	assert_int_equal(number_of(j, "limited"), 1);
	assert_int_equal(number_of(j, "memory"), 2000);
	assert_int_equal(number_of(json_object_get(j, "statistics"), "net_rx_bytes"), 200);
	assert_true(json_real_value(json_object_get(json_object_get(j, "rates"), "rx_bytes")) ==
		    50);
	assert_true(json_real_value(json_object_get(j, "cpus")) == 0.05);
	json_decref(j);
	j = get("/v1/apps//shop/web", 200);
	json_decref(j);
	j = get("/v1/apps/n/a", 200);
	assert_int_equal(number_of(j, "containers"), 1);
	json_decref(j);
	j = get("/v1/tasks/db.1", 200);
	assert_string_equal(text_of(json_object_get(j, "task_labels"), "team"), "a%b");
	assert_string_equal(text_of(j, "container"), "c0ffee-2");
	json_decref(j);
}

static const json_t *by_id(const json_t *list, const char *id)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) if (str_eq(text_of(one, "id"), id)) return one;
	fail_msg("no %s", id);
	return NULL;
}

static void test_cluster(void **unused)
{
	json_t *j = get("/v1/tasks/shop_web.9", 200);

	(void)unused;
	assert_string_equal(text_of(j, "hostname"), "there");
	assert_string_equal(text_of(j, "group"), "/shop");
	assert_int_equal(number_of(j, "containers"), 0);
	assert_true(json_is_null(json_object_get(j, "statistics")));
	json_decref(j);
	j = get("/v1/tasks/shop_web.1?fields=id,container,containers,net_rx_bytes,task_state", 200);
	assert_string_equal(text_of(j, "container"), "c0ffee-0");
	assert_string_equal(text_of(j, "task_state"), "TASK_RUNNING");
	assert_int_equal(number_of(j, "net_rx_bytes"), 50);
	json_decref(j);
	j = get("/v1/apps/shop/web?fields=running,containers", 200);
	assert_int_equal(number_of(j, "running"), 3);
	assert_int_equal(number_of(j, "containers"), 2);
	json_decref(j);
	j = get("/v1/tasks/db.1", 200);
	assert_string_equal(text_of(j, "app"), "/db");
	assert_string_equal(text_of(j, "group"), "/");
	json_decref(j);
	j = get("/v1/containers/c0ffee-3", 200);
	assert_string_equal(text_of(j, "app"), "n/a");
	assert_string_equal(text_of(j, "group"), "n/a");
	assert_true(json_is_null(json_object_get(j, "task")));
	json_decref(j);
}

static void test_groups(void **unused)
{
	json_t *j = get("/v1/groups", 200);
	const json_t *root, *shop, *web, *none;

	(void)unused;
	assert_int_equal(json_array_size(json_object_get(j, "groups")), 2);
	root = by_id(json_object_get(j, "groups"), "/");
	assert_int_equal(number_of(root, "containers"), 3);
	assert_int_equal(number_of(root, "running"), 3);
	by_id(json_object_get(by_id(json_object_get(root, "groups"), "/idle"), "apps"),
	      "/idle/one");
	by_id(json_object_get(by_id(json_object_get(root, "apps"), "/db"), "tasks"), "db.1");
	shop = by_id(json_object_get(root, "groups"), "/shop");
	assert_int_equal(json_array_size(json_object_get(shop, "groups")), 0);
	assert_int_equal(json_array_size(json_object_get(shop, "apps")), 1);
	assert_int_equal(number_of(shop, "memory"), 2000);
	assert_int_equal(number_of(shop, "limited"), 1);
	web = by_id(json_object_get(shop, "apps"), "/shop/web");
	assert_int_equal(number_of(web, "running"), 3);
	assert_int_equal(json_array_size(json_object_get(web, "tasks")), 2);
	web = by_id(json_object_get(web, "tasks"), "shop_web.2");
	assert_int_equal(number_of(web, "containers"), 1);
	assert_true(json_real_value(json_object_get(json_object_get(web, "rates"), "rx_bytes")) ==
		    25);
	none = by_id(json_object_get(j, "groups"), "n/a");
	none = by_id(json_object_get(none, "apps"), "n/a");
	none = by_id(json_object_get(none, "tasks"), "n/a");
	assert_string_equal(text_of(none, "container"), "c0ffee-3");
	json_decref(j);
	j = get("/v1/groups/shop?fields=id,containers&filter=container.full_id=c0ffee-0", 200);
	assert_string_equal(text_of(j, "id"), "/shop");
	assert_int_equal(number_of(j, "containers"), 1);
	assert_int_equal(json_object_size(j), 4);
	json_decref(j);
	json_decref(get("/v1/groups//", 200));
	json_decref(get("/v1/groups/n/a", 200));
	json_decref(get("/v1/groups/nothing", 404));
	view->health.metadata_alone = true;
	j = get("/v1/groups/shop", 200);
	web = by_id(json_object_get(j, "apps"), "/shop/web");
	assert_int_equal(json_array_size(json_object_get(web, "tasks")), 3);
	json_decref(j);
	view->health.metadata_alone = false;
	/* A group that is called as what stands for none. */
	static char group[] = "/n/a/db";
	char **app = &view->items[2].c.meta[META_APP], *before = *app;
	*app = group;
	j = get("/v1/groups/n/a", 200);
	assert_string_equal(text_of(j, "id"), "/n/a");
	json_decref(j);
	*app = before;
}

static void test_deep_groups(void **unused)
{
	static const struct {
		const char *id;
		size_t n;
	} rows[] = {{"/shop/web", 5}, {"/shop", 1}, {"/", 0}, {"", 0}, {"n/a", 0}, {"/a/b/c", 4}};
	char deep[4096];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(group_len(rows[i].id), rows[i].n);
	for (size_t i = 0; i < sizeof(deep) - 1; i += 2)
		memcpy(deep + i, "/a", 2);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(group_len(deep), 2 * 64);
}

static void test_ports(void **unused)
{
	json_t *j = get("/v1/ports/31002", 200);
	const json_t *now = json_object_get(j, "now");

	(void)unused;
	assert_int_equal(json_array_size(now), 2);
	assert_string_equal(text_of(json_array_get(now, 0), "task"), "shop_web.1");
	assert_string_equal(text_of(json_array_get(now, 0), "container"), "c0ffee-0");
	assert_string_equal(text_of(json_array_get(now, 0), "group"), "/shop");
	assert_string_equal(text_of(json_array_get(now, 1), "task"), "shop_web.9");
	assert_string_equal(text_of(json_array_get(now, 1), "hostname"), "there");
	assert_null(json_object_get(j, "then"));
	json_decref(j);
	j = get("/v1/ports/31005?at=@1699999999", 200);
	assert_int_equal(json_array_size(json_object_get(j, "now")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "then")), 0);
	assert_true(json_real_value(json_object_get(j, "at")) == 1699999999);
	json_decref(j);
	j = get("/v1/ports/1", 200);
	assert_int_equal(json_array_size(json_object_get(j, "now")), 0);
	json_decref(j);
}

static void test_pages(void **unused)
{
	char target[512] = "/v1/containers?fields=id,net_rx_bytes,mesos.task.label.team"
			   "&sort=-net_rx_bytes&limit=3";
	json_t *j = get(target, 200), *list = json_object_get(j, "containers");
	const json_t *one = json_array_get(list, 0);

	(void)unused;
	assert_int_equal(number_of(j, "total"), 4);
	assert_string_equal(text_of(one, "id"), "c0ffee-3");
	assert_int_equal(number_of(one, "net_rx_bytes"), 350);
	assert_true(json_is_null(json_object_get(one, "mesos.task.label.team")));
	assert_int_equal(json_object_size(one), 3);
	assert_string_equal(text_of(json_array_get(list, 2), "mesos.task.label.team"), "a%b");
	snprintf(target + strlen(target), sizeof(target) - strlen(target), "&cursor=%s",
		 text_of(j, "next"));
	json_decref(j);
	j = get(target, 200);
	list = json_object_get(j, "containers");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(json_array_get(list, 0), "id"), "c0ffee-0");
	assert_null(json_object_get(j, "next"));
	json_decref(j);
}

static void test_bad_queries(void **unused)
{
	static const struct {
		const char *target;
		unsigned status;
	} bad[] = {
		{"/v1/tasks/nobody", 404},
		{"/v1/ports/65536", 404},
		{"/v1/ports/x", 404},
		{"/v1/nothing", 404},
		{"/v1/tasksx", 404},
		{"/v1/tasks?filter=((", 400},
		{"/v1/tasks?filter=nonsense=1", 400},
		{"/v1/tasks?filter=tcp.port=80", 400},
		{"/v1/tasks?fields=id,nonsense", 400},
		{"/v1/tasks?fields=tcp.srcport", 400},
		{"/v1/tasks?sort=id,app", 400},
		{"/v1/tasks?sort=", 400},
		{"/v1/tasks?limit=0", 400},
		{"/v1/tasks?limit=-1", 400},
		{"/v1/tasks?cursor=zz", 400},
		{"/v1/tasks?cursor=4", 400},
		{"/v1/tasks?cursor=41", 400},
		{"/v1/tasks?limit=1&limit=2", 400},
		{"/v1/tasks?at=soon", 400},
		{"/v1/tasks?at=@1900000000", 400},
		{"/v1/tasks?at=@0", 400},
		{"/v1/groups?sort=id", 400},
		{"/v1/groups?limit=1", 400},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		json_decref(get(bad[i].target, bad[i].status));
}

/* What it says of itself is what it does: each path, each parameter, and no other. */
static void test_description(void **unused)
{
	json_t *j = get("/", 200), *same = get("/v1", 200), *operations;
	const json_t *paths = json_object_get(j, "paths");
	const char *path;
	size_t count = 0;

	(void)unused;
	assert_true(json_equal(j, same));
	json_object_foreach((json_t *)paths, path, operations)
	{
		const json_t *op = json_object_get(operations, "get");
		const json_t *parameters = json_object_get(op, "parameters");
		cleanup_free char *target = xstrdup(path);
		char *id = strstr(target, "{id}");
		size_t i;
		json_t *one;

		if (!op)
			continue;
		count++;
		if (id)
			strcpy(id, "x");
		json_t *plain = ask_of(target);
		if (!id && number_of(plain, "HTTP") / 100 == 4)
			fail_msg("%s: %lld", path, number_of(plain, "HTTP"));
		json_decref(plain);
		json_array_foreach(parameters, i, one)
		{
			if (!str_eq(text_of(one, "in"), "query"))
				continue;
			cleanup_free char *with = xasprintf("%s?%s=%%01", target,
							    text_of(one, "name"));
			json_t *bad = ask_of(with);
			assert_int_equal(number_of(bad, "HTTP"), 400);
			json_decref(bad);
			cleanup_free char *known = xasprintf("%s?%s=", target,
							     text_of(one, "name"));
			json_t *empty = ask_of(known);
			const char *why = text_of(empty, "error");
			if (why && strstr(why, "no such argument"))
				fail_msg("%s: %s", known, why);
			json_decref(empty);
		}
	}
	cleanup_free char *manual = xcalloc(1, 1 << 20);
	FILE *f = fopen(TEST_DATA_DIR "/../src/man/dredged.8", "r");
	assert_non_null(f);
	assert_true(fread(manual, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	for (size_t i = 0; i < api_route_count; i++) {
		if (!strstr(manual, api_routes[i].path))
			fail_msg("dredged(8) does not tell of %s", api_routes[i].path);
		cleanup_free char *by_id = xasprintf("%s/{id}", api_routes[i].path);
		assert_non_null(json_object_get(paths, api_routes[i].path));
		assert_true(api_routes[i].ids == (json_object_get(paths, by_id) != NULL));
		count -= 1 + api_routes[i].ids;
	}
	assert_int_equal(count, 0);
	assert_non_null(json_object_get(json_object_get(paths, "/v1/captures"), "post"));
	assert_non_null(json_object_get(json_object_get(paths, "/v1/captures/{id}"), "delete"));
	assert_non_null(
		json_object_get(json_object_get(paths, "/v1/captures/{id}/rotate"), "post"));
	json_decref(j);
	json_decref(same);
}

static void test_ready(void **unused)
{
	/* Answered in 2023, as the view is: too old now. */
	json_t *j = get("/readyz", 503);
	const json_t *metadata = json_object_get(j, "metadata");

	(void)unused;
	assert_true(json_is_false(json_object_get(j, "ready")));
	assert_string_equal(text_of(j, "why"), "nothing is known since more than 10 s");
	assert_string_equal(text_of(metadata, "error"), "http://m: refused");
	assert_int_equal(json_integer_value(json_object_get(metadata, "tasks")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "packets"), "lost")),
			 3);
	json_decref(j);
	json_decref(get("/healthz", 503));
	view->time = time_now();
	j = get("/readyz", 503);
	assert_string_equal(text_of(j, "why"), "metadata is older than 60 s");
	json_decref(j);
	view->health.answered = time_now();
	json_decref(get("/readyz", 200));
	json_decref(get("/healthz", 200));
}

static void test_metrics(void **unused)
{
	static const char *const lines[] = {
		"\n# TYPE container_network_receive_bytes_total counter\n"
		"container_network_receive_bytes_total{id=\"c0ffee-0\","
		"app=\"/shop/web\",task_id=\"shop_web.1\",framework=\"marathon\","
		"executor_id=\"shop_web.1\",interface=\"eth0\"} 50\n",
		"\ncontainer_cpu_user_seconds_total{id=\"c0ffee-1\"",
		"executor_id=\"shop_web.2\"} 0.150000000\n",
		"executor_id=\"shop_web.2\",qdisc=\"bw_limit\"} 9\n",
		"\ndredge_events_lost_total{reason=\"ring_full\"} 3\n",
		"\ndredge_containers 4\n",
	};
	struct reply a = {0};

	(void)unused;
	api_reply(view, &(struct ask){.target = "/metrics"}, &a);
	assert_int_equal(a.status, 200);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text_cstr(&a.body), lines[i]))
			fail_msg("no %s in %s", lines[i], text_cstr(&a.body));
	text_done(&a.body);
}

static void test_captures(void **unused)
{
	static const struct {
		const char *target;
		unsigned status;
	} bad[] = {
		{"/v1/captures/c.pcapng", 404},
		{"/v1/captures/nowhere/a.pcapng", 404},
		{"/v1/captures//nowhere/a.pcapng", 404},
		{"/v1/captures/../a.pcapng", 404},
		{"/v1/captures/.b.pcapng.part", 404},
		{"/v1/captures/a.pcapng?filter=((", 400},
		{"/v1/captures/a.pcapng?filter=nosuch.field=1", 400},
		{"/v1/captures/a.pcapng?format=pcap", 400},
		{"/v1/captures/a.pcapng?from=noon", 400},
		{"/v1/captures/a.pcapng?limit=1", 400},
		{"/v1/captures/a.pcapng?to=%2b5s&format=text&filter=icmp", 503}, /* no server */
	};
	json_t *j = get("/v1/captures", 200);
	const json_t *list = json_object_get(j, "captures");
	const json_t *a = json_array_get(list, 0), *b = json_array_get(list, 1);

	(void)unused;
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_of(a, "name"), "a.pcapng");
	assert_true(json_is_false(json_object_get(a, "writing")));
	assert_true(json_is_null(json_object_get(a, "filter")));
	assert_true(json_is_true(json_object_get(b, "writing")));
	assert_true(json_is_null(json_object_get(b, "ended")));
	assert_int_equal(json_integer_value(json_object_get(b, "bytes")), 77);
	assert_string_equal(text_of(b, "filter"), "icmp");
	json_decref(j);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		json_decref(get(bad[i].target, bad[i].status));
}

static void test_orders(void **unused)
{
	static const struct {
		const char *method, *target, *body;
		unsigned status;
	} rows[] = {
		{"POST", "/v1/captures", "{\"name\":\"a\",\"filter\":\"icmp\"}",
		 503}, /* no server */
		{"POST", "/v1/captures", "{\"name\":\"a\",\"seconds\":9,\"megabytes\":1}", 503},
		{"POST", "/v1/captures/a/rotate", NULL, 503},
		{"DELETE", "/v1/captures/a", NULL, 503},
		{"POST", "/v1/captures", NULL, 400},
		{"POST", "/v1/captures", "", 400},
		{"POST", "/v1/captures", "[{\"name\":\"a\"}]", 400},
		{"POST", "/v1/captures", "{\"filter\":\"icmp\"}", 400},
		{"POST", "/v1/captures", "{\"name\":\"a\",\"name\":\"b\"}", 400},
		{"POST", "/v1/captures", "{\"name\":\"a\",\"filter\":\"((\"}", 400},
		{"POST", "/v1/captures", "{\"name\":\"a\",\"seconds\":1.5}", 400},
		{"POST", "/v1/captures", "{\"name\":\"a\",\"seconds\":99999999999}", 400},
		{"POST", "/v1/captures", "{\"name\":\"a\",\"am\":1}", 400},
		{"POST", "/v1/captures/a", "{}", 405},
		{"DELETE", "/v1/captures", NULL, 405},
		{"PUT", "/v1/captures/a", NULL, 405},
		{"POST", "/v1/apps", NULL, 405},
		{"POST", "/v1/events", NULL, 405},
		{"POST", "/nothing", NULL, 404},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text body = {0};
		struct reply a = {0};
		if (rows[i].body)
			text_str(&body, rows[i].body);
		const struct ask ask = {
			.method = rows[i].method, .target = rows[i].target, .body = &body};
		api_reply(view, &ask, &a);
		if (a.status != rows[i].status)
			fail_msg("row %zu: %u %s", i, a.status, text_cstr(&a.body));
		text_done(&a.body);
		text_done(&body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statistics),  cmocka_unit_test(test_containers),
		cmocka_unit_test(test_targets),	    cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cluster),	    cmocka_unit_test(test_groups),
		cmocka_unit_test(test_deep_groups), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_pages),	    cmocka_unit_test(test_bad_queries),
		cmocka_unit_test(test_ready),	    cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_captures),    cmocka_unit_test(test_description),
		cmocka_unit_test(test_orders),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
