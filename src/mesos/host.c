/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the agents runs on this host. */
#include "mesos/inside.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

static bool address_is_ours(const char *pid, const struct ifaddrs *ours)
{
	const char *at = strchr(pid, '@');
	char host[NI_MAXHOST];

	if (!at)
		return false;
	at += 1 + (at[1] == '[');
	for (const struct ifaddrs *a = ours; a; a = a->ifa_next) {
		if (!a->ifa_addr ||
		    (a->ifa_addr->sa_family != AF_INET && a->ifa_addr->sa_family != AF_INET6))
			continue;
		socklen_t n = a->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
								: sizeof(struct sockaddr_in6);
		if (getnameinfo(a->ifa_addr, n, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
			continue;
		host[strcspn(host, "%")] = '\0';
		size_t k = strlen(host);
		if (!strncmp(at, host, k) && (at[k] == ':' || at[k] == ']' || !at[k]))
			return true;
	}
	return false;
}

struct search {
	const struct ifaddrs *ours; /* NULL: by name */
	char name[256];
	struct mesos_agent *out;
};

static int is_here(void *ctx, const struct mesos_agent *a)
{
	struct search *s = ctx;
	bool found = s->ours ? a->pid && address_is_ours(a->pid, s->ours)
			     : a->hostname && str_eq(a->hostname, s->name);

	if (found)
		*s->out = *a;
	return found;
}

bool agent_of_host(const struct mesos_snapshot *s, struct mesos_agent *out)
{
	struct ifaddrs *ours = NULL;
	struct search by_name = {.out = out};

	if (getifaddrs(&ours))
		ours = NULL;
	struct search by_address = {.ours = ours, .out = out};
	bool found = ours && mesos_each_agent(s, is_here, &by_address);
	freeifaddrs(ours);
	if (found || gethostname(by_name.name, sizeof(by_name.name) - 1))
		return found;
	return mesos_each_agent(s, is_here, &by_name);
}
