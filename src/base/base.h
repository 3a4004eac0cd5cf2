/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room base: what every other room stands on. Errors, log, memory, checked
 * reading and back-patched writing of bytes, text building without printf,
 * string maps, time, and the one-slot mailbox by which threads exchange
 * snapshots. Knows nothing of events, packets or containers.
 *
 * Unless a comment says otherwise a function may be called from any thread
 * on objects that the thread owns.
 */
#ifndef DREDGE_BASE_H
#define DREDGE_BASE_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a)	  (sizeof(a) / sizeof((a)[0]))
#define ATTR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ATTR_INLINE	  __attribute__((always_inline))
#define LIKELY(x)	  __builtin_expect(!!(x), 1)
#define UNLIKELY(x)	  __builtin_expect(!!(x), 0)
#define MIN(a, b)	  ((a) < (b) ? (a) : (b))
#define MAX(a, b)	  ((a) > (b) ? (a) : (b))

#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull

/* ---- errors: on the caller's stack, passed last, untouched on success ---- */

/* Codes are the exit statuses of the programs. */
enum err_code { ERR_NONE = 0, ERR_FAILED = 1, ERR_USAGE = 2 };

struct err {
	enum err_code code;
	unsigned line;	 /* from 1; 0 = does not apply */
	unsigned column; /* from 1; 0 = does not apply */
	char message[400];
};

/* Fill *e and return -1, so that `return err_set(...)` is the whole failure path. e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Like err_set with ERR_FAILED, and ": " + strerror(errno) behind the text. */
int err_sys(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Put "text: " before the message that is already there; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* ---- log: for programs and threads; library rooms return errors instead ---- */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Call once at the start of main, before any thread. program is borrowed for ever. */
void log_init(const char *program, enum log_level level);
/* One line "program: text" on stderr, in one write(2). Control bytes are shown as '?'. */
void log_line(enum log_level level, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* From now on lines are handed to take, in any thread: n bytes of the text, without the program and
 * the end of the line. It returns false for those that are to go to stderr as well. NULL = as
 * before. */
void log_divert(bool (*take)(const char *text, size_t n));
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* ---- memory: running out ends the program with a message ---- */

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* Make room for one more element in a growing array: GROW(v->items, v->n, v->cap). */
#define GROW(items, n, cap)                                                            \
	do {                                                                           \
		if ((n) >= (cap)) {                                                    \
			(cap) = (cap) ? (cap)*2 : 8;                                   \
			(items) = xrealloc((items), (size_t)(cap) * sizeof(*(items))); \
		}                                                                      \
	} while (0)

void cleanup_free_fn(void *p);	/* p: address of a pointer */
void cleanup_close_fn(int *fd); /* fd: address of a descriptor, -1 = none */
#define cleanup_free  __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))

/* ---- checked cursor over borrowed bytes ---- */

struct cursor {
	const uint8_t *pos; /* pos <= end always */
	const uint8_t *end;
};

static inline struct cursor cursor_of(const void *data, size_t n)
{
	return (struct cursor){data, (const uint8_t *)data + n};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->pos);
}

/* n bytes at the cursor, then step over them; NULL (cursor unmoved) when fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	if (UNLIKELY(cursor_left(c) < n))
		return NULL;
	const uint8_t *p = c->pos;
	c->pos += n;
	return p;
}

static inline uint16_t load_le16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load_le32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load_le64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store_le32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t load_be16(const void *p)
{
	return __builtin_bswap16(load_le16(p));
}

static inline uint32_t load_be32(const void *p)
{
	return __builtin_bswap32(load_le32(p));
}

static inline uint64_t load_be64(const void *p)
{
	return __builtin_bswap64(load_le64(p));
}

/* ---- back-patching builder of little-endian bytes; owns its buffer, grows as needed ---- */

struct builder {
	uint8_t *data;
	size_t len, cap;
};

void builder_done(struct builder *b);
/* Room for n more bytes; returns where they go. len is not changed. */
uint8_t *builder_room(struct builder *b, size_t n);
void builder_put(struct builder *b, const void *p, size_t n);
void builder_u16(struct builder *b, uint16_t v);
void builder_u32(struct builder *b, uint32_t v);
void builder_u64(struct builder *b, uint64_t v);
void builder_pad4(struct builder *b); /* zero bytes up to a multiple of four */
/* Overwrite 4 bytes at offset `at` (at + 4 <= len). */
void builder_patch_u32(struct builder *b, size_t at, uint32_t v);

/* ---- text: one growing line buffer, own number formatting, no printf ---- */

struct text {
	char *data;
	size_t len, cap;
};

void text_done(struct text *t);
static inline void text_reset(struct text *t)
{
	t->len = 0;
}

void text_grow(struct text *t, size_t n);
static inline char *text_room(struct text *t, size_t n) /* as builder_room */
{
	if (UNLIKELY(t->cap - t->len < n))
		text_grow(t, n);
	return t->data + t->len;
}

/* Words in a line are short: two overlapping moves beat a call of memcpy. */
static inline void copy_short(char *to, const char *from, size_t n)
{
	if (n > 16) {
		memcpy(to, from, n);
	} else if (n >= 8) {
		uint64_t first = load_le64(from), last = load_le64(from + n - 8);
		memcpy(to, &first, 8);
		memcpy(to + n - 8, &last, 8);
	} else if (n >= 4) {
		uint32_t first = load_le32(from), last = load_le32(from + n - 4);
		memcpy(to, &first, 4);
		memcpy(to + n - 4, &last, 4);
	} else if (n) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

static inline void text_put(struct text *t, const char *p, size_t n)
{
	if (UNLIKELY(!n))
		return;
	copy_short(text_room(t, n), p, n);
	t->len += n;
}

static inline void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

static inline void text_char(struct text *t, char c)
{
	*text_room(t, 1) = c;
	t->len++;
}

/*
 * Where a line is made of many short pieces, each is put at p, which has room for what is told, and
 * the end is returned: the length of the text is then written once.
 */
char *digits_u64(char *p, uint64_t v);		 /* 24 bytes; 1 to 20 of them are the number */
char *digits_ipv4(char *p, const uint8_t ip[4]); /* 16 bytes */
#define PUT(p, literal) ((char *)memcpy(p, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

/*
 * A library that few runs need is loaded by those: calls is a struct of n pointers, which get what
 * the library has under these names. 0, or -1 with *e.
 */
int library_load(const char *soname, const char *const *names, size_t n, void *calls,
		 struct err *e);

/* All n bytes, whatever the kernel takes at once. 0, or -1 with errno. */
int write_all(int fd, const char *p, size_t n);

void text_u64(struct text *t, uint64_t v);
void text_i64(struct text *t, int64_t v);
void text_u64_width(struct text *t, uint64_t v, unsigned width); /* zero-padded on the left */
void text_double(struct text *t, double v, unsigned decimals);	 /* decimals <= 9 */
void text_hex(struct text *t, uint64_t v, unsigned digits);	 /* lower case, 1..16 digits */
void text_ipv4(struct text *t, const uint8_t ip[4]);
void text_ipv6(struct text *t, const uint8_t ip[16]);		       /* RFC 5952 */
void text_mac(struct text *t, const uint8_t mac[6]);		       /* aa:bb:cc:dd:ee:ff */
void text_fmt(struct text *t, const char *fmt, ...) ATTR_PRINTF(2, 3); /* off the event path only */
/* n bytes as the inside of a JSON string: quotes, backslash and control bytes escaped, invalid
 * UTF-8 replaced by U+FFFD. The surrounding quotes are not written. */
void text_json(struct text *t, const char *p, size_t n);
/* Bytes for a terminal: control characters, marks of direction and invalid UTF-8 become '.'. */
void text_plain(struct text *t, const char *p, size_t n);
/* The first bytes of them, up to one that text_plain would change or that is no ASCII; how many. */
size_t text_plain_start(struct text *t, const char *p, size_t n);
/*
 * The same for a terminal whose columns count: control characters, marks that change the direction
 * or hide, and invalid UTF-8 become '?'; cut with an ellipsis where it is wider than `width`
 * columns (0 = never). Returns the columns taken.
 */
unsigned text_terminal(struct text *t, const char *p, size_t n, unsigned width);
/* Bytes of the UTF-8 character at p (RFC 3629; n > 0), 0 when it is none. */
unsigned text_utf8(const char *p, size_t n);
/*
 * No character, or one of len >= 2 bytes that a terminal obeys and nobody sees: U+0080..U+009F are
 * control characters too; marks and overrides of direction (U+061C, U+200E, U+200F, U+202A..U+202E,
 * U+2066..U+2069, Unicode UAX 9) would show a name that it is not; U+2028 and U+2029 end lines.
 */
bool text_is_unseen(const uint8_t *p, unsigned len);
/* text_plain would change nothing, and all of it is ASCII. */
bool text_is_plain(const char *p, size_t n);
/* v < 10^9 with leading zeros. */
void digits_nine(char out[9], uint32_t v);
const char *text_cstr(struct text *t); /* NUL-terminated, borrowed until the next call */

/* ---- strings ---- */

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
bool str_starts(const char *s, const char *prefix);
/* Whole string as a decimal (or 0x...) number with an optional KB/MB/GB suffix (1 KB = 1024 as in
 * Mesos) when units is true. Returns 0, or -1 on anything else or overflow. */
int str_u64(const char *s, bool units, uint64_t *out);
/* Edit distance, for suggestions; a and b up to 64 characters, longer ones count as far. */
unsigned str_distance(const char *a, const char *b);

/* Both halves of a product, so that each bit of the one depends on all of the other. */
static inline uint64_t hash_pair(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
uint64_t hash_bytes(const void *p, size_t n);
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

/* String -> small integer, insert only; keys are copied. */
struct strmap;
struct strmap *strmap_new(void);
void strmap_free(struct strmap *m);
/* Index stored for key, or -1. */
int64_t strmap_find(const struct strmap *m, const char *key);
/* Store or overwrite. */
void strmap_put(struct strmap *m, const char *key, uint32_t value);

/* ---- time: unsigned nanoseconds since 1970-01-01 UTC ---- */

uint64_t time_now(void);	/* CLOCK_REALTIME */
uint64_t time_monotonic(void);	/* CLOCK_MONOTONIC, for intervals */
uint64_t time_thread_cpu(void); /* that the calling thread has used */
/* "HH:MM:SS.nnnnnnnnn" in local time (TZ is read once). The part up to the second is cached per
 * thread, so a line costs no libc call. */
void text_time_local(struct text *t, uint64_t ns, bool fraction);
void text_time_iso(struct text *t, uint64_t ns);      /* 2023-11-14T22:13:20.000450000+0000 */
void text_time_datetime(struct text *t, uint64_t ns); /* 2023-11-14 22:13:20.000450000, local */
void text_time_seconds(struct text *t, uint64_t ns);  /* 1700000000.000450000 */
/*
 * A moment as users write it: "2023-11-14 22:13:20[.frac]", with T or Z or +hh:mm, "22:13[:20]"
 * (on the day of `base`, in local time), "@1700000000[.frac]", "+5s" and "+2m" (after `base`).
 */
int time_parse(const char *s, uint64_t base, uint64_t *out, struct err *e);
/* "500ms", "10s", "5m", "2h", "1d", as Mesos "5secs", "5mins", "2hrs", "1days", "1weeks"; a bare
 * number is seconds. Result in nanoseconds, 0 of nothing but zeros. */
int duration_parse(const char *s, uint64_t *out, struct err *e);

/* ---- mailbox: one slot, one sender, one receiver, the newest wins ---- */

struct mailbox {
	_Atomic(void *) slot;
};

/* Hand over ownership of p; returns the older letter nobody took (the caller frees it) or NULL. */
static inline void *mailbox_send(struct mailbox *m, void *p)
{
	return atomic_exchange_explicit(&m->slot, p, memory_order_acq_rel);
}

/* The newest letter, now owned by the caller, or NULL. */
static inline void *mailbox_take(struct mailbox *m)
{
	return atomic_exchange_explicit(&m->slot, NULL, memory_order_acq_rel);
}

#endif
