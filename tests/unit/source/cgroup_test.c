/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/cgroup.h"

#define U1  "c0ffee00-0000-4000-8000-000000000001"
#define U2  "c0ffee00-0000-4000-8000-000000000002"
#define U3  "c0ffee00-0000-4000-8000-000000000003"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check(const char *path, const char *root, const char *runtime, const char *id,
		  const char *parent)
{
	struct cgroup_id out = {.id = "untouched"};
	bool found = cgroup_identify(path, root, &out);
	if (found != (runtime != NULL))
		fail_msg("%s: %s", path, found ? "taken for a container" : "not recognised");
	if (!found) {
		assert_string_equal(out.id, "untouched");
		return;
	}
	assert_string_equal(out.id, id);
	assert_string_equal(out.runtime, runtime);
	assert_string_equal(out.parent, parent);
}

static void test_mesos(void **state)
{
	(void)state;
	check("/mesos/" U1, "mesos", "mesos", U1, "");
	check("/mesos/" U1 "/mesos/" U2, "mesos", "mesos", U1 "." U2, U1);
	check("/mesos/" U1 "/mesos/" U2 "/mesos/" U3, "mesos", "mesos", U1 "." U2 "." U3,
	      U1 "." U2);
	check("/mesos/" U1 "/mesos/check-" U2, "mesos", "mesos", U1 ".check-" U2, U1);
	check("/mesos/" U1 "/mesos/health", "mesos", "mesos", U1 ".health", U1);
	check("/mesos/pod-" U1, "mesos", "mesos", "pod-" U1, "");
	check("/system.slice/mesos/" U1, "mesos", "mesos", U1, "");
	check("/DC/OS/" U1, "DC/OS", "mesos", U1, "");
	check("/DC/OS/" U1 "/mesos/" U2, "DC/OS", "mesos", U1 "." U2, U1);
	check("/mesos", "mesos", NULL, NULL, NULL);
	check("/mesos/" U1 "/mesos", "mesos", NULL, NULL, NULL);
	check("/mesos/" U1 "/init.scope", "mesos", NULL, NULL, NULL);
	check("/mesos/" U1 "/other/" U2, "mesos", NULL, NULL, NULL);
	check("/mesos/c0ffee00-0000-4000-8000-00000000000", "mesos", NULL, NULL, NULL);
	check("/mesos/xc0ffee00-0000-4000-8000-000000000001", "mesos", NULL, NULL, NULL);
	check("/mesos/c0ffee00-0000-4000-8000-00000000000g", "mesos", NULL, NULL, NULL);
	check("/" U1, "mesos", NULL, NULL, NULL);
	check("/DC/" U1, "DC/OS", NULL, NULL, NULL);
}

static void test_others(void **state)
{
	(void)state;
	static const struct {
		const char *path, *runtime, *id;
	} rows[] = {
		{"/docker/" HEX, "docker", HEX},
		{"/a/docker/" HEX, "docker", HEX},
		{"/system.slice/docker-" HEX ".scope", "docker", HEX},
		{"/machine.slice/libpod-" HEX ".scope", "libpod", HEX},
		{"/libpod_parent/libpod-" HEX, "libpod", HEX},
		{"/system.slice/cri-containerd-" HEX ".scope", "containerd", HEX},
		{"/user.slice/nerdctl-" HEX ".scope", "containerd", HEX},
		{"/kubepods.slice/kubepods-burstable.slice/crio-" HEX ".scope", "cri-o", HEX},
		{"/kubepods/burstable/pod1-2/" HEX, "containerd", HEX},
		{"/default/" HEX, "containerd", HEX},
		{"/lxc.payload.web", "lxc", "web"},
		{"/lxc/web", "lxc", "web"},
		{"/dredge/web", "dredge", "web"},
		{"/lxc.monitor.web", NULL, NULL},
		{"/machine.slice/libpod-conmon-" HEX ".scope", NULL, NULL},
		{"/kubepods.slice/crio-conmon-" HEX ".scope", NULL, NULL},
		{"/machine.slice/libpod-" HEX ".scope/container", NULL, NULL},
		{"/system.slice/docker-" HEX ".service", NULL, NULL},
		{"/system.slice/docker.service", NULL, NULL},
		{"/a/b/" HEX, NULL, NULL},
		{"/" HEX, NULL, NULL},
		{"/docker/0123", NULL, NULL},
		{"/lxc.payload.", NULL, NULL},
		{"/", NULL, NULL},
		{"", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i].path, "mesos", rows[i].runtime, rows[i].id, "");
}

static void test_sizes(void **state)
{
	(void)state;
	char path[8192] = "/mesos/" U1;
	for (int i = 0; i < 5; i++)
		strcat(path, "/mesos/" U2);
	struct cgroup_id out;
	assert_true(cgroup_identify(path, "mesos", &out));
	assert_true(strlen(out.id) < CGROUP_ID_SIZE);
	strcat(path, "/mesos/" U3); /* the id would be longer than CGROUP_ID_SIZE */
	check(path, "mesos", NULL, NULL, NULL);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "/lxc.payload.", 13);
	check(path, "mesos", NULL, NULL, NULL);
	for (size_t i = 0; i + 1 < sizeof(path); i++)
		path[i] = i % 2 ? 'a' : '/';
	check(path, "mesos", NULL, NULL, NULL);
}

static void test_plain_directory(void **state)
{
	(void)state;
	char root[] = "/tmp/cgroup-test-XXXXXX";
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES];
	assert_non_null(mkdtemp(root));
	assert_int_equal(cgroup_hierarchies(root, h), 1);
	assert_string_equal(h[0].path, root);
	assert_true(h[0].v2);
	free(h[0].path);
	rmdir(root);
	assert_int_equal(cgroup_hierarchies(root, h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mesos),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_plain_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
