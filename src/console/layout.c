/* SPDX-License-Identifier: Apache-2.0 */
#include "console/layout.h"

size_t layout(const struct want *wants, size_t n, unsigned first, unsigned screen,
	      struct place *out, bool *left_out)
{
	unsigned sticky = 0, used = 0, x = 0;
	size_t count = 0;
	bool full = false;

	*left_out = false;
	for (size_t i = 0; i < n; i++)
		if (wants[i].sticky)
			sticky += wants[i].least + LAYOUT_GAP;
	for (size_t i = 0; i < n; i++) {
		const struct want *w = &wants[i];
		unsigned need = w->least + LAYOUT_GAP;
		if (w->sticky)
			sticky -= need;
		else if (i < first)
			continue;
		else if (full || used + need + sticky > screen + LAYOUT_GAP) {
			full = *left_out = true;
			continue;
		}
		out[count++] = (struct place){.column = (unsigned)i, .width = w->least};
		used += need;
	}
	/* What is left goes to those that were cut, sticky ones first. */
	unsigned spare = used < screen + LAYOUT_GAP ? screen + LAYOUT_GAP - used : 0;
	for (unsigned turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < count; i++) {
			const struct want *w = &wants[out[i].column];
			if (w->sticky == (turn == 1))
				continue;
			unsigned more = MIN(spare, w->width - out[i].width);
			out[i].width += more;
			spare -= more;
		}
	}
	for (size_t i = 0; i < count; i++) {
		out[i].x = x;
		x += out[i].width + LAYOUT_GAP;
	}
	return count;
}
