// SPDX-License-Identifier: LGPL-2.1-or-later
/* Guest configurations: one table of keys serves xl.cfg files and JSON, messages, and docs/xlcfg.md. */
#include "config/guest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/xlcfg.h"

/* --- lists of processors --- */

/* "0-3,^2", "all": sets bits. 0 or -EINVAL. */
static int cpu_list_parse(const char *text, unsigned char cpus[GUEST_CPUS_MAX / 8])
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

/* --- how keys are read that are guests' own --- */

static int read_boot(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	const char *letters = field;
	int e = key_text.read(r, key, value, field);

	if (e == 0 && (!*letters || letters[strspn(letters, "cdn")]))
		return key_complain(r, "boot: expected letters of c (disk), d (CD-ROM), n (network)");
	return e;
}

static int read_cpus(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	if (value->type != JSON_STRING || cpu_list_parse(value->string, field) < 0)
		return key_complain(r, "cpus: expected a list like \"0-3,^2\" or \"all\", of processors below %d", GUEST_CPUS_MAX);
	return 0;
}

static struct json *write_cpus(const struct key *key, const void *field)
{
	char text[GUEST_CPUS_MAX * 4];

	cpu_list_print(field, text, sizeof(text));
	return json_new_string(text);
}

/* For root and extra: check() makes the command line of them. */
static int read_checked(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	char text[GUEST_CMDLINE_MAX];

	return key_text.read(r, key, value, text);
}

static enum device_kind kind_of(const struct key *key)
{
	return strcmp(key->name, "vif") ? DEVICE_VBD : DEVICE_VIF;
}

static int read_devices(const struct key_reader *r, const struct key *key, const struct json *list, void *field)
{
	unsigned count = 0;
	char what[160];

	if (list->type != JSON_ARRAY)
		return key_complain(r, "%s: expected a list", key->name);
	json_for_each(item, list) {
		int e = guest_config_add_device(r->object, kind_of(key), item, what, sizeof(what));

		if (e < 0)
			return key_complain(r, "%s %u: %s", key->name, count, what);
		count++;
	}
	return 0;
}

static struct json *write_devices(const struct key *key, const void *field)
{
	const struct guest_config *c = container_of(field, struct guest_config, devices);
	struct json *list = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < c->device_count; i++) {
		if (c->devices[i].kind == kind_of(key))
			json_append(list, guest_device_to_json(&c->devices[i]));
	}
	return list;
}

static const struct key_type boot_order = {read_boot, key_write_text}, cpu_list = {read_cpus, write_cpus}, checked = {read_checked, NULL},
			     devices = {read_devices, write_devices};
const char *const guest_type_names[] = {[GUEST_PV] = "pv", [GUEST_PVH] = "pvh", [GUEST_HVM] = "hvm", NULL};
static const char *const actions[] = {
	[ACTION_DESTROY] = "destroy", [ACTION_RESTART] = "restart", [ACTION_PRESERVE] = "preserve",
	[ACTION_COREDUMP_DESTROY] = "coredump-destroy", [ACTION_COREDUMP_RESTART] = "coredump-restart", NULL};
static const char *const disk_buses[] = {"ide", "ahci", NULL}, *const displays[] = {"none", "stdvga", NULL},
		  *const serials[] = {"none", "pty", NULL}, *const firmwares[] = {"seabios", NULL};

#define GUEST(name_, type_, member, text_, ...) KEY(name_, type_, struct guest_config, member, .text = text_, __VA_ARGS__)

const struct key guest_keys[] = {
	GUEST("name", key_name, name, "its name: unique on the host"),
	GUEST("tenant", key_name, tenant, "whose guest it is (not of xl): host.json can keep those of several apart"),
	GUEST("type", key_word, type, "pv, pvh or hvm", .words = guest_type_names),
	GUEST("kernel", key_path, kernel, "absolute path of the kernel in the control domain"),
	GUEST("ramdisk", key_path, ramdisk, "absolute path of the initial ramdisk"),
	GUEST("cmdline", key_text, cmdline, "the kernel's command line; root and extra are not looked at beside it"),
	GUEST("root", checked, cmdline, "the command line begins with root= and this"),
	GUEST("extra", checked, cmdline, "the command line goes on with this"),
	GUEST("memory", key_number, memory_mib, "MiB", .min = GUEST_MEMORY_MIB_MIN, .max = GUEST_MEMORY_MIB_MAX),
	GUEST("maxmem", key_number, maxmem_mib,
	      "must be that of memory: a guest starts with all that it may have, and `atoll set` takes some back",
	      .min = GUEST_MEMORY_MIB_MIN, .max = GUEST_MEMORY_MIB_MAX),
	GUEST("vcpus", key_number, vcpus, "processors that are there at the start", .min = 1, .max = GUEST_VCPUS_MAX),
	GUEST("consoles", key_number, consoles, "consoles (not of xl); those beyond the first are NAME:1 … for `atoll console`",
	      .min = 1, .max = GUEST_CONSOLES_MAX),
	GUEST("maxvcpus", key_number, maxvcpus, "processors that can be there; as many as vcpus if missing",
	      .min = 1, .max = GUEST_VCPUS_MAX),
	GUEST("cpus", cpu_list, cpus, "the host's processors it may run on, like \"0-3,^2\"; no list of lists"),
	GUEST("cpu_weight", key_number, weight, "its share of the processors; 256 is the usual one", .min = 1, .max = 65535),
	GUEST("cap", key_number, cap, "the most it may use, in hundredths of one processor; 0: no limit", .min = 0, .max = 65535),
	GUEST("uuid", key_hex, uuid, "a random one if it is missing", .pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
	GUEST("on_poweroff", key_word, on_poweroff, "destroy, restart, preserve, coredump-destroy, coredump-restart",
	      .words = actions),
	GUEST("on_reboot", key_word, on_reboot, "as on_poweroff; the default is restart", .words = actions),
	GUEST("on_crash", key_word, on_crash, "as on_poweroff", .words = actions),
	GUEST("on_watchdog", key_word, on_watchdog, "as on_poweroff", .words = actions),
	GUEST("vif", devices, devices, "network interfaces: mac, bridge, backend, devid, type=vif"),
	GUEST("disk", devices, devices, "disks: target, vdev, access, backend, format=raw, backendtype=phy"),
	GUEST("boot", boot_order, boot, "HVM: what the firmware tries, in order: c disk, d CD-ROM, n network"),
	GUEST("hdtype", key_text_word, hdtype, "HVM: the emulated disk controller, ide or ahci", .words = disk_buses),
	GUEST("bios", key_only, boot, "HVM: seabios", .words = firmwares),
	GUEST("vga", key_text_word, vga, "HVM: none or stdvga, whose picture nobody sees", .words = displays),
	GUEST("serial", key_word, serial, "HVM: pty gives it a serial line, which `atoll console` shows", .words = serials),
	GUEST("nomigrate", key_bool, no_migrate, "it cannot be saved or migrated"),
	GUEST("max_grant_frames", key_number, max_grant_frames, "the hypervisor's own limit if it is missing",
	      .min = 4, .max = 4096),
	GUEST("max_maptrack_frames", key_number, max_maptrack_frames, "the hypervisor's own limit if it is missing",
	      .min = 4, .max = 4096),
	GUEST("max_event_channels", key_number, max_event_channels, "1023 if it is missing", .min = 32, .max = 131071),
	{0},
};

const struct guest_other_keys guest_other_keys[] = {
	{true, "each x86 guest has it", "pae"},
	{true, "PVH guests have the few tables that they need, PV guests none", "acpi"},
	{true, "PVH guests have one, PV guests none", "apic"},
	{true, "each guest has it if the processor does", "nx"},
	{true, "PVH guests have it; without it the host refuses them", "hap"},
	{true, "only for shadow page tables", "oos"},
	{true, "guests without an emulated clock read the hypervisor's, in UTC", "localtime"},
	{true, "there is no emulated clock", "rtc_timeoffset"},
	{true, "only for guests with an emulated timer", "timer_mode vpt_align hpet"},
	{true, "no guest here does it: a kexec in a guest ends as a reboot", "on_soft_reset"},
	{true, "it is computed from memory and vcpus", "shadow_memory"},
	{true, "only old guests had it", "xend_suspend_evtchn_compat"},
	{true, "a wish that the scheduler may overrule", "cpus_soft"},
	{true, "PV and PVH guests have a text console: `atoll console`", "vfb"},
	{true, "there is no graphical console", "keymap vnc vnclisten vncdisplay vncunused vncpasswd sdl spice nographic"},
	{false, "say type = \"pv\", \"pvh\" or \"hvm\"", "builder"},
	{false, "no bootloader runs in the control domain: give kernel and ramdisk",
	 "bootloader bootloader_args bootloader_restrict bootloader_user firmware"},
	{false, "there are no CPU pools: use cpus", "pool"},
	{false, "there is no virtual NUMA: use cpus", "vnuma"},
	{false, "only service domains have PCI devices: atoll-host.json(5)", "pci"},
	{false, "only service domains have PCI devices, and none is permissive", "pci_permissive"},
	{false, "only service domains have PCI devices",
	 "pci_msitranslate pci_seize pci_power_mgmt gfx_passthru rdm rdm_mem_boundary passthrough"},
	{false, "no guest has devices of the host", "dtdev"},
	{false, "no guest has ports of the host", "ioports"},
	{false, "no guest has memory of the host's devices", "iomem"},
	{false, "no guest has interrupts of the host", "irqs"},
	{false, "driver domains are services of the host: atoll-host.json(5)", "driver_domain"},
	{false, "only for domains with PCI devices, which are services: they have it", "e820_host"},
	{false, "hypervisors with XSM are not supported", "seclabel init_seclabel device_model_stubdomain_seclabel"},
	{false, "there is no backend for such devices", "vtpm p9 pvcalls usbctrl usbdev vdispl vsnd vkb virtio vscsi"},
	{false, "there are no channels; a network interface or vchan does as well", "channel"},
	{false, "start the guest as type = \"pv\"", "pvshim pvshim_path pvshim_cmdline pvshim_extra"},
	{false, "guests have the hypervisor's default policy", "cpuid"},
	{false, "an unknown MSR faults, as the hypervisor's default has it", "msr_relaxed"},
	{false, "guests see no machine checks", "mca_caps"},
	{false, "the hypervisor chooses", "tsc_mode"},
	{false, "no guest runs guests", "nestedhvm"},
	{false, "nothing here inspects a guest's memory", "altp2m altp2mhvm altp2m_count"},
	{false, "nothing here traces guests", "vmtrace_buf_kb"},
	{false, "it is decided for the whole host, on the hypervisor's command line", "vpmu"},
	{false, "guests have version 1", "max_grant_version"},
	{false, "the store domain decides", "xenstore_feature_mask xenstore_quota"},
	{false, "the control domain runs no QEMU",
	 "device_model_version device_model_override device_model_stubdomain_override device_model_args "
	 "device_model_args_pv device_model_args_hvm device_model_user dm_restrict"},
	{false, "HVM guests do not have it yet",
	 "stubdomain_kernel stubdomain_ramdisk stubdomain_cmdline stubdomain_memory bios_path_override acpi_s3 acpi_s4 "
	 "acpi_laptop_slate acpi_firmware smbios_firmware smbios ms_vm_genid mmio_hole xen_platform_pci "
	 "xen_platform_pci_bar_uc viridian hvm_pirq videoram stdvga spicehost spiceport spicetls_port "
	 "spicedisable_ticketing spicepasswd spiceagent_mouse spicevdagent spice_clipboard_sharing spiceusbredirection "
	 "spice_image_compression spice_streaming_video soundhw vkb_device usb usbversion usbdevice vendor_device"},
	{false, "it is of Arm hosts", "device_tree gic_version vuart sve tee nr_spis llc_colors trap_unmapped_accesses arm_sci"},
	{0},
};

bool guest_other_key(const struct guest_other_keys *keys, const char *name)
{
	size_t len = strlen(name);

	if (!len || strchr(name, ' '))
		return false;
	for (const char *at = keys->names; (at = strstr(at, name)); at += len) {
		if ((at == keys->names || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	}
	return false;
}

static int read_key(const struct key_reader *r, const struct json *value)
{
	const struct key *key = key_find(guest_keys, 0, value->key);
	struct guest_config *c = r->object;
	size_t at = strlen(c->warning);

	if (key)
		return key_read(r, key, value);
	for (const struct guest_other_keys *other = guest_other_keys; other->names; other++) {
		if (!guest_other_key(other, value->key))
			continue;
		if (!other->ignored)
			return key_complain(r, "%s: this key is not supported: %s", value->key, other->text);
		snprintf(c->warning + at, sizeof(c->warning) - at, "%s%s", at ? ", " : "", value->key);
		return 0;
	}
	return key_complain(r, "%.60s: xl.cfg(5) has no such key; docs/xlcfg.md lists those that are supported", value->key);
}

/* --- whole descriptions --- */

int guest_config_change(struct guest_config *config, const struct json *value, char *why, size_t size)
{
	return read_key(&(struct key_reader){config, why, size}, value);
}

/* What concerns more than one key. */
static int check(const struct key_reader *r, const struct json *json)
{
	struct guest_config *c = r->object;
	const char *root = json_get_string(json, "root", ""), *extra = json_get_string(json, "extra", "");

	if (!c->name[0])
		return key_complain(r, "name is missing");
	if (c->type == GUEST_HVM && (c->kernel[0] || c->ramdisk[0]))
		return key_complain(r, "kernel: an HVM guest boots from its disk; type = \"pvh\" boots a kernel");
	if (c->type == GUEST_HVM && c->memory_mib < GUEST_HVM_MEMORY_MIB_MIN)
		return key_complain(r, "memory: %u is less than the %d that an HVM guest's firmware needs", c->memory_mib,
				    GUEST_HVM_MEMORY_MIB_MIN);
	if (c->type != GUEST_HVM && !c->kernel[0])
		return key_complain(r, "kernel is missing");
	if (c->maxmem_mib && c->maxmem_mib != c->memory_mib)
		return key_complain(r, "maxmem: %u is not memory's %u: a guest starts with all that it may have; `atoll set` takes memory "
				    "back later", c->maxmem_mib, c->memory_mib);
	if (!c->maxvcpus)
		c->maxvcpus = c->vcpus;
	if (c->maxvcpus < c->vcpus)
		return key_complain(r, "maxvcpus: %u is less than vcpus, %u", c->maxvcpus, c->vcpus);
	if (!c->cmdline[0] && format(c->cmdline, sizeof(c->cmdline), "%s%s%s%s", *root ? "root=" : "", root, *root && *extra ? " " : "",
				     extra) < 0)
		return key_complain(r, "extra: longer than %zu characters with root", sizeof(c->cmdline) - 1);
	return 0;
}

int guest_config_from_json(const struct json *json, struct guest_config *config, char *why, size_t size)
{
	char detail[300];
	struct key_reader r = {config, detail, sizeof(detail)};
	const char *name = json_get_string(json, "name", "");
	int e = json && json->type == JSON_OBJECT ? 0 : key_complain(&r, "expected an object");

	*config = (struct guest_config){.memory_mib = 128, .vcpus = 1, .boot = "c", .hdtype = "ide", .vga = "none", .on_reboot = ACTION_RESTART};
	for (const struct json *item = e == 0 ? json->first : NULL; item && e == 0; item = item->next)
		e = read_key(&r, item);
	if (e == 0)
		e = check(&r, json);
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
	return keys_write(guest_keys, c);
}
