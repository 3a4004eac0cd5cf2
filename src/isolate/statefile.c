/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked for, in one file that is always whole: for the day when the port table in the
 * kernel is damaged or gone. The kernel never waits for it, and wins where they differ.
 */
#include "isolate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- writing ---- */

void statefile_note(struct isolator *i, uint32_t slot)
{
	struct container c;

	free(i->asked[slot]);
	i->asked[slot] = NULL;
	if (!slot_ready(i, slot))
		return;
	container_load(i, slot, &c);
	container_done(&c);
	const struct dp_shape *out = &c.entry.egress, *in = &c.entry.ingress;
	struct asked a = {.slot = slot,
			  .ports = c.ports,
			  .ephemeral_begin = c.entry.ephemeral_begin,
			  .ephemeral_end = c.entry.ephemeral_end,
			  .until = c.entry.until,
			  .begun = c.entry.begun,
			  .cpus = c.entry.milli_cpus / 1000.0,
			  .egress = {out->rate, out->ceil, out->burst},
			  .ingress = {in->rate, in->ceil, in->burst}};
	memcpy(a.id, c.entry.id, sizeof(a.id));
	i->asked[slot] = asked_text(&a);
}

/* A new file takes the place of the old one in one step. */
static int replace(const char *path, const struct text *t, struct err *e)
{
	cleanup_free char *fresh = xasprintf("%s.new", path);

	unlink(fresh); /* of one who was killed, or of somebody else */
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s", fresh);
	int status = write_all(fd, t->data, t->len) || fsync(fd) ? -1 : 0;
	if (status)
		err_sys(e, "%s", fresh);
	close(fd);
	if (!status && rename(fresh, path))
		status = err_sys(e, "%s", path);
	if (status)
		unlink(fresh);
	return status;
}

void statefile_write(struct isolator *i)
{
	struct text t = {0};
	struct err why = {0};
	bool behind = i->state_behind;

	asked_join(i->asked, DP_SLOTS, &t);
	i->state_behind = replace(i->state_path, &t, &why);
	text_done(&t);
	if (i->state_behind && !behind)
		log_warn("isolation: what was asked for is in the kernel alone: %s", why.message);
	else if (behind && !i->state_behind)
		log_info("isolation: %s is written again", i->state_path);
}

void statefile_keep(struct isolator *i, uint32_t slot)
{
	statefile_note(i, slot);
	statefile_write(i);
}

/* ---- reading ---- */

static int read_all(int fd, struct text *out, struct err *e)
{
	ssize_t n;

	do {
		n = read(fd, text_room(out, 1u << 16), 1u << 16);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot be read");
		out->len += (size_t)MAX(n, 0);
	} while (n && out->len <= ASKED_BYTES_MAX);
	return n ? err_set(e, ERR_FAILED, "it is longer than %u bytes", ASKED_BYTES_MAX) : 0;
}

static int read_own(int fd, struct text *out, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "cannot be looked at");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, ERR_FAILED, "others may have written it");
	return read_all(fd, out, e);
}

int statefile_each(const struct isolator *i, void (*fn)(void *ctx, const struct asked *a),
		   void *ctx, struct err *e)
{
	cleanup_close int fd = open(i->state_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct text t = {0};

	if (fd < 0) {
		bool none = errno == ENOENT;
		err_sys(e, "%s", i->state_path);
		return none ? 1 : -1;
	}
	bool bad = read_own(fd, &t, e) || asked_parse(text_cstr(&t), t.len, fn, ctx, e);
	text_done(&t);
	return bad ? err_wrap(e, "%s", i->state_path) : 0;
}
