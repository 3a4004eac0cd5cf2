/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"
#include "http/api.h"

#include <strings.h>

#define METHOD_MAX 32u

struct line {
	const char *p;
	size_t n;
};

struct head {
	struct cursor in;
	const char *why;
	bool is_11;
	unsigned hosts, lengths, codings;
};

static unsigned refuse(struct head *h, unsigned status, const char *why)
{
	h->why = why;
	return status;
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_len(const char *p, size_t n)
{
	size_t k = 0;

	while (k < n && is_token(p[k]))
		k++;
	return k;
}

/* Up to "\r\n", or "\n" alone (RFC 9112, 2.2); false when the end is not there yet. */
static bool take_line(struct head *h, struct line *l)
{
	const uint8_t *end = memchr(h->in.pos, '\n', cursor_left(&h->in));

	if (!end)
		return false;
	l->p = (const char *)h->in.pos;
	l->n = (size_t)(end - h->in.pos);
	h->in.pos = end + 1;
	if (l->n && l->p[l->n - 1] == '\r')
		l->n--;
	return true;
}

/* ---- the request line ---- */

static unsigned check_version(struct head *h, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) || p[6] != '.' || p[5] < '0' || p[5] > '9' ||
	    p[7] < '0' || p[7] > '9')
		return refuse(h, 400, "the request line has no version");
	h->is_11 = p[5] == '1' && p[7] == '1';
	if (p[5] == '1' && (p[7] == '0' || p[7] == '1'))
		return 0;
	return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
}

static unsigned check_request_line(struct head *h, const struct line *l)
{
	size_t method = token_len(l->p, l->n), target = 0;
	const char *at = l->p + method + 1, *end = l->p + l->n;

	if (!method || method > METHOD_MAX || method == l->n || l->p[method] != ' ')
		return refuse(h, 400, "the request line has no method");
	while (at + target < end && at[target] > ' ' && at[target] < 0x7f)
		target++;
	if (!target || at + target == end || at[target] != ' ')
		return refuse(h, 400, "the request line has no target");
	if (target > API_TARGET_MAX)
		return refuse(h, 414, "the target is longer than 8 KiB");
	at += target + 1;
	return check_version(h, at, (size_t)(end - at));
}

/* ---- fields ---- */

static bool is_named(const struct line *l, size_t n, const char *name)
{
	return strlen(name) == n && !strncasecmp(l->p, name, n);
}

static unsigned check_length(struct head *h, const struct line *value)
{
	if (!value->n || value->n > 18)
		return refuse(h, 400, "Content-Length is no number");
	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] < '0' || value->p[i] > '9')
			return refuse(h, 400, "Content-Length is no number");
	h->lengths++;
	return 0;
}

static unsigned check_coding(struct head *h, const struct line *value)
{
	h->codings++;
	if (value->n == 7 && !strncasecmp(value->p, "chunked", 7))
		return 0;
	return refuse(h, 400, "Transfer-Encoding is not chunked");
}

static unsigned check_field(struct head *h, const struct line *l)
{
	size_t name = token_len(l->p, l->n);

	if (!name || name == l->n || l->p[name] != ':')
		return refuse(h, 400, "a field has no name");
	struct line value = {l->p + name + 1, l->n - name - 1};
	for (size_t i = 0; i < value.n; i++)
		if (((uint8_t)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f)
			return refuse(h, 400, "a field has control bytes");
	while (value.n && strchr(" \t", *value.p))
		value.p++, value.n--;
	while (value.n && strchr(" \t", value.p[value.n - 1]))
		value.n--;
	if (is_named(l, name, "Host"))
		h->hosts++;
	if (is_named(l, name, "Content-Length"))
		return check_length(h, &value);
	if (is_named(l, name, "Transfer-Encoding"))
		return check_coding(h, &value);
	return 0;
}

static unsigned check_all(struct head *h)
{
	if (h->hosts > 1 || (h->is_11 && !h->hosts))
		return refuse(h, 400, "one Host is wanted");
	if (h->lengths + h->codings > 1)
		return refuse(h, 400, "the length of the body is told twice");
	return 200;
}

/* ---- the head ---- */

/* What cannot become a request line any more need not be waited for. */
static unsigned check_begin(struct head *h)
{
	size_t n = cursor_left(&h->in), method = token_len((const char *)h->in.pos, n);

	if (method > METHOD_MAX || (method < n && h->in.pos[method] != ' ') || (n && !method))
		return refuse(h, 400, "the request line has no method");
	return n > METHOD_MAX + API_TARGET_MAX ? refuse(h, 414, "the target is longer than 8 KiB")
					       : 0;
}

static unsigned check(struct head *h)
{
	struct line l;
	unsigned status;

	while (cursor_left(&h->in) && strchr("\r\n", *h->in.pos) && *h->in.pos)
		h->in.pos++; /* an empty line before it (RFC 9112, 2.2) */
	if (!take_line(h, &l))
		return check_begin(h);
	status = check_request_line(h, &l);
	while (!status && take_line(h, &l)) {
		if (!l.n)
			return check_all(h);
		status = check_field(h, &l);
	}
	return status;
}

unsigned head_check(const char *p, size_t n, const char **why)
{
	struct head h = {.in = cursor_of(p, n)};
	unsigned status = check(&h);

	if (!status && n >= HEAD_MAX)
		status = refuse(&h, 431, "the head is longer than 16 KiB");
	*why = h.why;
	return status;
}
