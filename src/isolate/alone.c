/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dredged enforces on a host: two would put right each other's programs for ever. A name of an
 * abstract socket is held in its network namespace, and let go of by the kernel however we end.
 */
#include "isolate/internal.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = "\0dredge-isolation"};
#define PLACE_SIZE (offsetof(struct sockaddr_un, sun_path) + sizeof("\0dredge-isolation") - 1)

/* Who holds it, 0 = a process that cannot be seen from here; -1 = nobody who has our rights: such a
 * name is free for everybody to take, and nobody is to be in our way by that. One whose queue is
 * full gets the time in which another dredged would have emptied it. */
static int holder(int fd)
{
	const struct timeval patience = {.tv_sec = 3};
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	fcntl(fd, F_SETFL, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&place, PLACE_SIZE) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) || who.uid != geteuid())
		return -1;
	return who.pid;
}

int alone_claim(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	if (!bind(fd, (const struct sockaddr *)&place, PLACE_SIZE) && !listen(fd, SOMAXCONN))
		return fd;
	int pid = holder(fd);
	if (pid < 0) {
		log_warn("isolation: somebody without rights holds the name by which one dredged "
			 "knows of another");
		return fd;
	}
	close(fd);
	return err_set(e, ERR_FAILED, "process %d enforces here already", pid);
}

void alone_answer(int claim)
{
	for (unsigned n = 0; n < SOMAXCONN; n++) {
		int fd = accept4(claim, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return;
		close(fd);
	}
}
