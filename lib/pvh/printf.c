// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * snprintf and vsnprintf: integers, characters, strings, pointers; width, precision, '-' and '0'. No floating
 * point, no %n.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 24

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, upper;
	int width, precision;		/* precision -1: none */
	int length;			/* -2 hh, -1 h, 0 int, 1 long and long long */
};

static void put(struct out *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void pad(struct out *out, char c, int count)
{
	for (; count > 0; count--)
		put(out, c);
}

static void put_text(struct out *out, const struct spec *spec, const char *text, size_t len)
{
	int fill = spec->width > (int)len ? spec->width - (int)len : 0;

	if (!spec->left)
		pad(out, ' ', fill);
	for (size_t i = 0; i < len; i++)
		put(out, text[i]);
	if (spec->left)
		pad(out, ' ', fill);
}

static void put_number(struct out *out, const struct spec *spec, uint64_t value, bool negative, unsigned int base)
{
	const char *digits = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[NUMBER_MAX];
	int n = 0, zeros, total;

	do
		text[n++] = digits[value % base];
	while (value /= base);
	zeros = spec->precision > n ? spec->precision - n : 0;
	total = n + zeros + negative;
	if (spec->zero && !spec->left && spec->precision < 0 && spec->width > total) {
		zeros += spec->width - total;
		total = spec->width;
	}
	if (!spec->left)
		pad(out, ' ', spec->width - total);
	if (negative)
		put(out, '-');
	pad(out, '0', zeros);
	while (n)
		put(out, text[--n]);
	if (spec->left)
		pad(out, ' ', spec->width - total);
}

static uint64_t truncate_unsigned(uint64_t value, int length)
{
	return length == -2 ? (uint8_t)value : length == -1 ? (uint16_t)value : value;
}

static int64_t truncate_signed(int64_t value, int length)
{
	return length == -2 ? (int8_t)value : length == -1 ? (int16_t)value : value;
}

static int parse_number(const char **fmt)
{
	int value = 0;

	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
		if (value < 10000)
			value = value * 10 + (**fmt - '0');
	return value;
}

/* A macro, because a va_list that is an array cannot be passed on by address portably. */
#define INT_OR_STAR(fmt, args) (*(fmt) == '*' ? ((fmt)++, va_arg(args, int)) : parse_number(&(fmt)))

static const char *parse_length(const char *fmt, struct spec *spec)
{
	for (;; fmt++) {
		if (*fmt == 'l' || *fmt == 'z' || *fmt == 'j' || *fmt == 't')
			spec->length = 1;
		else if (*fmt == 'h')
			spec->length--;
		else
			return fmt;
	}
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
	for (;; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '0')
			spec->zero = true;
		else
			return fmt;
	}
}

int vsnprintf(char *restrict buf, size_t size, const char *restrict format, va_list args)
{
	const char *fmt = format;
	struct out out = { .buf = buf, .size = size };

	while (*fmt) {
		struct spec spec = { .precision = -1 };
		const char *text;
		int64_t number;
		char c;

		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		fmt = parse_flags(fmt + 1, &spec);
		spec.width = INT_OR_STAR(fmt, args);
		if (spec.width < 0) {
			spec.left = true;
			spec.width = -spec.width;
		}
		if (*fmt == '.') {
			fmt++;
			spec.precision = INT_OR_STAR(fmt, args);
		}
		fmt = parse_length(fmt, &spec);
		switch (*fmt) {
		case 'd':
		case 'i':
			number = truncate_signed(spec.length > 0 ? va_arg(args, long) : va_arg(args, int), spec.length);
			put_number(&out, &spec, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0, 10);
			break;
		case 'u':
		case 'x':
		case 'X':
			spec.upper = *fmt == 'X';
			put_number(&out, &spec, truncate_unsigned(spec.length > 0 ? va_arg(args, unsigned long) :
								  va_arg(args, unsigned int), spec.length),
				   false, *fmt == 'u' ? 10 : 16);
			break;
		case 'p':
			put(&out, '0');
			put(&out, 'x');
			put_number(&out, &spec, (uintptr_t)va_arg(args, void *), false, 16);
			break;
		case 's':
			text = va_arg(args, const char *);
			if (!text)
				text = "(null)";
			put_text(&out, &spec, text,
				 spec.precision >= 0 ? strnlen(text, (size_t)spec.precision) : strlen(text));
			break;
		case 'c':
			c = (char)va_arg(args, int);
			put_text(&out, &spec, &c, 1);
			break;
		case '\0':
			continue;
		default:
			put(&out, *fmt);
			break;
		}
		fmt++;
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
