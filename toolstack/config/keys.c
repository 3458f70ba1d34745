// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of keys, and how each is read. */
#include "config/keys.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config/device.h"

const char *const guest_type_names[] = {[GUEST_PV] = "pv", [GUEST_PVH] = "pvh", [GUEST_HVM] = "hvm", NULL};
static const char *const actions[] = {
	[ACTION_DESTROY] = "destroy", [ACTION_RESTART] = "restart", [ACTION_PRESERVE] = "preserve",
	[ACTION_COREDUMP_DESTROY] = "coredump-destroy", [ACTION_COREDUMP_RESTART] = "coredump-restart", NULL};
static const char *const disk_buses[] = {"ide", "ahci", NULL}, *const displays[] = {"none", "stdvga", NULL},
		  *const serials[] = {"none", "pty", NULL}, *const firmwares[] = {"seabios", NULL};

static int complain(struct key_reader *r, const char *fmt, ...) PRINTF(2, 3);
static int complain(struct key_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void *field(struct key_reader *r, const struct guest_key *key)
{
	return (char *)r->config + key->offset;
}

static int copy_text(struct key_reader *r, const struct json *value, char *out, size_t size)
{
	if (value->type != JSON_STRING)
		return complain(r, "%s: expected a string", value->key);
	if (format(out, size, "%s", value->string) < 0)
		return complain(r, "%s: longer than %zu characters", value->key, size - 1);
	return 0;
}

static int read_text(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	return copy_text(r, value, field(r, key), (size_t)key->max);
}

static int read_path(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	char *out = field(r, key);
	int e = copy_text(r, value, out, (size_t)key->max);

	if (e == 0 && out[0] && out[0] != '/')
		return complain(r, "%s: %s is not an absolute path", value->key, out);
	return e;
}

static int read_extra(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	bool root = !strcmp(key->name, "root");

	return copy_text(r, value, root ? r->root : r->extra, root ? sizeof(r->root) : sizeof(r->extra));
}

static int read_number(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	int64_t n;

	if (value->type == JSON_INT)
		n = value->integer;
	else if (value->type != JSON_STRING || parse_u64(value->string, 0, INT64_MAX, (uint64_t *)&n) < 0)
		return complain(r, "%s: expected a number", value->key);
	if (n < key->min || n > key->max)
		return complain(r, "%s: %lld is outside %lld to %lld", value->key, (long long)n, (long long)key->min,
				(long long)key->max);
	*(unsigned *)field(r, key) = (unsigned)n;
	return 0;
}

static int read_bool(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	if ((value->type != JSON_BOOL && value->type != JSON_INT) || (value->integer & ~1))
		return complain(r, "%s: expected 0 or 1", value->key);
	*(bool *)field(r, key) = value->integer;
	return 0;
}

static int read_name(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	if (value->type != JSON_STRING || !name_valid(value->string))
		return complain(r, "%s: expected 1 to %d letters, digits, '_', '.', '-'", value->key, NAME_LEN_MAX);
	return read_text(r, value, key);
}

/* One of the key's words; what is kept is the word itself, or its place among them: a switch or an enum. */
static int read_word(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	char hint[120] = "";

	for (unsigned i = 0; key->words[i]; i++) {
		size_t at = strlen(hint);

		if (value->type != JSON_STRING || strcmp(value->string, key->words[i])) {
			snprintf(hint + at, sizeof(hint) - at, "%s\"%s\"", !i ? "" : key->words[i + 1] ? ", " : " or ", key->words[i]);
			continue;
		}
		if (key->max)
			strcpy(field(r, key), key->words[i]);
		else if (!strcmp(key->name, "serial"))
			r->config->serial = i;
		else if (strcmp(key->name, "bios"))
			*(unsigned *)field(r, key) = i;
		return 0;
	}
	return complain(r, "%s: expected %s%s", value->key, hint,
			key->words == firmwares ? " (UEFI firmware is not supported yet)" : "");
}

static int read_boot(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	int e = read_text(r, value, key);

	if (e == 0 && (!*r->config->boot || strspn(r->config->boot, "cdn") != strlen(r->config->boot)))
		return complain(r, "boot: expected letters of c (disk), d (CD-ROM), n (network)");
	return e;
}

static int read_uuid(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	char *uuid = r->config->uuid;

	if (value->type != JSON_STRING || strlen(value->string) != 36)
		return complain(r, "uuid: expected 36 characters like 01234567-89ab-cdef-0123-456789abcdef");
	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? value->string[i] != '-' : !isxdigit((unsigned char)value->string[i]))
			return complain(r, "uuid: expected 36 characters like 01234567-89ab-cdef-0123-456789abcdef");
		uuid[i] = (char)tolower((unsigned char)value->string[i]);
	}
	uuid[36] = '\0';
	return 0;
}

static int read_cpus(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	if (value->type != JSON_STRING || cpu_list_parse(value->string, r->config->cpus) < 0)
		return complain(r, "cpus: expected a list like \"0-3,^2\" or \"all\", of processors below %d", GUEST_CPUS_MAX);
	return 0;
}

static int read_devices(struct key_reader *r, const struct json *list, const struct guest_key *key)
{
	struct guest_config *c = r->config;
	bool vif = !strcmp(key->name, "vif");
	unsigned *count = vif ? &c->vif_count : &c->vbd_count;
	char what[160];

	if (list->type != JSON_ARRAY)
		return complain(r, "%s: expected a list", list->key);
	json_for_each(item, list) {
		int e = vif ? guest_config_add_vif(c, item, what, sizeof(what)) : guest_config_add_vbd(c, item, what, sizeof(what));

		if (e < 0)
			return complain(r, "%s %u: %s", list->key, *count, what);
	}
	return 0;
}

static struct json *devices_to_json(const struct guest_config *c, const struct guest_key *key)
{
	bool vif = !strcmp(key->name, "vif");
	struct json *list = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < (vif ? c->vif_count : c->vbd_count); i++)
		json_append(list, vif ? vif_to_json(&c->vifs[i]) : vbd_to_json(&c->vbds[i]));
	return list;
}

#define READ(name, fn, member, lo, hi, text) {name, fn, text, offsetof(struct guest_config, member), lo, hi, NULL}
#define WORD(name, member, words, text) {name, read_word, text, offsetof(struct guest_config, member), 0, 0, words}
#define WORD_TEXT(name, member, words, text) \
	{name, read_word, text, offsetof(struct guest_config, member), 0, sizeof(((struct guest_config *)0)->member), words}
#define TEXT(name, fn, member, text) READ(name, fn, member, 0, sizeof(((struct guest_config *)0)->member), text)

const struct guest_key guest_keys[] = {
	TEXT("name", read_name, name, "its name: unique on the host"),
	TEXT("tenant", read_name, tenant, "whose guest it is (not of xl): host.json can keep those of several apart"),
	WORD("type", type, guest_type_names, "pv, pvh or hvm"),
	TEXT("kernel", read_path, kernel, "absolute path of the kernel in the control domain"),
	TEXT("ramdisk", read_path, ramdisk, "absolute path of the initial ramdisk"),
	TEXT("cmdline", read_text, cmdline, "the kernel's command line; root and extra are not looked at beside it"),
	READ("root", read_extra, cmdline, 0, 0, "the command line begins with root= and this"),
	READ("extra", read_extra, cmdline, 0, 0, "the command line goes on with this"),
	READ("memory", read_number, memory_mib, GUEST_MEMORY_MIB_MIN, GUEST_MEMORY_MIB_MAX, "MiB"),
	READ("maxmem", read_number, maxmem_mib, GUEST_MEMORY_MIB_MIN, GUEST_MEMORY_MIB_MAX,
	     "must be that of memory: a guest starts with all that it may have, and `atoll set` takes some back"),
	READ("vcpus", read_number, vcpus, 1, GUEST_VCPUS_MAX, "processors that are there at the start"),
	READ("consoles", read_number, consoles, 1, GUEST_CONSOLES_MAX, "consoles (not of xl); those beyond the first are NAME:1 … for `atoll console`"),
	READ("maxvcpus", read_number, maxvcpus, 1, GUEST_VCPUS_MAX, "processors that can be there; as many as vcpus if missing"),
	READ("cpus", read_cpus, cpus, 0, 0, "the host's processors it may run on, like \"0-3,^2\"; no list of lists"),
	READ("cpu_weight", read_number, weight, 1, 65535, "its share of the processors; 256 is the usual one"),
	READ("cap", read_number, cap, 0, 65535, "the most it may use, in hundredths of one processor; 0: no limit"),
	READ("uuid", read_uuid, uuid, 0, 0, "a random one if it is missing"),
	WORD("on_poweroff", on_poweroff, actions, "destroy, restart, preserve, coredump-destroy, coredump-restart"),
	WORD("on_reboot", on_reboot, actions, "as on_poweroff; the default is restart"),
	WORD("on_crash", on_crash, actions, "as on_poweroff"),
	WORD("on_watchdog", on_watchdog, actions, "as on_poweroff"),
	READ("vif", read_devices, vifs, 0, 0, "network interfaces: mac, bridge, backend, devid, type=vif"),
	READ("disk", read_devices, vbds, 0, 0, "disks: target, vdev, access, backend, format=raw, backendtype=phy"),
	READ("boot", read_boot, boot, 0, 5, "HVM: what the firmware tries, in order: c disk, d CD-ROM, n network"),
	WORD_TEXT("hdtype", hdtype, disk_buses, "HVM: the emulated disk controller, ide or ahci"),
	WORD("bios", boot, firmwares, "HVM: seabios"),
	WORD_TEXT("vga", vga, displays, "HVM: none or stdvga, whose picture nobody sees"),
	WORD("serial", serial, serials, "HVM: pty gives it a serial line, which `atoll console` shows"),
	READ("nomigrate", read_bool, no_migrate, 0, 0, "it cannot be saved or migrated"),
	READ("max_grant_frames", read_number, max_grant_frames, 4, 4096, "the hypervisor's own limit if it is missing"),
	READ("max_maptrack_frames", read_number, max_maptrack_frames, 4, 4096, "the hypervisor's own limit if it is missing"),
	READ("max_event_channels", read_number, max_event_channels, 32, 131071, "1023 if it is missing"),
};
const size_t guest_key_count = ARRAY_SIZE(guest_keys);

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
};
const size_t guest_other_key_count = ARRAY_SIZE(guest_other_keys);

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

int guest_key_read(struct key_reader *r, const struct json *value)
{
	struct guest_config *c = r->config;
	size_t at = strlen(c->warning);

	for (size_t i = 0; i < guest_key_count; i++) {
		if (!strcmp(guest_keys[i].name, value->key))
			return guest_keys[i].read(r, value, &guest_keys[i]);
	}
	for (size_t i = 0; i < guest_other_key_count; i++) {
		if (!guest_other_key(&guest_other_keys[i], value->key))
			continue;
		if (!guest_other_keys[i].ignored)
			return complain(r, "%s: this key is not supported: %s", value->key, guest_other_keys[i].text);
		snprintf(c->warning + at, sizeof(c->warning) - at, "%s%s", at ? ", " : "", value->key);
		return 0;
	}
	return complain(r, "%.60s: xl.cfg(5) has no such key; docs/xlcfg.md lists those that are supported", value->key);
}

struct json *guest_key_write(const struct guest_config *c, const struct guest_key *key)
{
	const void *field = (const char *)c + key->offset;
	char cpus[GUEST_CPUS_MAX * 4];

	if (key->read == read_text || key->read == read_path || key->read == read_name || key->read == read_uuid ||
	    (key->read == read_word && key->max) || key->read == read_boot)
		return *(const char *)field ? json_new_string(field) : NULL;
	if (key->read == read_number)
		return *(const unsigned *)field ? json_new_int(*(const unsigned *)field) : NULL;
	if (key->read == read_bool)
		return json_new_bool(*(const bool *)field);
	if (key->read == read_word && key->words != firmwares)
		return json_new_string(key->words[key->words == serials ? c->serial : *(const unsigned *)field]);
	if (key->read == read_devices)
		return devices_to_json(c, key);
	if (key->read != read_cpus)
		return NULL;
	cpu_list_print(c->cpus, cpus, sizeof(cpus));
	return json_new_string(cpus);
}
