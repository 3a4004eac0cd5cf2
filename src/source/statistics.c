/* SPDX-License-Identifier: Apache-2.0 */
#include "source/statistics.h"

#include <errno.h>
#include <stdlib.h>

/* ---- sockstat ---- */

/* The number behind " word " in the line, or false. */
static bool number_behind(const char *line, const char *end, const char *word, uint64_t *out)
{
	size_t n = strlen(word);
	const char *p = memmem(line, (size_t)(end - line), word, n);

	if (!p || p[n] < '0' || p[n] > '9')
		return false;
	*out = strtoull(p + n, NULL, 10);
	return true;
}

void sockstat_parse(const char *text, struct counters *out)
{
	uint64_t v;

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		if (!strncmp(line, "TCP: ", 5)) {
			if (number_behind(line, end, " inuse ", &v))
				counters_set(out, COUNTER_TCP_CONNECTIONS, v);
			if (number_behind(line, end, " tw ", &v))
				counters_set(out, COUNTER_TCP_TIME_WAIT, v);
			return;
		}
		line = *end ? end + 1 : end;
	}
}

/* ---- snmp ---- */

static const struct protocol {
	const char *line;   /* what its lines begin with */
	const char *prefix; /* of the names of its counters */
	enum counter_id first, last;
} protocols[] = {
	{"Ip: ", "ip_stats.", COUNTER_IP_FORWARDING, COUNTER_IP_FRAG_CREATES},
	{"Icmp: ", "icmp_stats.", COUNTER_ICMP_IN_MSGS, COUNTER_ICMP_OUT_ADDR_MASK_REPS},
	{"Tcp: ", "tcp_stats.", COUNTER_TCP_RTO_ALGORITHM, COUNTER_TCP_IN_CSUM_ERRORS},
	{"Udp: ", "udp_stats.", COUNTER_UDP_IN_DATAGRAMS, COUNTER_UDP_IGNORED_MULTI},
};

/* Columns come in the order of our rows, so the search begins where the last one ended. */
static bool column_find(const struct protocol *p, const char *name, size_t n, unsigned *at)
{
	unsigned count = p->last - p->first + 1;

	for (unsigned k = 0; k < count; k++) {
		unsigned id = p->first + (*at + k) % count;
		const char *row = counter_rows[id].name + strlen(p->prefix);
		if (!strncmp(row, name, n) && !row[n]) {
			*at = id - p->first;
			return true;
		}
	}
	return false;
}

/* A decimal int64 and nothing else. */
static bool value_read(const char *p, size_t n, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(p, &end, 10);
	return n && (*p == '-' || (*p >= '0' && *p <= '9')) && end == p + n && !errno;
}

/* Both lines from behind the protocol's name up to their ends. */
static void pair_parse(const struct protocol *p, const char *names, const char *values,
		       struct counters *out)
{
	unsigned at = 0;

	for (;;) {
		size_t name = strcspn(names, " \n"), value = strcspn(values, " \n");
		int64_t v;
		if (!name || !value_read(values, value, &v))
			return;
		if (column_find(p, names, name, &at)) {
			if (v >= 0 || counter_rows[p->first + at].kind == COUNTER_SIGNED)
				counters_set(out, p->first + at, (uint64_t)v);
			at++;
		}
		if (names[name] != ' ' || values[value] != ' ')
			return;
		names += name + 1;
		values += value + 1;
	}
}

void snmp_parse(const char *text, struct counters *out)
{
	for (const char *line = text, *next; (next = strchr(line, '\n')); line = next + 1)
		for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
			const struct protocol *p = &protocols[i];
			size_t n = strlen(p->line);
			if (!strncmp(line, p->line, n) && !strncmp(next + 1, p->line, n))
				pair_parse(p, line + n, next + 1 + n, out);
		}
}

/* ---- round trip times ---- */

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

bool rtt_percentiles(uint32_t *rtt, size_t n, uint32_t out[RTT_PERCENTILES])
{
	static const unsigned percent[RTT_PERCENTILES] = {50, 90, 95, 99};

	qsort(rtt, n, sizeof(*rtt), compare_u32);
	for (size_t i = 0; n && i < RTT_PERCENTILES; i++)
		out[i] = rtt[n * percent[i] / 100];
	return n;
}
