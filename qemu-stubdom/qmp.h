/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client side of QEMU's monitor protocol (QMP): one JSON object a line. QEMU is not trusted: guests break into device models.
 * A line that is too long or not of a known form ends the session, and with it the domain.
 *
 *	greeting ──qmp_capabilities──▶ its return ──▶ ready: commands, each with an id, and returns, errors, events
 */
#ifndef ATOLL_QEMU_STUBDOM_QMP_H
#define ATOLL_QEMU_STUBDOM_QMP_H

#include "base/json.h"

#define QMP_LINE_MAX (32 * 1024) /* twice what query-block answers for a full machine */

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT };

struct qmp_message {
	enum qmp_kind kind;
	int64_t id;         /* returns and errors: of the command; -1: none */
	struct json *body;  /* owned: what "return" or "error" holds; NULL for the others */
	char event[32];
};

/* One line without its end. 0, -EPROTO (no message of QMP), -ENOMEM. */
int qmp_decode(const char *line, size_t len, struct qmp_message *message);
void qmp_message_free(struct qmp_message *message);

/* The command EXECUTE with ARGUMENTS (may be NULL) as a line, if the control domain may give it. 0; -EPERM with WHY; -ENOMEM. */
int qmp_encode(const char *execute, const struct json *arguments, int64_t id, struct buf *out, char *why, size_t size);

#endif
