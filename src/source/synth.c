/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic source, "synth:key=value,...": the same options always make the
 * same stream. Keys, with their defaults:
 *
 *   containers=200 apps=10   who there is; container n is task n/apps of app n%apps
 *   rate=100000 seconds=25   packets a second in total, and for how long (0 = for ever)
 *   size=mix                 or the length of every packet after the handshake, in bytes
 *   share=zipf               or equal: how much of the traffic a container gets
 *   seed=1 start=1700000000  start in seconds since 1970 (realtime: now)
 *   counters=1               samples a second and container; 0 = none
 *   loss=0                   packets a second that are reported as lost
 *   realtime=0               1: as slow as the clock; 0: as fast as the sink takes them
 *
 * Three in ten packets pass between two containers and are seen twice, under one
 * packet_id; rate counts sights. Measured on one core: 18 to 20 million packets
 * a second into an empty sink, 410 bytes each on average; lz4 -1 makes blocks
 * of 256 KB of the pcapng stream 3.5 times smaller (size=200: 4 times).
 */
#include "source/source.h"
#include "source/sources.h"
#include "source/synth.h"
#include "packet/packet.h"

#include <stdlib.h>
#include <time.h>

#define CONTAINERS_MAX SYNTH_BLOCKS
#define RATE_MAX       100000000u
#define START_DEFAULT  UINT64_MAX
#define TICK_NS	       (100 * NSEC_PER_MSEC)

struct synth_options {
	uint64_t containers, apps, rate, seconds, size, seed, start, counters, loss, realtime;
	bool equal;
};

struct synth {
	struct source base;
	struct synth_options o;
	unsigned snaplen, sample;
	struct synth_traffic *traffic;
	struct counters *counters; /* of each container */
	bool *wanted;
	uint64_t from, to, start, packets, total;
	uint32_t types;
	uint64_t delivered, sampled_out, lost;
};

/* ---- options ---- */

static int option_set(struct synth_options *o, const char *key, const char *value, struct err *e)
{
	const struct {
		const char *key;
		uint64_t *to;
		uint64_t min, max;
	} rows[] = {
		{"containers", &o->containers, 1, CONTAINERS_MAX},
		{"apps", &o->apps, 1, CONTAINERS_MAX},
		{"rate", &o->rate, 1, RATE_MAX},
		{"seconds", &o->seconds, 0, 366 * 86400},
		{"size", &o->size, SYNTH_HEADER + 24, SYNTH_SIZE_MAX},
		{"seed", &o->seed, 0, UINT64_MAX},
		{"start", &o->start, 0, UINT64_MAX / NSEC_PER_SEC / 2},
		{"counters", &o->counters, 0, 1000},
		{"loss", &o->loss, 0, RATE_MAX},
		{"realtime", &o->realtime, 0, 1},
	};

	if (str_eq(key, "share")) {
		if (!str_eq(value, "zipf") && !str_eq(value, "equal"))
			return err_set(e, ERR_USAGE, "synth: share=%s: give zipf or equal", value);
		o->equal = str_eq(value, "equal");
		return 0;
	}
	if (str_eq(key, "size") && str_eq(value, "mix")) {
		o->size = SYNTH_SIZE_MIX;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v;

		if (!str_eq(key, rows[i].key))
			continue;
		if (str_u64(value, false, &v) || v < rows[i].min || v > rows[i].max)
			return err_set(e, ERR_USAGE,
				       "synth: %s=%s: give a number from %llu to %llu", key, value,
				       (unsigned long long)rows[i].min,
				       (unsigned long long)rows[i].max);
		*rows[i].to = v;
		return 0;
	}
	return err_set(
		e, ERR_USAGE,
		"synth: unknown key \"%s\"; there are containers, apps, rate, seconds, size, "
		"share, seed, start, counters, loss, realtime",
		key);
}

static int options_parse(struct synth_options *o, const char *what, struct err *e)
{
	cleanup_free char *copy = xstrdup(what);
	char *save = NULL;

	*o = (struct synth_options){.containers = 200,
				    .apps = 10,
				    .rate = 100000,
				    .seconds = 25,
				    .seed = 1,
				    .start = START_DEFAULT,
				    .counters = 1};
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *value = strchr(p, '=');

		if (!value)
			return err_set(e, ERR_USAGE, "synth: \"%s\" is not of the form key=value",
				       p);
		*value++ = '\0';
		if (option_set(o, p, value, e))
			return -1;
	}
	o->apps = MIN(o->apps, o->containers);
	return 0;
}

/* ---- who there is ---- */

struct identity {
	const char *meta[META_KEYS];
	char *owned[META_KEYS];
};

static char *make_uuid(uint64_t seed, uint64_t n)
{
	uint64_t a = hash_u64(hash_u64(seed) + n), b = hash_u64(a);

	return xasprintf("%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
			 (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
			 (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
			 (unsigned long long)(b & 0xffffffffffffull));
}

static void identity_make(struct identity *id, const struct synth *s, uint32_t c)
{
	char buf[32], flat[32];
	const char *app = synth_app(c % (uint32_t)s->o.apps, buf), *leaf = strrchr(app, '/') + 1;
	cleanup_free char *uuid = make_uuid(s->o.seed, 2 * c + 1);
	unsigned port = synth_port_block((uint32_t)s->o.containers, c);
	size_t n = 0;

	for (const char *p = app + 1; *p; p++)
		flat[n++] = *p == '/' ? '_' : *p;
	flat[n] = '\0';
	memset(id, 0, sizeof(*id));
	id->owned[META_APP] = xstrdup(app);
	id->owned[META_TASK] = xasprintf("%s.%s", flat, uuid);
	id->owned[META_FRAMEWORK] = xstrdup("marathon");
	id->owned[META_CONTAINER] = make_uuid(s->o.seed, 2 * c);
	id->owned[META_AGENT] = xstrdup("5a7e6c10-3b1f-4d7e-9c51-0f6a2d9b8e44-S0");
	id->owned[META_IMAGE] = xasprintf("%.*s/%s:1.%u", (int)(leaf - app - 2), app + 1, leaf,
					  (unsigned)(c % s->o.apps));
	id->owned[META_NAME] = xasprintf("%s.%u", leaf, (unsigned)(c / s->o.apps));
	id->owned[META_TASK_NAME] = xasprintf("%s.%.*s", leaf, (int)(leaf - app - 2), app + 1);
	id->owned[META_FRAMEWORK_ID] = xstrdup("5a7e6c10-3b1f-4d7e-9c51-0f6a2d9b8e44-0000");
	id->owned[META_RUNTIME] = xstrdup("mesos");
	id->owned[META_HOSTNAME] = xstrdup("agent1");
	id->owned[META_RUNG] = xstrdup("synth");
	id->owned[META_TASK_STATE] = xstrdup("TASK_RUNNING");
	id->owned[META_PORTS] = xasprintf("%u-%u", port, port + 7);
	for (int i = 0; i < META_KEYS; i++)
		id->meta[i] = id->owned[i];
}

static void identity_done(struct identity *id)
{
	for (int i = 0; i < META_KEYS; i++)
		free(id->owned[i]);
}

static int announce(struct synth *s, const struct sink *sink, uint32_t c)
{
	const struct synth_host *h = synth_traffic_host(s->traffic, c);
	struct identity id;
	struct container_record container = {.start = s->start};
	struct iface_record r = {.number = c,
				 .container = &container,
				 .linktype = LINKTYPE_ETHERNET,
				 .snaplen = s->snaplen,
				 .sample = s->sample,
				 .has_mac = true,
				 .has_ipv4 = true,
				 .ipv4_mask = {255, 255, 0, 0}};

	identity_make(&id, s, c);
	memcpy(container.meta, id.meta, sizeof(id.meta));
	memcpy(r.mac, h->mac, 6);
	memcpy(r.ipv4, h->ip, 4);
	cleanup_free char *name = xasprintf("%s:eth0", id.meta[META_NAME]);
	r.name = name;
	int rc = sink->container(sink->ctx, &container);
	if (!rc)
		rc = sink->iface(sink->ctx, &r);
	identity_done(&id);
	return rc;
}

/* ---- events that are no packets ---- */

static bool in_query(const struct synth *s, enum event_type type, uint32_t c, uint64_t ts)
{
	return s->types >> type & 1 && s->wanted[c] && ts >= s->from && ts <= s->to;
}

static int emit_notice(struct synth *s, const struct sink *sink, uint32_t c, uint64_t ts,
		       enum event_type type, uint32_t lost)
{
	static const char *const kinds[] = {"container_start", "container_end", "drop"};
	static const char *const verbs[] = {"started", "ended", "ring full: packets lost"};
	unsigned kind = type == EVENT_DROP ? 2 : ts > s->start;
	struct identity id;
	struct text t = {0};
	int rc = 0;

	if (!in_query(s, type, c, ts))
		return 0;
	identity_make(&id, s, c);
	cleanup_free char *message = kind == 2 ? xasprintf("%s: %u", verbs[kind], lost)
					       : xasprintf("%s %s: task=%s app=%s",
							   id.meta[META_NAME], verbs[kind],
							   id.meta[META_TASK], id.meta[META_APP]);
	notice_format(&t, ts, kinds[kind], kind == 2 ? 4 : 6, id.meta, message);
	if (kind == 2) {
		cleanup_free char *count = xasprintf("%u", lost);
		notice_add(&t, "DREDGE_COUNT", count);
	}
	struct event ev = {.ts = ts,
			   .data = (const uint8_t *)t.data,
			   .caplen = (uint32_t)t.len,
			   .len = (uint32_t)t.len,
			   .iface = c,
			   .container = CONTAINER_NONE,
			   .type = (uint16_t)type,
			   .lost = lost,
			   .weight = 1};
	rc = sink->event(sink->ctx, &ev);
	s->delivered++;
	text_done(&t);
	identity_done(&id);
	return rc;
}

/* Network counters are what was sent so far; the rest grows or swings with them. */
static int emit_counters(struct synth *s, const struct sink *sink, uint64_t ts)
{
	uint64_t elapsed = ts - s->start;

	for (uint32_t c = 0; c < s->o.containers; c++) {
		struct counters *k = &s->counters[c];
		uint64_t r = hash_u64(s->o.seed ^ ts ^ c);
		uint64_t traffic = k->value[COUNTER_NET_RX_BYTES] + k->value[COUNTER_NET_TX_BYTES];

		counters_set(k, COUNTER_CPUS_USER, elapsed / 50 + traffic * 3);
		counters_set(k, COUNTER_CPUS_SYSTEM, elapsed / 100 + traffic * 2);
		counters_set(k, COUNTER_MEM_TOTAL, (96ull << 20) + (r & 0xffffff));
		counters_set(k, COUNTER_MEM_LIMIT, 256ull << 20);
		counters_set(k, COUNTER_MEM_RSS, (64ull << 20) + (r & 0x7fffff));
		counters_set(k, COUNTER_DISK_WRITE_BYTES, traffic / 64 & ~4095ull);
		counters_set(k, COUNTER_PROCESSES, 1 + c % 4);
		counters_set(k, COUNTER_THREADS, 4 + c % 13);
		if (!in_query(s, EVENT_COUNTERS, c, ts))
			continue;
		struct event ev = {.ts = ts,
				   .data = (const uint8_t *)k,
				   .caplen = sizeof(*k),
				   .len = sizeof(*k),
				   .iface = c,
				   .container = CONTAINER_NONE,
				   .type = EVENT_COUNTERS,
				   .weight = 1};
		s->delivered++;
		int rc = sink->event(sink->ctx, &ev);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- packets ---- */

static int emit_sight(struct synth *s, const struct sink *sink, const struct synth_packet *p,
		      uint32_t c, uint64_t ts, bool twice)
{
	struct counters *k = &s->counters[c];
	bool out = c == p->from;

	s->packets++;
	k->value[out ? COUNTER_NET_TX_PACKETS : COUNTER_NET_RX_PACKETS]++;
	k->value[out ? COUNTER_NET_TX_BYTES : COUNTER_NET_RX_BYTES] += p->len;
	if (s->sample > 1 && hash_u64(p->key ^ s->o.seed) % s->sample) {
		s->sampled_out++;
		return 0;
	}
	if (!in_query(s, EVENT_PACKET, c, ts))
		return 0;
	struct event ev = {.ts = ts,
			   .data = p->data,
			   .len = p->len,
			   .caplen = s->snaplen ? MIN(p->len, s->snaplen) : p->len,
			   .iface = c,
			   .container = CONTAINER_NONE,
			   .type = EVENT_PACKET,
			   .flags = (out ? EVENT_OUT : EVENT_IN) | EVENT_CSUM_VALID,
			   .weight = s->sample,
			   .packet_id = twice ? PACKET_ID_OF_BYTES : 0};
	s->delivered++;
	return sink->event(sink->ctx, &ev);
}

static uint64_t time_of(const struct synth *s, uint64_t n)
{
	uint64_t rate = s->o.rate;

	return s->start + n / rate * NSEC_PER_SEC + n % rate * NSEC_PER_SEC / rate;
}

static int emit_packet(struct synth *s, const struct sink *sink)
{
	struct synth_packet p;
	uint64_t ts = time_of(s, s->packets);
	int rc = 0;

	synth_traffic_next(s->traffic, ts, &p);
	/* The last packet of the run has room for one sight only. */
	bool last = s->packets + 1 == s->total;
	bool twice = p.from != IFACE_NONE && p.to != IFACE_NONE && !last;
	if (p.from != IFACE_NONE)
		rc = emit_sight(s, sink, &p, p.from, ts, twice);
	if (rc || p.to == IFACE_NONE || (last && p.from != IFACE_NONE))
		return rc;
	if (twice) {
		synth_traffic_hop(s->traffic, &p);
		ts = time_of(s, s->packets);
	}
	return emit_sight(s, sink, &p, p.to, ts, twice);
}

/* ---- running ---- */

static int run_tick(struct synth *s, const struct sink *sink, uint64_t *next)
{
	uint64_t now = time_now();

	if (now < *next || !sink->tick)
		return 0;
	*next = now + TICK_NS;
	(void)s;
	return sink->tick(sink->ctx, now);
}

/* Realtime: wait until the moment of the next packet. Returns the sink's answer. */
static int pace(struct synth *s, const struct sink *sink, uint64_t *next_tick)
{
	const struct timespec nap = {.tv_nsec = 2 * NSEC_PER_MSEC};
	int rc = run_tick(s, sink, next_tick);

	while (!rc && !atomic_load_explicit(&s->base.stop, memory_order_relaxed) &&
	       time_of(s, s->packets) > time_now()) {
		nanosleep(&nap, NULL);
		rc = run_tick(s, sink, next_tick);
	}
	return rc;
}

static int run_periods(struct synth *s, const struct sink *sink)
{
	uint64_t step = s->o.counters ? NSEC_PER_SEC / s->o.counters : UINT64_MAX;
	uint64_t counters_at = s->o.counters ? s->start + step : UINT64_MAX;
	uint64_t loss_at = s->o.loss ? s->start + NSEC_PER_SEC : UINT64_MAX;
	uint64_t next_tick = 0;
	int rc = 0;

	while (!rc && s->packets < s->total) {
		uint64_t ts = time_of(s, s->packets);

		if (UNLIKELY(ts >= counters_at)) {
			rc = emit_counters(s, sink, counters_at);
			counters_at += step;
		}
		if (UNLIKELY(ts >= loss_at && !rc)) {
			uint64_t second = (loss_at - s->start) / NSEC_PER_SEC;
			rc = emit_notice(s, sink, (uint32_t)(second % s->o.containers), loss_at,
					 EVENT_DROP, (uint32_t)s->o.loss);
			s->lost += s->o.loss;
			loss_at += NSEC_PER_SEC;
		}
		if (!rc && s->o.realtime && s->packets % 64 < 2)
			rc = pace(s, sink, &next_tick);
		if (atomic_load_explicit(&s->base.stop, memory_order_relaxed))
			return 0;
		if (!rc)
			rc = emit_packet(s, sink);
	}
	if (!rc && s->o.counters)
		rc = emit_counters(s, sink, time_of(s, s->packets));
	return rc;
}

static int synth_prepare(struct synth *s, const struct reader_query *q, const struct sink *sink)
{
	static const struct reader_query all = {.to = UINT64_MAX};
	uint32_t n = (uint32_t)s->o.containers;
	int rc = 0;

	q = q ? q : &all;
	synth_traffic_free(s->traffic);
	s->traffic = synth_traffic_new(n, (uint32_t)s->o.apps, (uint32_t)s->o.size, s->o.equal,
				       s->o.seed);
	memset(s->counters, 0, n * sizeof(*s->counters));
	s->packets = s->delivered = s->sampled_out = s->lost = 0;
	s->start = s->o.start != START_DEFAULT ? s->o.start * NSEC_PER_SEC
		   : s->o.realtime	       ? time_now()
					       : 1700000000 * NSEC_PER_SEC;
	s->total = s->o.seconds ? s->o.rate * s->o.seconds : UINT64_MAX;
	s->from = q->from;
	s->to = q->to;
	s->types = q->types ? q->types : UINT32_MAX;
	for (uint32_t c = 0; c < n && !rc; c++) {
		for (int k = COUNTER_NET_RX_PACKETS; k <= COUNTER_NET_TX_DROPPED; k++)
			counters_set(&s->counters[c], k, 0);
		rc = announce(s, sink, c);
		s->wanted[c] = !q->iface_wanted || q->iface_wanted(q->ctx, c);
	}
	return rc;
}

static int synth_run(struct source *base, const struct reader_query *q, const struct sink *sink,
		     struct err *e)
{
	struct synth *s = (struct synth *)base;
	int rc = synth_prepare(s, q, sink);

	(void)e;
	for (uint32_t c = 0; c < s->o.containers && !rc; c++)
		rc = emit_notice(s, sink, c, s->start, EVENT_NOTICE, 0);
	if (!rc)
		rc = run_periods(s, sink);
	uint64_t end = time_of(s, s->packets);
	for (uint32_t c = 0; c < s->o.containers && !rc; c++)
		rc = emit_notice(s, sink, c, end, EVENT_NOTICE, 0);
	return rc ? 1 : 0;
}

static void synth_stats(const struct source *base, struct source_stats *out)
{
	const struct synth *s = (const struct synth *)base;

	*out = (struct source_stats){.seen = s->packets + s->lost,
				     .lost = s->lost,
				     .sampled_out = s->sampled_out,
				     .delivered = s->delivered,
				     .containers = s->o.containers,
				     .interfaces = s->o.containers};
}

static double synth_progress(const struct source *base)
{
	const struct synth *s = (const struct synth *)base;

	return s->o.seconds && s->total ? (double)s->packets / (double)s->total : -1;
}

static void synth_close(struct source *base)
{
	struct synth *s = (struct synth *)base;

	synth_traffic_free(s->traffic);
	free(s->counters);
	free(s->wanted);
	free(s);
}

static struct source *synth_open(const char *what, const struct source_options *o, struct err *e)
{
	struct synth_options so;

	if (options_parse(&so, what, e))
		return NULL;
	/* -s and --sample are obeyed. */
	if (o && (o->capture_filter || o->mesos_cgroup || (o->interfaces && *o->interfaces))) {
		err_set(e, ERR_USAGE,
			"synth: makes traffic up: --interface, --capture-filter and --cgroups-root "
			"are for live traffic");
		return NULL;
	}
	struct synth *s = xcalloc(1, sizeof(*s));
	s->o = so;
	s->snaplen = o ? o->snaplen : 0;
	s->sample = o && o->sample ? o->sample : 1;
	s->counters = xcalloc(so.containers, sizeof(*s->counters));
	s->wanted = xcalloc(so.containers, sizeof(*s->wanted));
	return &s->base;
}

const struct source_kind source_synth = {
	.scheme = "synth:",
	.open = synth_open,
	.run = synth_run,
	.stats = synth_stats,
	.progress = synth_progress,
	.close = synth_close,
};
