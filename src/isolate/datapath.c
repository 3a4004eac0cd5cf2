/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate/internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The compiled programs stand in ours as they are. */
__asm__(".section .rodata\n.balign 8\n.local datapath_object\ndatapath_object:\n"
	".incbin \"" DATAPATH_OBJECT "\"\n.local datapath_object_end\ndatapath_object_end:\n"
	".previous\n");
extern const uint8_t datapath_object[], datapath_object_end[];

#define MAX_MAPS	 16
#define HOST_BYTES	 sizeof(struct dp_host)
#define OWNERS_BYTES	 (DP_PORTS * sizeof(uint64_t))
#define MOVED_BYTES	 (DP_SLOTS * sizeof(uint64_t))
#define CONTAINERS_BYTES (DP_SLOTS * sizeof(struct dp_container))

static const char *const functions[DP_PROGRAMS] = {
	[DP_WIRE] = "dp_wire",	   [DP_HOST_LO] = "dp_host_lo",	  [DP_OUT] = "dp_out",
	[DP_SHAPED] = "dp_shaped", [DP_INNER_LO] = "dp_inner_lo", [DP_INNER_ETH] = "dp_inner_eth",
};

const char *const datapath_names[DP_PROGRAMS] = {
	[DP_WIRE] = "dredge:dp_wire",	      [DP_HOST_LO] = "dredge:dp_host_lo",
	[DP_OUT] = "dredge:dp_out",	      [DP_SHAPED] = "dredge:dp_shaped",
	[DP_INNER_LO] = "dredge:dp_inner_lo", [DP_INNER_ETH] = "dredge:dp_inner_eth",
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Each map of the attached program takes the place of the new one of its name. */
static int take_maps(struct bpf_object *object, uint32_t program, struct err *e)
{
	uint32_t ids[MAX_MAPS], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAX_MAPS, .map_ids = (uintptr_t)ids};
	cleanup_close int fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return err_sys(e, "cannot look at the attached program %u", program);
	for (unsigned i = 0; i < MIN(info.nr_map_ids, MAX_MAPS); i++) {
		struct bpf_map_info map_info = {0};
		uint32_t map_size = sizeof(map_info);
		cleanup_close int map_fd = bpf_map_get_fd_by_id(ids[i]);
		if (map_fd < 0 || bpf_obj_get_info_by_fd(map_fd, &map_info, &map_size))
			return err_sys(e, "cannot look at the maps of program %u", program);
		struct bpf_map *map = bpf_object__find_map_by_name(object, map_info.name);
		if (!map || bpf_map__value_size(map) != map_info.value_size ||
		    bpf_map__max_entries(map) != map_info.max_entries)
			continue; /* of another version: a new one is made */
		if (bpf_map__reuse_fd(map, map_fd))
			return err_sys(e, "cannot take over map %s", map_info.name);
	}
	return 0;
}

static void *map_memory(struct bpf_object *object, const char *name, size_t n)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int take_programs(struct datapath *d, struct err *e)
{
	for (unsigned i = 0; i < DP_PROGRAMS; i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(d->object, functions[i]);
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		d->program[i] = p ? bpf_program__fd(p) : -1;
		if (bpf_obj_get_info_by_fd(d->program[i], &info, &size))
			return err_sys(e, "cannot look at program %s", functions[i]);
		d->program_id[i] = info.id;
	}
	return 0;
}

int datapath_open(struct datapath *d, uint32_t existing, struct err *e)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "dredge");

	*d = (struct datapath){0};
	libbpf_set_print(quiet);
	d->object = bpf_object__open_mem(datapath_object,
					 (size_t)(datapath_object_end - datapath_object), &opts);
	if (!d->object)
		return err_sys(e, "cannot open the packet programs");
	if (existing && take_maps(d->object, existing, e))
		goto fail;
	if (bpf_object__load(d->object)) {
		err_sys(e, "the kernel does not take the packet programs");
		goto fail;
	}
	if (take_programs(d, e))
		goto fail;
	d->host = map_memory(d->object, "dp_host", HOST_BYTES);
	d->kernel.owners = map_memory(d->object, "dp_owners", OWNERS_BYTES);
	d->kernel.containers = map_memory(d->object, "dp_containers", CONTAINERS_BYTES);
	d->moved = map_memory(d->object, "dp_moved", MOVED_BYTES);
	d->counters = bpf_object__find_map_fd_by_name(d->object, "dp_counters");
	if (!d->host || !d->kernel.owners || !d->kernel.containers || !d->moved) {
		err_sys(e, "cannot map the port table");
		goto fail;
	}
	d->wanted.owners = xmalloc(OWNERS_BYTES);
	memcpy(d->wanted.owners, d->kernel.owners, OWNERS_BYTES);
	d->wanted.containers = xmalloc(CONTAINERS_BYTES);
	memcpy(d->wanted.containers, d->kernel.containers, CONTAINERS_BYTES);
	return 0;
fail:
	datapath_close(d);
	return -1;
}

void datapath_close(struct datapath *d)
{
	if (d->host)
		munmap(d->host, HOST_BYTES);
	if (d->kernel.owners)
		munmap(d->kernel.owners, OWNERS_BYTES);
	if (d->kernel.containers)
		munmap(d->kernel.containers, CONTAINERS_BYTES);
	if (d->moved)
		munmap(d->moved, MOVED_BYTES);
	free(d->wanted.owners);
	free(d->wanted.containers);
	bpf_object__close(d->object);
	*d = (struct datapath){0};
}

void datapath_give(const struct datapath *d, uint32_t port, uint32_t slot)
{
	d->wanted.owners[port] = d->kernel.owners[port] = slot;
}

void datapath_put(const struct datapath *d, uint32_t slot, const struct dp_container *entry)
{
	d->wanted.containers[slot] = d->kernel.containers[slot] = *entry;
}

void datapath_owned(const uint64_t *owners, uint32_t slot, struct port_set *out)
{
	for (size_t word = 0; word < ARRAY_SIZE(out->bits); word++) {
		const uint64_t *owner = owners + word * 64;
		uint64_t bits = 0;
		for (unsigned k = 0; k < 64; k++)
			bits |= (uint64_t)(owner[k] == slot) << k;
		out->bits[word] = bits;
	}
}
