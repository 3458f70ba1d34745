// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who may be served by whom, when host.json keeps tenants apart. */
#include <errno.h>
#include <string.h>

#include "atolld/atolld.h"
#include "tap.h"

static struct atolld host;
static struct domain domains[6];
static struct guest_config configs[6];

static struct domain *service(unsigned i, const char *name, enum role role)
{
	snprintf(domains[i].name, sizeof(domains[i].name), "%s", name);
	domains[i].role = role;
	return &domains[i];
}

static struct domain *guest(unsigned i, const char *name, const char *tenant, struct domain *net, struct domain *disk)
{
	struct domain *d = service(i, name, ROLE_GUEST);

	d->guest = &configs[i];
	snprintf(configs[i].tenant, sizeof(configs[i].tenant), "%s", tenant);
	d->device_count = 2;
	d->devices[0] = (struct device){.spec.kind = DEVICE_VIF, .backend = net};
	d->devices[1] = (struct device){.spec.kind = DEVICE_VBD, .backend = disk};
	return d;
}

int main(void)
{
	static const char rules[] = "{\"separate\":[{\"role\":\"net\",\"tenants\":[\"red\",\"blue\"]}],\"services\":[]}";
	struct domain *net0, *net1, *disk0, *new;
	char why[400] = "";

	for (unsigned i = 0; i < 6; i++)
		domains[i] = (struct domain){.atolld = &host, .next = i < 5 ? &domains[i + 1] : NULL};
	net0 = service(0, "net0", ROLE_NET);
	net1 = service(1, "net1", ROLE_NET);
	disk0 = service(2, "disk0", ROLE_DISK);
	guest(3, "r", "red", net0, disk0);
	guest(4, "n", "", net0, disk0);
	new = guest(5, "b", "blue", net0, disk0);
	host.domains = domains;
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "without a rule tenants share what they like");
	ok(host_config_parse(rules, strlen(rules), &host.host, why, sizeof(why)) == 0, "a rule is read (%s)", why);
	ok(guest_check_tenant(new, why, sizeof(why)) == -EPERM && strstr(why, "net0 serves r of tenant red"), "with one they do not: %s", why);
	new->devices[0].backend = net1;
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "another net domain is right, and the disk domain has no rule");
	new->device_count = 0;
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "so is none");
	new = guest(5, "r2", "red", net0, disk0);
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "guests of one tenant share");
	new = guest(5, "o", "green", net0, disk0);
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "so does a tenant that no rule names");
	new = guest(5, "p", "", net0, disk0);
	ok(guest_check_tenant(new, why, sizeof(why)) == 0, "and a guest of nobody");
	host_config_fini(&host.host);
	return plan_done();
}
