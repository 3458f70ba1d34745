/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The builder's methods: one table, from a request's name and parameters to its result. */
#ifndef ATOLL_BUILDER_METHODS_H
#define ATOLL_BUILDER_METHODS_H

#include "base/json.h"
#include "builder.h"

/* Blocks until done. 0 with *RESULT owned by the caller (never NULL), or -errno with the failure filled in; -ENOSYS: no such
 * method. */
int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result,
		struct failure *failure);

#endif
