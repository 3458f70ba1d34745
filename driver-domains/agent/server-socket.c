// SPDX-License-Identifier: LGPL-2.1-or-later
/* The same sessions on a unix socket, for tests and experiments without Xen. */
#include <errno.h>
#include <string.h>

#include "agent/server.h"
#include "base/log.h"

struct socket_server {
	struct agent *agent;
	int fd;
	struct source *source;
};

static void on_client(struct source *source, uint32_t events, void *data)
{
	struct socket_server *server = data;
	struct agent *agent = server->agent;
	int fd = rpc_socket_accept(server->fd), r;

	if (fd < 0)
		return;
	r = rpc_create_socket(agent->loop, fd, "client", &agent_rpc_ops, agent, &agent->rpc);
	if (r < 0)
		log_error("%s: cannot serve a client: %s", agent->name, strerror(-r));
	else
		source_set_events(server->source, 0);
}

static void on_session_end(struct agent *agent, void *data)
{
	struct socket_server *server = data;

	source_set_events(server->source, EPOLLIN);
}

int socket_server_create(struct agent *agent, const char *path, struct socket_server **out)
{
	struct socket_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->agent = agent;
	r = server->fd = rpc_socket_listen(path, 0600);
	if (r >= 0)
		r = loop_add_fd(agent->loop, server->fd, EPOLLIN, on_client, server, &server->source);
	if (r < 0) {
		socket_server_destroy(server);
		return r;
	}
	agent->on_session_end = on_session_end;
	agent->on_session_end_data = server;
	*out = server;
	return 0;
}

struct socket_server *socket_server_destroy(struct socket_server *server)
{
	if (!server)
		return NULL;
	server->agent->on_session_end = NULL;
	source_destroy(server->source);
	if (server->fd >= 0)
		close(server->fd);
	free(server);
	return NULL;
}
