/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records until the disk is full and for ten windows more, removes the file that fills it, records
 * until that works again and for ten windows more. Prints "packets lost".
 *
 *     disk_full_probe CAPTURE FILLER
 */
#include "savefile/savefile.h"

#include <stdio.h>
#include <unistd.h>

#define MANY	 200000u /* packets, before it gives up */
#define WINDOWS	 10u
#define A_WINDOW 100u /* packets */

static uint8_t data[1000];

static int put(struct writer *w, unsigned i, struct err *e)
{
	for (size_t k = 0; k < sizeof(data); k += 8) {
		uint64_t noise = hash_u64(i * sizeof(data) + k);
		memcpy(data + k, &noise, 8);
	}
	struct event ev = {
		.ts = 1700000000 * NSEC_PER_SEC + i * (NSEC_PER_SEC / A_WINDOW),
		.type = EVENT_PACKET,
		.data = data,
		.caplen = sizeof(data),
		.len = sizeof(data),
		.weight = 1,
	};
	return writer_event(w, &ev, e);
}

static int record(struct writer *w, const char *filler, struct err *e)
{
	unsigned told = 0, last = MANY;

	for (unsigned i = 0; i < last; i++) {
		if (put(w, i, e))
			return -1;
		const char *trouble = writer_trouble(w);
		if (trouble) {
			fprintf(stderr, "%s\n", trouble);
			told++;
			last = i + (WINDOWS + 1) * A_WINDOW;
		}
		if (told == 1 && i + A_WINDOW == last) {
			if (unlink(filler))
				return err_sys(e, "cannot remove %s", filler);
			last = MANY;
		}
	}
	return told == 2 ? 0 : err_set(e, ERR_FAILED, "%u messages instead of 2", told);
}

int main(int argc, char **argv)
{
	struct iface_record r = {.name = "web.0:eth0", .linktype = 1, .sample = 1};
	struct writer_stats s;
	struct err e = {0};

	if (argc != 3)
		return 2;
	struct writer_options o = {.path = argv[1]};
	struct writer *w = savefile_format_of(argv[1], &o.format, &e) ? NULL : writer_open(&o, &e);
	if (!w || writer_iface(w, &r, &e) || record(w, argv[2], &e)) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	writer_get_stats(w, &s);
	if (writer_close(w, &e)) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	printf("%llu %llu\n", (unsigned long long)s.packets, (unsigned long long)s.lost);
	return 0;
}
