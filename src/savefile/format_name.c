/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/savefile.h"

static const struct {
	const char *ending, *name;
	enum savefile_format format;
} formats[] = {
	{".pcapng.lz4", "pcapng.lz4", SAVEFILE_PCAPNG_LZ4},
	{".lz4", NULL, SAVEFILE_PCAPNG_LZ4},
	{".pcapng", "pcapng", SAVEFILE_PCAPNG},
	{".pcap", "pcap", SAVEFILE_PCAP},
	{".cap", NULL, SAVEFILE_PCAP},
};

/* Of compressions that are read, and not written: who gives such a name wants nothing else. */
static const char *const only_read[] = {".gz", ".zst"};

static bool ends_with(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n >= m && str_eq(path + n - m, ending);
}

int savefile_format_of(const char *path, enum savefile_format *out, struct err *e)
{
	enum savefile_format found = SAVEFILE_PCAPNG_LZ4;

	for (unsigned i = 0; i < ARRAY_SIZE(only_read); i++)
		if (ends_with(path, only_read[i]))
			return err_set(
				e, ERR_USAGE,
				"%.200s: %s is not written, only read (.pcapng.lz4, .pcapng, "
				".pcap)",
				path, only_read[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
		if (ends_with(path, formats[i].ending)) {
			found = formats[i].format;
			break;
		}
	*out = str_eq(path, "-") ? SAVEFILE_PCAPNG : found;
	return 0;
}

int savefile_format_parse(const char *name, enum savefile_format *out, struct err *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i].name && str_eq(formats[i].name, name)) {
			*out = formats[i].format;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "unknown format '%.40s' (pcapng.lz4, pcapng, pcap)", name);
}
