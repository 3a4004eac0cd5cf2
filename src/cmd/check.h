/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DREDGE_CMD_CHECK_H
#define DREDGE_CMD_CHECK_H

#include "isolate/config.h"

/* dredged --check: a line for each thing that enforcement needs. Returns an exit status: 0 when it
 * can start. */
int check_run(struct isolate_config *c, bool json);

#endif
