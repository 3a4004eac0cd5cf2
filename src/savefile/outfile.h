/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room savefile: the file being written, its names in a rotation,
 * and full disks. */
#ifndef DREDGE_SAVEFILE_OUTFILE_H
#define DREDGE_SAVEFILE_OUTFILE_H

#include "savefile/savefile.h"

struct outfile {
	const struct writer_options *o; /* borrowed */
	char *path;			/* the name it has when complete */
	char *part;	 /* the hidden name until then; NULL when it has its own from the
			    start */
	int fd;		 /* -1 = none */
	bool seekable;	 /* can be cut back after a failed write */
	uint64_t bytes;	 /* written and whole */
	unsigned number; /* of the file in the rotation, from 0 */
	char **ring;	 /* the last rotate_files names, by number; as many as there were */
	size_t ring_count, ring_cap;
	char *timed;   /* what the time pattern gives for this file, NULL = no pattern */
	char *before;  /* what it gave for the one before */
	unsigned same; /* how many times in a row */
};

void outfile_init(struct outfile *f, const struct writer_options *o);
/* Can files be made where the rotation wants them? */
int outfile_check(const struct outfile *f, struct err *e);
/* The next file; ts names it where the path has strftime codes. -1 with errno.
 */
int outfile_open(struct outfile *f, uint64_t ts, struct err *e);
/* All or nothing: a failed write is cut off again. -1 with errno. */
int outfile_write(struct outfile *f, const void *p, size_t n);
/* Back to so many bytes. */
void outfile_cut(struct outfile *f, uint64_t bytes);
/* Close and give the final name. */
int outfile_close(struct outfile *f, struct err *e);
void outfile_done(struct outfile *f);

#endif
