// SPDX-License-Identifier: LGPL-2.1-or-later
/* Judges a domain's health. */
#include "health.h"

#include <string.h>

static const char *const names[] = {
	[HEALTH_OK] = "ok", [HEALTH_STARTING] = "starting", [HEALTH_PAUSED] = "paused", [HEALTH_SLOW] = "slow",
	[HEALTH_STARVED] = "starved", [HEALTH_SHORT_OF_MEMORY] = "low memory", [HEALTH_DEGRADED] = "degraded", [HEALTH_GONE] = "gone",
	[HEALTH_CRASHED] = "crashed", [HEALTH_OUT_OF_MEMORY] = "out of memory", [HEALTH_STOPPED] = "stopped", [HEALTH_HUNG] = "hung",
	[HEALTH_NOT_SERVING] = "not serving"};

/* xen/sched.h: SHUTDOWN_poweroff … SHUTDOWN_soft_reset */
static const char *const reasons[] = {"powered off", "rebooted", "suspended", "crashed", "killed by its watchdog", "soft reset"};
#define REASON_CRASH 3

static bool said(const char *text)
{
	return text && *text;
}

static bool memory_is_low(const struct health_input *in)
{
	return in->memory_kib && in->memory_left_kib < in->memory_kib / HEALTH_LOW_MEMORY;
}

static enum health judge_stopped(const struct health_input *in, char *why, size_t size)
{
	const char *reason = in->shutdown_reason < ARRAY_SIZE(reasons) ? reasons[in->shutdown_reason] : "stopped";

	if (in->shutdown_reason < REASON_CRASH) {
		snprintf(why, size, "%s", reason);
		return HEALTH_STOPPED;
	}
	snprintf(why, size, "%s%s%s", said(in->panic) ? "its kernel panicked: " : reason, said(in->panic) ? in->panic : "",
		 !said(in->panic) && memory_is_low(in) ? ", short of memory" : "");
	if (said(in->panic) ? strstr(in->panic, "Out of memory") != NULL : memory_is_low(in))
		return HEALTH_OUT_OF_MEMORY;
	return HEALTH_CRASHED;
}

/* A paused service is hung: nobody may pause one. A domain that has nothing to do and does not answer is deadlocked. */
static enum health judge_silent(const struct health_input *in, char *why, size_t size)
{
	const char *how = in->paused ? ", it is paused" : in->runnable ? ", it spins" : ", it sleeps";

	if (!in->paused && in->runnable && in->cpu_ms < HEALTH_HUNG_CPU_MS) {
		snprintf(why, size, "it waits for a processor: %llu ms of one in the last %llu ms", (unsigned long long)in->cpu_ms,
			 (unsigned long long)in->silent_ms);
		return HEALTH_STARVED;
	}
	snprintf(why, size, "no answer for %llu ms%s", (unsigned long long)in->silent_ms, how);
	return HEALTH_HUNG;
}

static enum health judge_answering(const struct health_input *in, char *why, size_t size)
{
	if (said(in->not_serving)) {
		snprintf(why, size, "%s", in->not_serving);
		return HEALTH_NOT_SERVING;
	}
	if (in->cap && in->cap < 100) {
		snprintf(why, size, "the scheduler gives it at most %u %% of a processor", in->cap);
		return HEALTH_SLOW;
	}
	if (in->answer_ms >= HEALTH_SLOW_MS) {
		snprintf(why, size, "its answers take %llu ms", (unsigned long long)in->answer_ms);
		return HEALTH_SLOW;
	}
	if (memory_is_low(in)) {
		snprintf(why, size, "%llu of %llu KiB of memory are left", (unsigned long long)in->memory_left_kib,
			 (unsigned long long)in->memory_kib);
		return HEALTH_SHORT_OF_MEMORY;
	}
	if (said(in->degraded)) {
		snprintf(why, size, "%s", in->degraded);
		return HEALTH_DEGRADED;
	}
	return HEALTH_OK;
}

enum health health_judge(const struct health_input *in, char *why, size_t size)
{
	*why = '\0';
	if (!in->exists) {
		snprintf(why, size, "the domain is gone");
		return HEALTH_GONE;
	}
	if (in->shutdown)
		return judge_stopped(in, why, size);
	if (in->starting) {
		snprintf(why, size, "starting");
		return HEALTH_STARTING;
	}
	if (in->has_heartbeat && in->silent_ms >= HEALTH_SILENCE_MS)
		return judge_silent(in, why, size);
	if (in->paused) {
		snprintf(why, size, "paused");
		return HEALTH_PAUSED;
	}
	return judge_answering(in, why, size);
}

const char *health_name(enum health health)
{
	return names[health];
}

bool health_needs_restart(enum health health)
{
	return health >= HEALTH_GONE;
}
