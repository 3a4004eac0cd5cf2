/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that we sign ourselves, as a service account of DC/OS logs in: RFC 7519, RS256. */
#ifdef HAVE_CURL

#include "mesos/asking.h"

#ifdef HAVE_JWT

#include <jwt.h>

#define LIBJWT	"libjwt.so.0"
#define VALID_S 300 /* it is used at once; the rest is for clocks that differ */

/* Loaded when it is wanted, as curl is: it brings all of libcrypto. */
/* clang-format off */
#define JWT_CALLS(X) \
	X(jwt_add_grant) X(jwt_add_grant_int) X(jwt_encode_str) X(jwt_free) X(jwt_new) \
	X(jwt_set_alg)
/* clang-format on */

static struct {
#define CALL(name) __typeof__(name) *name;
	JWT_CALLS(CALL)
#undef CALL
} lib;

static int load(struct err *e)
{
#define CALL(name) #name,
	static const char *const names[] = {JWT_CALLS(CALL)};
#undef CALL
	return library_load(LIBJWT, names, ARRAY_SIZE(names), &lib, e);
}

char *sign_login(const char *uid, const char *key, struct err *e)
{
	jwt_t *jwt = NULL;
	char *token = NULL;

	if (load(e))
		return NULL;
	if (!lib.jwt_new(&jwt) && !lib.jwt_add_grant(jwt, "uid", uid) &&
	    !lib.jwt_add_grant_int(jwt, "exp", (long)(time_now() / NSEC_PER_SEC) + VALID_S) &&
	    !lib.jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)key, (int)strlen(key)))
		token = lib.jwt_encode_str(jwt);
	lib.jwt_free(jwt);
	if (!token)
		err_set(e, ERR_FAILED, "the private key of %.80s cannot sign", uid);
	return token;
}

#else

char *sign_login(const char *uid, const char *key, struct err *e)
{
	(void)uid;
	(void)key;
	err_set(e, ERR_FAILED, "built without libjwt: no login with a private key");
	return NULL;
}

#endif
#endif
