/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_CMD_RESOURCES_H
#define DREDGE_CMD_RESOURCES_H

#include "base/base.h"

/*
 * --resources in Mesos' JSON form, [{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,
 * "end":2}]}}, {"name":"cpus","type":"SCALAR","scalar":{"value":8}}], as the text that
 * isolate_config_set reads; a value that is no JSON stays as it is. Owned by the caller; NULL = not
 * to be understood.
 */
char *resources_text(const char *value, struct err *e);

#endif
