/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING 128 /* connections that nobody accepted yet */

/* Away with what an earlier run left: where nobody is behind it, a connection is refused. */
static int take_away(const struct sockaddr_un *a, struct err *e)
{
	struct stat there;

	if (lstat(a->sun_path, &there) || !S_ISSOCK(there.st_mode))
		return 0;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	if (!connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno != ECONNREFUSED)
		return err_set(e, ERR_FAILED, "%s: somebody serves there already", a->sun_path);
	unlink(a->sun_path);
	return 0;
}

int listen_unix(const char *path, const char *group, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct group *g = group ? getgrnam(group) : NULL;

	if (group && !g)
		return err_set(e, ERR_USAGE, "no group %s", group);
	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, ERR_USAGE, "%s: too long for a socket", path);
	strcpy(a.sun_path, path);
	if (take_away(&a, e))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	mode_t before = umask(0177);
	int failed = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(before);
	if (failed || (g && (chown(path, 0, g->gr_gid) || chmod(path, 0660))) ||
	    listen(fd, WAITING)) {
		err_sys(e, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The host of "ADDRESS:PORT" without brackets, and the port; owned by the caller, or NULL. */
static char *address_split(const char *address, uint16_t *port)
{
	const char *colon = strrchr(address, ':');
	uint64_t n;

	if (!colon || !colon[1] || str_u64(colon + 1, false, &n) || n > UINT16_MAX)
		return NULL;
	*port = (uint16_t)n;
	size_t len = (size_t)(colon - address);
	if (len > 2 && address[0] == '[' && colon[-1] == ']')
		return xstrndup(address + 1, len - 2);
	return memchr(address, ':', len) ? NULL : xstrndup(address, len);
}

static int address_parse(const char *address, union address *a, struct err *e)
{
	uint16_t port;
	cleanup_free char *host = address_split(address, &port);

	*a = (union address){0};
	if (!host)
		return err_set(e, ERR_USAGE,
			       "listen: '%.80s' is neither ADDRESS:PORT nor unix:PATH", address);
	if (inet_pton(AF_INET, str_eq(host, "localhost") ? "127.0.0.1" : host, &a->v4.sin_addr) ==
	    1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1)
		return err_set(e, ERR_USAGE, "listen: '%.80s' is no address", host);
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(port);
	return 0;
}

int listen_where(const char *address, struct err *e)
{
	union address a;

	if (str_starts(address, LISTEN_UNIX))
		return AT_SOCKET;
	if (address_parse(address, &a, e))
		return -1;
	bool loopback = a.any.sa_family == AF_INET
				? ntohl(a.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
				: IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
	return loopback ? AT_LOOPBACK : ANYWHERE;
}

int listen_tcp(const char *address, struct text *where, struct err *e)
{
	union address a;
	socklen_t n = sizeof(a);
	const int on = 1;

	if (address_parse(address, &a, e))
		return -1;
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.any, a.any.sa_family == AF_INET ? sizeof(a.v4) : sizeof(a.v6)) ||
	    listen(fd, WAITING) || getsockname(fd, &a.any, &n)) {
		err_sys(e, "listen: %s", address);
		close(fd);
		return -1;
	}
	if (a.any.sa_family == AF_INET) {
		text_ipv4(where, (const uint8_t *)&a.v4.sin_addr);
	} else {
		text_char(where, '[');
		text_ipv6(where, a.v6.sin6_addr.s6_addr);
		text_char(where, ']');
	}
	text_fmt(where, ":%u", ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port));
	return fd;
}
