// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The smallest guest for tests: says READY on its console and then does what the word "work" of its command line says: nothing
 * (the default), or "poweroff", "crash".
 */
#include <string.h>

#include "pvh/hypercall.h"
#include "pvh/pvh.h"

void pvh_main(struct pvh *pvh)
{
	char work[16] = "";

	pvh_log("GUEST READY as domain %u", pvh->domid);
	pvh_cmdline_get(pvh, "work", work, sizeof(work));
	if (!strcmp(work, "poweroff"))
		hypercall_sched(SCHEDOP_shutdown, &(struct sched_shutdown){.reason = SHUTDOWN_poweroff});
	if (!strcmp(work, "crash"))
		pvh_panic("asked to");
	for (;;)
		pvh_wait(pvh, PVH_NEVER);
}
