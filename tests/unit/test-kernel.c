// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernels of services: which files a name means, and what a kernel on trial that fails leaves. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "atolld/events.h"
#include "tap.h"

static struct host_service service = {.name = "net0", .role = ROLE_NET, .kernel = KERNEL_USUAL};
static struct domain d = {.name = "net0", .role = ROLE_NET, .service = &service};
static int restart_answer;
static unsigned restarts;

/* service.c */
int service_restart(struct domain *domain, const char *reason, struct rpc *client, uint32_t id)
{
	restarts++;
	return restart_answer;
}

/* events.c */
void event_add_details(struct atolld *atolld, const char *kind, const char *name, struct json *details, const char *fmt, ...)
{
}

static bool files(const char *kernel, const char *ramdisk)
{
	char k[PATH_MAX], r[PATH_MAX];

	return kernel_paths(&d, k, r, sizeof(k)) == 0 && !strcmp(k, kernel) && !strcmp(r, ramdisk);
}

static void test_files(void)
{
	ok(files("/usr/lib/atoll/images/driver-vmlinux", "/usr/lib/atoll/images/driver.cpio"), "the usual kernel has its place");
	strcpy(service.kernel, "trimmed");
	ok(files("/usr/lib/atoll/images/kernels/trimmed/vmlinux", "/usr/lib/atoll/images/kernels/trimmed/driver.cpio"),
	   "a name is a folder with a kernel and its ramdisk");
	strcpy(service.kernel, "/k");
	ok(files("/k", "/usr/lib/atoll/images/driver.cpio"), "a path is a kernel with the usual ramdisk");
	strcpy(service.ramdisk, "/r");
	ok(files("/k", "/r"), "host.json's ramdisk goes with host.json's kernel");
	strcpy(d.kernel, "trimmed");
	ok(files("/usr/lib/atoll/images/kernels/trimmed/vmlinux", "/usr/lib/atoll/images/kernels/trimmed/driver.cpio"),
	   "but not with one that was chosen by name");
	d.kernel[0] = service.ramdisk[0] = '\0';
	strcpy(service.kernel, KERNEL_USUAL);
}

static void test_change(const char *file)
{
	ok(kernel_change(&d, "../../etc", NULL, 0) == -EINVAL && kernel_change(&d, "", NULL, 0) == -EINVAL, "a name is checked");
	ok(kernel_change(&d, "/nowhere", NULL, 0) == -ENOENT && kernel_change(&d, "nobody", NULL, 0) == -ENOENT && !restarts,
	   "nothing is restarted for a kernel that is not there");
	ok(!d.trial && !strcmp(kernel_name(&d), KERNEL_USUAL), "and the kernel stays");
	ok(!kernel_roll_back(&d, "x"), "what is not on trial is not taken back");
	strcpy(service.ramdisk, file); /* the usual one is not there where this test runs */
	restart_answer = -ENOMEM;
	ok(kernel_change(&d, file, NULL, 0) == -ENOMEM && !d.trial && !d.kernel[0], "a restart that does not begin changes nothing");
	restart_answer = 0;
	ok(kernel_change(&d, file, NULL, 0) == 0 && d.trial && !strcmp(kernel_name(&d), file), "a kernel is put on trial");
	ok(kernel_roll_back(&d, "no agent") && !strcmp(kernel_name(&d), KERNEL_USUAL), "one that fails is taken back");
	ok(strstr(d.rolled_back, "it has debian again: no agent") && !d.trial, "which is said (%s)", d.rolled_back);
	ok(!kernel_roll_back(&d, "again"), "once");
}

int main(int argc, char **argv)
{
	char self[PATH_MAX];

	if (!realpath(argv[0], self))
		return 1;
	test_files();
	test_change(self);
	return plan_done();
}
