/* SPDX-License-Identifier: Apache-2.0 */
/* Hex to bytes for the tests of room packet; include after packets.h and cmocka.h. */
#ifndef TEST_BYTES_H
#define TEST_BYTES_H

struct bytes {
	uint8_t *at; /* owned; exactly n bytes, so that a sanitizer sees one too far */
	uint32_t n;
};

static inline struct bytes bytes_of(const char *hex)
{
	struct bytes b = {.n = (uint32_t)strlen(hex) / 2};

	b.at = malloc(b.n + !b.n);
	assert_non_null(b.at);
	for (uint32_t i = 0; i < b.n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		b.at[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return b;
}

static inline const char *frame_hex(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
		if (str_eq(frames[i].name, name))
			return frames[i].hex;
	fail_msg("no frame %s", name);
	return "";
}

#endif
