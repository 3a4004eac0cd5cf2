/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/isolation.h"

#ifdef HAVE_ISOLATE

#include "cmd/desired.h"
#include "cmd/overlap.h"
#include "cmd/statistics.h"
#include "event/event.h"
#include "http/http.h"
#include "isolate/isolate.h"
#include "net/net.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUN_DIR "/run/dredge"

/* The speed of the interface, as far as it has one. */
static uint64_t link_speed(const char *eth)
{
	cleanup_free char *path = xasprintf("/sys/class/net/%s/speed", eth);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[MAX(n, 0)] = '\0';
	return link_speed_parse(text);
}

/* Of the interface that is named, or that of the default route. */
static uint64_t link_speed_of(const char *eth)
{
	struct net_socket *s = eth ? NULL : net_open(-1, NULL);
	struct net_gateway g;
	struct net_link l;
	uint64_t speed = eth ? link_speed(eth) : 0;

	if (s && !net_default_route(s, AF_INET, &g, NULL) && !net_link_get(s, g.ifindex, &l, NULL))
		speed = link_speed(l.name);
	net_close(s);
	return speed;
}

uint64_t isolation_link_speed(const struct isolate_config *c)
{
	return link_speed_of(c->eth);
}

static int look_at_host(const struct isolate_config *c, struct isolate_facts *f, struct err *e)
{
	char range[64];

	f->root = !geteuid();
	f->link_speed = isolation_link_speed(c);
	if (net_sysctl_read(-1, "ipv4/ip_local_port_range", range, sizeof(range), e))
		return -1;
	return local_ports_parse(range, &f->local, e);
}

int isolation_check(struct isolate_config *c, struct text *notices, struct err *e)
{
	struct isolate_facts facts = {0};

	return look_at_host(c, &facts, e) ? -1 : isolate_config_check(c, &facts, notices, e);
}

static void tell(const char *before, struct text *lines)
{
	for (char *line = lines->len ? (char *)text_cstr(lines) : NULL; line && *line;) {
		size_t n = strcspn(line, "\n");
		log_warn("%s%.*s", before, (int)n, line);
		line += n + (line[n] == '\n');
	}
	text_done(lines);
}

static void tell_overlap(const struct isolate_config *c)
{
	struct port_set pool = c->ports;
	struct text lines = {0};
	struct err why = {0};

	port_set_join(&pool, &c->ephemeral);
	if (overlap_text(&pool, &lines, &why))
		log_warn("%s", why.message);
	tell("a process of the host is in the way of containers: ", &lines);
}

static void on_event(void *ctx, const struct isolate_event *ev)
{
	const struct isolation_listeners *to = ctx;

	message_post(to->box, isolation_message(ev, time_now()));
	statistics_note(to->statistics, ev);
}

static void each_sample(void *ctx, void (*fn)(void *to, const struct control_sample *s), void *to)
{
	const struct isolation_listeners *from = ctx;
	const struct sample_list *l = statistics_newest(from->statistics);

	for (size_t i = 0; l && i < l->n; i++) {
		const struct sample *s = &l->items[i];
		fn(to, &(struct control_sample){s->id, s->container, l->ts, &s->counters});
	}
}

static void names_of(void *ctx, const char *id, const char *meta[META_KEYS])
{
	const struct isolation_listeners *from = ctx;

	desired_names(from->desired, id, meta);
}

static void on_turn(void *ctx, struct isolator *i)
{
	const struct isolation_listeners *from = ctx;

	desired_apply(from->desired, i);
	statistics_tell(from->statistics);
}

int isolation_open(struct isolate_config *c, struct isolation_listeners *listeners,
		   struct control **control, struct err *e)
{
	const char *run_dir = c->run_dir ? c->run_dir : RUN_DIR;
	cleanup_free char *socket = xasprintf("%s/control", run_dir);
	const struct control_options co = {.path = socket,
					   .group = c->group,
					   .egress = &c->egress,
					   .ingress = &c->ingress,
					   .spare_ingress = c->spare_ingress,
					   .repair = !c->tell_only,
					   .samples = each_sample,
					   .names = names_of,
					   .turn = on_turn,
					   .ctx = listeners};
	struct text notices = {0};

	if (!c->wanted)
		return isolate_isolators_check(c, e);
	int status = isolation_check(c, &notices, e);
	tell("", &notices);
	if (status)
		return -1;
	tell_overlap(c);
	const struct isolate_options o = {
		.eth = c->eth,
		.lo = c->lo,
		.run_dir = run_dir,
		.ports = c->ports,
		.ephemeral = c->ephemeral,
		.ephemeral_per_container = c->ephemeral_per_container,
		.unique_flow = c->unique_flow,
		.flow_parent = c->flow_parent,
		.ip6 = !c->no_ip6,
		.adopt_mesos = c->adopt_mesos,
		.tell = on_event,
		.ctx = listeners,
	};
	struct isolator *i = isolate_open(&o, e);
	if (!i)
		return -1;
	*control = control_open(&co, i, e);
	return *control ? 0 : -1;
}

int isolation_start(struct control *control, struct err *e)
{
	return control ? control_start(control, e) : 0;
}

void isolation_close(struct control *control)
{
	control_close(control);
}

#else

int isolation_open(struct isolate_config *c, struct isolation_listeners *listeners,
		   struct control **control, struct err *e)
{
	(void)listeners;
	(void)control;
	return c->wanted ? err_set(e, ERR_USAGE,
				   "isolator network/port_mapping is not built in (libbpf, "
				   "libmicrohttpd or clang were missing)")
			 : isolate_isolators_check(c, e);
}

int isolation_start(struct control *control, struct err *e)
{
	(void)control;
	(void)e;
	return 0;
}

void isolation_close(struct control *control)
{
	(void)control;
}

#endif
