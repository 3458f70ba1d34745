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
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "builder.h"
#include "methods.h"
#include "reload.h"
#include "rpc/rpc.h"
#include "worker.h"

#define STATE_DIR "/run/atoll/state"
#define CACHE_MIB 128 /* a driver domain's kernel and ramdisk, and a guest's kernel */
#define CACHE_MIB_MAX 65536
#define CLIENTS_MAX 4 /* atolld, its successor while it restarts, and a person who looks */

struct server {
	struct loop *loop;
	struct builder builder;
	const char *socket_path, *state_dir;
	uint64_t cache_mib;
	int listen_fd;
	struct source *incoming, *terminate, *interrupt;
	struct rpc *clients[CLIENTS_MAX];
	struct workers workers;
};

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct server *server = data;
	struct failure failure = {0};
	struct json *result = NULL;
	int ret = 0;

	if (method_streams(method))
		ret = worker_start(&server->workers, &server->builder, rpc, id, method, params, rpc_take_fd(rpc), &failure);
	else
		ret = method_call(&server->builder, method, params, &result, &failure);
	if (ret == 0 && !result)
		return;
	if (ret == 0) {
		rpc_reply(rpc, id, result);
		return;
	}
	log_warning("%s: %s", method, failure.message);
	rpc_fail(rpc, id, failure.error, "%s", failure.message);
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

static void on_signal(struct source *source, uint32_t events, void *data)
{
	struct server *server = data;

	loop_quit(server->loop, 0);
}

/* The socket that systemd made, or our own. */
static int listen_fd(const char *path)
{
	int count = sd_listen_fds(1);

	if (count < 0)
		return count;
	if (count > 1)
		return -E2BIG;
	return count == 1 ? SD_LISTEN_FDS_START : rpc_socket_listen(path, 0600);
}

static int server_start(struct server *server)
{
	struct failure failure;
	int ret = builder_init(&server->builder, server->state_dir, server->cache_mib << 20, &failure);

	if (ret < 0) {
		log_error("%s", failure.message);
		return ret;
	}
	reload_adopt(&server->builder);
	share_init(&server->builder);
	ret = server->listen_fd = listen_fd(server->socket_path);
	if (ret >= 0)
		ret = loop_create(&server->loop);
	server->workers.loop = server->loop;
	if (ret == 0)
		ret = loop_add_signal(server->loop, SIGTERM, on_signal, server, &server->terminate);
	if (ret == 0)
		ret = loop_add_signal(server->loop, SIGINT, on_signal, server, &server->interrupt);
	if (ret == 0)
		ret = loop_add_fd(server->loop, server->listen_fd, EPOLLIN, on_incoming, server, &server->incoming);
	if (ret < 0)
		log_error("%s: %s", server->socket_path, strerror(-ret));
	return ret;
}

static void server_stop(struct server *server)
{
	workers_end(&server->workers, NULL);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		server->clients[i] = rpc_destroy(server->clients[i]);
	source_destroy(server->incoming);
	source_destroy(server->interrupt);
	source_destroy(server->terminate);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	loop_destroy(server->loop);
	builder_fini(&server->builder);
}

static int usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: atoll-builder [--socket PATH] [--state DIR] [--cache-mib N] [--verbose]\n"
		"Builds and destroys domains on the orders of atolld.\n"
		"  --socket PATH  listen here (default " RPC_SOCKET_BUILDER "; not used with a socket from systemd)\n"
		"  --state DIR    what outlives a restart (default " STATE_DIR ")\n"
		"  --cache-mib N  of kernels and ramdisks kept in memory for the next build (default 128)\n"
		"  --verbose      also what the Xen libraries say\n");
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
						{"state", required_argument, NULL, 'd'},
						{"cache-mib", required_argument, NULL, 'c'},
						{"verbose", no_argument, NULL, 'v'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct server server = {.listen_fd = -1, .socket_path = RPC_SOCKET_BUILDER, .state_dir = STATE_DIR,
				.cache_mib = CACHE_MIB};
	int option, ret;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			server.socket_path = optarg;
		else if (option == 'd')
			server.state_dir = optarg;
		else if (option == 'c' && parse_u64(optarg, 0, CACHE_MIB_MAX, &server.cache_mib) == 0)
			continue;
		else if (option == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return usage(option == 'h' ? 0 : 2);
	}
	if (optind < argc)
		return usage(2);
	ret = server_start(&server);
	if (ret == 0) {
		sd_notify(0, "READY=1");
		ret = loop_run(server.loop);
		sd_notify(0, "STOPPING=1");
	}
	server_stop(&server);
	return ret ? 1 : 0;
}
