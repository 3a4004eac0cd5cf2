/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to room mesos: how streams are cut into messages, and the bytes of a leader's node. The
 * cursor stands behind what was taken, and does not move while something is missing.
 */
#ifndef DREDGE_MESOS_WIRE_H
#define DREDGE_MESOS_WIRE_H

#include "base/base.h"

/*
 * RecordIO, "LENGTH\nBYTES": 1 with a record, borrowed; 0 when more is needed; -1 when these
 * bytes are none or the record is longer than max.
 */
int recordio_next(struct cursor *c, size_t max, const char **record, size_t *n, struct err *e);

/*
 * Server-sent events (HTML, 9.2): 1 with the data lines of one joined by newlines, which may be
 * none; 0 when more is needed; -1 when an event is longer than max.
 */
int sse_next(struct cursor *c, size_t max, struct text *data, struct err *e);

/*
 * "host:port" of the leading master, of a node "json.info_N" or "info_N" of ZooKeeper: MasterInfo
 * in JSON (since 0.24) or in protobuf (mesos.proto: 1 id, 2 ip, 3 port, 4 pid, 5 hostname, 7
 * address).
 */
int master_info_address(const void *node, size_t n, struct text *out, struct err *e);

#endif
