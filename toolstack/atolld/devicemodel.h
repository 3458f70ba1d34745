/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device models of HVM guests, each in a domain of its own. */
#ifndef ATOLL_ATOLLD_DEVICEMODEL_H
#define ATOLL_ATOLLD_DEVICEMODEL_H

#include "atolld/atolld.h"

/* Steps of the guest's job: make its device model's domain and wait until QEMU runs; take it away. */
int step_dm_start(struct job *job);
int step_dm_stop(struct job *job);

/* A record for the device model of GUEST; its devices are the guest's. NULL without room. */
struct domain *dm_attach(struct domain *guest, const char *name, unsigned domid);

/* It died while its guest runs: it is taken away, and the guest goes on with what it has. */
void dm_stopped(struct domain *dm);

#endif
