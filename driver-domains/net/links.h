/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's network interfaces: sysfs shows them, ioctls of sockets change them, rtnetlink tells of changes. Nothing of them is kept
 * here: each question reads sysfs again. The kernel answers at once. All return 0 or -errno if nothing else is said.
 */
#ifndef ATOLL_DRIVER_DOMAINS_LINKS_H
#define ATOLL_DRIVER_DOMAINS_LINKS_H

#include <net/if.h>

#include "event/loop.h"

struct interface {
	char name[IFNAMSIZ];
	char master[IFNAMSIZ]; /* the bridge that it is a port of; "": none */
	int index;	       /* never of another one again, unlike the name */
	bool up, bridge;
};

/* A name that the kernel takes for an interface: no '/', no blank, not "." or "..", shorter than IFNAMSIZ. */
bool interface_name_valid(const char *name);
/* vif<domid>.<device>, no leading zeros, as backends name them: anything else is not a guest's interface. */
bool vif_name_valid(const char *name);

/* -ENODEV if there is none of that name. */
int interface_read(const char *name, struct interface *interface);
/* A number that sysfs tells of an interface ("mtu", "statistics/rx_bytes"); -1: nothing is told. */
int64_t interface_number(const char *name, const char *file);
/* Calls FN for all. */
int interface_for_each(void (*fn)(const struct interface *interface, void *data), void *data);
/* A real network device: backed by a bus device that is no Xen backend. SYS_ROOT: "/sys". */
bool interface_is_nic(const char *sys_root, const char *name);

int interface_set_up(const char *name, bool up);
/* A bridge without STP and without forward delay: a port forwards as soon as it is added. -EEXIST if the name is taken. */
int bridge_create(const char *name);
/* PORT leaves the bridge that it is in, if any, for BRIDGE. */
int bridge_take(const char *bridge, const struct interface *port);
/* -EINVAL if INDEX is no port of it (any more). */
int bridge_release(const char *bridge, int index);

/* Takes the domain's own IP stack off its interfaces: it has no address and answers nobody. Logs what fails. */
void silence_ip_stack(void);

/* NAME is a new or changed interface; or that with the index GONE vanished; or neither: changes were missed, so look at all. */
typedef void links_fn(const char *name, int gone, void *data);
/* Calls FN for each change that the kernel tells of from now on. */
struct links_watch;
int links_watch_create(struct loop *loop, links_fn *fn, void *data, struct links_watch **out);
struct links_watch *links_watch_destroy(struct links_watch *watch);

#endif
