/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room filter: the flat program and the steps that make it.
 *
 *   lex.c     words and values          parse.c   text -> tree of conditions
 *   check.c   one condition             named.c   text of @name
 *   operand.c constants by type         regex.c   patterns
 *   flatten.c tree -> instructions      test.c    running them
 *   eval.c    compile, settle early     explain.c the program in plain words
 *   complain.c errors with a caret
 */
#ifndef DREDGE_FILTER_PROGRAM_H
#define DREDGE_FILTER_PROGRAM_H

#include "filter/filter.h"

#include <regex.h>

#define FILTER_MAX_TEXT	   65536u /* bytes of a filter or of a named one */
#define FILTER_MAX_DEPTH   200u	  /* brackets, negations and named filters within one another */
#define FILTER_MAX_NAMED   16u	  /* named filters within one another */
#define FILTER_MAX_CHECKS  16384u /* conditions after named filters were put in */
#define FILTER_MAX_PATTERN 1024u  /* bytes of a regular expression */
#define FILTER_MAX_SUBJECT 65536u /* bytes of a value a regular expression looks at */
#define FILTER_MAX_REPEAT  1000u  /* product of all {n} in a regular expression */

enum op {
	OP_EXISTS,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_CONTAINS,
	OP_ICONTAINS,
	OP_BCONTAINS,
	OP_STARTSWITH,
	OP_BSTARTSWITH,
	OP_ENDSWITH,
	OP_GLOB,
	OP_IGLOB,
	OP_REGEX,
	OP_IN,
	OP_INTERSECTS,
	OP_PMATCH,
	OPS
};

/* Every number, time, port, address and truth value is a key in one order: a condition on it is a
 * set of ranges of keys. */
enum test {
	TEST_EXISTS,
	TEST_PORT,    /* as TEST_PLAIN, looked up in the decoded packet */
	TEST_ADDRESS, /* as TEST_IP4, looked up in the decoded packet */
	TEST_BIT,     /* as TEST_RANGE, looked up in the decoded packet */
	TEST_PLAIN,   /* as TEST_RANGE where the value is its own key: numbers, ports, times */
	TEST_RANGE,   /* lo <= key <= hi */
	TEST_RANGES,  /* key in one of ranges, sorted */
	TEST_IP4,     /* an IPv4 address, lo <= it <= hi */
	TEST_IP,      /* IPv4 in ranges or IPv6 in ranges6 */
	TEST_EQUAL,   /* bytes as texts[0] */
	TEST_ONE_OF,  /* bytes in texts, sorted by length, then bytes */
	TEST_ID,      /* bytes begin with one of texts, FIELD_PREFIX_MIN or more of them */
	TEST_LESS,    /* bytes before texts[0]; or equal when or_equal */
	TEST_GREATER,
	TEST_CONTAINS,
	TEST_ICONTAINS,
	TEST_STARTS,
	TEST_ENDS,
	TEST_GLOB,
	TEST_IGLOB,
	TEST_REGEX,
	TEST_PATH /* is, or lies under, one of texts */
};

struct range {
	uint64_t lo, hi;
};

struct range6 {
	unsigned __int128 lo, hi;
};

struct constant {
	char *p; /* owned, NUL behind it */
	uint32_t n;
};

#define PC_ACCEPT UINT32_MAX
#define PC_REJECT (UINT32_MAX - 1)

/* One condition and where to go from it. */
struct insn {
	const struct field *field;
	char *arg; /* owned */
	enum test test;
	bool negate; /* "!=": holds when there is a value and none fits */
	bool or_equal;
	uint32_t yes, no; /* index, PC_ACCEPT or PC_REJECT; always forward */
	uint64_t lo, hi;
	struct range *ranges;
	struct range6 *ranges6;
	struct constant *texts;
	uint32_t n_ranges, n_ranges6, n_texts;
	regex_t *regex;
	enum op op;
	char *shown; /* the condition as text, for explain */
	unsigned cost;
};

struct filter {
	struct insn *code;
	uint32_t n;
	uint32_t types;
	uint64_t from, to;
	unsigned needs; /* FIELD_* of all its fields */
	bool of_syn;	/* nothing passes but a SYN */
	bool reordered;
	bool twin;	      /* of another one, which owns all but the scratch */
	struct text *scratch; /* owned; the only thing a match writes to */
	char *text;
};

/* ---- the tree, alive during filter_compile only ---- */

enum node_kind { NODE_CHECK, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	struct insn *check; /* NODE_CHECK: owned by the node until flattening takes it */
	struct node **kids; /* borrowed from the parser's list */
	uint32_t n_kids, cap_kids;
	unsigned cost;
};

struct source {
	const char *text;
	size_t len;
	const char *name; /* of a named filter, or NULL */
};

struct parser {
	const struct source *src;
	size_t pos;
	unsigned depth;
	const char *const *dirs;
	const char *stack[FILTER_MAX_NAMED]; /* names being put in, the outermost first */
	unsigned n_stack;
	struct node **nodes; /* all, owned */
	uint32_t n_nodes, cap_nodes, n_checks;
	struct err *e;
};

/* A word or quoted text of the filter. */
struct operand {
	char *p; /* owned, escapes undone, NUL behind it */
	size_t n;
	size_t pos; /* in the source */
	size_t end;
};

/* complain.c; hint may be NULL or ""; all return -1 with the error set. */
int complain(struct parser *p, size_t pos, const char *hint, const char *fmt, ...)
	ATTR_PRINTF(4, 5);
/* A piece of the source fit for an error message; borrowed until the 4th next call. */
const char *complain_show(const char *s, size_t n);

/* named.c: the text of @name, owned by the caller, or NULL with the error set. */
char *named_load(struct parser *p, const char *name, size_t pos, size_t *len);

/* lex.c; lex_at gives NUL behind the end. */
char lex_at(const struct parser *p, size_t ahead);
bool lex_blank(char ch);
bool lex_word_char(char ch);
void lex_skip(struct parser *p);
bool lex_end(const struct parser *p);
size_t lex_word(const struct parser *p); /* bytes of the word at the cursor */
bool lex_word_is(const struct parser *p, const char *word);
int lex_operand(struct parser *p, const struct insn *in, bool in_list, struct operand *o);

/* check.c: reads a condition into *in, which the caller owns even on failure. */
int check_read(struct parser *p, struct insn *in);

/* parse.c */
struct node *parse_filter(struct parser *p, const struct source *src);

/* operand.c: fills the test of an instruction whose field and op are set. */
int operand_compile(struct parser *p, struct insn *in, const struct operand *list, size_t n);
bool op_fits(enum value_type type, enum op op);

/* literal.c: the key of one constant of the field's type, which is a number, a time, truth or a MAC
 * address. NULL, or what it should have been. */
const char *literal_key(const struct field *f, const char *s, uint64_t *key);
/* How such a one is written, where that needs to be said; or NULL. */
const char *literal_hint(const struct field *f);

/* flatten.c */
void flatten(struct filter *f, struct node *root);

/* test.c */
bool insn_holds(const struct insn *in, struct context *c, struct text *scratch);
void insn_free(struct insn *in);
uint64_t key_double(double d);
int regex_prepare(struct parser *p, struct insn *in, const struct operand *o);

/* eval.c */
void filter_settle(struct filter *f);

#endif
