// SPDX-License-Identifier: LGPL-2.1-or-later
/* Devices of a guest: xl's text becomes an object of strings first, then one table checks it. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/guest.h"

#define DEVICE_TEXT_MAX 256
#define XVD_MAJOR 202

/* The xenstore number of a virtual disk name, or -EINVAL: xvda to xvdzz, with a partition number or without (vbd-interface.txt of Xen). */
static int vdev_number(const char *vdev)
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

/* --- keys --- */

static int read_mac(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	int e = key_hex.read(r, key, value, field);

	if (e == 0 && strtoul(field, NULL, 16) & 1)
		return key_complain(r, "mac: %s is a multicast address, which is no station's", (const char *)field);
	return e;
}

static int read_vdev(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	struct guest_device *device = r->object;
	int number = value->type == JSON_STRING ? vdev_number(value->string) : -EINVAL;

	if (number < 0)
		return key_complain(r, "vdev: expected a disk name like xvda");
	device->id = (unsigned)number;
	return key_text.read(r, key, value, field);
}

/* "/dev/" is as xl's users write it; the name is looked up in the disk service's catalogue. */
static int read_target(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	struct json name = *value;

	if (name.type == JSON_STRING && !strncmp(name.string, "/dev/", 5))
		name.string += 5;
	return key_name.read(r, key, &name, field);
}

static int read_access(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	unsigned word;
	int e = key_word.read(r, key, value, &word);

	if (e == 0)
		*(bool *)field = word & 1;
	return e;
}

static struct json *write_access(const struct key *key, const void *field)
{
	return json_new_string(key->words[*(const bool *)field]);
}

static const struct key_type mac = {read_mac, key_write_text}, vdev = {read_vdev, key_write_text}, target = {read_target, key_write_text},
			     access_mode = {read_access, write_access};
static const char *const accesses[] = {"ro", "rw", "r", "w", NULL}, *const raw[] = {"raw", NULL}, *const phy[] = {"phy", NULL},
		  *const vif_type[] = {"vif", NULL};

static const struct key vif_keys[] = {
	KEY("mac", mac, struct guest_device, mac, .pattern = "xx:xx:xx:xx:xx:xx"),
	KEY("bridge", key_name, struct guest_device, bridge),
	KEY("backend", key_name, struct guest_device, backend),
	KEY("devid", key_number, struct guest_device, id, .max = VIF_ID_MAX),
	{"type", &key_only, .words = vif_type},
	{0},
};
static const struct key vbd_keys[] = {
	KEY("target", target, struct guest_device, target),
	KEY("vdev", vdev, struct guest_device, name),
	KEY("access", access_mode, struct guest_device, writable, .words = accesses),
	KEY("backend", key_name, struct guest_device, backend),
	{"format", &key_only, .words = raw},
	{"backendtype", &key_only, .words = phy},
	{0},
};

/* --- text --- */

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
static int read_text(const struct key_reader *r, const char *text, const char *const positions[], struct json *object)
{
	char copy[DEVICE_TEXT_MAX], *rest = copy, *field;

	if (format(copy, sizeof(copy), "%s", text) < 0)
		return key_complain(r, "longer than %d characters", DEVICE_TEXT_MAX - 1);
	while ((field = strsep(&rest, ","))) {
		char *value = strchr(field, '=');
		const char *key = *positions;

		if (value) {
			*value++ = '\0';
			key = trim(field);
			value = trim(value);
		} else {
			value = trim(field);
			positions += key != NULL;
			if (!*value)
				continue;
			if (!key)
				return key_complain(r, "'%s' without a key", value);
		}
		if (json_set_string(object, key, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int text_to_object(const struct key_reader *r, enum device_kind kind, const char *text, struct json **object)
{
	static const char *const vif[] = {NULL}, *const vbd[] = {"target", "format", "vdev", "access", NULL};
	static const char *const vbd_prefixed[] = {"target", "vdev", "access", NULL}; /* "phy:target,vdev,access" */
	bool prefixed = kind == DEVICE_VBD && !strncmp(text, "phy:", 4);

	*object = json_new(JSON_OBJECT);
	if (prefixed)
		return read_text(r, text + 4, vbd_prefixed, *object);
	return read_text(r, text, kind == DEVICE_VIF ? vif : vbd, *object);
}

/* --- adding to a guest's --- */

const char *device_kind_name(enum device_kind kind)
{
	return kind == DEVICE_VIF ? "vif" : "vbd";
}

static bool has_device(const struct guest_config *c, enum device_kind kind, unsigned id)
{
	for (unsigned i = 0; i < c->device_count; i++) {
		if (c->devices[i].kind == kind && c->devices[i].id == id)
			return true;
	}
	return false;
}

/* What concerns more than one key, or other devices. */
static int check(const struct guest_config *c, struct guest_device *device, const struct key_reader *r)
{
	if (device->kind == DEVICE_VIF && device->id == DEVICE_ID_NONE) {
		for (device->id = 0; has_device(c, DEVICE_VIF, device->id);)
			device->id++;
	}
	if (device->kind == DEVICE_VIF)
		snprintf(device->name, sizeof(device->name), "vif%u", device->id);
	if (device->kind == DEVICE_VBD && (!device->target[0] || !device->name[0]))
		return key_complain(r, "%s is missing", device->target[0] ? "vdev" : "target");
	return has_device(c, device->kind, device->id) ? key_complain(r, "%s is used twice", device->name) : 0;
}

int guest_config_add_device(struct guest_config *c, enum device_kind kind, const struct json *item, char *why, size_t size)
{
	struct guest_device *device = &c->devices[c->device_count];
	struct key_reader r = {device, why, size};
	unsigned max = kind == DEVICE_VIF ? GUEST_VIFS_MAX : GUEST_VBDS_MAX, count = 0;
	AUTO_JSON struct json *object = NULL;
	int e = 0;

	for (unsigned i = 0; i < c->device_count; i++)
		count += c->devices[i].kind == kind;
	if (count == max)
		return key_complain(&r, "more than %u %ss", max, device_kind_name(kind));
	*device = (struct guest_device){.kind = kind, .id = DEVICE_ID_NONE, .writable = true, .bridge = "xenbr0"};
	if (item->type == JSON_STRING)
		e = text_to_object(&r, kind, item->string, &object);
	if (e == 0)
		e = keys_read(&r, kind == DEVICE_VIF ? vif_keys : vbd_keys, 0, "", object ? object : item);
	if (e == 0)
		e = check(c, device, &r);
	if (e == 0)
		c->device_count++;
	return e;
}

struct json *guest_device_to_json(const struct guest_device *device)
{
	return keys_write(device->kind == DEVICE_VIF ? vif_keys : vbd_keys, device);
}
