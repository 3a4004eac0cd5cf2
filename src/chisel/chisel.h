/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room chisel: scripts in Lua, and the only room that knows Lua. It runs them
 * confined (lua.h): chisels over the stream of events, and the tables that
 * describe views. Programs call it; everything happens on the event thread.
 */
#ifndef DREDGE_CHISEL_H
#define DREDGE_CHISEL_H

#include "filter/filter.h"
#include "view/view.h"

/* ---- views ---- */

/* A file that sets view_info. Never NULL: what is wrong with it stands in its trouble. dirs: for
 * `require`, NULL-ended. */
struct view_info *view_info_load(const char *path, const char *const *dirs);
/* DIR/views/NAME.lua and, as sysdig names them, DIR/v_NAME.lua of each directory, in this order;
 * of views with one id the first wins. */
void views_load(struct views *v, const char *const *dirs);

#endif
