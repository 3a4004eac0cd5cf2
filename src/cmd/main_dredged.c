/* SPDX-License-Identifier: Apache-2.0 */
/* dredged: the monitor. Finds containers, asks who they are, records packets and counters. */
#include "cmd/agent_flags.h"
#include "cmd/check.h"
#include "cmd/desired.h"
#include "cmd/isolation.h"
#include "cmd/options.h"
#include "cmd/resources.h"
#include "cmd/serving.h"
#include "cmd/statistics.h"
#include "flow/flow.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_INTERFACES 64u

enum {
	OPT_CONFIG = 256,
	OPT_AGENT,
	OPT_CREDENTIALS,
	OPT_CA_FILE,
	OPT_NO_FOLLOW,
	OPT_MESOS_INTERVAL,
	OPT_MAX_BODY,
	OPT_WRITE_FORMAT,
	OPT_WINDOW,
	OPT_SAMPLE,
	OPT_COUNTERS,
	OPT_INTERFACE,
	OPT_CAPTURE_FILTER,
	OPT_RING_SIZE,
	OPT_LATENCY,
	OPT_CGROUP_ROOT,
	OPT_MESOS_CGROUP,
	OPT_NO_HOST_NETWORK,
	OPT_LISTEN,
	OPT_STATUS_INTERVAL,
	OPT_VERSION,
	OPT_CHECK,
	OPT_JSON,
	OPT_ISOLATE, /* and behind it, in the order of isolate_flags */
};

static const struct option_row own_rows[] = {
	{0, "What is watched", NULL, NULL, 0},
	{'s', "snaplen", "LEN", "bytes of each packet to take (all)", 0},
	{OPT_SAMPLE, "sample", "N", "take 1 packet in N, the same ones at every point", 0},
	{OPT_COUNTERS, "counters", "TIME", "time between counter samples (1s; 0 = never)", 0},
	{OPT_CAPTURE_FILTER, "capture-filter", "EXPR", "pcap-filter(7) applied in the kernel", 0},
	{OPT_INTERFACE, "interface", "NAME", "also capture this host interface whole", 0},
	{OPT_NO_HOST_NETWORK, "no-host-network", NULL, "leave out containers on the host's network",
	 0},
	{OPT_LATENCY, "latency", NULL,
	 "follow conversations: handshake and response times, retransmits\n"
	 "and refused connects as counters of each container",
	 0},
	{OPT_RING_SIZE, "ring-size", "SIZE", "packet ring shared with the kernel, such as 64MB", 0},
	{OPT_CGROUP_ROOT, "cgroup-root", "DIR", "where cgroups are mounted (/sys/fs/cgroup)", 0},
	{OPT_MESOS_CGROUP, "cgroups_root", "NAME", "Mesos' cgroup (mesos)", 0},
	{0, "Who they are", NULL, NULL, 0},
	{'m', "mesos-api", "URL[,URL]", "Mesos master (and Marathon) to ask", OPTION_JOINS},
	{OPT_AGENT, "mesos-agent", "URL",
	 "this host's Mesos agent (found from the master otherwise)", 0},
	{OPT_CREDENTIALS, "mesos-credentials", "FILE",
	 "file with 'PRINCIPAL SECRET', as Mesos takes it", 0},
	{OPT_CA_FILE, "ca-file", "FILE", "certificates to trust for https", 0},
	{OPT_NO_FOLLOW, "no-follow", NULL, "ask the given Mesos URLs alone, whoever leads", 0},
	{OPT_MESOS_INTERVAL, "mesos-interval", "TIME", "time between questions (5s)", 0},
	{OPT_MAX_BODY, "max-body", "SIZE", "longest answer of Mesos to take (64MB)", 0},
	{0, "What is recorded", NULL, NULL, 0},
	{'w', "write", "FILE", "capture to write (.pcapng.lz4 .pcapng .pcap); none = watch only",
	 0},
	{OPT_WRITE_FORMAT, "write-format", "FORMAT",
	 "pcapng.lz4, pcapng or pcap, whatever the name", 0},
	{OPT_WINDOW, "window", "TIME", "longest time an event waits before it is on disk (1s)", 0},
	{'C', "file-size", "MB", "a new file after so many million bytes", 0},
	{'G', "file-time", "SEC", "a new file each SEC seconds; FILE may hold strftime(3) codes",
	 0},
	{'e', "file-events", "N", "a new file after N events", 0},
	{'W', "file-count", "N", "with -C, -G or -e: keep a ring of N files", 0},
	{'M', "max-time", "SEC", "end after SEC seconds", 0},
	{0, "How it runs", NULL, NULL, 0},
	{OPT_CONFIG, "config", "FILE", "settings: lines 'NAME = VALUE' with the long names above",
	 0},
	{OPT_LISTEN, "listen", "ADDRESS",
	 "serve HTTP at 127.0.0.1:5052 (port 0: any free one) or unix:/path", 0},
	{OPT_STATUS_INTERVAL, "status-interval", "TIME", "time between state lines (10s; 0 = none)",
	 0},
	{OPT_CHECK, "check", NULL,
	 "tell whether enforcement with these flags can start here, and end", 0},
	{OPT_JSON, "json", NULL, "with --check: as JSON", 0},
	{'v', "verbose", NULL, "say more", 0},
	{'h', "help", NULL, "this text", 0},
	{OPT_VERSION, "version", NULL, "version", 0},
};

/* The options above, and those of the isolator. */
static struct option_row *rows;
static size_t row_count;

static void add_row(struct option_row row)
{
	rows = xrealloc(rows, (row_count + 1) * sizeof(*rows));
	rows[row_count++] = row;
}

static void collect_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_rows); i++)
		add_row(own_rows[i]);
	for (size_t i = 0; i < statistics_row_count; i++)
		add_row(statistics_rows[i]);
	add_row((struct option_row){.name = "What is enforced; SIZE with a unit, 1 KB = 1024 B"});
	for (size_t i = 0; i < isolate_flag_count; i++) {
		const struct isolate_flag *f = &isolate_flags[i];
		add_row((struct option_row){
			.id = OPT_ISOLATE + (int)i,
			.name = f->name,
			.arg = f->arg ? f->arg : "true|false",
			.help = f->help,
			.flags = f->arg ? 0 : OPTION_BARE | OPTION_BOOL,
		});
	}
	for (size_t i = 0; i < agent_flag_count; i++)
		add_row((struct option_row){
			.id = OPT_ISOLATE + (int)(isolate_flag_count + i),
			.name = agent_flags[i].name,
			.arg = "",
			.help = "",
			.flags = OPTION_HIDDEN |
				 (agent_flags[i].truth ? OPTION_BARE | OPTION_BOOL : 0),
		});
}

struct monitor {
	char *write, *mesos, *agent, *credentials, *ca_file, *capture_filter, *cgroup_root,
		*mesos_cgroup, *listen;
	char *interfaces[MAX_INTERFACES];
	unsigned interface_count;
	uint64_t mesos_interval, max_body, status_interval, max_ns;
	bool help, version, check, json, verbose, format_chosen, latency, no_follow;
	struct source_options source;
	struct writer_options out;
	struct isolate_config isolate;
	struct text ignored; /* " --NAME" of each flag of the agent that is none of ours */
	struct statistics statistics;
	struct isolation_listeners listeners;
	/* the run */
	struct source *running;
	struct writer *writer;
	struct mesos_poller *poller;
	struct control *control;
	struct message_box messages; /* of its thread */
	struct desired desired;	     /* its ports, once it runs */
	struct serving serving;
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

static int keep(char **where, const char *arg)
{
	free(*where);
	*where = xstrdup(arg);
	return 0;
}

static int number(const char *arg, bool units, uint64_t most, uint64_t *out, struct err *e)
{
	if (str_u64(arg, units, out) || *out > most)
		return err_set(e, ERR_USAGE, "'%s' is no number in range", arg);
	return 0;
}

static int set_rotation(struct writer_options *o, int id, const char *arg, struct err *e)
{
	uint64_t n;

	if (number(arg, false, UINT32_MAX, &n, e))
		return -1;
	if (!n)
		return err_set(e, ERR_USAGE, "-%c: must be greater than zero", id);
	switch (id) {
	case 'C':
		o->rotate_bytes = n * 1000000;
		break;
	case 'G':
		o->rotate_ns = n * NSEC_PER_SEC;
		break;
	case 'e':
		o->rotate_events = n;
		break;
	default:
		o->rotate_files = (unsigned)n;
	}
	return 0;
}

static int set_source(struct monitor *m, int id, const char *arg, struct err *e)
{
	uint64_t n;

	switch (id) {
	case 's':
	case OPT_SAMPLE:
		if (number(arg, false, SAVEFILE_MAX_PACKET, &n, e))
			return -1;
		*(id == 's' ? &m->source.snaplen : &m->source.sample) = (unsigned)n;
		return 0;
	case OPT_RING_SIZE:
		if (number(arg, true, 4ull << 30, &n, e))
			return -1;
		m->source.ring_bytes = n;
		return 0;
	case OPT_COUNTERS:
		if (duration_parse(arg, &m->source.counter_interval, e))
			return -1;
		if (!m->source.counter_interval)
			m->source.counter_interval = UINT64_MAX;
		return 0;
	case OPT_INTERFACE:
		if (m->interface_count + 1 == MAX_INTERFACES)
			return err_set(e, ERR_USAGE, "too many interfaces");
		return keep(&m->interfaces[m->interface_count++], arg);
	case OPT_CAPTURE_FILTER:
		return keep(&m->capture_filter, arg);
	case OPT_CGROUP_ROOT:
		return keep(&m->cgroup_root, arg);
	default:
		return keep(&m->mesos_cgroup, arg);
	}
}

/* A flag of Mesos' agent: the isolator's, or none of ours. */
static int set_flag(struct monitor *m, size_t i, const char *arg, struct err *e)
{
	cleanup_free char *text = NULL;

	if (i >= isolate_flag_count) {
		text_fmt(&m->ignored, " --%s", agent_flags[i - isolate_flag_count].name);
		return 0;
	}
	if (arg && str_eq(isolate_flags[i].name, "resources")) {
		text = resources_text(arg, e);
		if (!text)
			return -1;
		arg = text;
	}
	return isolate_config_set(&m->isolate, isolate_flags[i].name, arg, e);
}

static int set_option(void *ctx, int id, const char *arg, struct err *e)
{
	struct monitor *m = ctx;

	if (id >= STATISTICS_OPTION)
		return statistics_option(&m->statistics, id, arg, e);
	if (id >= OPT_ISOLATE)
		return set_flag(m, (size_t)(id - OPT_ISOLATE), arg, e);
	switch (id) {
	case 's':
	case OPT_SAMPLE:
	case OPT_RING_SIZE:
	case OPT_COUNTERS:
	case OPT_INTERFACE:
	case OPT_CAPTURE_FILTER:
	case OPT_CGROUP_ROOT:
	case OPT_MESOS_CGROUP:
		return set_source(m, id, arg, e);
	case 'C':
	case 'G':
	case 'e':
	case 'W':
		return set_rotation(&m->out, id, arg, e);
	case 'm':
		return keep(&m->mesos, arg);
	case 'w':
		return keep(&m->write, arg);
	case 'M':
		return duration_parse(arg, &m->max_ns, e);
	case OPT_AGENT:
		return keep(&m->agent, arg);
	case OPT_CREDENTIALS:
		return keep(&m->credentials, arg);
	case OPT_CA_FILE:
		return keep(&m->ca_file, arg);
	case OPT_NO_FOLLOW:
		m->no_follow = true;
		return 0;
	case OPT_MESOS_INTERVAL:
		return duration_parse(arg, &m->mesos_interval, e);
	case OPT_MAX_BODY:
		return bytes_parse(arg, &m->max_body, e);
	case OPT_LISTEN:
		return keep(&m->listen, arg);
	case OPT_STATUS_INTERVAL:
		return duration_parse(arg, &m->status_interval, e);
	case OPT_WINDOW:
		return duration_parse(arg, &m->out.window_ns, e);
	case OPT_WRITE_FORMAT:
		m->format_chosen = true;
		return savefile_format_parse(arg, &m->out.format, e);
	case OPT_CONFIG:
		return options_read_file(rows, row_count, arg, set_option, m, e);
	case OPT_NO_HOST_NETWORK:
		m->source.no_host_network = true;
		break;
	case OPT_LATENCY:
		m->latency = true;
		break;
	case 'v':
		m->verbose = true;
		break;
	case 'h':
		m->help = true;
		break;
	case OPT_VERSION:
		m->version = true;
		break;
	case OPT_CHECK:
		m->check = true;
		break;
	case OPT_JSON:
		m->json = true;
		break;
	}
	return 0;
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

	if (!m->ready) {
		m->ready = true;
		log_info("ready");
		tell_manager("READY=1");
		m->next_status = now + m->status_interval;
	}
	serving_tick(&m->serving, now);
	if (want_rotate && m->writer) {
		want_rotate = 0;
		if (writer_rotate(m->writer, &m->failure))
			return 1;
	}
	const char *trouble = m->writer ? writer_trouble(m->writer) : NULL;
	if (trouble)
		log_warn("%s", trouble);
	if (want_status || (m->status_interval && now >= m->next_status)) {
		want_status = 0;
		m->next_status = now + m->status_interval;
		show_state(m);
	}
	return 0;
}

static int on_notice(void *ctx, struct context *c)
{
	size_t n;
	const char *message = notice_find(c->ev->data, c->ev->caplen, "MESSAGE", &n);

	(void)ctx;
	if (message)
		log_info("%.*s", (int)MIN(n, 1000u), message);
	return 0;
}

static int open_all(struct monitor *m, struct err *e)
{
	if (m->ignored.len)
		log_info("accepted, but of no use here:%s", text_cstr(&m->ignored));
	m->source.interfaces = (const char *const *)m->interfaces;
	m->source.capture_filter = m->capture_filter;
	m->source.cgroup_root = m->cgroup_root;
	m->source.mesos_cgroup = m->mesos_cgroup;
	if (statistics_check(&m->statistics, &m->source.statistics, e))
		return -1;
	m->running = source_open("live", &m->source, e);
	m->listeners = (struct isolation_listeners){&m->messages, &m->statistics, &m->desired};
	if (!m->running || isolation_open(&m->isolate, &m->listeners, &m->control, e))
		return -1;
	if (m->listen && !(m->serving.server = server_open(m->listen, e)))
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
	if (m->write) {
		m->out.path = m->write;
		if (!m->format_chosen)
			m->out.format = savefile_format_of(m->write);
		m->writer = writer_open(&m->out, e);
		if (!m->writer)
			return -1;
	}
	if (m->mesos) {
		m->poller = start_poller(m->mesos,
					 (struct mesos_options){.agent_url = m->agent,
								.credentials_file = m->credentials,
								.ca_file = m->ca_file,
								.no_follow = m->no_follow,
								.max_body = m->max_body,
								.interval_ns = m->mesos_interval},
					 e);
		if (!m->poller)
			return -1;
	}
	m->desired.poller = m->poller;
	if (m->serving.server && server_start(m->serving.server, privileges_drop, e))
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
	bool flows = m->latency || (filter && filter_needs_flows(filter));
	struct state *state = state_new(flows ? FLOWS_TRACKED : 0);
	m->serving = (struct serving){
		.server = m->serving.server,
		.state = state,
		.source = m->running,
		.writer = m->writer,
		.poller = m->poller,
		.sample = MAX(m->source.sample, 1u),
	};
	const struct flow_options o = {
		.source = m->running,
		.state = state,
		.filter = filter,
		.poller = m->poller,
		.messages = &m->messages,
		.writer = m->writer,
		.max_ns = m->max_ns,
		.live = true,
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
	isolation_close(m->control);
	desired_done(&m->desired);
	mesos_poller_stop(m->poller);
	if (writer_close(m->writer, &closing) && !status) {
		*e = closing;
		status = -1;
	}
	signals_stop(NULL);
	message_free(message_take(&m->messages));
	isolate_config_done(&m->isolate);
	text_done(&m->ignored);
	source_close(m->running);
	statistics_done(&m->statistics);
	for (unsigned i = 0; i < m->interface_count; i++)
		free(m->interfaces[i]);
	char *const texts[] = {m->write,       m->mesos,	m->agent,
			       m->credentials, m->ca_file,	m->capture_filter,
			       m->cgroup_root, m->mesos_cgroup, m->listen};
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	return status;
}

static int help(void)
{
	struct text t = {0};

	text_str(&t,
		 "Usage: dredged [OPTIONS] [FILTER]\n"
		 "Watch the containers of this host: find them, name them, record their packets "
		 "and counters.\n");
	options_help(rows, row_count, &t);
	text_str(&t, "The other options of mesos-agent are accepted, and told.\n"
		     "\nSignals: HUP a new file, USR1 a state line, TERM and INT end it.\n"
		     "See dredged(8).\n");
	write_all(STDOUT_FILENO, t.data, t.len);
	text_done(&t);
	return 0;
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

int main(int argc, char **argv)
{
	static struct monitor m;
	struct err e = {0};
	struct filter *filter = NULL;

	log_init("dredged", LOG_LEVEL_INFO);
	m.status_interval = 10 * NSEC_PER_SEC;
	collect_rows();
	int first = options_parse(rows, row_count, argc, argv, set_option, &m, &e);
	if (first < 0)
		return report(&e);
	if (m.help)
		return help();
	if (m.version) {
		static const char text[] = "dredged " DREDGE_VERSION "\n";
		return write_all(STDOUT_FILENO, text, sizeof(text) - 1) ? ERR_FAILED : 0;
	}
	if (m.verbose)
		log_init("dredged", LOG_LEVEL_DEBUG);
	if (m.check)
		return check_run(&m.isolate, m.json);
	if (first < argc && !(filter = join_filter(argc, argv, first, &e)))
		return report(&e);
	int status = monitor_close(&m, monitor_run(&m, filter, &e), &e);
	filter_free(filter);
	return status ? report(&e) : 0;
}
