// SPDX-License-Identifier: LGPL-2.1-or-later
/* Guest configurations: one table of keys serves xl.cfg files and JSON. */
#include "config/guest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/device.h"
#include "config/xlcfg.h"

static const char *const type_names[] = {[GUEST_PV] = "pv", [GUEST_PVH] = "pvh"};
static const char *const action_names[] = {
	[ACTION_DESTROY] = "destroy", [ACTION_RESTART] = "restart", [ACTION_PRESERVE] = "preserve"};

struct reader {
	struct guest_config *config;
	char *why;
	size_t size;
};

static int complain(struct reader *r, const char *fmt, ...) PRINTF(2, 3);
static int complain(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int copy_string(struct reader *r, const struct json *value, char *out, size_t size)
{
	if (value->type != JSON_STRING)
		return complain(r, "%s: expected a string", value->key);
	if (format(out, size, "%s", value->string) < 0)
		return complain(r, "%s: longer than %zu characters", value->key, size - 1);
	return 0;
}

static int read_choice(struct reader *r, const struct json *value, const char *const names[], unsigned count, const char *hint)
{
	for (unsigned i = 0; value->type == JSON_STRING && i < count; i++) {
		if (!strcmp(value->string, names[i]))
			return (int)i;
	}
	return complain(r, "%s: expected %s", value->key, hint);
}

static int read_number(struct reader *r, const struct json *value, int64_t min, int64_t max, unsigned *out)
{
	int64_t n;

	if (value->type == JSON_INT)
		n = value->integer;
	else if (value->type != JSON_STRING || parse_u64(value->string, 0, INT64_MAX, (uint64_t *)&n) < 0)
		return complain(r, "%s: expected a number", value->key);
	if (n < min || n > max)
		return complain(r, "%s: %lld is outside %lld to %lld", value->key, (long long)n, (long long)min, (long long)max);
	*out = (unsigned)n;
	return 0;
}

static int read_path(struct reader *r, const struct json *value, char *out, size_t size)
{
	int e = copy_string(r, value, out, size);

	if (e == 0 && out[0] && out[0] != '/')
		return complain(r, "%s: %s is not an absolute path", value->key, out);
	return e;
}

static int read_uuid(struct reader *r, const struct json *value)
{
	char *uuid = r->config->uuid;

	if (value->type != JSON_STRING || strlen(value->string) != 36)
		return complain(r, "uuid: expected 36 characters like 01234567-89ab-cdef-0123-456789abcdef");
	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? value->string[i] != '-' : !isxdigit((unsigned char)value->string[i]))
			return complain(r, "uuid: expected 36 characters like 01234567-89ab-cdef-0123-456789abcdef");
		uuid[i] = (char)tolower((unsigned char)value->string[i]);
	}
	uuid[36] = '\0';
	return 0;
}

static int read_action(struct reader *r, const struct json *value, enum guest_action *out)
{
	int n = read_choice(r, value, action_names, ARRAY_SIZE(action_names), "\"destroy\", \"restart\" or \"preserve\"");

	if (n < 0)
		return n;
	*out = (enum guest_action)n;
	return 0;
}

static int read_devices(struct reader *r, const struct json *list, bool vif)
{
	struct guest_config *c = r->config;
	unsigned *count = vif ? &c->vif_count : &c->vbd_count, max = vif ? GUEST_VIFS_MAX : GUEST_VBDS_MAX;
	char what[160];

	if (list->type != JSON_ARRAY)
		return complain(r, "%s: expected a list", list->key);
	json_for_each(item, list) {
		int e;

		if (*count == max)
			return complain(r, "%s: more than %u", list->key, max);
		e = vif ? vif_read(item, &c->vifs[*count], what, sizeof(what)) : vbd_read(item, &c->vbds[*count], what, sizeof(what));
		if (e < 0)
			return complain(r, "%s %u: %s", list->key, *count, what);
		for (unsigned i = 0; !vif && i < *count; i++) {
			if (c->vbds[i].number == c->vbds[*count].number)
				return complain(r, "%s %u: %s is used twice", list->key, *count, c->vbds[i].vdev);
		}
		(*count)++;
	}
	return 0;
}

static int read_key(struct reader *r, const struct json *value)
{
	struct guest_config *c = r->config;
	const char *key = value->key;

	if (!strcmp(key, "name")) {
		if (value->type != JSON_STRING || !name_valid(value->string))
			return complain(r, "name: expected 1 to %d letters, digits, '_', '.', '-'", NAME_LEN_MAX);
		return copy_string(r, value, c->name, sizeof(c->name));
	}
	if (!strcmp(key, "type")) {
		int n = read_choice(r, value, type_names, ARRAY_SIZE(type_names), "\"pv\" or \"pvh\" (HVM guests are not supported yet)");

		c->type = n < 0 ? GUEST_PV : (enum guest_type)n;
		return MIN(n, 0);
	}
	if (!strcmp(key, "kernel"))
		return read_path(r, value, c->kernel, sizeof(c->kernel));
	if (!strcmp(key, "ramdisk"))
		return read_path(r, value, c->ramdisk, sizeof(c->ramdisk));
	if (!strcmp(key, "cmdline") || !strcmp(key, "extra"))
		return copy_string(r, value, c->cmdline, sizeof(c->cmdline));
	if (!strcmp(key, "memory"))
		return read_number(r, value, GUEST_MEMORY_MIB_MIN, GUEST_MEMORY_MIB_MAX, &c->memory_mib);
	if (!strcmp(key, "vcpus"))
		return read_number(r, value, 1, GUEST_VCPUS_MAX, &c->vcpus);
	if (!strcmp(key, "uuid"))
		return read_uuid(r, value);
	if (!strcmp(key, "vif"))
		return read_devices(r, value, true);
	if (!strcmp(key, "disk"))
		return read_devices(r, value, false);
	if (!strcmp(key, "on_poweroff"))
		return read_action(r, value, &c->on_poweroff);
	if (!strcmp(key, "on_reboot"))
		return read_action(r, value, &c->on_reboot);
	if (!strcmp(key, "on_crash"))
		return read_action(r, value, &c->on_crash);
	return complain(r, "%.60s: this key is not supported; supported are name, type, kernel, ramdisk, cmdline (extra), memory, "
			   "vcpus, uuid, vif, disk, on_poweroff, on_reboot, on_crash", key);
}

int guest_config_from_json(const struct json *json, struct guest_config *config, char *why, size_t size)
{
	struct reader r = {.config = config, .why = why, .size = size};

	*config = (struct guest_config){
		.memory_mib = 128, .vcpus = 1, .on_poweroff = ACTION_DESTROY, .on_reboot = ACTION_RESTART, .on_crash = ACTION_DESTROY};
	if (!json || json->type != JSON_OBJECT)
		return complain(&r, "expected an object");
	json_for_each(item, json) {
		int e = read_key(&r, item);

		if (e < 0)
			return e;
	}
	if (!config->name[0])
		return complain(&r, "name is missing");
	if (!config->kernel[0])
		return complain(&r, "kernel is missing");
	return 0;
}

int guest_config_parse(const char *text, size_t len, struct guest_config *config, char *why, size_t size)
{
	AUTO_JSON struct json *json = NULL;
	AUTO_FREE char *detail = NULL;
	size_t i = 0;
	int r;

	while (i < len && isspace((unsigned char)text[i]))
		i++;
	r = i < len && text[i] == '{' ? json_parse(text, len, &json, &detail) : xlcfg_parse(text, len, &json, &detail);
	if (r < 0) {
		snprintf(why, size, "%s", detail ? detail : "out of memory");
		return r == -ENOMEM ? r : -EINVAL;
	}
	return guest_config_from_json(json, config, why, size);
}

struct json *guest_config_to_json(const struct guest_config *c)
{
	AUTO_JSON struct json *json = json_new(JSON_OBJECT);
	struct json *vifs = json_new(JSON_ARRAY), *vbds = json_new(JSON_ARRAY);
	int r = 0;

	for (unsigned i = 0; i < c->vif_count; i++)
		r |= json_append(vifs, vif_to_json(&c->vifs[i]));
	for (unsigned i = 0; i < c->vbd_count; i++)
		r |= json_append(vbds, vbd_to_json(&c->vbds[i]));
	r |= json_set(json, "vif", vifs);
	r |= json_set(json, "disk", vbds);
	r |= json_set_string(json, "name", c->name);
	r |= json_set_string(json, "type", type_names[c->type]);
	r |= json_set_string(json, "kernel", c->kernel);
	if (c->ramdisk[0])
		r |= json_set_string(json, "ramdisk", c->ramdisk);
	r |= json_set_string(json, "cmdline", c->cmdline);
	r |= json_set_int(json, "memory", c->memory_mib);
	r |= json_set_int(json, "vcpus", c->vcpus);
	if (c->uuid[0])
		r |= json_set_string(json, "uuid", c->uuid);
	r |= json_set_string(json, "on_poweroff", action_names[c->on_poweroff]);
	r |= json_set_string(json, "on_reboot", action_names[c->on_reboot]);
	r |= json_set_string(json, "on_crash", action_names[c->on_crash]);
	return r < 0 ? NULL : TAKE_PTR(json);
}
