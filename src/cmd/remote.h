/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a dredged on another host, asked for through its API. */
#ifndef DREDGE_CMD_REMOTE_H
#define DREDGE_CMD_REMOTE_H

#include "view/view.h"

/*
 * url ("http://host:5053") and ca_file (certificates to trust for https, or NULL) are borrowed.
 * token_file: its first line is "read TOKEN" or a token; or NULL. NULL: the host does not answer.
 */
struct view_feed *remote_feed_open(const char *url, const char *token_file, const char *ca_file,
				   struct err *e);

#endif
