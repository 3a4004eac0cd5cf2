/* SPDX-License-Identifier: Apache-2.0 */
#include "http/kitchen.h"

#ifdef HAVE_HTTPD

#include <pthread.h>
#include <stdlib.h>

#define COOKS	   2u
#define DISHES	   32u		/* replies that wait, are made, or are kept */
#define BODIES_MAX (256u << 20) /* bytes: with more, slow clients must leave first */
#define PREPARE_NS (60 * NSEC_PER_SEC)

struct dish {
	enum { FREE, WAITING, COOKING, DONE } state;
	uint64_t number; /* in which they came */
	char *key;
	struct view *view;
	struct body *body; /* once it is DONE */
	struct order *orders;
};

struct kitchen {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct dish dishes[DISHES];
	uint64_t number;
	bool closing;
	void (*thread_begins)(void);
	pthread_t cooks[COOKS];
	unsigned started;
	struct body *prepared[PREPARED]; /* of the newest view; NULL = nobody asks for it */
	uint64_t asked[PREPARED];	 /* monotonic ns */
};

/* ---- what needs no cook ---- */

static struct body *make(const struct view *v, const struct ask *ask)
{
	struct reply a = {0};

	api_reply(v, ask, &a);
	return body_new(&a);
}

static bool is_asked_for(struct kitchen *k, unsigned i)
{
	pthread_mutex_lock(&k->lock);
	bool asked = k->asked[i] && time_monotonic() - k->asked[i] < PREPARE_NS;
	pthread_mutex_unlock(&k->lock);
	return asked;
}

void kitchen_prepare(struct kitchen *k, const struct view *v)
{
	for (unsigned i = 0; i < PREPARED; i++) {
		struct body *fresh = is_asked_for(k, i) ? make(v, &api_prepared[i]) : NULL;
		pthread_mutex_lock(&k->lock);
		struct body *old = k->prepared[i];
		k->prepared[i] = fresh;
		pthread_mutex_unlock(&k->lock);
		body_unref(old);
	}
}

static struct body *prepared(struct kitchen *k, const struct ask *ask)
{
	struct body *found = NULL;

	pthread_mutex_lock(&k->lock);
	for (unsigned i = 0; i < PREPARED; i++) {
		if (!str_eq(api_prepared[i].target, ask->target) ||
		    api_prepared[i].openmetrics != ask->openmetrics)
			continue;
		k->asked[i] = time_monotonic();
		found = k->prepared[i] ? body_ref(k->prepared[i]) : NULL;
	}
	pthread_mutex_unlock(&k->lock);
	return found;
}

struct body *kitchen_ready(struct kitchen *k, const struct view *v, const struct ask *ask)
{
	struct body *ready = prepared(k, ask);

	return ready || (v && !api_is_light(ask->target)) ? ready : make(v, ask);
}

/* ---- orders ---- */

static char *key_of(const struct ask *ask)
{
	return xasprintf("%c%s", ask->openmetrics ? 'o' : 't', ask->target);
}

static void dish_done(struct dish *d)
{
	free(d->key);
	view_unref(d->view);
	body_unref(d->body);
	*d = (struct dish){0};
}

/* What slow clients still hold counts too. */
static bool is_full(struct kitchen *k)
{
	for (unsigned i = 0; i < DISHES && bodies_alive() > BODIES_MAX; i++)
		if (k->dishes[i].state == DONE)
			dish_done(&k->dishes[i]);
	return bodies_alive() > BODIES_MAX;
}

/* The same question to the same view, or a place for it; NULL: too much is asked. */
static struct dish *dish_for(struct kitchen *k, const struct view *v, const char *key)
{
	struct dish *place = NULL;

	for (unsigned i = 0; i < DISHES; i++) {
		struct dish *d = &k->dishes[i];
		if (d->state == DONE && d->view != v)
			dish_done(d);
		if (d->state != FREE && d->view == v && str_eq(d->key, key))
			return d;
		if ((d->state == FREE || d->state == DONE) && (!place || d->number < place->number))
			place = d; /* the oldest */
	}
	if (place)
		dish_done(place);
	return place;
}

static void deliver(struct order *o, struct body *b)
{
	o->body = b;
	o->done(o);
}

void kitchen_order(struct kitchen *k, struct view *v, const struct ask *ask, struct order *o)
{
	cleanup_free char *key = key_of(ask);
	struct body *body = NULL;

	pthread_mutex_lock(&k->lock);
	struct dish *d = k->closing || is_full(k) ? NULL : dish_for(k, v, key);
	if (d && d->state == FREE) {
		*d = (struct dish){.state = WAITING,
				   .number = ++k->number,
				   .key = xstrdup(key),
				   .view = view_ref(v)};
		pthread_cond_signal(&k->work);
	}
	if (d && d->state == DONE) {
		body = body_ref(d->body);
	} else if (d) {
		o->next = d->orders;
		d->orders = o;
	}
	pthread_mutex_unlock(&k->lock);
	if (!d)
		deliver(o, body_error(503, "too much is asked at once"));
	else if (body)
		deliver(o, body);
}

static struct dish *next_dish(struct kitchen *k)
{
	struct dish *next = NULL;

	for (unsigned i = 0; i < DISHES; i++) {
		struct dish *d = &k->dishes[i];
		if (d->state == WAITING && (!next || d->number < next->number))
			next = d;
	}
	return next;
}

static void cook_one(struct kitchen *k, struct dish *d)
{
	d->state = COOKING;
	pthread_mutex_unlock(&k->lock);
	struct ask ask = {.target = d->key + 1, .openmetrics = *d->key == 'o'};
	struct body *body = make(d->view, &ask);
	pthread_mutex_lock(&k->lock);
	struct order *o = d->orders;
	d->orders = NULL;
	d->body = body_ref(body);
	d->state = DONE;
	pthread_mutex_unlock(&k->lock);
	while (o) {
		struct order *next = o->next; /* it may be gone when it is done */
		deliver(o, body_ref(body));
		o = next;
	}
	body_unref(body);
	pthread_mutex_lock(&k->lock);
}

static void *cook(void *arg)
{
	struct kitchen *k = arg;
	struct dish *d;

	if (k->thread_begins)
		k->thread_begins();
	pthread_mutex_lock(&k->lock);
	while ((d = next_dish(k)) || !k->closing) {
		if (d)
			cook_one(k, d);
		else
			pthread_cond_wait(&k->work, &k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* ---- the kitchen ---- */

struct kitchen *kitchen_new(void)
{
	struct kitchen *k = xcalloc(1, sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->work, NULL);
	return k;
}

int kitchen_start(struct kitchen *k, void (*thread_begins)(void), struct err *e)
{
	k->thread_begins = thread_begins;
	for (; k->started < COOKS; k->started++) {
		int why = pthread_create(&k->cooks[k->started], NULL, cook, k);
		if (why)
			return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	}
	return 0;
}

void kitchen_close(struct kitchen *k)
{
	pthread_mutex_lock(&k->lock);
	k->closing = true;
	pthread_cond_broadcast(&k->work);
	pthread_mutex_unlock(&k->lock);
	for (; k->started; k->started--)
		pthread_join(k->cooks[k->started - 1], NULL);
}

void kitchen_free(struct kitchen *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < DISHES; i++)
		dish_done(&k->dishes[i]);
	for (unsigned i = 0; i < PREPARED; i++)
		body_unref(k->prepared[i]);
	pthread_cond_destroy(&k->work);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

#endif
