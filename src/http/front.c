/* SPDX-License-Identifier: Apache-2.0 */
#include "http/front.h"
#include "http/head.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NEWCOMERS_MAX 512u
#define HEAD_NS	      (5 * NSEC_PER_SEC) /* for the whole head */
#define LEAVE_NS      NSEC_PER_SEC	 /* for a client to read why it is refused */
#define READY	      64

struct newcomer {
	struct newcomer *next, **at;
	int fd;
	uint64_t until; /* monotonic ns */
	bool leaving;	/* refused; what it still sends is thrown away */
	socklen_t address_len;
	struct sockaddr_storage address;
};

struct front {
	struct front_options o;
	int epoll;
	bool paused; /* there are enough, or no descriptors */
	unsigned n;
	struct newcomer *all;
};

static void forget(struct front *f, struct newcomer *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	f->n--;
	free(c);
}

static void close_one(struct front *f, struct newcomer *c)
{
	close(c->fd);
	forget(f, c);
}

static const char *phrase(unsigned status)
{
	switch (status) {
	case 408:
		return "Request Timeout";
	case 414:
		return "URI Too Long";
	case 431:
		return "Request Header Fields Too Large";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

void front_refuse(int fd, unsigned status, const char *why)
{
	struct text t = {0};

	text_fmt(&t,
		 "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
		 "Content-Length: %zu\r\n\r\n{\"error\":\"%s\"}\n",
		 status, phrase(status), strlen(why) + strlen("{\"error\":\"\"}\n"), why);
	(void)!send(fd, t.data, t.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	text_done(&t);
	shutdown(fd, SHUT_WR);
}

/* Closed with bytes unread, it would be reset, and the answer lost (RFC 9112, 9.6). */
static void refuse(struct newcomer *c, unsigned status, const char *why)
{
	front_refuse(c->fd, status, why);
	c->leaving = true;
	c->until = time_monotonic() + LEAVE_NS;
}

static void hand_over(struct front *f, struct newcomer *c)
{
	epoll_ctl(f->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	f->o.take(f->o.ctx, c->fd, (const struct sockaddr *)&c->address, c->address_len);
	forget(f, c);
}

static void let_leave(struct front *f, struct newcomer *c)
{
	char rest[4096];
	ssize_t n;

	while ((n = recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT)) > 0)
		;
	if (!n || errno != EAGAIN)
		close_one(f, c);
}

static void look_at(struct front *f, struct newcomer *c)
{
	char head[HEAD_MAX];
	const char *why;

	if (c->leaving) {
		let_leave(f, c);
		return;
	}
	ssize_t n = recv(c->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_one(f, c);
		return;
	}
	unsigned status = head_check(head, (size_t)n, &why);
	if (status == 200) {
		hand_over(f, c);
	} else if (status) {
		refuse(c, status, why);
		let_leave(f, c);
	}
}

static void listen_again(struct front *f, bool on)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE}; /* data.ptr NULL */

	f->paused = !on;
	epoll_ctl(f->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, f->o.listening, &ev);
}

static void add(struct front *f, int fd, const struct sockaddr_storage *address, socklen_t n)
{
	struct newcomer *c = xcalloc(1, sizeof(*c));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};

	c->fd = fd;
	c->address = *address;
	c->address_len = n;
	c->until = time_monotonic() + HEAD_NS;
	c->next = f->all;
	c->at = &f->all;
	if (c->next)
		c->next->at = &c->next;
	f->all = c;
	f->n++;
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev))
		close_one(f, c);
}

static bool is_full(const struct front *f)
{
	return f->n >= NEWCOMERS_MAX || f->o.is_full(f->o.ctx);
}

static void accept_all(struct front *f)
{
	struct sockaddr_storage address = {0};

	for (unsigned i = 0; i < READY && !is_full(f); i++) {
		socklen_t n = sizeof(address);
		int fd = accept4(f->o.listening, (struct sockaddr *)&address, &n,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0 && f->o.blind)
			f->o.take(f->o.ctx, fd, (const struct sockaddr *)&address, n);
		else if (fd >= 0)
			add(f, fd, &address, n);
		else if (errno == EMFILE || errno == ENFILE)
			listen_again(f, false);
		if (fd < 0)
			return;
	}
	if (is_full(f))
		listen_again(f, false);
}

static void leave_the_late(struct front *f)
{
	uint64_t now = time_monotonic();

	for (struct newcomer *c = f->all, *next; c; c = next) {
		char byte;
		next = c->next;
		if (now < c->until)
			continue;
		if (c->leaving || recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			close_one(f, c);
		else
			refuse(c, 408, "the head did not come within 5 s");
	}
}

void front_turn(struct front *f)
{
	struct epoll_event ready[READY];
	int n = epoll_wait(f->epoll, ready, READY, 0);

	if (f->paused && !is_full(f))
		listen_again(f, true);
	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr)
			look_at(f, ready[i].data.ptr);
		else if (!f->paused)
			accept_all(f);
	}
	leave_the_late(f);
}

int front_fd(const struct front *f)
{
	return f->epoll;
}

struct front *front_open(const struct front_options *o, struct err *e)
{
	struct front *f = xcalloc(1, sizeof(*f));

	f->o = *o;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll < 0) {
		free(f);
		err_sys(e, "cannot wait for connections");
		return NULL;
	}
	listen_again(f, true);
	return f;
}

void front_close(struct front *f)
{
	if (!f)
		return;
	while (f->all)
		close_one(f, f->all);
	close(f->epoll);
	free(f);
}
