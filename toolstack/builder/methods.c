// SPDX-License-Identifier: LGPL-2.1-or-later
/* The builder's methods: a table of their parameters, and what each does with them. */
#include "methods.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"

#define XEN_LOG_MAX 32768 /* bytes of the hypervisor's messages in one answer, the last ones */

/* A method adds to RESULT, an empty object; 0, or -errno with the failure filled in, which may be left to the caller for -ENOMEM. */
typedef int method_fn(struct builder *builder, const struct request *q, struct json *result);

static int build(struct builder *builder, const struct domain_spec *spec, struct json *result)
{
	struct json *phases = json_new(JSON_OBJECT);
	struct domain_built built;
	int ret = domain_build(builder, spec, &built);

	for (size_t i = 0; i < built.phases.count && ret == 0; i++)
		ret = json_set_int(phases, built.phases.item[i].name, built.phases.item[i].us);
	if (ret < 0) {
		json_free(phases);
		return ret;
	}
	log_info("domain %s: %s as %u", spec->name, spec->restore ? "restored" : "built", built.domid);
	return json_add(result, "domid=%u store_port=%u store_gfn=%lu console_port=%u console_gfn=%lu revived?%d phases=%p", built.domid,
			built.store_port, built.store_gfn, built.console_port, built.console_gfn, built.revived, phases);
}

static int on_build(struct builder *builder, const struct request *q, struct json *result)
{
	return build(builder, &q->spec, result);
}

static int on_restore(struct builder *builder, const struct request *q, struct json *result)
{
	struct domain_spec spec = q->spec;

	spec.restore = true;
	return build(builder, &spec, result);
}

static int on_destroy(struct builder *builder, const struct request *q, struct json *result)
{
	bool zombie;
	int ret = domain_destroy(builder, q->domid, &zombie);

	if (ret < 0)
		return ret;
	log_info("domain %u: destroyed%s", q->domid, zombie ? "; others still hold pages of it" : "");
	return json_add(result, "zombie?%d", zombie);
}

static int on_set(struct builder *builder, const struct request *q, struct json *result)
{
	return domain_set(builder, q->domid, &q->set);
}

static int on_save(struct builder *builder, const struct request *q, struct json *result)
{
	return domain_save(builder, q->domid, q->live);
}

static int on_dump(struct builder *builder, const struct request *q, struct json *result)
{
	return domain_dump(builder, q->domid, q->max_bytes);
}

static const char *state_name(uint32_t flags)
{
	if (flags & XEN_DOMINF_dying)
		return "dying";
	if (flags & XEN_DOMINF_shutdown)
		return "shutdown";
	if (flags & XEN_DOMINF_paused)
		return "paused";
	if (flags & XEN_DOMINF_running)
		return "running";
	return flags & XEN_DOMINF_blocked ? "blocked" : "runnable";
}

static struct json *domain_json(const xc_domaininfo_t *d, unsigned cap)
{
	struct json *json = json_build("domid=%u state=%s memory_kib=%lu cpu_ns=%lu cap~%u", d->domain, state_name(d->flags),
				       d->tot_pages << 2, d->cpu_time, cap);

	if (json && d->flags & XEN_DOMINF_shutdown)
		json_add(json, "reason=%u", d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
	return json;
}

int result_list(struct json *result, const xc_domaininfo_t *list, const uint16_t *caps, int count, bool more)
{
	struct json *domains = json_new(JSON_ARRAY);
	int failed = 0;

	for (int i = 0; i < count; i++)
		failed |= json_append(domains, domain_json(&list[i], caps[i]));
	failed |= json_add(result, "domains=%p next~%u", domains, more && count ? list[count - 1].domain + 1u : 0);
	return failed ? -ENOMEM : 0;
}

static int on_list(struct builder *builder, const struct request *q, struct json *result)
{
	xc_domaininfo_t list[LIST_MAX];
	uint16_t caps[LIST_MAX] = {0};
	int count = domain_list(builder, q->first, LIST_MAX, list);

	for (int i = 0; i < count; i++) { /* of services: whether somebody made one slow */
		struct xen_domctl_sched_credit2 credit2;

		if (list[i].domain && list[i].domain < DOMID_GUEST_FIRST &&
		    xc_sched_credit2_domain_get(builder->xen, list[i].domain, &credit2) == 0)
			caps[i] = credit2.cap;
	}
	return count < 0 ? count : result_list(result, list, caps, count, count == LIST_MAX);
}

static int on_host_log(struct builder *builder, const struct request *q, struct json *result)
{
	unsigned size = 4 * XEN_LOG_MAX;
	AUTO_FREE char *all = malloc(size + 1);
	char *text;

	if (!all)
		return -ENOMEM;
	if (xc_readconsolering(builder->xen, all, &size, 0, 0, NULL) < 0)
		return fail_xen(builder, "cannot read the hypervisor's messages");
	all[size] = '\0';
	text = all + size - MIN(size, (unsigned)XEN_LOG_MAX);
	for (char *at = text; at < all + size; at++)
		if (*at != '\n' && !isprint((unsigned char)*at))
			*at = *at == '\r' ? ' ' : '?';
	return json_add(result, "text=%s", text);
}

static int on_ties(struct builder *builder, const struct request *q, struct json *result)
{
	struct json *list = json_new(JSON_ARRAY);
	struct ties ties;
	int ret = domain_ties(builder, q->domid, &ties);

	for (size_t i = 0; i < ties.count && ret == 0; i++) {
		const struct tie *tie = &ties.list[i];

		ret = json_append(list, json_build("domid=%u grants=%u read_only=%u channels=%u offered=%u", tie->domid, tie->grants,
						   tie->read_only, tie->channels, tie->offered));
	}
	if (ret == 0)
		return json_add(result, "xs_domain?%d others=%u ties=%p", ties.xs_domain, ties.others, list);
	json_free(list);
	return ret;
}

static int on_host_info(struct builder *builder, const struct request *q, struct json *result)
{
	xen_extraversion_t extra = "";
	int version = xc_version(builder->xen, XENVER_version, NULL), ret;
	char text[sizeof(extra) + 16];
	xc_physinfo_t info;
	uint64_t free_kib;

	if (version < 0 || xc_version(builder->xen, XENVER_extraversion, extra) < 0)
		return fail_xen(builder, "cannot read Xen's version");
	snprintf(text, sizeof(text), "%d.%d%.*s", version >> 16, version & 0xffff, (int)sizeof(extra), extra);
	ret = host_info(builder, &info, &free_kib);
	return ret < 0 ? ret : json_add(result, "total_kib=%lu free_kib=%lu cpus=%u xen_version=%s", info.total_pages << 2, free_kib,
					info.nr_cpus, text);
}

static int on_store_setup(struct builder *builder, const struct request *q, struct json *result)
{
	uint32_t port;
	bool again;
	int ret = store_setup(builder, q->domid, &port, &again);

	return ret < 0 ? ret : json_add(result, "port=%u again?%d", port, again);
}

static int on_pci_seize(struct builder *builder, const struct request *q, struct json *result)
{
	char driver[PCI_DRIVER_MAX];
	int ret = pci_seize(builder, q->bdf, driver);

	return ret < 0 ? ret : json_add(result, "driver=%s", driver);
}

static int on_reload(struct builder *builder, const struct request *q, struct json *result)
{
	struct reload_result reload;
	int ret = domain_reload(builder, q->domid, q->image, q->trust, &reload);

	if (ret < 0)
		return ret;
	log_info("domain %u: reloaded in %u us%s", q->domid, reload.us, reload.settled ? "" : ", it had not parked");
	return json_add(result, "us=%u settle_us=%u settled?%d", reload.us, reload.settle_us, reload.settled);
}

#define BUILD_KEYS "name! domid! type! kernel! memory_kib! uuid! ramdisk cmdline vcpus console_domid store_domid xs_domain reloadable " \
		   "revive pci max_grant_frames max_maptrack_frames max_event_channels target tables"

/* `call`, or `act`: an action on a domain that has no result. Those that stream need a descriptor and take long: in a worker. */
static const struct method {
	const char *name, *keys;
	method_fn *call;
	int (*act)(struct builder *builder, uint32_t domid);
	bool streams;
} methods[] = {
	{"domain.build", BUILD_KEYS, on_build, NULL, false},
	{"domain.pause", "domid!", NULL, domain_pause, false},
	{"domain.unpause", "domid!", NULL, domain_unpause, false},
	{"domain.destroy", "domid!", on_destroy, NULL, false},
	{"domain.set", "domid! max_kib weight cap cpus", on_set, NULL, false},
	{"domain.save", "domid! live", on_save, NULL, true},
	{"domain.restore", BUILD_KEYS, on_restore, NULL, true},
	{"domain.resume", "domid!", NULL, domain_resume, false},
	{"domain.dump", "domid! max_bytes!", on_dump, NULL, true},
	{"domain.list", "first", on_list, NULL, false},
	{"domain.ties", "domid", on_ties, NULL, false},
	{"domain.reload", "domid! image! trust", on_reload, NULL, false},
	{"fault.destroy", "domid!", NULL, domain_fault_destroy, false},
	{"fault.panic", "domid!", NULL, domain_fault_panic, false},
	{"host.info", "", on_host_info, NULL, false},
	{"host.log", "", on_host_log, NULL, false},
	{"store.setup", "domid!", on_store_setup, NULL, false},
	{"store.virq", "domid!", NULL, store_virq, false},
	{"pci.seize", "bdf!", on_pci_seize, NULL, false},
};

static const struct method *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	}
	return NULL;
}

bool method_streams(const char *method)
{
	return find(method) && find(method)->streams;
}

int method_read(const char *method, const struct json *params, struct request *q, struct failure *failure)
{
	const struct method *m = find(method);

	return m ? request_read(params, m->keys, q, failure) : fail_with(failure, ENOSYS, "method %.40s: unknown", method);
}

int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result)
{
	AUTO_JSON struct json *answer = json_new(JSON_OBJECT);
	const struct method *m = find(method);
	struct request q;
	int ret;

	builder->failure = (struct failure){0};
	xen_log_clear(builder->log);
	ret = method_read(method, params, &q, &builder->failure);
	if (ret < 0)
		return ret;
	ret = m->act ? m->act(builder, q.domid) : m->call(builder, &q, answer);
	if (ret == 0 && answer)
		*result = TAKE_PTR(answer);
	else if (ret == 0 || !builder->failure.error)
		ret = fail(builder, ENOMEM, "%s: no memory for the answer", method);
	return ret;
}
