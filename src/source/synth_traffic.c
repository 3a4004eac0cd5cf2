/* SPDX-License-Identifier: Apache-2.0 */
#include "source/synth.h"
#include "event/event.h"
#include "packet/packet.h"

#include <stdlib.h>

#define FLOWS	3u /* per container: with its partner, and two with the world outside */
#define SYN_LEN 74u

enum step {
	STEP_SYN,
	STEP_SYNACK,
	STEP_OPEN,
	STEP_REQUEST,
	STEP_HEARD,
	STEP_RESPONSE,
	STEP_GOT,
	STEP_FIN,
	STEP_FINACK,
	STEP_LAST
};

struct flow {
	uint32_t client, server; /* containers, or IFACE_NONE for hosts outside */
	uint8_t client_ip[4], server_ip[4];
	uint16_t cport, sport;
	uint32_t cseq, sseq;
	uint8_t step, segments, requests, talk, reply; /* reply: body the answer begins with */
	bool first;				       /* the answer has not begun */
	bool again;				       /* the packet before is to be repeated */
};

struct synth_traffic {
	uint32_t containers;
	bool equal, fixed;
	uint64_t random, serial;
	uint32_t turn;
	struct synth_host *hosts;
	struct flow *flows;
	uint32_t *table; /* container numbers, as often as their share */
	uint32_t table_size;
	struct synth_bodies bodies;
	uint16_t ip_id;
	uint8_t small[SYNTH_HEADROOM + 512]; /* packets without a TCP payload */
};

static const uint8_t gateway_mac[6] = {0x02, 0x42, 0x0a, 0x2a, 0x00, 0x01};
static const uint8_t dns_ip[4] = {10, 0, 0, 2};
static const uint8_t gateway_ip[4] = {10, 42, 255, 254};

static void store16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, 2);
}

static void store32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static void store_sum(uint8_t *p, uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t v = (uint16_t)~sum;
	memcpy(p, &v, 2);
}

/* ---- who talks to whom ---- */

uint16_t synth_port_block(uint32_t containers, uint32_t container)
{
	/* Some even-numbered container, so a server, gets the block of SYNTH_PORT. */
	uint32_t middle = containers / 2 & ~1u;
	uint32_t block = (container + SYNTH_BLOCKS + (SYNTH_PORT - 31000) / 8 - middle);

	return (uint16_t)(31000 + block % SYNTH_BLOCKS * 8);
}

const char *synth_app(uint32_t app, char buf[32])
{
	static const char *const names[] = {
		"/shop/web",  "/shop/cart",  "/shop/web2",    "/shop/checkout", "/data/redis",
		"/shop/feed", "/api/orders", "/batch/report", "/data/cache",	"/load/browser",
	};

	if (app < ARRAY_SIZE(names))
		return names[app];
	memcpy(buf, "/team/app", 9);
	size_t n = 9;
	for (uint32_t d = 100000; d; d /= 10) {
		if (app >= d || d == 1)
			buf[n++] = (char)('0' + app / d % 10);
	}
	buf[n] = '\0';
	return buf;
}

static void flow_connect(struct synth_traffic *t, struct flow *f)
{
	uint64_t r = synth_random(&t->random);

	f->cport = (uint16_t)(32768 + r % 28232); /* the kernel's ephemeral range */
	f->cseq = (uint32_t)(r >> 32);
	f->sseq = (uint32_t)(r >> 16) ^ 0x5bd1e995;
	f->step = STEP_SYN;
	f->requests = (uint8_t)(4 + (r >> 8) % 60);
}

static void flow_make(struct synth_traffic *t, uint32_t container, uint32_t slot, uint32_t apps)
{
	struct flow *f = &t->flows[container * FLOWS + slot];
	uint32_t partner = container ^ 1;
	uint8_t outside[4] = {198, 51, 100, (uint8_t)(1 + (container * FLOWS + slot) % 254)};
	bool serves = container % 2 == 0, inside = slot == 0 && partner < t->containers;
	char buf[32];
	uint32_t server = serves || !inside ? container : partner;

	f->client = serves ? (inside ? partner : IFACE_NONE) : container;
	f->server = serves ? container : (inside ? partner : IFACE_NONE);
	memcpy(f->client_ip, f->client == IFACE_NONE ? outside : t->hosts[f->client].ip, 4);
	memcpy(f->server_ip, f->server == IFACE_NONE ? outside : t->hosts[f->server].ip, 4);
	f->sport = f->server == IFACE_NONE ? 80 : synth_port_block(t->containers, server) + 1;
	f->talk = str_starts(synth_app(server % apps, buf), "/data/") && f->server != IFACE_NONE
			  ? TALK_REDIS
			  : TALK_HTTP;
	flow_connect(t, f);
	if (slot) /* the capture begins in the middle of things */
		f->step = STEP_REQUEST;
}

static void make_table(struct synth_traffic *t)
{
	const uint32_t size = 1u << 14;
	double total = 0;

	for (uint32_t i = 0; i < t->containers; i++)
		total += 1.0 / (i + 1);
	t->table = xmalloc((size + t->containers) * sizeof(*t->table));
	for (uint32_t i = 0; i < t->containers; i++) {
		uint32_t n = 1 + (uint32_t)(size / total / (i + 1));
		while (n-- && t->table_size < size + t->containers)
			t->table[t->table_size++] = i;
	}
}

struct synth_traffic *synth_traffic_new(uint32_t containers, uint32_t apps, uint32_t size,
					bool equal, uint64_t seed)
{
	struct synth_traffic *t = xcalloc(1, sizeof(*t));

	t->containers = containers;
	t->equal = equal;
	t->fixed = size != SYNTH_SIZE_MIX;
	t->random = hash_u64(seed + 1);
	t->hosts = xcalloc(containers, sizeof(*t->hosts));
	t->flows = xcalloc((size_t)containers * FLOWS, sizeof(*t->flows));
	for (uint32_t i = 0; i < containers; i++) {
		uint8_t ip[4] = {10, 42, (uint8_t)(i / 250), (uint8_t)(2 + i % 250)};
		memcpy(t->hosts[i].ip, ip, 4);
		t->hosts[i].mac[0] = 0x02;
		t->hosts[i].mac[1] = 0x42;
		memcpy(t->hosts[i].mac + 2, ip, 4);
	}
	for (uint32_t i = 0; i < containers * FLOWS; i++)
		flow_make(t, i / FLOWS, i % FLOWS, apps);
	synth_bodies_make(&t->bodies, size);
	make_table(t);
	return t;
}

void synth_traffic_free(struct synth_traffic *t)
{
	if (!t)
		return;
	free(t->hosts);
	free(t->flows);
	free(t->table);
	synth_bodies_done(&t->bodies);
	free(t);
}

const struct synth_host *synth_traffic_host(const struct synth_traffic *t, uint32_t container)
{
	return &t->hosts[container];
}

/* ---- headers ---- */

static void put_ethernet(struct synth_traffic *t, uint8_t *p, const struct synth_packet *pk,
			 uint16_t type)
{
	if (pk->from != IFACE_NONE) {
		memcpy(p, gateway_mac, 6);
		memcpy(p + 6, t->hosts[pk->from].mac, 6);
	} else {
		memcpy(p, t->hosts[pk->to].mac, 6);
		memcpy(p + 6, gateway_mac, 6);
	}
	store16(p + 12, type);
}

/* Returns the sum of the pseudo header (RFC 9293, 3.1) without the length of the transport part. */
static uint64_t put_ipv4(struct synth_traffic *t, uint8_t *p, uint8_t proto, uint32_t len,
			 const uint8_t *src, const uint8_t *dst, uint8_t ttl)
{
	store32(p, 0x45000000u | len);
	store32(p + 4, (uint32_t)t->ip_id++ << 16 | 0x4000);
	p[8] = ttl;
	p[9] = proto;
	p[10] = p[11] = 0;
	memcpy(p + 12, src, 4);
	memcpy(p + 16, dst, 4);
	uint64_t addresses = (uint64_t)load_le32(p + 12) + load_le32(p + 16);
	store_sum(p + 10, (uint64_t)load_le32(p) + load_le32(p + 4) + load_le32(p + 8) + addresses);
	return addresses + ((uint32_t)proto << 8);
}

struct segment {
	const struct flow *f;
	bool up; /* client to server */
	uint8_t flags;
	struct synth_body *body; /* NULL = none */
	uint64_t key;		 /* of the body's holes */
};

static void put_tcp(struct synth_traffic *t, const struct segment *s, uint64_t now,
		    struct synth_packet *p)
{
	const struct flow *f = s->f;
	uint32_t n = s->body ? s->body->len : 0;
	uint32_t header = s->flags & TCP_SYN ? SYN_LEN : SYNTH_HEADER, l4 = header - 34 + n;
	uint64_t body_sum = s->body ? synth_body_refill(s->body, s->key) : 0;
	uint8_t *at = s->body ? s->body->at - header : t->small;
	uint8_t *h = at + 34, *options = h + 20;
	bool inside = p->from != IFACE_NONE;
	uint32_t ms = (uint32_t)(now / NSEC_PER_MSEC);

	p->data = at;
	p->len = header + n;
	put_ethernet(t, at, p, 0x0800);
	uint64_t sum = put_ipv4(t, at + 14, 6, 20 + l4, s->up ? f->client_ip : f->server_ip,
				s->up ? f->server_ip : f->client_ip, inside ? 64 : 57);
	store16(h, s->up ? f->cport : f->sport);
	store16(h + 2, s->up ? f->sport : f->cport);
	store32(h + 4, s->up ? f->cseq : f->sseq);
	store32(h + 8, s->flags & TCP_ACK ? (s->up ? f->sseq : f->cseq) : 0);
	store32(h + 12, (header - 34) / 4 << 28 | (uint32_t)s->flags << 16 | 502);
	store32(h + 16, 0);
	if (s->flags & TCP_SYN) { /* MSS 1460, SACK permitted, timestamps, window scale 7 */
		store32(options, 0x020405b4);
		store32(options + 4, 0x0402080a);
		store32(options + 8, ms);
		store32(options + 12, s->flags & TCP_ACK ? ms - 1 : 0);
		store32(options + 16, 0x01030307);
	} else {
		store32(options, 0x0101080a);
		store32(options + 4, ms);
		store32(options + 8, ms - 1);
	}
	sum += (uint64_t)__builtin_bswap16((uint16_t)l4) + synth_sum(h, header - 34) + body_sum;
	store_sum(h + 16, sum);
}

/* ---- the script of a connection ---- */

static void flow_next(struct synth_traffic *t, struct flow *f, uint64_t now, struct synth_packet *p)
{
	struct segment s = {.f = f, .flags = TCP_ACK};
	uint8_t step = f->step;
	uint64_t key = hash_u64((uint64_t)f->cseq << 32 ^ f->sseq ^ f->cport);
	uint8_t next = (uint8_t)(step + 1);

	switch (step) {
	case STEP_SYN:
	case STEP_SYNACK:
		s.up = step == STEP_SYN;
		s.flags = s.up ? TCP_SYN : TCP_SYN | TCP_ACK;
		break;
	case STEP_OPEN:
	case STEP_GOT:
	case STEP_LAST:
		s.up = true;
		break;
	case STEP_REQUEST:
		s.up = true;
		s.flags = TCP_ACK | TCP_PSH;
		s.body = &t->bodies.request[f->talk][key % SYNTH_BODIES];
		f->reply = (key >> 8) % SYNTH_BODIES & (f->talk == TALK_HTTP ? ~1u : ~0u);
		f->segments = f->talk == TALK_HTTP ? (uint8_t)synth_reply_segments(f->reply) : 1;
		f->first = true;
		next = t->fixed ? STEP_RESPONSE : STEP_HEARD;
		break;
	case STEP_RESPONSE:
		s.flags = TCP_ACK | TCP_PSH;
		s.body = &t->bodies.response[f->talk][f->reply + !f->first];
		if (--f->segments)
			next = STEP_RESPONSE;
		else
			next = t->fixed ? STEP_REQUEST : STEP_GOT;
		break;
	case STEP_FIN:
	case STEP_FINACK:
		s.up = step == STEP_FIN;
		s.flags = TCP_ACK | TCP_FIN;
		break;
	}
	if (step == STEP_GOT)
		next = f->requests-- ? STEP_REQUEST : STEP_FIN;
	s.key = key;
	p->from = s.up ? f->client : f->server;
	p->to = s.up ? f->server : f->client;
	put_tcp(t, &s, now, p);

	if (s.body && !f->again && key >> 56 == 0) { /* this one gets lost: sent once more */
		f->again = true;
		if (step == STEP_RESPONSE)
			f->segments++;
		return;
	}
	f->again = false;
	f->first = f->first && step != STEP_RESPONSE;
	uint32_t *seq = s.up ? &f->cseq : &f->sseq;
	*seq += s.body ? s.body->len : (s.flags & (TCP_SYN | TCP_FIN)) != 0;
	f->step = next;
	if (step == STEP_LAST)
		flow_connect(t, f);
}

/* ---- the rest: name lookups, pings, ARP ---- */

static void dns_next(struct synth_traffic *t, uint32_t c, uint64_t r, struct synth_packet *p)
{
	static const uint8_t name[] = "\3web\4shop\10marathon\5mesos";
	bool answer = r & 1;
	const uint8_t *ip = t->hosts[c].ip;
	uint32_t n = 12 + sizeof(name) + 4 + (answer ? 16 : 0);
	uint8_t *l4 = t->small + 34, *dns = l4 + 8;

	p->from = answer ? IFACE_NONE : c;
	p->to = answer ? c : IFACE_NONE;
	p->len = 42 + n;
	put_ethernet(t, t->small, p, 0x0800);
	uint64_t sum = put_ipv4(t, t->small + 14, 17, 28 + n, answer ? dns_ip : ip,
				answer ? ip : dns_ip, answer ? 63 : 64);
	uint16_t port = (uint16_t)(32768 + (r >> 20) % 28232);
	store16(l4, answer ? 53 : port);
	store16(l4 + 2, answer ? port : 53);
	store32(l4 + 4, (8 + n) << 16);
	store32(dns, (uint32_t)(r >> 32) << 16 | (answer ? 0x8580 : 0x0100));
	store32(dns + 4, 0x00010000u | answer);
	store32(dns + 8, 0);
	memcpy(dns + 12, name, sizeof(name));
	store32(dns + 12 + sizeof(name), 0x00010001);
	if (answer) {
		uint8_t *rr = dns + 16 + sizeof(name);
		store32(rr, 0xc00c0001);
		store32(rr + 4, 0x00010000);
		store32(rr + 8, 60u << 16 | 4);
		memcpy(rr + 12, t->hosts[c & ~1u].ip, 4);
	}
	store_sum(l4 + 6, sum + __builtin_bswap16((uint16_t)(8 + n)) + synth_sum(l4, 8 + n));
}

static void ping_next(struct synth_traffic *t, uint32_t c, uint64_t r, struct synth_packet *p)
{
	bool answer = r & 1;
	const uint8_t *ip = t->hosts[c].ip;
	uint8_t *l4 = t->small + 34;

	p->from = answer ? IFACE_NONE : c;
	p->to = answer ? c : IFACE_NONE;
	p->len = 98;
	put_ethernet(t, t->small, p, 0x0800);
	put_ipv4(t, t->small + 14, 1, 84, answer ? gateway_ip : ip, answer ? ip : gateway_ip, 64);
	store32(l4, answer ? 0 : 0x08000000);
	store32(l4 + 4, c << 16 | (r >> 32 & 0xffff));
	for (uint8_t i = 0; i < 56; i++)
		l4[8 + i] = i < 8 ? (uint8_t)(r >> i * 8) : i;
	store_sum(l4 + 2, synth_sum(l4, 64));
}

static void arp_next(struct synth_traffic *t, uint32_t c, uint64_t r, struct synth_packet *p)
{
	bool answer = r & 1;
	const struct synth_host *h = &t->hosts[c];
	uint8_t *a = t->small + 14;

	p->from = answer ? IFACE_NONE : c;
	p->to = answer ? c : IFACE_NONE;
	p->len = 42;
	p->ip = false;
	put_ethernet(t, t->small, p, 0x0806);
	store32(a, 0x00010800);
	store32(a + 4, 0x06040000u | (answer ? 2 : 1));
	memcpy(a + 8, answer ? gateway_mac : h->mac, 6);
	memcpy(a + 14, answer ? gateway_ip : h->ip, 4);
	memset(a + 18, 0, 6);
	if (answer)
		memcpy(a + 18, h->mac, 6);
	memcpy(a + 24, answer ? h->ip : gateway_ip, 4);
}

void synth_traffic_next(struct synth_traffic *t, uint64_t now, struct synth_packet *p)
{
	uint64_t r = synth_random(&t->random);
	uint32_t c, kind = r & 127;

	if (t->equal) {
		c = t->turn;
		t->turn = c + 1 == t->containers ? 0 : c + 1;
	} else {
		c = t->table[(r >> 32) * t->table_size >> 32];
	}
	p->key = ++t->serial;
	p->data = t->small;
	p->ip = true;
	if (kind >= 4 || t->fixed) {
		uint32_t slot = kind < 60 ? 0 : 1 + (r >> 8 & 1);
		/* Both partners speak through the server's flow of the pair. */
		if (slot == 0 && c % 2 && c - 1 < t->containers)
			c--;
		flow_next(t, &t->flows[c * FLOWS + slot], now, p);
	} else if (kind >= 1) {
		dns_next(t, c, r >> 8, p);
	} else if (r >> 8 & 3) {
		ping_next(t, c, r >> 10, p);
	} else {
		arp_next(t, c, r >> 10, p);
	}
}

void synth_traffic_hop(struct synth_traffic *t, struct synth_packet *p)
{
	uint8_t *ip = p->data + 14;

	memcpy(p->data, t->hosts[p->to].mac, 6);
	memcpy(p->data + 6, gateway_mac, 6);
	ip[8]--; /* RFC 1624: TTL down by one means the checksum's high byte up by one */
	uint32_t sum = load_be16(ip + 10) + 0x100u;
	store16(ip + 10, (uint16_t)(sum + (sum >> 16)));
}
