// SPDX-License-Identifier: Apache-2.0
/*
 * Sends and receives for the live benchmark.
 *
 *     load sink                                  takes what comes on PORT, UDP and TCP, for ever
 *     load udp|tcp ADDRESS START SECONDS [RATE]  sends from START (s since 1970) on, then prints
 *                                                packets (TCP: writes) and bytes sent
 *
 * Environment: LOAD_PORT (5001), LOAD_FROM, the sender's own port (any).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UDP_BYTES 366 /* 408 on the wire, as the mean packet of the synthetic source */
#define TCP_BYTES (64u << 10)
#define BATCH	  16
#define POOL	  (1u << 20)

static char pool[POOL + TCP_BYTES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Text of words from a small vocabulary: it compresses as logs do, not as zeros do. */
static void fill_pool(void)
{
	static const char *const words[] = {"GET ",   "/shop/", "200 ",	 "OK\r\n",
					    "Host: ", "item=",	"user=", "price "};
	uint32_t seed = 1;

	for (size_t i = 0; i < sizeof(pool) - 24;) {
		seed = seed * 1664525u + 1013904223u;
		i += (size_t)snprintf(pool + i, 24, "%s%x;", words[seed >> 29], seed >> 8 & 0xffff);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_for(double s)
{
	if (s > 0) {
		struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};

		nanosleep(&t, NULL);
	}
}

static uint16_t port_of(const char *name, const char *otherwise)
{
	const char *text = getenv(name);

	return htons((uint16_t)atoi(text ? text : otherwise));
}

static int bound(int type, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port};
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

static void sink(void)
{
	static char buf[256u << 10];
	uint16_t port = port_of("LOAD_PORT", "5001");
	struct pollfd p[3] = {{.fd = bound(SOCK_DGRAM, port), .events = POLLIN},
			      {.fd = bound(SOCK_STREAM, port), .events = POLLIN},
			      {.fd = -1, .events = POLLIN}};

	if (listen(p[1].fd, 8))
		die("listen");
	for (;;) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; p[0].revents && i < 64; i++)
			if (recv(p[0].fd, buf, sizeof(buf), MSG_DONTWAIT) < 0)
				break;
		if (p[2].revents && recv(p[2].fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0) {
			close(p[2].fd);
			p[2].fd = -1;
		}
		if (p[1].revents && p[2].fd < 0)
			p[2].fd = accept(p[1].fd, NULL, NULL);
	}
}

/* Packets sent by one call; 0 when it has to be tried again. */
static unsigned send_some(int fd, int tcp, unsigned at, uint64_t *bytes)
{
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	int n;

	if (tcp) {
		ssize_t sent = send(fd, pool + at % POOL, TCP_BYTES, MSG_NOSIGNAL);

		if (sent < 0)
			die("send");
		*bytes += (uint64_t)sent;
		return 1;
	}
	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BATCH; i++) {
		v[i] = (struct iovec){pool + (at + i * 397) % POOL, UDP_BYTES};
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(fd, m, BATCH, 0);
	if (n < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
		die("sendmmsg");
	if (n <= 0)
		return 0;
	*bytes += (uint64_t)n * UDP_BYTES;
	return (unsigned)n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port_of("LOAD_PORT", "5001")};
	double start, end, rate;
	uint64_t packets = 0, bytes = 0;
	unsigned at = (unsigned)getpid() * 7919;
	int fd, tcp;

	if (argc == 2 && !strcmp(argv[1], "sink"))
		sink();
	if (argc < 5 || inet_pton(AF_INET, argv[2], &a.sin_addr) != 1) {
		fprintf(stderr, "usage: load sink | load udp|tcp ADDRESS START SECONDS [RATE]\n");
		return 2;
	}
	tcp = !strcmp(argv[1], "tcp");
	start = atof(argv[3]);
	end = start + atof(argv[4]);
	rate = argc > 5 ? atof(argv[5]) : 0;
	fill_pool();
	fd = bound(tcp ? SOCK_STREAM : SOCK_DGRAM, port_of("LOAD_FROM", "0"));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	pause_for(start - now());
	while (now() < end) {
		if (rate > 0)
			pause_for(start + (double)packets / rate - now());
		packets += send_some(fd, tcp, at, &bytes);
		at += 6151;
	}
	printf("%llu %llu\n", (unsigned long long)packets, (unsigned long long)bytes);
	return 0;
}
