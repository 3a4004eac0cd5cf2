/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel can do of what enforcement needs, by doing it. */
#ifndef DREDGE_ISOLATE_TRY_H
#define DREDGE_ISOLATE_TRY_H

#include "base/base.h"

enum try_result { TRY_OK, TRY_FALLBACK, TRY_REFUSED };

/* said: what follows, or why and what to do; empty for TRY_OK. */
typedef void try_fn(void *ctx, enum try_result result, const char *what, const char *said);

/*
 * Makes a host, somebody outside and a container in network namespaces of its own, enforces there
 * and lets them talk. The calling process stays in them: call it in one that ends then.
 */
void isolate_try_kernel(try_fn *fn, void *ctx);
/* The interface and address that would be taken; eth, lo: NULL = by default. Changes nothing. */
void isolate_try_host(const char *eth, const char *lo, try_fn *fn, void *ctx);

#endif
