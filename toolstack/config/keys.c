// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of keys, and how each is read. */
#include "config/keys.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config/device.h"

const char *const guest_type_names[] = {[GUEST_PV] = "pv", [GUEST_PVH] = "pvh", [GUEST_HVM] = "hvm"};
const char *const guest_action_names[] = {
	[ACTION_DESTROY] = "destroy", [ACTION_RESTART] = "restart", [ACTION_PRESERVE] = "preserve",
	[ACTION_COREDUMP_DESTROY] = "coredump-destroy", [ACTION_COREDUMP_RESTART] = "coredump-restart"};

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
	return strcmp(key->name, "root") ? copy_text(r, value, r->extra, sizeof(r->extra)) :
					   copy_text(r, value, r->root, sizeof(r->root));
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
		return complain(r, "name: expected 1 to %d letters, digits, '_', '.', '-'", NAME_LEN_MAX);
	return read_text(r, value, key);
}

static int read_choice(struct key_reader *r, const struct json *value, const char *const names[], unsigned count, const char *hint)
{
	for (unsigned i = 0; value->type == JSON_STRING && i < count; i++) {
		if (!strcmp(value->string, names[i]))
			return (int)i;
	}
	return complain(r, "%s: expected %s", value->key, hint);
}

static int read_type(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	int n = read_choice(r, value, guest_type_names, ARRAY_SIZE(guest_type_names), "\"pv\", \"pvh\" or \"hvm\"");

	r->config->type = n < 0 ? GUEST_PV : (enum guest_type)n;
	return MIN(n, 0);
}

static int read_action(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	int n = read_choice(r, value, guest_action_names, ARRAY_SIZE(guest_action_names),
			    "\"destroy\", \"restart\", \"preserve\", \"coredump-destroy\" or \"coredump-restart\"");

	if (n < 0)
		return n;
	*(enum guest_action *)field(r, key) = (enum guest_action)n;
	return 0;
}

static int read_boot(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	int e = read_text(r, value, key);

	if (e == 0 && (!*r->config->boot || strspn(r->config->boot, "cdn") != strlen(r->config->boot)))
		return complain(r, "boot: expected letters of c (disk), d (CD-ROM), n (network)");
	return e;
}

/* Words of HVM guests: each field is a text that holds the longest. */
static int read_word(struct key_reader *r, const struct json *value, const char *const words[2], char *out)
{
	char hint[64];
	int n;

	snprintf(hint, sizeof(hint), "\"%s\" or \"%s\"", words[0], words[1]);
	n = read_choice(r, value, words, 2, hint);
	if (n >= 0)
		strcpy(out, words[n]);
	return MIN(n, 0);
}

static int read_hdtype(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	return read_word(r, value, (const char *const[]){"ide", "ahci"}, r->config->hdtype);
}

static int read_vga(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	return read_word(r, value, (const char *const[]){"none", "stdvga"}, r->config->vga);
}

static int read_serial(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	char word[5] = "";
	int e = read_word(r, value, (const char *const[]){"pty", "none"}, word);

	r->config->serial = *word == 'p';
	return e;
}

static int read_bios(struct key_reader *r, const struct json *value, const struct guest_key *key)
{
	return MIN(read_choice(r, value, (const char *const[]){"seabios"}, 1, "\"seabios\" (UEFI firmware is not supported yet)"), 0);
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

#define READ(name, fn, member, lo, hi, text) {name, fn, false, text, offsetof(struct guest_config, member), lo, hi}
#define TEXT(name, fn, member, text) READ(name, fn, member, 0, sizeof(((struct guest_config *)0)->member), text)
#define IGNORED(name, text) {name, NULL, true, text, 0, 0, 0}
#define REFUSED(name, text) {name, NULL, false, text, 0, 0, 0}

#define HVM "HVM guests do not have it yet"
#define ARM "it is of Arm hosts"
#define NO_DEVICE "there is no backend for such devices"
#define NEVER_QEMU "the control domain runs no QEMU"
#define BOOTLOADER "no bootloader runs in the control domain: give kernel and ramdisk"

const struct guest_key guest_keys[] = {
	TEXT("name", read_name, name, "its name: unique on the host"),
	READ("type", read_type, type, 0, 0, "pv, pvh or hvm"),
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
	READ("on_poweroff", read_action, on_poweroff, 0, 0, "destroy, restart, preserve, coredump-destroy, coredump-restart"),
	READ("on_reboot", read_action, on_reboot, 0, 0, "as on_poweroff; the default is restart"),
	READ("on_crash", read_action, on_crash, 0, 0, "as on_poweroff"),
	READ("on_watchdog", read_action, on_watchdog, 0, 0, "as on_poweroff"),
	READ("vif", read_devices, vifs, 0, 0, "network interfaces: mac, bridge, backend, devid, type=vif"),
	READ("disk", read_devices, vbds, 0, 0, "disks: target, vdev, access, backend, format=raw, backendtype=phy"),
	READ("boot", read_boot, boot, 0, 5, "HVM: what the firmware tries, in order: c disk, d CD-ROM, n network"),
	READ("hdtype", read_hdtype, hdtype, 0, 0, "HVM: the emulated disk controller, ide or ahci"),
	READ("bios", read_bios, boot, 0, 0, "HVM: seabios"),
	READ("vga", read_vga, vga, 0, 0, "HVM: none or stdvga, whose picture nobody sees"),
	READ("serial", read_serial, serial, 0, 0, "HVM: pty gives it a serial line, which `atoll console` shows"),
	READ("nomigrate", read_bool, no_migrate, 0, 0, "it cannot be saved or migrated"),
	READ("max_grant_frames", read_number, max_grant_frames, 4, 4096, "the hypervisor's own limit if it is missing"),
	READ("max_maptrack_frames", read_number, max_maptrack_frames, 4, 4096, "the hypervisor's own limit if it is missing"),
	READ("max_event_channels", read_number, max_event_channels, 32, 131071, "1023 if it is missing"),

	IGNORED("pae", "each x86 guest has it"),
	IGNORED("acpi", "PVH guests have the few tables that they need, PV guests none"),
	IGNORED("apic", "PVH guests have one, PV guests none"),
	IGNORED("nx", "each guest has it if the processor does"),
	IGNORED("hap", "PVH guests have it; without it the host refuses them"),
	IGNORED("oos", "only for shadow page tables"),
	IGNORED("localtime", "guests without an emulated clock read the hypervisor's, in UTC"),
	IGNORED("rtc_timeoffset", "there is no emulated clock"),
	IGNORED("timer_mode", "only for guests with an emulated timer"),
	IGNORED("vpt_align", "only for guests with an emulated timer"),
	IGNORED("hpet", "only for guests with an emulated timer"),
	IGNORED("on_soft_reset", "no guest here does it: a kexec in a guest ends as a reboot"),
	IGNORED("shadow_memory", "it is computed from memory and vcpus"),
	IGNORED("xend_suspend_evtchn_compat", "only old guests had it"),
	IGNORED("cpus_soft", "a wish that the scheduler may overrule"),
	IGNORED("vfb", "PV and PVH guests have a text console: `atoll console`"),
	IGNORED("keymap", "there is no graphical console"),
	IGNORED("vnc", "there is no graphical console"),
	IGNORED("vnclisten", "there is no graphical console"),
	IGNORED("vncdisplay", "there is no graphical console"),
	IGNORED("vncunused", "there is no graphical console"),
	IGNORED("vncpasswd", "there is no graphical console"),
	IGNORED("sdl", "there is no graphical console"),
	IGNORED("spice", "there is no graphical console"),
	IGNORED("nographic", "there is no graphical console"),

	REFUSED("builder", "say type = \"pv\", \"pvh\" or \"hvm\""),
	REFUSED("bootloader", BOOTLOADER),
	REFUSED("bootloader_args", BOOTLOADER),
	REFUSED("bootloader_restrict", BOOTLOADER),
	REFUSED("bootloader_user", BOOTLOADER),
	REFUSED("firmware", BOOTLOADER),
	REFUSED("pool", "there are no CPU pools: use cpus"),
	REFUSED("vnuma", "there is no virtual NUMA: use cpus"),
	REFUSED("pci", "only service domains have PCI devices: atoll-host.json(5)"),
	REFUSED("pci_permissive", "only service domains have PCI devices, and none is permissive"),
	REFUSED("pci_msitranslate", "only service domains have PCI devices"),
	REFUSED("pci_seize", "only service domains have PCI devices"),
	REFUSED("pci_power_mgmt", "only service domains have PCI devices"),
	REFUSED("gfx_passthru", "only service domains have PCI devices"),
	REFUSED("rdm", "only service domains have PCI devices"),
	REFUSED("rdm_mem_boundary", "only service domains have PCI devices"),
	REFUSED("passthrough", "only service domains have PCI devices"),
	REFUSED("dtdev", "no guest has devices of the host"),
	REFUSED("ioports", "no guest has ports of the host"),
	REFUSED("iomem", "no guest has memory of the host's devices"),
	REFUSED("irqs", "no guest has interrupts of the host"),
	REFUSED("driver_domain", "driver domains are services of the host: atoll-host.json(5)"),
	REFUSED("e820_host", "only for domains with PCI devices, which are services: they have it"),
	REFUSED("seclabel", "hypervisors with XSM are not supported"),
	REFUSED("init_seclabel", "hypervisors with XSM are not supported"),
	REFUSED("device_model_stubdomain_seclabel", "hypervisors with XSM are not supported"),
	REFUSED("vtpm", NO_DEVICE),
	REFUSED("p9", NO_DEVICE),
	REFUSED("pvcalls", NO_DEVICE),
	REFUSED("channel", "there are no channels; a network interface or vchan does as well"),
	REFUSED("usbctrl", NO_DEVICE),
	REFUSED("usbdev", NO_DEVICE),
	REFUSED("vdispl", NO_DEVICE),
	REFUSED("vsnd", NO_DEVICE),
	REFUSED("vkb", NO_DEVICE),
	REFUSED("virtio", NO_DEVICE),
	REFUSED("vscsi", NO_DEVICE),
	REFUSED("pvshim", "start the guest as type = \"pv\""),
	REFUSED("pvshim_path", "start the guest as type = \"pv\""),
	REFUSED("pvshim_cmdline", "start the guest as type = \"pv\""),
	REFUSED("pvshim_extra", "start the guest as type = \"pv\""),
	REFUSED("cpuid", "guests have the hypervisor's default policy"),
	REFUSED("msr_relaxed", "an unknown MSR faults, as the hypervisor's default has it"),
	REFUSED("mca_caps", "guests see no machine checks"),
	REFUSED("tsc_mode", "the hypervisor chooses"),
	REFUSED("nestedhvm", "no guest runs guests"),
	REFUSED("altp2m", "nothing here inspects a guest's memory"),
	REFUSED("altp2mhvm", "nothing here inspects a guest's memory"),
	REFUSED("altp2m_count", "nothing here inspects a guest's memory"),
	REFUSED("vmtrace_buf_kb", "nothing here traces guests"),
	REFUSED("vpmu", "it is decided for the whole host, on the hypervisor's command line"),
	REFUSED("max_grant_version", "guests have version 1"),
	REFUSED("xenstore_feature_mask", "the store domain decides"),
	REFUSED("xenstore_quota", "the store domain decides"),
	REFUSED("device_model_version", NEVER_QEMU),
	REFUSED("device_model_override", NEVER_QEMU),
	REFUSED("device_model_stubdomain_override", NEVER_QEMU),
	REFUSED("device_model_args", NEVER_QEMU),
	REFUSED("device_model_args_pv", NEVER_QEMU),
	REFUSED("device_model_args_hvm", NEVER_QEMU),
	REFUSED("device_model_user", NEVER_QEMU),
	REFUSED("dm_restrict", NEVER_QEMU),
	REFUSED("stubdomain_kernel", HVM),
	REFUSED("stubdomain_ramdisk", HVM),
	REFUSED("stubdomain_cmdline", HVM),
	REFUSED("stubdomain_memory", HVM),
	REFUSED("bios_path_override", HVM),
	REFUSED("acpi_s3", HVM),
	REFUSED("acpi_s4", HVM),
	REFUSED("acpi_laptop_slate", HVM),
	REFUSED("acpi_firmware", HVM),
	REFUSED("smbios_firmware", HVM),
	REFUSED("smbios", HVM),
	REFUSED("ms_vm_genid", HVM),
	REFUSED("mmio_hole", HVM),
	REFUSED("xen_platform_pci", HVM),
	REFUSED("xen_platform_pci_bar_uc", HVM),
	REFUSED("viridian", HVM),
	REFUSED("hvm_pirq", HVM),
	REFUSED("videoram", HVM),
	REFUSED("stdvga", HVM),
	REFUSED("spicehost", HVM),
	REFUSED("spiceport", HVM),
	REFUSED("spicetls_port", HVM),
	REFUSED("spicedisable_ticketing", HVM),
	REFUSED("spicepasswd", HVM),
	REFUSED("spiceagent_mouse", HVM),
	REFUSED("spicevdagent", HVM),
	REFUSED("spice_clipboard_sharing", HVM),
	REFUSED("spiceusbredirection", HVM),
	REFUSED("spice_image_compression", HVM),
	REFUSED("spice_streaming_video", HVM),
	REFUSED("soundhw", HVM),
	REFUSED("vkb_device", HVM),
	REFUSED("usb", HVM),
	REFUSED("usbversion", HVM),
	REFUSED("usbdevice", HVM),
	REFUSED("vendor_device", HVM),
	REFUSED("device_tree", ARM),
	REFUSED("gic_version", ARM),
	REFUSED("vuart", ARM),
	REFUSED("sve", ARM),
	REFUSED("tee", ARM),
	REFUSED("nr_spis", ARM),
	REFUSED("llc_colors", ARM),
	REFUSED("trap_unmapped_accesses", ARM),
	REFUSED("arm_sci", ARM),
};
const size_t guest_key_count = ARRAY_SIZE(guest_keys);

static void warn(struct guest_config *c, const char *key)
{
	size_t at = strlen(c->warning);

	snprintf(c->warning + at, sizeof(c->warning) - at, "%s%s", at ? ", " : "", key);
}

int guest_key_read(struct key_reader *r, const struct json *value)
{
	for (size_t i = 0; i < guest_key_count; i++) {
		const struct guest_key *key = &guest_keys[i];

		if (strcmp(key->name, value->key))
			continue;
		if (key->read)
			return key->read(r, value, key);
		if (!key->ignored)
			return complain(r, "%s: this key is not supported: %s", key->name, key->text);
		warn(r->config, key->name);
		return 0;
	}
	return complain(r, "%.60s: xl.cfg(5) has no such key; docs/xlcfg.md lists those that are supported", value->key);
}
