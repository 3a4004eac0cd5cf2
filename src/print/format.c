/* SPDX-License-Identifier: Apache-2.0 */
#include "print/print.h"
#include "print/bytes.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMAT_MAX_TEXT	 (64u << 10)
#define FORMAT_MAX_WIDTH 4096u
#define BYTES_CUT	 40u

const char print_format_default[] =
	"*%evt.num %evt.outputtime %container.name %evt.dir %evt.type %evt.info";
const char print_format_containers[] = "*%evt.num %evt.outputtime %container.name (%container.id) "
				       "%evt.dir %evt.type %evt.info";
const char print_format_mesos[] = "*%evt.num %evt.outputtime %marathon.app.id %mesos.task.id "
				  "(%container.id) %evt.dir %evt.type %evt.info";

struct piece {
	const struct field *field; /* NULL: only the text behind it */
	char *arg;
	const char *literal; /* the text behind the field, into format.text */
	size_t literal_len;
	unsigned width; /* 0 = as long as it is */
	bool output_time;
};

struct format {
	struct print_options options;
	char *text;
	struct piece *pieces;
	size_t count, cap;
	bool lenient;	/* begins with '*': absent fields print as <NA> */
	unsigned needs; /* FIELD_* of all its fields */
	struct text scratch;
	char **services; /* 65536 names, only with resolve_ports */
};

static char **load_services(void)
{
	char **names = xcalloc(65536, sizeof(*names));
	struct servent *se;

	setservent(1);
	while ((se = getservent())) {
		uint16_t port = __builtin_bswap16((uint16_t)se->s_port);
		if (!names[port])
			names[port] = xstrdup(se->s_name);
	}
	endservent();
	return names;
}

void format_free(struct format *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->pieces[i].arg);
	if (f->services) {
		for (unsigned i = 0; i < 65536; i++)
			free(f->services[i]);
		free(f->services);
	}
	text_done(&f->scratch);
	free(f->pieces);
	free(f->text);
	free(f);
}

static struct piece *add_piece(struct format *f)
{
	GROW(f->pieces, f->count, f->cap);
	struct piece *p = &f->pieces[f->count++];
	*p = (struct piece){.literal = f->text}; /* empty */
	return p;
}

static void add_literal(struct format *f, const char *from, const char *to)
{
	if (from == to)
		return;
	struct piece *p = f->count ? &f->pieces[f->count - 1] : add_piece(f);
	p->literal = from;
	p->literal_len = (size_t)(to - from);
}

static int complain_at(const struct format *f, const char *at, const char *hint, const char *what,
		       struct err *e)
{
	return filter_complain(f->text, (size_t)(at - f->text), hint, what, e);
}

static int token_error(const struct format *f, const char *at, struct err *e)
{
	size_t len = strcspn(at, " %\n\t()");
	const char *near = field_nearest(at, len);
	cleanup_free char *hint = near ? xasprintf("did you mean %s?", near) : NULL;
	char what[96];

	snprintf(what, sizeof(what), "invalid formatting token '%.*s'", (int)MIN(len, 60), at);
	return complain_at(f, at, hint ? hint : "option -l lists the known fields", what, e);
}

static int parse_field(struct format *f, const char **at, struct err *e)
{
	const char *s = *at;
	unsigned width = 0;
	char what[96];

	while (isdigit((unsigned char)*s) && width < FORMAT_MAX_WIDTH)
		width = width * 10 + (unsigned)(*s++ - '0');
	if (width >= FORMAT_MAX_WIDTH)
		return complain_at(f, *at, NULL, "invalid formatting syntax: width over 4095", e);
	if (!*s)
		return complain_at(f, s, NULL,
				   width ? "invalid formatting syntax: formatting cannot end "
					   "with a number"
					 : "invalid formatting syntax: formatting cannot end "
					   "with a %",
				   e);
	size_t used;
	char *arg = NULL;
	const struct field *field = field_find(s, strlen(s), &used, &arg);
	if (!field)
		return token_error(f, s, e);
	if (field->flags & FIELD_FILTER) {
		free(arg);
		/* "%tcp.nosuch" means a field of tcp, not the condition "tcp". */
		if (s[used] == '.' && isalpha((unsigned char)s[used + 1]))
			return token_error(f, s, e);
		snprintf(what, sizeof(what), "field %s can only be used in filters", field->name);
		return complain_at(f, s, NULL, what, e);
	}
	struct piece *p = add_piece(f);
	p->field = field;
	p->arg = arg;
	p->width = width;
	p->output_time = str_eq(field->name, "evt.outputtime");
	f->needs |= field->flags;
	*at = s + used;
	return 0;
}

static int parse(struct format *f, struct err *e)
{
	const char *s = f->text;

	if (*s == '*') {
		f->lenient = true;
		s++;
	}
	if (!*s)
		return err_set(e, ERR_USAGE, "empty formatting token");
	const char *from = s;
	while (*s) {
		if (*s != '%') {
			s++;
			continue;
		}
		add_literal(f, from, s);
		s++;
		if (parse_field(f, &s, e))
			return -1;
		from = s;
	}
	add_literal(f, from, s);
	return 0;
}

/* \n \t \e \\ as in the -p argument of sysdig. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '\\' || !s[1]) {
			*out++ = *s;
			continue;
		}
		s++;
		*out++ = *s == 'n' ? '\n' : *s == 't' ? '\t' : *s == 'e' ? '\033' : *s;
	}
	*out = '\0';
}

/* NAME.format: the first line that is no comment. */
static char *load_named(const char *name, const char *const *dirs, struct err *e)
{
	if (!*name || strchr(name, '/') || name[0] == '.') {
		err_set(e, ERR_USAGE, "invalid format name '@%.64s'", name);
		return NULL;
	}
	for (; dirs && *dirs; dirs++) {
		cleanup_free char *path = xasprintf("%s/%s.format", *dirs, name);
		FILE *in = fopen(path, "re");
		if (!in)
			continue;
		cleanup_free char *line = NULL;
		size_t cap = 0;
		ssize_t n;
		char *found = NULL;
		while (!found && (n = getline(&line, &cap, in)) >= 0) {
			while (n && isspace((unsigned char)line[n - 1]))
				line[--n] = '\0';
			if (n && line[0] != '#')
				found = xstrdup(line);
		}
		fclose(in);
		if (!found)
			err_set(e, ERR_USAGE, "format file %s holds no format", path);
		return found;
	}
	err_set(e, ERR_USAGE, "no format named '@%.64s' (looked for %.64s.format)", name, name);
	return NULL;
}

/* JSON keys come sorted, each once, without literals between them. */
static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int order = strcmp(x->field->name, y->field->name);
	return order ? order : strcmp(x->arg ? x->arg : "", y->arg ? y->arg : "");
}

static void prepare_json(struct format *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->pieces[i].field)
			f->pieces[kept++] = f->pieces[i];
	qsort(f->pieces, kept, sizeof(*f->pieces), compare_pieces);
	f->count = 0;
	for (size_t i = 0; i < kept; i++) {
		if (f->count && !compare_pieces(&f->pieces[f->count - 1], &f->pieces[i]))
			free(f->pieces[i].arg);
		else
			f->pieces[f->count++] = f->pieces[i];
	}
}

struct format *format_compile(const char *text, const char *const *dirs,
			      const struct print_options *o, struct err *e)
{
	struct format *f = xcalloc(1, sizeof(*f));

	f->options = *o;
	f->needs = o->buffer == BUFFER_DOTTED ? 0 : FIELD_PAYLOAD;
	f->text = text[0] == '@' ? load_named(text + 1, dirs, e) : xstrdup(text);
	if (!f->text)
		goto fail;
	if (strlen(f->text) > FORMAT_MAX_TEXT) {
		err_set(e, ERR_USAGE, "format longer than %u bytes", FORMAT_MAX_TEXT);
		goto fail;
	}
	f->text = xrealloc(f->text, strlen(f->text) + 1 + VALUE_ROOM);
	unescape(f->text);
	if (parse(f, e))
		goto fail;
	if (o->json)
		prepare_json(f);
	if (o->resolve_ports)
		f->services = load_services();
	return f;
fail:
	format_free(f);
	return NULL;
}

bool format_needs(const struct format *f, unsigned flags)
{
	return f->needs & flags;
}

static void text_reltime(struct text *t, uint64_t ns)
{
	text_u64(t, ns / NSEC_PER_SEC);
	text_char(t, '.');
	text_u64_width(t, ns % NSEC_PER_SEC, 9);
}

static uint64_t output_time_ns(const struct format *f, const struct context *c)
{
	uint64_t ts = c->ev->ts, base = 0;

	switch (f->options.time) {
	case TIME_HUMAN:
	case TIME_ABSOLUTE:
		return ts;
	case TIME_RELATIVE:
		base = c->first_ts;
		break;
	case TIME_DELTA:
		base = c->printed_ts ? c->printed_ts : ts;
		break;
	case TIME_DELTA_PAIR:
		return c->facts.valid ? c->facts.response_time : 0;
	}
	return ts > base ? ts - base : 0;
}

static void put_output_time(const struct format *f, const struct context *c, struct text *out)
{
	uint64_t ns = output_time_ns(f, c);

	if (f->options.time == TIME_HUMAN)
		text_time_local(out, ns, true);
	else if (f->options.time == TIME_ABSOLUTE)
		text_time_seconds(out, ns);
	else
		text_reltime(out, ns);
}

/* Mostly short: the same bytes are moved whatever it is, as its length is not guessed well.
 * roomy: that many may be read. */
static inline void put_plain(struct text *out, const char *p, size_t n, bool roomy)
{
	if (LIKELY(roomy && n <= VALUE_ROOM)) {
		memcpy(text_room(out, VALUE_ROOM), p, VALUE_ROOM);
		out->len += n;
	} else {
		text_put(out, p, n);
	}
}

static void put_value(const struct format *f, const struct field *field, const struct value *v,
		      struct text *out)
{
	if (v->plain) {
		put_plain(out, v->p, v->n, v->roomy);
	} else if (v->type == VALUE_BYTES) {
		uint32_t n = f->options.whole_buffers ? v->n : MIN(v->n, BYTES_CUT);
		bytes_inline(out, f->options.buffer, v->p, n);
	} else if (v->type == VALUE_PORT && f->services && f->services[v->u & 0xffff]) {
		text_str(out, f->services[v->u & 0xffff]);
	} else {
		value_text(out, field, v);
	}
}

/*
 * Texts that have to be made are made where they are to stand; moved out of the way only when that
 * is not all of what the getter said, or when it holds what must not be shown as it is.
 */
static bool put_field(struct format *f, const struct piece *p, struct context *c, struct text *out)
{
	struct value v[FIELD_MAX_VALUES];
	size_t start = out->len;

	if (p->output_time) {
		put_output_time(f, c, out);
		return true;
	}
	unsigned n = p->field->get(p->field, p->arg, c, out, v);
	if (out->len > start) {
		bool whole = n == 1 && v[0].type == VALUE_STRING && v[0].n == out->len - start &&
			     v[0].p == out->data + start;
		if (whole && (v[0].plain || text_is_plain(v[0].p, v[0].n)))
			return true;
		out->len = start;
		text_reset(&f->scratch);
		n = p->field->get(p->field, p->arg, c, &f->scratch, v);
	}
	if (UNLIKELY(!n))
		return false;
	put_value(f, p->field, &v[0], out);
	for (unsigned i = 1; UNLIKELY(i < n); i++) {
		text_char(out, ',');
		put_value(f, p->field, &v[i], out);
	}
	return true;
}

static void put_padding(struct text *out, size_t from, unsigned width)
{
	while (out->len - from < width)
		text_char(out, ' ');
	out->len = from + width;
}

static bool put_text_line(struct format *f, struct context *c, struct text *out)
{
	for (const struct piece *p = f->pieces, *end = p + f->count; p < end; p++) {
		size_t start = out->len;
		if (p->field && !put_field(f, p, c, out)) {
			if (!f->lenient)
				return false;
			/* Cut to one character it would be the direction of what arrives. */
			text_str(out, p->width && p->width < 4 ? "-" : "<NA>");
		}
		if (p->width)
			put_padding(out, start, p->width);
		put_plain(out, p->literal, p->literal_len, true);
	}
	text_char(out, '\n');
	if (f->options.buffer != BUFFER_DOTTED && c->ev->type == EVENT_PACKET)
		bytes_payload(out, f->options.buffer, context_packet(c));
	return true;
}

static bool put_json_field(struct format *f, const struct piece *p, struct context *c,
			   struct text *out)
{
	struct value v[FIELD_MAX_VALUES];

	if (p->output_time) {
		text_u64(out, output_time_ns(f, c));
		return true;
	}
	unsigned n = p->field->get(p->field, p->arg, c, &f->scratch, v);
	if (!n)
		return false;
	if (n > 1)
		text_char(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_char(out, ',');
		if (v[i].type == VALUE_BYTES)
			bytes_json(out, f->options.buffer, v[i].p, v[i].n);
		else
			value_json(out, p->field, &v[i]);
	}
	if (n > 1)
		text_char(out, ']');
	return true;
}

static bool put_json_line(struct format *f, struct context *c, struct text *out)
{
	text_char(out, '{');
	for (size_t i = 0; i < f->count; i++) {
		const struct piece *p = &f->pieces[i];
		text_put(out, i ? ",\"" : "\"", i ? 2 : 1);
		text_str(out, p->field->name);
		if (p->arg) {
			text_char(out, '.');
			text_json(out, p->arg, strlen(p->arg));
		}
		text_put(out, "\":", 2);
		if (put_json_field(f, p, c, out))
			continue;
		if (!f->lenient)
			return false;
		text_put(out, "null", 4);
	}
	text_put(out, "}\n", 2);
	return true;
}

bool format_line(struct format *f, struct context *c, struct text *out)
{
	size_t start = out->len;

	text_reset(&f->scratch);
	bool done = f->options.json ? put_json_line(f, c, out) : put_text_line(f, c, out);
	if (!done)
		out->len = start;
	return done;
}
