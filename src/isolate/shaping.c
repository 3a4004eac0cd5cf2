/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/shaping.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* A product that does not fit must not become a small rate. */
static uint64_t scale(uint64_t per_cpu, double cpus)
{
	uint64_t whole = (uint64_t)MIN(MAX(cpus, 0), SHAPE_CPUS_MAX), rate;

	return __builtin_mul_overflow(per_cpu, whole, &rate) ? UINT64_MAX : rate;
}

struct shape shape_for(const struct limit_flags *f, double cpus)
{
	struct shape s = {0};

	if (!f->rate && !f->per_cpu)
		return s;
	s.rate = f->rate ? f->rate : scale(f->per_cpu, cpus);
	if (f->minimum)
		s.rate = MAX(s.rate, f->minimum);
	else if (!s.rate || !f->no_floor)
		s.rate = MAX(s.rate, SHAPE_FLOOR);
	if (f->maximum)
		s.rate = MIN(s.rate, f->maximum);
	if (f->ceil > s.rate) {
		s.ceil = f->ceil;
		s.burst = f->burst;
	}
	return s;
}

int bytes_parse(const char *text, uint64_t *out, struct err *e)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (end == text || errno || text[0] < '0' || text[0] > '9')
		return err_set(e, ERR_USAGE, "'%s' is no size", text);
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
		if (*end && strcasecmp(end, units[i]))
			continue;
		if (n > UINT64_MAX >> (10 * i))
			break;
		*out = n << (10 * i);
		return 0;
	}
	return err_set(e, ERR_USAGE, "'%s' is no size (B, KB, MB, GB or TB)", text);
}
