// SPDX-License-Identifier: LGPL-2.1-or-later
/* Fuzz target: lines that QEMU, broken into by its guest, may send to the agent of its domain. */
#include <stdint.h>
#include <stdlib.h>

#include "qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qmp_message message;
	int r = qmp_decode((const char *)data, size, &message);

	if (r == 0 && (message.kind == QMP_RETURN || message.kind == QMP_ERROR) != (message.body != NULL))
		abort();
	qmp_message_free(&message);
	return 0;
}
