/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of sources, one file each. */
#ifndef DREDGE_SOURCE_SOURCES_H
#define DREDGE_SOURCE_SOURCES_H

#include "source/source.h"

extern const struct source_kind source_live;
extern const struct source_kind source_none;
extern const struct source_kind source_synth;
extern const struct source_kind source_file;

#endif
