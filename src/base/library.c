/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <dlfcn.h>

int library_load(const char *soname, const char *const *names, size_t n, void *calls, struct err *e)
{
	void *library = dlopen(soname, RTLD_LAZY);
	bool loaded = library;

	for (size_t i = 0; i < n && loaded; i++) {
		void *symbol = dlsym(library, names[i]);
		memcpy((char *)calls + i * sizeof(symbol), &symbol, sizeof(symbol));
		loaded = symbol;
	}
	return loaded ? 0 : err_set(e, ERR_FAILED, "%s is missing or cannot be used", soname);
}
