// SPDX-License-Identifier: LGPL-2.1-or-later
/* Guests of tenants that host.json keeps apart have no service domain in common. */
#include <errno.h>

#include "atolld/atolld.h"

/* Only when something is added: who was together already when host.json changed stays so. */
int guest_check_tenant(const struct domain *d, char *why, size_t size)
{
	for_each_domain(other, d->atolld) {
		for (unsigned i = 0; other != d && other->guest && i < other->device_count; i++) {
			const struct domain *backend = other->devices[i].backend;

			for (unsigned j = 0; j < d->device_count; j++) {
				if (d->devices[j].backend != backend || !host_config_apart(&d->atolld->host, backend->role, d->guest->tenant,
											  other->guest->tenant))
					continue;
				snprintf(why, size, "%s serves %s of tenant %s, which host.json keeps apart from %s: another %s service "
					 "has to (backend=NAME)", backend->name, other->name, other->guest->tenant, d->guest->tenant,
					 role_name(backend->role));
				return -EPERM;
			}
		}
	}
	return 0;
}
