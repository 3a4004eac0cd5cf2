/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/resources.h"

#include <jansson.h>

/* Of a range; others, and what is missing, end as 0, which is no port. */
static long long bound(const json_t *range, const char *key)
{
	return (long long)json_integer_value(json_object_get(range, key));
}

static void put_ranges(struct text *t, const char *name, const json_t *ranges)
{
	const char *before = "[";
	json_t *range;
	size_t i;

	text_fmt(t, "%s:", name);
	json_array_foreach(ranges, i, range)
	{
		text_fmt(t, "%s%lld-%lld", before, bound(range, "begin"), bound(range, "end"));
		before = ",";
	}
	text_str(t, i ? "];" : "[];");
}

static int put_resource(struct text *t, const json_t *one, struct err *e)
{
	const char *name = json_string_value(json_object_get(one, "name"));
	const json_t *ranges = json_object_get(json_object_get(one, "ranges"), "range");
	const json_t *scalar = json_object_get(json_object_get(one, "scalar"), "value");

	if (!name)
		return err_set(e, ERR_USAGE, "--resources: a resource has no name");
	if (str_eq(name, "ports") || str_eq(name, "ephemeral_ports")) {
		if (!json_is_array(ranges))
			return err_set(e, ERR_USAGE, "--resources: %s: ranges are wanted", name);
		put_ranges(t, name, ranges);
	} else if (str_eq(name, "cpus")) {
		if (!json_is_number(scalar))
			return err_set(e, ERR_USAGE, "--resources: cpus: a scalar is wanted");
		text_fmt(t, "cpus:%.17g;", json_number_value(scalar));
	}
	return 0;
}

char *resources_text(const char *value, struct err *e)
{
	const char *at = value + strspn(value, " \t\r\n");
	struct text t = {0};
	json_error_t why;
	json_t *one;
	size_t i;
	int status = 0;

	if (*at != '[' && *at != '{')
		return xstrdup(value);
	json_t *root = json_loads(at, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		status = err_set(e, ERR_USAGE, "--resources: no valid JSON: column %d: %s",
				 why.column, why.text);
	else if (!json_is_array(root))
		status = err_set(e, ERR_USAGE, "--resources: a JSON array is wanted");
	json_array_foreach(root, i, one)
	{
		if (!status)
			status = put_resource(&t, one, e);
	}
	json_decref(root);
	char *text = status ? NULL : xstrdup(t.len ? text_cstr(&t) : "");
	text_done(&t);
	return text;
}
