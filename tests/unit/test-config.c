// SPDX-License-Identifier: LGPL-2.1-or-later
/* Configuration files: what users of xl have works, and what is wrong is named in one line. */
#include "config/guest.h"
#include "config/host.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static char why[300];

static int guest(const char *text, struct guest_config *c)
{
	why[0] = '\0';
	return guest_config_parse(text, strlen(text), c, why, sizeof(why));
}

static void test_xl_file(void)
{
	static const char text[] = "# a guest\nname = \"web\"\ntype='pvh'; memory = 256\nkernel = '/k'\nramdisk=\"/r\"\n"
				   "extra = \"console=hvc0\"\n"
				   "vif = [ 'mac=00:16:3e:00:00:02,bridge=br1,backend=net1',\n  '' ]  # two\n"
				   "disk = [ 'phy:/dev/nvme0n1p1,xvda,w', 'format=raw, vdev=xvdb, access=ro, target=nvme0n1p2' ]\n"
				   "on_crash = 'preserve'\n";
	struct guest_config c, again;
	AUTO_JSON struct json *json = NULL;

	ok(guest(text, &c) == 0, "an xl.cfg file is read (%s)", why);
	ok(c.type == GUEST_PVH && c.memory_mib == 256 && !strcmp(c.cmdline, "console=hvc0"), "its plain keys are right");
	ok(c.device_count == 4 && !strcmp(c.devices[0].backend, "net1") && !strcmp(c.devices[1].bridge, "xenbr0"), "its vifs are right");
	ok(!strcmp(c.devices[2].target, "nvme0n1p1") && c.devices[2].writable && !c.devices[3].writable,
	   "both forms of a disk are read");
	ok(c.devices[2].id == 51712 && c.devices[3].id == 51728, "disks have their numbers");
	ok(c.on_crash == ACTION_PRESERVE && c.on_poweroff == ACTION_DESTROY, "actions are read");
	json = guest_config_to_json(&c);
	ok(guest_config_from_json(json, &again, why, sizeof(why)) == 0 && !memcmp(&c, &again, sizeof(c)),
	   "the JSON form reads back the same (%s)", why);
}

static void test_guest_errors(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"name='a'\nkernel='/k'\npci=[]\n", "a: pci: this key is not supported: only service domains"},
		{"name='a'\nkernel='k'\n", "kernel: k is not an absolute path"},
		{"kernel='/k'\n", "name is missing"},
		{"name='a'\n", "kernel is missing"},
		{"name='../a'\nkernel='/k'\n", "name: expected"},
		{"name='a'\nkernel='/k'\nmemory=0\n", "memory: 0 is outside"},
		{"name='a'\nkernel='/k'\nmemory=99999999999\n", "memory: 99999999999 is outside"},
		{"name='a'\nkernel='/k'\nvcpuss=2\n", "a: vcpuss: xl.cfg(5) has no such key"},
		{"name='a'\nkernel='/k'\nvcpus=65\n", "a: vcpus: 65 is outside 1 to 64"},
		{"name='a'\nkernel='/k'\nvcpus=2\nmaxvcpus=1\n", "maxvcpus: 1 is less"},
		{"name='a'\nkernel='/k'\nmemory=2000000\n", "memory: 2000000 is outside 1 to 1048576"},
		{"name='a'\nkernel='/k'\nmaxmem=2000\n", "maxmem: 2000 is not memory's 128"},
		{"name='a'\nkernel='/k'\ncpus='0-300'\n", "cpus: expected a list"},
		{"name='a'\nkernel='/k'\ncpus='1,all'\n", "cpus: expected a list"},
		{"name='a'\nkernel='/k'\non_crash='rename-restart'\n", "on_crash: expected"},
		{"name='a'\nkernel='/k'\nvif=['devid=1','devid=1']\n", "vif1 is used twice"},
		{"name='a'\nkernel='/k'\ntype='hvm'\n", "boots from its disk"},
		{"name='a'\ntype='hvm'\nmemory=8\n", "firmware"},
		{"name='a'\ntype='hvm'\nboot='x'\n", "boot: expected"},
		{"name='a'\ntype='hvm'\nhdtype='scsi'\n", "hdtype: expected"},
		{"name='a'\nkernel='/k'\nvif=['mac=01:00:00:00:00:00']\n", "vif 0: mac:"},
		{"name='a'\nkernel='/k'\nvif=['brigde=b']\n", "vif 0: brigde: this key"},
		{"name='a'\nkernel='/k'\ndisk=['/x/y,raw,xvda,w']\n", "disk 0: target:"},
		{"name='a'\nkernel='/k'\ndisk=['p1,raw,xvda,w','p2,raw,xvda,w']\n", "disk 1: xvda is used twice"},
		{"name='a'\nkernel='/k'\ndisk=['p1,qcow2,xvda,w']\n", "disk 0: format: expected \"raw\""},
		{"name='a'\nkernel='/k'\ndisk=['p1']\n", "disk 0: vdev is missing"},
		{"name='a'\nkernel='/k\n", "line 2: a string without"},
		{"name='a'\nkernel=k\n", "line 2: a value that is no number"},
		{"name='a' kernel='/k'\n", "line 1: text after the value"},
		{"{\"name\":\"a\"", "not valid JSON near line 1"},
		{"x=[[[1]]]", "line 1: lists nested too deeply"},
		{"vif=['a'", "line 1: a list needs"},
	};
	struct guest_config c;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		ok(guest(bad[i].text, &c) == -EINVAL && strstr(why, bad[i].why), "a mistake is named: %s", why);
	ok(guest("name='a'\nkernel='/k'\nmemory=64\nmemory=65\n", &c) == 0 && c.memory_mib == 65, "the last setting of a key counts");
}

static int host(const char *text, struct host_config *c)
{
	why[0] = '\0';
	return host_config_parse(text, strlen(text), c, why, sizeof(why));
}

static void test_policies(void)
{
	struct host_config c;

	ok(host("{\"services\":[{\"name\":\"n\",\"role\":\"net\",\"restart\":{\"on_failure\":false,\"budget\":3,\"every_s\":60,\"backoff_ms\":5}}]}",
		&c) == 0 && !c.services[2].restart.on_failure && c.services[2].restart.budget == 3 && c.services[2].restart.every_s == 60 &&
		   c.services[2].restart.backoff_ms == 5,
	   "a restart policy is read");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"n\",\"role\":\"net\"}]}", &c) == 0 && c.services[2].restart.on_failure &&
		   c.services[2].restart.budget == 60 && !c.services[2].restart.every_s,
	   "without one, failures are repaired, 60 an hour");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"n\",\"role\":\"net\",\"restart\":{\"budget\":\"many\"}}]}", &c) < 0 && strstr(why, "budget"),
	   "a value that is none is named (%s)", why);
	host_config_fini(&c);
	ok(host("{\"console\":{\"rate_kib\":7,\"log_files\":9}}", &c) == 0 && c.console_rate_kib == 7 && c.console_log_files == 9 &&
		   c.console_log_kib == 4096,
	   "what consoles may say and keep is read");
	host_config_fini(&c);
	ok(host("{\"store\":{\"rate_kib\":7}}", &c) < 0, "and is the console's alone");
	host_config_fini(&c);
}

static void test_separate(void)
{
	static const char *const wrong[] = {"3", "[3]", "[{\"role\":\"net\",\"tenants\":[\"a\"]}]", "[{\"role\":\"store\",\"tenants\":[\"a\",\"b\"]}]",
		"[{\"role\":\"net\",\"tenants\":[\"a\",3]}]", "[{\"role\":\"net\",\"tenants\":{\"x\":\"a\",\"y\":\"b\"}}]",
		"[{\"role\":\"net\",\"tenants\":[\"a\",\"b c\"]}]", "[{\"role\":\"net\",\"tenants\":[\"a\",\"b\"],\"more\":1}]"};
	struct host_config c;

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"separate\":%s}", wrong[i]);
		ok(host(text, &c) == -EINVAL && strstr(why, "separate"), "%s is no rule", wrong[i]);
		host_config_fini(&c);
	}
	ok(host("{\"separate\":[{\"role\":\"disk\",\"tenants\":[\"a\",\"b\",\"c\"]}]}", &c) == 0 && host_config_apart(&c, ROLE_DISK, "a", "c") &&
		   !host_config_apart(&c, ROLE_NET, "a", "c") && !host_config_apart(&c, ROLE_DISK, "a", "a") &&
		   !host_config_apart(&c, ROLE_DISK, "", "a"),
	   "a rule holds for each two of its tenants, and its role");
	host_config_fini(&c);
}

static void test_host(void)
{
	struct host_config c;

	ok(host("{\"store\":{\"memory_mib\":4},\"services\":[{\"name\":\"net0\",\"role\":\"net\",\"pci\":[\"0000:00:05.0\"],"
		"\"bridges\":[{\"name\":\"xenbr0\"}]},{\"name\":\"disk0\",\"role\":\"disk\"}]}", &c) == 0, "a host is read (%s)", why);
	ok(c.service_count == 4 && c.services[0].memory_mib == 4 && c.services[1].memory_mib == 2, "store and console are first");
	ok(c.services[2].domid == 3 && c.services[3].domid == 4 && c.services[2].pci_count == 1, "services have fixed domids");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"a\",\"role\":\"gpu\"}]}", &c) == -EINVAL && strstr(why, "a: role"), "a role is checked");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"a\",\"role\":\"net\",\"pci\":[\"5.0\"]}]}", &c) == -EINVAL && strstr(why, "a: pci"),
	   "a PCI address is checked");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"a\",\"role\":\"net\",\"kernel\":\"trimmed\"},{\"name\":\"b\",\"role\":\"disk\",\"kernel\":\"/k\"},"
		"{\"name\":\"c\",\"role\":\"disk\"}]}", &c) == 0 && !strcmp(c.services[2].kernel, "trimmed") &&
		!strcmp(c.services[3].kernel, "/k") && !strcmp(c.services[4].kernel, KERNEL_USUAL), "a kernel is a name or a path");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"a\",\"role\":\"net\",\"kernel\":\"../k\"}]}", &c) == -EINVAL && strstr(why, "a: kernel"),
	   "but not a path that begins anywhere (%s)", why);
	host_config_fini(&c);
	ok(host("[]", &c) == -EINVAL && strstr(why, "expected an object"), "a list is no host (%s)", why);
	ok(host("3", &c) == -EINVAL && strstr(why, "expected an object"), "a number is no host (%s)", why);
	ok(host("{\"services\":[{\"name\":\"a b\",\"role\":\"net\"}]}", &c) == -EINVAL && strstr(why, "name \"a b\": expected"),
	   "a bad name is shown (%s)", why);
	ok(host("{\"services\":[{\"name\":\"a\",\"role\":\"net\",\"pci\":[\"0000:00:0A.0\"]},"
		"{\"name\":\"b\",\"role\":\"net\",\"pci\":[\"0000:00:0a.0\"]}]}", &c) == -EINVAL &&
	   strstr(why, "b: pci: 0000:00:0a.0 is given to a already"), "a PCI device is given once (%s)", why);
	ok(host("{\"servces\":[]}", &c) == -EINVAL && strstr(why, "servces"), "an unknown key is named");
	host_config_fini(&c);
	ok(host("{\"services\":[{\"name\":\"store\",\"role\":\"net\"}]}", &c) == -EINVAL, "a name is used once");
	host_config_fini(&c);
}

static void test_keys(void)
{
	struct guest_config c, again;
	AUTO_JSON struct json *json = NULL;
	char text[GUEST_CPUS_MAX * 4];
	int r = guest("name='a'\nkernel='/k'\nroot='/dev/xvda1'\nextra='quiet'\nmaxvcpus=4\ncpus='0-7,^2'\ncpu_weight=512\ncap=50\n"
		      "on_watchdog='coredump-restart'\nnomigrate=1\nvif=['devid=1','','']\n", &c);

	ok(r == 0 && !strcmp(c.cmdline, "root=/dev/xvda1 quiet"), "root and extra make a command line (%s)", why);
	ok(c.vcpus == 1 && c.maxvcpus == 4 && c.weight == 512 && c.cap == 50 && c.no_migrate, "numbers and switches are read");
	cpu_list_print(c.cpus, text, sizeof(text));
	ok(!strcmp(text, "0-1,3-7"), "a list of processors is read (%s)", text);
	ok(c.devices[0].id == 1 && c.devices[1].id == 0 && c.devices[2].id == 2, "interfaces without a number take free ones");
	json = guest_config_to_json(&c);
	ok(guest_config_from_json(json, &again, why, sizeof(why)) == 0 && !memcmp(&c, &again, sizeof(c)),
	   "the JSON form of them reads back the same (%s)", why);
	r = guest("name='a'\nkernel='/k'\nlocaltime=1\npae=1\n", &c);
	ok(r == 0 && !strcmp(c.warning, "localtime, pae"), "keys without meaning are ignored and named (%s%s)", why, c.warning);
}

static void test_plan(void)
{
	AUTO_JSON struct json *plan = NULL;
	struct host_config a, b;

	host("{\"services\":[{\"name\":\"net0\",\"role\":\"net\"},{\"name\":\"x\",\"role\":\"disk\"}]}", &a);
	host("{\"services\":[{\"name\":\"net0\",\"role\":\"net\",\"memory_mib\":200,\"bridges\":[]},"
	     "{\"name\":\"y\",\"role\":\"disk\"}]}", &b);
	plan = host_config_plan(&a, &b);
	ok(json_count(plan) == 5 && !strcmp(json_get_string(plan->first, "what", ""), "stop"), "a plan stops what is not described");
	ok(!strcmp(json_get_string(plan->first->next, "what", ""), "keep"), "it keeps what is the same");
	ok(!strcmp(json_get_string(plan->last, "what", ""), "start"), "it starts what is new");
	ok(!strcmp(json_get_string(plan->first->next->next->next, "why", ""), "memory_mib, bridges"), "it says why it rebuilds (%s)",
	   json_get_string(plan->first->next->next->next, "why", ""));
	host_config_fini(&a);
	host_config_fini(&b);
}

int main(void)
{
	test_plan();
	test_keys();
	test_xl_file();
	test_guest_errors();
	test_host();
	test_policies();
	test_separate();
	return plan_done();
}
