// SPDX-License-Identifier: LGPL-2.1-or-later
/* Guest configurations: one table of keys (keys.c) serves xl.cfg files and JSON. */
#include "config/guest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/device.h"
#include "config/keys.h"
#include "config/xlcfg.h"

int guest_config_add_vif(struct guest_config *c, const struct json *item, char *why, size_t size)
{
	struct guest_vif *vif = &c->vifs[c->vif_count];
	unsigned free_id = 0;
	int r;

	if (c->vif_count == GUEST_VIFS_MAX)
		return snprintf(why, size, "more than %d interfaces", GUEST_VIFS_MAX), -EINVAL;
	for (unsigned i = 0; i < c->vif_count; i++) { /* each round may find it taken by an earlier one */
		for (unsigned j = 0; j < c->vif_count; j++)
			free_id += c->vifs[j].id == free_id;
	}
	r = vif_read(item, vif, why, size);
	if (r < 0)
		return r;
	if (vif->id == VIF_ID_NONE)
		vif->id = free_id;
	for (unsigned i = 0; i < c->vif_count; i++) {
		if (c->vifs[i].id == vif->id)
			return snprintf(why, size, "devid %u is used twice", vif->id), -EINVAL;
	}
	c->vif_count++;
	return 0;
}

int guest_config_add_vbd(struct guest_config *c, const struct json *item, char *why, size_t size)
{
	struct guest_vbd *vbd = &c->vbds[c->vbd_count];
	int r;

	if (c->vbd_count == GUEST_VBDS_MAX)
		return snprintf(why, size, "more than %d disks", GUEST_VBDS_MAX), -EINVAL;
	r = vbd_read(item, vbd, why, size);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < c->vbd_count; i++) {
		if (c->vbds[i].number == vbd->number)
			return snprintf(why, size, "%s is used twice", vbd->vdev), -EINVAL;
	}
	c->vbd_count++;
	return 0;
}

int cpu_list_parse(const char *text, unsigned char cpus[GUEST_CPUS_MAX / 8])
{
	memset(cpus, 0, GUEST_CPUS_MAX / 8);
	if (!strcmp(text, "all"))
		return 0;
	for (;;) {
		bool not = *text == '^';
		char *end;
		unsigned long first, last;

		if (!isdigit((unsigned char)*(text += not)))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last >= GUEST_CPUS_MAX || first > last || (*end && *end != ','))
			return -EINVAL;
		for (; first <= last; first++)
			cpus[first / 8] = (unsigned char)(not ? cpus[first / 8] & ~(1 << first % 8) : cpus[first / 8] | 1 << first % 8);
		if (!*end)
			return 0;
		text = end + 1;
	}
}

void cpu_list_print(const unsigned char cpus[GUEST_CPUS_MAX / 8], char *out, size_t size)
{
	size_t at = 0;

	*out = '\0';
	for (unsigned i = 0, last; i < GUEST_CPUS_MAX && at < size; i++) {
		if (!(cpus[i / 8] & 1 << i % 8))
			continue;
		for (last = i; last + 1 < GUEST_CPUS_MAX && cpus[(last + 1) / 8] & 1 << (last + 1) % 8;)
			last++;
		at += (size_t)snprintf(out + at, size - at, last > i ? "%s%u-%u" : "%s%u", at ? "," : "", i, last);
		i = last;
	}
	if (!at)
		snprintf(out, size, "all");
}

int guest_config_change(struct guest_config *config, const struct json *value, char *why, size_t size)
{
	struct key_reader r = {.config = config, .why = why, .size = size};

	return guest_key_read(&r, value);
}

static int check(struct key_reader *r, struct guest_config *c)
{
	if (!c->name[0])
		return snprintf(r->why, r->size, "name is missing"), -EINVAL;
	if (c->type == GUEST_HVM && (c->kernel[0] || c->ramdisk[0]))
		return snprintf(r->why, r->size, "kernel: an HVM guest boots from its disk; type = \"pvh\" boots a kernel"), -EINVAL;
	if (c->type == GUEST_HVM && c->memory_mib < GUEST_HVM_MEMORY_MIB_MIN)
		return snprintf(r->why, r->size, "memory: %u is less than the %d that an HVM guest's firmware needs", c->memory_mib,
				GUEST_HVM_MEMORY_MIB_MIN), -EINVAL;
	if (c->type != GUEST_HVM && !c->kernel[0])
		return snprintf(r->why, r->size, "kernel is missing"), -EINVAL;
	if (c->maxmem_mib && c->maxmem_mib != c->memory_mib)
		return snprintf(r->why, r->size, "maxmem: %u is not memory's %u: a guest starts with all that it may have; `atoll set` "
				"takes memory back later", c->maxmem_mib, c->memory_mib), -EINVAL;
	if (!c->maxvcpus)
		c->maxvcpus = c->vcpus;
	if (c->maxvcpus < c->vcpus)
		return snprintf(r->why, r->size, "maxvcpus: %u is less than vcpus, %u", c->maxvcpus, c->vcpus), -EINVAL;
	if (!c->cmdline[0] && format(c->cmdline, sizeof(c->cmdline), "%s%s%s%s", r->root[0] ? "root=" : "", r->root,
				     r->root[0] && r->extra[0] ? " " : "", r->extra) < 0)
		return snprintf(r->why, r->size, "extra: longer than %zu characters with root", sizeof(c->cmdline) - 1), -EINVAL;
	return 0;
}

int guest_config_from_json(const struct json *json, struct guest_config *config, char *why, size_t size)
{
	char detail[300];
	struct key_reader r = {.config = config, .why = detail, .size = sizeof(detail)};
	const char *name = json_get_string(json, "name", "");
	int e = 0;

	*config = (struct guest_config){.memory_mib = 128, .vcpus = 1, .boot = "c", .hdtype = "ide", .vga = "none", .on_reboot = ACTION_RESTART};
	if (!json || json->type != JSON_OBJECT)
		return snprintf(why, size, "expected an object"), -EINVAL;
	for (const struct json *item = json->first; item && e == 0; item = item->next)
		e = guest_key_read(&r, item);
	if (e == 0)
		e = check(&r, config);
	if (e < 0)
		snprintf(why, size, "%s%s%s", name_valid(name) ? name : "", name_valid(name) ? ": " : "", detail);
	return e;
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
	struct json *json = json_new(JSON_OBJECT);
	int r = 0;

	for (size_t i = 0; i < guest_key_count; i++) {
		struct json *value = guest_key_write(c, &guest_keys[i]);

		if (value)
			r |= json_set(json, guest_keys[i].name, value);
	}
	return r < 0 ? json_free(json) : json;
}
