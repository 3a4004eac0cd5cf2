/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel refuses the n-th of what is asked of it, for each n: a netlink request, a sysctl, a
 * mount. Afterwards everything is as it was before an attach or an update, and a detach can be
 * finished. In namespaces of its own; root.
 */
#include "net/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#ifdef HAVE_ISOLATE

#include "isolate/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct isolator *isolator;
static struct net_socket *host;
static char run_dir[] = "/tmp/dredge-refusals-XXXXXX";
static int home, space = -1;
static struct err e;

#define done(call)                                 \
	do {                                       \
		if (call)                          \
			fail_msg("%s", e.message); \
	} while (0)

/* ---- refusing ---- */

static unsigned count, refused_at;
static bool refusing, lasting;
static int refusal;

static void refuse(unsigned n)
{
	static const int refusals[] = {EPERM, ENOMEM, EBUSY};

	refusal = refusals[n % ARRAY_SIZE(refusals)];
	count = 0;
	refused_at = n;
	refusing = true;
	lasting = false;
}

/* And all that follows. */
static void refuse_from(unsigned n)
{
	refuse(n);
	lasting = true;
}

static void allow(void)
{
	refusing = false;
}

static bool refuses(void)
{
	if (!refusing || ++count < refused_at || (count > refused_at && !lasting))
		return false;
	errno = refusal;
	return true;
}

static ssize_t send_or_refuse(int fd, const void *request, size_t n, int flags)
{
	return refuses() ? -1 : send(fd, request, n, flags);
}

static ssize_t pwrite_or_refuse(int fd, const void *value, size_t n, off_t at)
{
	return refuses() ? -1 : pwrite(fd, value, n, at);
}

/* In place of the library's. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data)
{
	return refuses() ? -1 : (int)syscall(SYS_mount, source, target, type, flags, data);
}

/* ---- everything that the kernel holds ---- */

struct dumping {
	struct text *out;
	size_t header;
	const int *skipped; /* attributes that count or age; 0 = the end */
};

static bool is_skipped(const int *skipped, int type)
{
	while (*skipped && *skipped != type)
		skipped++;
	return *skipped;
}

static void put_hex(struct text *out, const void *p, size_t n)
{
	for (const uint8_t *b = p; n--; b++)
		text_fmt(out, "%02x", *b);
	text_char(out, ' ');
}

/* Handles that the kernel gives out are never twice the same. */
static void hide_handle(uint32_t *handle)
{
	if (*handle >> 31 && *handle >> 16 != 0xffff)
		*handle = 1u << 31;
}

static void put_message(void *ctx, struct nlmsghdr *h)
{
	const struct dumping *d = ctx;
	bool traffic = d->header == sizeof(struct tcmsg) && h->nlmsg_type >= RTM_NEWQDISC;
	const struct nlattr *a = nlmsg_attrdata(h, (int)d->header);
	struct tcmsg *t = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWLINK) /* known a moment later */
		((struct ifinfomsg *)nlmsg_data(h))->ifi_flags &= IFF_UP;
	if (h->nlmsg_type == RTM_NEWROUTE) {
		struct rtmsg *r = nlmsg_data(h);
		r->rtm_flags &= ~(unsigned)RTNH_F_LINKDOWN;
		if (r->rtm_protocol == RTPROT_KERNEL) /* these too */
			return;
	}
	if (h->nlmsg_type == RTM_NEWADDR &&
	    ((const struct ifaddrmsg *)nlmsg_data(h))->ifa_scope == RT_SCOPE_LINK)
		return;
	if (h->nlmsg_type == RTM_NEWQDISC && !t->tcm_handle)
		return; /* a link that was up once keeps its default */
	if (traffic) {
		hide_handle(&t->tcm_handle);
		hide_handle(&t->tcm_parent);
		if (h->nlmsg_type == RTM_NEWTCLASS)
			hide_handle(&t->tcm_info); /* its leaf */
	}
	put_hex(d->out, nlmsg_data(h), d->header);
	for (int left = nlmsg_attrlen(h, (int)d->header); nla_ok(a, left); a = nla_next(a, &left))
		if (!is_skipped(d->skipped, nla_type(a)))
			put_hex(d->out, a, (size_t)nla_len(a) + NLA_HDRLEN);
	text_char(d->out, '\n');
}

static void dump(struct net_socket *s, int type, const void *header, size_t n, const int *skipped,
		 struct text *out)
{
	struct dumping d = {out, n, skipped};

	text_fmt(out, "%d\n", type);
	done(socket_ask(s, request_new(type, true, header, n), put_message, &d, "dump", NULL, &e));
}

struct dumping_link {
	struct net_socket *s, *classes;
	struct text *out;
};

static void dump_link(void *ctx, const struct net_link *l)
{
	static const int skipped[] = {TCA_STATS, TCA_STATS2, TCA_XSTATS, 0};
	struct dumping_link *d = ctx;
	struct tcmsg t = {.tcm_ifindex = (int)l->ifindex};

	dump(d->classes, RTM_GETTCLASS, &t, sizeof(t), skipped, d->out);
	t.tcm_parent = NET_TC_INGRESS;
	dump(d->classes, RTM_GETTFILTER, &t, sizeof(t), skipped, d->out);
}

static void dump_namespace(int netns, struct text *out)
{
	static const int link_skipped[] = {IFLA_STATS,
					   IFLA_STATS64,
					   IFLA_AF_SPEC,
					   IFLA_OPERSTATE,
					   IFLA_CARRIER,
					   IFLA_QDISC,
					   IFLA_CARRIER_CHANGES,
					   IFLA_CARRIER_UP_COUNT,
					   IFLA_CARRIER_DOWN_COUNT,
					   0};
	static const int address_skipped[] = {IFA_CACHEINFO, 0};
	static const int route_skipped[] = {RTA_CACHEINFO, 0};
	static const int traffic_skipped[] = {TCA_STATS, TCA_STATS2, TCA_XSTATS, 0};
	static const char *const sysctls[] = {
		"ipv4/ip_local_port_range",    "ipv4/conf/lo/accept_local",
		"ipv4/conf/lo/route_localnet", "ipv6/conf/all/disable_ipv6",
		"ipv6/conf/lo/disable_ipv6",   "ipv6/conf/default/disable_ipv6"};
	const struct ifinfomsg link = {0};
	const struct ifaddrmsg address = {0};
	const struct rtmsg route = {0};
	const struct tcmsg traffic = {0};
	struct net_socket *s = net_open(netns, &e), *other = net_open(netns, &e);
	struct dumping_link d = {s, other, out};
	char value[64];

	assert_true(s && other);
	dump(s, RTM_GETLINK, &link, sizeof(link), link_skipped, out);
	dump(s, RTM_GETADDR, &address, sizeof(address), address_skipped, out);
	dump(s, RTM_GETROUTE, &route, sizeof(route), route_skipped, out);
	dump(s, RTM_GETQDISC, &traffic, sizeof(traffic), traffic_skipped, out);
	done(net_links(s, false, dump_link, &d, &e));
	for (unsigned k = 0; k < ARRAY_SIZE(sysctls); k++)
		if (!net_sysctl_read(netns, sysctls[k], value, sizeof(value), &e))
			text_fmt(out, "%s %s\n", sysctls[k], value);
	net_close(s);
	net_close(other);
}

static void put_mounts(struct text *out)
{
	char line[512];
	FILE *f = fopen("/proc/thread-self/mountinfo", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, run_dir))
			text_str(out, line);
	fclose(f);
}

static int put_container(void *ctx, const struct isolate_container *c)
{
	text_fmt(ctx, "%s %u-%u %llu %llu ", c->id, c->ephemeral_begin, c->ephemeral_end,
		 (unsigned long long)c->egress.rate, (unsigned long long)c->ingress.rate);
	port_set_text(ctx, c->ports);
	text_char(ctx, '\n');
	return 0;
}

static void put_table(const struct table *t, struct text *out)
{
	text_fmt(out, "table %llx %llx\n",
		 (unsigned long long)hash_bytes(t->owners, DP_PORTS * sizeof(*t->owners)),
		 (unsigned long long)hash_bytes(t->containers, DP_SLOTS * sizeof(*t->containers)));
}

static void dump_host(struct text *out)
{
	cleanup_free char *handles = xasprintf("%s/netns", run_dir);
	DIR *d = opendir(handles);

	dump_namespace(-1, out);
	for (const struct dirent *f; (f = readdir(d));)
		text_fmt(out, "%s\n", f->d_name);
	closedir(d);
	put_mounts(out);
	isolate_each(isolator, NULL, put_container, out);
	put_table(&isolator->datapath.kernel, out);
	put_table(&isolator->datapath.wanted, out);
	text_fmt(out, "shaper %u %u\n", isolator->shaper, isolator->datapath.host->shaper);
	put_hex(out, &isolator->pool, sizeof(isolator->pool));
}

static struct text everything(void)
{
	struct text t = {0};

	dump_host(&t);
	text_str(&t, "\ninside\n");
	dump_namespace(space, &t);
	return t;
}

/* ---- the host and a container ---- */

/* Its loopback is up: the first time gives it its own address, which it keeps. */
static void fresh_space(void)
{
	struct net_link lo;

	if (space >= 0)
		close(space);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	space = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	struct net_socket *s = net_open(space, &e);
	done(net_link_named(s, "lo", &lo, &e));
	done(net_link_set(s, lo.ifindex, true, 65536, NULL, &e));
	net_close(s);
}

static struct isolate_request request(bool limits)
{
	static char path[32];
	struct isolate_request r = {.id = "A", .netns = path};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", space);
	port_set_add(&r.ports, limits ? 31000 : 31100, 31199);
	if (limits) {
		r.egress.rate = 1 << 20;
		r.ingress.rate = 1 << 21;
	}
	return r;
}

static int attach(bool limits)
{
	const struct isolate_request r = request(limits);

	return isolate_attach(isolator, &r, &e);
}

static int update(bool limits)
{
	const struct isolate_request r = request(limits);

	return isolate_update(isolator, &r, &e);
}

static int open_isolator(void)
{
	struct isolate_options o = {.run_dir = run_dir, .ephemeral_per_container = 16, .ip6 = true};

	port_set_add(&o.ports, 31000, 32000);
	port_set_add(&o.ephemeral, 30001, 30999);
	isolator = isolate_open(&o, &e);
	return isolator ? 0 : -1;
}

static int make_host(void **state)
{
	const struct net_veth v = {.name = "eth0",
				   .peer_name = "out",
				   .peer_netns_fd = -1,
				   .mac = {2, 0, 0, 0, 0, 1},
				   .mtu = 1500,
				   .peer_mtu = 1500};
	struct net_address four = {.family = AF_INET, .prefix = 24, .address = {10, 99, 0, 1}};
	struct net_address six = {.family = AF_INET6, .prefix = 64, .address = {0xfd, [15] = 1}};
	struct net_gateway way = {.family = AF_INET, .address = {10, 99, 0, 254}};
	struct net_link l, out, lo;

	(void)state;
	host = net_open(-1, &e);
	assert_non_null(host);
	struct net_sysctls *sysctls = net_sysctls_open(-1, &e);
	assert_non_null(sysctls);
	int quick = net_sysctl_open(sysctls, "ipv6/conf/default/accept_dad", &e);
	net_sysctls_close(sysctls);
	if (quick >= 0) /* addresses are lasting at once */
		done(net_sysctl_set(quick, "", "0", &e));
	close(quick);
	done(net_veth_create(host, &v, NULL, &e));
	done(net_link_named(host, "eth0", &l, &e));
	done(net_link_named(host, "out", &out, &e));
	done(net_link_named(host, "lo", &lo, &e));
	done(net_link_set(host, out.ifindex, true, 1500, NULL, &e));
	done(net_link_set(host, l.ifindex, true, 1500, NULL, &e));
	done(net_link_set(host, lo.ifindex, true, 1500, NULL, &e));
	four.ifindex = six.ifindex = way.ifindex = l.ifindex;
	done(net_address_add(host, &four, &e));
	if (quick >= 0)
		done(net_address_add(host, &six, &e));
	done(net_default_route_add(host, &way, &e));
	done(open_isolator());
	return 0;
}

static int end(void **state)
{
	(void)state;
	isolate_close(isolator);
	net_close(host);
	return 0;
}

/* Also what a test that failed did not take back. */
static void clear_run_dir(void)
{
	cleanup_free char *handles = xasprintf("%s/netns", run_dir);
	cleanup_free char *state = xasprintf("%s/state.json", run_dir);
	umount2(handles, MNT_DETACH); /* with those below */
	DIR *d = opendir(handles);

	for (const struct dirent *f; d && (f = readdir(d));)
		unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	rmdir(handles);
	unlink(state);
	rmdir(run_dir);
}

/* ---- the refusals ---- */

/* Fails with the first line that differs. */
static void same(struct text *before, struct text *after, const char *what)
{
	const char *a = text_cstr(before), *b = text_cstr(after);
	size_t at = 0;

	while (a[at] && a[at] == b[at])
		at++;
	if (a[at] == b[at])
		return;
	while (at && a[at - 1] != '\n')
		at--;
	fail_msg("%s: refusal %u (%s) left something behind: %s\nbefore: %.*s\nafter:  %.*s", what,
		 refused_at, strerror(refusal), e.message, (int)strcspn(a + at, "\n"), a + at,
		 (int)strcspn(b + at, "\n"), b + at);
}

/* Each point once, the reasons in turn. */
static unsigned refuse_each(const char *what, int (*act)(bool limits), bool limits,
			    void (*prepare)(void), void (*finish)(void))
{
	unsigned n = 0;
	bool was;

	do {
		prepare();
		struct text before = everything();
		refuse(++n);
		int status = act(limits);
		was = count >= n;
		allow();
		if (status) {
			struct text after = everything();
			same(&before, &after, what);
			text_done(&after);
		}
		text_done(&before);
		finish();
	} while (was);
	printf("%s: %u points tried\n", what, n - 1);
	return n - 1;
}

static void nothing(void)
{
}

static void attached(bool limits)
{
	fresh_space();
	done(attach(limits));
}

static void attached_plain(void)
{
	attached(false);
}

static void attached_limited(void)
{
	attached(true);
}

static void whole_and_gone(void)
{
	struct text t = {0};

	if (!isolate_explain(isolator, "A", &t, &e)) {
		if (strstr(text_cstr(&t), "missing") || strstr(text_cstr(&t), "unknown"))
			fail_msg("%s", text_cstr(&t));
		done(isolate_detach(isolator, "A", &e));
		fresh_space();
	}
	text_done(&t);
}

static void attach_is_taken_back(void **state)
{
	(void)state;
	fresh_space();
	assert_true(refuse_each("attach", attach, false, nothing, whole_and_gone) > 40);
	assert_true(refuse_each("attach, the first with a limit", attach, true, nothing,
				whole_and_gone) > 40);
}

static void update_is_taken_back(void **state)
{
	(void)state;
	refuse_each("update to limits", update, true, attached_plain, whole_and_gone);
	refuse_each("update to none", update, false, attached_limited, whole_and_gone);
}

static void again(void)
{
	done(isolate_detach(isolator, "A", &e));
}

/* Nobody asks again. */
static void look(void)
{
	isolator->looked = 0;
	isolate_look(isolator, true, NSEC_PER_SEC);
}

/* Half detached, it says what is left of it, and is not to be changed. */
static void ends(void)
{
	struct isolate_request r = request(false);

	if (!strstr(e.message, "stays for now"))
		fail_msg("%s", e.message);
	assert_int_equal(isolate_update(isolator, &r, &e), -1);
	assert_string_equal(e.message, "container A is being detached");
	assert_int_equal(isolate_attach(isolator, &r, &e), -1);
	assert_string_equal(e.message, "container A is not detached wholly yet");
}

static void detach_and(void (*finish)(void))
{
	unsigned n = 0;
	bool was;

	fresh_space();
	done(attach(true)); /* who makes the shaper, which stays */
	done(isolate_detach(isolator, "A", &e));
	struct text before = {0};
	dump_host(&before);
	do {
		attached_limited();
		refuse(++n);
		int status = isolate_detach(isolator, "A", &e);
		was = count >= n;
		allow();
		if (status) {
			ends();
			finish();
		}
		struct text after = {0};
		dump_host(&after);
		same(&before, &after, "detach");
		text_done(&after);
	} while (was);
	text_done(&before);
	printf("detach: %u points tried\n", n - 1);
}

static void detach_is_finished(void **state)
{
	(void)state;
	detach_and(again);
}

static void detach_is_finished_by_a_look(void **state)
{
	(void)state;
	detach_and(look);
}

/* Nothing of it can be taken back at once: then it is as one that is being detached. */
static void attach_is_taken_back_by_a_look(void **state)
{
	struct text before = {0};
	unsigned n = 0;
	bool was;

	(void)state;
	dump_host(&before);
	do {
		fresh_space();
		refuse_from(++n);
		int status = attach(true);
		was = count >= n;
		allow();
		if (status)
			look();
		else
			done(isolate_detach(isolator, "A", &e));
		struct text after = {0};
		dump_host(&after);
		same(&before, &after, "attach that cannot be taken back");
		text_done(&after);
	} while (was);
	text_done(&before);
	printf("attach that cannot be taken back: %u points tried\n", n - 1);
}

static void half_detached(void)
{
	attached(true);
	refuse(1);
	assert_int_equal(isolate_detach(isolator, "A", &e), -1);
	allow();
}

/* Who is half detached has his ports still, also after a start that cannot finish it either. */
static void ports_of_who_ends_are_his(void **state)
{
	struct isolate_request r = request(false);
	unsigned n = 0, ending = 0;
	bool was;

	(void)state;
	r.id = "B";
	r.ports = (struct port_set){0};
	do {
		half_detached();
		isolate_close(isolator);
		refuse(++n);
		int status = open_isolator();
		was = count >= n;
		allow();
		if (status)
			done(open_isolator());
		uint32_t slot = slot_of(isolator, "A");
		const struct dp_container *a = &isolator->datapath.wanted.containers[slot];
		fresh_space();
		r.netns = request(false).netns;
		done(isolate_attach(isolator, &r, &e));
		const struct dp_container *b =
			&isolator->datapath.wanted.containers[slot_of(isolator, "B")];
		if (slot && a->ephemeral_end >= b->ephemeral_begin &&
		    b->ephemeral_end >= a->ephemeral_begin)
			fail_msg("refusal %u: A and B both have port %u", n, b->ephemeral_begin);
		ending += slot != 0;
		look();
		assert_int_equal(slot_of(isolator, "A"), 0);
		done(isolate_detach(isolator, "B", &e));
	} while (was);
	assert_true(ending);
	printf("start: %u points tried, %u left it half detached\n", n - 1, ending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_is_taken_back),
		cmocka_unit_test(update_is_taken_back),
		cmocka_unit_test(detach_is_finished),
		cmocka_unit_test(detach_is_finished_by_a_look),
		cmocka_unit_test(attach_is_taken_back_by_a_look),
		cmocka_unit_test(ports_of_who_ends_are_his),
	};

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		puts("skipped: namespaces need root");
		return 77;
	}
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_non_null(mkdtemp(run_dir));
	net_ops = (struct net_ops){send_or_refuse, pwrite_or_refuse};
	int status = cmocka_run_group_tests(tests, make_host, end);
	clear_run_dir();
	return status;
}

#else

int main(void)
{
	puts("skipped: built without enforcement");
	return 77;
}

#endif
