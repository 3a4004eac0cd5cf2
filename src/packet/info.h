/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room packet: the text of application payloads, over n captured bytes of it. */
#ifndef DREDGE_PACKET_INFO_H
#define DREDGE_PACKET_INFO_H

#include "base/base.h"

/* Each appends " ..." when it knows the bytes, else nothing. */
void info_dns(struct text *t, const uint8_t *p, uint32_t n);
void info_stream(struct text *t, const uint8_t *p, uint32_t n, bool redis);

#endif
