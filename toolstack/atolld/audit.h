/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who ordered what, and which guest was exposed to which incarnation of which service: an append-only log of chained lines
 * (lib/base/chain.h). The head is kept in STATE_DIR too, so that a cut end is found while the host is up.
 */
#ifndef ATOLL_AUDIT_H
#define ATOLL_AUDIT_H

#include "atolld/atolld.h"

#define AUDIT_LOG "/var/log/atoll/audit.log" /* and AUDIT_LOG.1, the one before */
#define AUDIT_HEAD STATE_DIR "/audit.head"
#define AUDIT_LOG_MAX (16u << 20) /* bytes */

struct audit;
/* NULL without memory; a log that cannot be opened is told, and everything else goes on. */
struct audit *audit_create(void);
struct audit *audit_destroy(struct audit *audit);

/* Somebody (a process of this host) asked for METHOD. */
void audit_call(struct atolld *atolld, const char *method, const struct json *params, int pid);
/* From now on a guest is exposed to the services that it uses. */
void audit_guest(struct atolld *atolld, const struct domain *guest);
/* A service has a new incarnation, to which all guests that use it are exposed. */
void audit_service(struct atolld *atolld, const struct domain *service);
/* Adds what the store has of a domain to RESULT (taken over): target, pci, devices [{kind, id, backend}]. */
struct json *audit_of_store(struct atolld *atolld, unsigned domid, struct json *result);

#endif
