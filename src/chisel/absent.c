/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of the room in a build without LuaJIT: nobody gets a set of chisels, so that most of
 * this is never called. */
#include "chisel/chisel.h"

bool chisel_built(void)
{
	return false;
}

void views_load(struct views *v, const char *const *dirs)
{
	(void)v;
	(void)dirs;
}

struct chisels *chisels_new(const struct chisel_host *h)
{
	(void)h;
	return NULL;
}

void chisels_free(struct chisels *s)
{
	(void)s;
}

struct chisel_host *chisels_host(struct chisels *s)
{
	(void)s;
	return NULL;
}

int chisels_add(struct chisels *s, const char *name, char **words, unsigned n, unsigned *used,
		struct err *e)
{
	(void)s;
	(void)words;
	(void)n;
	(void)used;
	return err_set(e, ERR_USAGE, "no chisel '%.100s': this build is without LuaJIT", name);
}

int chisels_init(struct chisels *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

bool chisels_need(const struct chisels *s, unsigned flags)
{
	(void)s;
	(void)flags;
	return false;
}

struct chisels_twin *chisels_twin(const struct chisels *s)
{
	(void)s;
	return NULL;
}

void chisels_twin_event(struct chisels_twin *w, struct context *c)
{
	(void)w;
	(void)c;
}

void chisels_join(struct chisels *s, struct chisels_twin *w, const struct state *state)
{
	(void)s;
	(void)w;
	(void)state;
}

bool chisels_need_order(const struct chisels *s)
{
	(void)s;
	return false;
}

void chisels_state(struct chisels *s, const struct state *state)
{
	(void)s;
	(void)state;
}

const struct filter *chisels_filter(const struct chisels *s)
{
	(void)s;
	return NULL;
}

bool chisels_part_enough(const struct chisels *s, const struct table_part *p)
{
	(void)s;
	(void)p;
	return false;
}

void chisels_part(struct chisels *s, const struct table_part *p)
{
	(void)s;
	(void)p;
}

int chisels_event(struct chisels *s, struct context *c)
{
	(void)s;
	(void)c;
	return 0;
}

int chisels_tick(struct chisels *s, uint64_t now)
{
	(void)s;
	(void)now;
	return 0;
}

unsigned chisels_end(struct chisels *s)
{
	(void)s;
	return 0;
}

void chisels_list(const struct chisel_host *h, struct text *out)
{
	(void)h;
	text_str(out, "This build is without LuaJIT: it runs no chisels.\n");
}

int chisel_info(const struct chisel_host *h, const char *name, struct text *out, struct err *e)
{
	(void)h;
	(void)out;
	return chisels_add(NULL, name, NULL, 0, NULL, e);
}
