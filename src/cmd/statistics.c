/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/statistics.h"

#include <stdio.h>
#include <stdlib.h>

#include "isolate/isolate.h"

#define INTERVAL_LEAST (20 * NSEC_PER_MSEC)

enum { SOCKETS = STATISTICS_OPTION, RTT, SNMP, RATES, WINDOW, INTERVAL };

const struct option_row statistics_rows[] = {
	{0, "What is counted of their networks; in each counter sample", NULL, NULL, 0, 0},
	{SOCKETS, "network_enable_socket_statistics_summary", "true|false",
	 "TCP connections and those in TIME_WAIT", OPTION_BARE | OPTION_BOOL | OPTION_VALUE, 0},
	{RTT, "network_enable_socket_statistics_details", "true|false",
	 "percentiles of TCP round trip times", OPTION_BARE | OPTION_BOOL | OPTION_VALUE, 0},
	{SNMP, "network_enable_snmp_statistics", "true|false", "/proc/net/snmp",
	 OPTION_BARE | OPTION_BOOL | OPTION_VALUE, 0},
	{RATES, "network_enable_rate_statistics", "true|false",
	 "percentiles of rates over a window; wants the two below",
	 OPTION_BARE | OPTION_BOOL | OPTION_VALUE, 0},
	{WINDOW, "network_rate_statistics_window", "TIME", "such as 5mins", OPTION_VALUE, 0},
	{INTERVAL, "network_rate_statistics_interval", "TIME", "between rates, such as 1secs",
	 OPTION_VALUE, 0},
};
const size_t statistics_row_count = ARRAY_SIZE(statistics_rows);

static int switch_set(bool *to, const char *arg, struct err *e)
{
	if (arg && !str_eq(arg, "true") && !str_eq(arg, "false"))
		return err_set(e, ERR_USAGE, "'%.40s': true or false is wanted", arg);
	*to = !arg || str_eq(arg, "true");
	return 0;
}

int statistics_option(struct statistics *s, int id, const char *arg, struct err *e)
{
	switch (id) {
	case SOCKETS:
		return switch_set(&s->sockets, arg, e);
	case RTT:
		return switch_set(&s->rtt, arg, e);
	case SNMP:
		return switch_set(&s->snmp, arg, e);
	case RATES:
		return switch_set(&s->rates, arg, e);
	default:
		return duration_parse(arg, id == WINDOW ? &s->window : &s->interval, e);
	}
}

/* ---- what the threads tell each other ---- */

static struct confined_list *take_confined(void *ctx)
{
	return mailbox_take(&((struct statistics *)ctx)->confined);
}

static void publish(void *ctx, struct sample_list *l)
{
	sample_list_free(mailbox_send(&((struct statistics *)ctx)->samples, l));
}

const struct sample_list *statistics_newest(struct statistics *s)
{
	struct sample_list *l = mailbox_take(&s->samples);

	if (l) {
		sample_list_free(s->newest);
		s->newest = l;
	}
	return s->newest;
}

static struct confined *known_find(struct statistics *s, const char *id)
{
	for (size_t i = 0; i < s->known.n; i++)
		if (str_eq(s->known.items[i].id, id))
			return &s->known.items[i];
	return NULL;
}

static struct confined_shape shape_of(const struct shape *s)
{
	return (struct confined_shape){s->rate, s->ceil, s->burst};
}

static void known_put(struct statistics *s, const struct isolate_container *c)
{
	struct confined *to = known_find(s, c->id);

	if (!to) {
		GROW(s->known.items, s->known.n, s->known.cap);
		to = &s->known.items[s->known.n++];
		*to = (struct confined){.netns = xstrdup(c->netns)};
		snprintf(to->id, sizeof(to->id), "%s", c->id);
	}
	to->ifindex = c->ifindex;
	to->slot = c->slot;
	to->ephemeral_begin = c->ephemeral_begin;
	to->ephemeral_end = c->ephemeral_end;
	to->tx = shape_of(&c->egress);
	to->rx = shape_of(&c->ingress);
	s->known.shaper = c->shaper;
}

static void known_drop(struct statistics *s, const char *id)
{
	struct confined *c = known_find(s, id);

	if (!c)
		return;
	free(c->netns);
	*c = s->known.items[--s->known.n];
}

static struct confined_list *known_copy(const struct statistics *s)
{
	struct confined_list *l = xcalloc(1, sizeof(*l));

	*l = s->known;
	l->cap = l->n;
	l->items = xcalloc(l->n + 1, sizeof(*l->items));
	for (size_t i = 0; i < l->n; i++) {
		l->items[i] = s->known.items[i];
		l->items[i].netns = xstrdup(s->known.items[i].netns);
	}
	return l;
}

void statistics_note(struct statistics *s, const struct isolate_event *ev)
{
	switch (ev->kind) {
	case ISOLATE_ATTACHED:
	case ISOLATE_UPDATED:
	case ISOLATE_RECOVERED:
	case ISOLATE_REPAIRED: /* its link may be another one */
		if (!ev->view)
			return;
		known_put(s, ev->view);
		break;
	case ISOLATE_DETACHED:
		known_drop(s, ev->id);
		break;
	default:
		return;
	}
	s->news = true;
}

void statistics_tell(struct statistics *s)
{
	if (s->news)
		confined_list_free(mailbox_send(&s->confined, known_copy(s)));
	s->news = false;
}

int statistics_check(struct statistics *s, struct statistics_options *o, struct err *e)
{
	if (s->rates && (!s->window || !s->interval))
		return err_set(e, ERR_USAGE,
			       "network_enable_rate_statistics wants "
			       "network_rate_statistics_window and "
			       "network_rate_statistics_interval");
	if (s->rates && s->interval < INTERVAL_LEAST)
		return err_set(e, ERR_USAGE,
			       "network_rate_statistics_interval is shorter than 20ms");
	if (s->rates && s->window <= s->interval)
		return err_set(e, ERR_USAGE,
			       "network_rate_statistics_window must be longer than the interval");
	*o = (struct statistics_options){
		.sockets = s->sockets,
		.rtt = s->rtt,
		.snmp = s->snmp,
		.rate_window = s->rates ? s->window : 0,
		.rate_interval = s->rates ? s->interval : 0,
		.confined = take_confined,
		.publish = publish,
		.ctx = s,
	};
	return 0;
}

void statistics_done(struct statistics *s)
{
	confined_list_free(mailbox_take(&s->confined));
	sample_list_free(mailbox_take(&s->samples));
	sample_list_free(s->newest);
	for (size_t i = 0; i < s->known.n; i++)
		free(s->known.items[i].netns);
	free(s->known.items);
}
