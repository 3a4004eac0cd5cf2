/* SPDX-License-Identifier: Apache-2.0 */
#include "http/access.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256u << 10)

/* ---- files ---- */

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

/* The whole of it, NUL-terminated and owned by the caller. */
static char *load(const char *path, bool secret, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t filled = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st)) {
		err_sys(e, "%s", path);
		return NULL;
	}
	if (secret && st.st_mode & S_IRWXO) {
		err_set(e, ERR_FAILED, "%s: is open to everybody (mode %o); it shall be 600", path,
			st.st_mode & 07777);
		return NULL;
	}
	char *text = xcalloc(FILE_MAX + 1, 1);
	while (filled < FILE_MAX && (n = read(fd, text + filled, FILE_MAX - filled)) > 0)
		filled += (size_t)n;
	if (filled && filled < FILE_MAX && strlen(text) == filled)
		return text;
	err_set(e, ERR_FAILED, "%s: is %s", path,
		filled ? "too long or no text" : "empty or cannot be read");
	wipe(text);
	return NULL;
}

/* RFC 6750, 2.1: b64token. */
static size_t token_length(const char *s)
{
	static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~+/=";

	return strspn(s, known);
}

static int take_line(struct access *a, const char *line, size_t n, struct err *e)
{
	static const char *const kinds[] = {"read", "control"};
	size_t word = strcspn(line, " \t\n");
	unsigned kind = 0;

	while (kind < ARRAY_SIZE(kinds) &&
	       (strlen(kinds[kind]) != word || memcmp(line, kinds[kind], word)))
		kind++;
	const char *text = line + word + strspn(line + word, " \t");
	size_t length = token_length(text);
	if (kind == ARRAY_SIZE(kinds) || (size_t)(text + length - line) != n)
		return err_set(e, ERR_USAGE, "'read TOKEN' or 'control TOKEN' is wanted");
	if (length < TOKEN_MIN || length > TOKEN_MAX)
		return err_set(e, ERR_USAGE, "a token has %u to %u characters", TOKEN_MIN,
			       TOKEN_MAX);
	if (a->n == TOKENS_MAX)
		return err_set(e, ERR_USAGE, "more than %u tokens", TOKENS_MAX);
	struct token *t = &a->tokens[a->n++];
	t->control = kind == 1;
	memcpy(t->text, text, length);
	return 0;
}

int access_tokens(struct access *a, const char *text, const char *name, struct err *e)
{
	unsigned number = 0;

	a->tokens = xcalloc(TOKENS_MAX, sizeof(*a->tokens));
	for (const char *line = text; *line;) {
		size_t all = strcspn(line, "\n"), n = all;
		number++;
		while (n && strchr(" \t\r", line[n - 1]))
			n--;
		if (n && *line != '#' && take_line(a, line, n, e))
			return err_wrap(e, "%s:%u", name, number);
		line += all + (line[all] == '\n');
	}
	return a->n ? 0 : err_set(e, ERR_USAGE, "%s: has no token", name);
}

int access_load(struct access *a, const struct access_files *files, struct err *e)
{
	if (!files->certificate != !files->key)
		return err_set(e, ERR_USAGE, "--tls-cert and --tls-key want each other");
	if (a->where == ANYWHERE && !(files->certificate && files->tokens))
		return err_set(e, ERR_USAGE,
			       "listen: this address is not of this host alone; it wants TLS and "
			       "tokens (--tls-cert, --tls-key, --token-file)");
	if (files->certificate && (!(a->certificate = load(files->certificate, false, e)) ||
				   !(a->key = load(files->key, true, e))))
		return -1;
	if (!files->tokens)
		return 0;
	char *text = load(files->tokens, true, e);
	int status = text ? access_tokens(a, text, files->tokens, e) : -1;
	wipe(text);
	return status;
}

void access_done(struct access *a)
{
	if (a->tokens)
		explicit_bzero(a->tokens, TOKENS_MAX * sizeof(*a->tokens));
	free(a->tokens);
	free(a->certificate);
	wipe(a->key);
	*a = (struct access){0};
}

/* ---- requests ---- */

/* Takes the same time whatever is in them. */
static bool same(const char a[static TOKEN_MAX + 1], const char b[static TOKEN_MAX + 1])
{
	volatile uint8_t different = 0;

	for (size_t i = 0; i <= TOKEN_MAX; i++)
		different |= (uint8_t)(a[i] ^ b[i]);
	return !different;
}

/* The token of a header, or NULL; all are compared, so that the time tells nothing. */
static const struct token *token_of(const struct access *a, const char *header)
{
	static const char scheme[] = "Bearer ";
	const struct token *found = NULL;
	char given[TOKEN_MAX + 1] = {0};

	if (!header || strncasecmp(header, scheme, strlen(scheme)))
		return NULL;
	header += strlen(scheme);
	header += strspn(header, " ");
	size_t n = token_length(header);
	if (!n || n > TOKEN_MAX || header[n])
		return NULL;
	memcpy(given, header, n);
	for (size_t i = 0; i < a->n; i++)
		if (same(a->tokens[i].text, given) && (!found || a->tokens[i].control))
			found = &a->tokens[i];
	explicit_bzero(given, sizeof(given));
	return found;
}

/* "localhost", an address of loopback, with or without a port. */
static bool is_local_name(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
	cleanup_free char *name = xstrndup(host + (*host == '['), n - (*host == '['));
	const char *port = host + n + (*host == '[' && host[n] == ']');
	struct in_addr v4;
	struct in6_addr v6;

	if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return false;
	if (*host == '[')
		return inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	return !strcasecmp(name, "localhost") ||
	       (inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET);
}

unsigned access_check(const struct access *a, bool control, const char *host,
		      const char *authorization, const char **why)
{
	if (a->where == AT_SOCKET)
		return 200;
	*why = "this name is not of loopback";
	if (a->where == AT_LOOPBACK && host && !is_local_name(host))
		return 421;
	*why = "only with a token, which dredged reads of --token-file; or by a unix socket";
	if (!a->n)
		return control ? 403 : 200;
	const struct token *t = token_of(a, authorization);
	*why = "a token is wanted: Authorization: Bearer TOKEN";
	if (!t)
		return 401;
	*why = "this token is to read only";
	return control && !t->control ? 403 : 200;
}
