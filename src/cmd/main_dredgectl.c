/* SPDX-License-Identifier: Apache-2.0 */
/* dredgectl: attach, change, list and run containers whose ports and rates dredged enforces. */
#include "cmd/ask.h"
#include "cmd/capture_client.h"
#include "cmd/list_table.h"
#include "cmd/options.h"
#include "cmd/run.h"
#include "cmd/stats_table.h"
#include "cmd/status.h"
#include "event/event.h"
#include "isolate/shaping.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX	 "/v1/isolation"
#define CPUS_MAX 1e6

struct settings {
	char *socket, *name, *ports, *netns, *cgroup;
	char *listen, *ca_file, *token_file, *from, *to, *format;
	uint64_t pid;
	double cpus;
	bool json, help, version, has_egress, has_ingress;
	struct shape egress, ingress;
};

enum {
	OPT_EGRESS = OPTION_LONG + 1,
	OPT_INGRESS,
	OPT_PID,
	OPT_CPUS,
};

#define SETS(kind, member) OPTION_##kind, offsetof(struct settings, member)

static const struct option_row rows[] = {
	{0, "Which container", NULL, NULL, 0, 0},
	{OPTION_LONG, "name", "ID", "id of the container (run: dredgectl-PID)", SETS(TEXT, name)},
	{OPTION_LONG, "netns", "PATH", "attach: its network namespace", SETS(TEXT, netns)},
	{OPTION_LONG, "cgroup", "NAME",
	 "run: make its cgroup in this one (dredge); none = no cgroup", SETS(TEXT, cgroup)},
	{OPT_PID, "pid", "PID", "attach: a process in its network namespace", 0, 0},
	{0, "What it gets; SIZE in bytes, or as 10MB (1 KB = 1024 B)", NULL, NULL, 0, 0},
	{OPTION_LONG, "ports", "LIST", "its ports: 31000-31007,31016", SETS(TEXT, ports)},
	{OPT_EGRESS, "egress", "SIZE", "bytes per second it may send (0 = no limit)", 0, 0},
	{OPTION_LONG, "egress-ceil", "SIZE", "rate of bursts", SETS(SIZE, egress.ceil)},
	{OPTION_LONG, "egress-burst", "SIZE", "bytes of a burst", SETS(SIZE, egress.burst)},
	{OPT_INGRESS, "ingress", "SIZE", "bytes per second it may receive (0 = no limit)", 0, 0},
	{OPTION_LONG, "ingress-ceil", "SIZE", "rate of bursts", SETS(SIZE, ingress.ceil)},
	{OPTION_LONG, "ingress-burst", "SIZE", "bytes of a burst", SETS(SIZE, ingress.burst)},
	{OPT_CPUS, "cpus", "N", "its cpus, where rates go by cpu", 0, 0},
	{0, "Captures", NULL, NULL, 0, 0},
	{OPTION_LONG, "listen", "ADDRESS",
	 "HTTP server of dredged (" CAPTURE_SERVER "), unix:/path or a URL", SETS(TEXT, listen)},
	{OPTION_LONG, "ca-file", "FILE", "certificates to trust for https", SETS(TEXT, ca_file)},
	{OPTION_LONG, "token-file", "FILE", "the token by which to ask", SETS(TEXT, token_file)},
	{OPTION_LONG, "from", "TIME", "fetch: no packets before", SETS(TEXT, from)},
	{OPTION_LONG, "to", "TIME", "fetch: no packets after", SETS(TEXT, to)},
	{OPTION_LONG, "format", "FORMAT", "fetch: pcapng, pcapng.lz4, json or text",
	 SETS(TEXT, format)},
	{0, "General", NULL, NULL, 0, 0},
	{OPTION_LONG, "socket", "FILE", "control socket of dredged (" ASK_SOCKET ")",
	 SETS(TEXT, socket)},
	{'j', "json", NULL, "list, stats: as JSON", SETS(TRUE, json)},
	{'h', "help", NULL, "this text", SETS(TRUE, help)},
	{OPTION_LONG, "version", NULL, "version", SETS(TRUE, version)},
};

static int set(void *ctx, int id, const char *arg, struct err *e)
{
	struct settings *s = ctx;

	switch (id) {
	case OPT_PID:
		return str_u64(arg, false, &s->pid) || !s->pid
			       ? err_set(e, ERR_USAGE, "--pid: '%s' is no process id", arg)
			       : 0;
	case OPT_CPUS: {
		char *end;
		s->cpus = strtod(arg, &end);
		return end == arg || *end || !(s->cpus >= 0 && s->cpus <= CPUS_MAX)
			       ? err_set(e, ERR_USAGE, "--cpus: '%s' is no number", arg)
			       : 0;
	}
	case OPT_EGRESS:
		s->has_egress = true;
		return bytes_parse(arg, &s->egress.rate, e);
	case OPT_INGRESS:
		s->has_ingress = true;
		return bytes_parse(arg, &s->ingress.rate, e);
	}
	return 0;
}

static json_t *shape_json(const struct shape *s)
{
	return json_pack("{s:I,s:I,s:I}", "rate", (json_int_t)s->rate, "ceil", (json_int_t)s->ceil,
			 "burst", (json_int_t)s->burst);
}

/* until: a process with which the container ends, or 0. */
static char *body_of(const struct settings *s, uint64_t pid, pid_t until)
{
	json_t *root = json_object();

	if (s->ports)
		json_object_set_new(root, "ports", json_string(s->ports));
	if (s->netns)
		json_object_set_new(root, "netns", json_string(s->netns));
	if (pid)
		json_object_set_new(root, "pid", json_integer((json_int_t)pid));
	if (until)
		json_object_set_new(root, "until", json_integer(until));
	if (s->cpus > 0)
		json_object_set_new(root, "cpus", json_real(s->cpus));
	if (s->has_egress)
		json_object_set_new(root, "egress", shape_json(&s->egress));
	if (s->has_ingress)
		json_object_set_new(root, "ingress", shape_json(&s->ingress));
	char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static int request(const struct settings *s, const char *method, const char *id, const char *tail,
		   const char *body, struct text *out, struct err *e)
{
	struct text path = {0};

	text_str(&path, PREFIX "/");
	text_percent(&path, id, strlen(id), "/?#");
	text_str(&path, tail);
	int status = ask(s->socket ? s->socket : ASK_SOCKET, method, text_cstr(&path), body, out,
			 e);
	text_done(&path);
	return status;
}

/* ---- commands ---- */

static int need_name(const struct settings *s, const char *word, const char **id, struct err *e)
{
	*id = word ? word : s->name;
	return *id && **id ? 0 : err_set(e, ERR_USAGE, "the id of a container is wanted");
}

static int do_attach(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const char *id;
	cleanup_free char *body = body_of(s, s->pid, 0);
	struct text answer = {0};

	(void)out;
	if (need_name(s, words[0], &id, e))
		return -1;
	if (!s->netns == !s->pid)
		return err_set(e, ERR_USAGE, "--netns or --pid is wanted%s",
			       s->pid ? ", not both" : "");
	int status = request(s, "PUT", id, "", body, &answer, e);
	text_done(&answer);
	return status;
}

static int do_update(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const char *id;
	cleanup_free char *body = body_of(s, 0, 0);
	struct text answer = {0};

	(void)out;
	if (need_name(s, words[0], &id, e))
		return -1;
	int status = request(s, "PATCH", id, "", body, &answer, e);
	text_done(&answer);
	return status;
}

static int do_detach(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const char *id;
	struct text answer = {0};

	(void)out;
	if (need_name(s, words[0], &id, e))
		return -1;
	int status = request(s, "DELETE", id, "", NULL, &answer, e);
	text_done(&answer);
	return status;
}

static int do_explain(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const char *id;

	if (need_name(s, words[0], &id, e))
		return -1;
	return request(s, "GET", id, "/plan", NULL, out, e);
}

static int do_list(const struct settings *s, char **words, struct text *out, struct err *e)
{
	struct text answer = {0};

	(void)words;
	if (ask(s->socket ? s->socket : ASK_SOCKET, "GET", PREFIX, NULL, &answer, e))
		return -1;
	if (s->json) {
		text_put(out, answer.data, answer.len);
		text_char(out, '\n');
	} else {
		list_table(text_cstr(&answer), out);
	}
	text_done(&answer);
	return 0;
}

static int do_stats(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const char *id = words[0] ? words[0] : s->name;
	cleanup_free char *path = xasprintf("/v1/statistics%s%s", id ? "/" : "", id ? id : "");
	struct text answer = {0};

	int status = ask(s->socket ? s->socket : ASK_SOCKET, "GET", path, NULL, &answer, e);
	if (!status && s->json) {
		text_put(out, answer.data, answer.len);
		text_char(out, '\n');
	} else if (!status) {
		stats_table(text_cstr(&answer), out);
	}
	text_done(&answer);
	return status;
}

static struct capture_client client_of(const struct settings *s)
{
	return (struct capture_client){
		.server = s->listen,
		.ca_file = s->ca_file,
		.token_file = s->token_file,
		.from = s->from,
		.to = s->to,
		.format = s->format,
		.json = s->json,
	};
}

static int do_captures(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const struct capture_client c = client_of(s);

	return capture_client_run(&c, words, out, e);
}

static int do_status(const struct settings *s, char **words, struct text *out, struct err *e)
{
	const struct capture_client c = client_of(s);
	struct text answer = {0};

	(void)words;
	int status = capture_client_ready(&c, &answer, e);
	if (!status && s->json)
		text_put(out, answer.data, answer.len);
	else if (!status)
		status = status_text(text_cstr(&answer), out, e);
	text_done(&answer);
	return status;
}

/* ---- run ---- */

struct running {
	const struct settings *s;
	const char *id;
};

static int run_attach(void *ctx, pid_t pid, struct err *e)
{
	const struct running *r = ctx;
	cleanup_free char *body = body_of(r->s, (uint64_t)pid, getpid());
	struct text answer = {0};

	int status = request(r->s, "PUT", r->id, "", body, &answer, e);
	text_done(&answer);
	return status;
}

static int run_detach(void *ctx, struct err *e)
{
	const struct running *r = ctx;
	struct text answer = {0};

	int status = request(r->s, "DELETE", r->id, "", NULL, &answer, e);
	text_done(&answer);
	return status;
}

static int do_run(const struct settings *s, char **words, struct text *out, struct err *e)
{
	cleanup_free char *id = s->name ? xstrdup(s->name)
					: xasprintf("dredgectl-%d", (int)getpid());
	struct running running = {s, id};
	const struct run_options o = {
		.words = words,
		.id = id,
		.cgroup = s->cgroup ? s->cgroup : RUN_CGROUP,
		.attach = run_attach,
		.detach = run_detach,
		.ctx = &running,
	};

	(void)out;
	if (!words[0])
		return err_set(e, ERR_USAGE, "run: a program is wanted");
	return run_program(&o, e);
}

static const struct command {
	const char *name;
	unsigned words; /* at most */
	const char *help;
	int (*run)(const struct settings *s, char **words, struct text *out, struct err *e);
} commands[] = {
	{"run", UINT_MAX, "[OPTIONS] -- PROGRAM ARGS: start a program in a container of its own",
	 do_run},
	{"attach", 1, "ID --netns PATH|--pid PID [OPTIONS]: take over a namespace", do_attach},
	{"update", 1, "ID [OPTIONS]: give it other ports and rates", do_update},
	{"detach", 1, "ID: let it go; it loses its network", do_detach},
	{"list", 0, "all containers, their ports and rates", do_list},
	{"status", 0, "is it ready, how old is what Mesos said, what was lost", do_status},
	{"stats", 1, "[ID]: what went through, what waits, connections", do_stats},
	{"captures", UINT_MAX,
	 "[list|start NAME [FILTER]|stop NAME|rotate NAME|fetch NAME [FILTER]]", do_captures},
	{"explain", 1, "ID|host: what the kernel must hold, and whether it does", do_explain},
};

static void usage(struct text *out)
{
	text_str(out, "Usage: dredgectl COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		text_fmt(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	text_char(out, '\n');
	options_help(rows, ARRAY_SIZE(rows), out);
	text_str(out, "\nSee dredgectl(8), dredged(8).\n");
}

/* Options may stand behind the words of a command, up to "--". */
static int parse(struct settings *s, int argc, char **argv, char ***words, struct err *e)
{
	char **kept = xcalloc((size_t)argc + 1, sizeof(*kept));
	size_t n = 0;

	*words = kept;
	for (int at = 0; at + 1 < argc;) {
		int used = options_parse(rows, ARRAY_SIZE(rows), argc - at, argv + at, set, s, e);
		if (used < 0)
			return -1;
		bool rest = used > 1 && str_eq(argv[at + used - 1], "--");
		at += used;
		for (; at < argc && (rest || argv[at][0] != '-'); at++)
			kept[n++] = argv[at];
		at--;
	}
	return 0;
}

static int check_limits(const struct settings *s, struct err *e)
{
	if ((s->egress.ceil || s->egress.burst) && !s->has_egress)
		return err_set(e, ERR_USAGE, "--egress-ceil and --egress-burst go with --egress");
	if ((s->ingress.ceil || s->ingress.burst) && !s->has_ingress)
		return err_set(e, ERR_USAGE,
			       "--ingress-ceil and --ingress-burst go with --ingress");
	return 0;
}

/* Of what goes unheard nobody would know. */
static int check_command(const struct command *c, const struct settings *s, char **words,
			 struct err *e)
{
	unsigned n = 0;

	while (words[n] && n < c->words)
		n++;
	if (words[n])
		return err_set(e, ERR_USAGE, "%s: '%.60s' is one word too many", c->name, words[n]);
	if ((s->netns || s->pid) && c->run != do_attach)
		return err_set(e, ERR_USAGE, "%s: --netns and --pid go with attach", c->name);
	return 0;
}

static int run(struct settings *s, char **words, struct text *out, struct err *e)
{
	if (s->version) {
		text_str(out, "dredgectl " DREDGE_VERSION "\n");
		return 0;
	}
	if (s->help || !words[0]) {
		usage(out);
		return 0;
	}
	for (const struct command *c = commands; c < commands + ARRAY_SIZE(commands); c++)
		if (str_eq(words[0], c->name))
			return check_command(c, s, words + 1, e) ? -1
								 : c->run(s, words + 1, out, e);
	return err_set(e, ERR_USAGE, "no command '%s' (see --help)", words[0]);
}

int main(int argc, char **argv)
{
	struct settings s = {0};
	struct text out = {0};
	struct err e = {0};
	char **words;

	log_init("dredgectl", LOG_LEVEL_INFO);
	int status = parse(&s, argc, argv, &words, &e);
	if (!status && !(status = check_limits(&s, &e)))
		status = run(&s, words, &out, &e);
	if (out.len && write_all(STDOUT_FILENO, out.data, out.len) && status >= 0)
		status = ERR_FAILED;
	if (status < 0)
		status = report(&e);
	text_done(&out);
	free(words);
	options_done(rows, ARRAY_SIZE(rows), &s);
	return status;
}
