/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/cni.h"

#include <stdlib.h>

/* As dredged tells of a container. */
#define CONTAINER                                                                   \
	"{\"id\":\"a\",\"veth\":\"dr1\",\"ports\":\"31000-31001\","                 \
	"\"egress\":{\"rate\":1024},\"ingress\":null,\"interface\":\"ens3\","       \
	"\"address\":\"10.0.0.1/24\",\"gateway\":\"10.0.0.254\",\"netns_inode\":7," \
	"\"mac\":\"02:00:00:00:00:01\"}"

static const struct cni_environment env = {"ADD", "a", "/ns", "eth0"};

/* Of the text that was parsed last. */
static struct cni_config c;
static struct cni_wish w;
static struct cni_error e;

static enum cni_code parse(const char *text)
{
	e = (struct cni_error){0};
	w = (struct cni_wish){0};
	if (!cni_config_parse(text, strlen(text), &c, &e))
		cni_wish_parse(&c, &w, &e);
	return e.code;
}

static void end(void)
{
	cni_config_done(&c);
	text_done(&e.details);
}

/* {mappings} as Mesos writes them, without a version. */
#define MESOS(info) "{\"args\":{\"org.apache.mesos\":{\"network_info\":{" info "}}}}"
#define LABELS(l)   "\"labels\":{\"labels\":[" l "]}"

static void test_wishes(void **state)
{
	static const struct {
		const char *text, *body;
	} cases[] = {
		{"{}", "\"ports\":\"\"}"},
		{"{\"ports\":\"31000-31007,31016\"}", "\"ports\":\"31000-31007,31016\"}"},
		{"{\"ports\":\"[31000-31003]\",\"egress\":\"10KB\",\"ingress\":5}",
		 "\"ports\":\"31000-31003\",\"egress\":{\"rate\":10240},\"ingress\":{\"rate\":5}}"},
		{"{\"egress\":0}", "\"ports\":\"\",\"egress\":{\"rate\":0}}"},
		{"{\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80,\"containerPort\":80,"
		 "\"hostIP\":\"0.0.0.0\"},{\"hostPort\":81,\"containerPort\":81,\"protocol\":"
		 "\"UDP\"}]}}",
		 "\"ports\":\"80-81\"}"},
		{MESOS("\"port_mappings\":[{\"host_port\":1,\"container_port\":1,\"protocol\":"
		       "\"tcp\"},{\"host_port\":65535,\"container_port\":65535}]"),
		 "\"ports\":\"1,65535\"}"},
		{MESOS(LABELS("{\"key\":\"dredge.ports\",\"value\":\"5\"},{\"key\":\"x\"},"
			      "{\"key\":\"dredge.ingress\",\"value\":\"1MB\"}")),
		 "\"ports\":\"5\",\"ingress\":{\"rate\":1048576}}"},
		{"{\"args\":7,\"runtimeConfig\":\"x\"}", "\"ports\":\"\"}"},
		{"{\"runtimeConfig\":{\"portMappings\":null}}", "\"ports\":\"\"}"},
		{"{\"egress\":\"10KB\",\"runtimeConfig\":{\"bandwidth\":{\"egressRate\":8001,"
		 "\"egressBurst\":1,\"ingressRate\":0}}}",
		 "\"ports\":\"\",\"egress\":{\"rate\":1001}}"},
		{"{\"runtimeConfig\":{\"bandwidth\":null}}", "\"ports\":\"\"}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), CNI_OK);
		char *body = cni_wish_body(&w, "/ns");
		assert_true(str_starts(body, "{\"netns\":\"/ns\","));
		assert_string_equal(body + strlen("{\"netns\":\"/ns\","), cases[i].body);
		free(body);
		end();
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		enum cni_code code;
		const char *why;
	} cases[] = {
		{"", CNI_UNDECODABLE, "no valid JSON"},
		{"{\"a\":1,\"a\":2}", CNI_UNDECODABLE, "no valid JSON"},
		{"{} {}", CNI_UNDECODABLE, "no valid JSON"},
		{"{\"a\":\"\\u0000\"}", CNI_UNDECODABLE, "no valid JSON"},
		{"7", CNI_UNDECODABLE, "no valid JSON"},
		{"[]", CNI_UNDECODABLE, "no JSON object"},
		{"{\"cniVersion\":\"2.0.0\"}", CNI_BAD_VERSION, "'2.0.0'"},
		{"{\"cniVersion\":\"\"}", CNI_BAD_VERSION, "''"},
		{"{\"cniVersion\":1}", CNI_BAD_CONFIG, "cniVersion"},
		{"{\"socket\":\"x\"}", CNI_BAD_CONFIG, "socket"},
		{"{\"ports\":31000}", CNI_BAD_CONFIG, "ports: a text"},
		{"{\"ports\":\"70000\"}", CNI_BAD_CONFIG, "ports: "},
		{"{\"egress\":1.5}", CNI_BAD_CONFIG, "egress"},
		{"{\"egress\":-1}", CNI_BAD_CONFIG, "egress"},
		{"{\"egress\":null}", CNI_BAD_CONFIG, "egress"},
		{"{\"ingress\":\"16777215TB\"}", CNI_BAD_CONFIG, "ingress"},
		{"{\"runtimeConfig\":{\"bandwidth\":7}}", CNI_BAD_CONFIG, "an object"},
		{"{\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":-8}}}", CNI_BAD_CONFIG,
		 "bandwidth.ingressRate"},
		{"{\"egress\":1,\"runtimeConfig\":{\"bandwidth\":{\"egressRate\":16}}}",
		 CNI_BAD_CONFIG, "allows 1 bytes"},
		{"{\"runtimeConfig\":{\"portMappings\":{}}}", CNI_BAD_CONFIG, "a list"},
		{"{\"runtimeConfig\":{\"portMappings\":[7]}}", CNI_BAD_CONFIG, "hostPort"},
		{"{\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":0,\"containerPort\":0}]}}",
		 CNI_BAD_CONFIG, "hostPort"},
		{"{\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80,\"containerPort\":80,"
		 "\"hostIP\":\"127.0.0.1\"}]}}",
		 CNI_BAD_CONFIG, "hostIP 127.0.0.1"},
		{MESOS("\"port_mappings\":[{\"host_port\":8080,\"container_port\":80}]"),
		 CNI_BAD_CONFIG, "host port 8080 and container port 80"},
		{MESOS("\"port_mappings\":[{\"host_port\":8080}]"), CNI_BAD_CONFIG, "8080"},
		{MESOS("\"port_mappings\":[{\"host_port\":65536,\"container_port\":65536}]"),
		 CNI_BAD_CONFIG, "host_port"},
		{MESOS("\"port_mappings\":[{\"host_port\":80,\"container_port\":80,"
		       "\"protocol\":\"sctp\"}]"),
		 CNI_BAD_CONFIG, "tcp or udp"},
		{MESOS(LABELS("{\"key\":\"dredge.ports\",\"value\":5}")), CNI_BAD_CONFIG,
		 "dredge.ports"},
		{MESOS(LABELS("{\"key\":\"dredge.egress\"}")), CNI_BAD_CONFIG, "dredge.egress"},
		{MESOS(LABELS("{\"key\":\"dredge.rate\",\"value\":\"5\"}")), CNI_BAD_CONFIG,
		 "dredge.rate"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), cases[i].code);
		assert_non_null(strstr(e.message, cases[i].why));
		json_t *j = cni_error_json(&c, &e);
		assert_int_equal(json_integer_value(json_object_get(j, "code")), cases[i].code);
		assert_non_null(json_string_value(json_object_get(j, "cniVersion")));
		json_decref(j);
		end();
	}
	char *long_text = xcalloc(1, CNI_CONFIG_MAX + 2);
	memset(long_text, ' ', CNI_CONFIG_MAX + 1);
	long_text[0] = '{';
	long_text[CNI_CONFIG_MAX - 1] = '}';
	e = (struct cni_error){0};
	assert_int_equal(cni_config_parse(long_text, CNI_CONFIG_MAX, &c, &e), 0);
	cni_config_done(&c);
	assert_int_equal(cni_config_parse(long_text, CNI_CONFIG_MAX + 1, &c, &e), -1);
	assert_int_equal(e.code, CNI_UNDECODABLE);
	end();
	free(long_text);
}

/* The operator's rate is a bound for labels, unless it is 0. */
static void test_labels_only_lower(void **state)
{
	static const struct {
		const char *network, *label;
		long long rate; /* -1: refused */
	} cases[] = {
		{"\"10KB\"", "4KB", 4096}, {"\"10KB\"", "10KB", 10240}, {"\"10KB\"", "11KB", -1},
		{"\"10KB\"", "0", -1},	   {"0", "11KB", 11264},	{"0", "0", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *text = xasprintf(
			"{\"egress\":%s,\"args\":{\"org.apache.mesos\":{\"network_info\":{" LABELS(
				"{\"key\":\"dredge.egress\",\"value\":\"%s\"}") "}}}}",
			cases[i].network, cases[i].label);
		enum cni_code code = parse(text);
		assert_int_equal(code, cases[i].rate < 0 ? CNI_BAD_CONFIG : CNI_OK);
		if (!code)
			assert_int_equal(w.egress, cases[i].rate);
		end();
	}
}

static void test_comparisons(void **state)
{
	static const struct {
		const char *text;
		uint64_t inode;
		enum cni_code code;
	} cases[] = {
		{"{\"ports\":\"31000,31001\"}", 7, CNI_OK},
		{"{\"ports\":\"31000,31001\",\"egress\":1024,\"ingress\":0}", 7, CNI_OK},
		{"{\"ports\":\"31000,31001\"}", 8, CNI_CONFLICT},
		{"{\"ports\":\"31000\"}", 7, CNI_CONFLICT},
		{"{}", 7, CNI_OK},
		{"{}", 8, CNI_CONFLICT},
		{"{\"ports\":\"31000,31001\",\"egress\":1025}", 7, CNI_CONFLICT},
		{"{\"ports\":\"31000,31001\",\"ingress\":1}", 7, CNI_CONFLICT},
	};
	json_t *container = json_loads(CONTAINER, 0, NULL), *empty = json_object();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), CNI_OK);
		cni_wish_compare(&w, cases[i].inode, container, &e);
		assert_int_equal(e.code, cases[i].code);
		end();
	}
	e = (struct cni_error){0};
	assert_int_equal(cni_wish_compare(&w, 0, empty, &e), -1);
	assert_int_equal(e.code, CNI_FAILED);
	json_decref(container);
	json_decref(empty);
}

static void test_previous(void **state)
{
	static const struct {
		const char *text;
		enum cni_code code;
	} cases[] = {
		{"{}", CNI_OK},
		{"{\"prevResult\":{}}", CNI_OK},
		{"{\"prevResult\":[]}", CNI_BAD_CONFIG},
		{"{\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/24\"}]}}", CNI_OK},
		{"{\"prevResult\":{\"ips\":[7,{\"address\":\"fd00::1/64\"},"
		 "{\"address\":\"10.0.0.1/24\"}]}}",
		 CNI_OK},
		{"{\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.2/24\"}]}}", CNI_CONFLICT},
	};
	json_t *container = json_loads(CONTAINER, 0, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), CNI_OK);
		cni_previous_compare(&c, container, &e);
		assert_int_equal(e.code, cases[i].code);
		end();
	}
	json_decref(container);
}

#define ROUTES "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.254\"}]"
#define OLD    "{\"ip4\":{\"ip\":\"10.0.0.1/24\",\"gateway\":\"10.0.0.254\"," ROUTES "}"
#define NEW(version)                                                      \
	"{\"interfaces\":[{\"name\":\"dr1\"},{\"name\":\"ens3\",\"mac\":" \
	"\"02:00:00:00:00:01\",\"sandbox\":\"/ns\"}],\"ips\":[{"          \
	"\"address\":\"10.0.0.1/24\",\"gateway\":\"10.0.0.254\","         \
	"\"interface\":1" version "}]," ROUTES

static void test_results(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{"{}", OLD "}"},
		{"{\"cniVersion\":\"0.2.0\"}", OLD ",\"cniVersion\":\"0.2.0\"}"},
		{"{\"cniVersion\":\"0.3.0\"}",
		 NEW(",\"version\":\"4\"") ",\"cniVersion\":\"0.3.0\"}"},
		{"{\"cniVersion\":\"0.4.0\"}",
		 NEW(",\"version\":\"4\"") ",\"cniVersion\":\"0.4.0\"}"},
		{"{\"cniVersion\":\"1.0.0\"}", NEW("") ",\"cniVersion\":\"1.0.0\"}"},
		{"{\"cniVersion\":\"1.1.0\"}", NEW("") ",\"cniVersion\":\"1.1.0\"}"},
	};
	json_t *container = json_loads(CONTAINER, 0, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), CNI_OK);
		json_t *r = cni_result(&c, &env, container, &e);
		char *text = json_dumps(r, JSON_COMPACT);
		assert_string_equal(text, cases[i].result);
		free(text);
		json_decref(r);
		end();
	}
	/* A host whose default route has no gateway; then a dredged that says nothing. */
	json_object_del(container, "gateway");
	assert_int_equal(parse("{\"cniVersion\":\"1.0.0\"}"), CNI_OK);
	json_t *r = cni_result(&c, &env, container, &e);
	assert_null(json_object_get(json_array_get(json_object_get(r, "ips"), 0), "gateway"));
	assert_non_null(json_object_get(r, "routes"));
	json_decref(r);
	json_object_clear(container);
	assert_null(cni_result(&c, &env, container, &e));
	assert_int_equal(e.code, CNI_FAILED);
	end();
	json_decref(container);
}

static void test_environment(void **state)
{
	static const struct {
		const char *command, *id, *netns, *ifname;
		enum cni_code code;
	} cases[] = {
		{"ADD", "a.b_c-9", "/ns", "eth0", CNI_OK},
		{"ADD", "a", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "ns", "eth0", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "/proc/thread-self/ns/net", "eth0", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "/ns", "", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "/ns", "sixteen-letters-", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "/ns", "..", CNI_BAD_ENVIRONMENT},
		{"ADD", "a", "/ns", "a b", CNI_BAD_ENVIRONMENT},
		{"CHECK", "a", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"DEL", "a", "", "eth0", CNI_OK},
		{"DEL", "a", "ns", "eth0", CNI_OK},
		{"DEL", "", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"DEL", "..", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"DEL", "a/b", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"DEL", "a%2fb", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"DEL", "\xc3\xa4", "", "eth0", CNI_BAD_ENVIRONMENT},
		{"VERSION", "", "", "", CNI_OK},
		{"GC", "", "", "", CNI_OK},
		{"REMOVE", "a", "/ns", "eth0", CNI_BAD_ENVIRONMENT},
		{"", "a", "/ns", "eth0", CNI_BAD_ENVIRONMENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_environment got;
		e = (struct cni_error){0};
		setenv("CNI_COMMAND", cases[i].command, 1);
		setenv("CNI_CONTAINERID", cases[i].id, 1);
		setenv("CNI_NETNS", cases[i].netns, 1);
		setenv("CNI_IFNAME", cases[i].ifname, 1);
		assert_int_equal(cni_environment_read(&got, &e), cases[i].code ? -1 : 0);
		assert_int_equal(e.code, cases[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_labels_only_lower),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_previous),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
