/* SPDX-License-Identifier: Apache-2.0 */
/* The user's capture filter, as libpcap compiles it. */
#include "source/bpf.h"

#include <ctype.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define LIBPCAP	   "libpcap.so.0.8"
#define FILTER_MAX 3000 /* instructions */

/* Loaded when it is wanted, as curl is: it brings D-Bus, systemd and six libraries more, 0.6 ms of
 * every start. */
/* clang-format off */
#define PCAP_CALLS(X) \
	X(pcap_close) X(pcap_compile) X(pcap_freecode) X(pcap_geterr) X(pcap_open_dead)
/* clang-format on */

static struct {
#define CALL(name) __typeof__(name) *name;
	PCAP_CALLS(CALL)
#undef CALL
} lib;

static int load(struct err *e)
{
#define CALL(name) #name,
	static const char *const names[] = {PCAP_CALLS(CALL)};
#undef CALL
	return library_load(LIBPCAP, names, ARRAY_SIZE(names), &lib, e);
}

static bool mentions(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + n, word)) {
		bool starts = p == text || !isalnum((unsigned char)p[-1]);
		if (starts && !isalnum((unsigned char)p[n]))
			return true;
	}
	return false;
}

static int compile(struct bpf_code *code, int link, const char *text, struct err *e)
{
	struct bpf_program p;
	pcap_t *pc = lib.pcap_open_dead(link, BPF_SNAPLEN_ALL);
	int rc = 0;

	if (!pc)
		return err_set(e, ERR_FAILED, "out of memory");
	if (lib.pcap_compile(pc, &p, text, 1, PCAP_NETMASK_UNKNOWN)) {
		rc = err_set(e, ERR_USAGE, "%s", lib.pcap_geterr(pc));
	} else {
		code->n = p.bf_len;
		code->insns = xmalloc(p.bf_len * sizeof(*code->insns));
		for (unsigned i = 0; i < p.bf_len; i++)
			code->insns[i] = (struct sock_filter){p.bf_insns[i].code, p.bf_insns[i].jt,
							      p.bf_insns[i].jf, p.bf_insns[i].k};
		lib.pcap_freecode(&p);
	}
	lib.pcap_close(pc);
	return rc;
}

static int compile_both(struct bpf_expression *x, const char *text, struct err *e)
{
	if (mentions(text, "vlan"))
		return err_set(e, ERR_USAGE,
			       "\"vlan\" cannot be tested in the kernel; use the field vlan.id of "
			       "the ordinary filter");
	if (load(e) || compile(&x->ethernet, DLT_EN10MB, text, e))
		return -1;
	if (x->ethernet.n > FILTER_MAX)
		return err_set(e, ERR_USAGE, "too long for the kernel (%u of %u)", x->ethernet.n,
			       FILTER_MAX);
	/* What is refused here asks for addresses or protocols of Ethernet. */
	if (!compile(&x->raw, DLT_RAW, text, NULL) && x->ethernet.n + x->raw.n > FILTER_MAX) {
		free(x->raw.insns);
		x->raw = (struct bpf_code){0};
	}
	return 0;
}

int bpf_expression_compile(struct bpf_expression *x, const char *text, struct err *e)
{
	char shown[80]; /* its beginning, in one line: the reason stands behind it */

	if (!compile_both(x, text, e))
		return 0;
	bpf_expression_done(x);
	snprintf(shown, sizeof(shown), "%s", text);
	for (char *p = shown; (p = strpbrk(p, "\n\r\t"));)
		*p = ' ';
	return err_wrap(e, "capture filter \"%s%s\"", shown,
			strlen(text) < sizeof(shown) ? "" : "...");
}

void bpf_expression_done(struct bpf_expression *x)
{
	free(x->ethernet.insns);
	free(x->raw.insns);
	*x = (struct bpf_expression){0};
}
