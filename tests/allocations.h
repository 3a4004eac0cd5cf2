/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts requests for memory, where no sanitizer does so itself (NOT_COUNTED then). Who includes it
 * has declared the counter: `allocations`, of all threads or of each.
 */
#ifndef DREDGE_TESTS_ALLOCATIONS_H
#define DREDGE_TESTS_ALLOCATIONS_H

#if defined(__SANITIZE_ADDRESS__)
#define NOT_COUNTED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NOT_COUNTED
#endif
#endif

#ifndef NOT_COUNTED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}
#endif

#endif
