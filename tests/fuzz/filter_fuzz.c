/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a filter: it compiles or is refused with a place inside the text;
 * what compiles judges packets, notices and interfaces alike, and what was
 * settled early agrees with what is judged late.
 */
#include <stdlib.h>

#include "filter/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 4096u

/* Ethernet, IPv4, TCP 40000 -> 80, "GET / HTTP/1.1". */
static const uint8_t frame[] = "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
			       "\x45\0\0\x36\0\1\x40\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2"
			       "\x9c\x40\0\x50\0\0\0\1\0\0\0\2\x50\x18\1\0\0\0\0\0"
			       "GET / HTTP/1.1";
static const char notice[] = "MESSAGE=web.0 started\nPRIORITY=6\nDREDGE_EVENT=named\n";

static void judge(const struct filter *f, struct event *ev, const struct container *container,
		  const struct iface *iface)
{
	struct context c = {.ev = ev, .container = container, .iface = iface};
	struct counters counters = {0};
	uint64_t from, to;

	counters_set(&counters, COUNTER_NET_RX_BYTES, 100);
	if (ev->type == EVENT_COUNTERS)
		c.counters = &counters;
	bool match = filter_match(f, &c);
	enum verdict v = filter_iface(f, container, iface);

	filter_time(f, &from, &to);
	if ((match && v == VERDICT_NO) || (!match && v == VERDICT_YES))
		abort();
	if (match && (ev->ts < from || ev->ts > to || !(filter_types(f) >> ev->type & 1)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct container who = {.meta = {[META_CONTAINER] = (char *)"c0ffee00-1111",
						[META_APP] = (char *)"/shop/web",
						[META_TASK] = (char *)"shop_web.1"}};
	static const struct iface iface = {
		.record = {.name = "web.0:eth0", .linktype = LINKTYPE_ETHERNET}, .known = true};
	struct event ev = {.ts = 1700000000000000000ull, .num = 1, .flags = EVENT_IN, .weight = 1};
	struct err e = {0};

	if (size > LONGEST)
		return 0;
	char *text = xstrndup((const char *)data, size);
	size_t n = strlen(text);
	struct filter *f = filter_compile(text, NULL, &e);

	if (!f) {
		if (e.code != ERR_USAGE || e.column > n + 1 || e.column == 0)
			abort();
	} else {
		struct text t = {0};

		filter_explain(f, &t);
		text_done(&t);
		ev.type = EVENT_PACKET;
		ev.data = frame;
		ev.caplen = ev.len = sizeof(frame) - 1;
		judge(f, &ev, &who, &iface);
		judge(f, &ev, NULL, &iface);
		ev.type = EVENT_COUNTERS;
		judge(f, &ev, &who, NULL);
		ev.type = EVENT_NOTICE;
		ev.data = (const uint8_t *)notice;
		ev.caplen = ev.len = sizeof(notice) - 1;
		judge(f, &ev, &who, NULL);
	}
	filter_free(f);
	free(text);
	return 0;
}
