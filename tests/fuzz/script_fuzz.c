/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a script: it ends within its limits, by itself or with an error of one line that
 * names it; what it prints, and the text itself printed, reaches the terminal clean.
 */
#include <stdlib.h>

#include "chisel/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 4096u

/* Of what a terminal obeys, only line ends, tabs, and the begin of a sequence may come. */
static int on_write(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)p[i];
		bool escape = ch == 0x1b && i + 2 < n && p[i + 1] == '[';
		if ((ch < 0x20 && ch != '\n' && ch != '\t' && !escape) || ch == 0x7f)
			abort();
	}
	return 0;
}

static void on_print(void *ctx, const char *p, size_t n)
{
	chisel_say(ctx, p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct chisel_host host = {.write = on_write};
	struct chisels *set = chisels_new(&host);
	const struct script_options o = {
		.print = on_print, .ctx = set, .memory = 4u << 20, .instructions = 1000000};
	struct script *s = script_new(&o);
	struct err e = {0};
	const char **words = NULL;
	unsigned n;

	if (size > LONGEST)
		size = LONGEST;
	for (size_t i = 0; i < size; i += 7)
		chisel_say(set, (const char *)data + i, MIN(size - i, 7));
	if (script_run_text(s, "x.lua", (const char *)data, size, &e)) {
		if (!e.message[0] || strchr(e.message, '\n') || lua_gettop(script_state(s)))
			abort();
	}
	script_global(s, "view_info");
	if (!script_texts(s, -1, "view_info", "tips", 8, &words, &n, &e))
		free(words);
	script_free(s);
	chisels_free(set);
	return 0;
}
