// SPDX-License-Identifier: LGPL-2.1-or-later
/* The log of control calls and of exposure. */
#include "atolld/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/chain.h"
#include "base/log.h"

struct audit {
	int fd;
	uint64_t size;
	struct chain chain;
};

/* Goes on where an earlier atolld ended: the last line is all that has to be known. */
static int go_on(struct audit *audit)
{
	char tail[CHAIN_LINE_MAX + 1];
	size_t len = MIN(audit->size, sizeof(tail));
	const char *line;
	ssize_t n = pread(audit->fd, tail, len, (off_t)(audit->size - len));

	if (n <= 0 || tail[n - 1] != '\n')
		return n == 0 ? 0 : -EINVAL;
	line = memrchr(tail, '\n', (size_t)n - 1);
	line = line ? line + 1 : tail;
	return chain_follow(&audit->chain, line, (size_t)(tail + n - 1 - line));
}

static int open_log(struct audit *audit)
{
	struct stat st;

	audit->fd = open(AUDIT_LOG, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (audit->fd < 0 || fstat(audit->fd, &st) < 0)
		return -errno;
	audit->size = (uint64_t)st.st_size;
	return 0;
}

struct audit *audit_create(void)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return NULL;
	chain_init(&audit->chain);
	r = open_log(audit);
	if (r == 0)
		r = go_on(audit);
	if (r < 0)
		log_error("%s: %s; a new chain begins", AUDIT_LOG, strerror(-r));
	return audit;
}

struct audit *audit_destroy(struct audit *audit)
{
	if (audit && audit->fd >= 0)
		close(audit->fd);
	free(audit);
	return NULL;
}

static void rotate(struct audit *audit)
{
	if (rename(AUDIT_LOG, AUDIT_LOG ".1") < 0)
		return;
	close(audit->fd);
	open_log(audit);
}

/* Takes RECORD over. */
static void add(struct atolld *a, const char *what, struct json *record)
{
	AUTO_BUF struct buf line = BUF_INIT(CHAIN_LINE_MAX);
	struct audit *audit = a->audit;
	int r = audit && audit->fd >= 0 ? 0 : -EBADF;

	json_add(record, "what=%s time_ms=%lu", what, unix_ms());
	if (r == 0 && audit->size > AUDIT_LOG_MAX)
		rotate(audit);
	if (r == 0)
		r = chain_add(&audit->chain, record, &line);
	if (r == 0 && write(audit->fd, line.data, line.len) != (ssize_t)line.len)
		r = -errno;
	if (r == 0) {
		audit->size += line.len;
		r = write_file_atomic(AUDIT_HEAD, audit->chain.head, strlen(audit->chain.head), 0600);
	}
	if (r < 0)
		log_error("%s: %s: not written: %s", AUDIT_LOG, what, strerror(-r));
	json_free(record);
}

void audit_call(struct atolld *a, const char *method, const struct json *params, int pid)
{
	struct json *record = json_build("method=%s pid=%d", method, pid);

	json_for_each(item, params) {
		char hash[SHA256_HEX_SIZE];

		if (!item->key)
			break;
		if (item->type == JSON_STRING && strlen(item->string) > 128) { /* a configuration: what it was can be proved later */
			sha256_hex(item->string, strlen(item->string), hash);
			json_set_string(record, !strcmp(item->key, "config") ? "config_sha256" : "text_sha256", hash);
		} else if (item->type != JSON_OBJECT && item->type != JSON_ARRAY) {
			json_set(record, item->key, json_copy(item));
		}
	}
	add(a, "call", record);
}

/* "net0", 5: the fifth restart since the host came up */
static struct json *incarnation(const struct domain *service)
{
	return json_build("service=%s domid=%u restarts=%u", service->name, service->domid, service->restarts);
}

static bool uses(const struct domain *guest, const struct domain *service)
{
	if (service_keeps_state(service))
		return true;
	for (unsigned i = 0; i < guest->device_count; i++) {
		if (guest->devices[i].backend == service)
			return true;
	}
	return false;
}

void audit_guest(struct atolld *a, const struct domain *guest)
{
	struct json *services = json_new(JSON_ARRAY);

	for_each_domain(d, a) {
		if (domain_is_service(d) && uses(guest, d))
			json_append(services, incarnation(d));
	}
	add(a, "exposed", json_build("guest=%s domid=%u tenant~%s services=%p", guest->name, guest->domid, guest->guest->tenant, services));
}

void audit_service(struct atolld *a, const struct domain *service)
{
	struct json *record = incarnation(service), *guests = json_new(JSON_ARRAY);
	unsigned count = 0;

	for_each_domain(d, a) {
		if (d->role == ROLE_GUEST && d->exists && uses(d, service) && count++ < 64)
			json_append(guests, json_new_string(d->name));
	}
	json_add(record, "guest_count=%u guests=%p", count, guests);
	add(a, "incarnation", record);
}

/* --- the store's answers --- */

struct store_look {
	struct store *store;
	unsigned domid;
	const char *kind;
	struct json *devices;
};

static void look_at_device(const char *name, void *data)
{
	struct store_look *look = data;
	char path[STORE_PATH_MAX], backend[16];

	if (format(path, sizeof(path), "/local/domain/%u/device/%s/%s/backend-id", look->domid, look->kind, name) < 0 ||
	    store_read(look->store, path, backend, sizeof(backend)) < 0)
		return;
	json_append(look->devices, json_build("kind=%s id=%s backend=%ld", look->kind, name, strtol(backend, NULL, 10)));
}

static struct json *assigned_pci(struct store *store, unsigned domid)
{
	struct json *list = json_new(JSON_ARRAY);
	char path[80], bdf[32];

	for (unsigned i = 0; i < SERVICE_PCI_MAX; i++) {
		snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0/dev-%u", domid, i);
		if (store_read(store, path, bdf, sizeof(bdf)) < 0)
			break;
		json_append(list, json_new_string(bdf));
	}
	return list;
}

struct json *audit_of_store(struct atolld *a, unsigned domid, struct json *result)
{
	static const char *const kinds[] = {"vif", "vbd", "console", "pci"};
	struct store_look look = {.store = a->store, .domid = domid, .devices = json_new(JSON_ARRAY)};
	char path[80], target[16];

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		look.kind = kinds[i];
		snprintf(path, sizeof(path), "/local/domain/%u/device/%s", domid, kinds[i]);
		store_list(a->store, path, look_at_device, &look);
	}
	json_add(result, "devices=%p pci=%p", look.devices, assigned_pci(a->store, domid));
	snprintf(path, sizeof(path), "/local/domain/%u/target", domid);
	if (store_read(a->store, path, target, sizeof(target)) == 0)
		json_set_int(result, "target", strtol(target, NULL, 10));
	return result;
}
