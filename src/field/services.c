/* SPDX-License-Identifier: Apache-2.0 */
/* Names of ports, from /etc/services (format: services(5)). Read once, when first asked for. */
#include "field/class.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVICES_PATH "/etc/services"
#define SERVICES_MAX  20000u /* lines; Debian's file has some 300 */

static pthread_once_t services_once = PTHREAD_ONCE_INIT;
static char *names[2][65536]; /* [udp][port]; kept for the life of the program */
static struct strmap *ports;

static void services_add(char *name, char *port_proto, char *rest)
{
	char *slash = strchr(port_proto, '/'), *save = NULL;
	uint64_t port;

	if (!slash)
		return;
	*slash = '\0';
	bool tcp = str_eq(slash + 1, "tcp"), udp = str_eq(slash + 1, "udp");

	if (str_u64(port_proto, false, &port) || port > UINT16_MAX || !(tcp || udp))
		return;
	if (!names[udp][port])
		names[udp][port] = xstrdup(name);
	/* The first line of a name wins, so that tcp decides where both are listed. */
	if (strmap_find(ports, name) < 0)
		strmap_put(ports, name, (uint32_t)port);
	for (char *alias = strtok_r(rest, " \t\n", &save); alias;
	     alias = strtok_r(NULL, " \t\n", &save)) {
		if (strmap_find(ports, alias) < 0)
			strmap_put(ports, alias, (uint32_t)port);
	}
}

static void services_load(void)
{
	char line[512];
	FILE *file = fopen(SERVICES_PATH, "re");

	ports = strmap_new();
	if (!file)
		return;
	for (unsigned i = 0; i < SERVICES_MAX && fgets(line, sizeof(line), file); i++) {
		char *save = NULL;

		line[strcspn(line, "#\n")] = '\0';
		char *name = strtok_r(line, " \t", &save);
		char *port_proto = strtok_r(NULL, " \t", &save);

		if (name && port_proto)
			services_add(name, port_proto, save);
	}
	fclose(file);
}

const char *service_name(uint16_t port, bool udp)
{
	pthread_once(&services_once, services_load);
	return names[udp][port];
}

int service_port(const char *name)
{
	pthread_once(&services_once, services_load);
	return (int)strmap_find(ports, name);
}
