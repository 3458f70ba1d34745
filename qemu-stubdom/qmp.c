// SPDX-License-Identifier: LGPL-2.1-or-later
/* QMP: lines to messages, and the commands that may be given. */
#include "qmp.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* What a command may be given. There is none that opens files, starts programs, moves the machine or reads its memory: a medium
 * is one of this domain's own disks. */
static const struct {
	const char *execute;
	const char *arguments[4];
} allowed[] = {
	{"qmp_capabilities", {NULL}}, {"query-status", {NULL}}, {"query-block", {NULL}}, {"query-version", {NULL}},
	{"stop", {NULL}}, {"cont", {NULL}}, {"system_powerdown", {NULL}}, {"system_reset", {NULL}},
	{"eject", {"id", "force"}},
	{"blockdev-change-medium", {"id", "filename", "read-only-mode"}},
};

static int take_body(struct qmp_message *message, const struct json *body)
{
	message->body = json_copy(body);
	return message->body ? 0 : -ENOMEM;
}

int qmp_decode(const char *line, size_t len, struct qmp_message *message)
{
	AUTO_JSON struct json *json = NULL;
	const struct json *body;
	int r = json_parse(line, len, &json, NULL);

	*message = (struct qmp_message){.id = -1};
	if (r < 0 || json->type != JSON_OBJECT)
		return r == -ENOMEM ? r : -EPROTO;
	message->id = json_get_int(json, "id", -1);
	if ((body = json_get(json, "return"))) {
		message->kind = QMP_RETURN;
		return take_body(message, body);
	}
	if ((body = json_get(json, "error"))) {
		message->kind = QMP_ERROR;
		return body->type == JSON_OBJECT ? take_body(message, body) : -EPROTO;
	}
	if ((body = json_get(json, "event"))) {
		message->kind = QMP_EVENT;
		if (body->type != JSON_STRING || format(message->event, sizeof(message->event), "%s", body->string) < 0)
			return -EPROTO;
		return 0;
	}
	message->kind = QMP_GREETING;
	return json_get(json, "QMP") ? 0 : -EPROTO;
}

void qmp_message_free(struct qmp_message *message)
{
	message->body = json_free(message->body);
}

static bool argument_allowed(size_t command, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed[command].arguments) && allowed[command].arguments[i]; i++) {
		if (!strcmp(allowed[command].arguments[i], key))
			return true;
	}
	return false;
}

/* "/dev/xvdb" */
static bool own_disk(const char *path)
{
	return strlen(path) == 9 && !strncmp(path, "/dev/xvd", 8) && islower((unsigned char)path[8]);
}

int qmp_encode(const char *execute, const struct json *arguments, int64_t id, struct buf *out, char *why, size_t size)
{
	AUTO_JSON struct json *json = json_new(JSON_OBJECT);
	size_t i = 0;
	int r;

	while (i < ARRAY_SIZE(allowed) && strcmp(allowed[i].execute, execute))
		i++;
	if (i == ARRAY_SIZE(allowed))
		return snprintf(why, size, "%.40s: not among the commands that may be given", execute), -EPERM;
	if (arguments && arguments->type != JSON_OBJECT)
		return snprintf(why, size, "%s: arguments: an object is wanted", execute), -EPERM;
	json_for_each(item, arguments) {
		if (!argument_allowed(i, item->key))
			return snprintf(why, size, "%s: argument %.40s: not allowed", execute, item->key), -EPERM;
		if (!strcmp(item->key, "filename") && (item->type != JSON_STRING || !own_disk(item->string)))
			return snprintf(why, size, "%s: filename: one of the guest's disks is wanted, like /dev/xvdb", execute), -EPERM;
	}
	r = json_set_string(json, "execute", execute) | json_set_int(json, "id", id);
	if (arguments && arguments->first)
		r |= json_set(json, "arguments", json_copy(arguments));
	if (r == 0)
		r = json_print(json, out, false);
	return r < 0 ? r : buf_append(out, "\n", 1);
}
