/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Core files of crashed guests, in a directory with a limit. */
#ifndef ATOLL_DUMP_H
#define ATOLL_DUMP_H

#include "base/util.h"

#define DUMP_DIR "/var/lib/atoll/dumps"
#define DUMPS_MAX_BYTES (4ull << 30) /* of all: the oldest go first */

/* A new file for a dump of NAME of at most BYTES, open for writing, and its PATH; or -errno: -EFBIG if it is larger than all dumps
 * may be. */
int dump_open(const char *name, uint64_t bytes, char *path, size_t size);

#endif
