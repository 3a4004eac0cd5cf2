/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: a line being typed at the bottom. */
#ifndef DREDGE_CONSOLE_PROMPT_H
#define DREDGE_CONSOLE_PROMPT_H

#include "console/ui.h"

/* Text that rows must contain, or (F2) the filter language. */
void prompt_filter(struct ui *ui);
/* The filter language at once. */
void prompt_language(struct ui *ui);
/* Text to go to: ui->search; `find` is called at every key. */
void prompt_search(struct ui *ui, void (*find)(struct ui *ui));
/* The number of a packet to go to; false: there is none. */
void prompt_packet(struct ui *ui, bool (*go)(struct ui *ui, uint64_t number));
/* A moment of the capture. */
void prompt_time(struct ui *ui);

#endif
