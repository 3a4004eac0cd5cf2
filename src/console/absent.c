/* SPDX-License-Identifier: Apache-2.0 */
/* Built without ncurses. */
#include "console/console.h"

void console_log(bool keep)
{
	(void)keep;
}

int console_run(const struct console_options *o, struct err *e)
{
	(void)o;
	return err_set(e, ERR_FAILED,
		       "built without ncurses, so there is no screen; --batch prints a view");
}
