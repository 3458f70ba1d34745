// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parameters of requests: one table says where each goes and what it may be; and what failures say. Pure. */
#include "methods.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/base64.h"

#define EVENT_CHANNELS_DEFAULT 1023 /* as xl: bounds what a guest can make Xen allocate */
#define EVENT_CHANNELS_MAX 131071   /* of the FIFO ABI */
#define GRANT_FRAMES_MAX 4096

int fail_with(struct failure *failure, int error, const char *fmt, ...)
{
	va_list ap;

	failure->error = error > 0 ? error : EIO;
	va_start(ap, fmt);
	vsnprintf(failure->message, sizeof(failure->message), fmt, ap);
	va_end(ap);
	return -failure->error;
}

struct key {
	const char *name;
	int (*read)(const struct json *value, const struct key *key, void *out, struct failure *failure);
	size_t offset, size; /* in struct request */
	int64_t min, max;
};

static int read_number(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	if (value->type != JSON_INT || value->integer < key->min || value->integer > key->max)
		return fail_with(failure, EINVAL, "parameter %s: a whole number from %lld to %lld is wanted", key->name, (long long)key->min,
			    (long long)key->max);
	if (key->size == sizeof(int64_t))
		*(int64_t *)out = value->integer;
	else
		*(int32_t *)out = (int32_t)value->integer;
	return 0;
}

static int read_bool(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	if (value->type != JSON_BOOL)
		return fail_with(failure, EINVAL, "parameter %s: true or false is wanted", key->name);
	*(bool *)out = value->integer;
	return 0;
}

static int read_text(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	if (value->type != JSON_STRING)
		return fail_with(failure, EINVAL, "parameter %s: a string is wanted", key->name);
	if (format(out, key->size, "%s", value->string) < 0)
		return fail_with(failure, ENAMETOOLONG, "parameter %s: %zu bytes, at most %zu", key->name, strlen(value->string), key->size - 1);
	return 0;
}

static int read_path(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	const char *path = out;
	int ret = read_text(value, key, out, failure);

	if (ret == 0 && !*path)
		return fail_with(failure, EINVAL, "parameter %s: empty", key->name);
	if (ret == 0 && *path != '/')
		return fail_with(failure, EINVAL, "%s %s: an absolute path is wanted", key->name, path);
	return ret;
}

static int read_name(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	int ret = read_text(value, key, out, failure);

	return ret == 0 && !name_valid(out) ? fail_with(failure, EINVAL, "parameter name: letters, digits, _ . - are wanted") : ret;
}

static int read_type(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	static const char *const words[] = {[DOMAIN_PV] = "pv", [DOMAIN_PVH] = "pvh", [DOMAIN_HVM] = "hvm"};
	const char *text = value->type == JSON_STRING ? value->string : "this";

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]))
			continue;
		*(enum domain_type *)out = (enum domain_type)i;
		return 0;
	}
	return fail_with(failure, EINVAL, "parameter type: pv, pvh or hvm is wanted, not %.40s", text);
}

/* 8-4-4-4-12 hexadecimal digits. */
static int read_uuid(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
	const char *text = value->type == JSON_STRING ? value->string : "this";
	uint8_t *uuid = out;

	for (size_t i = 0; i < sizeof(shape); i++) {
		if (shape[i] == 'h' ? !isxdigit((unsigned char)text[i]) : text[i] != shape[i])
			return fail_with(failure, EINVAL, "parameter uuid: %.40s is none", text);
	}
	for (; *text; text += 2) {
		unsigned byte;

		text += *text == '-';
		sscanf(text, "%2x", &byte);
		*uuid++ = (uint8_t)byte;
	}
	return 0;
}

static int read_address(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	bool text = value->type == JSON_STRING;

	if (text && pci_parse_address(value->string, out) == 0)
		return 0;
	return fail_with(failure, EINVAL, "parameter %s: an address like 0000:00:05.0 is wanted%s%.40s", key->name, text ? ", not " : "",
		    text ? value->string : "");
}

static int read_pci(const struct json *list, const struct key *key, void *out, struct failure *failure)
{
	struct domain_spec *spec = out;

	if (list->type != JSON_ARRAY)
		return fail_with(failure, EINVAL, "parameter pci: a list is wanted");
	if (json_count(list) > BUILD_PCI_MAX)
		return fail_with(failure, E2BIG, "parameter pci: %zu devices, at most %d", json_count(list), BUILD_PCI_MAX);
	json_for_each(item, list) {
		uint32_t *address = &spec->pci[spec->pci_count];
		int ret = read_address(item, key, address, failure);

		if (ret < 0)
			return ret;
		for (size_t i = 0; i < spec->pci_count; i++)
			if (spec->pci[i] == *address)
				return fail_with(failure, EINVAL, "parameter pci: %s twice", item->string);
		spec->pci_count++;
	}
	return 0;
}

static int read_cpus(const struct json *list, const struct key *key, void *out, struct failure *failure)
{
	struct domain_settings *settings = out;

	if (list->type != JSON_ARRAY || !list->first)
		return fail_with(failure, EINVAL, "parameter cpus: a list of processors is wanted");
	settings->bind = true;
	json_for_each(item, list) {
		if (item->type != JSON_INT || item->integer < 0 || item->integer >= SETTINGS_CPUS_MAX)
			return fail_with(failure, EINVAL, "parameter cpus: numbers below %d are wanted", SETTINGS_CPUS_MAX);
		settings->cpus[item->integer / 8] |= 1 << item->integer % 8;
	}
	return 0;
}

static int read_tables(const struct json *value, const struct key *key, void *out, struct failure *failure)
{
	struct domain_spec *spec = out;
	ssize_t len = value->type == JSON_STRING ? base64_decode(value->string, spec->tables, sizeof(spec->tables)) : -EINVAL;

	if (len < 0)
		return fail_with(failure, EINVAL, "parameter tables: at most %zu bytes in base64 are wanted", sizeof(spec->tables));
	spec->tables_len = len;
	return 0;
}

#define PLACE(member) offsetof(struct request, member), sizeof(((struct request *)0)->member)

static const struct key keys[] = {
	{"domid", read_number, PLACE(domid), 1, DOMID_LIMIT - 1},
	{"first", read_number, PLACE(first), 0, DOMID_LIMIT - 1},
	{"max_bytes", read_number, PLACE(max_bytes), 0, INT64_MAX},
	{"live", read_bool, PLACE(live), 0, 0},
	{"image", read_path, PLACE(image), 0, 0},
	{"trust", read_bool, PLACE(trust), 0, 0},
	{"bdf", read_address, PLACE(bdf), 0, 0},
	{"max_kib", read_number, PLACE(set.max_kib), BUILD_MEMORY_KIB_MIN, BUILD_MEMORY_KIB_MAX},
	{"weight", read_number, PLACE(set.weight), 1, UINT16_MAX},
	{"cap", read_number, PLACE(set.cap), 0, UINT16_MAX},
	{"cpus", read_cpus, PLACE(set), 0, 0},
	{"name", read_name, PLACE(spec.name), 0, 0},
	{"type", read_type, PLACE(spec.type), 0, 0},
	{"kernel", read_path, PLACE(spec.kernel), 0, 0},
	{"ramdisk", read_path, PLACE(spec.ramdisk), 0, 0},
	{"cmdline", read_text, PLACE(spec.cmdline), 0, 0},
	{"uuid", read_uuid, PLACE(spec.uuid), 0, 0},
	{"memory_kib", read_number, PLACE(spec.memory_kib), BUILD_MEMORY_KIB_MIN, BUILD_MEMORY_KIB_MAX},
	{"vcpus", read_number, PLACE(spec.vcpus), 1, BUILD_VCPUS_MAX},
	{"target", read_number, PLACE(spec.target), DOMID_GUEST_FIRST, DOMID_LIMIT - 1},
	{"console_domid", read_number, PLACE(spec.console_domid), DOMID_NONE, DOMID_LIMIT - 1},
	{"store_domid", read_number, PLACE(spec.store_domid), DOMID_NONE, DOMID_LIMIT - 1},
	{"max_grant_frames", read_number, PLACE(spec.max_grant_frames), -1, GRANT_FRAMES_MAX},
	{"max_maptrack_frames", read_number, PLACE(spec.max_maptrack_frames), -1, GRANT_FRAMES_MAX},
	{"max_event_channels", read_number, PLACE(spec.max_event_channels), 1, EVENT_CHANNELS_MAX},
	{"xs_domain", read_bool, PLACE(spec.xs_domain), 0, 0},
	{"reloadable", read_bool, PLACE(spec.reloadable), 0, 0},
	{"revive", read_bool, PLACE(spec.revive), 0, 0},
	{"tables", read_tables, PLACE(spec), 0, 0},
	{"pci", read_pci, PLACE(spec), 0, 0},
};

/* What cannot be said of one parameter alone. */
static int check_spec(const struct domain_spec *spec, struct failure *failure)
{
	if (spec->memory_kib % 4)
		return fail_with(failure, EINVAL, "parameter memory_kib: a multiple of 4 is wanted");
	if (spec->type == DOMAIN_HVM && spec->memory_kib < BUILD_HVM_MEMORY_KIB_MIN)
		return fail_with(failure, EINVAL, "domain %s: an HVM guest's firmware needs %d MiB", spec->name, BUILD_HVM_MEMORY_KIB_MIN >> 10);
	if (spec->pci_count && spec->type != DOMAIN_PV)
		return fail_with(failure, ENOTSUP, "domain %s: a PVH or HVM domain cannot have PCI devices: use type pv", spec->name);
	if (spec->reloadable && (spec->type != DOMAIN_PVH || spec->vcpus != 1))
		return fail_with(failure, EINVAL, "parameter reloadable: only for type pvh with 1 vCPU");
	if (spec->tables_len && (spec->type != DOMAIN_PVH || spec->reloadable))
		return fail_with(failure, EINVAL, "parameter tables: only for PVH guests");
	if (spec->revive && !spec->reloadable)
		return fail_with(failure, EINVAL, "parameter revive: only for reloadable domains");
	return 0;
}

/* The entry of NAME if it is one of the words of TAKEN. */
static const struct key *find_key(const char *taken, const char *name)
{
	size_t len = strlen(name), i = 0;

	while (i < ARRAY_SIZE(keys) && strcmp(keys[i].name, name))
		i++;
	for (const char *word = taken; i < ARRAY_SIZE(keys) && *word; word += strcspn(word, " "), word += *word == ' ') {
		if (!strncmp(word, name, len) && strchr("! ", word[len]))
			return &keys[i];
	}
	return NULL;
}

static int check_needed(const struct json *params, const char *taken, struct failure *failure)
{
	for (const char *word = taken; *word; word += strspn(word, "! ")) {
		size_t len = strcspn(word, "! ");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		word += len;
		if (*word == '!' && !json_get(params, name))
			return fail_with(failure, EINVAL, "parameter %s: missing", name);
	}
	return 0;
}

int request_read(const struct json *params, const char *taken, struct request *request, struct failure *failure)
{
	int ret;

	*request = (struct request){
		.set = {.max_kib = -1, .weight = -1, .cap = -1},
		.spec = {.vcpus = 1, .console_domid = DOMID_NONE, .store_domid = DOMID_NONE, .max_grant_frames = -1,
			 .max_maptrack_frames = -1, .max_event_channels = EVENT_CHANNELS_DEFAULT},
	};
	if (params && params->type != JSON_OBJECT)
		return fail_with(failure, EINVAL, "parameters: an object is wanted");
	json_for_each(item, params) {
		const struct key *key = find_key(taken, item->key);

		if (!key)
			return fail_with(failure, EINVAL, "parameter %.40s: unknown", item->key);
		if (json_get(params, item->key) != item)
			return fail_with(failure, EINVAL, "parameter %.40s: given twice", item->key);
		ret = key->read(item, key, (char *)request + key->offset, failure);
		if (ret < 0)
			return ret;
	}
	request->spec.domid = request->domid;
	ret = check_needed(params, taken, failure);
	return ret < 0 ? ret : check_spec(&request->spec, failure);
}
