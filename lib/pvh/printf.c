// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * snprintf and vsnprintf: %d %u %x with l or z, %s, %c, %%. What else C has is printed as it stands, and its argument is left: there is
 * no use for it here.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20 /* of 2^64 */

struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_number(struct out *out, uint64_t value, unsigned int base)
{
	char text[DIGITS_MAX];
	int n = 0;

	do
		text[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (n)
		put(out, text[--n]);
}

int vsnprintf(char *restrict buf, size_t size, const char *restrict fmt, va_list args)
{
	struct out out = { .buf = buf, .size = size };

	for (; *fmt; fmt++) {
		const char *start = fmt, *text;
		bool wide = false;
		int64_t number;

		if (*fmt != '%') {
			put(&out, *fmt);
			continue;
		}
		while (*++fmt == 'l' || *fmt == 'z')
			wide = true;
		switch (*fmt) {
		case 'd':
			number = wide ? va_arg(args, long) : va_arg(args, int);
			if (number < 0)
				put(&out, '-');
			put_number(&out, number < 0 ? -(uint64_t)number : (uint64_t)number, 10);
			break;
		case 'u':
		case 'x':
			put_number(&out, wide ? va_arg(args, unsigned long) : va_arg(args, unsigned int), *fmt == 'u' ? 10 : 16);
			break;
		case 's':
			for (text = va_arg(args, const char *); *text; text++)
				put(&out, *text);
			break;
		case 'c':
			put(&out, (char)va_arg(args, int));
			break;
		case '%':
			put(&out, '%');
			break;
		default:
			put(&out, '%');
			fmt = start;
		}
	}
	if (size)
		buf[out.len < size ? out.len : size - 1] = '\0';
	return (int)out.len;
}

int snprintf(char *restrict buf, size_t size, const char *restrict fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
