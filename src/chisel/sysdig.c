/* SPDX-License-Identifier: Apache-2.0 */
/* What a script can ask of the run: sysdig.*. */
#include "chisel/inside.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static struct chisels *set_of(lua_State *L)
{
	return chisel_of(L)->set;
}

static int is_live(lua_State *L)
{
	lua_pushboolean(L, set_of(L)->host.live);
	return 1;
}

static int is_tty(lua_State *L)
{
	lua_pushboolean(L, isatty(STDOUT_FILENO));
	return 1;
}

static int is_print_container_data(lua_State *L)
{
	lua_pushboolean(L, set_of(L)->host.containers);
	return 1;
}

static void put_number(lua_State *L, const char *key, double v)
{
	lua_pushnumber(L, v);
	lua_setfield(L, -2, key);
}

static void put_text(lua_State *L, const char *key, const char *v)
{
	struct text clean = {0};

	if (!v)
		return;
	text_plain(&clean, v, strlen(v));
	lua_pushlstring(L, clean.len ? clean.data : "", clean.len);
	text_done(&clean);
	lua_setfield(L, -2, key);
}

static int get_terminal_info(lua_State *L)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	lua_newtable(L);
	put_number(L, "width", size.ws_col);
	put_number(L, "height", size.ws_row);
	return 1;
}

/* Of this machine, also for a file: captures do not say. */
static int get_machine_info(lua_State *L)
{
	struct sysinfo info = {0};
	struct utsname name = {0};

	sysinfo(&info);
	uname(&name);
	lua_newtable(L);
	put_number(L, "num_cpus", (double)sysconf(_SC_NPROCESSORS_CONF));
	put_number(L, "memory_size_bytes", (double)info.totalram * info.mem_unit);
	put_number(L, "max_pid", 0);
	put_text(L, "hostname", name.nodename);
	return 1;
}

static int get_filter(lua_State *L)
{
	const char *filter = set_of(L)->host.filter;

	lua_pushstring(L, filter ? filter : "");
	return 1;
}

static int get_evtsource_name(lua_State *L)
{
	lua_pushstring(L, set_of(L)->host.source);
	return 1;
}

static const char *const buffer_names[] = {[BUFFER_DOTTED] = "normal",
					   [BUFFER_ASCII] = "ascii",
					   [BUFFER_HEX] = "hex",
					   [BUFFER_HEX_ASCII] = "hexascii",
					   [BUFFER_BASE64] = "base64"};

static int get_output_format(lua_State *L)
{
	const struct print_options *p = &set_of(L)->host.print;

	lua_pushstring(L, p->json ? "json" : buffer_names[p->buffer]);
	return 1;
}

/* The user's choice wins. */
static int set_output_format(lua_State *L)
{
	struct chisel_host *h = &set_of(L)->host;
	const char *name = luaL_checkstring(L, 1);

	if (str_eq(name, "json") || str_eq(name, "jsonbase64")) {
		h->print.json = true;
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(buffer_names); i++) {
		if (!str_eq(name, buffer_names[i]) && !(i == 0 && str_eq(name, "simple")))
			continue;
		if (!h->buffers_chosen)
			h->print.buffer = i;
		return 0;
	}
	return luaL_error(L, "no output format '%s'", name);
}

static int set_filter(lua_State *L)
{
	struct chisels *s = set_of(L);
	struct err e;
	struct filter *f = filter_compile(luaL_checkstring(L, 1), s->host.filter_dirs, &e);

	if (!f)
		return chisel_raise(L, &e);
	filter_free(s->filter);
	s->filter = f;
	return 0;
}

/* Packets are taken whole unless the user says otherwise, and captures keep what is needed. */
static int nothing_to_set(lua_State *L)
{
	(void)L;
	return 0;
}

static int end_capture(lua_State *L)
{
	chisel_stop(chisel_of(L));
	return 0;
}

static int push_moment(lua_State *L, uint64_t ns)
{
	char digits[24];

	lua_pushlstring(L, digits,
			(size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)ns));
	return 1;
}

static int get_firstevent_ts(lua_State *L)
{
	return push_moment(L, set_of(L)->first);
}

static int get_lastevent_ts(lua_State *L)
{
	return push_moment(L, set_of(L)->last);
}

static uint64_t moment_of(lua_State *L, int s, int ns)
{
	double whole = luaL_checknumber(L, s), rest = luaL_checknumber(L, ns);

	if (!(whole >= 0 && whole < 1e10 && rest >= 0 && rest < 1e18))
		luaL_error(L, "the time is out of range");
	return (uint64_t)whole * NSEC_PER_SEC + (uint64_t)rest;
}

static int make_ts(lua_State *L)
{
	return push_moment(L, moment_of(L, 1, 2));
}

static uint64_t moment_text(lua_State *L, int i)
{
	uint64_t ns = 0;

	if (str_u64(luaL_checkstring(L, i), false, &ns))
		luaL_error(L, "'%s' is no time", lua_tostring(L, i));
	return ns;
}

static int add_ts(lua_State *L)
{
	return push_moment(L, moment_text(L, 1) + moment_text(L, 2));
}

static int subtract_ts(lua_State *L)
{
	uint64_t a = moment_text(L, 1), b = moment_text(L, 2);

	return push_moment(L, a > b ? a - b : 0);
}

static int get_read_progress(lua_State *L)
{
	struct chisels *s = set_of(L);

	lua_pushnumber(L, s->host.progress ? s->host.progress(s->host.ctx) : 0);
	return 1;
}

static int get_container_table(lua_State *L)
{
	const struct state *state = set_of(L)->state;
	int n = 0;

	lua_newtable(L);
	for (uint32_t i = 0; state && i < state_containers(state); i++) {
		const struct container *c = state_container_at(state, i);
		if (c->now != c->index)
			continue;
		lua_newtable(L);
		put_text(L, "id", c->meta[META_CONTAINER]);
		put_text(L, "name",
			 c->meta[META_NAME] ? c->meta[META_NAME] : c->meta[META_CONTAINER]);
		put_text(L, "image", c->meta[META_IMAGE] ? c->meta[META_IMAGE] : "");
		put_text(L, "type", c->meta[META_RUNTIME] ? c->meta[META_RUNTIME] : "");
		put_text(L, "task", c->meta[META_TASK]);
		put_text(L, "app", c->meta[META_APP]);
		put_text(L, "ports", c->meta[META_PORTS]);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

static int log_message(lua_State *L)
{
	const char *severity = luaL_optstring(L, 2, "info");
	enum log_level level = str_eq(severity, "error")      ? LOG_LEVEL_ERROR
			       : str_starts(severity, "warn") ? LOG_LEVEL_WARN
			       : str_eq(severity, "debug")    ? LOG_LEVEL_DEBUG
							      : LOG_LEVEL_INFO;

	log_line(level, "chisel %s: %s", chisel_of(L)->name, luaL_checkstring(L, 1));
	return 0;
}

static int system_calls(lua_State *L)
{
	return luaL_error(L, "there are no processes to list: they need system calls; this build "
			     "captures packets");
}

static int not_offered(lua_State *L)
{
	return luaL_error(L, "chisels run no programs and send no datagrams");
}

const luaL_Reg sysdig_functions[] = {
	{"is_live", is_live},
	{"is_tty", is_tty},
	{"is_print_container_data", is_print_container_data},
	{"get_terminal_info", get_terminal_info},
	{"get_machine_info", get_machine_info},
	{"get_filter", get_filter},
	{"get_evtsource_name", get_evtsource_name},
	{"get_output_format", get_output_format},
	{"set_output_format", set_output_format},
	{"set_filter", set_filter},
	{"set_snaplen", nothing_to_set},
	{"set_fatfile_dump_mode", nothing_to_set},
	{"end_capture", end_capture},
	{"get_firstevent_ts", get_firstevent_ts},
	{"get_lastevent_ts", get_lastevent_ts},
	{"make_ts", make_ts},
	{"add_ts", add_ts},
	{"subtract_ts", subtract_ts},
	{"get_read_progress", get_read_progress},
	{"get_container_table", get_container_table},
	{"log", log_message},
	{"get_thread_table", system_calls},
	{"get_thread_table_nofds", system_calls},
	{"get_thread_table_barebone", system_calls},
	{"get_thread_table_barebone_nofds", system_calls},
	{"run_app", not_offered},
	{"udp_setpeername", not_offered},
	{"udp_send", not_offered},
	{NULL, NULL},
};
