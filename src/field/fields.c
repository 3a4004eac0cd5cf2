/* SPDX-License-Identifier: Apache-2.0 */
#include "field/class.h"

#include <stdlib.h>

const struct field_class *const field_classes[] = {
	&field_class_evt,      &field_class_container, &field_class_mesos,    &field_class_fd,
	&field_class_frame,    &field_class_eth,       &field_class_ip,	      &field_class_tcp,
	&field_class_udp,      &field_class_tunnel,    &field_class_dns,      &field_class_http,
	&field_class_counters, &field_class_notice,    &field_class_protocol, NULL,
};

/* Longest text that is worth comparing with names. */
#define NAME_MAX_LENGTH 64u

static bool is_arg_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '-' || ch == '.' || ch == '/';
}

static const struct field *find_name(const char *s, size_t n, size_t *used)
{
	const struct field *best = NULL;

	*used = 0;
	for (const struct field_class *const *k = field_classes; *k; k++) {
		for (size_t i = 0; i < (*k)->count; i++) {
			const struct field *f = &(*k)->fields[i];
			size_t len = strlen(f->name);

			if (len > *used && len <= n && memcmp(f->name, s, len) == 0) {
				best = f;
				*used = len;
			}
		}
	}
	return best;
}

/* The argument behind a name: ".ARG" or "[ARG]"; returns its bytes with the punctuation. */
static size_t scan_arg(const char *s, size_t n, const char **arg, size_t *len)
{
	if (n > 1 && s[0] == '[') {
		const char *close = memchr(s, ']', n);

		if (!close || close == s + 1)
			return 0;
		*arg = s + 1;
		*len = (size_t)(close - s) - 1;
		return *len + 2;
	}
	if (n < 2 || s[0] != '.')
		return 0;
	size_t end = 1;

	while (end < n && is_arg_char(s[end]))
		end++;
	/* A full stop behind a name in a format is text, not part of a key. */
	while (end > 1 && s[end - 1] == '.')
		end--;
	if (end == 1)
		return 0;
	*arg = s + 1;
	*len = end - 1;
	return end;
}

const struct field *field_find(const char *s, size_t n, size_t *used, char **arg)
{
	size_t name_len, len = 0;
	const char *at = NULL;
	const struct field *f = find_name(s, n, &name_len);

	if (!f)
		return NULL;
	*arg = NULL;
	*used = name_len;
	if (f->flags & FIELD_ARG) {
		*used += scan_arg(s + name_len, n - name_len, &at, &len);
		if (at)
			*arg = xstrndup(at, len);
	}
	return f;
}

/* What users of other tools, or in a hurry, write. */
static const char *const habits[][2] = {
	{"app", "marathon.app.id"},
	{"app.id", "marathon.app.id"},
	{"task", "mesos.task.id"},
	{"task.id", "mesos.task.id"},
	{"task.name", "mesos.task.name"},
	{"framework", "mesos.framework.name"},
	{"group", "marathon.group.id"},
	{"container", "container.id"},
	{"image", "container.image"},
	{"agent", "mesos.agent.id"},
	{"type", "evt.type"},
	{"port", "fd.port"},
	{"ip", "fd.ip"},
	{"net", "fd.net"},
	{"host", "ip.host"},
	{"src", "ip.src"},
	{"dst", "ip.dst"},
	{"tcp.dport", "tcp.dstport"},
	{"tcp.sport", "tcp.srcport"},
	{"udp.dport", "udp.dstport"},
	{"udp.sport", "udp.srcport"},
	{"tcp.flags.rst", "tcp.flags.reset"},
	{"tcp.flags.psh", "tcp.flags.push"},
	{"tcp.window_size", "tcp.window_size_value"},
	{"frame.time", "evt.time"},
	{"len", "frame.len"},
	{"dns", "dns.qry.name"},
	{"http", "http.request.method"},
};

const char *field_nearest(const char *s, size_t n)
{
	char name[NAME_MAX_LENGTH + 1];
	const char *best = NULL;
	unsigned least;

	if (n == 0 || n > NAME_MAX_LENGTH)
		return NULL;
	memcpy(name, s, n);
	name[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++) {
		if (str_eq(habits[i][0], name))
			return habits[i][1];
	}
	least = (unsigned)n / 3 + 2; /* further away is no help */
	for (const struct field_class *const *k = field_classes; *k; k++) {
		for (size_t i = 0; i < (*k)->count; i++) {
			const char *known = (*k)->fields[i].name;
			unsigned d = str_distance(name, known);

			if (str_starts(known, name) && known[n] == '.')
				return known; /* only begun */
			if (d < least) {
				least = d;
				best = known;
			}
		}
	}
	return best;
}

static const struct {
	const char *prefix, *why;
} elsewhere[] = {
	{"proc.", "a system call field; this build captures packets"},
	{"thread.", "a system call field; this build captures packets"},
	{"user.", "a system call field; this build captures packets"},
	{"group.", "a system call field; this build captures packets"},
	{"syscall.", "a system call field; this build captures packets"},
	{"evt.buflen.file", "a system call field; this build captures packets"},
	{"evt.count.error.", "a system call field; this build captures packets"},
	{"evt.count.exit", "a system call field; this build captures packets"},
	{"evt.count.procinfo", "a system call field; this build captures packets"},
	{"evt.count.threadinfo", "a system call field; this build captures packets"},
	{"evt.type.is", "a system call field; this build captures packets"},
	{"evt.infra.", "a field of sysdig's own events, which nothing here produces"},
	{"fd.containerdirectory", "a system call field; this build captures packets"},
	{"fdlist.", "a system call field; this build captures packets"},
	{"syslog.", "a system call field; this build captures packets"},
	{"fd.filename", "a system call field; this build captures packets"},
	{"fd.directory", "a system call field; this build captures packets"},
	{"k8s.", "a Kubernetes field; containers here are named by Mesos and Marathon"},
	{"ka.", "a Kubernetes field; containers here are named by Mesos and Marathon"},
	{"span.", "a tracer field of sysdig, which nothing here produces"},
	{"evtin.", "a tracer field of sysdig, which nothing here produces"},
	{"tls.", "not decoded here; open the capture in Wireshark for it"},
	{"http2.", "not decoded here; open the capture in Wireshark for it"},
	{"quic.", "not decoded here; open the capture in Wireshark for it"},
};

const char *field_why_not(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		size_t len = strlen(elsewhere[i].prefix);

		if (n >= len && memcmp(s, elsewhere[i].prefix, len) == 0)
			return elsewhere[i].why;
	}
	return NULL;
}
