// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs to send a packet by each of several ways: short bursts by all of them in turns, in
 * another order each round, so that whatever else the machine does meets all alike. The way of a
 * packet ends in a socket that nobody reads; all of it is done by the sender's thread, and its
 * processor time is what counts.
 *
 *     cost ROUNDS PACKETS <WAYS      a line for each burst: ROUND NAME ns of processor per packet
 *
 * A way is a line: NAME NAMESPACE PORT NAMESPACE ADDRESS PORT, from where to where; the namespaces
 * are paths.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BYTES	 366 /* 408 on the wire, as the mean packet of the synthetic source */
#define BATCH	 16
#define WAYS_MAX 64

struct way {
	char name[64];
	int fd;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int bound(const char *netns, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int ns = open(netns, O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(netns);
	close(ns);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

static unsigned read_ways(struct way *ways)
{
	char from[256], to[256], address[64];
	unsigned n = 0, from_port, to_port;

	while (n < WAYS_MAX && scanf("%63s %255s %u %255s %63s %u", ways[n].name, from, &from_port,
				     to, address, &to_port) == 6) {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_port = htons((uint16_t)to_port)};
		bound(to, to_port); /* stays open */
		ways[n].fd = bound(from, from_port);
		if (inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
		    connect(ways[n].fd, (struct sockaddr *)&a, sizeof(a)))
			die(address);
		n++;
	}
	return n;
}

static void send_packets(int fd, unsigned packets)
{
	static char body[BYTES];
	struct iovec v = {body, sizeof(body)};
	struct mmsghdr m[BATCH];

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BATCH; i++) {
		m[i].msg_hdr.msg_iov = &v;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned sent = 0; sent < packets;) {
		int n = sendmmsg(fd, m, BATCH, 0);
		if (n < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
			die("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
}

static double processor_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	static struct way ways[WAYS_MAX];
	unsigned rounds = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned packets = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	unsigned n = read_ways(ways);
	if (!rounds || !packets || !n) {
		fputs("usage: cost ROUNDS PACKETS <WAYS\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < n; i++) /* neighbours, caches */
		send_packets(ways[i].fd, packets);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = n; i > 1; i--) { /* Fisher and Yates */
			unsigned k = (unsigned)random() % i;
			struct way w = ways[k];
			ways[k] = ways[i - 1];
			ways[i - 1] = w;
		}
		for (unsigned i = 0; i < n; i++) {
			double begin = processor_ns();
			send_packets(ways[i].fd, packets);
			printf("%u %s %.1f\n", round, ways[i].name,
			       (processor_ns() - begin) / packets);
		}
	}
	return 0;
}
