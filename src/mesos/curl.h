/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to room mesos: libcurl comes with thirty libraries, which would be three quarters of the
 * start of a program that reads a file; so it is loaded when somebody is to be asked.
 */
#ifndef DREDGE_MESOS_CURL_H
#define DREDGE_MESOS_CURL_H

#include "mesos/http.h"

#include <curl/curl.h>

/* clang-format off */
#define CURL_CALLS(X) \
	X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_reset) X(easy_setopt) \
	X(easy_strerror) X(free) X(global_init) X(multi_add_handle) X(multi_cleanup) \
	X(multi_info_read) X(multi_init) X(multi_perform) X(multi_poll) \
	X(multi_remove_handle) X(multi_wakeup) X(slist_append) X(slist_free_all) \
	X(url) X(url_cleanup) X(url_get) X(url_set)
/* clang-format on */

struct curl_calls {
#define CALL(name) __typeof__(curl_##name) *name;
	CURL_CALLS(CALL)
#undef CALL
};

extern struct curl_calls curl;
int curl_load(struct err *e);

/* The next hop: Location is absolute, scheme-relative or a path. Old masters name the leader alone:
 * then the wanted path is put behind it. Owned by the caller; NULL = not to be followed. */
char *next_hop(const char *from, const char *location, const char *path, bool secret,
	       struct err *e);
/* "http://host:port" of a URL that curl made. */
size_t origin_length(const char *url);
bool is_elsewhere(const char *from, const char *to);

#endif
