/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The builder's methods: one table, from a request's name and parameters to its result. Parameters and results are in
 * atoll-builder(8).
 *
 * Errors: ENOENT no such domain, file or device; EEXIST the id is taken; ENOMEM; ENOEXEC no kernel of that type; EINVAL, ERANGE,
 * ENAMETOOLONG a parameter; EBUSY a device that another has; ENOTSUP, EOPNOTSUPP; or what the hypervisor said.
 */
#ifndef ATOLL_BUILDER_METHODS_H
#define ATOLL_BUILDER_METHODS_H

#include "base/json.h"
#include "builder.h"

/*
 * request.c: what requests may say. Pure. Every number and string is bounded there; an unknown parameter is an error, so that a
 * misspelt one is not silently without effect.
 */
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

/* Blocks until done. 0 with *RESULT owned by the caller (never NULL), or -errno; -ENOSYS: no such
 * method. */
int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result);
/* Its parameters alone. */
int method_read(const char *method, const struct json *params, struct request *request, struct failure *failure);

/* It needs a descriptor and a worker. */
bool method_streams(const char *method);

#define LIST_MAX 128 /* domains in one answer: some 120 bytes each have to fit into a frame of 64 KiB */

/* Adds {domains, next?}; CAPS: percent of a processor for each. 0 or -ENOMEM. */
int result_list(struct json *result, const xc_domaininfo_t *list, const uint16_t *caps, int count, bool more);

#endif
