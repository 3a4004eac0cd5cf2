/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: the terminal is given back as it was, however the program ends. */
#ifndef DREDGE_CONSOLE_TERMINAL_H
#define DREDGE_CONSOLE_TERMINAL_H

#include "base/base.h"

/* Remembers how it was. -1: standard input or output is no terminal. */
int terminal_begin(struct err *e);
void terminal_end(void);
/* Once ncurses knows the terminal: fatal signals restore it first; SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT are remembered, a second one ends at once. */
void terminal_catch(void);
void terminal_uncatch(void);
/* The other end of standard input is gone. */
bool terminal_hung_up(void);

#endif
