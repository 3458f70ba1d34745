// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The vchan server. libxenvchan and libxenstore wait for each answer of the store without a timeout; there is nothing that we
 * could serve without a store, and an identity or in-place restart of the store answers what it had consumed.
 *
 * libxenvchan_server_init() takes pages and an event channel and writes two nodes, so one failure may pass (a store's
 * transaction limit, memory): it is tried again, ever more slowly. The pages of a closed session are free once the client has
 * unmapped them, which the kernel also does for a client that was killed.
 */
#include <errno.h>
#include <libxenvchan.h>
#include <string.h>
#include <xenstore.h>

#include "agent/server.h"
#include "base/log.h"

/* Requests are small; a long list goes through in pieces. */
#define RING_SIZE 16384
#define CONTROL_DOMID 0
/* libxenvchan cuts longer paths off without a word. */
#define VCHAN_PATH_MAX 49
#define RETRY_MIN_MS 20
#define RETRY_MAX_MS 1000
#define DOMID_MAX 0x7fef

struct vchan_server {
	struct agent *agent;
	struct source *retry;
	int64_t retry_ms;
	bool complained; /* about the present trouble */
	bool announced;
};

/* Our domid from the store; negative while there is no store that answers. */
static int read_domid(void)
{
	struct xs_handle *xs = xs_open(0);
	AUTO_FREE char *text = NULL;
	uint64_t domid = 0;
	unsigned len;
	int r;

	if (!xs)
		return errno ? -errno : -ENODEV;
	text = xs_read(xs, XBT_NULL, "domid", &len);
	r = text ? parse_u64(text, 0, DOMID_MAX, &domid) : -errno;
	xs_close(xs);
	return r < 0 ? r : (int)domid;
}

static int offer(struct vchan_server *server)
{
	struct agent *agent = server->agent;
	char path[VCHAN_PATH_MAX + 1];
	struct libxenvchan *vchan;
	int r;

	if (agent->domid < 0) {
		r = read_domid();
		if (r < 0)
			return r;
		agent->domid = r;
	}
	r = format(path, sizeof(path), "/local/domain/%d/data/vchan/%d/agent", agent->domid, CONTROL_DOMID);
	if (r < 0)
		return r;
	vchan = libxenvchan_server_init(NULL, CONTROL_DOMID, path, RING_SIZE, RING_SIZE);
	if (!vchan)
		return errno ? -errno : -EIO;
	return rpc_create_vchan(agent->loop, vchan, "control domain", &agent_rpc_ops, agent, &agent->rpc);
}

static void on_retry(struct source *source, uint32_t events, void *data)
{
	struct vchan_server *server = data;
	int r = offer(server);

	if (r == 0) {
		if (!server->announced)
			agent_mark_boot(server->agent, BOOT_AGENT);
		if (server->complained || !server->announced)
			log_info("%s: d%d serves the control domain", server->agent->name, server->agent->domid);
		server->announced = true;
		server->complained = false;
		server->retry_ms = RETRY_MIN_MS;
		return;
	}
	if (!server->complained)
		log_warning("%s: cannot offer a vchan yet, trying on: %s", server->agent->name, strerror(-r));
	server->complained = true;
	source_set_timer(server->retry, server->retry_ms);
	server->retry_ms = MIN(server->retry_ms * 2, RETRY_MAX_MS);
}

/* Not from within the callback: the old session is still being taken down. */
static void on_session_end(struct agent *agent, void *data)
{
	struct vchan_server *server = data;

	source_set_timer(server->retry, 0);
}

int vchan_server_create(struct agent *agent, struct vchan_server **out)
{
	struct vchan_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	*server = (struct vchan_server){.agent = agent, .retry_ms = RETRY_MIN_MS};
	r = loop_add_timer(agent->loop, 0, on_retry, server, &server->retry);
	if (r < 0) {
		free(server);
		return r;
	}
	agent->on_session_end = on_session_end;
	agent->on_session_end_data = server;
	*out = server;
	return 0;
}

struct vchan_server *vchan_server_destroy(struct vchan_server *server)
{
	if (!server)
		return NULL;
	server->agent->on_session_end = NULL;
	source_destroy(server->retry);
	free(server);
	return NULL;
}
