// SPDX-License-Identifier: Apache-2.0
/*
 * A poller on its own, for tests/live/mesos_*.sh. Usage: mesos_poller_probe SECONDS URL[,URL]
 * AGENT_URL TASK [no-follow]. Ten times a second: whether the task has a name, and the status line
 * on changes.
 */
#include "mesos/mesos.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct err e = {0};
	struct text status = {0};

	if (argc < 5)
		return 2;
	log_init("probe", LOG_LEVEL_WARN);
	const char *urls[4];
	size_t n = 0;
	/* A zk:// URL has commas of its own. */
	const char *between = str_starts(argv[2], "zk://") ? " " : ",";
	for (char *u = strtok(argv[2], between); u && n < ARRAY_SIZE(urls);
	     u = strtok(NULL, between))
		urls[n++] = u;
	const char *timeout = getenv("PROBE_TIMEOUT"); /* ms */
	const struct mesos_options o = {.urls = urls,
					.n = n,
					.agent_url = argv[3],
					.interval_ns = NSEC_PER_SEC / 2,
					.max_body = 100000,
					.no_follow = argc > 5,
					.ca_file = getenv("PROBE_CA"),
					.token_file = getenv("PROBE_TOKEN"),
					.login_file = getenv("PROBE_LOGIN"),
					.timeout_ms = timeout ? (unsigned)atoi(timeout) : 700};
	struct mesos_poller *p = mesos_poller_start(&o, &e);
	if (!p) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	struct mesos_snapshot *s = NULL;
	for (int i = 0; i < atoi(argv[1]) * 10; i++) {
		usleep(100000);
		struct mesos_snapshot *news = mesos_poller_take(p, MESOS_EVENTS);
		if (news) {
			mesos_snapshot_free(s);
			s = news;
		}
	}
	const char *meta[META_KEYS] = {0};
	bool known = s && mesos_lookup(s, NULL, NULL, argv[4], meta);
	mesos_poller_status(p, &status);
	printf("app=%s state=%s %s\n", known && meta[META_APP] ? meta[META_APP] : "-",
	       known && meta[META_TASK_STATE] ? meta[META_TASK_STATE] : "-", text_cstr(&status));
	uint64_t begin = time_monotonic();
	mesos_poller_stop(p);
	printf("stop=%s\n", time_monotonic() - begin < NSEC_PER_SEC ? "prompt" : "late");
	mesos_snapshot_free(s);
	text_done(&status);
	return 0;
}
