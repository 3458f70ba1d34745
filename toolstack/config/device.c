// SPDX-License-Identifier: LGPL-2.1-or-later
/* Devices of a guest: each becomes a list of key=value settings first, then one table checks them. */
#include "config/device.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define DEVICE_TEXT_MAX 256
#define XVD_MAJOR 202

typedef int set_fn(void *device, const char *key, const char *value, char *why, size_t size);

static bool interface_valid(const char *name)
{
	return name_valid(name) && strlen(name) < 16;
}

static bool mac_valid(const char *mac)
{
	for (unsigned i = 0; i < 17; i++) {
		if (i % 3 == 2 ? mac[i] != ':' : !isxdigit((unsigned char)mac[i]))
			return false;
	}
	return !mac[17] && !(strtoul(mac, NULL, 16) & 1); /* a multicast address is no station's */
}

int vdev_number(const char *vdev)
{
	const char *p = vdev + 3;
	unsigned disk, part = 0;

	if (strncmp(vdev, "xvd", 3) || *p < 'a' || *p > 'z')
		return -EINVAL;
	disk = (unsigned)(*p++ - 'a');
	if (*p >= 'a' && *p <= 'z')
		disk = (disk + 1) * 26 + (unsigned)(*p++ - 'a');
	for (; isdigit((unsigned char)*p) && part < 256; p++)
		part = part * 10 + (unsigned)(*p - '0');
	if (*p || part > 255)
		return -EINVAL;
	if (disk < 16 && part < 16)
		return (int)(XVD_MAJOR << 8 | disk << 4 | part);
	return (int)(1u << 28 | disk << 8 | part);
}

static int set_vif(void *device, const char *key, const char *value, char *why, size_t size)
{
	struct guest_vif *vif = device;

	if (!strcmp(key, "mac")) {
		if (!mac_valid(value))
			return snprintf(why, size, "mac: %s is no unicast address like 00:16:3e:01:02:03", value), -EINVAL;
		strcpy(vif->mac, value);
	} else if (!strcmp(key, "bridge")) {
		if (!interface_valid(value))
			return snprintf(why, size, "bridge: %s is no interface name", value), -EINVAL;
		strcpy(vif->bridge, value);
	} else if (!strcmp(key, "backend")) {
		if (!name_valid(value))
			return snprintf(why, size, "backend: %s is no name", value), -EINVAL;
		strcpy(vif->backend, value);
	} else if (!strcmp(key, "devid")) {
		uint64_t id;

		if (parse_u64(value, 0, VIF_ID_MAX, &id) < 0)
			return snprintf(why, size, "devid: expected 0 to %d, not %s", VIF_ID_MAX, value), -EINVAL;
		vif->id = (unsigned)id;
	} else if (!strcmp(key, "type")) {
		if (strcmp(value, "vif"))
			return snprintf(why, size, "type: only vif is supported, not %s", value), -EINVAL;
	} else {
		return snprintf(why, size, "%s: this key is not supported; supported are mac, bridge, backend, devid", key), -EINVAL;
	}
	return 0;
}

static int set_access(struct guest_vbd *vbd, const char *value, char *why, size_t size)
{
	if (!strcmp(value, "rw") || !strcmp(value, "w"))
		vbd->writable = true;
	else if (!strcmp(value, "ro") || !strcmp(value, "r"))
		vbd->writable = false;
	else
		return snprintf(why, size, "access: expected rw or ro, not %s", value), -EINVAL;
	return 0;
}

static int set_vbd(void *device, const char *key, const char *value, char *why, size_t size)
{
	struct guest_vbd *vbd = device;

	if (!strcmp(key, "vdev")) {
		int n = vdev_number(value);

		if (n < 0 || strlen(value) >= sizeof(vbd->vdev))
			return snprintf(why, size, "vdev: %s is no disk name like xvda", value), -EINVAL;
		strcpy(vbd->vdev, value);
		vbd->number = (unsigned)n;
	} else if (!strcmp(key, "target")) {
		if (!strncmp(value, "/dev/", 5))
			value += 5; /* as xl users write it; the name is looked up in the disk service's catalogue */
		if (!name_valid(value))
			return snprintf(why, size, "target: %s is no name of the disk service's catalogue", value), -EINVAL;
		strcpy(vbd->target, value);
	} else if (!strcmp(key, "backend")) {
		if (!name_valid(value))
			return snprintf(why, size, "backend: %s is no name", value), -EINVAL;
		strcpy(vbd->backend, value);
	} else if (!strcmp(key, "access")) {
		return set_access(vbd, value, why, size);
	} else if (!strcmp(key, "format")) {
		if (strcmp(value, "raw"))
			return snprintf(why, size, "format: only raw is supported, not %s", value), -EINVAL;
	} else if (!strcmp(key, "backendtype")) {
		if (strcmp(value, "phy"))
			return snprintf(why, size, "backendtype: only phy is supported, not %s", value), -EINVAL;
	} else {
		return snprintf(why, size, "%s: this key is not supported; supported are target, vdev, access, backend, format, "
					   "backendtype", key), -EINVAL;
	}
	return 0;
}

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* "a=b,c=d,e": fields without '=' take the names in POSITIONS in turn; an empty field keeps its default. */
static int read_text(const char *text, const char *const positions[], set_fn *set, void *device, char *why, size_t size)
{
	char copy[DEVICE_TEXT_MAX], *rest = copy, *field;
	unsigned position = 0;

	if (format(copy, sizeof(copy), "%s", text) < 0)
		return snprintf(why, size, "longer than %d characters", DEVICE_TEXT_MAX - 1), -EINVAL;
	while ((field = strsep(&rest, ","))) {
		char *value = strchr(field, '=');
		const char *key;
		int r;

		if (value) {
			*value++ = '\0';
			key = trim(field);
			value = trim(value);
		} else {
			value = trim(field);
			key = positions[position];
			if (!*value) {
				position += key != NULL;
				continue;
			}
			if (!key)
				return snprintf(why, size, "'%s' without a key", value), -EINVAL;
			position++;
		}
		r = set(device, key, value, why, size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_object(const struct json *object, set_fn *set, void *device, char *why, size_t size)
{
	json_for_each(item, object) {
		int r;

		if (item->type != JSON_STRING)
			return snprintf(why, size, "%.60s: expected a string", item->key), -EINVAL;
		if (strlen(item->string) >= DEVICE_TEXT_MAX)
			return snprintf(why, size, "%.60s: too long", item->key), -EINVAL;
		r = set(device, item->key, item->string, why, size);
		if (r < 0)
			return r;
	}
	return 0;
}

int vif_read(const struct json *item, struct guest_vif *vif, char *why, size_t size)
{
	static const char *const positions[] = {NULL};

	*vif = (struct guest_vif){.id = VIF_ID_NONE, .bridge = "xenbr0"};
	if (item->type == JSON_STRING)
		return read_text(item->string, positions, set_vif, vif, why, size);
	if (item->type == JSON_OBJECT)
		return read_object(item, set_vif, vif, why, size);
	return snprintf(why, size, "expected a string or an object"), -EINVAL;
}

int vbd_read(const struct json *item, struct guest_vbd *vbd, char *why, size_t size)
{
	static const char *const current[] = {"target", "format", "vdev", "access", NULL};
	static const char *const prefixed[] = {"target", "vdev", "access", NULL}; /* "phy:target,vdev,access" */
	int r;

	*vbd = (struct guest_vbd){.writable = true};
	if (item->type == JSON_STRING && !strncmp(item->string, "phy:", 4))
		r = read_text(item->string + 4, prefixed, set_vbd, vbd, why, size);
	else if (item->type == JSON_STRING)
		r = read_text(item->string, current, set_vbd, vbd, why, size);
	else if (item->type == JSON_OBJECT)
		r = read_object(item, set_vbd, vbd, why, size);
	else
		return snprintf(why, size, "expected a string or an object"), -EINVAL;
	if (r == 0 && !vbd->target[0])
		return snprintf(why, size, "target is missing"), -EINVAL;
	if (r == 0 && !vbd->vdev[0])
		return snprintf(why, size, "vdev is missing"), -EINVAL;
	return r;
}

struct json *vif_to_json(const struct guest_vif *vif)
{
	char id[12];

	snprintf(id, sizeof(id), "%u", vif->id);
	return json_build("bridge=%s devid=%s mac~%s backend~%s", vif->bridge, id, vif->mac, vif->backend);
}

struct json *vbd_to_json(const struct guest_vbd *vbd)
{
	return json_build("target=%s vdev=%s access=%s backend~%s", vbd->target, vbd->vdev, vbd->writable ? "rw" : "ro", vbd->backend);
}
