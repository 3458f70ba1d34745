// SPDX-License-Identifier: LGPL-2.1-or-later
/* One-line failures, and the time each phase took. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"

int fail_with(struct failure *failure, int error, const char *fmt, ...)
{
	va_list ap;

	failure->error = error > 0 ? error : EIO;
	va_start(ap, fmt);
	vsnprintf(failure->message, sizeof(failure->message), fmt, ap);
	va_end(ap);
	return -failure->error;
}

void phases_start(struct phases *phases)
{
	phases->count = 0;
	phases->last_us = now_us();
}

void phases_mark(struct phases *phases, const char *name)
{
	uint64_t now = now_us();

	if (phases->count < PHASES_MAX) {
		phases->item[phases->count].name = name;
		phases->item[phases->count].us = (uint32_t)(now - phases->last_us);
		phases->count++;
	}
	phases->last_us = now;
}
