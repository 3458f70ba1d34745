// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atoll-agent: process 1, and the only process, of a Linux driver domain (net or disk); beside QEMU, that of a device model's.
 *
 * What it holds, and why:
 *   root in its own domain, for life   it is init: it loads modules and sets up interfaces; there is nobody to
 *                                      drop to, and the domain is the boundary
 *   /dev/xen/xenbus (libxenstore)      to learn its domid, to offer its vchan, to see its frontends; with the rights of this domain only
 *   /dev/xen/gntalloc, /dev/xen/evtchn the vchan's pages and event channel, granted to domain 0 only; frontends' event channels
 *   /dev/xen/gntdev                    frontends' rings, mapped, and their data, copied; only what they grant to this domain
 *   sockets, /sys, /dev/net/tun (net)  bridges and their ports
 *   uevents, /sys (disk)               the catalogue of disks
 * What it has not: no privilege over other domains (the hypervisor gives this domain none), no IP address, no listening socket, no
 * shell, no other program to start. What guests write into their rings, pages and store directories is hostile, and checked where it
 * is read (pv/, vif/). With atoll.backend=linux the kernel's backends read it instead.
 *
 * If it exits, the kernel panics: the domain is seen as crashed and is built again.
 */
#include <errno.h>
#include <string.h>

#include "agent/init.h"
#include "agent/server.h"
#include "base/log.h"

/* The kernel gives process 1 no arguments that it knows a dot in: so read them where they are. */
static int configure(struct agent *agent)
{
	AUTO_FREE char *cmdline = NULL;
	char role[ROLE_LEN_MAX + 1] = "", backend[8] = "", snapshot[8];

	if (read_file("/proc/cmdline", CMDLINE_MAX, &cmdline, NULL) == 0) {
		cmdline_get(cmdline, "atoll.role", role, sizeof(role));
		cmdline_get(cmdline, "atoll.backend", backend, sizeof(backend));
		agent->waits = cmdline_get(cmdline, "atoll.snapshot", snapshot, sizeof(snapshot)) == 0;
		if (cmdline_get(cmdline, "atoll.name", agent->name, sizeof(agent->name)) == -ENOENT)
			strcpy(agent->name, role);
	}
	agent->role = role_find(role);
	agent->own_backend = strcmp(backend, "linux") != 0;
	if (agent->role && name_valid(agent->name))
		return 0;
	log_error("atoll-agent: atoll.role must be net, disk or dm (is \"%s\"), atoll.name a name (is \"%s\")", role, agent->name);
	return -EINVAL;
}

static void load_modules(struct agent *agent)
{
	char path[64];
	uint64_t start = now_ms();
	int r = format(path, sizeof(path), "/etc/modules.%s%s", agent->role->name, agent->own_backend ? "" : "-linux");

	if (r == 0)
		r = modules_load(path);
	if (r < 0)
		log_warning("%s: %s", path, strerror(-r));
	else
		log_info("%s: %d modules in %llu ms", agent->name, r, (unsigned long long)(now_ms() - start));
}

static int serve(struct agent *agent)
{
	struct vchan_server *vchan = NULL;
	int r = vchan_server_create(agent, &vchan);

	if (r == 0)
		r = loop_run(agent->loop);
	log_error("%s: %s", agent->name, r < 0 ? strerror(-r) : "asked to end");
	vchan_server_destroy(vchan);
	return r;
}

int main(void)
{
	static struct agent agent = {.domid = -1};
	struct source *reaper = NULL;
	struct loop *loop = NULL;
	int r;

	if (getpid() != 1) {
		fprintf(stderr, "atoll-agent is process 1 of a domain of its own: see atoll-agent(8)\n");
		return EXIT_FAILURE;
	}
	agent_mark_boot(&agent, BOOT_KERNEL);
	init_mount();
	init_fail_loudly();
	if (configure(&agent) < 0)
		return EXIT_FAILURE;
	load_modules(&agent);
	if (agent.waits && snapshot_wait(&agent) < 0)
		return EXIT_FAILURE;
	agent_mark_boot(&agent, BOOT_MODULES);
	init_pin_memory();
	r = loop_create(&loop);
	if (r == 0)
		r = init_reap(loop, &reaper);
	if (r == 0)
		r = agent_init(&agent, loop);
	if (r == 0) {
		r = serve(&agent);
		agent_fini(&agent);
	} else {
		log_error("%s: cannot start: %s", agent.name, strerror(-r));
	}
	source_destroy(reaper);
	loop_destroy(loop);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
