/* SPDX-License-Identifier: Apache-2.0 */
/* dredged: the monitor. Finds containers, asks who they are, records packets and counters. */
#include "chisel/chisel.h"
#include "cmd/captures.h"
#include "cmd/check.h"
#include "cmd/desired.h"
#include "cmd/dredged_options.h"
#include "cmd/isolation.h"
#include "cmd/serving.h"
#include "flow/flow.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct monitor {
	struct dredged_settings set;
	struct isolation_listeners listeners;
	struct source *running;
	struct writer *writer;
	struct mesos_poller *poller;
	struct control *control;
	struct message_box messages; /* of its thread */
	struct desired desired;	     /* its ports, once it runs */
	struct serving serving;
	struct views views;
	struct captures captures;
	struct flow_totals totals;
	uint64_t next_status;
	bool ready;
	struct err failure;
};

static volatile sig_atomic_t want_rotate, want_status;

static void on_signal(int sig)
{
	*(sig == SIGHUP ? &want_rotate : &want_status) = 1;
}

/* systemd's readiness protocol, sd_notify(3): one datagram to the socket in the environment. */
static void tell_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

static void show_state(struct monitor *m)
{
	struct source_stats s = {0};
	struct writer_stats w = {0};
	struct text t = {0};

	m->running->kind->stats(m->running, &s);
	text_fmt(&t, "%llu containers, %llu interfaces; %llu packets seen, %llu lost",
		 (unsigned long long)s.containers, (unsigned long long)s.interfaces,
		 (unsigned long long)s.seen, (unsigned long long)s.lost);
	if (s.sampled_out)
		text_fmt(&t, ", %llu left out by sampling", (unsigned long long)s.sampled_out);
	if (m->writer) {
		writer_get_stats(m->writer, &w);
		text_fmt(&t, "; recorded %llu packets, %llu counter samples, %llu notices (",
			 (unsigned long long)w.packets, (unsigned long long)w.counters,
			 (unsigned long long)w.notices);
		text_bytes(&t, w.file_bytes);
		text_fmt(&t, ") in %s", w.path);
		if (w.lost)
			text_fmt(&t, ", %llu events could not be written",
				 (unsigned long long)w.lost);
	}
	if (m->poller) {
		text_str(&t, "; ");
		mesos_poller_status(m->poller, &t);
	}
	log_info("%s", text_cstr(&t));
	text_done(&t);
}

static int on_tick(void *ctx, uint64_t now)
{
	struct monitor *m = ctx;

	serving_tick(&m->serving, now); /* who is told that it is ready may ask */
	if (!m->ready) {
		m->ready = true;
		log_info("ready");
		tell_manager("READY=1");
		m->next_status = now + m->set.status_interval;
	}
	if (want_rotate && m->writer) {
		want_rotate = 0;
		if (writer_rotate(m->writer, &m->failure))
			return 1;
	}
	captures_tick(&m->captures, now);
	if (m->serving.server)
		server_take_orders(m->serving.server, captures_order, &m->captures);
	if (want_status || (m->set.status_interval && now >= m->next_status)) {
		want_status = 0;
		m->next_status = now + m->set.status_interval;
		show_state(m);
	}
	return 0;
}

static int on_notice(void *ctx, struct context *c)
{
	size_t n;
	const char *message = notice_find(c->ev->data, c->ev->caplen, "MESSAGE", &n);

	serving_note(&((struct monitor *)ctx)->serving, c->ev);
	if (message)
		log_info("%.*s", (int)MIN(n, 1000u), message);
	return 0;
}

static int on_event(void *ctx, struct context *c)
{
	struct monitor *m = ctx;

	server_event(m->serving.server, c);
	return 0;
}

static int open_all(struct monitor *m, struct err *e)
{
	if (m->set.ignored.len)
		log_info("accepted, but of no use here:%s", text_cstr(&m->set.ignored));
	m->set.source.interfaces = (const char *const *)m->set.interfaces;
	m->set.source.capture_filter = m->set.capture_filter;
	m->set.source.cgroup_root = m->set.cgroup_root;
	m->set.source.mesos_cgroup = m->set.mesos_cgroup;
	if (statistics_check(&m->set.statistics, &m->set.source.statistics, e))
		return -1;
	m->running = source_open(m->set.no_capture ? "none" : "live", &m->set.source, e);
	m->listeners = (struct isolation_listeners){&m->messages, &m->set.statistics, &m->desired};
	if (!m->running || isolation_open(&m->set.isolate, &m->listeners, &m->control, e))
		return -1;
	const struct server_options serve = {m->set.listen, m->set.tls_cert, m->set.tls_key,
					     m->set.token_file};
	if (m->set.listen && !(m->serving.server = server_open(&serve, e)))
		return -1;
	/* Sockets are open. What stays: entering namespaces, reading others' /proc, the file. */
	const int caps[] = {CAP_SYS_ADMIN,
			    CAP_SYS_PTRACE,
			    CAP_NET_ADMIN,
			    CAP_NET_RAW,
			    CAP_DAC_READ_SEARCH,
			    CAP_DAC_OVERRIDE,
			    -1};
	if (privileges_keep(caps, e))
		return -1;
	if (m->set.write) {
		m->set.out.path = m->set.write;
		if (!m->set.format_chosen &&
		    savefile_format_of(m->set.write, &m->set.out.format, e))
			return -1;
		m->writer = captures_open(&m->captures, &m->set.out, e);
		if (!m->writer)
			return -1;
	}
	const struct mesos_options asking = {.max_body = m->set.max_body,
					     .interval_ns = m->set.mesos_interval,
					     .history_ns = m->set.history,
					     .history_bytes = m->set.history_size,
					     .news = &m->messages};
	if (start_poller(&m->set.mesos, asking, &m->poller, e))
		return -1;
	m->desired.poller = m->poller;
	if (m->serving.server) {
		views_load(&m->views, plugin_dirs("chisels"));
		server_views(m->serving.server, &m->views);
	}
	if (m->serving.server && server_start(m->serving.server, m->poller, privileges_drop, e))
		return -1;
	return isolation_start(m->control, e);
}

static void catch_signals(struct monitor *m)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	signals_stop(m->running);
}

static int monitor_run(struct monitor *m, const struct filter *filter, struct err *e)
{
	if (open_all(m, e))
		return -1;
	catch_signals(m);
	bool flows = m->set.latency || filter_needs(filter, FIELD_FLOW);
	struct state *state = state_new(flows ? FLOWS_TRACKED : 0);
	m->captures.dir = m->set.capture_dir;
	m->captures.flows = flows;
	m->captures.state = state;
	m->serving = (struct serving){
		.server = m->serving.server,
		.state = state,
		.source = m->running,
		.writer = m->writer,
		.captures = &m->captures,
		.poller = m->poller,
		.health.metadata_alone = m->set.no_capture,
		.sample = MAX(m->set.source.sample, 1u),
	};
	const struct flow_options o = {
		.source = m->running,
		.state = state,
		.filter = filter,
		.poller = m->poller,
		.messages = &m->messages,
		.recorders = &m->captures.recorders,
		.max_ns = m->set.max_ns,
		.live = true,
		.present = m->serving.server ? on_event : NULL,
		.notice = on_notice,
		.tick = on_tick,
		.ctx = m,
	};
	int status = flow_run(&o, &m->totals, e);
	if (!status && m->failure.code) {
		*e = m->failure;
		status = -1;
	}
	tell_manager("STOPPING=1");
	show_state(m);
	state_free(state);
	return status;
}

static int monitor_close(struct monitor *m, int status, struct err *e)
{
	struct err closing = {0};

	server_close(m->serving.server);
	views_free(&m->views);
	isolation_close(m->control);
	desired_done(&m->desired);
	mesos_poller_stop(m->poller);
	if (captures_close(&m->captures, &closing) && !status) {
		*e = closing;
		status = -1;
	}
	signals_stop(NULL);
	message_free(message_take(&m->messages));
	source_close(m->running);
	return status;
}

static struct filter *join_filter(int argc, char **argv, int first, struct err *e)
{
	struct text t = {0};

	for (int i = first; i < argc; i++) {
		text_str(&t, argv[i]);
		text_char(&t, ' ');
	}
	struct filter *f = filter_compile(text_cstr(&t), plugin_dirs("filters"), e);
	text_done(&t);
	return f;
}

static int help(void)
{
	struct text t = {0};

	dredged_help(&t);
	write_all(STDOUT_FILENO, t.data, t.len);
	text_done(&t);
	return 0;
}

int main(int argc, char **argv)
{
	static struct monitor m;
	struct err e = {0};
	struct filter *filter = NULL;
	int status;

	log_init("dredged", LOG_LEVEL_INFO);
	int first = dredged_settings_parse(&m.set, argc, argv, &e);
	if (m.set.verbose)
		log_init("dredged", LOG_LEVEL_DEBUG);
	if (first < 0) {
		status = report(&e);
	} else if (m.set.help) {
		status = help();
	} else if (m.set.version) {
		static const char text[] = "dredged " DREDGE_VERSION "\n";
		status = write_all(STDOUT_FILENO, text, sizeof(text) - 1) ? ERR_FAILED : 0;
	} else if (m.set.check) {
		status = check_run(&m.set.isolate, m.set.json);
	} else if (first < argc && !(filter = join_filter(argc, argv, first, &e))) {
		status = report(&e);
	} else {
		status = monitor_close(&m, monitor_run(&m, filter, &e), &e) ? report(&e) : 0;
	}
	filter_free(filter);
	dredged_settings_done(&m.set);
	return status;
}
