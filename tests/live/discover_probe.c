/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what discovery finds, a line per fact, for so many seconds; with -c
 * also a counter sample of everything each second, and what it cost.
 *
 *     discover_probe [-c] SECONDS
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "source/counters.h"

static const char *const kinds[] = {"start", "change", "end", "loop", "listen"};

static uint64_t cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void show_ifaces(const struct discovered *c)
{
	for (size_t i = 0; i < c->iface_count; i++) {
		const struct discovered_iface *f = &c->ifaces[i];
		printf(" iface=%s,%u,%s,%u.%u.%u.%u,%u", f->name, f->host_ifindex, f->host_name,
		       f->ipv4[0], f->ipv4[1], f->ipv4[2], f->ipv4[3], f->mtu);
	}
}

static void show_fact(const struct discover_fact *f)
{
	const struct discovered *c = f->container;
	const char *app = c->record.meta[META_APP], *task = c->record.meta[META_TASK];
	double now = (double)time_now() / 1e9, late = (now - (double)f->ts / 1e9) * 1e3;
	printf("%s ts=%.6f at=%.6f late_ms=%.1f id=%s key=%llu parent=%llu app=%s task=%s pid=%d "
	       "comm=%s "
	       "host=%d owner=%llu start=%.6f end=%.6f",
	       kinds[f->kind], (double)f->ts / 1e9, now, late, c->record.meta[META_CONTAINER],
	       (unsigned long long)c->key, (unsigned long long)c->parent, app ? app : "-",
	       task ? task : "-", c->record.pid, c->comm, c->host_network,
	       (unsigned long long)c->netns_owner, (double)c->record.start / 1e9,
	       (double)c->record.end / 1e9);
	show_ifaces(c);
	if (f->kind == DISCOVER_LOOP)
		printf(" loop=\"%s\" count=%u", f->loop_key, f->count);
	if (f->kind == DISCOVER_LISTEN)
		printf(" port=%u proto=%u by=%d,%s", f->socket.port, f->socket.protocol,
		       f->socket.pid, f->socket.comm);
	if (c->final)
		printf(" final_rx=%llu",
		       (unsigned long long)c->final->value[COUNTER_NET_RX_PACKETS]);
	printf("\n");
}

static void show_counters(const struct discovered *c, const struct counters *k)
{
	printf("counters id=%s", c->record.meta[META_CONTAINER]);
	for (unsigned i = 0; i < COUNTERS; i++)
		if (counters_has(k, i))
			printf(" %u=%llu", i, (unsigned long long)k->value[i]);
	printf("\n");
}

static void sample(struct sampler *s, const struct discovery *l, bool show)
{
	struct err e;
	uint64_t wall = time_monotonic(), cpu = cpu_now();
	struct counters *all = xcalloc(l->container_count + 1, sizeof(*all));
	if (sampler_begin(s, &e))
		printf("error %s\n", e.message);
	uint64_t links = time_monotonic() - wall;
	for (size_t i = 0; i < l->container_count; i++)
		sampler_read(s, l->containers[i], &all[i]);
	printf("sample containers=%zu links_ms=%.2f wall_ms=%.2f cpu_ms=%.2f\n", l->container_count,
	       (double)links / 1e6, (double)(time_monotonic() - wall) / 1e6,
	       (double)(cpu_now() - cpu) / 1e6);
	for (size_t i = 0; show && i < l->container_count; i++)
		show_counters(l->containers[i], &all[i]);
	free(all);
}

static void take(struct discover *d, struct discovery **last)
{
	struct discovery *l = discover_take(d);
	for (size_t i = 0; l && i < l->fact_count; i++)
		show_fact(&l->facts[i]);
	if (l) {
		discovery_free(*last);
		*last = l;
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool counters = argc == 3 && str_eq(argv[1], "-c");
	double seconds = argc > 1 ? atof(argv[argc - 1]) : 0;
	struct source_options o = {0};
	struct err e;
	log_init("discover_probe", LOG_LEVEL_INFO);
	uint64_t begin = time_monotonic(), cpu = cpu_now();
	struct discover *d = discover_start(&o, &e);
	struct sampler *s = d ? sampler_new(&o, &e) : NULL;
	if (!s) {
		log_error("%s", e.message);
		return 1;
	}
	struct discovery *last = NULL;
	uint64_t now = time_monotonic(), next = now, stop = now + (uint64_t)(seconds * 1e9);
	double scan = (double)(now - begin) / 1e6, scan_cpu = (double)(cpu_now() - cpu) / 1e6;
	take(d, &last);
	printf("ready containers=%zu scan_ms=%.2f scan_cpu_ms=%.2f\n", last->container_count, scan,
	       scan_cpu);
	fflush(stdout);
	while ((now = time_monotonic()) < stop) {
		if (counters && now >= next) {
			sample(s, last, last->container_count <= 8);
			next = now + NSEC_PER_SEC;
		}
		struct pollfd p = {.fd = discover_fd(d), .events = POLLIN};
		if (poll(&p, 1, 50) > 0)
			take(d, &last);
	}
	take(d, &last);
	printf("cpu_ms=%.1f\n", (double)cpu_now() / 1e6);
	discovery_free(last);
	sampler_free(s);
	discover_stop(d);
	return 0;
}
