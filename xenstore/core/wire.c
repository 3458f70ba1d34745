// SPDX-License-Identifier: LGPL-2.1-or-later
/* The pure codec of the xenstore wire protocol. */
#include "wire.h"

#include <errno.h>
#include <string.h>

void wire_header_get(struct wire_header *header, const void *bytes)
{
	memcpy(header, bytes, sizeof *header);
}

void wire_header_put(void *bytes, const struct wire_header *header)
{
	memcpy(bytes, header, sizeof *header);
}

const char *wire_error_name(int error)
{
	switch (error) {
	case EACCES:
		return "EACCES";
	case EEXIST:
		return "EEXIST";
	case EISDIR:
		return "EISDIR";
	case ENOENT:
		return "ENOENT";
	case ENOMEM:
		return "ENOMEM";
	case ENOSPC:
		return "ENOSPC";
	case EIO:
		return "EIO";
	case ENOTEMPTY:
		return "ENOTEMPTY";
	case ENOSYS:
		return "ENOSYS";
	case EROFS:
		return "EROFS";
	case EBUSY:
		return "EBUSY";
	case EAGAIN:
		return "EAGAIN";
	case EISCONN:
		return "EISCONN";
	case E2BIG:
		return "E2BIG";
	case EPERM:
		return "EPERM";
	default:
		return "EINVAL";
	}
}

int wire_count_strings(const char *data, size_t len)
{
	int n = 0;

	if (len && data[len - 1])
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		n += !data[i];
	return n;
}

const char *wire_next_string(const char *data, size_t len, const char *at)
{
	const char *end = memchr(at, 0, (size_t)(data + len - at));

	return end && end + 1 < data + len ? end + 1 : NULL;
}

int wire_parse_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned char)*text - '0';

		if (digit > 9 || v > (max - digit) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	*value = v;
	return 0;
}

size_t wire_format_number(char *text, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (size_t i = 0; i < n; i++)
		text[i] = digits[n - 1 - i];
	text[n] = 0;
	return n;
}

int wire_parse_perm(const char *text, struct perm *perm)
{
	uint64_t domid;

	switch (text[0]) {
	case 'n':
		perm->bits = 0;
		break;
	case 'r':
		perm->bits = PERM_READ;
		break;
	case 'w':
		perm->bits = PERM_WRITE;
		break;
	case 'b':
		perm->bits = PERM_READ | PERM_WRITE;
		break;
	default:
		return -EINVAL;
	}
	if (wire_parse_number(text + 1, UINT32_MAX, &domid))
		return -EINVAL;
	perm->domid = (uint32_t)domid;
	return 0;
}

size_t wire_format_perm(char *text, const struct perm *perm)
{
	text[0] = "nrwb"[perm->bits & (PERM_READ | PERM_WRITE)];
	return wire_format_number(text + 1, perm->domid) + 2;
}

static bool path_byte_valid(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '/' ||
	       c == '_' || c == '@';
}

bool wire_path_valid(const char *path, size_t len, size_t max)
{
	if (!len || len > max || path[0] != '/')
		return false;
	if (len == 1)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (!path_byte_valid((unsigned char)path[i]))
			return false;
		if (path[i] == '/' && (i + 1 == len || path[i + 1] == '/'))
			return false;
	}
	return true;
}
