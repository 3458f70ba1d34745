/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What requests to the builder may say. Pure. Every number and string is bounded here; an unknown parameter is an error, so that a
 * misspelt one is not silently without effect.
 */
#ifndef ATOLL_BUILDER_REQUEST_H
#define ATOLL_BUILDER_REQUEST_H

#include "base/json.h"
#include "builder.h"

struct request {
	uint32_t domid, first;
	uint64_t max_bytes;
	bool live;
	char image[BUILD_PATH_MAX + 1];
	bool trust;
	uint32_t bdf;
	struct domain_settings set;
	struct domain_spec spec;
};

/* KEYS are the parameters that the method takes, separated by blanks; those with a '!' are needed. 0 or -errno with the failure
 * filled in. */
int request_read(const struct json *params, const char *keys, struct request *request, struct failure *failure);

#endif
