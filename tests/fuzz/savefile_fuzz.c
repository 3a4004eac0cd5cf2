/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a whole capture file; every format and compression is told by its content. It is
 * read in order, unordered, and with a query, by one thread and by two, which tell the same. */
#include "savefile/savefile.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum, events;

static int on_iface(void *ctx, const struct iface_record *r)
{
	(void)ctx;
	sum += r->name ? strlen(r->name) : 0;
	for (unsigned k = 0; r->container && k < META_KEYS; k++)
		sum += r->container->meta[k] ? strlen(r->container->meta[k]) : 0;
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	(void)ctx;
	if (!r->meta[META_CONTAINER] && !r->meta[META_TASK])
		abort();
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	(void)ctx;
	if (ev->len < ev->caplen || (ev->type != EVENT_COUNTERS && !ev->num) || !ev->weight)
		abort();
	for (uint32_t i = 0; i < ev->caplen; i++)
		sum += ev->data[i];
	events++;
	return 0;
}

static bool wanted(void *ctx, uint32_t number)
{
	(void)ctx;
	return number % 2;
}

/* What a list of contents, or a chunk itself, says of it. */
static bool enough(void *ctx, const struct chunk *c)
{
	(void)ctx;
	for (uint32_t i = 0; i < c->part_count; i++)
		sum += c->parts[i].packets + c->parts[i].bytes_in + c->parts[i].bytes_out;
	return c->frame % 2;
}

static uint32_t head(void *ctx, uint32_t number, const uint8_t *data, uint32_t caplen, uint32_t len)
{
	(void)ctx;
	return (number + len + (data[caplen - 1] & 1u)) % 2 * 64;
}

static void run_both(struct reader *r, const struct reader_query *query)
{
	const struct sink sink = {.iface = on_iface, .container = on_container, .event = on_event};
	struct reader_query q = *query;
	uint64_t sums[2], counts[2];
	int status[2];
	struct err e;

	for (unsigned i = 0; i < 2; i++) {
		sum = events = 0;
		q.threads = i + 1;
		status[i] = reader_run(r, &q, &sink, &e);
		sums[i] = sum;
		counts[i] = events;
	}
	if (status[0] != status[1] || sums[0] != sums[1] || counts[0] != counts[1])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reader_query queries[] = {
		{.to = UINT64_MAX},
		{.to = UINT64_MAX, .unordered = true},
		{.from = 1, .to = UINT64_MAX - 1, .iface_wanted = wanted},
		{.to = UINT64_MAX, .chunk_enough = enough},
		{.to = UINT64_MAX, .head = head},
	};
	char path[64];
	int fd = memfd_create("fuzz", 0);
	struct err e;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	struct text t = {0};
	text_str(&t, "/proc/self/fd/");
	text_u64(&t, (uint64_t)fd);
	strcpy(path, text_cstr(&t));
	text_done(&t);
	struct reader *r = reader_open(path, &e);
	for (unsigned i = 0; r && i < ARRAY_SIZE(queries); i++)
		run_both(r, &queries[i]);
	if (r) {
		struct reader_info info;
		reader_chunks(r);
		reader_get_info(r, &info);
		reader_close(r);
	}
	close(fd);
	return 0;
}
