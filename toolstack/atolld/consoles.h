/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session with the console domain: output of all consoles lands in one log file each and goes to attached clients; input
 * of clients goes back.
 */
#ifndef ATOLL_CONSOLES_H
#define ATOLL_CONSOLES_H

#include "atolld/atolld.h"

#define CONSOLE_NOBODY 0x7fff /* no domain has this id */

int consoles_create(struct atolld *atolld, struct consoles **consoles);
struct consoles *consoles_destroy(struct consoles *consoles);
/* The console domain offers its vchan from now on; READY is called when it has answered. Each existing domain is added. */
typedef void consoles_ready_fn(struct atolld *atolld);
int consoles_connect(struct consoles *consoles, consoles_ready_fn *ready);
void consoles_disconnect(struct consoles *consoles);
/* A domain was built, or is going away. Without a session nothing happens: it is added when the session begins. */
void consoles_add(struct consoles *consoles, struct domain *domain);
void consoles_remove(struct consoles *consoles, struct domain *domain);
/* Console INDEX (1 on) of D, whose frontend nodes are written (nodes_console()): served once its frontend is there, known and logged
 * as NAME, until consoles_remove(). 0 or -errno. */
int consoles_serve(struct consoles *consoles, struct domain *domain, unsigned index, const char *name);
/* Domains in LIST that others have made, as xl does: their consoles are served and logged under the names that the store has for them. */
void consoles_strangers(struct consoles *consoles, const struct json *list);
/* CLIENT gets events {"event":"console.output","params":{"name":…,"data":base64}} until it leaves, the first with what was said
 * last. *WRITES: its input is taken; else it watches, until all before it have left. 0 or -errno. */
int consoles_attach(struct consoles *consoles, const char *name, struct rpc *client, bool watch, bool *writes);
void consoles_detach(struct consoles *consoles, struct rpc *client);
/* -EPERM: another client writes. */
int consoles_input(struct consoles *consoles, const char *name, struct rpc *client, const void *data, size_t len);
/* It was restarted: its silence begins anew. */
void consoles_forgive(struct consoles *consoles);
/* How long the console domain has not answered, in beats that it missed. */
uint64_t consoles_silent_ms(const struct consoles *consoles);

#endif
