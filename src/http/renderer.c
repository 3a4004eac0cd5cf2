/* SPDX-License-Identifier: Apache-2.0 */
#include "http/renderer.h"

#ifdef HAVE_HTTPD

#include <pthread.h>
#include <stdlib.h>

#define THREADS	   2u
#define JOBS	   32u		/* replies that wait, are made, or are kept */
#define BODIES_MAX (256u << 20) /* bytes: with more, slow clients must leave first */
#define PREPARE_NS (60 * NSEC_PER_SEC)

struct job {
	enum { FREE, WAITING, RUNNING, DONE } state;
	uint64_t number; /* in which they came */
	char *key;
	struct view *view;
	struct body *body; /* once it is DONE */
	struct render_wait *waits;
};

struct renderer {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job jobs[JOBS];
	uint64_t number;
	bool closing;
	void (*thread_begins)(void);
	pthread_t threads[THREADS];
	unsigned started;
	struct body *prepared[PREPARED]; /* of the newest view; NULL = nobody asks for it */
	uint64_t asked[PREPARED];	 /* monotonic ns */
};

/* ---- what needs no thread ---- */

static struct body *make(const struct view *v, const struct ask *ask)
{
	struct reply a = {0};

	api_reply(v, ask, &a);
	return body_new(&a);
}

static bool is_asked_for(struct renderer *r, unsigned i)
{
	pthread_mutex_lock(&r->lock);
	bool asked = r->asked[i] && time_monotonic() - r->asked[i] < PREPARE_NS;
	pthread_mutex_unlock(&r->lock);
	return asked;
}

void renderer_prepare(struct renderer *r, const struct view *v)
{
	for (unsigned i = 0; i < PREPARED; i++) {
		struct body *fresh = is_asked_for(r, i) ? make(v, &api_prepared[i]) : NULL;
		pthread_mutex_lock(&r->lock);
		struct body *old = r->prepared[i];
		r->prepared[i] = fresh;
		pthread_mutex_unlock(&r->lock);
		body_unref(old);
	}
}

static struct body *prepared(struct renderer *r, const struct ask *ask)
{
	struct body *found = NULL;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < PREPARED; i++) {
		if (!str_eq(api_prepared[i].target, ask->target) ||
		    api_prepared[i].openmetrics != ask->openmetrics)
			continue;
		r->asked[i] = time_monotonic();
		found = r->prepared[i] ? body_ref(r->prepared[i]) : NULL;
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

struct body *renderer_ready(struct renderer *r, const struct view *v, const struct ask *ask)
{
	struct body *ready = prepared(r, ask);

	return ready || (v && !api_is_light(ask->target)) ? ready : make(v, ask);
}

/* ---- jobs ---- */

static char *key_of(const struct ask *ask)
{
	return xasprintf("%c%s", ask->openmetrics ? 'o' : 't', ask->target);
}

static void job_done(struct job *j)
{
	free(j->key);
	view_unref(j->view);
	body_unref(j->body);
	*j = (struct job){0};
}

/* What slow clients still hold counts too. */
static bool is_full(struct renderer *r)
{
	for (unsigned i = 0; i < JOBS && bodies_alive() > BODIES_MAX; i++)
		if (r->jobs[i].state == DONE)
			job_done(&r->jobs[i]);
	return bodies_alive() > BODIES_MAX;
}

/* The same question to the same view, or a place for it; NULL: too much is asked. */
static struct job *job_for(struct renderer *r, const struct view *v, const char *key)
{
	struct job *place = NULL;

	for (unsigned i = 0; i < JOBS; i++) {
		struct job *j = &r->jobs[i];
		if (j->state == DONE && j->view != v)
			job_done(j);
		if (j->state != FREE && j->view == v && str_eq(j->key, key))
			return j;
		if ((j->state == FREE || j->state == DONE) && (!place || j->number < place->number))
			place = j; /* the oldest */
	}
	if (place)
		job_done(place);
	return place;
}

static void deliver(struct render_wait *w, struct body *b)
{
	w->body = b;
	w->done(w);
}

void renderer_submit(struct renderer *r, struct view *v, const struct ask *ask,
		     struct render_wait *w)
{
	cleanup_free char *key = key_of(ask);
	struct body *body = NULL;

	pthread_mutex_lock(&r->lock);
	struct job *j = r->closing || is_full(r) ? NULL : job_for(r, v, key);
	if (j && j->state == FREE) {
		*j = (struct job){.state = WAITING,
				  .number = ++r->number,
				  .key = xstrdup(key),
				  .view = view_ref(v)};
		pthread_cond_signal(&r->work);
	}
	if (j && j->state == DONE) {
		body = body_ref(j->body);
	} else if (j) {
		w->next = j->waits;
		j->waits = w;
	}
	pthread_mutex_unlock(&r->lock);
	if (!j)
		deliver(w, body_error(503, "too much is asked at once"));
	else if (body)
		deliver(w, body);
}

static struct job *next_job(struct renderer *r)
{
	struct job *next = NULL;

	for (unsigned i = 0; i < JOBS; i++) {
		struct job *j = &r->jobs[i];
		if (j->state == WAITING && (!next || j->number < next->number))
			next = j;
	}
	return next;
}

static void run_job(struct renderer *r, struct job *j)
{
	j->state = RUNNING;
	pthread_mutex_unlock(&r->lock);
	struct ask ask = {.target = j->key + 1, .openmetrics = *j->key == 'o'};
	struct body *body = make(j->view, &ask);
	pthread_mutex_lock(&r->lock);
	struct render_wait *w = j->waits;
	j->waits = NULL;
	j->body = body_ref(body);
	j->state = DONE;
	pthread_mutex_unlock(&r->lock);
	while (w) {
		struct render_wait *next = w->next; /* it may be gone when it is done */
		deliver(w, body_ref(body));
		w = next;
	}
	body_unref(body);
	pthread_mutex_lock(&r->lock);
}

static void *run_jobs(void *arg)
{
	struct renderer *r = arg;
	struct job *j;

	if (r->thread_begins)
		r->thread_begins();
	pthread_mutex_lock(&r->lock);
	while ((j = next_job(r)) || !r->closing) {
		if (j)
			run_job(r, j);
		else
			pthread_cond_wait(&r->work, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- the renderer ---- */

struct renderer *renderer_new(void)
{
	struct renderer *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->work, NULL);
	return r;
}

int renderer_start(struct renderer *r, void (*thread_begins)(void), struct err *e)
{
	r->thread_begins = thread_begins;
	for (; r->started < THREADS; r->started++) {
		int why = pthread_create(&r->threads[r->started], NULL, run_jobs, r);
		if (why)
			return err_set(e, ERR_FAILED, "cannot start a thread: %s", strerror(why));
	}
	return 0;
}

void renderer_close(struct renderer *r)
{
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
	for (; r->started; r->started--)
		pthread_join(r->threads[r->started - 1], NULL);
}

void renderer_free(struct renderer *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < JOBS; i++)
		job_done(&r->jobs[i]);
	for (unsigned i = 0; i < PREPARED; i++)
		body_unref(r->prepared[i]);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

#endif
