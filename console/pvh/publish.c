// SPDX-License-Identifier: LGPL-2.1-or-later
/* Publishing the vchan in xenstore. */
#include "pvh/publish.h"

#include <stdio.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "atoll/console.h"
#include "pvh/xs.h"

void publisher_init(struct publisher *p, struct pvh *pvh, uint16_t client_domid, uint32_t ref, uint32_t port)
{
	*p = (struct publisher){
		.own_domid = pvh->domid, .client_domid = client_domid, .ref = ref, .port = port,
		.available = !pvh_xs_init(pvh),
	};
	if (!p->available)
		pvh_log("console: no store ring: the control domain cannot find the vchan");
}

/* Both requests begin with the path and its NUL. */
static int publish_node(struct publisher *p, const char *node, uint32_t value)
{
	char text[128];
	size_t size = sizeof(text), path = (size_t)snprintf(text, size, CONSOLE_VCHAN_NODE "/%s", node) + 1, len = path;
	int rc;

	len += (size_t)snprintf(text + len, size - len, "%u", value);
	rc = pvh_xs_send(XS_WRITE, text, len);
	len = path + (size_t)snprintf(text + path, size - path, "n%u", p->own_domid) + 1;
	len += (size_t)snprintf(text + len, size - len, "r%u", p->client_domid) + 1;
	return rc ? rc : pvh_xs_send(XS_SET_PERMS, text, len);
}

/* All was answered: says so, once. */
static void look_at_answers(struct publisher *p)
{
	const char *error = pvh_xs_error();

	p->sent_ns = 0;
	if (*error && strcmp(error, p->refused))
		pvh_log("console: the store refused to publish the vchan: %s", error);
	if (!*error && !p->published)
		pvh_log("console: vchan published: grant %u, port %u", p->ref, p->port);
	p->published |= !*error;
	snprintf(p->refused, sizeof(p->refused), "%s", error);
}

uint64_t publisher_work(struct publisher *p, bool connected)
{
	uint64_t now;

	if (p->sent_ns && !pvh_xs_in_flight())
		look_at_answers(p);
	if (!p->available || connected)
		return PVH_NEVER;
	now = pvh_now();
	if (now < p->next_ns)
		return p->next_ns;
	p->next_ns = now + PUBLISH_PERIOD_NS;
	if (pvh_xs_in_flight() && now - p->sent_ns < PUBLISH_GIVE_UP_NS)
		return p->next_ns;
	pvh_xs_forget();
	/* If the ring has no room for all four requests, the next period tries again. */
	if (!publish_node(p, "ring-ref", p->ref) && !publish_node(p, "event-channel", p->port))
		p->sent_ns = now;
	return p->next_ns;
}
