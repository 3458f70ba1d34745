// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parameters of requests, from JSON to structs. Pure. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "pci.h"
#include "request.h"

#define EVENT_CHANNELS_DEFAULT 1023 /* as xl: bounds what a guest can make Xen allocate */
#define EVENT_CHANNELS_MAX 131071   /* of the FIFO ABI */
#define GRANT_FRAMES_MAX 4096

/* Every key of PARAMS is one of the NULL-terminated list, and there once. */
static int only_keys(const struct json *params, const char *const *keys, struct failure *failure)
{
	if (params && params->type != JSON_OBJECT)
		return fail(failure, EINVAL, "parameters: an object is wanted");
	json_for_each(item, params) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], item->key))
			i++;
		if (!keys[i])
			return fail(failure, EINVAL, "parameter %.40s: unknown", item->key);
		if (json_get(params, item->key) != item)
			return fail(failure, EINVAL, "parameter %.40s: given twice", item->key);
	}
	return 0;
}

static int get_int(const struct json *params, const char *key, int64_t min, int64_t max, int64_t *out,
		   struct failure *failure)
{
	int ret = json_read_int(params, key, min, max, out);

	if (ret == -ENOENT)
		return fail(failure, EINVAL, "parameter %s: missing", key);
	if (ret < 0)
		return fail(failure, EINVAL, "parameter %s: a whole number from %lld to %lld is wanted", key, (long long)min,
			    (long long)max);
	return 0;
}

/* OUT keeps its value when the key is missing. */
static int get_int_or(const struct json *params, const char *key, int64_t min, int64_t max, int64_t *out,
		      struct failure *failure)
{
	return json_get(params, key) ? get_int(params, key, min, max, out, failure) : 0;
}

static int get_bool_or(const struct json *params, const char *key, bool *out, struct failure *failure)
{
	const struct json *item = json_get(params, key);

	if (item && item->type != JSON_BOOL)
		return fail(failure, EINVAL, "parameter %s: true or false is wanted", key);
	if (item)
		*out = item->integer;
	return 0;
}

static int get_string(const struct json *params, const char *key, bool needed, char *out, size_t size,
		      struct failure *failure)
{
	const struct json *item = json_get(params, key);

	out[0] = '\0';
	if (!item)
		return needed ? fail(failure, EINVAL, "parameter %s: missing", key) : 0;
	if (item->type != JSON_STRING)
		return fail(failure, EINVAL, "parameter %s: a string is wanted", key);
	if (format(out, size, "%s", item->string) < 0)
		return fail(failure, ENAMETOOLONG, "parameter %s: %zu bytes, at most %zu", key, strlen(item->string), size - 1);
	return 0;
}

static int get_path(const struct json *params, const char *key, bool needed, char *out, struct failure *failure)
{
	int ret = get_string(params, key, needed, out, BUILD_PATH_MAX + 1, failure);

	if (ret == 0 && out[0] && out[0] != '/')
		return fail(failure, EINVAL, "%s %s: an absolute path is wanted", key, out);
	if (ret == 0 && needed && !out[0])
		return fail(failure, EINVAL, "parameter %s: empty", key);
	return ret;
}

static int hex_digit(int c)
{
	if (isdigit(c))
		return c - '0';
	return isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int parse_uuid(const char *text, uint8_t uuid[16])
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		int digit = hex_digit((unsigned char)*p);
		size_t at = p - text;

		if (at == 8 || at == 13 || at == 18 || at == 23) {
			if (*p != '-')
				return -EINVAL;
			continue;
		}
		if (digit < 0 || n == 32)
			return -EINVAL;
		uuid[n / 2] = n % 2 ? uuid[n / 2] | digit : digit << 4;
		n++;
	}
	return n == 32 ? 0 : -EINVAL;
}

static int get_uuid(const struct json *params, uint8_t uuid[16], struct failure *failure)
{
	char text[40];
	int ret = get_string(params, "uuid", true, text, sizeof(text), failure);

	if (ret == 0 && parse_uuid(text, uuid) < 0)
		return fail(failure, EINVAL, "parameter uuid: %s is none", text);
	return ret;
}

static int get_pci(const struct json *params, struct domain_spec *spec, struct failure *failure)
{
	const struct json *list = json_get(params, "pci");

	if (list && list->type != JSON_ARRAY)
		return fail(failure, EINVAL, "parameter pci: a list is wanted");
	if (json_count(list) > BUILD_PCI_MAX)
		return fail(failure, E2BIG, "parameter pci: %zu devices, at most %d", json_count(list), BUILD_PCI_MAX);
	json_for_each(item, list) {
		if (item->type != JSON_STRING || pci_parse_address(item->string, &spec->pci[spec->pci_count]) < 0)
			return fail(failure, EINVAL, "parameter pci: an address like 0000:00:05.0 is wanted%s%.40s",
				    item->type == JSON_STRING ? ", not " : "", item->type == JSON_STRING ? item->string : "");
		for (size_t i = 0; i < spec->pci_count; i++)
			if (!memcmp(&spec->pci[i], &spec->pci[spec->pci_count], sizeof(spec->pci[i])))
				return fail(failure, EINVAL, "parameter pci: %s twice", item->string);
		spec->pci_count++;
	}
	return 0;
}

static int get_texts(const struct json *params, struct domain_spec *spec, struct failure *failure)
{
	char type[8];
	int ret = get_string(params, "name", true, spec->name, sizeof(spec->name), failure);

	if (ret == 0 && !name_valid(spec->name))
		ret = fail(failure, EINVAL, "parameter name: letters, digits, _ . - are wanted");
	if (ret == 0)
		ret = get_string(params, "type", true, type, sizeof(type), failure);
	if (ret == 0 && strcmp(type, "pv") && strcmp(type, "pvh") && strcmp(type, "hvm"))
		ret = fail(failure, EINVAL, "parameter type: pv, pvh or hvm is wanted, not %s", type);
	if (ret < 0)
		return ret;
	spec->type = !strcmp(type, "pv") ? DOMAIN_PV : !strcmp(type, "pvh") ? DOMAIN_PVH : DOMAIN_HVM;
	ret = get_path(params, "kernel", true, spec->kernel, failure);
	if (ret == 0)
		ret = get_path(params, "ramdisk", false, spec->ramdisk, failure);
	if (ret == 0)
		ret = get_string(params, "cmdline", false, spec->cmdline, sizeof(spec->cmdline), failure);
	return ret == 0 ? get_uuid(params, spec->uuid, failure) : ret;
}

static int get_numbers(const struct json *params, struct domain_spec *spec, struct failure *failure)
{
	int64_t domid = 0, target = 0, memory = 0, vcpus = 1, console = DOMID_NONE, store = DOMID_NONE, grants = -1, maptrack = -1,
		channels = EVENT_CHANNELS_DEFAULT;
	int ret = get_int_or(params, "domid", 0, DOMID_LIMIT - 1, &domid, failure);

	if (ret == 0)
		ret = get_int_or(params, "target", DOMID_GUEST_FIRST, DOMID_LIMIT - 1, &target, failure);
	if (ret == 0)
		ret = get_int(params, "memory_kib", BUILD_MEMORY_KIB_MIN, BUILD_MEMORY_KIB_MAX, &memory, failure);
	if (ret == 0 && memory % 4)
		ret = fail(failure, EINVAL, "parameter memory_kib: a multiple of 4 is wanted");
	if (ret == 0)
		ret = get_int_or(params, "vcpus", 1, BUILD_VCPUS_MAX, &vcpus, failure);
	if (ret == 0)
		ret = get_int_or(params, "console_domid", DOMID_NONE, DOMID_LIMIT - 1, &console, failure);
	if (ret == 0)
		ret = get_int_or(params, "store_domid", DOMID_NONE, DOMID_LIMIT - 1, &store, failure);
	if (ret == 0)
		ret = get_int_or(params, "max_grant_frames", -1, GRANT_FRAMES_MAX, &grants, failure);
	if (ret == 0)
		ret = get_int_or(params, "max_maptrack_frames", -1, GRANT_FRAMES_MAX, &maptrack, failure);
	if (ret == 0)
		ret = get_int_or(params, "max_event_channels", 1, EVENT_CHANNELS_MAX, &channels, failure);
	spec->domid = domid;
	spec->target = target;
	spec->memory_kib = memory;
	spec->vcpus = vcpus;
	spec->console_domid = console;
	spec->store_domid = store;
	spec->max_grant_frames = grants;
	spec->max_maptrack_frames = maptrack;
	spec->max_event_channels = channels;
	return ret;
}

int request_build(const struct json *params, struct domain_spec *spec, struct failure *failure)
{
	static const char *const keys[] = {"name", "domid", "type", "kernel", "ramdisk", "cmdline", "memory_kib", "vcpus",
					   "uuid", "console_domid", "store_domid", "xs_domain", "reloadable", "revive", "pci", "acpi",
					   "e820_host", "max_grant_frames", "max_maptrack_frames", "max_event_channels",
					   "target", NULL};
	int ret = only_keys(params, keys, failure);

	*spec = (struct domain_spec){0};
	if (ret == 0)
		ret = get_texts(params, spec, failure);
	if (ret == 0)
		ret = get_numbers(params, spec, failure);
	if (ret == 0)
		ret = get_bool_or(params, "xs_domain", &spec->xs_domain, failure);
	if (ret == 0)
		ret = get_bool_or(params, "reloadable", &spec->reloadable, failure);
	if (ret == 0)
		ret = get_bool_or(params, "revive", &spec->revive, failure);
	spec->acpi = spec->type == DOMAIN_PVH && !spec->reloadable;
	if (ret == 0)
		ret = get_bool_or(params, "acpi", &spec->acpi, failure);
	if (ret == 0)
		ret = get_pci(params, spec, failure);
	spec->e820_host = spec->pci_count > 0;
	if (ret == 0)
		ret = get_bool_or(params, "e820_host", &spec->e820_host, failure);
	if (ret < 0)
		return ret;
	if (spec->type == DOMAIN_HVM && spec->memory_kib < BUILD_HVM_MEMORY_KIB_MIN)
		return fail(failure, EINVAL, "domain %s: an HVM guest's firmware needs %d MiB", spec->name,
			    BUILD_HVM_MEMORY_KIB_MIN >> 10);
	if (spec->pci_count && spec->type != DOMAIN_PV)
		return fail(failure, ENOTSUP, "domain %s: a PVH or HVM domain cannot have PCI devices: use type pv", spec->name);
	if (spec->e820_host && spec->type != DOMAIN_PV)
		return fail(failure, EINVAL, "parameter e820_host: only for type pv");
	if (spec->reloadable && (spec->type != DOMAIN_PVH || spec->vcpus != 1))
		return fail(failure, EINVAL, "parameter reloadable: only for type pvh with 1 vCPU");
	if (spec->revive && !spec->reloadable)
		return fail(failure, EINVAL, "parameter revive: only for reloadable domains");
	if (spec->acpi && spec->type != DOMAIN_PVH)
		return fail(failure, EINVAL, "parameter acpi: only for type pvh");
	return 0;
}

static int get_domid(const struct json *params, uint32_t *domid, struct failure *failure)
{
	int64_t value;
	int ret = get_int(params, "domid", 1, DOMID_LIMIT - 1, &value, failure);

	if (ret == 0)
		*domid = value;
	return ret;
}

int request_domid(const struct json *params, uint32_t *domid, struct failure *failure)
{
	static const char *const keys[] = {"domid", NULL};
	int ret = only_keys(params, keys, failure);

	return ret < 0 ? ret : get_domid(params, domid, failure);
}

int request_shutdown(const struct json *params, uint32_t *domid, int *reason, struct failure *failure)
{
	static const char *const keys[] = {"domid", "reason", NULL};
	int ret = only_keys(params, keys, failure);
	int64_t value = 0;

	if (ret == 0)
		ret = get_domid(params, domid, failure);
	if (ret == 0)
		ret = get_int_or(params, "reason", 0, SHUTDOWN_MAX, &value, failure);
	*reason = value;
	return ret;
}

static int get_cpus(const struct json *params, struct domain_settings *settings, struct failure *failure)
{
	const struct json *list = json_get(params, "cpus");

	settings->bind = list != NULL;
	if (list && (list->type != JSON_ARRAY || !list->first))
		return fail(failure, EINVAL, "parameter cpus: a list of processors is wanted");
	json_for_each(item, list) {
		if (item->type != JSON_INT || item->integer < 0 || item->integer >= SETTINGS_CPUS_MAX)
			return fail(failure, EINVAL, "parameter cpus: numbers below %d are wanted", SETTINGS_CPUS_MAX);
		settings->cpus[item->integer / 8] |= 1 << item->integer % 8;
	}
	return 0;
}

int request_set(const struct json *params, uint32_t *domid, struct domain_settings *settings, struct failure *failure)
{
	static const char *const keys[] = {"domid", "max_kib", "weight", "cap", "cpus", NULL};
	int ret = only_keys(params, keys, failure);
	int64_t max_kib = -1, weight = -1, cap = -1;

	*settings = (struct domain_settings){0};
	if (ret == 0)
		ret = get_domid(params, domid, failure);
	if (ret == 0)
		ret = get_int_or(params, "max_kib", BUILD_MEMORY_KIB_MIN, BUILD_MEMORY_KIB_MAX, &max_kib, failure);
	if (ret == 0)
		ret = get_int_or(params, "weight", 1, UINT16_MAX, &weight, failure);
	if (ret == 0)
		ret = get_int_or(params, "cap", 0, UINT16_MAX, &cap, failure);
	settings->max_kib = max_kib;
	settings->weight = weight;
	settings->cap = cap;
	return ret < 0 ? ret : get_cpus(params, settings, failure);
}

int request_save(const struct json *params, uint32_t *domid, bool *live, struct failure *failure)
{
	static const char *const keys[] = {"domid", "live", NULL};
	int ret = only_keys(params, keys, failure);

	*live = false;
	if (ret == 0)
		ret = get_domid(params, domid, failure);
	return ret < 0 ? ret : get_bool_or(params, "live", live, failure);
}

int request_dump(const struct json *params, uint32_t *domid, uint64_t *max_bytes, struct failure *failure)
{
	static const char *const keys[] = {"domid", "max_bytes", NULL};
	int ret = only_keys(params, keys, failure);
	int64_t value = 0;

	if (ret == 0)
		ret = get_domid(params, domid, failure);
	if (ret == 0)
		ret = get_int(params, "max_bytes", 0, INT64_MAX, &value, failure);
	*max_bytes = value;
	return ret;
}

int request_list(const struct json *params, uint32_t *first, uint32_t *max, struct failure *failure)
{
	static const char *const keys[] = {"first", "max", NULL};
	int64_t from = 0, count = LIST_MAX;
	int ret = only_keys(params, keys, failure);

	if (ret == 0)
		ret = get_int_or(params, "first", 0, DOMID_LIMIT - 1, &from, failure);
	if (ret == 0)
		ret = get_int_or(params, "max", 1, LIST_MAX, &count, failure);
	*first = from;
	*max = count;
	return ret;
}

static int get_address(const struct json *params, struct pci_address *address, struct failure *failure)
{
	char text[PCI_TEXT_MAX];
	int ret = get_string(params, "bdf", true, text, sizeof(text), failure);

	if (ret == 0 && pci_parse_address(text, address) < 0)
		return fail(failure, EINVAL, "parameter bdf: an address like 0000:00:05.0 is wanted, not %s", text);
	return ret;
}

int request_pci(const struct json *params, struct pci_address *address, struct failure *failure)
{
	static const char *const keys[] = {"bdf", NULL};
	int ret = only_keys(params, keys, failure);

	return ret < 0 ? ret : get_address(params, address, failure);
}

int request_pci_assign(const struct json *params, uint32_t *domid, struct pci_address *address, struct failure *failure)
{
	static const char *const keys[] = {"domid", "bdf", NULL};
	int ret = only_keys(params, keys, failure);

	if (ret == 0)
		ret = get_domid(params, domid, failure);
	return ret < 0 ? ret : get_address(params, address, failure);
}

int request_reload(const struct json *params, uint32_t *domid, char image[BUILD_PATH_MAX + 1], struct failure *failure)
{
	static const char *const keys[] = {"domid", "image", NULL};
	int ret = only_keys(params, keys, failure);

	if (ret == 0)
		ret = get_domid(params, domid, failure);
	return ret < 0 ? ret : get_path(params, "image", true, image, failure);
}

const char *const fault_names[FAULT_KINDS] = {
	[FAULT_DESTROY] = "destroy", [FAULT_PANIC] = "panic",	[FAULT_NMI] = "nmi",
	[FAULT_HANG] = "hang",	     [FAULT_RESUME] = "resume", [FAULT_SLOW] = "slow"};

int request_fault(const struct json *params, struct fault *fault, struct failure *failure)
{
	static const char *const keys[] = {"domid", "fault", "percent", NULL};
	int64_t percent = 0;
	char name[16];
	int kind = 0, ret = only_keys(params, keys, failure);

	if (ret == 0)
		ret = get_domid(params, &fault->domid, failure);
	if (ret == 0)
		ret = get_string(params, "fault", true, name, sizeof(name), failure);
	while (ret == 0 && kind < FAULT_KINDS && strcmp(fault_names[kind], name))
		kind++;
	if (ret == 0 && kind == FAULT_KINDS)
		ret = fail(failure, EINVAL, "parameter fault: %s is none", name);
	if (ret == 0)
		ret = get_int_or(params, "percent", 0, 100, &percent, failure);
	if (ret < 0)
		return ret;
	fault->kind = (enum fault_kind)kind;
	fault->percent = (unsigned)percent;
	return 0;
}

int request_none(const struct json *params, struct failure *failure)
{
	static const char *const keys[] = {NULL};

	return only_keys(params, keys, failure);
}
