/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/wire.h"
#include "mesos/inside.h"

#include <arpa/inet.h>

#define LENGTH_DIGITS 10u

/* ---- RecordIO ---- */

int recordio_next(struct cursor *c, size_t max, const char **record, size_t *n, struct err *e)
{
	struct cursor at = *c;
	uint64_t length = 0;
	unsigned digits = 0;

	for (;; digits++) {
		const uint8_t *p = cursor_take(&at, 1);
		if (!p && digits <= LENGTH_DIGITS)
			return 0;
		if (p && *p == '\n' && digits)
			break;
		if (!p || *p < '0' || *p > '9' || digits == LENGTH_DIGITS)
			return err_set(e, ERR_FAILED, "no RecordIO");
		length = length * 10 + (*p - '0');
	}
	if (length > max)
		return err_set(e, ERR_FAILED, "record larger than %zu bytes", max);
	const uint8_t *bytes = cursor_take(&at, length);
	if (!bytes)
		return 0;
	*c = at;
	*record = (const char *)bytes;
	*n = length;
	return 1;
}

/* ---- server-sent events ---- */

/* A line without its end, LF, CR or CR LF; false when its end has not come. */
static bool line_next(struct cursor *c, const char **line, size_t *n)
{
	const uint8_t *p = c->pos;

	while (p < c->end && *p != '\n' && *p != '\r')
		p++;
	/* A CR at the end may be half of a CR LF. */
	if (p == c->end || (*p == '\r' && p + 1 == c->end))
		return false;
	*line = (const char *)c->pos;
	*n = (size_t)(p - c->pos);
	c->pos = p + (p[0] == '\r' && p[1] == '\n' ? 2 : 1);
	return true;
}

int sse_next(struct cursor *c, size_t max, struct text *data, struct err *e)
{
	static const char field[] = "data:";
	struct cursor at = *c;
	const char *line;
	size_t n;

	text_reset(data);
	while (line_next(&at, &line, &n)) {
		if (!n) {
			*c = at;
			return 1;
		}
		if (n < strlen(field) || memcmp(line, field, strlen(field)) != 0)
			continue;
		line += strlen(field), n -= strlen(field);
		if (n && *line == ' ')
			line++, n--;
		if (data->len)
			text_char(data, '\n');
		text_put(data, line, n);
	}
	if (cursor_left(c) > max)
		return err_set(e, ERR_FAILED, "event larger than %zu bytes", max);
	return 0;
}

/* ---- MasterInfo ---- */

struct master_info {
	char ip[INET6_ADDRSTRLEN]; /* "" = none */
	const char *host, *pid;	   /* NULL = none */
	size_t host_length, pid_length;
	uint64_t port;
};

static bool varint(struct cursor *c, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = cursor_take(c, 1);
		if (!p)
			return false;
		*out |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return true;
	}
	return false;
}

/* One field; bytes in *inside for strings and messages, numbers in *v. */
static bool field_next(struct cursor *c, uint64_t *number, uint64_t *v, struct cursor *inside)
{
	uint64_t key;

	*v = 0;
	*inside = cursor_of("", 0);
	if (!varint(c, &key))
		return false;
	*number = key >> 3;
	switch (key & 7) {
	case 0:
		return varint(c, v);
	case 1:
		return cursor_take(c, 8);
	case 2: {
		const uint8_t *p;
		if (!varint(c, v) || !(p = cursor_take(c, *v)))
			return false;
		*inside = cursor_of(p, *v);
		return true;
	}
	case 5:
		return cursor_take(c, 4);
	default:
		return false;
	}
}

/* Address: 1 hostname, 2 ip as text, 3 port. */
static bool read_address(struct cursor c, struct master_info *m)
{
	uint64_t number, v;
	struct cursor inside;

	while (cursor_left(&c)) {
		if (!field_next(&c, &number, &v, &inside))
			return false;
		size_t n = cursor_left(&inside);
		if (number == 2 && n < sizeof(m->ip)) {
			memcpy(m->ip, inside.pos, n);
			m->ip[n] = '\0';
		} else if (number == 3) {
			m->port = v;
		}
	}
	return true;
}

static bool read_protobuf(const void *node, size_t n, struct master_info *m)
{
	struct cursor c = cursor_of(node, n), inside;
	uint64_t number, v;

	while (cursor_left(&c)) {
		if (!field_next(&c, &number, &v, &inside))
			return false;
		if (number == 2) { /* in the order of the network, stored as a number */
			uint32_t ip = (uint32_t)v;
			inet_ntop(AF_INET, &ip, m->ip, sizeof(m->ip));
		} else if (number == 3) {
			m->port = v;
		} else if (number == 4) {
			m->pid = (const char *)inside.pos;
			m->pid_length = cursor_left(&inside);
		} else if (number == 5) {
			m->host = (const char *)inside.pos;
			m->host_length = cursor_left(&inside);
		} else if (number == 7 && !read_address(inside, m)) {
			return false;
		}
	}
	return true;
}

static void string_of(const json_t *o, const char *key, const char **s, size_t *n)
{
	const json_t *v = json_object_get(o, key);

	if (!json_string_length(v))
		return;
	*s = json_string_value(v);
	*n = json_string_length(v);
}

static void read_json(const json_t *root, struct master_info *m)
{
	const json_t *address = json_object_get(root, "address");
	const char *ip = json_string_value(json_object_get(address, "ip"));
	double port = json_number(address, "port", json_number(root, "port", 0));

	/* The number "ip" is byte-swapped; the text is what it means. */
	if (ip && strlen(ip) < sizeof(m->ip))
		memcpy(m->ip, ip, strlen(ip) + 1);
	string_of(root, "hostname", &m->host, &m->host_length);
	string_of(address, "hostname", &m->host, &m->host_length);
	string_of(root, "pid", &m->pid, &m->pid_length);
	m->port = port >= 1 && port <= UINT16_MAX ? (uint64_t)port : 0;
}

static bool is_host(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]_",
			    s[i]) ||
		    !s[i])
			return false;
	return n > 0 && n < 256;
}

/* The pid has both; else the address, which needs no name server; else the name. */
static int put_address(const struct master_info *m, struct text *out, struct err *e)
{
	const char *at = m->pid ? memchr(m->pid, '@', m->pid_length) : NULL;
	const char *host = m->ip[0] ? m->ip : m->host;
	size_t n = m->ip[0] ? strlen(m->ip) : m->host_length;

	if (at && is_host(at + 1, m->pid_length - (size_t)(at + 1 - m->pid))) {
		text_put(out, at + 1, m->pid_length - (size_t)(at + 1 - m->pid));
		return 0;
	}
	if (!host || !is_host(host, n) || !m->port || m->port > UINT16_MAX)
		return err_set(e, ERR_FAILED, "no address of a master in it");
	text_put(out, host, n);
	text_char(out, ':');
	text_u64(out, m->port);
	return 0;
}

int master_info_address(const void *node, size_t n, struct text *out, struct err *e)
{
	struct master_info m = {0};
	const char *text = node;

	if (n && *text == '{') {
		json_t *root = json_text(text, n, "MasterInfo", e);
		if (!root)
			return -1;
		read_json(root, &m);
		int rc = put_address(&m, out, e);
		json_decref(root);
		return rc;
	}
	if (!read_protobuf(node, n, &m))
		return err_set(e, ERR_FAILED, "no MasterInfo");
	return put_address(&m, out, e);
}
