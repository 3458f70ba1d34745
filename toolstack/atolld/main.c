// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atolld: the toolstack's daemon. Owns the host's desired state and brings the real one there.
 *
 * Holds: /dev/xen/xenbus (as the store's domain 0: may write every node), /dev/xen/gntdev and evtchn (vchans with services), its
 * two unix sockets, the console logs. Never opens privcmd: what needs it is asked of atoll-builder. Runs as root for the
 * device nodes; its unit file takes the rest away.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consolelog.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/log.h"

#define BUILDER_TRIES 50
#define BUILDER_RETRY_US 100000
#define TICK_MS 1500 /* what only the list tells is told within 2 s, on a busy host too */

static void on_builder_close(struct rpc *rpc, const char *why, void *data)
{
	struct atolld *a = data;

	/* systemd starts both again, and what runs is adopted */
	log_error("builder: %s", why);
	loop_quit(a->loop, EXIT_FAILURE);
}

static void on_builder_event(struct rpc *rpc, const char *event, const struct json *params, void *data)
{
	stream_event(data, event, params);
}

static const struct rpc_ops builder_ops = {.on_event = on_builder_event, .on_close = on_builder_close};

static int connect_builder(struct atolld *a)
{
	int fd = -ENOENT;

	for (unsigned i = 0; i < BUILDER_TRIES; i++) {
		fd = rpc_socket_connect(RPC_SOCKET_BUILDER);
		if (fd >= 0)
			return rpc_create_socket(a->loop, fd, "builder", &builder_ops, a, &a->builder);
		usleep(BUILDER_RETRY_US);
	}
	log_error("%s: %s", RPC_SOCKET_BUILDER, strerror(-fd));
	return fd;
}

static int load_host(struct atolld *a, const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	char why[300];
	int r = read_file(path, HOST_FILE_MAX, &text, &len);

	if (r < 0) {
		log_error("%s: %s", path, strerror(-r));
		return r;
	}
	r = host_config_parse(text, len, &a->host, why, sizeof(why));
	if (r < 0)
		log_error("%s: %s", path, why);
	return r;
}

static void on_signal(struct source *source, uint32_t signo, void *data)
{
	struct atolld *a = data;

	loop_quit(a->loop, EXIT_SUCCESS);
}

static void on_tick(struct source *source, uint32_t events, void *data)
{
	struct atolld *a = data;

	sd_notify(0, "WATCHDOG=1");
	census_request(a); /* heartbeats are judged, figures for `atoll status` get fresh */
	source_set_timer(a->tick, TICK_MS);
}

static void fini(struct atolld *a)
{
	for_each_domain(d, a)
		job_abandon(d->job);
	census_stop(a);
	a->builder = rpc_destroy(a->builder);
	a->api = api_destroy(a->api);
	while (a->domains)
		domain_delete(a->domains);
	consoles_destroy(a->consoles);
	events_destroy(a->events);
	audit_destroy(a->audit);
	store_close(a->store);
	host_config_fini(&a->host);
}

int main(int argc, char **argv)
{
	struct atolld a = {0};
	struct source *term = NULL, *intr = NULL;
	int r;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: atolld [HOST.json]\n");
		return 2;
	}
	a.host_path = argc == 2 ? argv[1] : HOST_FILE;
	r = load_host(&a, a.host_path);
	if (r < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	r = make_dirs(STATE_DIR, 0700);
	if (r == 0)
		r = make_dirs(CONSOLE_LOG_DIR, 0700);
	if (r == 0)
		r = loop_create(&a.loop);
	if (r == 0)
		r = loop_add_signal(a.loop, SIGTERM, on_signal, &a, &term);
	if (r == 0)
		r = loop_add_signal(a.loop, SIGINT, on_signal, &a, &intr);
	if (r == 0)
		r = loop_add_timer(a.loop, TICK_MS, on_tick, &a, &a.tick);
	a.events = events_create();
	a.audit = audit_create();
	if (r == 0)
		r = consoles_create(&a, &a.consoles);
	if (r == 0)
		r = census_listen(&a);
	if (r == 0)
		r = services_create(&a);
	if (r == 0)
		r = connect_builder(&a);
	if (r == 0)
		r = api_create(&a, &a.api);
	if (r == 0)
		r = state_load(&a);
	if (r < 0)
		log_error("cannot start: %s", strerror(-r));
	r = r < 0 ? EXIT_FAILURE : loop_run(a.loop);
	sd_notify(0, "STOPPING=1");
	fini(&a);
	source_destroy(a.tick);
	source_destroy(intr);
	source_destroy(term);
	loop_destroy(a.loop);
	return r;
}
