/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases 21 to 36. Mesos' classifiers are lists of u32 keys, ours are programs: what is asked of a
 * classifier (found again, told apart, exchanged, removed) is asked of a cls_bpf filter.
 */
#include "routing.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

static int program(int verdict) /* that does nothing else; never closed: the process is short */
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)code,
		.insn_cnt = ARRAY_SIZE(code),
		.license = (uintptr_t) "GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	assert_true(fd >= 0);
	return fd;
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {0};
	union bpf_attr a = {.info = {(uint32_t)fd, sizeof(info), (uintptr_t)&info}};

	assert_int_equal(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)), 0);
	return info.id;
}

struct filters {
	struct net_bpf_filter f[8];
	unsigned count;
};

static void take_filter(void *ctx, const struct net_bpf_filter *f)
{
	struct filters *all = ctx;

	assert_true(all->count < ARRAY_SIZE(all->f));
	all->f[all->count++] = *f;
}

static struct filters filters_of(const struct net_bpf_filter *f) /* where that one is */
{
	struct filters all = {0};

	done(net_filters(here, f->ifindex, f->parent, take_filter, &all, &e));
	return all;
}

/* As the dump tells of it? */
static void assert_filter(const struct net_bpf_filter *wanted, const struct net_bpf_filter *got)
{
	assert_int_equal(got->ifindex, wanted->ifindex);
	assert_int_equal(got->parent, wanted->parent);
	assert_int_equal(got->priority, wanted->priority);
	assert_int_equal(got->classid, wanted->classid);
	assert_int_equal(got->id, program_id(wanted->program));
	assert_string_equal(got->name, wanted->name);
	if (wanted->handle)
		assert_int_equal(got->handle, wanted->handle);
}

static void set(const struct net_bpf_filter *f)
{
	done(net_bpf_filter_set(here, f, NULL, &e));
}

static struct net_bpf_filter filter(void)
{
	struct net_bpf_filter f = {.ifindex = veth(),
				   .parent = NET_TC_INGRESS,
				   .priority = 0x0101,
				   .handle = 1,
				   .classid = 0x10007,
				   .program = program(2)};

	snprintf(f.name, sizeof(f.name), "first");
	done(net_clsact_add(here, f.ifindex, NULL, &e));
	return f;
}

static struct net_bpf_filter behind(const struct net_bpf_filter *f)
{
	struct net_bpf_filter next = *f;

	next.priority++;
	next.classid++;
	next.program = program(0);
	snprintf(next.name, sizeof(next.name), "behind");
	return next;
}

/* Their classifier kinds fq_codel has to take; to it all of ours are one. */
static void FqCodelClassifier(void **state)
{
	struct net_bpf_filter f = filter();

	(void)state;
	need_fq_codel(f.ifindex);
	done(add_fq_codel(here, f.ifindex, NULL, &e));
	f.parent = 0x10000;
	struct net_bpf_filter g = behind(&f);
	set(&f);
	set(&g);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 2);
	assert_filter(&f, &all.f[0]);
	assert_filter(&g, &all.f[1]);
}

static void created(void **state)
{
	const struct net_bpf_filter f = filter();

	(void)state;
	assert_int_equal(filters_of(&f).count, 0);
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 1);
	assert_filter(&f, &all.f[0]);
}

/* The second takes the place of the first: never both, never none. */
static void duplicated(void **state)
{
	struct net_bpf_filter f = filter();

	(void)state;
	set(&f);
	f.program = program(0);
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 1);
	assert_filter(&f, &all.f[0]);
}

static void multiple(void **state)
{
	const struct net_bpf_filter f = filter(), g = behind(&f);

	(void)state;
	set(&g); /* the order is that of priorities, not of birth */
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 2);
	assert_filter(&f, &all.f[0]);
	assert_filter(&g, &all.f[1]);
}

static void removed(void **state)
{
	const struct net_bpf_filter f = filter(), g = behind(&f);
	int code;

	(void)state;
	set(&f);
	set(&g);
	done(net_filter_delete(here, &f, NULL, &e));
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 1);
	assert_filter(&g, &all.f[0]);
	assert_int_equal(net_filter_delete(here, &f, &code, NULL), -1);
	assert_int_equal(code, ENOENT);
}

static void updated(void **state)
{
	struct net_bpf_filter f = filter();
	const struct net_bpf_filter g = behind(&f);

	(void)state;
	set(&f);
	set(&g);
	f.program = program(1);
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 2);
	assert_filter(&f, &all.f[0]);
	assert_filter(&g, &all.f[1]);
}

static void IPFilterCreate2(void **state) /* what was not given is not told */
{
	struct net_bpf_filter f = filter();

	(void)state;
	f.classid = 0;
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 1);
	assert_filter(&f, &all.f[0]);
}

/* Two of one priority, whose handles the kernel chose. */
static void IPFilterRemove(void **state)
{
	struct net_bpf_filter f = filter();

	(void)state;
	f.handle = 0;
	set(&f);
	set(&f);
	const struct filters all = filters_of(&f);
	assert_int_equal(all.count, 2);
	assert_int_not_equal(all.f[0].handle, all.f[1].handle);
	for (unsigned i = 0; i < all.count; i++)
		done(net_filter_delete(here, &all.f[i], NULL, &e));
	assert_int_equal(filters_of(&f).count, 0);
}

/* Beside a handle that was chosen here the kernel chooses another, and removing goes by it. */
static void HandleGeneration(void **state)
{
	const struct net_bpf_filter f = filter();
	struct net_bpf_filter g = behind(&f);

	(void)state;
	g.priority = f.priority;
	g.handle = 0;
	set(&f);
	set(&g);
	const struct filters both = filters_of(&f);
	assert_int_equal(both.count, 2);
	const struct net_bpf_filter *second = &both.f[both.f[0].handle == f.handle];
	assert_filter(&g, second);
	assert_int_not_equal(second->handle, f.handle);
	done(net_filter_delete(here, second, NULL, &e));
	const struct filters one = filters_of(&f);
	assert_int_equal(one.count, 1);
	assert_filter(&f, &one.f[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		routing(FqCodelClassifier),
		routing_as("ARPFilterCreate", created),
		routing_as("ARPFilterCreateDuplicated", duplicated),
		routing_as("ARPFilterRemove", removed),
		routing_as("ARPFilterUpdate", updated),
		routing_as("ICMPFilterCreate", created),
		routing_as("ICMPFilterCreateDuplicated", duplicated),
		routing_as("ICMPFilterCreateMultiple", multiple),
		routing_as("ICMPFilterRemove", removed),
		routing_as("ICMPFilterUpdate", updated),
		routing_as("IPFilterCreate", created),
		routing(IPFilterCreate2),
		routing_as("IPFilterCreateDuplicated", duplicated),
		routing_as("IPFilterCreateMultiple", multiple),
		routing(IPFilterRemove),
		routing(HandleGeneration),
	};

	return routing_run(tests);
}
