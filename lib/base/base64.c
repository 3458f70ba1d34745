// SPDX-License-Identifier: LGPL-2.1-or-later
/* Base64. */
#include "base/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *data, size_t len, char *out, size_t size)
{
	const unsigned char *p = data;

	if (size < BASE64_SIZE(len))
		return -ENOSPC;
	for (; len; p += 3) {
		size_t n = MIN(len, (size_t)3);
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		for (unsigned i = 0; i < 4; i++)
			*out++ = i <= n ? alphabet[v >> (18 - 6 * i) & 63] : '=';
		len -= n;
	}
	*out = '\0';
	return 0;
}

ssize_t base64_decode(const char *text, void *out, size_t size)
{
	size_t len = strlen(text), done = 0;
	unsigned char *p = out;

	if (len % 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;
		unsigned pad = 0;

		for (unsigned k = 0; k < 4; k++) {
			const char *at = text[i + k] ? strchr(alphabet, text[i + k]) : NULL;

			if (text[i + k] == '=' && i + 4 == len && k >= 2)
				pad++;
			else if (!at || pad)
				return -EINVAL;
			v = v << 6 | (at ? (uint32_t)(at - alphabet) : 0);
		}
		if (done + 3 - pad > size)
			return -ENOSPC;
		for (unsigned k = 0; k < 3 - pad; k++)
			p[done++] = (unsigned char)(v >> (16 - 8 * k));
	}
	return (ssize_t)done;
}
