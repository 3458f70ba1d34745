// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests to the builder: what is taken, and what is refused with which words. */
#include <errno.h>
#include <string.h>

#include "methods.h"
#include "config/guest.h"
#include "builder.h"
#include "tap.h"

/* What a guest's file may say is what the builder takes. */
_Static_assert(GUEST_VCPUS_MAX == BUILD_VCPUS_MAX && GUEST_PATH_MAX == BUILD_PATH_MAX + 1 &&
	       GUEST_CMDLINE_MAX == BUILD_CMDLINE_MAX + 1 && GUEST_MEMORY_MIB_MAX == BUILD_MEMORY_KIB_MAX >> 10, "limits differ");

#define UUID "\"uuid\":\"00112233-4455-6677-8899-aabbccddeeff\""
#define REST "\"name\":\"web1\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536," UUID
#define BASE REST ",\"domid\":40"

static int ask(const char *method, const char *text, struct request *q, struct failure *failure)
{
	struct json *json AUTO_JSON = NULL;

	*failure = (struct failure){0};
	if (json_parse(text, strlen(text), &json, NULL) < 0)
		return -EBADMSG;
	return method_read(method, json, q, failure);
}

static int build(const char *text, struct domain_spec *spec, struct failure *failure)
{
	struct request q;
	int ret = ask("domain.build", text, &q, failure);

	*spec = q.spec;
	return ret;
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
	ok(spec.type == DOMAIN_PV && spec.memory_kib == 65536 && spec.vcpus == 1 && spec.domid == 40, "with its defaults");
	ok(spec.console_domid == DOMID_NONE && spec.store_domid == DOMID_NONE && spec.max_grant_frames == -1,
	   "no peers, the hypervisor's limits");
	ok(spec.uuid[0] == 0 && spec.uuid[1] == 0x11 && spec.uuid[15] == 0xff, "the uuid is read");
	ok(build("{" BASE ",\"pci\":[\"0000:00:05.0\",\"0000:03:1f.7\"]}", &spec, &failure) == 0 && spec.pci_count == 2 &&
		   spec.pci[1] == (3 << 8 | 0x1f << 3 | 7),
	   "devices are read");
	ok(build("{\"name\":\"a\",\"type\":\"pvh\",\"kernel\":\"/k\",\"memory_kib\":65536,\"domid\":40,\"tables\":\"QUJD\"," UUID "}", &spec,
		 &failure) == 0 && spec.tables_len == 3 && !memcmp(spec.tables, "ABC", 3),
	   "firmware tables are read");
	ok(build("{\"name\":\"store\",\"type\":\"pvh\",\"kernel\":\"/k\",\"memory_kib\":2048," UUID
		 ",\"domid\":1,\"xs_domain\":true,\"reloadable\":true,\"console_domid\":2,\"store_domid\":1}",
		 &spec, &failure) == 0 && spec.xs_domain && spec.reloadable && spec.domid == 1,
	   "a store domain is taken");
}

static void test_refused(void)
{
	refused("{" BASE ",\"tables\":\"QUJD\"}", "only for PVH guests");
	refused("{" BASE ",\"tables\":\"QUJ\"}", "in base64");
	refused("[1]", "object");
	refused("{" BASE ",\"colour\":1}", "parameter colour: unknown");
	refused("{" BASE ",\"vcpus\":0}", "vcpus: a whole number from 1 to 64");
	refused("{" BASE ",\"vcpus\":1.5}", "vcpus: a whole number");
	refused("{" REST ",\"domid\":32752}", "domid: a whole number from 1 to 32751");
	refused("{" REST ",\"domid\":-1}", "domid");
	refused("{" REST "}", "domid: missing");
	refused("{" BASE ",\"domid\":41}", "domid: given twice");
	refused("{" BASE ",\"ramdisk\":\"etc/r\"}", "ramdisk etc/r: an absolute path");
	refused("{" BASE ",\"pci\":[\"00:05.0\"]}", "not 00:05.0");
	refused("{" BASE ",\"pci\":[7]}", "address like");
	refused("{" BASE ",\"pci\":[\"0000:00:05.0\",\"0000:00:05.0\"]}", "twice");
	refused("{" BASE ",\"pci\":{}}", "a list");
	refused("{" BASE ",\"xs_domain\":1}", "true or false");
	refused("{" BASE ",\"reloadable\":true}", "only for type pvh");
	refused("{\"name\":\"a b\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536,\"domid\":40," UUID "}", "name");
	refused("{\"name\":\"a\",\"type\":\"arm\",\"kernel\":\"/k\",\"memory_kib\":65536,\"domid\":40," UUID "}", "pvh or hvm");
	refused("{\"name\":\"a\",\"type\":\"hvm\",\"kernel\":\"/k\",\"memory_kib\":4096,\"domid\":40," UUID "}", "firmware");
	refused("{" BASE ",\"target\":2}", "from 32 to");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"memory_kib\":65536,\"domid\":40," UUID "}", "kernel: missing");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"\",\"memory_kib\":65536,\"domid\":40," UUID "}", "kernel: empty");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":512,\"domid\":40," UUID "}", "memory_kib");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65537,\"domid\":40," UUID "}", "multiple of 4");
	refused("{\"name\":\"a\",\"type\":\"pv\",\"kernel\":\"/k\",\"memory_kib\":65536,\"uuid\":\"x\"}", "uuid: x is none");
	refused("{\"name\":\"a\",\"type\":\"pvh\",\"kernel\":\"/k\",\"memory_kib\":65536,\"domid\":40," UUID
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
	struct failure failure;
	struct request q;

	ok(ask("domain.pause", "{\"domid\":0}", &q, &failure) == -EINVAL, "the control domain is not to be paused or destroyed");
	ok(ask("fault.destroy", "{\"domid\":0}", &q, &failure) == -EINVAL, "nor broken for an experiment");
	ok(ask("domain.ties", "{}", &q, &failure) == 0 && q.domid == 0, "but it may be looked at");
	ok(ask("domain.save", "{\"domid\":7,\"live\":true}", &q, &failure) == 0 && q.domid == 7 && q.live, "a guest is saved while it runs");
	ok(ask("domain.pause", "{\"domid\":7,\"live\":true}", &q, &failure) == -EINVAL, "but not paused so");
	ok(ask("domain.reload", "{\"domid\":1,\"image\":\"/s\"}", &q, &failure) == 0 && !q.trust &&
		   ask("domain.reload", "{\"domid\":1,\"image\":\"/s\",\"trust\":true}", &q, &failure) == 0 && q.trust,
	   "a reloaded domain's state is trusted only if that is said");
	ok(method_read("domain.list", NULL, &q, &failure) == 0 && q.first == 0, "a list needs no parameters");
	ok(ask("domain.set", "{\"domid\":7,\"cap\":50,\"cpus\":[0,9]}", &q, &failure) == 0 && q.set.cap == 50 && q.set.weight == -1 &&
		   q.set.bind && q.set.cpus[0] == 1 && q.set.cpus[1] == 2,
	   "what is not said stays");
	ok(ask("domain.melt", "{}", &q, &failure) == -ENOSYS, "an unknown method is refused");
}

static void test_results(void)
{
	static xc_domaininfo_t list[LIST_MAX];
	static uint16_t caps[LIST_MAX];
	struct buf out AUTO_BUF = BUF_INIT(65536);
	struct json *json AUTO_JSON = json_new(JSON_OBJECT);

	for (int i = 0; i < LIST_MAX; i++) {
		memset(&list[i], 0xff, sizeof(list[i]));
		list[i].domain = 30000 + i;
		caps[i] = UINT16_MAX;
		list[i].flags = XEN_DOMINF_shutdown | XEN_DOMINF_hvm_guest | XEN_DOMINF_xs_domain |
				3u << XEN_DOMINF_shutdownshift;
		list[i].tot_pages = list[i].max_pages = list[i].shr_pages = list[i].outstanding_pages = 1ull << 40;
		list[i].cpu_time = INT64_MAX;
	}
	ok(result_list(json, list, caps, LIST_MAX, true) == 0 && json_print(json, &out, false) == 0, "the longest list fits into a frame (%zu bytes)", out.len);
	ok(json_get_int(json, "next", 0) == 30000 + LIST_MAX, "and says where to go on");
	ok(json_get_int(json_get(json, "domains")->first, "reason", 0) == 3, "a crash is seen");
}

int main(void)
{
	test_taken();
	test_refused();
	test_long();
	test_others();
	test_results();
	return plan_done();
}
