/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One vif or vbd of a guest: xl-network-configuration(5) and xl-disk-configuration(5) strings, or JSON objects. */
#ifndef ATOLL_CONFIG_DEVICE_H
#define ATOLL_CONFIG_DEVICE_H

#include "config/guest.h"

/* ITEM is a string in xl's form or an object with the same keys. 0, or -EINVAL and a message in WHY. */
int vif_read(const struct json *item, struct guest_vif *vif, char *why, size_t size);
int vbd_read(const struct json *item, struct guest_vbd *vbd, char *why, size_t size);
struct json *vif_to_json(const struct guest_vif *vif);
struct json *vbd_to_json(const struct guest_vbd *vbd);

#endif
