/* SPDX-License-Identifier: Apache-2.0 */
/* Processes with which containers end. */
#include "isolate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEGUN 22 /* field of proc(5) stat: clock ticks after boot */

uint64_t process_begun(uint32_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%u/stat", pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[MAX(n, 0)] = '\0';
	const char *p = strrchr(text, ')'); /* behind a name that may have anything in it */
	for (unsigned field = 2; p && field < BEGUN; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* What cannot be told, for want of descriptors or before Linux 5.3, is no end. */
bool process_lives(uint32_t pid, uint64_t begun)
{
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		return false;
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd >= 0 && poll(&p, 1, 0) > 0) /* ended, and nobody has waited for it */
		return false;
	uint64_t now = process_begun(pid);
	return !now || now == begun;
}
