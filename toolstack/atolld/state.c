// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a new atolld has to know of the domains that an earlier one left: a file for each, so that a create costs no more beside many;
 * written whenever the domain begins, runs or is gone. They lie in /run, so they end with the boot that they describe. A domain that was half-way at the time is taken away, or, if it is a
 * service, built anew.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "atolld/agent.h"
#include "atolld/consoles.h"
#include "base/log.h"

#define HOST_STATE STATE_DIR "/host.json"
#define STATE_MAX (64u << 10) /* bytes of a file */

static struct json *domain_state(const struct domain *d)
{
	/* a kernel that has not come up yet is not remembered */
	struct json *json = json_build(
		"name=%s domid=%u service?%d running?%d preserved?%d target_mib=%u restarts=%u kernel=%s store_port=%u store_gfn=%lu "
		"console_port=%u console_gfn=%lu device_model_of~%s snapshot_of~%s", d->name, d->domid, domain_is_service(d),
		d->state == DOMAIN_RUNNING || d->state == DOMAIN_PRESERVED, d->state == DOMAIN_PRESERVED, d->target_mib, d->restarts,
		d->trial && d->state == DOMAIN_STARTING ? d->kernel_before : d->kernel, d->store_port, d->store_gfn, d->console_port,
		d->console_gfn, d->owner ? d->owner->name : NULL, d->snapshot_fd >= 0 && !d->snapshot_failed ? d->snapshot_of : NULL);

	if (d->guest && json_add(json, "config=%p", guest_config_to_json(d->guest)) < 0)
		json = json_free(json);
	return json;
}

static void write_state(const char *path, struct json *json)
{
	AUTO_BUF struct buf text = BUF_INIT(STATE_MAX);
	int r = json ? json_print(json, &text, true) : -ENOMEM;

	json_free(json);
	if (r == 0)
		r = write_file_atomic(path, text.data, text.len, 0600);
	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
}

static void domain_path(const struct domain *d, char path[64])
{
	snprintf(path, 64, STATE_DIR "/%u.json", d->domid);
}

void state_save(struct domain *d)
{
	struct atolld *a = d->atolld;
	char path[64];

	domain_path(d, path);
	if (d->state == DOMAIN_DOWN)
		state_remove(d);
	else
		write_state(path, domain_state(d));
	if (a->saved_guest_domid == a->last_guest_domid)
		return;
	a->saved_guest_domid = a->last_guest_domid;
	write_state(HOST_STATE, json_build("last_guest_domid=%u", a->last_guest_domid));
}

void state_remove(const struct domain *d)
{
	char path[64];

	domain_path(d, path);
	unlink(path);
}

static void load_domain(struct atolld *a, const struct json *json)
{
	const char *name = json_get_string(json, "name", ""), *owner = json_get_string(json, "device_model_of", "");
	unsigned domid = (unsigned)json_get_int(json, "domid", 0);
	struct domain *d = domain_find(a, name);
	char why[200];

	if (*owner) {
		d = domain_find(a, owner) && name_valid(name) ? dm_attach(domain_find(a, owner), name, domid) : NULL;
		if (!d)
			return;
	} else if (!json_get_bool(json, "service", false)) {
		d = name_valid(name) ? domain_new(a, name, ROLE_GUEST, domid) : NULL;
		if (!d || !(d->guest = malloc(sizeof(*d->guest))))
			return;
		if (guest_config_from_json(json_get(json, "config"), d->guest, why, sizeof(why)) < 0 ||
		    guest_bind_devices(d, why, sizeof(why)) < 0) {
			log_error("%s: its saved state is not usable: %s", name, why);
			d->device_count = 0; /* not all have a backend */
		}
	} else if (!d || d->domid != domid) {
		log_error("%s: runs as domain %u, but the host's description does not have it there", name, domid);
		return;
	}
	d->state = json_get_bool(json, "running", false) ? DOMAIN_RUNNING : DOMAIN_STARTING;
	if (json_get_bool(json, "preserved", false))
		d->state = DOMAIN_PRESERVED;
	d->target_mib = (unsigned)json_get_int(json, "target_mib", 0);
	d->restarts = (unsigned)json_get_int(json, "restarts", 0);
	if (d->service && kernel_name_valid(json_get_string(json, "kernel", "")))
		snprintf(d->kernel, sizeof(d->kernel), "%s", json_get_string(json, "kernel", ""));
	if (d->service && d->service->snapshot)
		snapshot_adopt(d, json_get_string(json, "snapshot_of", ""));
	domain_take_rings(d, json);
}

static void adopt(struct domain *d)
{
	int r = 0;

	if (d->role == ROLE_STORE)
		r = service_adopt_store(d);
	else if (d->role == ROLE_CONSOLE)
		r = consoles_connect(d->atolld->consoles, NULL);
	else if (domain_is_service(d) || d->role == ROLE_DM)
		r = agent_create(d);
	else
		guest_serve_consoles(d);
	if (r < 0)
		log_error("%s: cannot be adopted: %s", d->name, strerror(-r));
}

/* All others would wait for it: it comes first, and then this again. */
static bool store_is_gone(struct atolld *a)
{
	struct domain *d = domain_by_id(a, DOMID_STORE);

	if (!d || d->state != DOMAIN_RUNNING || d->exists)
		return false;
	d->running_ms = now_ms();
	a->adopt_again = service_restart(d, "gone", NULL, 0) == 0;
	return a->adopt_again;
}

static void adopt_or_remove(struct domain *d)
{
	struct atolld *a = d->atolld;

	if (d->state == DOMAIN_PRESERVED && d->exists) {
		snprintf(d->why, sizeof(d->why), "kept since before atolld's restart");
	} else if (d->state == DOMAIN_RUNNING && d->exists) {
		d->running_ms = now_ms();
		adopt(d);
	} else if (domain_is_service(d)) {
		d->state = DOMAIN_DOWN; /* built by services_advance(), which removes what is left first */
	} else if (d->role == ROLE_DM) {
		if (d->owner->state == DOMAIN_RUNNING && a->store)
			dm_stopped(d); /* else its guest takes it along */
	} else if (a->store) {
		guest_destroy(d, NULL, 0);
	} else {
		domain_forget(d);
	}
}

/* The store first, then the consoles, then the others: the order of the list. */
static void on_list(struct atolld *a, const struct json *list)
{
	if (!list) {
		loop_quit(a->loop, EXIT_FAILURE);
		return;
	}
	for_each_domain(d, a)
		d->exists = d->state != DOMAIN_DOWN && census_find(list, d->domid);
	if (store_is_gone(a))
		return;
	for (struct domain *d = a->domains, *next; d; d = next) {
		next = d->next;
		adopt_or_remove(d);
	}
	services_advance(a);
	census_request(a);
}

void state_adopt(struct atolld *a)
{
	a->adopt_again = false;
	if (census_list(a, on_list) < 0)
		loop_quit(a->loop, EXIT_FAILURE);
}

/* NULL if it is not there, or not usable. */
static struct json *read_state(const char *path)
{
	AUTO_FREE char *text = NULL, *why = NULL;
	struct json *json = NULL;
	size_t len;
	int r = read_file(path, STATE_MAX, &text, &len);

	if (r < 0 && r != -ENOENT)
		log_error("%s: %s", path, strerror(-r));
	else if (r == 0 && json_parse(text, len, &json, &why) < 0)
		log_error("%s: %s; its domain is not adopted", path, why);
	return json;
}

static int is_domain(const struct dirent *entry)
{
	return !strcmp(entry->d_name + strspn(entry->d_name, "0123456789"), ".json"); /* not one that was being written */
}

int state_load(struct atolld *a)
{
	AUTO_JSON struct json *host = read_state(HOST_STATE);
	struct dirent **entries = NULL;
	int n = scandir(STATE_DIR, &entries, is_domain, versionsort); /* by number: a device model comes after its guest */
	char path[sizeof(STATE_DIR) + 256];

	a->saved_guest_domid = a->last_guest_domid = (unsigned)json_get_int(host, "last_guest_domid", 0);
	for (int i = 0; i < n; i++) {
		AUTO_JSON struct json *json = NULL;

		snprintf(path, sizeof(path), STATE_DIR "/%s", entries[i]->d_name);
		json = read_state(path);
		if (json)
			load_domain(a, json);
		free(entries[i]);
	}
	free(entries);
	return census_list(a, on_list);
}
