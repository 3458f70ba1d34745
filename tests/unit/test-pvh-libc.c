// SPDX-License-Identifier: LGPL-2.1-or-later
/* lib/pvh's C library subset, compiled here under other names (see lib/pvh/meson.build). */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pvh/pvh.h"
#include "tap.h"

void pvh_panic(const char *fmt, ...)
{
	printf("Bail out! panic: %s\n", fmt);
	_Exit(1);
}

static __attribute__((format(printf, 2, 3))) bool prints(const char *expected, const char *fmt, ...)
{
	char buf[64];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	return n == (int)strlen(expected) && !strcmp(buf, expected);
}

static void test_printf(void)
{
	char buf[5];

	ok(prints("-42 42 0", "%d %d %u", -42, 42, 0u), "decimal numbers");
	ok(prints("-9223372036854775808 18446744073709551615", "%ld %lu", LONG_MIN, ULONG_MAX), "the largest ones");
	ok(prints("beef ffffffffffffffff", "%x %lx", 0xbeefu, ULONG_MAX), "hexadecimal ones");
	ok(prints("[ab][][%4d]", "[%s][%s][%%4d]", "ab", ""), "strings");
	ok(prints("x%5", "%c%%%zu", 'x', (size_t)5), "characters, percent and sizes");
	ok(snprintf(buf, sizeof(buf), "%s", "abcdefgh") == 8 && !strcmp(buf, "abcd"), "the end is cut and counted");
	ok(snprintf(NULL, 0, "%d", 123) == 3, "nothing is written to no buffer");
}

static void test_memory(void)
{
	unsigned char a[64], b[64];
	bool right = true;

	for (size_t len = 0; len < 30; len++)
		for (size_t from = 0; from < 16; from++)
			for (size_t to = 0; to < 16; to++) {
				for (size_t i = 0; i < sizeof(a); i++)
					a[i] = b[i] = (unsigned char)i;
				memmove(a + to, a + from, len);
				for (size_t i = 0; i < sizeof(a); i++)
					right &= a[i] == (i >= to && i < to + len ? b[i - to + from] : b[i]);
			}
	ok(right, "memmove moves any overlap");
	memset(a, 0xa5, 13);
	ok(a[0] == 0xa5 && a[12] == 0xa5 && a[13] != 0xa5, "memset stops where it should");
	memcpy(b, a, sizeof(b));
	ok(!memcmp(a, b, sizeof(a)), "memcpy copies");
	b[20]++;
	ok(memcmp(a, b, sizeof(a)) < 0 && memcmp(b, a, sizeof(a)) > 0 && !memcmp(a, b, 20), "memcmp orders");
	b[20]--;
	a[3] = 0xff;
	b[3] = 0x01;
	ok(memcmp(a, b, 16) > 0, "by unsigned bytes");
	ok(memchr("abc", 'c', 2) == NULL && memchr("abc", 'b', 3) != NULL, "memchr looks no further than asked");
}

static void test_strings(void)
{
	const char *text = "one=two=three";

	ok(strlen(text) == 13 && strnlen(text, 5) == 5 && strnlen(text, 50) == 13, "lengths");
	ok(strcmp("a", "b") < 0 && strcmp("b", "a") > 0 && !strcmp("", "") && strcmp("\xff", "a") > 0, "strings are ordered");
	ok(!strncmp("abcd", "abce", 3) && strncmp("abcd", "abce", 4) < 0 && !strncmp("ab", "ab", 9), "up to a length");
}

int main(void)
{
	test_printf();
	test_memory();
	test_strings();
	return plan_done();
}
