/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TAP for unit tests: ok(condition, "a sentence"), and `return plan_done();` at the end of main. */
#ifndef ATOLL_TAP_H
#define ATOLL_TAP_H

#include <stdbool.h>
#include <stdio.h>

#ifdef NDEBUG
#error "tests need assertions"
#endif

static int tap_count, tap_failed;

#define ok(condition, ...) tap_ok((condition) ? true : false, __FILE__, __LINE__, __VA_ARGS__)

static inline __attribute__((format(printf, 4, 5))) bool tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
{
	__builtin_va_list ap;

	printf("%s %d - ", pass ? "ok" : "not ok", ++tap_count);
	__builtin_va_start(ap, fmt);
	vprintf(fmt, ap);
	__builtin_va_end(ap);
	printf("\n");
	if (!pass) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return pass;
}

static inline int plan_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
