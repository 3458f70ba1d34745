// SPDX-License-Identifier: LGPL-2.1-or-later
/* The builder's methods. Each decodes, acts, encodes. */
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "base/log.h"
#include "methods.h"
#include "pci.h"
#include "request.h"
#include "save.h"

static int build(struct builder *builder, const struct json *params, bool restore, struct json **result, struct failure *failure)
{
	struct domain_spec spec;
	struct domain_built built;
	int ret = request_build(params, &spec, failure);

	spec.restore = restore;
	if (ret == 0)
		ret = domain_build(builder, &spec, &built, failure);
	if (ret < 0)
		return ret;
	log_info("domain %s: %s as %u", spec.name, restore ? "restored" : "built", built.domid);
	*result = result_built(&built);
	return 0;
}

static int on_build(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	return build(builder, params, false, result, failure);
}

static int on_restore(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	return build(builder, params, true, result, failure);
}

static int on_shutdown(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	uint32_t domid;
	int reason, ret = request_shutdown(params, &domid, &reason, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : domain_shutdown(builder, domid, reason, failure);
}

static int on_destroy(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	uint32_t domid;
	bool zombie = false;
	int ret = request_domid(params, &domid, failure);

	if (ret == 0)
		ret = domain_destroy(builder, domid, &zombie, failure);
	if (ret < 0)
		return ret;
	log_info("domain %u: destroyed%s", domid, zombie ? "; others still hold pages of it" : "");
	*result = json_new(JSON_OBJECT);
	json_set_bool(*result, "zombie", zombie);
	return 0;
}

static int on_set(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	struct domain_settings settings;
	uint32_t domid;
	int ret = request_set(params, &domid, &settings, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : domain_set(builder, domid, &settings, failure);
}

static int on_save(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	uint32_t domid;
	bool live;
	int ret = request_save(params, &domid, &live, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : domain_save(builder, domid, live, failure);
}

static int on_dump(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	uint64_t max_bytes;
	uint32_t domid;
	int ret = request_dump(params, &domid, &max_bytes, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : domain_dump(builder, domid, max_bytes, failure);
}

static int on_list(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	xc_domaininfo_t list[LIST_MAX];
	uint16_t caps[LIST_MAX] = {0};
	uint32_t first, max;
	int ret = request_list(params, &first, &max, failure);

	if (ret == 0)
		ret = domain_list(builder, first, max, list, failure);
	if (ret < 0)
		return ret;
	for (int i = 0; i < ret; i++) { /* of services: whether somebody made one slow */
		struct xen_domctl_sched_credit2 credit2;

		if (list[i].domain && list[i].domain < DOMID_GUEST_FIRST &&
		    xc_sched_credit2_domain_get(builder->xen, list[i].domain, &credit2) == 0)
			caps[i] = credit2.cap;
	}
	*result = result_list(list, caps, ret, (uint32_t)ret == max);
	return 0;
}

static int on_host_log(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	AUTO_FREE char *text = malloc(XEN_LOG_MAX + 1);
	int ret = request_none(params, failure);

	if (ret == 0)
		ret = text ? host_log(builder, text, failure) : fail(failure, ENOMEM, "no memory for the hypervisor's messages");
	if (ret < 0)
		return ret;
	*result = json_new(JSON_OBJECT);
	json_set_string(*result, "text", text);
	return 0;
}

static int on_ties(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	struct ties ties;
	uint32_t domid;
	int ret = request_domid(params, &domid, failure);

	if (ret == 0)
		ret = domain_ties(builder, domid, &ties, failure);
	if (ret == 0)
		*result = result_ties(&ties);
	return ret;
}

static int on_host_info(struct builder *builder, const struct json *params, struct json **result,
			struct failure *failure)
{
	struct host_info host;
	int ret = request_none(params, failure);

	if (ret == 0)
		ret = host_info(builder, &host, failure);
	if (ret == 0)
		*result = result_host(&host);
	return ret;
}

static int on_store_setup(struct builder *builder, const struct json *params, struct json **result,
			  struct failure *failure)
{
	uint32_t domid, port;
	bool again;
	int ret = request_domid(params, &domid, failure);

	if (ret == 0)
		ret = store_setup(builder, domid, &port, &again, failure);
	if (ret < 0)
		return ret;
	*result = json_new(JSON_OBJECT);
	json_set_bool(*result, "again", again);
	if (json_set_int(*result, "port", port) < 0)
		*result = json_free(*result);
	return 0;
}

static int on_pci_seize(struct builder *builder, const struct json *params, struct json **result,
			struct failure *failure)
{
	struct pci_address address;
	char driver[PCI_DRIVER_MAX];
	int ret = request_pci(params, &address, failure);

	if (ret == 0)
		ret = pci_seize(builder, &address, driver, failure);
	if (ret < 0)
		return ret;
	*result = json_new(JSON_OBJECT);
	json_set_string(*result, "driver", driver);
	return 0;
}

static int on_pci_assign(struct builder *builder, const struct json *params, struct json **result,
			 struct failure *failure)
{
	struct pci_address address;
	uint32_t domid;
	int ret = request_pci_assign(params, &domid, &address, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : pci_assign(builder, domid, &address, failure);
}

static int on_pci_release(struct builder *builder, const struct json *params, struct json **result,
			  struct failure *failure)
{
	struct pci_address address;
	int ret = request_pci(params, &address, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : pci_release(builder, &address, failure);
}

static int on_reload(struct builder *builder, const struct json *params, struct json **result, struct failure *failure)
{
	char image[BUILD_PATH_MAX + 1];
	struct reload_result reload;
	uint32_t domid;
	int ret = request_reload(params, &domid, image, failure);

	if (ret == 0)
		ret = domain_reload(builder, domid, image, &reload, failure);
	if (ret < 0)
		return ret;
	log_info("domain %u: reloaded in %u us%s", domid, reload.us, reload.settled ? "" : ", it had not parked");
	*result = result_reload(&reload);
	return 0;
}

static int on_fault_allow(struct builder *builder, const struct json *params, struct json **result,
			  struct failure *failure)
{
	int ret = request_none(params, failure);

	if (ret == 0)
		builder->faults_allowed = true;
	*result = json_new(JSON_OBJECT);
	return ret;
}

static int on_fault_inject(struct builder *builder, const struct json *params, struct json **result,
			   struct failure *failure)
{
	struct fault fault;
	int ret = request_fault(params, &fault, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : domain_fault(builder, &fault, failure);
}

/* In a worker: they need a stream and take long. */
static const char *const streaming[] = {"domain.save", "domain.restore", "domain.dump"};

bool method_streams(const char *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(streaming); i++)
		if (!strcmp(method, streaming[i]))
			return true;
	return false;
}

/* One of the two: a method of its own, or an action on a domain that has no other parameter and no result. */
static const struct {
	const char *name;
	int (*call)(struct builder *builder, const struct json *params, struct json **result, struct failure *failure);
	int (*act)(struct builder *builder, uint32_t domid, struct failure *failure);
} methods[] = {
	{"domain.build", on_build, NULL},
	{"domain.pause", NULL, domain_pause},
	{"domain.unpause", NULL, domain_unpause},
	{"domain.shutdown", on_shutdown, NULL},
	{"domain.destroy", on_destroy, NULL},
	{"domain.set", on_set, NULL},
	{"domain.save", on_save, NULL},
	{"domain.restore", on_restore, NULL},
	{"domain.resume", NULL, domain_resume},
	{"domain.dump", on_dump, NULL},
	{"domain.list", on_list, NULL},
	{"domain.ties", on_ties, NULL},
	{"domain.reload", on_reload, NULL},
	{"fault.allow", on_fault_allow, NULL},
	{"fault.inject", on_fault_inject, NULL},
	{"host.info", on_host_info, NULL},
	{"host.log", on_host_log, NULL},
	{"store.setup", on_store_setup, NULL},
	{"store.virq", NULL, store_virq},
	{"pci.seize", on_pci_seize, NULL},
	{"pci.assign", on_pci_assign, NULL},
	{"pci.release", on_pci_release, NULL},
};

static int act(struct builder *builder, const struct json *params, struct json **result,
	       int (*action)(struct builder *builder, uint32_t domid, struct failure *failure), struct failure *failure)
{
	uint32_t domid;
	int ret = request_domid(params, &domid, failure);

	*result = json_new(JSON_OBJECT);
	return ret < 0 ? ret : action(builder, domid, failure);
}

int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result,
		struct failure *failure)
{
	size_t i = 0;
	int ret;

	while (i < ARRAY_SIZE(methods) && strcmp(methods[i].name, method))
		i++;
	if (i == ARRAY_SIZE(methods))
		return fail(failure, ENOSYS, "method %.40s: unknown", method);
	*result = NULL;
	ret = methods[i].act ? act(builder, params, result, methods[i].act, failure)
			     : methods[i].call(builder, params, result, failure);
	if (ret == 0 && !*result)
		ret = fail(failure, ENOMEM, "%s: done, but no memory for the answer", method);
	if (ret < 0)
		*result = json_free(*result);
	return ret;
}
