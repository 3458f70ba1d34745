/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's desired state: /etc/atoll/host.json.
 *
 *   { "store":    {"memory_mib": 2},
 *     "console":  {"memory_mib": 2},
 *     "services": [ {"name": "net0",  "role": "net",  "memory_mib": 160, "pci": ["0000:00:05.0"],
 *                    "bridges": [{"name": "xenbr0", "nic": "auto"}]},
 *                   {"name": "disk0", "role": "disk", "memory_mib": 160, "pci": ["0000:00:06.0"]} ] }
 *
 * "separate": [{"role": "net", "tenants": ["red", "blue"]}]: guests of two of these tenants share no domain of the role.
 * "experiments": true lets `atoll experiment` inject faults. "kernel" (a name or a path), "ramdisk" and "cmdline" of a service, and "image" of store and console, have defaults.
 */
#ifndef ATOLL_CONFIG_HOST_H
#define ATOLL_CONFIG_HOST_H

#include <limits.h>

#include "base/json.h"

#define HOST_FILE "/etc/atoll/host.json"
#define HOST_FILE_MAX (64 * 1024)
#define HOST_SERVICES_MAX 29 /* net and disk services: domids 3 to 31 */
#define SERVICE_PCI_MAX 8
#define HOST_TENANTS_MAX 64 /* in one rule */
#define SERVICE_MEMORY_MIB_MAX 4096
#define SERVICE_CMDLINE_MAX 512

#define DOMID_STORE 1
#define DOMID_CONSOLE 2
#define DOMID_SERVICE_FIRST 3
#define DOMID_GUEST_FIRST 32

#define KERNEL_USUAL "debian" /* the name of the kernel that driver domains have if nothing is said */

enum role { ROLE_STORE, ROLE_CONSOLE, ROLE_NET, ROLE_DISK, ROLE_DM, ROLE_GUEST };

enum backend { BACKEND_LINUX, BACKEND_ATOLL }; /* who serves guests: the domain's Linux kernel, or we */

#define RESTART_BUDGET_MAX 1000

/* When a service is restarted without being asked. */
struct restart_policy {
	bool on_failure;     /* false: it stays as it is, for somebody to look at */
	unsigned every_s;    /* rejuvenation: after so long without a restart; 0: never */
	unsigned budget;     /* failures within an hour, after which we give up; 0: no limit */
	unsigned backoff_ms; /* first pause, when it fails again and again soon after its start; doubles; 0: no pauses */
};

struct host_service {
	char name[NAME_LEN_MAX + 1];
	enum role role;
	unsigned domid;
	unsigned memory_mib;
	char kernel[PATH_MAX]; /* store and console: their image; others: a path, or the name of a kernel among the images */
	char ramdisk[PATH_MAX];
	char cmdline[SERVICE_CMDLINE_MAX]; /* appended to ours */
	char pci[SERVICE_PCI_MAX][16];     /* "0000:00:05.0" */
	unsigned pci_count;
	bool snapshot;		/* net, disk: made of a snapshot of its first start, not booted again */
	enum backend backend;	/* net, disk */
	struct restart_policy restart;
	struct json *bridges; /* net: passed to the agent as it is; owned; may be NULL */
};

struct host_config {
	struct host_service services[HOST_SERVICES_MAX + 2]; /* store and console first */
	unsigned service_count;
	unsigned console_rate_kib;  /* a second, that one console may say; 0: no limit */
	unsigned console_log_kib;   /* of one log file … */
	unsigned console_log_files; /* … and how many are kept, the current one among them */
	struct json *separate; /* checked; owned; may be NULL */
	bool experiments; /* faults may be injected (atoll-experiment(1)) */
};

const char *role_name(enum role role);
/* A kernel is given as an absolute path, or by a name of letters, digits, '.', '_' and '-' that no '.' begins. */
bool kernel_name_valid(const char *kernel);

/* 0, or -EINVAL / -ENOMEM and a one-line message in WHY. The caller releases CONFIG with host_config_fini() in any case. */
int host_config_parse(const char *text, size_t len, struct host_config *config, char *why, size_t size);
void host_config_fini(struct host_config *config);
/* Whether guests of these tenants ("": none) may not have one service domain of ROLE in common. */
bool host_config_apart(const struct host_config *config, enum role role, const char *tenant, const char *other);
/* What has to be done to get from OLD to NEW: a list of {name, what: "keep", "start", "stop", "rebuild", why}; NULL without memory. */
struct json *host_config_plan(const struct host_config *old, const struct host_config *new);

#endif
