// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests to the builder: what is taken, and what is refused with which words. */
#include <errno.h>
#include <string.h>

#include "request.h"
#include "config/guest.h"
#include "tap.h"

/* What a guest's file may say is what the builder takes. */
_Static_assert(GUEST_VCPUS_MAX == BUILD_VCPUS_MAX && GUEST_PATH_MAX == BUILD_PATH_MAX + 1 &&
	       GUEST_CMDLINE_MAX == BUILD_CMDLINE_MAX + 1 && GUEST_MEMORY_MIB_MAX == BUILD_MEMORY_KIB_MAX >> 10, "limits differ");

#define UUID "\"uuid\":\"00112233-4455-6677-8899-aabbccddeeff\""
#define BASE "\"name\":\"web1\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536," UUID

static int build(const char *text, struct domain_spec *spec, struct failure *failure)
{
	struct json *json AUTO_JSON = NULL;

	*failure = (struct failure){0};
	if (json_parse(text, strlen(text), &json, NULL) < 0)
		return -EBADMSG;
	return request_build(json, spec, failure);
}

static void refused(const char *text, const char *words)
{
	struct domain_spec spec;
	struct failure failure;
	int ret = build(text, &spec, &failure);

	ok(ret < 0 && ret == -failure.error && strstr(failure.message, words), "refused: %s (%s)", words, failure.message);
	ok(!strchr(failure.message, '\n'), "in one line");
}

static void test_taken(void)
{
	struct domain_spec spec;
	struct failure failure;

	ok(build("{" BASE "}", &spec, &failure) == 0, "the least that is needed is taken");
	ok(spec.type == DOMAIN_PV && spec.memory_kib == 65536 && spec.vcpus == 1 && !spec.domid, "with its defaults");
	ok(spec.console_domid == DOMID_NONE && spec.store_domid == DOMID_NONE && spec.max_grant_frames == -1,
	   "no peers, the hypervisor's limits");
	ok(spec.uuid[0] == 0 && spec.uuid[1] == 0x11 && spec.uuid[15] == 0xff, "the uuid is read");
	ok(build("{" BASE ",\"pci\":[\"0000:00:05.0\",\"0000:03:1f.7\"]}", &spec, &failure) == 0 && spec.pci_count == 2 &&
		   spec.pci[1].bus == 3 && spec.pci[1].device == 0x1f && spec.pci[1].function == 7,
	   "devices are read");
	ok(spec.e820_host, "a domain with devices sees the host's memory map");
	ok(build("{" BASE ",\"pci\":[\"0000:00:05.0\"],\"e820_host\":false}", &spec, &failure) == 0 && !spec.e820_host,
	   "unless it is told not to");
	ok(build("{\"name\":\"store\",\"type\":\"pvh\",\"kernel\":\"/k\",\"memory_kib\":2048," UUID
		 ",\"domid\":1,\"xs_domain\":true,\"reloadable\":true,\"console_domid\":2,\"store_domid\":1}",
		 &spec, &failure) == 0 && spec.xs_domain && spec.reloadable && spec.domid == 1,
	   "a store domain is taken");
}

static void test_refused(void)
{
	refused("[1]", "object");
	refused("{" BASE ",\"colour\":1}", "parameter colour: unknown");
	refused("{" BASE ",\"vcpus\":0}", "vcpus: a whole number from 1 to 64");
	refused("{" BASE ",\"vcpus\":1.5}", "vcpus: a whole number");
	refused("{" BASE ",\"domid\":32752}", "domid: a whole number from 0 to 32751");
	refused("{" BASE ",\"domid\":-1}", "domid");
	refused("{" BASE ",\"ramdisk\":\"etc/r\"}", "ramdisk etc/r: an absolute path");
	refused("{" BASE ",\"pci\":[\"00:05.0\"]}", "not 00:05.0");
	refused("{" BASE ",\"pci\":[7]}", "address like");
	refused("{" BASE ",\"pci\":[\"0000:00:05.0\",\"0000:00:05.0\"]}", "twice");
	refused("{" BASE ",\"pci\":{}}", "a list");
	refused("{" BASE ",\"xs_domain\":1}", "true or false");
	refused("{" BASE ",\"reloadable\":true}", "only for type pvh");
	refused("{" BASE ",\"acpi\":true}", "only for type pvh");
	refused("{\"name\":\"a b\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536," UUID "}", "name");
	refused("{\"name\":\"a\",\"type\":\"arm\",\"kernel\":\"/k\",\"memory_kib\":65536," UUID "}", "pvh or hvm");
	refused("{\"name\":\"a\",\"type\":\"hvm\",\"kernel\":\"/k\",\"memory_kib\":4096," UUID "}", "firmware");
	refused("{" BASE ",\"target\":2}", "from 32 to");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"memory_kib\":65536," UUID "}", "kernel: missing");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"\",\"memory_kib\":65536," UUID "}", "kernel: empty");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":512," UUID "}", "memory_kib");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65537," UUID "}", "multiple of 4");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536,\"uuid\":\"x\"}", "uuid: x is none");
	refused("{\"name\":\"a\",\"type\":\"pvh\",\"kernel\":\"/k\",\"memory_kib\":65536," UUID
		",\"pci\":[\"0000:00:05.0\"]}",
		"use type pv");
}

static void test_long(void)
{
	static char text[4096], line[2048];
	struct domain_spec spec;
	struct failure failure;

	memset(line, 'x', sizeof(line) - 1);
	snprintf(text, sizeof(text), "{" BASE ",\"cmdline\":\"%.*s\"}", BUILD_CMDLINE_MAX, line);
	ok(build(text, &spec, &failure) == 0 && strlen(spec.cmdline) == BUILD_CMDLINE_MAX, "the longest command line is taken");
	snprintf(text, sizeof(text), "{" BASE ",\"cmdline\":\"%.*s\"}", BUILD_CMDLINE_MAX + 1, line);
	ok(build(text, &spec, &failure) == -ENAMETOOLONG && strstr(failure.message, "1024 bytes, at most 1023"),
	   "a longer one is refused with its length and the limit");
	refused("{" BASE ",\"pci\":[1,2,3,4,5,6,7,8,9]}", "9 devices, at most 8");
}

static void test_others(void)
{
	struct json *json AUTO_JSON = NULL;
	struct failure failure;
	uint32_t domid, first, max;
	int reason;

	json_parse("{\"domid\":0}", 11, &json, NULL);
	ok(request_domid(json, &domid, &failure) == -EINVAL, "the control domain is not to be paused or destroyed");
	json = json_free(json);
	json_parse("{\"domid\":7,\"reason\":3}", 22, &json, NULL);
	ok(request_shutdown(json, &domid, &reason, &failure) == 0 && domid == 7 && reason == 3, "a shutdown has a reason");
	ok(request_domid(json, &domid, &failure) == -EINVAL, "a pause has none");
	ok(request_list(NULL, &first, &max, &failure) == 0 && first == 0 && max == LIST_MAX, "a list needs no parameters");
}

static int fault(const char *text, struct fault *fault, struct failure *failure)
{
	struct json *json AUTO_JSON = NULL;

	return json_parse(text, strlen(text), &json, NULL) < 0 ? -EBADMSG : request_fault(json, fault, failure);
}

static void test_faults(void)
{
	struct builder builder = {0};
	struct failure failure;
	struct fault f;

	ok(fault("{\"domid\":3,\"fault\":\"slow\",\"percent\":5}", &f, &failure) == 0 && f.domid == 3 && f.kind == FAULT_SLOW &&
		   f.percent == 5,
	   "a fault is read");
	ok(fault("{\"domid\":3,\"fault\":\"melt\"}", &f, &failure) == -EINVAL && strstr(failure.message, "melt"),
	   "an unknown one is refused by name");
	ok(fault("{\"domid\":0,\"fault\":\"destroy\"}", &f, &failure) == -EINVAL, "the control domain is spared");
	ok(fault("{\"domid\":3,\"fault\":\"slow\",\"percent\":101}", &f, &failure) == -EINVAL, "there is no more than a processor");
	ok(domain_fault(&builder, &f, &failure) == -EPERM && strstr(failure.message, "host.json"),
	   "no fault is injected on a host that does not allow experiments");
}

static void test_results(void)
{
	static xc_domaininfo_t list[LIST_MAX];
	static uint16_t caps[LIST_MAX];
	struct buf out AUTO_BUF = BUF_INIT(65536);
	struct json *json AUTO_JSON = NULL;

	for (int i = 0; i < LIST_MAX; i++) {
		memset(&list[i], 0xff, sizeof(list[i]));
		list[i].domain = 30000 + i;
		caps[i] = UINT16_MAX;
		list[i].flags = XEN_DOMINF_shutdown | XEN_DOMINF_hvm_guest | XEN_DOMINF_xs_domain |
				3u << XEN_DOMINF_shutdownshift;
		list[i].tot_pages = list[i].max_pages = list[i].shr_pages = list[i].outstanding_pages = 1ull << 40;
		list[i].cpu_time = INT64_MAX;
	}
	json = result_list(list, caps, LIST_MAX, true);
	ok(json && json_print(json, &out, false) == 0, "the longest list fits into a frame (%zu bytes)", out.len);
	ok(json_get_int(json, "next", 0) == 30000 + LIST_MAX, "and says where to go on");
	ok(json_get_int(json_get(json, "domains")->first, "reason", 0) == 3, "a crash is seen");
}

int main(void)
{
	test_taken();
	test_refused();
	test_long();
	test_others();
	test_faults();
	test_results();
	return plan_done();
}
