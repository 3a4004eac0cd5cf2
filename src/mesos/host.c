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

const struct agent *agent_of_host(const struct mesos_builder *b)
{
	const struct agent *found = NULL;
	struct ifaddrs *ours = NULL;
	char name[256] = "";

	if (getifaddrs(&ours))
		ours = NULL;
	for (uint32_t i = 0; i < b->s->n_agents && !found; i++)
		if (b->s->agents[i].pid && address_is_ours(b->s->agents[i].pid, ours))
			found = &b->s->agents[i];
	freeifaddrs(ours);
	if (gethostname(name, sizeof(name) - 1))
		return found;
	for (uint32_t i = 0; i < b->s->n_agents && !found; i++)
		if (b->s->agents[i].hostname && str_eq(b->s->agents[i].hostname, name))
			found = &b->s->agents[i];
	return found;
}
