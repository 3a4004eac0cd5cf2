/* SPDX-License-Identifier: Apache-2.0 */
/* A network configuration on dredge-cni's standard input: what is wished for, results, errors. */
#include "cmd/cni.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct cni_config *c, struct cni_error *e)
{
	const struct cni_environment env = {"ADD", "a", "/ns", "eth0"};
	json_t *container = json_pack("{s:s,s:s,s:s,s:s,s:I}", "address", "10.0.0.1/24",
				      "interface", "eth0", "veth", "dr1", "ports", "31000",
				      "netns_inode", (json_int_t)1);
	struct cni_wish w;

	if (!cni_wish_parse(c, &w, e)) {
		char *body = cni_wish_body(&w, env.netns);
		json_t *r = cni_result(c, &env, container, e);
		if (!body || !r)
			abort();
		cni_wish_compare(&w, 1, container, e);
		cni_previous_compare(c, container, e);
		free(body);
		json_decref(r);
	}
	json_decref(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cni_error e = {0};
	struct cni_config c;

	if (!cni_config_parse((const char *)data, size, &c, &e))
		use(&c, &e);
	json_t *j = cni_error_json(&c, &e);
	if (!j)
		abort();
	json_decref(j);
	cni_config_done(&c);
	text_done(&e.details);
	return 0;
}
