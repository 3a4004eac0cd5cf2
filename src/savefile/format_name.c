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

enum savefile_format savefile_format_of(const char *path)
{
	size_t n = strlen(path);

	if (str_eq(path, "-"))
		return SAVEFILE_PCAPNG;
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t m = strlen(formats[i].ending);
		if (n >= m && str_eq(path + n - m, formats[i].ending))
			return formats[i].format;
	}
	return SAVEFILE_PCAPNG_LZ4;
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
