/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/stream.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define INPUT_BYTES (256u << 10)

struct codec {
	const char *name;
	bool (*match)(const uint8_t *p, size_t n);
	int (*begin)(struct stream *s, struct err *e);
	/* Turns input into output; *in and *out are what is there, then what was used. */
	int (*run)(struct stream *s, const uint8_t *from, size_t *in, uint8_t *to, size_t *out,
		   struct err *e);
	void (*end)(struct stream *s);
};

struct stream {
	const struct codec *codec;
	int fd;
	uint8_t *input;
	size_t at, filled;
	uint64_t more; /* bytes to read from fd */
	uint64_t position;
	bool eof, inside; /* inside: a frame has begun and not ended */
	bool unmarked;	  /* what is missing of it is only the end mark */
	void *state;
};

/* ---- none ---- */

static bool match_any(const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return true;
}

static int run_none(struct stream *s, const uint8_t *from, size_t *in, uint8_t *to, size_t *out,
		    struct err *e)
{
	(void)s;
	(void)e;
	*in = *out = MIN(*in, *out);
	if (*in)
		memcpy(to, from, *in);
	return 0;
}

/* ---- LZ4 ---- */

static bool match_lz4(const uint8_t *p, size_t n)
{
	return n >= 4 &&
	       (load_le32(p) == 0x184d2204u || (load_le32(p) & 0xfffffff0u) == 0x184d2a50u);
}

static int begin_lz4(struct stream *s, struct err *e)
{
	LZ4F_dctx *ctx;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
		return err_set(e, ERR_FAILED, "LZ4: no decompression context");
	s->state = ctx;
	return 0;
}

static int run_lz4(struct stream *s, const uint8_t *from, size_t *in, uint8_t *to, size_t *out,
		   struct err *e)
{
	size_t left = LZ4F_decompress(s->state, to, out, from, in, NULL);

	if (LZ4F_isError(left))
		return err_set(e, ERR_FAILED, "LZ4: %s", LZ4F_getErrorName(left));
	s->inside = left != 0;
	/* Before a block the decoder asks for its length field alone. */
	s->unmarked = left == 4;
	return 0;
}

static void end_lz4(struct stream *s)
{
	LZ4F_freeDecompressionContext(s->state);
}

/* ---- gzip ---- */

static bool match_gzip(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

#ifdef HAVE_ZLIB
static int begin_gzip(struct stream *s, struct err *e)
{
	z_stream *z = xcalloc(1, sizeof(*z));

	s->state = z;
	return inflateInit2(z, 15 + 16) == Z_OK ? 0 : err_set(e, ERR_FAILED, "gzip: no memory");
}

static int run_gzip(struct stream *s, const uint8_t *from, size_t *in, uint8_t *to, size_t *out,
		    struct err *e)
{
	z_stream *z = s->state;

	if (!s->inside && *in)
		inflateReset(z); /* the next member */
	z->next_in = (uint8_t *)from;
	z->avail_in = (unsigned)*in;
	z->next_out = to;
	z->avail_out = (unsigned)MIN(*out, 1u << 30);
	unsigned room = z->avail_out;
	int status = *in || s->inside ? inflate(z, Z_NO_FLUSH) : Z_OK;
	*in -= z->avail_in;
	*out = room - z->avail_out;
	s->inside = status != Z_STREAM_END && (s->inside || *in);
	if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
		return 0;
	return err_set(e, ERR_FAILED, "gzip: %s", z->msg ? z->msg : "damaged data");
}

static void end_gzip(struct stream *s)
{
	inflateEnd(s->state);
	free(s->state);
}
#else
static int begin_gzip(struct stream *s, struct err *e)
{
	(void)s;
	return err_set(e, ERR_FAILED, "gzip is not built in (zlib was missing)");
}
#define run_gzip run_none
#define end_gzip NULL
#endif

/* ---- zstd ---- */

static bool match_zstd(const uint8_t *p, size_t n)
{
	return n >= 4 && load_le32(p) == 0xfd2fb528u;
}

#ifdef HAVE_ZSTD
static int begin_zstd(struct stream *s, struct err *e)
{
	s->state = ZSTD_createDCtx();
	if (!s->state)
		return err_set(e, ERR_FAILED, "zstd: no decompression context");
	/* A frame may ask for any window; 128 MiB is what the zstd program takes, we take 32. */
	ZSTD_DCtx_setParameter(s->state, ZSTD_d_windowLogMax, 25);
	return 0;
}

static int run_zstd(struct stream *s, const uint8_t *from, size_t *in, uint8_t *to, size_t *out,
		    struct err *e)
{
	ZSTD_inBuffer source = {from, *in, 0};
	ZSTD_outBuffer target = {to, *out, 0};
	size_t left = ZSTD_decompressStream(s->state, &target, &source);

	*in = source.pos;
	*out = target.pos;
	if (ZSTD_isError(left))
		return err_set(e, ERR_FAILED, "zstd: %s", ZSTD_getErrorName(left));
	s->inside = left != 0;
	return 0;
}

static void end_zstd(struct stream *s)
{
	ZSTD_freeDCtx(s->state);
}
#else
static int begin_zstd(struct stream *s, struct err *e)
{
	(void)s;
	return err_set(e, ERR_FAILED, "zstd is not built in (libzstd was missing)");
}
#define run_zstd run_none
#define end_zstd NULL
#endif

static const struct codec codecs[] = {
	{"lz4", match_lz4, begin_lz4, run_lz4, end_lz4},
	{"gzip", match_gzip, begin_gzip, run_gzip, end_gzip},
	{"zstd", match_zstd, begin_zstd, run_zstd, end_zstd},
	{"none", match_any, NULL, run_none, NULL},
};

struct stream *stream_open(int fd, const uint8_t *head, size_t n, uint64_t more, struct err *e)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	const struct codec *c = codecs;

	while (!c->match(head, n))
		c++;
	s->fd = fd;
	s->more = more;
	s->input = xmalloc(MAX(n, INPUT_BYTES));
	if (n)
		memcpy(s->input, head, n);
	s->filled = n;
	if (c->begin && c->begin(s, e)) {
		free(s->input);
		free(s);
		return NULL;
	}
	s->codec = c;
	return s;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	if (s->codec->end)
		s->codec->end(s);
	free(s->input);
	free(s);
}

const char *stream_compression(const struct stream *s)
{
	return s->codec->name;
}

uint64_t stream_position(const struct stream *s)
{
	return s->position;
}

bool stream_cut(const struct stream *s)
{
	return s->eof && s->inside && !s->unmarked;
}

bool stream_complete(const struct stream *s)
{
	return s->eof && !s->inside;
}

static ssize_t read_file(struct stream *s, void *to, size_t n, struct err *e)
{
	ssize_t got;

	do
		got = read(s->fd, to, MIN(n, s->more));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "cannot read");
	s->more -= (uint64_t)got;
	return got;
}

static int refill(struct stream *s, struct err *e)
{
	ssize_t got = read_file(s, s->input, INPUT_BYTES, e);

	if (got < 0)
		return -1;
	s->eof = got == 0;
	s->at = 0;
	s->filled = (size_t)got;
	return 0;
}

ssize_t stream_read(struct stream *s, void *out, size_t n, struct err *e)
{
	if (!s->codec->begin && s->at == s->filled) { /* nothing to decode: no copy either */
		ssize_t got = read_file(s, out, n, e);
		s->eof = got == 0;
		s->position += got > 0 ? (uint64_t)got : 0;
		return got;
	}
	for (;;) {
		if (s->at == s->filled && !s->eof && refill(s, e))
			return -1;
		size_t in = s->filled - s->at, made = n;
		if (!in && !s->inside)
			return 0; /* a decoder that is asked would expect one more frame */
		if (s->codec->run(s, s->input + s->at, &in, out, &made, e))
			return -1;
		s->at += in;
		s->position += in;
		if (made)
			return (ssize_t)made;
		if (s->eof)
			return 0;
		if (!in && s->at < s->filled)
			return err_set(e, ERR_FAILED, "%s: damaged data", s->codec->name);
	}
}
