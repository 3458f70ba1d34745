// SPDX-License-Identifier: LGPL-2.1-or-later
/* Fuzz target: the console protocol's decoder. What decodes has to encode to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "core/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[CONSOLE_FRAME_MAX];
	struct console_frame frame;

	while (size) {
		int n = console_frame_decode(data, size, &frame);

		if (n <= 0)
			return 0;
		if ((size_t)n > size || console_frame_encode(&frame, again, sizeof(again)) != n ||
		    memcmp(again, data, (size_t)n))
			abort();
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
