/* SPDX-License-Identifier: Apache-2.0 */
/* Tables fed from a capture: what is decoded for a window, a drill-down, an overview. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/flow.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTAINERS 50u
#define SECONDS	   20u
#define LISTED	   30000u /* more than a second has */

static char path[] = "/tmp/feed_test.XXXXXX";
static const struct source_options source;

static struct view_column columns[] = {
	{.name = "ID", .field = "container.id", .key = true},
	{.name = "PACKETS", .field = "frame.count", .fold = FOLD_SUM},
	{.name = "BYTES", .field = "frame.len", .fold = FOLD_SUM, .sorting = true},
	{.name = "IN", .field = "frame.len.in", .fold = FOLD_SUM},
	{.name = "CPU", .field = "cpus_user_time_secs", .fold = FOLD_RATE},
	{.name = "OUT", .field = "frame.len.out", .fold = FOLD_SUM},
	{.name = "PKIN", .field = "frame.count.in", .fold = FOLD_TIME_AVG},
	{.name = "PKOUT", .field = "frame.count.out", .fold = FOLD_SUM},
	{.name = "LOST", .field = "frame.drop_count", .fold = FOLD_SUM},
	/* Only packets themselves tell: */
	{.name = "MOST", .field = "frame.len", .fold = FOLD_MAX},
};
static struct view_info close_look = {
	.id = "close", .name = "Close", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
static struct view_info plain = {
	.id = "plain", .name = "Plain", .columns = columns, .n_columns = ARRAY_SIZE(columns) - 1};

static struct view_feed *open_feed_of(const char *file, unsigned threads)
{
	struct err e = {0};
	struct view_feed *f = flow_feed_open(
		&(struct feed_options){.what = file, .source = &source, .threads = threads}, &e);

	if (!f)
		fail_msg("%s", e.message);
	flow_feed_look(f);
	return f;
}

static struct view_feed *open_feed(const char *file)
{
	return open_feed_of(file, 1);
}

static struct table *open_table(const struct view_info *info, const struct view_path *way,
				const char *filter)
{
	struct table *t = table_open(
		&(struct table_options){.info = info, .path = way, .filter = filter}, NULL);

	assert_non_null(t);
	return t;
}

static uint64_t decoded(struct view_feed *f)
{
	struct source *s = flow_feed_source(f);
	struct reader_work w;

	reader_get_work(s->kind->reader(s), &w);
	return w.chunks_decoded;
}

static double sum(const struct table_rows *rows, unsigned column)
{
	double all = 0;

	for (size_t i = 0; i < rows->n; i++)
		if (!isnan(rows->rows[i].cells[column].number))
			all += rows->rows[i].cells[column].number;
	return all;
}

/* Windows side by side have in all what the whole has, and each decodes its own chunks. */
static void test_windows(void **unused)
{
	(void)unused;
	struct view_feed *f = open_feed(path);
	struct table *t = open_table(&close_look, NULL, NULL);
	uint64_t before = decoded(f), width = (f->last - f->first) / 20 + 1;
	double packets = 0;

	assert_int_equal(before, 0); /* opening decodes nothing */
	assert_int_equal(f->fill(f, t, f->first, f->last, NULL), 0);
	uint64_t all = decoded(f) - before;
	double whole = sum(table_refresh(t, 0), 1);
	assert_true(whole == (double)f->packets && all > 100);
	for (unsigned i = 0; i < 20; i++) {
		before = decoded(f);
		uint64_t from = f->first + i * width;
		assert_int_equal(f->fill(f, t, from, from + width - 1, NULL), 0);
		packets += sum(table_refresh(t, 0), 1);
		/* A rate is known from the first window of a second on: it begins before. */
		if (i)
			assert_true(!isnan(table_refresh(t, 0)->rows[0].cells[4].number));
		assert_true(decoded(f) - before <= all / 20 + 4 * CONTAINERS);
	}
	assert_true(packets == whole);
	table_close(t);
	f->close(f);
}

/* The overview says of containers what the packets say, and decodes nothing. */
static void test_overview(void **unused)
{
	(void)unused;
	struct view_feed *f = open_feed(path);
	struct table *t = open_table(&close_look, NULL, NULL), *u = open_table(&plain, NULL, NULL);
	double bins[10], in_bins = 0;

	assert_true(f->overview(f, u, f->first, f->last));
	f->histogram(f, NULL, f->first, f->last, bins, 10);
	assert_int_equal(decoded(f), 0);
	f->fill(f, t, f->first, f->last, NULL);
	const struct table_rows *a = table_refresh(t, 0), *b = table_refresh(u, 0);
	assert_int_equal(a->n, CONTAINERS);
	assert_int_equal(b->n, CONTAINERS);
	for (size_t i = 0; i < a->n; i++) {
		assert_string_equal(a->rows[i].key, b->rows[i].key);
		assert_true(a->rows[i].cells[1].number == b->rows[i].cells[1].number);
		assert_true(a->rows[i].cells[2].number == b->rows[i].cells[2].number);
		assert_true(a->rows[i].cells[3].number == b->rows[i].cells[3].number);
	}
	/* Half of the time has half of the packets, but for a chunk at the edge. */
	uint64_t middle = f->first + (f->last - f->first) / 2;
	assert_true(f->overview(f, u, f->first, middle));
	double half = sum(table_refresh(u, 0), 1), whole = (double)f->packets;
	assert_true(half > whole * 0.45 && half < whole * 0.6);
	assert_true(f->cost(f, NULL, f->first, middle) <
		    f->cost(f, NULL, f->first, f->last) * 6 / 10);
	for (unsigned i = 0; i < 10; i++)
		in_bins += bins[i];
	assert_true(fabs(in_bins - (double)f->packets) < (double)f->packets * 0.01);
	table_close(t);
	table_close(u);
	f->close(f);
}

/* Where columns are sums over containers the packets are not read, and every cell is the same. */
static void test_directory_is_enough(void **unused)
{
	(void)unused;
	struct view_feed *f = open_feed(path);
	uint64_t width = f->last - f->first;
	const uint64_t windows[][2] = {{f->first, f->last},
				       {f->first + width / 7, f->last - width / 7},
				       {f->first + width / 2, f->first + width / 2 + width / 50}};

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct table *t = open_table(&close_look, NULL, NULL),
			     *u = open_table(&plain, NULL, NULL);
		f->fill(f, t, windows[i][0], windows[i][1], NULL);
		uint64_t before = decoded(f);
		f->fill(f, u, windows[i][0], windows[i][1], NULL);
		/* The chunks of samples, and those that lie across an edge. */
		assert_true(decoded(f) - before <= 2 * SECONDS + 4 * CONTAINERS);
		const struct table_rows *a = table_refresh(t, 0), *b = table_refresh(u, 0);
		assert_int_equal(a->n, CONTAINERS);
		assert_int_equal(b->n, CONTAINERS);
		assert_int_equal(a->events, b->events);
		for (size_t r = 0; r < a->n; r++) {
			assert_string_equal(a->rows[r].key, b->rows[r].key);
			for (size_t c = 1; c < plain.n_columns; c++) {
				double x = a->rows[r].cells[c].number,
				       y = b->rows[r].cells[c].number;
				assert_true(x == y || (isnan(x) && isnan(y)));
			}
		}
		table_close(t);
		table_close(u);
	}
	/* A filter that looks at packets has them read. */
	struct table *t = open_table(&plain, NULL, "frame.len > 100");
	uint64_t before = decoded(f);
	f->fill(f, t, f->first, f->last, NULL);
	assert_true(decoded(f) - before > 10 * SECONDS);
	table_close(t);
	f->close(f);
}

/* Packets on an interface of nobody's, of which a task has a port. */
static void write_ports(const char *file)
{
	const struct writer_options o = {.path = file, .format = SAVEFILE_PCAPNG_LZ4};
	const struct iface_record r = {.name = "eth0", .linktype = LINKTYPE_RAW, .sample = 1};
	const char *const task[META_KEYS] = {
		[META_TASK] = "web.1", [META_PORTS] = "31005", [META_ADDRESS] = "10.0.0.1"};
	uint8_t ip[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1};
	struct text t = {0};
	struct err e;
	struct writer *w = writer_open(&o, &e);

	assert_non_null(w);
	writer_iface(w, &r, &e);
	notice_format(&t, NSEC_PER_SEC, "named", 6, task, "m");
	for (unsigned i = 0; i < 5; i++) {
		struct event ev = {.ts = NSEC_PER_SEC * (i + 1),
				   .data = ip,
				   .caplen = sizeof(ip),
				   .len = sizeof(ip),
				   .type = EVENT_PACKET,
				   .weight = 1};
		if (!i) {
			ev.type = EVENT_NOTICE;
			ev.iface = IFACE_NONE;
			ev.data = (const uint8_t *)t.data;
			ev.caplen = ev.len = (uint32_t)t.len;
		}
		const uint16_t port = i == 4 ? 9 : 31005;
		ip[22] = (uint8_t)(port >> 8);
		ip[23] = (uint8_t)port;
		ip[25] = 8;
		assert_int_equal(writer_event(w, &ev, &e), 0);
	}
	assert_int_equal(writer_close(w, &e), 0);
	text_done(&t);
}

static void test_ports_are_told_apart(void **unused)
{
	(void)unused;
	static struct view_column by_task[] = {
		{.name = "ID", .field = "mesos.task.id", .key = true},
		{.name = "PACKETS", .field = "frame.count", .fold = FOLD_SUM}};
	static struct view_info tasks = {
		.id = "tasks", .name = "Tasks", .columns = by_task, .n_columns = 2};
	char file[] = "/tmp/feed_test.XXXXXX";

	close(mkstemp(file));
	write_ports(file);
	struct view_feed *f = open_feed(file);
	/* Views leave out what is outside of containers: that is somebody's. */
	struct table *t = open_table(&tasks, NULL, "container.id != host"),
		     *u = open_table(&tasks, NULL, NULL);
	assert_int_equal(f->fill(f, t, f->first, f->last, NULL), 0);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_int_equal(rows->n, 1);
	assert_string_equal(rows->rows[0].key, "web.1");
	assert_true(rows->rows[0].cells[1].number == 3);
	/* The directory cannot tell it. */
	assert_false(f->overview(f, u, f->first, f->last));
	table_close(t);
	table_close(u);
	f->close(f);
	unlink(file);
}

static void test_drill_down(void **unused)
{
	(void)unused;
	struct view_feed *f = open_feed(path);
	struct view_path way = {0};
	struct table *t = open_table(&plain, NULL, NULL);

	assert_true(f->overview(f, t, f->first, f->last));
	const struct table_row *chosen = &table_refresh(t, 0)->rows[7];
	view_path_push(&way, &plain, chosen);
	struct table *below = open_table(&close_look, &way, NULL);
	assert_true(f->cost(f, below, f->first, f->last) <
		    f->cost(f, NULL, f->first, f->last) / (CONTAINERS / 4));
	assert_int_equal(f->fill(f, below, f->first, f->last, NULL), 0);
	/* As many windows of a second, one chunk or two in each. */
	assert_true(decoded(f) <= 3 * SECONDS);
	const struct table_rows *rows = table_refresh(below, 0);
	assert_int_equal(rows->n, 1);
	assert_true(rows->rows[0].cells[1].number == chosen->cells[1].number);
	table_close(t);
	table_close(below);
	view_path_done(&way);
	f->close(f);
}

static int stop(void *ctx, uint64_t now, double part)
{
	(void)now;
	*(double *)ctx = part;
	return 1;
}

static void test_given_up(void **unused)
{
	(void)unused;
	struct view_feed *f = open_feed(path);
	struct table *t = open_table(&close_look, NULL, NULL);
	double part = -1;

	f->tick = stop;
	f->ctx = &part;
	assert_int_equal(f->fill(f, t, f->first, f->last, NULL), 1);
	assert_true(part > 0 && part < 1);
	table_close(t);
	f->close(f);
}

/* Behind what stands in `out`, which is freed; owned by the caller. */
static char *close_as_csv(struct view_feed *f, struct table *t, const struct table_rows *rows,
			  struct text *out)
{
	table_print(t, rows, TABLE_CSV, out);
	char *csv = xstrdup(text_cstr(out));

	text_done(out);
	table_close(t);
	f->close(f);
	return csv;
}

/* A list of the newest LISTED of the file's packets as CSV, and the chunks that were decoded for
 * it. */
static char *listed(const char *filter, uint64_t *chunks, uint64_t part)
{
	static struct view_column fields[] = {
		{.name = "NUM", .field = "evt.num"},
		{.name = "TIME", .field = "evt.rawtime"},
		{.name = "LEN", .field = "frame.len"},
		{.name = "ID", .field = "container.id"},
	};
	static struct view_info info = {.id = "list",
					.name = "List",
					.kind = VIEW_LIST,
					.columns = fields,
					.n_columns = ARRAY_SIZE(fields)};
	struct view_feed *f = open_feed(path);
	struct table *t = table_open(
		&(struct table_options){.info = &info, .filter = filter, .max_rows = LISTED}, NULL);
	struct text out = {0};

	assert_non_null(t);
	uint64_t half = (f->last - f->first) / part, before = decoded(f);
	assert_int_equal(f->fill(f, t, f->first + half / 3, f->first + half, NULL), 0);
	const struct table_rows *rows = table_refresh(t, 0);
	*chunks = decoded(f) - before;
	text_fmt(&out, "%zu of %llu, %llu given up\n", rows->n, (unsigned long long)rows->events,
		 (unsigned long long)rows->given_up);
	return close_as_csv(f, t, rows, &out);
}

/* A list keeps the newest: where the directory tells which those are, the others are not read. */
static void test_newest(void **unused)
{
	(void)unused;
	for (uint64_t part = 1; part < 4; part++) {
		uint64_t few, all;
		cleanup_free char *newest = listed("evt.type=packet", &few, part);
		cleanup_free char *whole = listed("frame.len > 0", &all, part);
		assert_true(str_starts(newest, "30000 of "));
		assert_string_equal(newest, whole);
		assert_true(few && few <= 4 * CONTAINERS && few < all);
		free(newest);
		newest = listed("evt.type=packet and frame.time_delta >= 0", &few, part);
		assert_int_equal(few, all);
	}
}

/* The table as CSV by one or two threads, as its events come from both; owned by the caller. */
static char *filled_by(unsigned threads, const struct view_info *info, uint64_t part)
{
	struct view_feed *f = open_feed_of(path, threads);
	struct table *t = open_table(info, NULL, NULL);
	struct text out = {0};
	size_t n;

	table_sort(t, 0, false);
	assert_int_equal(f->fill(f, t, f->first, f->first + (f->last - f->first) / part, NULL), 0);
	struct reader *r = flow_feed_source(f)->kind->reader(flow_feed_source(f));
	cleanup_free uint8_t *of = flow_deal(r, f->first, f->last, &n);
	assert_non_null(of);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_true(rows->n > CONTAINERS / 2 && rows->events > 100000 && !rows->given_up);
	return close_as_csv(f, t, rows, &out);
}

/* What is kept, summed, counted and measured is the same whoever read it. */
static void test_two_threads(void **unused)
{
	(void)unused;
	static struct view_column of_ports[] = {
		{.name = "PORT", .field = "fd.sport", .key = true},
		{.name = "PROTO", .field = "fd.l4proto"},
		{.name = "CONN", .field = "fd.name", .fold = FOLD_COUNT},
		{.name = "SERVERS", .field = "fd.sip", .fold = FOLD_COUNT},
		{.name = "CONTS", .field = "container.id", .fold = FOLD_COUNT},
		{.name = "LATENCY", .field = "evt.latency", .fold = FOLD_AVG},
		{.name = "LEAST", .field = "frame.len", .fold = FOLD_MIN},
		{.name = "MOST", .field = "frame.len", .fold = FOLD_MAX},
		{.name = "BYTES", .field = "frame.len", .fold = FOLD_SUM, .sparkline = true},
	};
	static struct view_column of_talks[] = {
		{.name = "NAME", .field = "fd.name", .key = true},
		{.name = "ENDS", .field = "container.id", .fold = FOLD_COUNT},
		{.name = "RTT", .field = "tcp.analysis.initial_rtt", .fold = FOLD_MAX},
		{.name = "RETR", .field = "tcp.analysis.retransmission", .fold = FOLD_SUM},
	};
	/* Without conversations. */
	static struct view_column of_addresses[] = {
		{.name = "IP", .field = "fd.rip", .key = true},
		{.name = "PROTO", .field = "fd.l4proto"},
		{.name = "PORTS", .field = "fd.rport", .fold = FOLD_COUNT},
		{.name = "CONTS", .field = "container.id", .fold = FOLD_COUNT},
		{.name = "OUT", .field = "frame.len.out", .fold = FOLD_SUM},
		{.name = "SHARE", .field = "frame.len.in", .over = "frame.count", .fold = FOLD_SUM},
		{.name = "SYN",
		 .field = "frame.count",
		 .where = "tcp.flags.syn=true",
		 .fold = FOLD_SUM},
		{.name = "FAIL", .field = "tcp.flags.reset", .fold = FOLD_SUM},
	};
	const struct view_info views[] = {
		{.id = "addresses", .columns = of_addresses, .n_columns = ARRAY_SIZE(of_addresses)},
		{.id = "ports", .columns = of_ports, .n_columns = ARRAY_SIZE(of_ports)},
		{.id = "talks", .columns = of_talks, .n_columns = ARRAY_SIZE(of_talks)},
		close_look,
	};

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		cleanup_free char *one = filled_by(1, &views[i], 1);
		cleanup_free char *two = filled_by(2, &views[i], 1);
		assert_string_equal(one, two);
		cleanup_free char *half = filled_by(2, &views[i], 2);
		assert_string_not_equal(half, two);
	}
}

static int write_file(void **unused)
{
	(void)unused;
	struct err e = {0};
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	cleanup_free char *what = xasprintf("synth:containers=%u,rate=20000,seconds=%u,share=equal",
					    CONTAINERS, SECONDS);
	const struct writer_options wo = {.path = path, .format = SAVEFILE_PCAPNG_LZ4};
	struct source *s = source_open(what, &source, &e);
	struct recorder w = {.writer = writer_open(&wo, &e)};
	struct recorder *const recorders = &w;
	struct state *state = state_new(0);
	struct flow_totals totals = {0};
	const struct flow_options o = {.source = s, .state = state, .recorders = &recorders};
	int status = s && w.writer ? flow_run(&o, &totals, &e) : -1;
	if (writer_close(w.writer, &e))
		status = -1;
	source_close(s);
	state_free(state);
	return status;
}

static int remove_file(void **unused)
{
	(void)unused;
	return unlink(path);
}

/* The newest LISTED / 100 as CSV; owned by the caller. */
static char *listed_by(unsigned threads, const struct view_info *info, const char *filter)
{
	struct view_feed *f = open_feed_of(path, threads);
	struct table *t = table_open(
		&(struct table_options){.info = info, .filter = filter, .max_rows = LISTED / 100},
		NULL);
	struct text out = {0};

	assert_non_null(t);
	assert_int_equal(f->fill(f, t, f->first, f->last, NULL), 0);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_int_equal(rows->n, LISTED / 100);
	assert_int_equal(rows->n + rows->given_up, rows->events);
	uint64_t before = 0;
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t ts = (uint64_t)rows->rows[i].cells[0].number;
		assert_true(ts >= before);
		before = ts;
	}
	text_fmt(&out, "%llu given up\n", (unsigned long long)rows->given_up);
	return close_as_csv(f, t, rows, &out);
}

/* A list is in order of time, however its packets come: here with conversations, with what a SYN
 * tells by itself, and with all packets in order of time, as frame.time_delta wants it. */
static void test_lists(void **unused)
{
	(void)unused;
	static struct view_column fields[] = {
		{.name = "TIME", .field = "evt.rawtime"},
		{.name = "NUM", .field = "evt.num"},
		{.name = "CONNECTION", .field = "fd.name"},
		{.name = "ID", .field = "container.id"},
	};
	const struct view_info list = {.id = "list",
				       .kind = VIEW_LIST,
				       .columns = fields,
				       .n_columns = ARRAY_SIZE(fields)};
	static const struct {
		const char *filter;
		enum table_order order;
	} rows[] = {
		{"tcp.flags.syn=true and tcp.flags.ack=false", TABLE_ANY_ORDER},
		{"tcp.flags.fin=true", TABLE_BY_IFACE},
		{"tcp.flags.fin=true and frame.time_delta >= 0", TABLE_BY_TIME},
		{"evt.type=packet", TABLE_BY_IFACE},
		{"evt.type in (packet, counters) and evt.num exists", TABLE_BY_TIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct table *t = open_table(&list, NULL, rows[i].filter);
		assert_int_equal(table_order(t), rows[i].order);
		assert_int_equal(table_needs(t, FIELD_FLOW), rows[i].order != TABLE_ANY_ORDER);
		table_close(t);
		cleanup_free char *one = listed_by(1, &list, rows[i].filter);
		cleanup_free char *two = listed_by(2, &list, rows[i].filter);
		assert_string_equal(one, two);
	}
	cleanup_free char *any = listed_by(2, &list, rows[1].filter);
	cleanup_free char *ordered = listed_by(2, &list, rows[2].filter);
	assert_string_equal(any, ordered);
	any = (free(any), listed_by(2, &list, rows[3].filter));
	ordered = (free(ordered), listed_by(2, &list, rows[4].filter));
	assert_string_equal(any, ordered);
}

/* Conversations have the same number in a table as in lines: that of their order in time. */
static void test_streams(void **unused)
{
	(void)unused;
	static struct view_column fields[] = {{.name = "NAME", .field = "fd.name", .key = true}};
	const struct view_info talks = {.id = "talks", .columns = fields, .n_columns = 1};

	for (unsigned threads = 1; threads <= 2; threads++) {
		struct view_feed *f = open_feed_of(path, threads);
		struct table *t = open_table(&talks, NULL, "tcp.stream=30");
		assert_int_equal(f->fill(f, t, f->first, f->last, NULL), 0);
		assert_int_equal(table_refresh(t, 0)->n, 1);
		table_close(t);
		f->close(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_overview),
		cmocka_unit_test(test_directory_is_enough),
		cmocka_unit_test(test_ports_are_told_apart),
		cmocka_unit_test(test_drill_down),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, write_file, remove_file);
}
