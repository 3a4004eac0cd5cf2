/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz entry over every file of a corpus folder, for the ordinary test run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *in = fopen(path, "rb");
	if (!in)
		return 0;
	fseek(in, 0, SEEK_END);
	long size = ftell(in);
	rewind(in);
	/* An allocation of exactly the size lets AddressSanitizer see the first byte beyond. */
	uint8_t *data = size > 0 ? malloc((size_t)size) : NULL;
	size_t got = data ? fread(data, 1, (size_t)size, in) : 0;
	fclose(in);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int seen = 0;
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

	if (!dir) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	for (struct dirent *d; (d = readdir(dir));) {
		char path[4096];
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], d->d_name);
		seen += replay(path);
	}
	closedir(dir);
	printf("%d inputs replayed\n", seen);
	return seen ? 0 : 1;
}
