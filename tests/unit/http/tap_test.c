/* SPDX-License-Identifier: Apache-2.0 */
/* Events from one thread to another: who they are of, what does not fit, and beginning anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/tap.h"

#define RING (64u << 10)

struct taken {
	unsigned events, containers, ifaces;
	uint64_t last, sum;
	char app[32], name[32];
};

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct taken *t = ctx;

	t->ifaces++;
	snprintf(t->name, sizeof(t->name), "%s", r->name ? r->name : "");
	assert_non_null(r->container);
	assert_string_equal(r->container->meta[META_CONTAINER], "c0ffee");
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	struct taken *t = ctx;

	t->containers++;
	snprintf(t->app, sizeof(t->app), "%s", r->meta[META_APP] ? r->meta[META_APP] : "");
	assert_string_equal(r->meta[META_CONTAINER], "c0ffee");
	assert_null(r->meta[META_IMAGE]);
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	struct taken *t = ctx;

	assert_true(ev->num > t->last);
	t->last = ev->num;
	t->events++;
	for (uint32_t i = 0; i < ev->caplen; i++)
		assert_int_equal(ev->data[i], (uint8_t)ev->num);
	t->sum += ev->caplen;
	return 0;
}

static void take(struct tap *tap, struct taken *t)
{
	const struct sink sink = {
		.ctx = t, .iface = on_iface, .container = on_container, .event = on_event};

	tap_take(tap, &sink);
}

static struct container web = {
	.meta = {[META_CONTAINER] = (char *)"c0ffee", [META_APP] = (char *)"/shop/web"}};
static struct iface eth = {.record = {.number = 3, .name = "eth0", .sample = 1}, .known = true};

static void put(struct tap *tap, uint64_t num, uint64_t version)
{
	static uint8_t data[2000];
	const struct event ev = {.num = num,
				 .type = EVENT_PACKET,
				 .data = data,
				 .caplen = (uint32_t)(num * 37 % sizeof(data)),
				 .iface = 3};
	const struct context c = {.ev = &ev, .container = &web, .iface = &eth, .version = version};

	memset(data, (int)(uint8_t)num, ev.caplen);
	tap_put(tap, &c);
}

static void test_who(void **state)
{
	struct tap *tap = tap_new(RING);
	struct taken t = {0};

	(void)state;
	put(tap, 1, 1); /* nobody wants it */
	take(tap, &t);
	assert_int_equal(t.events, 0);
	tap_want(tap, 1u << EVENT_NOTICE);
	put(tap, 2, 1);
	take(tap, &t);
	assert_int_equal(t.events + t.containers, 0);
	tap_want(tap, 1u << EVENT_PACKET);
	put(tap, 3, 1);
	put(tap, 4, 1);
	take(tap, &t);
	assert_int_equal(t.events, 2);
	assert_int_equal(t.containers, 1);
	assert_int_equal(t.ifaces, 1);
	assert_string_equal(t.app, "/shop/web");
	assert_string_equal(t.name, "eth0");
	put(tap, 5, 2); /* more is known */
	take(tap, &t);
	assert_int_equal(t.containers, 2);
	put(tap, 6, 2);
	tap_restart(tap);
	take(tap, &t);
	assert_int_equal(t.events, 3); /* the sixth was of before */
	put(tap, 7, 2);
	take(tap, &t);
	assert_int_equal(t.events, 4);
	assert_int_equal(t.containers, 3);
	assert_int_equal(tap_lost(tap), 0);
	tap_free(tap);
}

static void test_full(void **state)
{
	struct tap *tap = tap_new(RING);
	struct taken t = {0};
	uint64_t lost = 0;

	(void)state;
	tap_want(tap, UINT32_MAX);
	for (uint64_t num = 1; num <= 5000; num++) {
		put(tap, num, num / 900); /* records do not fit either, now and then */
		if (num % 113 == 0) {
			take(tap, &t);
			lost += tap_lost(tap);
			assert_int_equal(t.events + lost, num);
		}
	}
	assert_true(lost > 1000 && t.events > 1000);
	assert_int_equal(t.containers, t.ifaces);
	tap_free(tap);
}

#define MANY 200000u

static void *put_many(void *arg)
{
	for (uint64_t num = 1; num <= MANY; num++)
		put(arg, num, num >> 10);
	return NULL;
}

static void test_two_threads(void **state)
{
	struct tap *tap = tap_new(RING);
	struct taken t = {0};
	pthread_t other;
	uint64_t lost = 0;

	(void)state;
	tap_want(tap, UINT32_MAX);
	pthread_create(&other, NULL, put_many, tap);
	while (t.events + lost < MANY) {
		take(tap, &t);
		lost += tap_lost(tap);
	}
	pthread_join(other, NULL);
	take(tap, &t);
	assert_int_equal(t.events + lost, MANY);
	tap_free(tap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
