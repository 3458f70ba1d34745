// SPDX-License-Identifier: LGPL-2.1-or-later
/* How a service's last restart went, phase by phase. */
#include <string.h>

#include "atolld/agent.h"

void outage_record(struct job *job)
{
	struct domain *d = job->domain;
	uint64_t detect = d->noticed_us && d->noticed_us < job->started_us ? job->started_us - d->noticed_us : 0;
	unsigned first = detect ? 1 : 0;

	d->outage_count = MIN(job->phase_count, JOB_PHASES_MAX - first);
	d->outage[0] = (struct job_phase){"detect", detect};
	memcpy(d->outage + first, job->phases, d->outage_count * sizeof(d->outage[0]));
	d->outage_count += first;
	d->outage_ms = (now_us() - job->started_us + detect) / 1000;
	d->noticed_us = 0;
}

struct json *outage_to_json(const struct domain *d)
{
	struct json *boot = d->release[0] ? json_new(JSON_OBJECT) : NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(d->boot_ms) && boot; i++)
		json_set_int(boot, agent_boot_phases[i], d->boot_ms[i]);
	return json_build("reason=%s total_ms=%lu phases_ms=%p boot_ms~%p", d->outage_reason, d->outage_ms,
			  phases_to_json(d->outage, d->outage_count), boot);
}
