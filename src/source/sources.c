/* SPDX-License-Identifier: Apache-2.0 */
#include "source/sources.h"

/* The first whose scheme fits opens; a scheme of NULL fits everything. */
static const struct source_kind *const kinds[] = {
	&source_live,
	&source_none,
	&source_synth,
	&source_file,
};

struct source *source_open(const char *what, const struct source_options *o, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *scheme = kinds[i]->scheme;
		size_t n = scheme ? strlen(scheme) : 0;
		/* "synth:" is a prefix, "live" and "none" whole words: a file may be called
		 * live.pcap. */
		bool prefix = n && scheme[n - 1] == ':';

		if (scheme && !(prefix ? str_starts(what, scheme) : str_eq(what, scheme)))
			continue;
		struct source *s = kinds[i]->open(prefix ? what + n : what, o, e);
		if (s)
			s->kind = kinds[i];
		return s;
	}
	err_set(e, ERR_USAGE, "%s: no such source", what);
	return NULL;
}

void source_close(struct source *s)
{
	if (s)
		s->kind->close(s);
}
