/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mesos FILE TASKS: takes in a master's state of so many tasks, as mesos_state.py makes it, and
 * prints beside a bare json_loadb of the same text what that costs: time, memory at the peak, and
 * one update of a task by the event stream.
 */
#include "mesos/inside.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	5u
#define UPDATES 20000u

static long peak_kb(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_maxrss;
}

static double seconds(uint64_t since)
{
	return (double)(time_thread_cpu() - since) / 1e9;
}

static struct mesos_snapshot *take_in(const struct text *state)
{
	struct mesos_builder *b = mesos_builder_new(time_now());
	struct err e = {0};

	if (mesos_add_master_state(b, state->data, state->len, &e)) {
		fprintf(stderr, "%s\n", e.message);
		exit(1);
	}
	return mesos_builder_finish(b);
}

static void one_take(const struct text *state)
{
	mesos_snapshot_free(take_in(state));
}

static void one_load(const struct text *state)
{
	json_decref(json_loadb(state->data, state->len, 0, NULL));
}

/* In a process of its own: the peak is one of all that went before. */
static double best(const struct text *state, void (*fn)(const struct text *state), long *kb)
{
	struct {
		double time;
		long kb;
	} got = {1e9, 0};
	int ends[2];

	if (pipe(ends))
		exit(1);
	if (!fork()) {
		long before = peak_kb();
		for (unsigned i = 0; i < ROUNDS; i++) {
			uint64_t begin = time_thread_cpu();
			fn(state);
			got.time = MIN(got.time, seconds(begin));
		}
		got.kb = peak_kb() - before;
		_exit(write(ends[1], &got, sizeof(got)) != sizeof(got));
	}
	wait(NULL);
	if (read(ends[0], &got, sizeof(got)) != sizeof(got))
		exit(1);
	*kb = got.kb;
	return got.time;
}

/* Each is published at once: a layer of its own, with its history. */
static void updates(struct mesos_snapshot *s, unsigned tasks)
{
	const struct history_limits limits = {24 * 3600 * NSEC_PER_SEC, 64u << 20};
	static const char *const states[] = {"TASK_KILLING", "TASK_RUNNING"};
	uint64_t begin = time_thread_cpu(), longest = 0;

	for (unsigned k = 0; k < UPDATES; k++) {
		unsigned i = (unsigned)(k * 7919ull % tasks);
		const char *state = states[k / tasks % 2];
		cleanup_free char *event = xasprintf(
			"{\"type\":\"TASK_UPDATED\",\"task_updated\":{\"framework_id\":{\"value\":"
			"\"F\"},"
			"\"state\":\"%s\",\"status\":{\"task_id\":{\"value\":\"shop_web%u.%08x-"
			"0c2a-11f0-"
			"9d3e-0242ac110002\"},\"agent_id\":{\"value\":\"S%u\"},\"state\":\"%s\","
			"\"timestamp\":%u}}}",
			state, i % 2000, i, i % (tasks / 10), state, 1800000000 + k);
		uint64_t one = time_thread_cpu();
		struct mesos_builder *b = builder_on(s, time_now());
		if (mesos_add_v1(b, event, strlen(event), NULL))
			exit(1);
		struct mesos_snapshot *next = mesos_builder_finish(b);
		history_note(next, s, &limits, NULL, NULL);
		mesos_snapshot_free(s);
		s = layers_settle(next);
		longest = MAX(longest, time_thread_cpu() - one);
	}
	printf("an update of one task: %.1f us of %u in turn, the longest %.1f ms\n",
	       seconds(begin) * 1e6 / UPDATES, UPDATES, (double)longest / 1e6);
	mesos_snapshot_free(s);
}

int main(int argc, char **argv)
{
	unsigned tasks = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	struct text state = {0};
	long load_kb, take_kb;

	if (tasks < 10)
		return 2;
	FILE *f = fopen(argv[1], "re");
	for (size_t got; f && (got = fread(text_room(&state, 1 << 20), 1, 1 << 20, f)) > 0;)
		state.len += got;
	if (f)
		fclose(f);
	double json = (double)state.len / 1024;
	double load = best(&state, one_load, &load_kb), take = best(&state, one_take, &take_kb);
	printf("%u tasks, %u agents: %.1f MB of JSON\n", tasks, tasks / 10, json / 1024);
	printf("json_loads: %.3f s, %.1f times the text in memory\n", load, (double)load_kb / json);
	printf("taken in:   %.3f s, %.1f times json_loads; %.1f times the text at the peak\n", take,
	       take / load, (double)take_kb / json);
	updates(take_in(&state), tasks);
	text_done(&state);
	return 0;
}
