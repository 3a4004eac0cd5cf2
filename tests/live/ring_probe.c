/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live source with counting as its only consumer, and the sender that
 * knows the true counts.
 *
 *     ring_probe count CGROUP [filter=EXPR] [sample=N] [snaplen=N]
 *         until SIGTERM; then a line per interface of the UDP packets it saw
 *     ring_probe send ADDRESS PORT COUNT [BYTES [LINGER_MS]]
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "packet/packet.h"
#include "source/source.h"

#define IFACES_MAX 256

static struct source *source;

static struct {
	char name[64], container[64];
	unsigned long in, out, in_twice, out_twice, weight, renamed;
	uint32_t linktype;
} ifaces[IFACES_MAX];
static unsigned long lost, counters, notices, ticks;

static void stop(int sig)
{
	(void)sig;
	atomic_store(&source->stop, true);
}

static int on_iface(void *ctx, const struct iface_record *r)
{
	(void)ctx;
	if (r->number >= IFACES_MAX)
		return 1;
	ifaces[r->number].renamed += ifaces[r->number].name[0] != '\0';
	ifaces[r->number].linktype = r->linktype;
	snprintf(ifaces[r->number].name, 64, "%s", r->name);
	snprintf(ifaces[r->number].container, 64, "%s",
		 r->container ? r->container->meta[META_CONTAINER] : "-");
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	struct packet p;

	(void)ctx;
	lost += ev->lost;
	counters += ev->type == EVENT_COUNTERS;
	notices += ev->type == EVENT_NOTICE;
	if (ev->type != EVENT_PACKET)
		return 0;
	packet_decode(&p, ifaces[ev->iface].linktype, ev->data, ev->caplen, ev->len);
	if (!(p.layer[0].has & PACKET_UDP))
		return 0;
	bool in = ev->flags & EVENT_IN;
	*(in ? &ifaces[ev->iface].in : &ifaces[ev->iface].out) += 1;
	*(in ? &ifaces[ev->iface].in_twice : &ifaces[ev->iface].out_twice) += ev->packet_id != 0;
	ifaces[ev->iface].weight += ev->weight;
	return 0;
}

static int on_tick(void *ctx, uint64_t now)
{
	(void)ctx;
	(void)now;
	if (!ticks++)
		puts("ready"); /* the filter is in place */
	return 0;
}

static int count(int argc, char **argv)
{
	struct source_options o = {.mesos_cgroup = argv[0]};
	const struct sink sink = {
		.iface = on_iface, .container = on_container, .event = on_event, .tick = on_tick};
	struct source_stats st;
	struct err e = {0};

	for (int i = 1; i < argc; i++) {
		if (str_starts(argv[i], "filter="))
			o.capture_filter = argv[i] + 7;
		else if (str_starts(argv[i], "sample="))
			o.sample = (unsigned)atoi(argv[i] + 7);
		else if (str_starts(argv[i], "snaplen="))
			o.snaplen = (unsigned)atoi(argv[i] + 8);
	}
	source = source_open("live", &o, &e);
	if (!source) {
		printf("error %s\n", e.message);
		return 1;
	}
	signal(SIGTERM, stop);
	int rc = source->kind->run(source, NULL, &sink, &e);
	source->kind->stats(source, &st);
	for (unsigned i = 0; i < IFACES_MAX && ifaces[i].name[0]; i++)
		printf("iface=%s container=%s in=%lu out=%lu in_twice=%lu out_twice=%lu weight=%lu "
		       "renamed=%lu\n",
		       ifaces[i].name, ifaces[i].container, ifaces[i].in, ifaces[i].out,
		       ifaces[i].in_twice, ifaces[i].out_twice, ifaces[i].weight,
		       ifaces[i].renamed);
	printf("end rc=%d lost=%lu kernel_lost=%llu counters=%lu notices=%lu %s\n", rc, lost,
	       (unsigned long long)st.lost, counters, notices, e.message);
	source_close(source);
	return rc;
}

static int send_all(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
	int n = atoi(argv[2]), bytes = argc > 3 ? atoi(argv[3]) : 100, sent = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	static char data[1400];

	if (fd < 0 || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1 ||
	    bytes > (int)sizeof(data) - 4 || bytes < 4)
		return 2;
	for (int i = 0; i < n; i++) {
		memcpy(data, &i, 4);
		sent += sendto(fd, data, (size_t)bytes, 0, (struct sockaddr *)&to, sizeof(to)) ==
			bytes;
		if (i % 50 == 49) /* the first wait in a short queue for the neighbour's address */
			usleep(2000);
	}
	printf("%d\n", sent);
	if (argc > 4)
		usleep((useconds_t)atoi(argv[4]) * 1000);
	return sent != n;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && str_eq(argv[1], "count"))
		return count(argc - 2, argv + 2);
	if (argc > 4 && str_eq(argv[1], "send"))
		return send_all(argc - 2, argv + 2);
	fputs("usage: see the source\n", stderr);
	return 2;
}
