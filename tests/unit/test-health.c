// SPDX-License-Identifier: LGPL-2.1-or-later
/* Health verdicts: which fault gets which name. */
#include "health.h"

#include <string.h>

#include "tap.h"

static char why[128];

static enum health judge(struct health_input in)
{
	return health_judge(&in, why, sizeof(why));
}

int main(void)
{
	ok(judge((struct health_input){.exists = true, .has_agent = true, .silent_ms = 10}) == HEALTH_OK, "an answering service is ok");
	ok(judge((struct health_input){.exists = true}) == HEALTH_OK, "a domain without an agent is ok while it lives");
	ok(judge((struct health_input){0}) == HEALTH_GONE && why[0], "a domain that vanished is gone");
	ok(judge((struct health_input){.exists = true, .shutdown = true, .shutdown_reason = 3}) == HEALTH_CRASHED, "a panic is a crash");
	ok(judge((struct health_input){.exists = true, .shutdown = true, .shutdown_reason = 77}) == HEALTH_CRASHED,
	   "an unknown reason is taken as a crash");
	ok(judge((struct health_input){.exists = true, .shutdown = true}) == HEALTH_STOPPED, "a power-off is no crash");
	ok(judge((struct health_input){.exists = true, .has_agent = true, .silent_ms = HEALTH_SILENCE_MS + 1}) == HEALTH_HUNG &&
		   strstr(why, "5001 ms"), "a silent agent is hung, and for how long is said");
	ok(judge((struct health_input){.exists = true, .starting = true, .has_agent = true, .silent_ms = 99999}) == HEALTH_STARTING,
	   "a booting service may be silent");
	ok(judge((struct health_input){.exists = true, .paused = true}) == HEALTH_PAUSED, "a paused guest is paused");
	ok(judge((struct health_input){.exists = true, .paused = true, .has_agent = true, .silent_ms = 99999}) == HEALTH_HUNG,
	   "a paused service is hung");
	ok(health_needs_restart(HEALTH_HUNG) && health_needs_restart(HEALTH_CRASHED) && !health_needs_restart(HEALTH_PAUSED),
	   "what is broken is restarted, what is paused is not");
	return plan_done();
}
