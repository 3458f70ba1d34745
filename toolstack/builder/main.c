// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atoll-builder: builds, lists, pauses and destroys domains, gives PCI devices away. The only process of the control domain
 * that can act on other domains; it takes orders from atolld only, and parses nothing but those orders and kernels.
 *
 * What it holds, and why:
 *   /dev/xen/privcmd          hypercalls and foreign mappings: the whole power over all domains. From start to end.
 *   memory of store, console  mapped for as long as they live: what they knew can be read when they were destroyed.
 *   /dev/xen/xenbus_backend   late set-up of the store. Open only during store.setup.
 *   /sys/bus/pci              seizing and resetting devices (written as root). Never pciback's `permissive`.
 *   CAP_SYS_ADMIN             what the kernel asks for at xenbus_backend. CAP_DAC_OVERRIDE is not needed: all files are root's.
 *   kernels and ramdisks      read-only, by the paths of domain.build. Regular files only.
 *   /run/atoll/state          its own files, mode 0600: the store's port, contexts for reloads.
 *   streams                   descriptors that came with domain.save, restore, dump: in a child process, with the same power.
 *                             libxenguest parses a saved domain there; what wrote it is trusted no more than the guest itself.
 *   the socket                mode 0600, and a client has to be root.
 * It holds no network, no xenstore connection, no vchan, no console. The unit file takes away the rest.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "methods.h"
#include "rpc/rpc.h"
#include "worker.h"

#define STATE_DIR "/run/atoll/state"
#define CLIENTS_MAX 4 /* atolld, its successor while it restarts, and a person who looks */

struct server {
	struct loop *loop;
	struct builder builder;
	int listen_fd;
	struct source *incoming;
	struct rpc *clients[CLIENTS_MAX];
	struct workers workers;
};

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct server *server = data;
	struct builder *builder = &server->builder;
	struct json *result = NULL;
	int ret;

	if (method_streams(method))
		ret = worker_start(&server->workers, builder, rpc, id, method, params, rpc_take_fd(rpc));
	else
		ret = method_call(builder, method, params, &result);
	if (ret < 0) {
		log_warning("%s: %s", method, builder->failure.message);
		rpc_fail(rpc, id, builder->failure.error, "%s", builder->failure.message);
	} else if (result) {
		rpc_reply(rpc, id, result);
	}
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct server *server = data;

	log_debug("client gone: %s", why);
	workers_end(&server->workers, rpc);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server->clients[i] == rpc)
			server->clients[i] = rpc_destroy(rpc);
}

static const struct rpc_ops rpc_ops = {.on_request = on_request, .on_close = on_close};

static bool peer_is_root(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0;
}

static void on_incoming(struct source *source, uint32_t events, void *data)
{
	struct server *server = data;
	int fd AUTO_CLOSE = rpc_socket_accept(server->listen_fd), ret;

	if (fd < 0)
		return;
	if (!peer_is_root(fd)) {
		log_warning("client refused: it is not root");
		return;
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (server->clients[i])
			continue;
		ret = rpc_create_socket(server->loop, TAKE_FD(fd), "client", &rpc_ops, server, &server->clients[i]);
		if (ret < 0)
			log_warning("client refused: %s", strerror(-ret));
		return;
	}
	log_warning("client refused: %d are connected already", CLIENTS_MAX);
}

static int server_start(struct server *server)
{
	int ret = builder_init(&server->builder, STATE_DIR);

	if (ret < 0) {
		log_error("%s", server->builder.failure.message);
		return ret;
	}
	reload_adopt(&server->builder);
	share_init(&server->builder);
	ret = server->listen_fd = rpc_socket_listen(RPC_SOCKET_BUILDER, 0600);
	if (ret >= 0)
		ret = loop_create(&server->loop);
	server->workers.loop = server->loop;
	if (ret == 0)
		ret = loop_add_fd(server->loop, server->listen_fd, EPOLLIN, on_incoming, server, &server->incoming);
	if (ret < 0)
		log_error("%s: %s", RPC_SOCKET_BUILDER, strerror(-ret));
	return ret;
}

int main(int argc, char **argv)
{
	struct server server = {.listen_fd = -1};
	bool verbose = argc == 2 && !strcmp(argv[1], "--verbose");

	if (argc > 1 && !verbose) {
		fprintf(stderr, "usage: atoll-builder [--verbose]\n"
				"Builds and destroys domains on the orders of atolld. With --verbose: also says what the Xen libraries say.\n");
		return 2;
	}
	if (verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (server_start(&server) < 0)
		return 1;
	sd_notify(0, "READY=1");
	/* Until a signal ends it: what it holds ends with it, and workers are killed (worker.c). */
	return loop_run(server.loop) ? 1 : 0;
}
