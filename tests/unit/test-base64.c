// SPDX-License-Identifier: LGPL-2.1-or-later
/* Base64: RFC 4648's vectors, all bytes there and back, and what is refused. */
#include "base/base64.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

int main(void)
{
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"A", "AAA", "A===", "====", "AA=A", "AA==AAAA", "AA\n=", "AAA-"};
	unsigned char bytes[256], back[256];
	char text[BASE64_SIZE(sizeof(bytes))];

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		ok(base64_encode(vectors[i][0], strlen(vectors[i][0]), text, sizeof(text)) == 0 && !strcmp(text, vectors[i][1]),
		   "vector %u is encoded", i);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t n = 254; n <= 256; n++)
		ok(base64_encode(bytes, n, text, sizeof(text)) == 0 && base64_decode(text, back, sizeof(back)) == (ssize_t)n &&
			   !memcmp(bytes, back, n), "%zu bytes come back", n);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		ok(base64_decode(bad[i], back, sizeof(back)) == -EINVAL, "text %u that is not base64 is refused", i);
	ok(base64_decode("AAAA", back, 2) == -ENOSPC && base64_encode("a", 1, text, 4) == -ENOSPC, "sizes are kept");
	return plan_done();
}
