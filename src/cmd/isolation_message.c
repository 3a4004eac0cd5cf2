/* SPDX-License-Identifier: Apache-2.0 */
/* What the isolator does and sees, as notices and counters of the container. */
#include "cmd/isolation.h"
#include "event/event.h"
#include "isolate/isolate.h"

#include <stdio.h>

static const struct {
	const char *name, *text;
	enum counter_id counter;
} reasons[DP_COUNTERS] = {
	[DP_FOREIGN_PORT] = {"foreign_port", "a port that is not its own",
			     COUNTER_NET_REFUSED_FOREIGN_PORT},
	[DP_SPOOFED] = {"spoofed", "an address that is not the host's",
			COUNTER_NET_REFUSED_SPOOFED},
	[DP_FRAGMENT] = {"fragment", "fragments without their first", COUNTER_NET_REFUSED_FRAGMENT},
	[DP_OTHER] = {"other", "neither IP nor ARP", COUNTER_NET_REFUSED_OTHER},
};

static void add_number(struct message *m, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	notice_add(&m->keys, key, text);
}

/* ---- what each kind says, behind the name of the container ---- */

static void say_limit(struct message *m, const char *way, const char *key, const struct shape *s)
{
	if (s->rate)
		text_fmt(&m->text, ", %s %llu B/s", way, (unsigned long long)s->rate);
	else
		text_fmt(&m->text, ", %s unlimited", way);
	add_number(m, key, s->rate);
}

static void say_state(struct message *m, const struct isolate_event *ev)
{
	const struct isolate_container *c = ev->view;
	struct text ports = {0}, ephemeral = {0};

	if (!c)
		return;
	port_set_text(&ports, c->ports);
	text_fmt(&ephemeral, "%u-%u", c->ephemeral_begin, c->ephemeral_end);
	notice_add(&m->keys, "DREDGE_PORTS", text_cstr(&ports));
	notice_add(&m->keys, "DREDGE_EPHEMERAL_PORTS", text_cstr(&ephemeral));
	notice_add(&m->keys, "DREDGE_LINK", c->veth);
	text_fmt(&m->text, ": ports %s, ephemeral %s", ports.len ? text_cstr(&ports) : "none",
		 text_cstr(&ephemeral));
	say_limit(m, "egress", "DREDGE_EGRESS", &c->egress);
	say_limit(m, "ingress", "DREDGE_INGRESS", &c->ingress);
	text_done(&ports);
	text_done(&ephemeral);
}

static void say_why(struct message *m, const struct isolate_event *ev)
{
	if (!ev->why)
		return;
	text_fmt(&m->text, ": %s", ev->why);
	notice_add(&m->keys, "DREDGE_REASON", ev->why);
}

static void say_drift(struct message *m, const struct isolate_event *ev)
{
	text_fmt(&m->text, ": %s %s", ev->what ? ev->what : "something planned",
		 ev->why ? "is missing" : "was missing, put right");
	if (ev->times > 1)
		text_fmt(&m->text, ", %llu times", (unsigned long long)ev->times);
	say_why(m, ev);
	if (ev->what)
		notice_add(&m->keys, "DREDGE_THING", ev->what);
	add_number(m, "DREDGE_COUNT", ev->times);
}

static void say_packets(struct message *m, const struct isolate_event *ev)
{
	text_fmt(&m->text, ": %llu %s, sent from %s", (unsigned long long)ev->times,
		 ev->times == 1 ? "packet" : "packets", reasons[ev->reason].text);
	notice_add(&m->keys, "DREDGE_REASON", reasons[ev->reason].name);
	add_number(m, "DREDGE_COUNT", ev->times);
}

static void say_request(struct message *m, const struct isolate_event *ev)
{
	text_fmt(&m->text, ": %s refused", ev->what);
	say_why(m, ev);
	notice_add(&m->keys, "DREDGE_REQUEST", ev->what);
}

static void say_changed(struct message *m, const struct isolate_event *ev)
{
	text_fmt(&m->text, "the host has now %s: containers follow", ev->what);
	notice_add(&m->keys, "DREDGE_THING", ev->what);
}

/* The kinds: notice.kind, severity (RFC 5424), words. */
static const struct {
	const char *name;
	int priority;
	const char *verb;
	void (*say)(struct message *m, const struct isolate_event *ev);
} kinds[ISOLATE_EVENT_KINDS] = {
	[ISOLATE_ATTACHED] = {"attached", 6, " attached", say_state},
	[ISOLATE_UPDATED] = {"updated", 6, " updated", say_state},
	[ISOLATE_DETACHED] = {"detached", 6, " detached", say_why},
	[ISOLATE_RECOVERED] = {"recovered", 6, " recovered", say_state},
	[ISOLATE_QUARANTINED] = {"quarantined", 3, " left as it was found", say_why},
	[ISOLATE_DRIFT] = {"drift", 4, "", say_drift},
	[ISOLATE_REPAIRED] = {"drift_repaired", 4, "", say_drift},
	[ISOLATE_HOST_CHANGED] = {"host_changed", 6, ": ", say_changed},
	[ISOLATE_PACKETS_REFUSED] = {"packets_refused", 4, "", say_packets},
	[ISOLATE_REQUEST_REFUSED] = {"request_refused", 4, "", say_request},
};

struct message *isolation_message(const struct isolate_event *ev, uint64_t now)
{
	struct message *m = message_new();

	m->ts = now;
	m->container = ev->id ? xstrdup(ev->id) : NULL;
	m->netns = ev->view ? ev->view->netns_inode : 0;
	m->gone = !ev->view;
	m->kind = kinds[ev->kind].name;
	m->priority = kinds[ev->kind].priority;
	text_fmt(&m->text, "isolation%s%s%s", ev->id ? ": " : "", ev->id ? ev->id : "",
		 kinds[ev->kind].verb);
	kinds[ev->kind].say(m, ev);
	for (unsigned k = 0; ev->view && k < DP_COUNTERS; k++)
		counters_set(&m->counters, reasons[k].counter, ev->view->refused[k]);
	return m;
}
