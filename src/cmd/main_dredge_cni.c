/* SPDX-License-Identifier: Apache-2.0 */
/* dredge-cni: by which Mesos, or any other CNI runtime, hands a container's namespace to dredged.
 */
#include "cmd/ask.h"
#include "cmd/cni.h"
#include "cmd/options.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX	   "/v1/isolation"
#define CHECKS	   6u /* looks at the plan: dredged puts right what is missing once a second */
#define CHECK_USEC 500000u

struct settings {
	bool help, version;
};

static const struct option_row rows[] = {
	{'h', "help", NULL, "this text", OPTION_TRUE, offsetof(struct settings, help)},
	{OPTION_LONG, "version", NULL, "version", OPTION_TRUE, offsetof(struct settings, version)},
};

struct run {
	struct cni_environment env;
	struct cni_config config;
};

/* ---- dredged ---- */

/* 0: *out is the answer, to be freed by text_done; 404 is 0 too, with *found = false. */
static int request(const struct run *r, const char *method, const char *tail, const char *body,
		   struct text *out, bool *found, struct cni_error *e)
{
	cleanup_free char *path = xasprintf(PREFIX "/%s%s", r->env.id, tail);
	struct err why = {0};
	long status;

	*found = true;
	if (!ask_status(r->config.socket ? r->config.socket : ASK_SOCKET, method, path, body,
			&status, out, &why))
		return 0;
	*found = false;
	if (status == 404)
		return 0;
	return cni_fail(e,
			!status	       ? CNI_TRY_AGAIN
			: status < 500 ? CNI_REFUSED
				       : CNI_FAILED,
			"%s", why.message);
}

/* A container as dredged tells of it, owned by the caller; NULL with 0: there is none. */
static int request_container(const struct run *r, const char *method, const char *body,
			     json_t **container, struct cni_error *e)
{
	struct text answer = {0};
	bool found;
	int status = request(r, method, "", body, &answer, &found, e);

	*container = NULL;
	if (!status && found) {
		*container = json_loadb(answer.data ? answer.data : "", answer.len, 0, NULL);
		if (!*container)
			status = cni_fail(e, CNI_FAILED, "the answer of dredged is no JSON");
	}
	text_done(&answer);
	return status;
}

static int namespace_inode(const char *path, uint64_t *out, struct cni_error *e)
{
	struct stat st;

	if (stat(path, &st))
		return cni_fail(e, CNI_BAD_ENVIRONMENT, "CNI_NETNS: %.200s: %s", path,
				strerror(errno));
	*out = st.st_ino;
	return 0;
}

/* ---- commands; *out, unless it stays NULL, is printed ---- */

/* dredged may see another file at that path than the runtime does. */
static int attach(const struct run *r, const struct cni_wish *w, uint64_t inode, json_t **container,
		  struct cni_error *e)
{
	cleanup_free char *body = cni_wish_body(w, r->env.netns);
	struct cni_error ignored = {0};
	struct text answer = {0};
	bool found;

	if (request_container(r, "PUT", body, container, e)) {
		/* Another ADD of the same container may have been faster. */
		if (e->code != CNI_REFUSED ||
		    request_container(r, "GET", NULL, container, &ignored) || !*container)
			return -1;
		*e = (struct cni_error){0};
		return cni_wish_compare(w, inode, *container, e);
	}
	if (!*container)
		return cni_fail(e, CNI_FAILED, "dredged does not attach containers");
	if (!cni_wish_compare(w, inode, *container, e))
		return 0;
	request(r, "DELETE", "", NULL, &answer, &found, &ignored);
	text_done(&answer);
	text_done(&ignored.details);
	return -1;
}

static int do_add(const struct run *r, json_t **out, struct cni_error *e)
{
	json_t *container = NULL;
	struct cni_wish w;
	uint64_t inode = 0;

	if (json_object_get(r->config.root, "prevResult"))
		return cni_fail(e, CNI_BAD_CONFIG, "dredge-cni must be the first plugin of a list");
	if (cni_wish_parse(&r->config, &w, e) || namespace_inode(r->env.netns, &inode, e) ||
	    request_container(r, "GET", NULL, &container, e))
		return -1;
	int status = container ? cni_wish_compare(&w, inode, container, e)
			       : attach(r, &w, inode, &container, e);
	if (!status)
		*out = cni_result(&r->config, &r->env, container, e);
	json_decref(container);
	return *out ? 0 : -1;
}

static int do_del(const struct run *r, json_t **out, struct cni_error *e)
{
	struct text answer = {0};
	bool found;

	(void)out;
	int status = request(r, "DELETE", "", NULL, &answer, &found, e);
	text_done(&answer);
	return status;
}

/* What the plan has and the kernel has not, as details. */
static int check_plan(const struct run *r, struct cni_error *e)
{
	struct text plan = {0};
	bool found;
	int status = request(r, "GET", "/plan", NULL, &plan, &found, e);
	char *line = plan.len ? (char *)text_cstr(&plan) : NULL;

	text_reset(&e->details);
	for (; line && *line;) {
		size_t n = strcspn(line, "\n");
		if (!str_starts(line, "ok "))
			text_fmt(&e->details, "%s%.*s", e->details.len ? "; " : "", (int)n, line);
		line += n + (line[n] == '\n');
	}
	text_done(&plan);
	return status || !e->details.len
		       ? status
		       : cni_fail(e, CNI_DRIFTED,
				  "the kernel does not have all of the container's "
				  "plan");
}

static int do_check(const struct run *r, json_t **out, struct cni_error *e)
{
	json_t *container = NULL;
	struct cni_wish w;
	uint64_t inode = 0;

	(void)out;
	if (!cni_config_since(&r->config, "0.4.0"))
		return cni_fail(e, CNI_BAD_VERSION, "CHECK is known from cniVersion 0.4.0 on");
	if (cni_wish_parse(&r->config, &w, e) || namespace_inode(r->env.netns, &inode, e) ||
	    request_container(r, "GET", NULL, &container, e))
		return -1;
	if (!container)
		return cni_fail(e, CNI_UNKNOWN, "container %.128s is not attached", r->env.id);
	int status = cni_wish_compare(&w, inode, container, e) ||
				     cni_previous_compare(&r->config, container, e)
			     ? -1
			     : check_plan(r, e);
	json_decref(container);
	for (unsigned i = 1; status && e->code == CNI_DRIFTED && i < CHECKS; i++) {
		usleep(CHECK_USEC);
		status = check_plan(r, e);
	}
	return status;
}

static int do_version(const struct run *r, json_t **out, struct cni_error *e)
{
	(void)e;
	*out = cni_versions(&r->config);
	return 0;
}

static int since_status(const struct run *r, struct cni_error *e)
{
	return cni_config_since(&r->config, "1.1.0")
		       ? 0
		       : cni_fail(e, CNI_BAD_VERSION, "%s is known from cniVersion 1.1.0 on",
				  r->env.command);
}

static int do_status(const struct run *r, json_t **out, struct cni_error *e)
{
	struct text answer = {0};
	struct err why = {0};

	(void)out;
	if (since_status(r, e))
		return -1;
	int status = ask(r->config.socket ? r->config.socket : ASK_SOCKET, "GET", PREFIX, NULL,
			 &answer, &why);
	text_done(&answer);
	return status ? cni_fail(e, CNI_UNAVAILABLE, "%s", why.message) : 0;
}

/*
 * dredged does not know which containers came by which network, or by dredgectl: to let go of those
 * that the runtime does not name would take them from others. The specification leaves it to us.
 */
static int do_gc(const struct run *r, json_t **out, struct cni_error *e)
{
	(void)out;
	return since_status(r, e);
}

static const struct {
	const char *name;
	int (*run)(const struct run *r, json_t **out, struct cni_error *e);
} commands[] = {
	{"ADD", do_add},	 {"DEL", do_del},	{"CHECK", do_check},
	{"VERSION", do_version}, {"STATUS", do_status}, {"GC", do_gc},
};

/* ---- in and out ---- */

static int read_config(struct run *r, struct cni_error *e)
{
	struct text in = {0};
	ssize_t n = 1;

	while (in.len <= CNI_CONFIG_MAX && n) {
		n = read(STDIN_FILENO, text_room(&in, 65536), 65536);
		if (n < 0 && errno != EINTR) {
			text_done(&in);
			return cni_fail(e, CNI_IO, "cannot read stdin: %s", strerror(errno));
		}
		in.len += (size_t)MAX(n, 0);
	}
	/* The first versions of VERSION had no input. */
	bool empty = strspn(text_cstr(&in), " \t\r\n") == in.len;
	int status = empty && str_eq(r->env.command, "VERSION")
			     ? 0
			     : cni_config_parse(in.data, in.len, &r->config, e);
	text_done(&in);
	return status;
}

static int print(json_t *json)
{
	cleanup_free char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!line)
		return 0;
	return write_all(STDOUT_FILENO, line, strlen(line)) || write_all(STDOUT_FILENO, "\n", 1)
		       ? -1
		       : 0;
}

static int serve(void)
{
	struct cni_error e = {0};
	struct run r = {0};
	json_t *out = NULL;
	int status = cni_environment_read(&r.env, &e) || read_config(&r, &e) ? -1 : 0;

	for (size_t i = 0; !status && i < ARRAY_SIZE(commands); i++)
		if (str_eq(commands[i].name, r.env.command)) {
			status = commands[i].run(&r, &out, &e);
			break;
		}
	if (status)
		out = cni_error_json(&r.config, &e);
	if (print(out))
		status = -1;
	cni_config_done(&r.config);
	text_done(&e.details);
	return status ? ERR_FAILED : 0;
}

static void usage(struct text *out)
{
	text_str(out, "Usage: dredge-cni, by a CNI runtime: CNI_COMMAND and the other variables in "
		      "the\nenvironment, the network configuration on standard input\n\n");
	options_help(rows, ARRAY_SIZE(rows), out);
	text_str(out, "\nSee dredge-cni(8), dredged(8).\n");
}

int main(int argc, char **argv)
{
	/* The namespace may be of a process of somebody else, the socket not ours. */
	static const int keep[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, -1};
	struct settings s = {0};
	struct text out = {0};
	struct err e = {0};

	log_init("dredge-cni", LOG_LEVEL_INFO);
	int first = options_parse(rows, ARRAY_SIZE(rows), argc, argv, NULL, &s, &e);
	if (first >= 0 && first < argc)
		first = err_set(&e, ERR_USAGE, "no arguments are taken (see --help)");
	if (first < 0 || privileges_keep(keep, &e))
		return report(&e);
	if (!s.help && !s.version)
		return serve();
	if (s.version)
		text_str(&out, "dredge-cni " DREDGE_VERSION "\n");
	else
		usage(&out);
	int failed = write_all(STDOUT_FILENO, out.data, out.len);
	text_done(&out);
	return failed ? ERR_FAILED : 0;
}
