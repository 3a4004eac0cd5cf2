/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: a file as a sequence of decompressed bytes. */
#ifndef DREDGE_SAVEFILE_STREAM_H
#define DREDGE_SAVEFILE_STREAM_H

#include "base/base.h"

#include <sys/types.h>

struct stream;
/* fd stays the caller's; the first n bytes were read from it already, at most `more` are read
 * (UINT64_MAX = to its end). Fails when the compression is not built in. */
struct stream *stream_open(int fd, const uint8_t *head, size_t n, uint64_t more, struct err *e);
void stream_close(struct stream *s);
const char *stream_compression(const struct stream *s); /* "none", "gzip", "lz4", "zstd" */
/* Up to n bytes; 0 at the end, -1 on damage (what came before is good). */
ssize_t stream_read(struct stream *s, void *out, size_t n, struct err *e);
uint64_t stream_position(const struct stream *s); /* bytes taken from the file */
/* The compressed data ended in the middle of a frame (an LZ4 frame without its end mark counts as
 * whole: its writer was killed, or is still at it). */
bool stream_cut(const struct stream *s);
bool stream_complete(const struct stream *s); /* at its end, with end mark */

#endif
