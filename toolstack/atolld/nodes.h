/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in xenstore for a domain and its devices, in the standard places (xenstore-paths.pandoc of Xen), so that the
 * usual tools and drivers find it. Pure: fills batches.
 */
#ifndef ATOLL_NODES_H
#define ATOLL_NODES_H

#include "atolld/atolld.h"

#define NODES_PATH_MAX 96
/* The directory of the frontend or backend half of a guest's device. */
void nodes_device_path(const struct domain *guest, const struct device *device, bool frontend, char path[NODES_PATH_MAX]);
/* The domain's own tree, /local/domain/N and /vm/UUID. */
void nodes_domain(struct store_batch *batch, const struct domain *domain);
/* The PCI devices of a service, as frontend there and as backend in the control domain. */
void nodes_pci(struct store_batch *batch, const struct domain *domain);
/* The backend half of a guest's device: the frontend's read permission first, `state` last. */
void nodes_backend(struct store_batch *batch, const struct domain *guest, const struct device *device);
/* The frontend half. */
void nodes_frontend(struct store_batch *batch, const struct domain *guest, const struct device *device);
void nodes_remove_backend(struct store_batch *batch, const struct domain *guest, const struct device *device);
/* Asks both ends to close. */
void nodes_close_backend(struct store_batch *batch, const struct domain *guest, const struct device *device);
/* Removes both halves. */
void nodes_remove_device(struct store_batch *batch, const struct domain *guest, const struct device *device);
/* Removes what nodes_domain() and nodes_pci() made. */
void nodes_remove_domain(struct store_batch *batch, const struct domain *domain);
/* Console INDEX (1 on) of a domain: both ends, and the console domain's end alone with STATE (xenbus_state). */
void nodes_console(struct store_batch *batch, const struct domain *domain, unsigned index);
void nodes_console_backend(struct store_batch *batch, const struct domain *domain, unsigned index, unsigned state);

#endif
