/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/savefile.h"
#include "walk.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define START (1700000000 * NSEC_PER_SEC)

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[2][400];
	static unsigned turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/writer_test.XXXXXX");
	setenv("TZ", "UTC", 1);
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	DIR *d = opendir(folder);
	for (struct dirent *f; (f = readdir(d));)
		if (f->d_type == DT_REG)
			unlink(in_folder(f->d_name));
	closedir(d);
	return rmdir(folder);
}

static struct writer *start(struct writer_options o, const char *name)
{
	struct err e = {0};

	o.path = in_folder(name);
	assert_int_equal(savefile_format_of(name, &o.format, &e), 0);
	struct writer *w = writer_open(&o, &e);
	if (!w)
		fail_msg("%s", e.message);
	return w;
}

static void announce(struct writer *w, uint32_t number, const char *task)
{
	struct container_record c = {.meta[META_CONTAINER] = "c0ffee", .meta[META_TASK] = task};
	struct iface_record r = {
		.number = number,
		.name = "web.0:eth0",
		.container = &c,
		.linktype = 1,
		.sample = 1,
	};

	assert_int_equal(writer_iface(w, &r, NULL), 0);
}

static int add_lost(void *ctx, struct event *ev)
{
	*(uint64_t *)ctx += ev->type == EVENT_DROP ? ev->lost : 0;
	return 0;
}

static int any_iface(void *ctx, const struct iface_record *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

static int any_container(void *ctx, const struct container_record *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

/* Packets that drop events tell of who reads it. */
static uint64_t lost_of(const char *path)
{
	const struct reader_query all = {.to = UINT64_MAX};
	uint64_t lost = 0;
	const struct sink sink = {
		.ctx = &lost, .iface = any_iface, .container = any_container, .event = add_lost};
	struct reader *r = reader_open(path, NULL);

	assert_non_null(r);
	assert_int_equal(reader_run(r, &all, &sink, NULL), 0);
	reader_close(r);
	return lost;
}

static uint8_t noise[SAVEFILE_MAX_PACKET];

static struct event packet(uint32_t iface, uint64_t ms, uint32_t caplen)
{
	return (struct event){
		.ts = START + ms * NSEC_PER_MSEC,
		.data = noise,
		.caplen = caplen,
		.len = caplen,
		.iface = iface,
		.type = EVENT_PACKET,
		.weight = 1,
	};
}

static void put(struct writer *w, struct event ev)
{
	struct err e = {0};

	if (writer_event(w, &ev, &e))
		fail_msg("%s", e.message);
}

static void put_notice(struct writer *w, uint64_t ms, const char *text)
{
	struct event ev = packet(IFACE_NONE, ms, (uint32_t)strlen(text));

	ev.type = EVENT_NOTICE;
	ev.data = (const uint8_t *)text;
	put(w, ev);
}

static void finish(struct writer *w)
{
	struct err e = {0};

	if (writer_close(w, &e))
		fail_msg("%s", e.message);
}

/* ---- bytes ---- */

static void pcap_bytes(void **state)
{
	static const uint8_t want[] = {
		0x4d,
		0x3c,
		0xb2,
		0xa1,
		2,
		0,
		4,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		4,
		0,
		1,
		0,
		0,
		0,
		/* record: 1700000000 s, 5000000 ns, 3 of 60 bytes */
		0x00,
		0xf1,
		0x53,
		0x65,
		0x40,
		0x4b,
		0x4c,
		0,
		3,
		0,
		0,
		0,
		60,
		0,
		0,
		0,
		'a',
		'b',
		'c',
	};
	struct writer *w = start((struct writer_options){0}, "a.pcap");
	size_t n;

	(void)state;
	announce(w, 0, NULL);
	struct event ev = packet(0, 5, 3);
	ev.data = (const uint8_t *)"abc";
	ev.len = 60;
	put(w, ev);
	put_notice(w, 6, "MESSAGE=not for pcap\n");
	finish(w);
	cleanup_free uint8_t *got = walk_load(in_folder("a.pcap"), &n);
	assert_int_equal(n, sizeof(want));
	assert_memory_equal(got, want, n);
}

static void packet_bytes(void **state)
{
	static const uint8_t want[] = {
		6, 0, 0, 0, 72, 0, 0, 0, 0, 0, 0, 0,
		/* 1700000000005000000 = 0x17979cfe_3d4d0b40, high half first */
		0xfe, 0x9c, 0x97, 0x17, 0x40, 0x0b, 0x4d, 0x3d, 5, 0, 0, 0, 60, 0, 0, 0, 'a', 'b',
		'c', 'd', 'e', 0, 0, 0, 2, 0, 4, 0, 1, 0, 0, 0, /* flags: in */
		4, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0,		/* dropcount */
		5, 0, 8, 0, 0xef, 0xbe, 0xad, 0xde, 0, 0, 0, 0, /* packetid */
	};
	/* custom option 2989 of 6 bytes: 32473, kind 3, version 1 */
	static const uint8_t twice[] = {0xad, 0x0b, 6, 0, 0xd9, 0x7e, 0, 0, 3, 1, 0, 0};
	struct writer *w = start((struct writer_options){0}, "a.pcapng");

	(void)state;
	announce(w, 0, NULL);
	struct event ev = packet(0, 5, 5);
	ev.data = (const uint8_t *)"abcde";
	ev.len = 60;
	ev.flags = EVENT_IN;
	ev.lost = 7;
	ev.packet_id = 0xdeadbeef;
	put(w, ev);
	put(w, packet(0, 6, 4)); /* without options: 32 bytes and the data */
	struct event again = packet(0, 7, 4);
	again.packet_id = PACKET_ID_OF_BYTES;
	put(w, again);
	finish(w);
	struct walk *f = walk_open(in_folder("a.pcapng"));
	const struct walk_block *b = walk_block(f, 6, 0);
	assert_int_equal(b->size, sizeof(want) + 8);
	assert_int_equal(load_le64(b->data + 12) << 32 | load_le64(b->data + 12) >> 32, ev.ts);
	assert_memory_equal(b->data + 8, "\0\0\0\0", 4);
	assert_memory_equal(b->data + 20, want + 20, sizeof(want) - 20);
	assert_int_equal(load_le32(b->data + sizeof(want)), 0); /* end of options */
	assert_int_equal(walk_block(f, 6, 1)->size, 36);
	b = walk_block(f, 6, 2);
	assert_int_equal(b->size, 36 + sizeof(twice) + 4);
	assert_memory_equal(b->data + 32, twice, sizeof(twice));
	walk_close(f);
}

static void description(void **state)
{
	struct container_record c = {
		.meta = {[META_APP] = "/shop/web",
			 [META_TASK] = "web.1 x",
			 [META_CONTAINER] = "c0",
			 [META_RUNTIME] = "mesos",
			 [META_TASK_LABELS] = "team=a%20b\nq=\"1\""},
		.start = 17,
	};
	struct iface_record r = {
		.name = "web.1:eth0",
		.container = &c,
		.linktype = 1,
		.snaplen = 96,
		.sample = 10,
		.mac = {2, 0, 0, 0, 0, 1},
		.has_mac = true,
		.has_ipv4 = true,
		.has_ipv6 = true,
		.ipv4 = {10, 0, 0, 2},
		.ipv4_mask = {255, 255, 255, 0},
		.ipv6 = {0xfd},
		.ipv6_prefix = 64,
		.tx_limit = 1000,
		.rx_limit = 2000,
	};
	static const char json[] = "{\"runtime\":\"mesos\",\"labels\":{\"team\":\"a b\","
				   "\"q\":\"\\\"1\\\"\"},\"start\":17,\"sample\":10}";
	static const struct {
		unsigned code, size;
		const char *value;
	} rows[] = {
		{2, 10, "web.1:eth0"},
		{3, 41, "app=/shop/web task=web.1%20x container=c0"},
		{9, 1, "\x09"},
		{4, 8, "\x0a\0\0\x02\xff\xff\xff\0"},
		{5, 17, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40"},
		{6, 6, "\2\0\0\0\0\1"},
		{16, 8, "\xe8\3\0\0\0\0\0\0"},
		{17, 8, "\xd0\7\0\0\0\0\0\0"},
	};
	struct writer *w = start((struct writer_options){.description = "{\"host\":\"h\"}"},
				 "d.pcapng");

	(void)state;
	assert_int_equal(writer_iface(w, &r, NULL), 0);
	put(w, packet(0, 0, 60));
	finish(w);
	struct walk *f = walk_open(in_folder("d.pcapng"));
	const struct walk_block *b = walk_block(f, 1, 0);
	unsigned n;
	assert_int_equal(load_le16(b->data + 8), 1);
	assert_int_equal(load_le32(b->data + 12), 96);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint8_t *v = walk_option(b, 16, rows[i].code, &n);
		assert_non_null(v);
		assert_int_equal(n, rows[i].size);
		assert_memory_equal(v, rows[i].value, n);
	}
	assert_null(walk_option(b, 16, 8, &n)); /* both directions differ: no if_speed */
	const uint8_t *v = walk_option(b, 16, 2988, &n);
	assert_int_equal(n, 4 + strlen(json));
	assert_memory_equal(v + 4, json, strlen(json));
	v = walk_option(walk_block(f, 0x0a0d0d0a, 0), 24, 2988, &n);
	assert_int_equal(n, 4 + 23);
	assert_memory_equal(v + 4, "{\"dredge\":1,\"host\":\"h\"}", 23);
	walk_close(f);
}

/* ---- chunks ---- */

static bool has_part(const struct walk_chunk *c, uint32_t idb)
{
	for (unsigned i = 0; i < c->parts; i++)
		if (load_le32(c->part + 36 * i) == idb)
			return true;
	return false;
}

static void check_chunk(const struct walk *f, unsigned number)
{
	const struct walk_chunk *c = &f->chunks[number];
	uint64_t packets = 0, bytes = 0, counters = 0, last = 0, part_packets = 0, part_bytes = 0,
		 part_counters = 0;
	bool head = true;

	for (unsigned i = 0; i < f->block_count; i++) {
		const struct walk_block *b = &f->blocks[i];
		if (b->chunk != number)
			continue;
		if (!c->data) {
			assert_true(b->type == 0x0a0d0d0a || b->type == 1 || b->type == 9);
			continue;
		}
		assert_true(b->type == 5 || b->type == 6);
		assert_true(has_part(c, load_le32(b->data + 8)));
		if (!head) {
			assert_in_range(walk_time(b), MAX(last, c->first), c->last);
			last = walk_time(b);
			packets += b->type == 6;
			counters += b->type == 5;
			bytes += b->type == 6 ? load_le32(b->data + 24) : 0;
		}
		head = false;
	}
	for (unsigned i = 0; i < c->parts; i++) {
		const uint8_t *p = c->part + 36 * i;
		part_packets += load_le32(p + 4);
		part_bytes += load_le64(p + 8);
		part_counters += load_le32(p + 28);
	}
	assert_int_equal(packets, part_packets);
	assert_int_equal(bytes, part_bytes);
	assert_int_equal(counters, part_counters);
}

static void check_chunks(const struct walk *f)
{
	for (unsigned i = 0; i < f->chunk_count; i++)
		check_chunk(f, i);
}

/* Interfaces 0 and 1 have little and share; 2 has 700 KB and is cut in three; the sample stands
 * alone. */
static void clustering(void **state)
{
	struct writer *w = start((struct writer_options){0}, "c.pcapng.lz4");
	struct counters k = {0};

	(void)state;
	for (uint32_t i = 0; i < 4; i++) /* 3 stays silent and undescribed */
		announce(w, i, NULL);
	counters_set(&k, COUNTER_NET_RX_BYTES, 4711);
	for (uint32_t i = 0; i < 700; i++) {
		put(w, packet(2, i, 1000));
		if (i % 100 == 0)
			put(w, packet(i / 100 & 1, i, 60));
	}
	struct event sample = packet(1, 699, sizeof(k));
	sample.type = EVENT_COUNTERS;
	sample.data = (const uint8_t *)&k;
	put(w, sample);
	put_notice(w, 699, "__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n");
	put(w, packet(0, 1700, 60)); /* the next window */
	finish(w);

	struct walk *f = walk_open(in_folder("c.pcapng.lz4"));
	assert_true(f->complete);
	check_chunks(f);
	assert_int_equal(walk_count(f, 1), 3);
	assert_int_equal(walk_count(f, 6), 708);
	assert_int_equal(walk_count(f, 9), 1);
	assert_int_equal(f->chunk_count, 8);
	assert_int_equal(f->lists, 2);
	assert_true(f->ended);
	static const struct {
		bool data;
		uint32_t window, parts;
	} rows[] = {{0}, {0}, {1, 0, 2}, {1, 0, 1}, {1, 0, 1}, {1, 0, 1}, {1, 0, 1}, {1, 1, 1}};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(f->chunks[i].data, rows[i].data);
		assert_int_equal(f->chunks[i].window, rows[i].window);
		assert_int_equal(f->chunks[i].parts, rows[i].parts);
		assert_true(f->chunks[i].bytes < SAVEFILE_CHUNK_BYTES + 2048);
	}
	const struct walk_block *b = walk_block(f, 5, 5);
	unsigned n;
	const uint8_t *v = walk_option(b, 20, 19373, &n);
	assert_memory_equal(v, "\xd9\x7e\0\0\2\1\1\0\1\0\x67\x12\0\0\0\0\0\0", 18);
	walk_close(f);
}

static void second_sights(void **state)
{
	struct writer *w = start((struct writer_options){0}, "s.pcapng.lz4");

	(void)state;
	announce(w, 0, NULL);
	for (uint32_t i = 0; i < 12; i++) {
		struct event ev = packet(0, i, 50);
		ev.len = 100;
		ev.flags = i & 1 ? EVENT_IN : i ? EVENT_OUT : 0;
		ev.packet_id = i % 3 ? i : 0;
		ev.lost = i == 5 ? 9 : 0;
		put(w, ev);
	}
	finish(w);
	struct walk *f = walk_open(in_folder("s.pcapng.lz4"));
	const uint8_t *p = f->chunks[f->chunk_count - 1].part;
	assert_int_equal(load_le32(p + 4), 12);
	assert_int_equal(load_le64(p + 8), 1200);
	assert_int_equal(load_le64(p + 16), 600);
	assert_int_equal(load_le32(p + 24), 4); /* 1 5 7 11: in, and with an id */
	assert_int_equal(load_le32(p + 28), 0);
	assert_int_equal(load_le32(p + 32), 9);
	const uint8_t *ways = f->chunks[f->chunk_count - 1].ways;
	assert_int_equal(load_le32(ways), 6);
	assert_int_equal(load_le32(ways + 4), 5); /* one is of no known way */
	assert_int_equal(load_le64(ways + 8), 600);
	assert_int_equal(load_le64(ways + 16), 500);
	walk_close(f);
}

static void out_of_order(void **state)
{
	struct writer *w = start((struct writer_options){0}, "o.pcapng.lz4");

	(void)state;
	announce(w, 0, NULL);
	announce(w, 1, NULL);
	for (uint32_t i = 0; i < 200; i++) {
		put(w, packet(0, 500 - i, 1000));
		put(w, packet(1, 500 - i, 60));
	}
	finish(w);
	struct walk *f = walk_open(in_folder("o.pcapng.lz4"));
	check_chunks(f);
	assert_int_equal(walk_count(f, 6), 400);
	walk_close(f);
}

/* editcap and mergecap refuse a file whose first record stands before every description. */
static void description_first(void **state)
{
	static const char *const names[] = {"i.pcapng", "i.pcapng.lz4"};

	(void)state;
	for (unsigned k = 0; k < 2 * ARRAY_SIZE(names); k++) {
		struct writer *w = start((struct writer_options){0}, names[k / 2]);
		put_notice(w, 0, "__REALTIME_TIMESTAMP=1\nMESSAGE=a container started\n");
		put_notice(w, 0, "__REALTIME_TIMESTAMP=2\nMESSAGE=and another\n");
		announce(w, 0, "shop_web.1");
		announce(w, 1, "shop_web.2");
		if (k % 2) /* else notices are all there is */
			put(w, packet(1, 1, 60));
		put_notice(w, 2, "__REALTIME_TIMESTAMP=3\nMESSAGE=the end\n");
		finish(w);
		struct walk *f = walk_open(in_folder(names[k / 2]));
		unsigned n;
		assert_int_equal(walk_count(f, 1), 1);
		assert_int_equal(walk_count(f, 9), 3);
		assert_true(walk_block(f, 1, 0) < walk_block(f, 9, 0));
		const char *task = k % 2 ? "task=shop_web.2 container=c0ffee"
					 : "task=shop_web.1 container=c0ffee";
		const uint8_t *v = walk_option(walk_block(f, 1, 0), 16, 3, &n);
		assert_int_equal(n, strlen(task));
		assert_memory_equal(v, task, n);
		walk_close(f);
	}
}

static void identity_change(void **state)
{
	static const char *const names[] = {"i.pcapng", "i.pcapng.lz4"};

	(void)state;
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
		struct writer *w = start((struct writer_options){0}, names[k]);
		announce(w, 0, NULL);
		put(w, packet(0, 0, 60));
		announce(w, 0, NULL); /* nothing new */
		put(w, packet(0, 1, 60));
		announce(w, 0, "shop_web.1");
		put(w, packet(0, 2, 60));
		finish(w);
		struct walk *f = walk_open(in_folder(names[k]));
		unsigned n;
		assert_int_equal(walk_count(f, 1), 2);
		const uint8_t *v = walk_option(walk_block(f, 1, 0), 16, 3, &n);
		assert_int_equal(n, 16);
		assert_memory_equal(v, "container=c0ffee", n);
		v = walk_option(walk_block(f, 1, 1), 16, 3, &n);
		assert_int_equal(n, 32);
		assert_memory_equal(v, "task=shop_web.1 container=c0ffee", n);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(load_le32(walk_block(f, 6, i)->data + 8), i == 2);
		walk_close(f);
	}
}

/* Also in a chunk of its own. */
static void identity_change_large(void **state)
{
	struct writer *w = start((struct writer_options){0}, "i.pcapng.lz4");

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		announce(w, 0, i < 40 ? "a" : "b");
		put(w, packet(0, i, 1000));
	}
	finish(w);
	struct walk *f = walk_open(in_folder("i.pcapng.lz4"));
	check_chunks(f);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(load_le32(walk_block(f, 6, i)->data + 8), i >= 40);
	walk_close(f);
}

static void window_by_bytes(void **state)
{
	struct writer *w = start((struct writer_options){.window_bytes = 1 << 20}, "w.pcapng.lz4");
	size_t bytes[4] = {0};

	(void)state;
	announce(w, 0, NULL);
	for (uint32_t i = 0; i < 3000; i++)
		put(w, packet(0, i / 4, 1000)); /* 1040 bytes each, all in one second */
	finish(w);
	struct walk *f = walk_open(in_folder("w.pcapng.lz4"));
	check_chunks(f);
	assert_int_equal(walk_count(f, 6), 3000);
	for (unsigned i = 0; i < f->chunk_count; i++) {
		assert_in_range(f->chunks[i].window, 0, 2);
		if (f->chunks[i].data)
			bytes[f->chunks[i].window] += f->chunks[i].bytes;
	}
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(bytes[i], 1 << 20, (1 << 20) + 4096);
	walk_close(f);
}

/* More descriptions than fit in one LZ4 block. */
static void many_interfaces(void **state)
{
	struct writer *w = start((struct writer_options){0}, "m.pcapng.lz4");
	cleanup_free char *task = xmalloc(2001);

	(void)state;
	memset(task, 't', 2000);
	task[2000] = 0;
	for (uint32_t i = 0; i < 1100; i++)
		announce(w, i, task);
	for (uint32_t i = 0; i < 2200; i++)
		put(w, packet(i % 1100, i, 60)); /* in three windows */
	finish(w);
	struct walk *f = walk_open(in_folder("m.pcapng.lz4"));
	check_chunks(f);
	assert_int_equal(walk_count(f, 1), 1100);
	assert_int_equal(walk_count(f, 6), 2200);
	assert_int_equal(f->lists, 3);
	assert_true(f->ended);
	walk_close(f);
}

/* What a kill leaves: everything up to the last tick, without an end mark. */
static void killed(void **state)
{
	struct writer *w = start((struct writer_options){0}, "k.pcapng.lz4");

	(void)state;
	announce(w, 0, NULL);
	put(w, packet(0, 0, 60));
	assert_int_equal(writer_tick(w, START + NSEC_PER_SEC / 2, NULL), 0);
	struct walk *f = walk_open(in_folder("k.pcapng.lz4"));
	assert_int_equal(walk_count(f, 6), 0); /* the window is open */
	walk_close(f);
	/* The next tick would come too late for what is lost at most. */
	assert_int_equal(writer_tick(w, START + 9 * NSEC_PER_SEC / 10, NULL), 0);
	f = walk_open(in_folder("k.pcapng.lz4"));
	assert_int_equal(walk_count(f, 6), 1);
	assert_false(f->complete);
	walk_close(f);
	put(w, packet(0, 5000, 60));
	assert_int_equal(writer_tick(w, START, NULL), 0); /* somebody set the clock back */
	f = walk_open(in_folder("k.pcapng.lz4"));
	assert_int_equal(walk_count(f, 6), 2);
	walk_close(f);
	finish(w);
	struct stat st;
	assert_int_equal(stat(in_folder("k.pcapng.lz4"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Lists of contents would have to name an interface. */
static void no_interface(void **state)
{
	struct writer *w = start((struct writer_options){0}, "n.pcapng.lz4");

	(void)state;
	put_notice(w, 0, "__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n");
	finish(w);
	struct walk *f = walk_open(in_folder("n.pcapng.lz4"));
	assert_int_equal(walk_count(f, 9), 1);
	assert_int_equal(f->lists, 0);
	walk_close(f);
}

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void list_folder(char *out, size_t size)
{
	static char names[64][80];
	unsigned n = 0;
	DIR *d = opendir(folder);

	for (struct dirent *f; (f = readdir(d));)
		if (f->d_type == DT_REG && n < ARRAY_SIZE(names))
			snprintf(names[n++], sizeof(names[0]), "%.79s", f->d_name);
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	*out = 0;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? " " : "", names[i]);
}

/* 40 packets of 1000 bytes, one every half second. */
static void rotation_names(void **state)
{
	static const struct {
		const char *name;
		struct writer_options o;
		const char *want;
	} rows[] = {
		{"c.pcapng.lz4", {0}, "c.pcapng.lz4"},
		{"c.pcapng.lz4",
		 {.rotate_events = 15},
		 "c0.pcapng.lz4 c1.pcapng.lz4 c2.pcapng.lz4"},
		{"c.pcapng",
		 {.rotate_events = 10, .rotate_files = 3},
		 "c0.pcapng c1.pcapng c2.pcapng"},
		{"c.pcap", {.rotate_events = 20, .rotate_files = 12}, "c00.pcap c01.pcap"},
		{"c.scap", {.rotate_events = 20}, "c.scap0 c.scap1"},
		{"c.pcap", {.rotate_bytes = 15000}, "c0.pcap c1.pcap c2.pcap"},
		{"c.pcapng", {.rotate_ns = 10 * NSEC_PER_SEC}, "c0.pcapng c1.pcapng"},
		{"c-%H%M%S.pcapng.lz4",
		 {.rotate_ns = 5 * NSEC_PER_SEC},
		 "c-221320.pcapng.lz4 c-221325.pcapng.lz4 c-221330.pcapng.lz4 "
		 "c-221335.pcapng.lz4"},
		{"c-%H%M%S.pcap",
		 {.rotate_ns = 5 * NSEC_PER_SEC, .rotate_files = 2},
		 "c-221330.pcap c-221335.pcap"},
		{"c-%H.pcap", {.rotate_ns = 7 * NSEC_PER_SEC}, "c-22.pcap c-221.pcap c-222.pcap"},
		{"c%d.pcap", {.rotate_events = 40}, "c%d0.pcap"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		remove_folder(NULL);
		make_folder(NULL);
		struct writer *w = start(rows[i].o, rows[i].name);
		announce(w, 0, NULL);
		for (unsigned k = 0; k < 40; k++)
			put(w, packet(0, k * 500, 1000));
		finish(w);
		char got[400];
		list_folder(got, sizeof(got));
		assert_string_equal(got, rows[i].want);
	}
}

static void rotated_files_stand_alone(void **state)
{
	struct writer *w = start((struct writer_options){.rotate_events = 10}, "c.pcapng.lz4");
	struct stat st;

	(void)state;
	announce(w, 0, NULL);
	announce(w, 1, NULL);
	for (unsigned k = 0; k < 25; k++)
		put(w, packet(k & 1, k, 100));
	assert_int_equal(stat(in_folder(".c2.pcapng.lz4.part"), &st), 0);
	assert_int_not_equal(stat(in_folder("c2.pcapng.lz4"), &st), 0);
	finish(w);
	assert_int_not_equal(stat(in_folder(".c2.pcapng.lz4.part"), &st), 0);
	static const unsigned packets[] = {10, 10, 5};
	for (unsigned i = 0; i < 3; i++) {
		char name[40];
		snprintf(name, sizeof(name), "c%u.pcapng.lz4", i);
		struct walk *f = walk_open(in_folder(name));
		assert_true(f->complete);
		assert_int_equal(f->blocks[0].type, 0x0a0d0d0a);
		assert_int_equal(walk_count(f, 1), 2);
		assert_int_equal(walk_count(f, 6), packets[i]);
		check_chunks(f);
		walk_close(f);
	}
}

static void next_file_on_demand(void **state)
{
	struct writer *w = start((struct writer_options){0}, "n.pcapng");
	char got[200];

	(void)state;
	announce(w, 0, NULL);
	put(w, packet(0, 0, 60));
	assert_int_equal(writer_rotate(w, NULL), 0); /* the name is taken: a number */
	put(w, packet(0, 1, 60));
	assert_int_equal(rename(in_folder("n.pcapng"), in_folder("moved")), 0);
	assert_int_equal(writer_rotate(w, NULL), 0); /* moved away: the same name again */
	put(w, packet(0, 2, 60));
	put(w, packet(0, 3, 60));
	finish(w);
	list_folder(got, sizeof(got));
	assert_string_equal(got, "moved n.pcapng n1.pcapng");
	struct walk *f = walk_open(in_folder("n.pcapng"));
	assert_int_equal(walk_count(f, 6), 2);
	assert_int_equal(walk_count(f, 1), 1);
	walk_close(f);
}

/* ---- trouble ---- */

/* A file may have 700 KB, and from the 2000th packet on any size. */
static void disk_full(void **state)
{
	static const char *const names[] = {"f.pcapng.lz4", "f.pcapng"};
	struct rlimit before, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
		struct writer *w = start((struct writer_options){0}, names[k]);
		unsigned told = 0;
		announce(w, 0, NULL);
		announce(w, 1, NULL);
		small = before;
		small.rlim_cur = 700000;
		setrlimit(RLIMIT_FSIZE, &small);
		for (unsigned i = 0; i < 3000; i++) {
			if (i == 2000)
				setrlimit(RLIMIT_FSIZE, &before);
			struct event ev = packet(i < 1500 ? 0 : 1, i * 10, 1000);
			ev.data += i % 256 * 1000; /* nothing to compress */
			put(w, ev);
			const char *trouble = writer_trouble(w);
			if (trouble && !told++)
				assert_non_null(strstr(trouble, "File too large"));
			else if (trouble)
				assert_non_null(strstr(trouble, "goes on"));
		}
		assert_int_equal(told, 2);
		struct writer_stats s;
		writer_get_stats(w, &s);
		finish(w);
		assert_int_equal(s.packets + s.lost, 3000);
		assert_in_range(s.lost, 1200, 2000);
		struct walk *f = walk_open(in_folder(names[k]));
		assert_int_equal(walk_count(f, 6), s.packets);
		assert_int_equal(walk_count(f, 1), 2);
		assert_int_equal(walk_count(f, 9), 1);
		char lost[40];
		size_t n;
		const struct walk_block *b = walk_block(f, 9, 0);
		const char *v = notice_find(b->data + 8, b->size - 12, "DREDGE_LOST", &n);
		snprintf(lost, sizeof(lost), "%llu", (unsigned long long)s.lost);
		assert_int_equal(n, strlen(lost));
		assert_memory_equal(v, lost, n);
		v = notice_find(b->data + 8, b->size - 12, "DREDGE_EVENT", &n);
		assert_memory_equal(v, "gap\n", 4);
		walk_close(f);
		assert_int_equal(lost_of(in_folder(names[k])), s.lost);
	}
}

/* What no more window tells in the file, the end does. */
static void full_to_the_end(void **state)
{
	static const char *const names[] = {"e.pcapng.lz4", "e.pcapng", "e.pcap"};
	struct rlimit before, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
		struct writer *w = start((struct writer_options){0}, names[k]);
		struct err e = {0};
		announce(w, 0, NULL);
		small = before;
		small.rlim_cur = 1000;
		setrlimit(RLIMIT_FSIZE, &small);
		for (unsigned i = 0; i < 20; i++) {
			struct event ev = packet(0, i, 1000);
			ev.data += i * 1000;
			put(w, ev);
		}
		assert_int_equal(writer_close(w, &e), -1);
		assert_non_null(strstr(e.message, "the last 20 events could not be written"));
		setrlimit(RLIMIT_FSIZE, &before);
	}
}

/* What has no place in the file is told in it. */
static void of_nobody(void **state)
{
	static const char *const names[] = {"n.pcapng.lz4", "n.pcapng"};

	(void)state;
	for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
		struct writer *w = start((struct writer_options){0}, names[k]);
		announce(w, 0, NULL);
		put(w, packet(IFACE_NONE, 0, 60));
		put(w, packet(0, 1, 60));
		put(w, packet(3, 2, 60));
		finish(w);
		assert_int_equal(lost_of(in_folder(names[k])), 2);
	}
}

static void one_link_type(void **state)
{
	struct writer *w = start((struct writer_options){0}, "l.pcap");
	struct iface_record raw = {.number = 1, .linktype = 101, .sample = 1};
	struct writer_stats s;

	(void)state;
	announce(w, 0, NULL);
	writer_iface(w, &raw, NULL);
	put(w, packet(0, 0, 60));
	assert_null(writer_trouble(w));
	put(w, packet(1, 1, 60));
	assert_non_null(strstr(writer_trouble(w), "link type 101"));
	put(w, packet(1, 2, 60));
	assert_null(writer_trouble(w));
	writer_get_stats(w, &s);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.lost, 2);
	finish(w);
	struct stat st;
	stat(in_folder("l.pcap"), &st);
	assert_int_equal(st.st_size, 24 + 16 + 60);
}

static void refusals(void **state)
{
	static const struct {
		struct writer_options o;
		const char *want;
	} rows[] = {
		{{.path = "/nonexistent/x.pcapng"}, "cannot write /nonexistent/x.pcapng: No such"},
		{{.path = "/nonexistent/x.pcapng", .rotate_events = 1},
		 "cannot write files in /nonex"},
		{{.path = "-", .rotate_bytes = 1}, "standard output cannot be rotated"},
		{{.path = "x", .rotate_files = 2}, "-W needs one of"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		assert_null(writer_open(&rows[i].o, &e));
		if (!str_starts(e.message, rows[i].want))
			fail_msg("'%s' for '%s'", e.message, rows[i].want);
	}
	assert_int_equal(writer_close(NULL, NULL), 0);
	/* Events that no file can hold are counted, not fatal. */
	struct writer *w = start((struct writer_options){0}, "r.pcapng.lz4");
	struct writer_stats s;
	put(w, packet(3, 0, 60));
	announce(w, 0, NULL);
	put(w, packet(0, 0, SAVEFILE_MAX_PACKET));
	put(w, packet(0, 0, SAVEFILE_MAX_PACKET + 1));
	writer_get_stats(w, &s);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.lost, 2);
	finish(w);
	struct walk *f = walk_open(in_folder("r.pcapng.lz4"));
	assert_int_equal(walk_count(f, 6), 1);
	walk_close(f);
}

static void formats(void **state)
{
	static const struct {
		const char *path;
		enum savefile_format want;
	} rows[] = {
		{"a.pcapng.lz4", SAVEFILE_PCAPNG_LZ4},
		{"a.lz4", SAVEFILE_PCAPNG_LZ4},
		{"a.pcapng", SAVEFILE_PCAPNG},
		{"a.pcap", SAVEFILE_PCAP},
		{"a.cap", SAVEFILE_PCAP},
		{"-", SAVEFILE_PCAPNG},
		{"a", SAVEFILE_PCAPNG_LZ4},
		{"pcap", SAVEFILE_PCAPNG_LZ4},
	};
	enum savefile_format got;
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(savefile_format_of(rows[i].path, &got, &e), 0);
		assert_int_equal(got, rows[i].want);
	}
	assert_int_equal(savefile_format_of("a.pcap.gz", &got, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(savefile_format_parse("pcap", &got, &e), 0);
	assert_int_equal(got, SAVEFILE_PCAP);
	assert_int_equal(savefile_format_parse("scap", &got, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pcap_bytes),
		TEST(packet_bytes),
		TEST(description),
		TEST(clustering),
		TEST(second_sights),
		TEST(out_of_order),
		TEST(description_first),
		TEST(identity_change),
		TEST(identity_change_large),
		TEST(many_interfaces),
		TEST(no_interface),
		TEST(window_by_bytes),
		TEST(killed),
		TEST(rotation_names),
		TEST(rotated_files_stand_alone),
		TEST(next_file_on_demand),
		TEST(disk_full),
		TEST(full_to_the_end),
		TEST(of_nobody),
		TEST(one_link_type),
		TEST(refusals),
		cmocka_unit_test(formats),
	};
	uint64_t x = 1;

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(x = hash_u64(x + i));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
