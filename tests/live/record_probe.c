/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dredged does with each packet, without its other threads' part in it:
 * the live source, names, conversations and the writer. Prints how often
 * memory was asked for while the second half of the packets went through.
 *
 *     record_probe CGROUP FILE PACKETS
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow.h"

static _Thread_local uint64_t allocations;
#include "../allocations.h"

static uint64_t packets, wanted, before;

static int on_event(void *ctx, struct context *c)
{
	(void)ctx;
	if (c->ev->type == EVENT_PACKET && ++packets == wanted / 2)
		before = allocations;
	return packets >= wanted;
}

static int on_tick(void *ctx, uint64_t now)
{
	static bool told;

	(void)ctx;
	(void)now;
	if (!told)
		puts("ready"); /* the filter is in place */
	told = true;
	return 0;
}

static int record(const char *cgroup, const char *path, struct err *e)
{
	/* Samples and discovery are made by the second, whatever the packets are. */
	const struct source_options so = {.mesos_cgroup = cgroup, .counter_interval = UINT64_MAX};
	const struct writer_options wo = {.path = path, .format = SAVEFILE_PCAPNG_LZ4};
	struct recorder recorder = {0};
	struct recorder *first = &recorder;
	struct flow_totals totals = {0};
	struct flow_options o = {
		.recorders = &first, .present = on_event, .tick = on_tick, .live = true};

	o.source = source_open("live", &so, e);
	recorder.writer = o.source ? writer_open(&wo, e) : NULL;
	if (!recorder.writer)
		return -1;
	o.state = state_new(FLOWS_TRACKED);
	int rc = flow_run(&o, &totals, e);
	printf("packets=%llu allocations=%llu\n", (unsigned long long)(packets - wanted / 2),
	       (unsigned long long)(allocations - before));
	rc |= writer_close(recorder.writer, e);
	state_free(o.state);
	source_close(o.source);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4)
		return 2;
	wanted = strtoull(argv[3], NULL, 10);
	if (record(argv[1], argv[2], &e))
		printf("error %s\n", e.message);
	return 0;
}
