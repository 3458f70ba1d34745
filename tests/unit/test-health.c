// SPDX-License-Identifier: LGPL-2.1-or-later
/* Health verdicts: which fault gets which name, and why. */
#include "health.h"

#include <string.h>

#include "tap.h"

static char why[160];

static enum health judge(struct health_input in)
{
	return health_judge(&in, why, sizeof(why));
}

#define LIVES .exists = true, .has_heartbeat = true
#define CRASHED .exists = true, .shutdown = true, .shutdown_reason = 3

static void test_deaths(void)
{
	ok(judge((struct health_input){0}) == HEALTH_GONE && why[0], "a domain that vanished is gone");
	ok(judge((struct health_input){CRASHED}) == HEALTH_CRASHED && !strcmp(why, "crashed"), "a crash without a word is a crash");
	ok(judge((struct health_input){CRASHED, .panic = "Fatal exception"}) == HEALTH_CRASHED && strstr(why, "Fatal exception"),
	   "a panic's words are the reason");
	ok(judge((struct health_input){CRASHED, .panic = "Out of memory: compulsory panic_on_oom is enabled"}) == HEALTH_OUT_OF_MEMORY,
	   "a panic for want of memory is named so");
	ok(judge((struct health_input){CRASHED, .memory_kib = 100000, .memory_left_kib = 900}) == HEALTH_OUT_OF_MEMORY,
	   "so is a crash without a word of a domain that was short of it");
	ok(judge((struct health_input){CRASHED, .panic = "Fatal exception", .memory_kib = 100000, .memory_left_kib = 900}) == HEALTH_CRASHED,
	   "but its own words count more");
	ok(judge((struct health_input){.exists = true, .shutdown = true, .shutdown_reason = 77}) == HEALTH_CRASHED,
	   "an unknown reason is taken as a crash");
	ok(judge((struct health_input){.exists = true, .shutdown = true}) == HEALTH_STOPPED, "a power-off is no crash");
}

static void test_silence(void)
{
	ok(judge((struct health_input){LIVES, .silent_ms = 1500}) == HEALTH_HUNG && strstr(why, "1500 ms, it sleeps"),
	   "who sleeps and does not answer is hung");
	ok(judge((struct health_input){LIVES, .silent_ms = 1499}) == HEALTH_OK, "not before its time");
	ok(judge((struct health_input){LIVES, .silent_ms = 2000, .runnable = true, .cpu_ms = 700}) == HEALTH_HUNG && strstr(why, "spins"),
	   "who had a processor and did not answer is hung");
	ok(judge((struct health_input){LIVES, .silent_ms = 2000, .runnable = true, .cpu_ms = 20}) == HEALTH_STARVED && strstr(why, "20 ms"),
	   "who had none is starved, not hung");
	ok(judge((struct health_input){LIVES, .silent_ms = 60000, .runnable = true, .cpu_ms = 200}) == HEALTH_HUNG,
	   "who had enough of one in the end, is");
	ok(judge((struct health_input){LIVES, .silent_ms = 9999, .starting = true}) == HEALTH_STARTING, "a booting service may be silent");
	ok(judge((struct health_input){LIVES, .silent_ms = 9999, .paused = true}) == HEALTH_HUNG, "a paused service is hung");
	ok(judge((struct health_input){.exists = true, .paused = true}) == HEALTH_PAUSED, "a paused guest is paused");
}

static void test_answers(void)
{
	ok(judge((struct health_input){LIVES}) == HEALTH_OK && !why[0], "an answering service is ok");
	ok(judge((struct health_input){.exists = true}) == HEALTH_OK, "a domain without a heartbeat is ok while it lives");
	ok(judge((struct health_input){LIVES, .answer_ms = 900}) == HEALTH_SLOW && strstr(why, "900 ms"), "late answers are slow");
	ok(judge((struct health_input){LIVES, .cap = 5}) == HEALTH_SLOW && strstr(why, "5 %"), "who is kept from a processor is slow");
	ok(judge((struct health_input){LIVES, .cap = 200}) == HEALTH_OK, "a limit above one processor is none");
	ok(judge((struct health_input){LIVES, .not_serving = "nvme0n1: no read for 3000 ms"}) == HEALTH_NOT_SERVING &&
		   strstr(why, "nvme0n1"),
	   "who answers and does not serve is found");
	ok(judge((struct health_input){LIVES, .memory_kib = 100000, .memory_left_kib = 3000}) == HEALTH_SHORT_OF_MEMORY,
	   "little memory left is said");
	ok(judge((struct health_input){LIVES, .degraded = "eth0: no carrier"}) == HEALTH_DEGRADED, "so is what a restart cannot repair");
}

int main(void)
{
	test_deaths();
	test_silence();
	test_answers();
	ok(health_needs_restart(HEALTH_HUNG) && health_needs_restart(HEALTH_CRASHED) && health_needs_restart(HEALTH_NOT_SERVING) &&
		   health_needs_restart(HEALTH_OUT_OF_MEMORY) && health_needs_restart(HEALTH_GONE),
	   "what is broken is restarted");
	ok(!health_needs_restart(HEALTH_PAUSED) && !health_needs_restart(HEALTH_SLOW) && !health_needs_restart(HEALTH_STARVED) &&
		   !health_needs_restart(HEALTH_DEGRADED) && !health_needs_restart(HEALTH_SHORT_OF_MEMORY),
	   "what is slow, starved or degraded is not");
	return plan_done();
}
