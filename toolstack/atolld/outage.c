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
	struct json *json = json_new(JSON_OBJECT), *boot = json_new(JSON_OBJECT);
	int r = json_set_string(json, "reason", d->outage_reason);

	r |= json_set_int(json, "total_ms", (int64_t)d->outage_ms);
	r |= json_set(json, "phases_ms", phases_to_json(d->outage, d->outage_count));
	for (unsigned i = 0; i < ARRAY_SIZE(d->boot_ms); i++)
		r |= json_set_int(boot, agent_boot_phases[i], d->boot_ms[i]);
	if (d->release[0])
		r |= json_set(json, "boot_ms", boot);
	else
		json_free(boot);
	return r < 0 ? json_free(json) : json;
}
