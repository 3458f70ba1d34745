// SPDX-License-Identifier: LGPL-2.1-or-later
/* The device model's domain: QMP lines, and what may be asked of QEMU. */
#include <errno.h>
#include <string.h>

#include "qmp.h"
#include "tap.h"

static int decode(const char *line, struct qmp_message *m)
{
	return qmp_decode(line, strlen(line), m);
}

static void test_decoding(void)
{
	struct qmp_message m;

	ok(decode("{\"QMP\":{\"version\":{}}}\r", &m) == 0 && m.kind == QMP_GREETING, "a greeting");
	ok(decode("{\"return\":{\"running\":true},\"id\":3}", &m) == 0 && m.kind == QMP_RETURN && m.id == 3 &&
	   json_get_bool(m.body, "running", false), "a return with its id and body");
	qmp_message_free(&m);
	ok(decode("{\"error\":{\"desc\":\"no\"},\"id\":1}", &m) == 0 && m.kind == QMP_ERROR, "an error");
	qmp_message_free(&m);
	ok(decode("{\"event\":\"STOP\"}", &m) == 0 && m.kind == QMP_EVENT && !strcmp(m.event, "STOP"), "an event");
	ok(decode("{\"event\":\"AN_EVENT_WITH_A_NAME_THAT_NO_VERSION_HAS\"}", &m) == -EPROTO, "an event with an endless name is none");
	ok(decode("[]", &m) == -EPROTO && decode("{}", &m) == -EPROTO && decode("{", &m) == -EPROTO, "anything else is no QMP");
}

static int encode(const char *execute, const char *arguments, struct buf *line, char *why)
{
	AUTO_JSON struct json *json = NULL;

	if (arguments && json_parse(arguments, strlen(arguments), &json, NULL) < 0)
		return -ENOEXEC;
	return qmp_encode(execute, json, 2, line, why, 200);
}

static void test_encoding(void)
{
	AUTO_BUF struct buf line = BUF_INIT(QMP_LINE_MAX);
	char why[200] = "";

	ok(encode("query-status", NULL, &line, why) == 0 && line.data[line.len - 1] == '\n' && memmem(line.data, line.len, "\"id\":2", 6),
	   "an allowed command becomes a line with its id");
	ok(encode("human-monitor-command", NULL, &line, why) == -EPERM && strstr(why, "human-monitor-command"), "others are refused by name");
	ok(encode("pmemsave", NULL, &line, why) == -EPERM && encode("screendump", NULL, &line, why) == -EPERM &&
	   encode("device_add", NULL, &line, why) == -EPERM, "no command that reads memory, writes files or changes the machine");
	ok(encode("eject", "{\"id\":\"cd\",\"device\":\"x\"}", &line, why) == -EPERM, "an unknown argument is refused");
	ok(encode("blockdev-change-medium", "{\"id\":\"cd\",\"filename\":\"/dev/xvdc\"}", &line, why) == 0, "a medium is a disk of the guest");
	ok(encode("blockdev-change-medium", "{\"id\":\"cd\",\"filename\":\"/proc/self/mem\"}", &line, why) == -EPERM, "and no other file");
	ok(encode("blockdev-change-medium", "{\"id\":\"cd\",\"filename\":{\"driver\":\"nbd\"}}", &line, why) == -EPERM, "nor an object");
}

int main(void)
{
	test_decoding();
	test_encoding();
	return plan_done();
}
