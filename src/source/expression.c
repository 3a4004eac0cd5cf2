/* SPDX-License-Identifier: Apache-2.0 */
/* The user's capture filter, as libpcap compiles it. */
#include "source/bpf.h"

#include <ctype.h>
#include <pcap/pcap.h>
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

int bpf_expression_compile(struct bpf_expression *x, const char *text, struct err *e)
{
	struct bpf_program p;
	int rc = 0;

	if (mentions(text, "vlan"))
		return err_set(
			e, ERR_USAGE,
			"capture filter \"%s\": \"vlan\" cannot be tested in the kernel; use the "
			"field vlan.id of the ordinary filter",
			text);
	if (load(e))
		return -1;
	pcap_t *pc = lib.pcap_open_dead(DLT_EN10MB, BPF_SNAPLEN_ALL);
	if (!pc)
		return err_set(e, ERR_FAILED, "capture filter: out of memory");
	if (lib.pcap_compile(pc, &p, text, 1, PCAP_NETMASK_UNKNOWN)) {
		rc = err_set(e, ERR_USAGE, "capture filter \"%s\": %s", text, lib.pcap_geterr(pc));
	} else if (p.bf_len > FILTER_MAX) {
		rc = err_set(e, ERR_USAGE,
			     "capture filter \"%s\": too long for the kernel (%u of %u)", text,
			     p.bf_len, FILTER_MAX);
		lib.pcap_freecode(&p);
	} else {
		x->n = p.bf_len;
		x->insns = xmalloc(p.bf_len * sizeof(*x->insns));
		for (unsigned i = 0; i < p.bf_len; i++)
			x->insns[i] = (struct sock_filter){p.bf_insns[i].code, p.bf_insns[i].jt,
							   p.bf_insns[i].jf, p.bf_insns[i].k};
		lib.pcap_freecode(&p);
	}
	lib.pcap_close(pc);
	return rc;
}

void bpf_expression_done(struct bpf_expression *x)
{
	free(x->insns);
	*x = (struct bpf_expression){0};
}
