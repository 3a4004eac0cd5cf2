/* SPDX-License-Identifier: Apache-2.0 */
#include "savefile/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 4096u
#define FREE_NAMES 1000000u /* numbers tried for a name that does not exist yet */

static bool rotates(const struct writer_options *o)
{
	return o->rotate_bytes || o->rotate_ns || o->rotate_events;
}

void outfile_init(struct outfile *f, const struct writer_options *o)
{
	*f = (struct outfile){.o = o, .fd = -1};
}

int outfile_check(const struct outfile *f, struct err *e)
{
	const char *slash = strrchr(f->o->path, '/');
	/* Directories may have time codes, too; then it shows with the first file. */
	cleanup_free char *dir = slash ? xstrndup(f->o->path, (size_t)(slash - f->o->path) + 1)
				       : xstrdup(".");

	if (!strchr(dir, '%') && access(dir, W_OK | X_OK))
		return err_sys(e, "cannot write files in %s", dir);
	return 0;
}

/* ---- names ---- */

/* Where the number goes: before the ending, "cap.pcapng.lz4" -> "cap" + N +
 * ".pcapng.lz4". */
static size_t stem_length(const char *path)
{
	static const char *const endings[] = {".pcapng.lz4", ".pcapng", ".pcap", ".lz4", ".cap"};
	size_t n = strlen(path);

	for (unsigned i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t m = strlen(endings[i]);
		if (n > m && str_eq(path + n - m, endings[i]))
			return n - m;
	}
	return n;
}

static char *numbered(const char *path, unsigned number, unsigned width)
{
	size_t stem = stem_length(path);

	return xasprintf("%.*s%0*u%s", (int)stem, path, (int)width, number, path + stem);
}

static unsigned digits(unsigned v)
{
	return v < 10 ? 1 : 1 + digits(v / 10);
}

/* A pattern too coarse for the rotation gives the same name again; numbers tell them apart. */
static char *timed_name(struct outfile *f, uint64_t ts)
{
	char name[PATH_BYTES];
	struct tm tm;
	time_t seconds = (time_t)(ts / NSEC_PER_SEC);

	if (!localtime_r(&seconds, &tm) || !strftime(name, sizeof(name), f->o->path, &tm)) {
		errno = EINVAL;
		return NULL;
	}
	f->timed = xstrdup(name);
	return f->before && str_eq(f->before, name) ? numbered(name, f->same + 1, 1)
						    : xstrdup(name);
}

static void remember_timed(struct outfile *f)
{
	if (!f->timed)
		return;
	f->same = f->before && str_eq(f->before, f->timed) ? f->same + 1 : 0;
	free(f->before);
	f->before = f->timed;
	f->timed = NULL;
}

static char *rotated_name(struct outfile *f, uint64_t ts)
{
	const struct writer_options *o = f->o;

	if (o->rotate_ns && strchr(o->path, '%'))
		return timed_name(f, ts);
	return o->rotate_files
		       ? numbered(o->path, f->number % o->rotate_files, digits(o->rotate_files))
		       : numbered(o->path, f->number, 1);
}

static char *hidden_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;

	return xasprintf("%.*s.%s.part", dir, path, path + dir);
}

/* ---- opening ---- */

static int open_path(const char *path, int how)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0600);
}

/* The oldest file of the ring makes room for this one. */
static void drop_oldest(struct outfile *f)
{
	unsigned slot = f->number % f->o->rotate_files;

	if (slot < f->ring_count)
		unlink(f->ring[slot]);
}

static void remember_in_ring(struct outfile *f)
{
	unsigned slot = f->number % f->o->rotate_files;

	if (slot == f->ring_count) {
		GROW(f->ring, f->ring_count, f->ring_cap);
		f->ring[f->ring_count++] = NULL;
	}
	free(f->ring[slot]);
	f->ring[slot] = xstrdup(f->path);
}

static int open_rotated(struct outfile *f, uint64_t ts)
{
	if (f->o->rotate_files)
		drop_oldest(f);
	f->path = rotated_name(f, ts);
	if (!f->path)
		return -1;
	f->part = hidden_name(f->path);
	return open_path(f->part, O_TRUNC);
}

/*
 * The next file of a capture that was told to change files but has no rotation:
 * its own name again if somebody moved the file away, as logrotate does, else
 * the first free number.
 */
static int open_again(struct outfile *f)
{
	f->path = xstrdup(f->o->path);
	int fd = open_path(f->path, O_EXCL);
	for (unsigned i = f->number; fd < 0 && errno == EEXIST && i < FREE_NAMES; i++) {
		free(f->path);
		f->path = numbered(f->o->path, i, 1);
		fd = open_path(f->path, O_EXCL);
	}
	return fd;
}

static int open_next(struct outfile *f, uint64_t ts)
{
	if (str_eq(f->o->path, "-")) {
		f->path = xstrdup("-");
		return fcntl(f->o->fd ? f->o->fd : STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	}
	if (rotates(f->o))
		return open_rotated(f, ts);
	if (f->number)
		return open_again(f);
	f->path = xstrdup(f->o->path);
	return open_path(f->path, f->o->fresh ? O_EXCL : O_TRUNC);
}

static void forget_names(struct outfile *f)
{
	free(f->part);
	free(f->path);
	free(f->timed);
	f->part = f->path = f->timed = NULL;
}

int outfile_open(struct outfile *f, uint64_t ts, struct err *e)
{
	struct stat st;

	f->fd = open_next(f, ts);
	if (f->fd < 0) {
		int why = errno;
		err_sys(e, "cannot write %s", f->path ? f->path : f->o->path);
		forget_names(f);
		errno = why;
		return -1;
	}
	f->seekable = !fstat(f->fd, &st) && S_ISREG(st.st_mode);
	f->bytes = 0;
	return 0;
}

/* ---- writing ---- */

void outfile_cut(struct outfile *f, uint64_t bytes)
{
	if (f->fd < 0 || !f->seekable)
		return;
	/* Should even this fail, the seek lets the next block overwrite the torn one.
	 */
	if (ftruncate(f->fd, (off_t)bytes))
		bytes = MIN(bytes, f->bytes);
	lseek(f->fd, (off_t)bytes, SEEK_SET);
	f->bytes = bytes;
}

int outfile_write(struct outfile *f, const void *p, size_t n)
{
	const char *at = p;
	size_t left = n;

	while (left) {
		ssize_t done = write(f->fd, at, left);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			int why = done ? errno : ENOSPC;
			outfile_cut(f, f->bytes);
			errno = why;
			return -1;
		}
		at += done;
		left -= (size_t)done;
	}
	f->bytes += n;
	return 0;
}

int outfile_close(struct outfile *f, struct err *e)
{
	int status = 0;

	if (f->fd >= 0 && close(f->fd))
		status = err_sys(e, "cannot close %s", f->path);
	f->fd = -1;
	if (f->part && rename(f->part, f->path))
		status = err_sys(e, "cannot rename %s to %s", f->part, f->path);
	if (f->o->rotate_files)
		remember_in_ring(f);
	remember_timed(f);
	forget_names(f);
	f->number++;
	return status;
}

void outfile_done(struct outfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	forget_names(f);
	for (size_t i = 0; i < f->ring_count; i++)
		free(f->ring[i]);
	free(f->ring);
	free(f->before);
}
