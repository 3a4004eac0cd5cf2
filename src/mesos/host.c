/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the agents runs on this host, and whether a master does. */
#include "mesos/inside.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MASTER_PORT   5050u
#define MARATHON_PORT 8080u
#define COMMAND_MAX   16384u

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
	bool found = ours && mesos_each_agent(s, 0, 0, is_here, &by_address);
	freeifaddrs(ours);
	if (found || gethostname(by_name.name, sizeof(by_name.name) - 1))
		return found;
	return mesos_each_agent(s, 0, 0, is_here, &by_name);
}

/* ---- a master here ---- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool answers(const struct sockaddr_in *at)
{
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && !connect(fd, (const struct sockaddr *)at, sizeof(*at));
}

static size_t slurp(const char *pid, const char *name, char *out, size_t size)
{
	cleanup_free char *path = xasprintf("/proc/%s/%s", pid, name);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	if (f)
		fclose(f);
	out[n] = '\0';
	return n;
}

/* Of words that end in NUL, what follows `name` in one of them; or NULL. */
static const char *word_after(const char *words, size_t n, const char *name)
{
	for (const char *w = words; w < words + n; w += strlen(w) + 1)
		if (str_starts(w, name))
			return w + strlen(name);
	return NULL;
}

/* Where it listens: its flags win over its environment, as Mesos has it. */
static void look_at_master(const char *pid, char *text, struct sockaddr_in *at)
{
	static const struct {
		const char *file, *ip, *port;
	} told[] = {{"environ", "MESOS_IP=", "MESOS_PORT="}, {"cmdline", "--ip=", "--port="}};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		size_t n = slurp(pid, told[i].file, text, COMMAND_MAX);
		const char *ip = word_after(text, n, told[i].ip);
		const char *port = word_after(text, n, told[i].port);
		struct in_addr a;
		uint64_t number;
		if (ip && inet_pton(AF_INET, ip, &a) == 1 && a.s_addr != INADDR_ANY)
			at->sin_addr = a;
		if (port && !str_u64(port, false, &number) && number && number <= UINT16_MAX)
			at->sin_port = htons((uint16_t)number);
	}
}

static bool find_process(struct sockaddr_in *at)
{
	DIR *d = opendir("/proc");
	char *text = xmalloc(COMMAND_MAX);
	bool found = false;

	for (struct dirent *f; d && !found && (f = readdir(d));) {
		if (f->d_name[0] < '1' || f->d_name[0] > '9')
			continue;
		slurp(f->d_name, "comm", text, COMMAND_MAX);
		found = str_eq(text, "mesos-master\n") || str_eq(text, "lt-mesos-master\n");
		if (found)
			look_at_master(f->d_name, text, at);
	}
	if (d)
		closedir(d);
	free(text);
	return found;
}

void mesos_find_local(struct text *urls)
{
	struct sockaddr_in at = loopback(MASTER_PORT), marathon = loopback(MARATHON_PORT);

	if (!find_process(&at) && !answers(&at))
		return;
	text_str(urls, "http://");
	text_ipv4(urls, (const uint8_t *)&at.sin_addr);
	text_fmt(urls, ":%u", ntohs(at.sin_port));
	/* A Marathon alone gives no names of containers; beside a master it may be found so. */
	if (answers(&marathon))
		text_fmt(urls, ",http://127.0.0.1:%u", MARATHON_PORT);
}
