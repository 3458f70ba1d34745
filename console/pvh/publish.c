// SPDX-License-Identifier: LGPL-2.1-or-later
/* Publishing the vchan in xenstore. */
#include "pvh/publish.h"

#include <errno.h>
#include <stdio.h>

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

static void on_reply(int result, const char *data, size_t len, void *arg)
{
	struct publisher *p = arg;

	(void)data;
	(void)len;
	if (result == -ECANCELED || result == p->refused)
		return;
	p->refused = result;
	if (result)
		pvh_log("console: the store refused to publish the vchan: error %d", -result);
}

static void on_last_reply(int result, const char *data, size_t len, void *arg)
{
	struct publisher *p = arg;

	on_reply(result, data, len, arg);
	if (!result && !p->published) {
		p->published = true;
		pvh_log("console: vchan published: grant %u, port %u", p->ref, p->port);
	}
}

static int publish_node(struct publisher *p, const char *node, uint32_t value, bool last)
{
	char path[64], text[16], owner[8], reader[8];
	const char *perms[] = { owner, reader };
	int rc;

	snprintf(path, sizeof(path), CONSOLE_VCHAN_NODE "/%s", node);
	snprintf(text, sizeof(text), "%u", value);
	snprintf(owner, sizeof(owner), "n%u", p->own_domid);
	snprintf(reader, sizeof(reader), "r%u", p->client_domid);
	rc = pvh_xs_write(path, text, on_reply, p);
	if (!rc)
		rc = pvh_xs_set_perms(path, perms, 2, last ? on_last_reply : on_reply, p);
	return rc;
}

uint64_t publisher_work(struct publisher *p, bool connected)
{
	uint64_t now;

	if (!p->available || connected)
		return PVH_NEVER;
	now = pvh_now();
	if (now < p->next_ns)
		return p->next_ns;
	p->next_ns = now + PUBLISH_PERIOD_NS;
	if (pvh_xs_in_flight()) {
		if (now - p->sent_ns < PUBLISH_GIVE_UP_NS)
			return p->next_ns;
		pvh_xs_cancel_all();
	}
	p->sent_ns = now;
	/* If the ring has no room for all four requests, the next period tries again. */
	if (!publish_node(p, "ring-ref", p->ref, false))
		publish_node(p, "event-channel", p->port, true);
	return p->next_ns;
}
