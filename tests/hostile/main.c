// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Process 1 of a driver domain that an attacker has taken over: first it tries what the hypervisor lets it do to others, then it treats the
 * control domain as atoll.attack=NAME of its kernel's command line says, session after session.
 */
#include <libxenvchan.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "agent/init.h"
#include "base/util.h"
#include "hostile.h"

#define RING_SIZE 16384
#define BETWEEN_SESSIONS_NS 50000000L

/* The list of a net domain, but that xen-privcmd is to let everything through. */
static void load_modules(void)
{
	AUTO_FREE char *list = NULL;
	FILE *out = fopen("/run/modules", "w");

	if (!out || read_file("/etc/modules.net", MODULES_FILE_MAX, &list, NULL) < 0)
		return;
	for (char *line = strtok(list, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(out, "%s%s\n", line, strstr(line, "privcmd") ? " unrestricted=1" : "");
	fclose(out);
	modules_load("/run/modules");
}

static unsigned own_domid(struct xs_handle *xs)
{
	unsigned len;
	AUTO_FREE char *text = xs_read(xs, XBT_NULL, "domid", &len);

	return text ? (unsigned)atoi(text) : 0;
}

int main(void)
{
	char attack[32] = "", path[64];
	AUTO_FREE char *cmdline = NULL;
	struct xs_handle *xs;
	unsigned domid;

	init_mount();
	init_fail_loudly();
	load_modules();
	if (read_file("/proc/cmdline", CMDLINE_MAX, &cmdline, NULL) == 0)
		cmdline_get(cmdline, "atoll.attack", attack, sizeof(attack));
	xs = xs_open(0);
	domid = xs ? own_domid(xs) : 0;
	privileges_try();
	printf("hostile: d%u attacks: %s\n", domid, attack);
	snprintf(path, sizeof(path), "/local/domain/%u/data/vchan/0/agent", domid);
	for (;;) {
		struct libxenvchan *vchan = libxenvchan_server_init(NULL, 0, path, RING_SIZE, RING_SIZE);

		if (vchan) {
			vchan->blocking = 1;
			attack_session(vchan, attack, xs, domid);
			libxenvchan_close(vchan);
		}
		nanosleep(&(struct timespec){.tv_nsec = BETWEEN_SESSIONS_NS}, NULL);
	}
}
