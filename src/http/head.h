/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: the head of a request as it came, held against RFC 9112. The library behind
 * closes some malformed ones without a word, and takes others for what they are not.
 */
#ifndef DREDGE_HTTP_HEAD_H
#define DREDGE_HTTP_HEAD_H

#include "base/base.h"

#define HEAD_MAX 16384u /* bytes of the request line and all fields */

/*
 * 0: it goes on; 200: it is whole and well-formed; else the status to refuse it with, and *why,
 * which lives for ever. n is HEAD_MAX at most: what is not whole by then is refused.
 */
unsigned head_check(const char *p, size_t n, const char **why);

#endif
