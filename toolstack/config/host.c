// SPDX-License-Identifier: LGPL-2.1-or-later
/* The host's desired state: tables of what services and the host can be told. */
#include "config/host.h"

#include <errno.h>
#include <string.h>

#include "config/key.h"

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

/* --- keys of services --- */

/* As it is, to *FIELD. */
static int keep(const struct json *value, void *field)
{
	struct json **kept = field;

	json_free(*kept);
	*kept = json_copy(value);
	return *kept ? 0 : -ENOMEM;
}

static int read_pci(const struct key_reader *r, const struct key *key, const struct json *list, void *field)
{
	static const struct key address = {"pci", .pattern = "xxxx:xx:xx.x"};
	struct host_service *service = r->object;

	if (list->type != JSON_ARRAY)
		return key_complain(r, "pci: expected a list");
	service->pci_count = 0;
	json_for_each(item, list) {
		if (service->pci_count == SERVICE_PCI_MAX)
			return key_complain(r, "pci: more than %d devices", SERVICE_PCI_MAX);
		if (key_hex.read(r, &address, item, service->pci[service->pci_count]) < 0)
			return -EINVAL;
		service->pci_count++;
	}
	return 0;
}

static struct json *write_pci(const struct key *key, const void *field)
{
	const struct host_service *service = container_of(field, struct host_service, pci);
	struct json *list = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < service->pci_count; i++)
		json_append(list, json_new_string(service->pci[i]));
	return list;
}

static int read_kernel(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	int e = key_text.read(r, key, value, field);

	if (e == 0 && !kernel_name_valid(field))
		return key_complain(r, "kernel: \"%.80s\" is neither a kernel's name nor an absolute path", (const char *)field);
	return e;
}

static int read_bridges(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return value->type == JSON_ARRAY ? keep(value, field) : key_complain(r, "bridges: expected a list");
}

static struct json *write_bridges(const struct key *key, const void *field)
{
	return json_copy(*(struct json *const *)field);
}

static const struct key restart_keys[] = {
	KEY("on_failure", key_bool, struct restart_policy, on_failure),
	KEY("every_s", key_number, struct restart_policy, every_s, .max = 1u << 30),
	KEY("budget", key_number, struct restart_policy, budget, .max = RESTART_BUDGET_MAX),
	KEY("backoff_ms", key_number, struct restart_policy, backoff_ms, .max = 60000),
	{0},
};

static int read_restart(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return keys_read(&(struct key_reader){field, r->why, r->size}, restart_keys, 0, "restart", value);
}

/* Checked, and not kept. */
static int read_known(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return 0;
}

static const struct key_type pci = {read_pci, write_pci}, kernel = {read_kernel, key_write_text}, bridges = {read_bridges, write_bridges},
			     restart = {read_restart, NULL}, known = {read_known, NULL};
static const char *const backends[] = {[BACKEND_LINUX] = "linux", [BACKEND_ATOLL] = "atoll", NULL};

enum { OWN_CODE = 1 << ROLE_STORE | 1 << ROLE_CONSOLE, LINUX = 1 << ROLE_NET | 1 << ROLE_DISK };
#define SERVICE(name, type, member, who_, ...) KEY(name, type, struct host_service, member, .who = who_, __VA_ARGS__)

static const struct key service_keys[] = {
	SERVICE("memory_mib", key_number, memory_mib, 0, .min = 1, .max = SERVICE_MEMORY_MIB_MAX),
	SERVICE("restart", restart, restart, 0),
	SERVICE("image", key_path, kernel, OWN_CODE),
	SERVICE("kernel", kernel, kernel, LINUX),
	SERVICE("name", known, name, LINUX),
	SERVICE("role", known, role, LINUX),
	SERVICE("ramdisk", key_path, ramdisk, LINUX),
	SERVICE("cmdline", key_text, cmdline, LINUX),
	SERVICE("backend", key_word, backend, LINUX, .words = backends),
	SERVICE("snapshot", key_bool, snapshot, LINUX),
	SERVICE("pci", pci, pci, LINUX),
	SERVICE("bridges", bridges, bridges, 1 << ROLE_NET),
	{0},
};

static int read_service(const struct key_reader *r, struct host_service *s, const struct json *object)
{
	return keys_read(&(struct key_reader){s, r->why, r->size}, service_keys, 1u << s->role, s->name, object);
}

/* --- keys of the host --- */

#define HOST(name, type, member, ...) KEY(name, type, struct host_config, member, __VA_ARGS__)

static const struct key console_keys[] = {
	HOST("memory_mib", key_number, services[1].memory_mib, .min = 1, .max = SERVICE_MEMORY_MIB_MAX),
	HOST("restart", restart, services[1].restart),
	HOST("image", key_path, services[1].kernel),
	HOST("rate_kib", key_number, console_rate_kib, .max = 1 << 20),
	HOST("log_kib", key_number, console_log_kib, .min = 64, .max = 1 << 20),
	HOST("log_files", key_number, console_log_files, .min = 1, .max = 64),
	{0},
};

static int read_store(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return read_service(r, field, value);
}

static int read_console(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return keys_read(r, console_keys, 0, key->name, value);
}

static const struct host_service *find(const struct host_config *config, const char *name)
{
	for (unsigned i = 0; i < config->service_count; i++) {
		if (!strcmp(config->services[i].name, name))
			return &config->services[i];
	}
	return NULL;
}

static int add_service(const struct key_reader *r, struct host_config *config, const struct json *object)
{
	const char *name = json_get_string(object, "name", ""), *role = json_get_string(object, "role", "");
	struct host_service *s = &config->services[config->service_count];

	if (!name_valid(name))
		return key_complain(r, "services: name \"%.80s\": expected 1 to %d letters, digits, '_', '.', '-'", name, NAME_LEN_MAX);
	if (config->service_count == ARRAY_SIZE(config->services))
		return key_complain(r, "services: more than %d", HOST_SERVICES_MAX);
	if (find(config, name))
		return key_complain(r, "%s: this name is used twice", name);
	if (strcmp(role, "net") && strcmp(role, "disk"))
		return key_complain(r, "%s: role: expected \"net\" or \"disk\"", name);
	*s = (struct host_service){
		.role = strcmp(role, "net") ? ROLE_DISK : ROLE_NET,
		.domid = DOMID_SERVICE_FIRST + config->service_count - 2,
		.memory_mib = 160,
		.backend = BACKEND_ATOLL,
		.kernel = KERNEL_USUAL,
		.restart = {.on_failure = true, .budget = 60, .backoff_ms = 1000},
	};
	strcpy(s->name, name);
	config->service_count++;
	return read_service(r, s, object);
}

static int read_services(const struct key_reader *r, const struct key *key, const struct json *list, void *field)
{
	int e = list->type == JSON_ARRAY ? 0 : key_complain(r, "services: expected a list");

	for (const struct json *item = list->first; item && e == 0; item = item->next)
		e = add_service(r, r->object, item);
	return e;
}

/* A rule names its role and at least two tenants. */
static int read_separate(const struct key_reader *r, const struct key *key, const struct json *list, void *field)
{
	if (list->type != JSON_ARRAY)
		return key_complain(r, "separate: expected a list");
	json_for_each(rule, list) {
		const char *role = json_get_string(rule, "role", "");
		const struct json *tenants = json_get(rule, "tenants");
		unsigned names = 0, keys = 0;

		json_for_each(item, tenants)
			names += item->type == JSON_STRING && !item->key && name_valid(item->string) ? 1 : HOST_TENANTS_MAX;
		json_for_each(item, rule)
			keys++;
		if ((strcmp(role, "net") && strcmp(role, "disk")) || names < 2 || names > HOST_TENANTS_MAX || keys != 2)
			return key_complain(r, "separate: expected a role, \"net\" or \"disk\", and 2 to %d tenants' names", HOST_TENANTS_MAX);
	}
	return keep(list, field);
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

static int check_pci(const struct key_reader *r, const struct host_config *config)
{
	for (unsigned i = 0; i < config->service_count; i++) {
		for (unsigned n = 0; n < config->services[i].pci_count; n++) {
			const char *bdf = config->services[i].pci[n];

			for (unsigned j = 0; j <= i; j++) {
				for (unsigned m = 0; m < (j < i ? config->services[j].pci_count : n); m++) {
					if (!strcmp(config->services[j].pci[m], bdf))
						return key_complain(r, "%s: pci: %s is given to %s already", config->services[i].name, bdf,
								    config->services[j].name);
				}
			}
		}
	}
	return 0;
}

static const struct key_type store = {read_store, NULL}, console = {read_console, NULL}, services = {read_services, NULL},
			     separate = {read_separate, NULL};
static const struct key host_keys[] = {
	HOST("store", store, services[0]),
	HOST("console", console, services[1]),
	HOST("services", services, services),
	HOST("separate", separate, separate),
	HOST("experiments", key_bool, experiments),
	{0},
};

int host_config_parse(const char *text, size_t len, struct host_config *config, char *why, size_t size)
{
	struct key_reader r = {config, why, size};
	AUTO_JSON struct json *json = NULL;
	AUTO_FREE char *detail = NULL;
	int e;

	*config = (struct host_config){.service_count = 2, .console_rate_kib = 1024, .console_log_kib = 4096, .console_log_files = 2};
	config->services[0] = (struct host_service){.name = "store", .role = ROLE_STORE, .domid = DOMID_STORE, .memory_mib = 2,
						    .kernel = IMAGES "store.elf"};
	config->services[1] = (struct host_service){.name = "console", .role = ROLE_CONSOLE, .domid = DOMID_CONSOLE, .memory_mib = 2,
						    .kernel = IMAGES "console.elf"};
	e = json_parse(text, len, &json, &detail);
	if (e < 0)
		return key_complain(&r, "%s", detail ? detail : "out of memory"), e == -ENOMEM ? e : -EINVAL;
	e = keys_read(&r, host_keys, 0, "", json);
	return e < 0 ? e : check_pci(&r, config);
}

void host_config_fini(struct host_config *config)
{
	for (unsigned i = 0; i < config->service_count; i++)
		config->services[i].bridges = json_free(config->services[i].bridges);
	config->separate = json_free(config->separate);
}

/* --- the way from one description to another --- */

static bool same_json(const struct json *a, const struct json *b)
{
	AUTO_BUF struct buf x = BUF_INIT(HOST_FILE_MAX), y = BUF_INIT(HOST_FILE_MAX);

	if (!a || !b)
		return a == b;
	return json_print(a, &x, false) == 0 && json_print(b, &y, false) == 0 && x.len == y.len && !memcmp(x.data, y.data, x.len);
}

static void say(char *why, size_t size, const char *what)
{
	size_t at = strlen(why);

	snprintf(why + at, size - at, "%s%s", at ? ", " : "", what);
}

/* What of FROM is not so in TO; "": all is. */
static void compare(const struct host_service *from, const struct host_service *to, char *why, size_t size)
{
	*why = '\0';
	if (from->role != to->role)
		say(why, size, "role");
	if (from->domid != to->domid)
		say(why, size, "domid (the order of services): guests lose it");
	for (const struct key *key = service_keys; key->name; key++) {
		AUTO_JSON struct json *old = key_write(key, from), *new = key_write(key, to);

		if ((!key->who || key->who & 1u << to->role) && !same_json(old, new))
			say(why, size, key->name);
	}
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
		char why[200] = "new";

		if (from)
			compare(from, to, why, sizeof(why));
		r |= json_append(list, json_build("name=%s what=%s why=%s", to->name, !from ? "start" : *why ? "rebuild" : "keep", why));
	}
	return r < 0 ? json_free(list) : list;
}
