/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session with the console domain: output of all consoles lands in one log file each and goes to attached clients; input
 * of clients goes back.
 */
#ifndef ATOLL_CONSOLES_H
#define ATOLL_CONSOLES_H

#include "atolld/atolld.h"

int consoles_create(struct atolld *atolld, struct consoles **consoles);
struct consoles *consoles_destroy(struct consoles *consoles);
/* The console domain offers its vchan from now on; READY is called when it has answered. Each existing domain is added. */
typedef void consoles_ready_fn(struct atolld *atolld);
int consoles_connect(struct consoles *consoles, consoles_ready_fn *ready);
void consoles_disconnect(struct consoles *consoles);
/* A domain was built, or is going away. Without a session nothing happens: it is added when the session begins. */
void consoles_add(struct consoles *consoles, struct domain *domain);
void consoles_remove(struct consoles *consoles, struct domain *domain);
/* CLIENT gets events {"event":"console.output","params":{"name":…,"data":base64}} until it leaves. 0 or -errno. */
int consoles_attach(struct consoles *consoles, struct domain *domain, struct rpc *client);
void consoles_detach(struct consoles *consoles, struct rpc *client);
int consoles_input(struct consoles *consoles, struct domain *domain, const void *data, size_t len);

#endif
