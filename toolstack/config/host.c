// SPDX-License-Identifier: LGPL-2.1-or-later
/* The host's desired state. */
#include "config/host.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define IMAGES "/usr/lib/atoll/images/"

static const char *const role_names[] = {
	[ROLE_STORE] = "store", [ROLE_CONSOLE] = "console", [ROLE_NET] = "net", [ROLE_DISK] = "disk", [ROLE_DM] = "dm",
	[ROLE_GUEST] = "guest"};

const char *role_name(enum role role)
{
	return role_names[role];
}

bool kernel_name_valid(const char *kernel)
{
	return *kernel == '/' || name_valid(kernel);
}

/* DDDD:BB:DD.F in hexadecimal */
static bool bdf_valid(const char *bdf)
{
	static const char pattern[] = "xxxx:xx:xx.x";

	for (unsigned i = 0; i < sizeof(pattern) - 1; i++) {
		if (pattern[i] == 'x' ? !isxdigit((unsigned char)bdf[i]) : bdf[i] != pattern[i])
			return false;
	}
	return !bdf[sizeof(pattern) - 1];
}

static int read_pci(const struct json *list, struct host_service *service, char *why, size_t size)
{
	if (list->type != JSON_ARRAY)
		return snprintf(why, size, "pci: expected a list"), -EINVAL;
	json_for_each(item, list) {
		if (item->type != JSON_STRING || !bdf_valid(item->string))
			return snprintf(why, size, "pci: expected addresses like \"0000:00:05.0\""), -EINVAL;
		if (service->pci_count == SERVICE_PCI_MAX)
			return snprintf(why, size, "pci: more than %d devices", SERVICE_PCI_MAX), -EINVAL;
		for (char *c = strcpy(service->pci[service->pci_count], item->string); *c; c++)
			*c = (char)tolower((unsigned char)*c);
		service->pci_count++;
	}
	return 0;
}

static int read_text(const struct json *item, char *out, size_t out_size, bool path, char *why, size_t size)
{
	if (item->type != JSON_STRING || format(out, out_size, "%s", item->string) < 0)
		return snprintf(why, size, "%s: expected a string of at most %zu characters", item->key, out_size - 1), -EINVAL;
	if (path && out[0] != '/')
		return snprintf(why, size, "%s: %s is not an absolute path", item->key, out), -EINVAL;
	return 0;
}

static int read_unsigned(const struct json *item, unsigned min, unsigned max, unsigned *out, char *why, size_t size)
{
	if (item->type != JSON_INT || item->integer < min || item->integer > max)
		return snprintf(why, size, "%s: expected %u to %u", item->key, min, max), -EINVAL;
	*out = (unsigned)item->integer;
	return 0;
}

/* What the console service is told beyond its domain's description. 1: KEY is another one. */
static int read_console_key(const struct json *item, struct host_config *config, char *why, size_t size)
{
	if (!strcmp(item->key, "rate_kib"))
		return read_unsigned(item, 0, 1u << 20, &config->console_rate_kib, why, size);
	if (!strcmp(item->key, "log_kib"))
		return read_unsigned(item, 64, 1u << 20, &config->console_log_kib, why, size);
	if (!strcmp(item->key, "log_files"))
		return read_unsigned(item, 1, 64, &config->console_log_files, why, size);
	return 1;
}

static int read_restart(const struct json *object, struct restart_policy *policy, char *why, size_t size)
{
	char detail[160];

	if (object->type != JSON_OBJECT)
		return snprintf(why, size, "restart: expected an object"), -EINVAL;
	json_for_each(item, object) {
		int r = 0;

		if (!strcmp(item->key, "on_failure") && item->type == JSON_BOOL)
			policy->on_failure = item->integer;
		else if (!strcmp(item->key, "every_s"))
			r = read_unsigned(item, 0, 1u << 30, &policy->every_s, detail, sizeof(detail));
		else if (!strcmp(item->key, "budget"))
			r = read_unsigned(item, 0, RESTART_BUDGET_MAX, &policy->budget, detail, sizeof(detail));
		else if (!strcmp(item->key, "backoff_ms"))
			r = read_unsigned(item, 0, 60000, &policy->backoff_ms, detail, sizeof(detail));
		else
			return snprintf(why, size, "restart: %.60s: this key is not known here, or its value is none", item->key), -EINVAL;
		if (r < 0)
			return snprintf(why, size, "restart: %s", detail), r;
	}
	return 0;
}

static int read_key(const struct json *item, struct host_service *s, char *why, size_t size)
{
	bool linux_role = s->role == ROLE_NET || s->role == ROLE_DISK;
	const char *key = item->key;

	if (!strcmp(key, "memory_mib"))
		return read_unsigned(item, 1, SERVICE_MEMORY_MIB_MAX, &s->memory_mib, why, size);
	if (!strcmp(key, "restart"))
		return read_restart(item, &s->restart, why, size);
	if (!strcmp(key, linux_role ? "kernel" : "image")) {
		int r = read_text(item, s->kernel, sizeof(s->kernel), !linux_role, why, size);

		if (r == 0 && linux_role && !kernel_name_valid(s->kernel))
			return snprintf(why, size, "kernel: \"%.80s\" is neither a kernel's name nor an absolute path", s->kernel), -EINVAL;
		return r;
	}
	if (linux_role && (!strcmp(key, "name") || !strcmp(key, "role")))
		return 0;
	if (linux_role && !strcmp(key, "ramdisk"))
		return read_text(item, s->ramdisk, sizeof(s->ramdisk), true, why, size);
	if (linux_role && !strcmp(key, "cmdline"))
		return read_text(item, s->cmdline, sizeof(s->cmdline), false, why, size);
	if (linux_role && !strcmp(key, "backend")) {
		if (item->type != JSON_STRING || (strcmp(item->string, "atoll") && strcmp(item->string, "linux")))
			return snprintf(why, size, "backend: expected \"atoll\" or \"linux\""), -EINVAL;
		s->own_backend = !strcmp(item->string, "atoll");
		return 0;
	}
	if (linux_role && !strcmp(key, "snapshot")) {
		if (item->type != JSON_BOOL)
			return snprintf(why, size, "snapshot: true or false is wanted"), -EINVAL;
		s->snapshot = item->integer;
		return 0;
	}
	if (linux_role && !strcmp(key, "pci"))
		return read_pci(item, s, why, size);
	if (s->role == ROLE_NET && !strcmp(key, "bridges")) {
		if (item->type != JSON_ARRAY)
			return snprintf(why, size, "bridges: expected a list"), -EINVAL;
		json_free(s->bridges);
		s->bridges = json_copy(item);
		return s->bridges ? 0 : -ENOMEM;
	}
	return snprintf(why, size, "%.60s: this key is not known here", key), -EINVAL;
}

static int read_service(const struct json *object, struct host_config *config, struct host_service *s, char *why, size_t size)
{
	char detail[200];

	if (object && object->type != JSON_OBJECT)
		return snprintf(why, size, "%s: expected an object", s->name), -EINVAL;
	json_for_each(item, object) {
		int r = s->role == ROLE_CONSOLE ? read_console_key(item, config, detail, sizeof(detail)) : 1;

		if (r > 0)
			r = read_key(item, s, detail, sizeof(detail));

		if (r < 0)
			return snprintf(why, size, "%s: %s", s->name, detail), r;
	}
	return 0;
}

static int add_service(struct host_config *config, const struct json *object, char *why, size_t size)
{
	const char *name = json_get_string(object, "name", ""), *role = json_get_string(object, "role", "");
	struct host_service *s = &config->services[config->service_count];

	if (!name_valid(name))
		return snprintf(why, size, "services: name \"%.80s\": expected 1 to %d letters, digits, '_', '.', '-'", name,
				NAME_LEN_MAX), -EINVAL;
	if (config->service_count == ARRAY_SIZE(config->services))
		return snprintf(why, size, "services: more than %d", HOST_SERVICES_MAX), -EINVAL;
	for (unsigned i = 0; i < config->service_count; i++) {
		if (!strcmp(config->services[i].name, name))
			return snprintf(why, size, "%s: this name is used twice", name), -EINVAL;
	}
	if (strcmp(role, "net") && strcmp(role, "disk"))
		return snprintf(why, size, "%s: role: expected \"net\" or \"disk\"", name), -EINVAL;
	*s = (struct host_service){
		.role = strcmp(role, "net") ? ROLE_DISK : ROLE_NET,
		.domid = DOMID_SERVICE_FIRST + config->service_count - 2,
		.memory_mib = 160,
		.own_backend = true,
		.kernel = KERNEL_USUAL,
		.restart = {.on_failure = true, .budget = 60, .backoff_ms = 1000},
	};
	strcpy(s->name, name);
	config->service_count++;
	return read_service(object, config, s, why, size);
}

static int check_pci(const struct host_config *config, char *why, size_t size)
{
	for (unsigned i = 0; i < config->service_count; i++) {
		for (unsigned n = 0; n < config->services[i].pci_count; n++) {
			const char *bdf = config->services[i].pci[n];

			for (unsigned j = 0; j <= i; j++) {
				for (unsigned m = 0; m < (j < i ? config->services[j].pci_count : n); m++) {
					if (!strcmp(config->services[j].pci[m], bdf))
						return snprintf(why, size, "%s: pci: %s is given to %s already",
								config->services[i].name, bdf, config->services[j].name), -EINVAL;
				}
			}
		}
	}
	return 0;
}

/* A rule names its role and at least two tenants. */
static int read_separate(const struct json *list, struct host_config *config, char *why, size_t size)
{
	if (list->type != JSON_ARRAY)
		return snprintf(why, size, "separate: expected a list"), -EINVAL;
	json_for_each(rule, list) {
		const char *role = json_get_string(rule, "role", "");
		const struct json *tenants = json_get(rule, "tenants");
		unsigned names = 0, keys = 0;

		json_for_each(item, tenants)
			names += item->type == JSON_STRING && !item->key && name_valid(item->string) ? 1 : HOST_TENANTS_MAX;
		json_for_each(item, rule)
			keys++;
		if ((strcmp(role, "net") && strcmp(role, "disk")) || names < 2 || names > HOST_TENANTS_MAX || keys != 2)
			return snprintf(why, size, "separate: expected a role, \"net\" or \"disk\", and 2 to %d tenants' names", HOST_TENANTS_MAX),
			       -EINVAL;
	}
	config->separate = json_copy(list);
	return config->separate ? 0 : -ENOMEM;
}

static bool names_tenant(const struct json *rule, const char *tenant)
{
	json_for_each(item, json_get(rule, "tenants")) {
		if (!strcmp(item->string, tenant))
			return true;
	}
	return false;
}

bool host_config_apart(const struct host_config *config, enum role role, const char *tenant, const char *other)
{
	if (!strcmp(tenant, other))
		return false;
	json_for_each(rule, config->separate) {
		if (!strcmp(json_get_string(rule, "role", ""), role_name(role)) && names_tenant(rule, tenant) && names_tenant(rule, other))
			return true;
	}
	return false;
}

int host_config_parse(const char *text, size_t len, struct host_config *config, char *why, size_t size)
{
	AUTO_JSON struct json *json = NULL;
	AUTO_FREE char *detail = NULL;
	const struct json *services;
	int r;

	*config = (struct host_config){.service_count = 2, .console_rate_kib = 1024, .console_log_kib = 4096, .console_log_files = 2};
	config->services[0] = (struct host_service){.name = "store", .role = ROLE_STORE, .domid = DOMID_STORE, .memory_mib = 2,
						    .kernel = IMAGES "store.elf"};
	config->services[1] = (struct host_service){.name = "console", .role = ROLE_CONSOLE, .domid = DOMID_CONSOLE,
						    .memory_mib = 2, .kernel = IMAGES "console.elf"};
	r = json_parse(text, len, &json, &detail);
	if (r < 0)
		return snprintf(why, size, "%s", detail ? detail : "out of memory"), r == -ENOMEM ? r : -EINVAL;
	if (json->type != JSON_OBJECT)
		return snprintf(why, size, "expected an object: {\"services\": [...]}"), -EINVAL;
	json_for_each(item, json) {
		if (!strcmp(item->key, "experiments")) {
			if (item->type != JSON_BOOL)
				return snprintf(why, size, "experiments: true or false is wanted"), -EINVAL;
			config->experiments = item->integer;
			continue;
		}
		if (!strcmp(item->key, "separate") && !config->separate && (r = read_separate(item, config, why, size)) < 0)
			return r;
		if (strcmp(item->key, "store") && strcmp(item->key, "console") && strcmp(item->key, "separate") &&
		    strcmp(item->key, "services"))
			return snprintf(why, size, "%.60s: this key is not known here", item->key), -EINVAL;
	}
	for (unsigned i = 0; i < 2 && r == 0; i++)
		r = read_service(json_get(json, config->services[i].name), config, &config->services[i], why, size);
	services = json_get(json, "services");
	if (r == 0 && services && services->type != JSON_ARRAY)
		return snprintf(why, size, "services: expected a list"), -EINVAL;
	if (r < 0)
		return r;
	json_for_each(item, services) {
		r = add_service(config, item, why, size);
		if (r < 0)
			return r;
	}
	return check_pci(config, why, size);
}

void host_config_fini(struct host_config *config)
{
	for (unsigned i = 0; i < config->service_count; i++)
		config->services[i].bridges = json_free(config->services[i].bridges);
	config->separate = json_free(config->separate);
}

/* --- the way from one description to another --- */

static const struct host_service *find(const struct host_config *config, const char *name)
{
	for (unsigned i = 0; i < config->service_count; i++) {
		if (!strcmp(config->services[i].name, name))
			return &config->services[i];
	}
	return NULL;
}

static void say(char *why, size_t size, bool differs, const char *what)
{
	size_t at = strlen(why);

	if (differs)
		snprintf(why + at, size - at, "%s%s", at ? ", " : "", what);
}

static bool same_json(const struct json *a, const struct json *b)
{
	AUTO_BUF struct buf x = BUF_INIT(HOST_FILE_MAX), y = BUF_INIT(HOST_FILE_MAX);

	if (!a || !b)
		return a == b;
	return json_print(a, &x, false) == 0 && json_print(b, &y, false) == 0 && x.len == y.len && !memcmp(x.data, y.data, x.len);
}

struct json *host_config_plan(const struct host_config *old, const struct host_config *new)
{
	struct json *list = json_new(JSON_ARRAY);
	int r = 0;

	for (unsigned i = 0; i < old->service_count; i++) {
		if (!find(new, old->services[i].name))
			r |= json_append(list, json_build("name=%s what=%s why=%s", old->services[i].name, "stop", "not described any more"));
	}
	for (unsigned i = 0; i < new->service_count; i++) {
		const struct host_service *to = &new->services[i], *from = find(old, to->name);
		char why[200] = "";

		if (from) {
			say(why, sizeof(why), from->role != to->role, "role");
			say(why, sizeof(why), from->domid != to->domid, "domid (the order of services): guests lose it");
			say(why, sizeof(why), from->memory_mib != to->memory_mib, "memory_mib");
			say(why, sizeof(why), strcmp(from->kernel, to->kernel) != 0, "kernel");
			say(why, sizeof(why), strcmp(from->ramdisk, to->ramdisk) != 0, "ramdisk");
			say(why, sizeof(why), strcmp(from->cmdline, to->cmdline) != 0, "cmdline");
			say(why, sizeof(why), memcmp(from->pci, to->pci, sizeof(from->pci)) != 0, "pci");
			say(why, sizeof(why), from->snapshot != to->snapshot, "snapshot");
			say(why, sizeof(why), !same_json(from->bridges, to->bridges), "bridges");
		}
		r |= json_append(list, json_build("name=%s what=%s why=%s", to->name, !from ? "start" : *why ? "rebuild" : "keep",
						  !from ? "new" : why));
	}
	return r < 0 ? json_free(list) : list;
}
