/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of others, u32 and basic: what they match and where they send. */
#include "net/internal.h"

#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_mirred.h>

static const struct kind {
	const char *name;
	int actions; /* attribute that holds them */
} kinds[] = {{"u32", TCA_U32_ACT}, {"basic", TCA_BASIC_ACT}};

#define OPTIONS_MAX MAX(TCA_U32_MAX, TCA_BASIC_MAX)

static const struct kind *kind_of(struct nlattr *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (!nla_strcmp(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static void take_action(struct net_rule *f, struct nlattr *action)
{
	struct nlattr *tb[TCA_ACT_MAX + 1], *ob[TCA_MIRRED_MAX + 1];
	struct tc_mirred m = {0};

	if (nla_parse_nested(tb, TCA_ACT_MAX, action, NULL) < 0 || !tb[TCA_ACT_KIND] ||
	    nla_strcmp(tb[TCA_ACT_KIND], "mirred") || !tb[TCA_ACT_OPTIONS] ||
	    nla_parse_nested(ob, TCA_MIRRED_MAX, tb[TCA_ACT_OPTIONS], NULL) < 0 ||
	    !ob[TCA_MIRRED_PARMS] || f->target_count == NET_TARGETS_MAX)
		return;
	nla_memcpy(&m, ob[TCA_MIRRED_PARMS], sizeof(m));
	f->targets[f->target_count++] = m.ifindex;
}

static void take_keys(struct net_rule *f, struct nlattr *selector)
{
	struct tc_u32_sel sel = {0};

	nla_memcpy(&sel, selector, sizeof(sel));
	for (unsigned i = 0; i < MIN(sel.nkeys, NET_KEYS_MAX); i++) {
		struct tc_u32_key key;
		size_t at = sizeof(sel) + i * sizeof(key);
		if (at + sizeof(key) > (size_t)nla_len(selector))
			return;
		memcpy(&key, (const uint8_t *)nla_data(selector) + at, sizeof(key));
		f->keys[f->key_count++] = (struct net_key){__builtin_bswap32(key.val),
							   __builtin_bswap32(key.mask), key.off};
	}
}

struct visit {
	void (*fn)(void *ctx, const struct net_rule *f);
	void *ctx;
};

static void take_filter(void *ctx, struct nlmsghdr *h)
{
	const struct visit *v = ctx;
	const struct tcmsg *t = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1], *ob[OPTIONS_MAX + 1], *action;
	const struct kind *kind;
	int left;

	if (h->nlmsg_type != RTM_NEWTFILTER || nlmsg_parse(h, sizeof(*t), tb, TCA_MAX, NULL) < 0)
		return;
	kind = kind_of(tb[TCA_KIND]);
	/* The head of a chain has no handle, a hash table of u32 a divisor. */
	if (!kind || !tb[TCA_OPTIONS] || !t->tcm_handle ||
	    nla_parse_nested(ob, OPTIONS_MAX, tb[TCA_OPTIONS], NULL) < 0 ||
	    (str_eq(kind->name, "u32") && ob[TCA_U32_DIVISOR]))
		return;
	struct net_rule f = {
		.ifindex = (uint32_t)t->tcm_ifindex,
		.parent = t->tcm_parent,
		.handle = t->tcm_handle,
		.priority = (uint16_t)(t->tcm_info >> 16),
		.protocol = (uint16_t)t->tcm_info,
	};
	nla_strlcpy(f.kind, tb[TCA_KIND], sizeof(f.kind));
	if (str_eq(kind->name, "u32") && ob[TCA_U32_SEL])
		take_keys(&f, ob[TCA_U32_SEL]);
	if (ob[kind->actions])
		nla_for_each_nested(action, ob[kind->actions], left) take_action(&f, action);
	v->fn(v->ctx, &f);
}

int net_rules(struct net_socket *s, uint32_t ifindex, uint32_t parent,
	      void (*fn)(void *ctx, const struct net_rule *f), void *ctx, struct err *e)
{
	const struct tcmsg t = tc_of(ifindex, parent, 0);
	struct visit v = {fn, ctx};

	return socket_ask(s, request_new(RTM_GETTFILTER, true, &t, sizeof(t)), take_filter, &v,
			  "cannot read filters", NULL, e);
}

int net_rule_delete(struct net_socket *s, const struct net_rule *f, struct err *e)
{
	struct tcmsg t = tc_of(f->ifindex, f->parent, f->handle);

	t.tcm_info = (uint32_t)f->priority << 16 | f->protocol;
	struct nl_msg *msg = change_new(RTM_DELTFILTER, 0, &t, sizeof(t));
	put_text(msg, TCA_KIND, f->kind);
	return change_run(s, msg, NULL, e, "cannot delete a filter");
}
