/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The console domain's whole state, as it lies in the arena. */
#ifndef ATOLL_CONSOLE_DOMAIN_H
#define ATOLL_CONSOLE_DOMAIN_H

#include <stdbool.h>

#include "core/service.h"
#include "pvh/vchan.h"

#define DOMAIN_MAGIC	0x656c6f736e6f6361	/* "aconsole" */
/* Layout of struct domain: to be raised with every change to it or to what it contains. */
#define DOMAIN_VERSION	3

#define CLIENT_DOMID	0

struct domain {
	struct vchan_pages pages;	/* first: page-aligned as the arena is */
	struct vchan vchan;
	struct service service;
};

/* backend.c */
void backend_init(struct domain *d);
/*
 * After an in-place reload: takes an open console's event channel over again. False if ring or channel are
 * not what it says.
 */
bool backend_resume(const struct console *c);

#endif
