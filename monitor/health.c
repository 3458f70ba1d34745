// SPDX-License-Identifier: LGPL-2.1-or-later
/* Judges a domain's health. */
#include "health.h"

static const char *const names[] = {
	[HEALTH_OK] = "ok", [HEALTH_STARTING] = "starting", [HEALTH_PAUSED] = "paused", [HEALTH_GONE] = "gone",
	[HEALTH_CRASHED] = "crashed", [HEALTH_STOPPED] = "stopped", [HEALTH_HUNG] = "hung"};

/* xen/sched.h: SHUTDOWN_poweroff … SHUTDOWN_soft_reset */
static const char *const reasons[] = {"powered off", "rebooted", "suspended", "crashed", "killed by its watchdog", "soft reset"};

static enum health verdict(enum health health, char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return health;
}

enum health health_judge(const struct health_input *in, char *why, size_t size)
{
	if (!in->exists)
		return verdict(HEALTH_GONE, why, size, "the domain is gone");
	if (in->shutdown) {
		const char *reason = in->shutdown_reason < ARRAY_SIZE(reasons) ? reasons[in->shutdown_reason] : "stopped";

		return verdict(in->shutdown_reason >= 3 ? HEALTH_CRASHED : HEALTH_STOPPED, why, size, reason);
	}
	if (in->starting)
		return verdict(HEALTH_STARTING, why, size, "starting");
	if (in->has_agent && in->silent_ms > HEALTH_SILENCE_MS) { /* nobody may pause a service: paused or spinning, it is hung */
		snprintf(why, size, "its agent has not answered for %llu ms", (unsigned long long)in->silent_ms);
		return HEALTH_HUNG;
	}
	if (in->paused)
		return verdict(HEALTH_PAUSED, why, size, "paused");
	return verdict(HEALTH_OK, why, size, "");
}

const char *health_name(enum health health)
{
	return names[health];
}

bool health_needs_restart(enum health health)
{
	return health == HEALTH_GONE || health == HEALTH_CRASHED || health == HEALTH_STOPPED || health == HEALTH_HUNG;
}
