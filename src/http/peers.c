/* SPDX-License-Identifier: Apache-2.0 */
#include "http/peers.h"
#include "http/front.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define REQUEST_S 60u	      /* to send a request, and to receive all of the answer */
#define REST	  (64u << 10) /* bytes that are thrown away at the end, at most */

/* linux/tcp.h, struct tcp_info; one look at it. False: no TCP. */
static bool look_at(int fd, uint64_t *in, uint64_t *out)
{
	struct tcp_info i = {0};
	socklen_t n = sizeof(i);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n))
		return false;
	*in = i.tcpi_bytes_received;
	*out = i.tcpi_bytes_sent - i.tcpi_bytes_retrans + i.tcpi_notsent_bytes;
	return true;
}

struct peer *peer_add(struct peers *all, int fd)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->fd = fd;
	p->since = time_monotonic();
	p->next = all->all;
	p->at = &all->all;
	if (p->next)
		p->next->at = &p->next;
	all->all = p;
	all->n++;
	return p;
}

void peer_asked(struct peer *p)
{
	look_at(p->fd, &p->in, &p->out);
}

void peer_answered(struct peer *p, bool well)
{
	uint64_t in; /* it may have gone on by now */

	p->since = time_monotonic();
	p->failed = !well;
	look_at(p->fd, &in, &p->out);
}

/* It sent what was read and left without an answer. */
static bool was_dropped(const struct peer *p)
{
	uint64_t in, out;
	int unread;

	return !p->failed && look_at(p->fd, &in, &out) && in != p->in && out == p->out &&
	       !ioctl(p->fd, FIONREAD, &unread) && !unread;
}

void peer_remove(struct peers *all, struct peer *p)
{
	if (!all->encrypted && was_dropped(p))
		front_refuse(p->fd, 400, "no request line");
	/* Reset for unread bytes, it would lose the answer (RFC 9112, 9.6; MSG_TRUNC: tcp(7)). */
	(void)!recv(p->fd, NULL, REST, MSG_TRUNC | MSG_DONTWAIT);
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	all->n--;
	free(p);
}

void peers_leave_the_slow(struct peers *all)
{
	uint64_t now = time_monotonic();

	for (struct peer *p = all->all; p; p = p->next)
		if (!p->streams && now - p->since > REQUEST_S * NSEC_PER_SEC)
			shutdown(p->fd, SHUT_RDWR);
}
