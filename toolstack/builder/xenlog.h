/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxc and libxenguest say on failure: kept, so that an error can name the reason, and logged at debug level. */
#ifndef ATOLL_BUILDER_XENLOG_H
#define ATOLL_BUILDER_XENLOG_H

#include "builder.h"

/* Forget what was said so far: it does not explain what fails from now on. */
void xen_log_clear(struct xen_log *log);

/* FN is told how far a stream is. */
typedef void xen_progress_fn(void *data, int percent);
void xen_log_progress(struct xen_log *log, xen_progress_fn *fn, void *data);

/* The reason inside a message of libxc: "panic: xg_dom_core.c:689: f: no loader found: Invalid kernel" -> "no loader found:
 * Invalid kernel". Points into TEXT. */
const char *xen_reason(const char *text);

#endif
