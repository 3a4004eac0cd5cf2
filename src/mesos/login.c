/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are, and how that is shown: a principal with a secret, a bearer token, or a login. */
#ifdef HAVE_CURL

#include "mesos/asking.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SECRETS_MAX 16384u		       /* bytes of a file */
#define RENEW_NS    (12 * 3600 * NSEC_PER_SEC) /* tokens of DC/OS last five days */

struct login {
	char *user, *secret;
	char *token_file;
	struct timespec token_time; /* of the file, when it was read */
	struct target at;	    /* where to log in; url NULL = nowhere */
	char *uid, *password;	    /* or, of a service account, */
	char *key;		    /* RSA, PEM: what it signs is its password */
	uint64_t renewed;	    /* ns, monotonic; 0 = not yet */
	bool refused;
	char *authorization;
};

static void forget(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

/* A small file as a string, to be forgotten. */
static char *read_secrets(const char *path, struct err *e)
{
	char *s = xmalloc(SECRETS_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(s, 1, SECRETS_MAX, f) : 0;

	if (!f || ferror(f)) {
		err_sys(e, "%s", path);
		if (f)
			fclose(f);
		free(s);
		return NULL;
	}
	fclose(f);
	s[n] = '\0';
	return s;
}

/* "principal secret", or {"principal": ..., "secret": ...}; the message shows neither. */
static int take_credentials(struct login *l, char *line, const char *where, struct err *e)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *user = json_string_value(json_object_get(o, "principal"));
	const char *secret = json_string_value(json_object_get(o, "secret"));
	char *save = NULL;

	if (!json_is_object(o)) {
		user = strtok_r(line, " \t\r\n", &save);
		secret = strtok_r(NULL, " \t\r\n", &save);
	}
	if (user && secret) {
		l->user = xstrdup(user);
		l->secret = xstrdup(secret);
	}
	json_decref(o);
	return l->user ? 0 : err_set(e, ERR_FAILED, "%s: no 'principal secret' in it", where);
}

static int read_credentials(struct login *l, const char *path, struct err *e)
{
	const char *own = getenv("DREDGE_MESOS_CREDENTIALS");
	char *text = path ? read_secrets(path, e) : own ? xstrdup(own) : NULL;
	int rc = !text ? path ? -1 : 0
		       : take_credentials(l, text, path ? path : "DREDGE_MESOS_CREDENTIALS", e);

	forget(text);
	return rc;
}

static int set_token(struct login *l, const char *form, const char *token, const char *where,
		     struct err *e)
{
	size_t n = strspn(token, " \t\r\n");
	size_t length = strcspn(token + n, " \t\r\n");

	if (!length)
		return err_set(e, ERR_FAILED, "%s: no token in it", where);
	forget(l->authorization);
	l->authorization = xasprintf(form, (int)length, token + n);
	return 0;
}

/* Whoever renews the token writes the file anew. */
static int read_token(struct login *l, struct err *e)
{
	struct stat st;

	if (stat(l->token_file, &st))
		return err_sys(e, "%s", l->token_file);
	if (l->authorization && !l->refused && st.st_mtim.tv_sec == l->token_time.tv_sec &&
	    st.st_mtim.tv_nsec == l->token_time.tv_nsec)
		return 0;
	char *text = read_secrets(l->token_file, e);
	if (!text)
		return -1;
	int rc = set_token(l, "Bearer %.*s", text, l->token_file, e);
	forget(text);
	l->token_time = st.st_mtim;
	return rc;
}

static int open_token(struct login *l, const char *path, struct err *e)
{
	l->token_file = xstrdup(path);
	return read_token(l, e);
}

#define LOGIN_PATH "/acs/api/v1/auth/login"

/* What is sent; owned by the caller, who forgets it. */
static char *login_body(const struct login *l, struct err *e)
{
	char *token = l->key ? sign_login(l->uid, l->key, e) : NULL;

	if (l->key && !token)
		return NULL;
	json_t *o = json_pack("{ss, ss}", "uid", l->uid, token ? "token" : "password",
			      token ? token : l->password);
	char *body = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	forget(token);
	return body;
}

static char *copy_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? xstrdup(s) : NULL;
}

/*
 * {"login": "https://HOST", "uid": ..., "password": ... or "private_key": ...}; or a service
 * account's secret as DC/OS makes it: it has "login_endpoint", with the path.
 */
static int take_login(struct login *l, const json_t *o, const char *path, struct err *e)
{
	cleanup_free char *url = copy_of(o, "login");
	cleanup_free char *endpoint = copy_of(o, "login_endpoint");
	const char *end = endpoint ? strstr(endpoint, LOGIN_PATH) : NULL;

	if (!url && end)
		url = xstrndup(endpoint, (size_t)(end - endpoint));
	l->uid = copy_of(o, "uid");
	l->password = copy_of(o, "password");
	l->key = copy_of(o, "private_key");
	if (!url || !l->uid || !l->password == !l->key)
		return err_set(
			e, ERR_FAILED,
			"%s: no \"login\", \"uid\" and \"password\" or \"private_key\" in it",
			path);
	if (!str_starts(url, "https://") && !str_starts(url, "http://127.0.0.1:"))
		return err_set(e, ERR_FAILED, "%s: a login goes to https:// only", path);
	char *body = login_body(l, e); /* a key that is none is told of at once */
	forget(body);
	return body ? target_init(&l->at, url, e) : -1;
}

static int read_login(struct login *l, const char *path, struct err *e)
{
	char *text = read_secrets(path, e);

	if (!text)
		return -1;
	json_t *o = json_loads(text, 0, NULL);
	int rc = take_login(l, o, path, e);
	json_decref(o);
	forget(text);
	return rc;
}

/* DC/OS answers {"token": ...}. */
static int log_in(struct login *l, struct http *h, struct err *e)
{
	char *body = login_body(l, e);
	const struct request r = {.path = LOGIN_PATH, .body = body, .secret = true};
	struct text answer = {0};
	int status = body ? http_ask(h, &l->at, &r, &answer, e) : -1;

	forget(body);
	if (status >= 0 && status != 200)
		status = err_set(e, ERR_FAILED, "%s: login refused: HTTP status %d", l->at.url,
				 status);
	json_t *o = status == 200 ? json_loadb(answer.data ? answer.data : "", answer.len, 0, NULL)
				  : NULL;
	const char *token = json_string_value(json_object_get(o, "token"));
	int rc = status != 200 ? -1 : set_token(l, "token=%.*s", token ? token : "", l->at.url, e);
	json_decref(o);
	if (answer.len)
		explicit_bzero(answer.data, answer.len);
	text_done(&answer);
	if (!rc)
		l->renewed = time_monotonic();
	return rc;
}

struct login *login_new(const struct mesos_options *o, struct err *e)
{
	struct login *l = xcalloc(1, sizeof(*l));
	const char *token = getenv("DREDGE_MESOS_TOKEN");
	int rc = read_credentials(l, o->credentials_file, e);

	if (!rc && o->login_file)
		rc = read_login(l, o->login_file, e);
	else if (!rc && o->token_file)
		rc = open_token(l, o->token_file, e);
	else if (!rc && token)
		rc = set_token(l, "Bearer %.*s", token, "DREDGE_MESOS_TOKEN", e);
	if (!rc)
		return l;
	login_free(l);
	return NULL;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	free(l->user);
	forget(l->secret);
	free(l->token_file);
	target_done(&l->at);
	free(l->uid);
	forget(l->password);
	forget(l->key);
	forget(l->authorization);
	free(l);
}

const char *login_user(const struct login *l)
{
	return l->user;
}

const char *login_secret(const struct login *l)
{
	return l->secret;
}

bool login_has_token(const struct login *l)
{
	return l->token_file || l->at.url || l->authorization;
}

void login_refused(struct login *l)
{
	l->refused = true;
}

int login_turn(struct login *l, struct http *h, struct err *e)
{
	int rc = 0;

	if (l->token_file)
		rc = read_token(l, e);
	else if (l->at.url &&
		 (!l->renewed || l->refused || time_monotonic() - l->renewed > RENEW_NS))
		rc = log_in(l, h, e);
	if (rc)
		return -1;
	l->refused = false;
	if (l->authorization)
		http_authorize(h, l->authorization);
	return 0;
}

#endif
