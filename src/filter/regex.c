/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX extended regular expressions of the C library. Its matcher can take
 * exponential time with back-references and exponential memory with nested
 * repetitions, so a pattern with either is refused.
 */
#include "filter/program.h"

#include <stdlib.h>

/* Product of the repetition bounds of a pattern: an upper limit for its growth when compiled. */
static uint64_t repeat_product(const char *s)
{
	uint64_t product = 1;

	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			continue;
		}
		if (*s != '{')
			continue;
		uint64_t most = 1, v = 0;

		for (s++; *s && *s != '}'; s++) {
			if (*s >= '0' && *s <= '9')
				v = MIN(v * 10 + (uint64_t)(*s - '0'), UINT32_MAX);
			else
				v = 0;
			most = MAX(most, v);
		}
		product = MIN(product * most, UINT32_MAX);
		if (!*s)
			break;
	}
	return product;
}

static bool has_back_reference(const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			if (*s >= '1' && *s <= '9')
				return true;
		}
	}
	return false;
}

int regex_prepare(struct parser *p, struct insn *in, const struct operand *o)
{
	char why[80];
	int r;

	if (o->n > FILTER_MAX_PATTERN || strlen(o->p) != o->n)
		return complain(p, o->pos, NULL, "pattern longer than %u bytes or not text",
				FILTER_MAX_PATTERN);
	if (has_back_reference(o->p))
		return complain(p, o->pos, NULL, "back-references are not supported");
	if (repeat_product(o->p) > FILTER_MAX_REPEAT)
		return complain(p, o->pos, NULL, "repetitions multiply to more than %u",
				FILTER_MAX_REPEAT);
	regex_t *regex = xcalloc(1, sizeof(*regex));

	r = regcomp(regex, o->p, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, regex, why, sizeof(why));
		free(regex);
		return complain(p, o->pos, why, "bad regular expression");
	}
	in->regex = regex;
	return 0;
}
