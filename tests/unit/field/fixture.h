/* SPDX-License-Identifier: Apache-2.0 */
/* Events to ask fields and filters about, made of bytes written by hand. */
#ifndef DREDGE_TEST_FIXTURE_H
#define DREDGE_TEST_FIXTURE_H

#include "field/field.h"

enum sample {
	WEB_SYN,   /* TCP SYN to /shop/web */
	WEB_DATA,  /* HTTP request to it, part of a tracked conversation, a retransmission */
	WEB_REPLY, /* first packet of the answer, 12.5 ms later */
	WEB2_RST,  /* /shop/web2 refuses a connection */
	VXLAN,	   /* TCP inside VXLAN, between two hosts */
	SIX,	   /* TCP over IPv6 */
	UNREACH,   /* ICMP port unreachable */
	DNS,	   /* UDP question, outside any container, no direction */
	ARP,
	CUT,	   /* a TCP packet of which 30 bytes were captured */
	COUNTERS_, /* a counter sample of /shop/web */
	NOTICE,
	DROP,
	SAMPLES
};

static const char *const sample_names[SAMPLES] = {
	"syn", "data", "reply", "rst",	    "vxlan",  "six",  "unreach",
	"dns", "arp",  "cut",	"counters", "notice", "drop",
};

#define BASE_TS 1700000000000000000ull

struct fixture {
	struct event ev[SAMPLES];
	struct context c[SAMPLES];
	struct container web, web2;
	struct iface iface_web, iface_web2, iface_host;
	struct counters counters;
	uint8_t bytes[SAMPLES][256];
};

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline size_t put_eth(uint8_t *p, unsigned type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa};

	memcpy(p, macs, sizeof(macs));
	put16(p + 12, type);
	return 14;
}

static inline size_t put_ip4(uint8_t *p, unsigned proto, uint32_t src, uint32_t dst, size_t payload)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = 0x2e << 2;
	put16(p + 2, (unsigned)(20 + payload));
	put16(p + 4, 0xbeef);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = (uint8_t)proto;
	put32(p + 12, src);
	put32(p + 16, dst);
	return 20;
}

static inline size_t put_tcp(uint8_t *p, unsigned sport, unsigned dport, unsigned flags,
			     const char *payload)
{
	memset(p, 0, 20);
	put16(p, sport);
	put16(p + 2, dport);
	put32(p + 4, flags & 4 ? 0 : 1000);
	put32(p + 8, 2000);
	p[12] = 5 << 4;
	p[13] = (uint8_t)flags;
	put16(p + 14, 502);
	memcpy(p + 20, payload, strlen(payload));
	return 20 + strlen(payload);
}

static inline size_t put_udp(uint8_t *p, unsigned sport, unsigned dport, size_t payload)
{
	put16(p, sport);
	put16(p + 2, dport);
	put16(p + 4, (unsigned)(8 + payload));
	put16(p + 6, 0);
	return 8;
}

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static inline size_t put_tcp4(uint8_t *p, uint32_t src, uint32_t dst, unsigned sport,
			      unsigned dport, unsigned flags, const char *payload)
{
	size_t n = put_eth(p, 0x800);

	n += put_ip4(p + n, 6, src, dst, 20 + strlen(payload));
	return n + put_tcp(p + n, sport, dport, flags, payload);
}

static inline size_t put_six(uint8_t *p)
{
	size_t n = put_eth(p, 0x86dd);

	memset(p + n, 0, 40);
	put32(p + n, 0x60012345);
	put16(p + n + 4, 20);
	p[n + 6] = 6;
	p[n + 7] = 55;
	p[n + 8] = 0xfd;
	p[n + 23] = 1;
	p[n + 24] = 0xfd;
	p[n + 39] = 2;
	n += 40;
	return n + put_tcp(p + n, 40001, 443, 0x10, "");
}

static inline size_t put_unreach(uint8_t *p)
{
	size_t n = put_eth(p, 0x800);

	n += put_ip4(p + n, 1, IP4(10, 1, 0, 1), IP4(10, 1, 0, 2), 8);
	memset(p + n, 0, 8);
	p[n] = 3;
	p[n + 1] = 3;
	return n + 8;
}

static inline size_t put_dns(uint8_t *p)
{
	static const uint8_t question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
					  "\x03web\x08marathon\x05mesos\x00\x00\x01\x00\x01";
	size_t n = put_eth(p, 0x800), q = sizeof(question) - 1;

	n += put_ip4(p + n, 17, IP4(10, 1, 0, 2), IP4(10, 0, 0, 53), 8 + q);
	n += put_udp(p + n, 50000, 53, q);
	memcpy(p + n, question, q);
	return n + q;
}

static inline size_t put_vxlan(uint8_t *p)
{
	size_t n = put_eth(p, 0x800), udp = 14 + 20;

	n += put_ip4(p + n, 17, IP4(192, 168, 7, 1), IP4(192, 168, 7, 2), 8 + 8 + 54);
	n += put_udp(p + n, 55555, 4789, 8 + 54);
	memset(p + n, 0, 8);
	p[n] = 8;
	put32(p + n + 4, 42u << 8);
	n += 8;
	n += put_tcp4(p + n, IP4(10, 9, 0, 1), IP4(10, 9, 0, 2), 40002, 6379, 0x18, "");
	put16(p + udp + 4, (unsigned)(n - udp));
	return n;
}

static inline size_t put_arp(uint8_t *p)
{
	size_t n = put_eth(p, 0x806);

	memset(p + n, 0, 28);
	put16(p + n, 1);
	put16(p + n + 2, 0x800);
	p[n + 4] = 6;
	p[n + 5] = 4;
	put16(p + n + 6, 1);
	memcpy(p + n + 8, p + 6, 6);
	put32(p + n + 14, IP4(10, 1, 0, 1));
	put32(p + n + 24, IP4(10, 1, 0, 2));
	return n + 28;
}

#define ID_WEB	"c0ffee00-1111-2222-3333-444455556666"
#define ID_WEB2 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline void fixture_who(struct fixture *f)
{
	f->web.meta[META_CONTAINER] = (char *)ID_WEB;
	f->web.meta[META_APP] = (char *)"/shop/web";
	f->web.meta[META_TASK] = (char *)"shop_web.1111";
	f->web.meta[META_FRAMEWORK] = (char *)"marathon";
	f->web.meta[META_NAME] = (char *)"web.0";
	f->web.meta[META_RUNTIME] = (char *)"mesos";
	f->web.meta[META_APP_LABELS] = (char *)"tier=front\nnote=a%20b\nempty=";
	f->web.start = BASE_TS - 5 * NSEC_PER_SEC;
	f->web2.index = 1;
	f->web2.meta[META_CONTAINER] = (char *)ID_WEB2;
	f->web2.meta[META_APP] = (char *)"/shop/web2";
	f->web2.meta[META_TASK] = (char *)"shop_web2.2222";
	f->web2.meta[META_RUNTIME] = (char *)"docker";
	f->iface_web = (struct iface){.known = true};
	f->iface_web.record.linktype = LINKTYPE_ETHERNET;
	f->iface_web.record.name = "web.0:eth0";
	f->iface_web2 = f->iface_host = f->iface_web;
	f->iface_web2.record.name = "web2.0:eth0";
	f->iface_web2.record.number = 1;
	f->iface_web2.container = 1;
	f->iface_host.record.name = "eth0";
	f->iface_host.record.number = 2;
	f->iface_host.container = CONTAINER_NONE;
}

static const char fixture_notice[] = "MESSAGE=container web.0 started\nPRIORITY=6\n"
				     "DREDGE_EVENT=container_start\n";
static const char fixture_drop[] = "MESSAGE=12 packets lost\nPRIORITY=4\nDREDGE_EVENT=drop\n";

static inline void fixture_journal(struct event *ev, uint16_t type, const char *text)
{
	ev->type = type;
	ev->data = (const uint8_t *)text;
	ev->caplen = ev->len = (uint32_t)strlen(text);
}

static inline void fixture_events(struct fixture *f, const size_t size[SAMPLES])
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct event *ev = &f->ev[i];
		bool web2 = i == WEB2_RST, host = i == VXLAN || i == DNS || i == ARP;

		ev->num = i + 1;
		ev->ts = BASE_TS + i * NSEC_PER_MSEC;
		ev->type = EVENT_PACKET;
		ev->data = f->bytes[i];
		ev->caplen = ev->len = (uint32_t)size[i];
		ev->weight = 1;
		ev->flags = EVENT_IN;
		ev->iface = web2 ? 1 : host ? 2 : 0;
		ev->container = host ? CONTAINER_NONE : web2;
		f->c[i].ev = ev;
		f->c[i].container = host ? NULL : web2 ? &f->web2 : &f->web;
		f->c[i].iface = web2 ? &f->iface_web2 : host ? &f->iface_host : &f->iface_web;
		f->c[i].first_ts = BASE_TS;
		f->c[i].previous_ts = i ? ev->ts - NSEC_PER_MSEC : 0;
	}
	f->ev[WEB_REPLY].flags = f->ev[WEB2_RST].flags = EVENT_OUT;
	f->c[WEB2_RST].by_port = true;
	f->ev[DNS].flags = 0;
	f->ev[CUT].caplen = 30;
	f->ev[WEB_DATA].packet_id = 0xabc;
	f->ev[WEB_REPLY].packet_id = f->ev[ARP].packet_id = PACKET_ID_OF_BYTES;
}

static inline void fixture_facts(struct fixture *f)
{
	f->c[WEB_DATA].facts = (struct flow_facts){.valid = true,
						   .retransmission = true,
						   .from_client = true,
						   .stream = 7,
						   .seq = 1,
						   .ack = 1};
	f->c[WEB_REPLY].facts = (struct flow_facts){.valid = true,
						    .response = true,
						    .stream = 7,
						    .response_time = 12500000,
						    .rtt = 200000,
						    .initial_rtt = 300000};
}

static inline void fixture_init(struct fixture *f)
{
	size_t size[SAMPLES] = {0};
	uint32_t client = IP4(10, 1, 0, 9), web = IP4(10, 1, 0, 2);

	memset(f, 0, sizeof(*f));
	size[WEB_SYN] = put_tcp4(f->bytes[WEB_SYN], client, web, 40000, 31401, 0x02, "");
	size[WEB_DATA] = put_tcp4(f->bytes[WEB_DATA], client, web, 40000, 31401, 0x18,
				  "GET /cart?id=7 HTTP/1.1\r\nHost: web\r\n\r\n");
	size[WEB_REPLY] = put_tcp4(f->bytes[WEB_REPLY], web, client, 31401, 40000, 0x18,
				   "HTTP/1.1 503 Busy\r\n\r\n");
	size[WEB2_RST] = put_tcp4(f->bytes[WEB2_RST], IP4(10, 1, 0, 3), client, 31402, 40003, 0x14,
				  "");
	size[VXLAN] = put_vxlan(f->bytes[VXLAN]);
	size[SIX] = put_six(f->bytes[SIX]);
	size[UNREACH] = put_unreach(f->bytes[UNREACH]);
	size[DNS] = put_dns(f->bytes[DNS]);
	size[ARP] = put_arp(f->bytes[ARP]);
	size[CUT] = put_tcp4(f->bytes[CUT], client, web, 40000, 31401, 0x10, "");
	fixture_who(f);
	fixture_events(f, size);
	fixture_facts(f);
	counters_set(&f->counters, COUNTER_NET_RX_BYTES, 5000);
	counters_set(&f->counters, COUNTER_NET_RX_PACKETS, 50);
	counters_set(&f->counters, COUNTER_CPUS_USER, 1500000000);
	f->ev[COUNTERS_].type = EVENT_COUNTERS;
	f->ev[COUNTERS_].data = (const uint8_t *)&f->counters;
	f->ev[COUNTERS_].caplen = f->ev[COUNTERS_].len = sizeof(f->counters);
	f->c[COUNTERS_].counters = &f->counters;
	fixture_journal(&f->ev[NOTICE], EVENT_NOTICE, fixture_notice);
	fixture_journal(&f->ev[DROP], EVENT_DROP, fixture_drop);
	f->ev[DROP].lost = 12;
}

#endif
