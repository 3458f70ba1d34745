// SPDX-License-Identifier: LGPL-2.1-or-later
/* The pure codec: every parser on arbitrary bytes, and what it accepts must come back the same. */
#include <stdlib.h>
#include <string.h>

#include "core/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), out[32];
	struct perm perm, again;
	uint64_t value, back;
	int n;

	memcpy(text, data, size);
	text[size] = 0;
	if (!wire_parse_number(text, UINT64_MAX, &value)) {
		wire_format_number(out, value);
		check(!wire_parse_number(out, UINT64_MAX, &back) && back == value);
	}
	if (!wire_parse_perm(text, &perm)) {
		check(wire_format_perm(out, &perm) <= 12);
		check(!wire_parse_perm(out, &again) && again.domid == perm.domid && again.bits == perm.bits);
	}
	if (wire_path_valid(text, size, WIRE_ABS_PATH_MAX))
		check(text[0] == '/' && !strstr(text, "//") && strlen(text) == size);
	n = wire_count_strings((const char *)data, size);
	if (n > 0) {
		const char *at = (const char *)data;

		while (--n)
			check((at = wire_next_string((const char *)data, size, at)) != NULL);
		check(!wire_next_string((const char *)data, size, at));
	}
	free(text);
	return 0;
}
