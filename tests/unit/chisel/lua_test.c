/* SPDX-License-Identifier: Apache-2.0 */
/* The confined state: what a script may, what ends it, and how its tables are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "chisel/lua.h"

static struct text printed;

static void on_print(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	text_put(&printed, p, n);
}

static struct script *small(void)
{
	const struct script_options o = {
		.print = on_print, .memory = 8u << 20, .instructions = 20000000};

	text_reset(&printed);
	return script_new(&o);
}

static int run(struct script *s, const char *text, struct err *e)
{
	return script_run_text(s, "x.lua", text, strlen(text), e);
}

static void test_prints(void **unused)
{
	(void)unused;
	static const struct {
		const char *text, *out;
	} rows[] = {
		{"print(1, 'a', nil)", "1\ta\tnil\n"},
		{"io.write('a', 2, '\\n') io.stdout:write('b'):flush()", "a2\nb"},
		{"print(require 'string' == string, require('os') == os)", "true\ttrue\n"},
		{"print(loadstring('return 7')())", "7\n"},
		{"local n = 0 print(load(function() n = n + 1 return n == 1 and 'return 8' or nil "
		 "end)())",
		 "8\n"},
		{"print(pcall(load, function() return ' ' end, '=x'))",
		 "false\tload: more than 100000 pieces\n"},
		{"print(loadstring('return +'))",
		 "nil\t[string \"return +\"]:1: unexpected symbol near '+'\n"},
		{"print(os.getenv('HOME'), os.date('!%H:%M', 3600), type(os.time()))",
		 "nil\t01:00\tnumber\n"},
		{"print(pcall(error, 'x'))", "false\tx\n"},
		{"print(xpcall(error, function(m) return m .. '!' end, 'x')) print(xpcall(select, "
		 "print, 2, "
		 "1, 5))",
		 "false\tx!\ntrue\t5\n"},
		{"for w in ('a b'):gmatch('%a') do io.write(w) end", "ab"},
		{"print(bit.band(6, 3), select('#', table.concat({'a', 'b'})))", "2\t1\n"},
		{"print(ffi, jit, debug, dofile, loadfile, newproxy, setfenv, string.dump)",
		 "nil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		struct script *s = small();
		if (run(s, rows[i].text, &e))
			fail_msg("%s: %s", rows[i].text, e.message);
		assert_string_equal(text_cstr(&printed), rows[i].out);
		script_free(s);
	}
}

static void test_ends(void **unused)
{
	(void)unused;
	static const struct {
		const char *text, *message;
		unsigned line;
	} rows[] = {
		{"\nx = = 1", "x.lua:2: unexpected symbol near '='", 2},
		{"x = nil\nx.y = 1", "x.lua:2: attempt to index global 'x' (a nil value)", 2},
		{"\nerror('no')", "x.lua:2: no", 2},
		{"error('no', 0)", "x.lua:1: no", 1},
		{"error({})", "x.lua:1: an error that is a table", 1},
		{"\nwhile true do end", "x.lua:2: no end after 20 million instructions", 2},
		{"while true do\npcall(function() while true do end end) end",
		 "x.lua:2: no end after 20 million instructions", 2},
		{"local function f() return f() end\nf()",
		 "x.lua:1: no end after 20 million instructions", 1},
		{"coroutine.wrap(function() while true do\ncoroutine.yield(pcall(function() while "
		 "true do end end)) end end)()",
		 "x.lua:2: no end after 20 million instructions", 2},
		{"xpcall(function() while true do end end,\nfunction() while true do end end)",
		 "x.lua:1: no end after 20 million instructions", 1},
		{"local t = {}\nwhile true do t[#t + 1] = {} end",
		 "x.lua:2: needs more than 8 MiB of memory", 2},
		{"\n\nlocal s = string.rep('x', 1e8)", "x.lua:3: needs more than 8 MiB of memory",
		 3},
		{"local s = 'x' while true do s = s .. s end",
		 "x.lua:1: needs more than 8 MiB of memory", 1},
		{"local function f() f() return 1 end f()", "x.lua: stack overflow", 0},
		{"io.open('/etc/passwd')",
		 "x.lua:1: io.open is not allowed without --trust-chisels", 1},
		{"os.execute('id')", "x.lua:1: os.execute is not allowed without --trust-chisels",
		 1},
		{"require 'ffi'", "x.lua:1: no module 'ffi' on the chisel path", 1},
		{"require '../lua'", "x.lua:1: no module '../lua' on the chisel path", 1},
		{"error('\\27[2J')", "x.lua:1: .[2J", 1},
		{"\033LJ\2", "x.lua: attempt to load chunk with wrong mode", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		struct script *s = small();
		assert_int_equal(run(s, rows[i].text, &e), -1);
		if (strncmp(e.message, rows[i].message, strlen(rows[i].message)))
			fail_msg("row %zu: '%s'", i, e.message);
		assert_int_equal(e.line, rows[i].line);
		assert_false(script_ended(s));
		/* The state can still be used: a limit is that of one call. */
		assert_int_equal(run(s, "for i = 1, 1000 do x = i end", &e), 0);
		script_free(s);
	}
}

static void test_bytecode(void **unused)
{
	(void)unused;
	struct script *s = small();
	struct err e = {0};

	assert_int_equal(run(s, "assert(loadstring('\\27LJ\\2\\0') == nil)", &e), 0);
	script_free(s);
}

static void test_exit(void **unused)
{
	(void)unused;
	struct script *s = small();

	assert_int_equal(run(s, "while true do pcall(os.exit) end", NULL), -1);
	assert_true(script_ended(s));
	script_free(s);
}

static void test_trusted(void **unused)
{
	(void)unused;
	const struct script_options o = {.trusted = true, .print = on_print};
	struct script *s = script_new(&o);
	struct err e = {0};

	text_reset(&printed);
	if (run(s, "io.write(type(require 'ffi'), type(io.open), type(debug))", &e))
		fail_msg("%s", e.message);
	assert_string_equal(text_cstr(&printed), "tablefunctiontable");
	script_free(s);
}

static void test_tables(void **unused)
{
	(void)unused;
	struct script *s = small();
	struct err e = {0};
	const char *text = NULL, **words;
	unsigned n;
	bool yes = false;
	double number = 0;

	assert_int_equal(
		run(s,
		    "v = setmetatable({id = 'a', on = true, n = 2.5, tips = {'x', 'y'}, bad ="
		    " {1}}, {__index = function() error('called') end})",
		    &e),
		0);
	assert_int_equal(script_global(s, "v"), LUA_TTABLE);
	assert_int_equal(script_text(s, -1, "v", "id", &text, &e), 0);
	assert_string_equal(text, "a");
	assert_int_equal(script_text(s, -1, "v", "none", &text, &e), 0);
	assert_string_equal(text, "a");
	assert_int_equal(script_bool(s, -1, "v", "on", &yes, &e), 0);
	assert_true(yes);
	assert_int_equal(script_number(s, -1, "v", "n", &number, &e), 0);
	assert_true(number == 2.5);
	assert_int_equal(script_texts(s, -1, "v", "tips", 2, &words, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(words[1], "y");
	free(words);
	assert_int_equal(script_text(s, -1, "v", "n", &text, &e), -1);
	assert_string_equal(e.message, "x.lua: v.n has to be a string, not a number");
	assert_int_equal(script_texts(s, -1, "v", "bad", 2, &words, &n, &e), -1);
	assert_string_equal(e.message, "x.lua: v.bad[1] has to be a string");
	assert_int_equal(script_texts(s, -1, "v", "tips", 1, &words, &n, &e), -1);
	assert_string_equal(e.message, "x.lua: v.tips has more than 1 entries");
	assert_int_equal(script_texts(s, -1, "v", "on", 1, &words, &n, &e), -1);
	assert_int_equal(lua_gettop(script_state(s)), 1);
	script_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prints),	 cmocka_unit_test(test_ends),
		cmocka_unit_test(test_bytecode), cmocka_unit_test(test_exit),
		cmocka_unit_test(test_trusted),	 cmocka_unit_test(test_tables),
	};
	int status = cmocka_run_group_tests(tests, NULL, NULL);

	text_done(&printed);
	return status;
}
