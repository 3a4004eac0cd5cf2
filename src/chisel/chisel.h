/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room chisel: scripts in Lua, and the only room that knows Lua. It runs them
 * confined (lua.h): chisels over the stream of events, and the tables that
 * describe views. Programs call it; everything happens on the event thread.
 */
#ifndef DREDGE_CHISEL_H
#define DREDGE_CHISEL_H

#include "filter/filter.h"

#endif
