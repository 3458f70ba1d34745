/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where sessions come from: a vchan offered to domain 0 at /local/domain/<own domid>/data/vchan/0/agent, one client after another.
 *
 *	no xenbus ──it answers──> offered ──a client comes, asks, leaves or dies──> offered again
 */
#ifndef ATOLL_DRIVER_DOMAINS_SERVER_H
#define ATOLL_DRIVER_DOMAINS_SERVER_H

#include "agent/agent.h"

/* Offers sessions to AGENT as soon as xenbus is there. 0 or -errno. */
struct vchan_server;
int vchan_server_create(struct agent *agent, struct vchan_server **out);
struct vchan_server *vchan_server_destroy(struct vchan_server *server);

/* Waits until the control domain gave the devices (snapshot.c). 0 or -errno. */
int snapshot_wait(struct agent *agent);

#endif
