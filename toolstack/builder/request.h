/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The builder's JSON: parameters to structs, structs to results. Pure. Every integer and string is bounded here; an unknown
 * parameter is an error, so that a misspelt one is not silently without effect.
 */
#ifndef ATOLL_BUILDER_REQUEST_H
#define ATOLL_BUILDER_REQUEST_H

#include "audit.h"
#include "base/json.h"
#include "builder.h"
#include "fault.h"
#include "info.h"
#include "reload.h"

/* Each returns 0 or -errno with the failure filled in. */
int request_build(const struct json *params, struct domain_spec *spec, struct failure *failure);
/* {domid}: any but the control domain's, and nothing else. */
int request_domid(const struct json *params, uint32_t *domid, struct failure *failure);
int request_shutdown(const struct json *params, uint32_t *domid, int *reason, struct failure *failure);
int request_set(const struct json *params, uint32_t *domid, struct domain_settings *settings, struct failure *failure);
int request_save(const struct json *params, uint32_t *domid, bool *live, struct failure *failure);
int request_dump(const struct json *params, uint32_t *domid, uint64_t *max_bytes, struct failure *failure);
int request_list(const struct json *params, uint32_t *first, uint32_t *max, struct failure *failure);
int request_pci(const struct json *params, struct pci_address *address, struct failure *failure);
int request_pci_assign(const struct json *params, uint32_t *domid, struct pci_address *address, struct failure *failure);
int request_reload(const struct json *params, uint32_t *domid, char image[BUILD_PATH_MAX + 1], struct failure *failure);
int request_fault(const struct json *params, struct fault *fault, struct failure *failure);
int request_none(const struct json *params, struct failure *failure);

/* Each returns an owned value, or NULL without memory. */
struct json *result_built(const struct domain_built *built);
struct json *result_list(const xc_domaininfo_t *list, const uint16_t *caps, int count, bool more);
struct json *result_ties(const struct ties *ties);
struct json *result_host(const struct host_info *host);
struct json *result_reload(const struct reload_result *reload);

#endif
