/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* atolld's root object and its domains: the host's desired state and what is known of the real one. */
#ifndef ATOLL_ATOLLD_H
#define ATOLL_ATOLLD_H

#include "atolld/job.h"
#include "config/guest.h"
#include "config/host.h"
#include "health.h"
#include "xen/store.h"

#define DOMAINS_MAX 512 /* services and guests: bounds the status table, the state file and the store's use */
#define DOMID_LIMIT 0x7ff0 /* Xen's DOMID_FIRST_RESERVED */
#define KERNEL_LEN_MAX 255
#define HEALTHY_MS 60000 /* who ran for so long fails by chance; who did not probably fails again */
#define STATE_DIR "/run/atoll/state"
#define SHUTDOWN_SUSPEND 2 /* of Xen's reasons; 0 is poweroff, 1 reboot, 3 crash, 4 watchdog */

enum domain_state {
	DOMAIN_DOWN,     /* not in Xen */
	DOMAIN_STARTING, /* a job builds it */
	DOMAIN_RUNNING,
	DOMAIN_STOPPING, /* a job takes it away */
	DOMAIN_FAILED,   /* could not be started; `why` says it */
	DOMAIN_PRESERVED /* a crashed guest that is kept (on_crash = "preserve") */
};

/* A device of a guest and the service domain behind it. */
struct device {
	struct guest_device spec; /* its address is there */
	struct domain *backend;
	char physical[16]; /* vbd: "major:minor" in hexadecimal, in the disk domain */
	bool counted;      /* its backend's agent told the counters: what the guest read or received, wrote or sent */
	uint64_t read_bytes, written_bytes;
};

enum verdict { VERDICT_RESUME, VERDICT_DESTROY, VERDICT_KEEP }; /* on a guest that was streamed */

struct agent;
struct audit;
struct events;

struct domain {
	struct atolld *atolld;
	struct domain *next;
	char name[NAME_LEN_MAX + 1];
	enum role role;
	unsigned domid;
	enum domain_state state;
	char why[256]; /* the last trouble, for people */

	const struct host_service *service; /* services and device models; NULL for guests */
	struct guest_config *guest;         /* guests; owned */
	struct domain *dm;                  /* HVM guests: its device model's domain, or NULL */
	struct domain *owner;               /* device models: the guest, or NULL */
	bool awaited;                       /* device models: the guest's job waits for ours */
	struct host_service *own_service;   /* device models: what `service` points to; owned */
	struct device devices[GUEST_DEVICES_MAX]; /* guests: in the order of those of `guest` */
	unsigned device_count;

	/* As built. */
	bool exists; /* in Xen, as far as we know */
	uint64_t store_gfn, console_gfn;
	unsigned store_port, console_port;
	bool revived;      /* with the state of its destroyed predecessor */
	uint64_t built_us; /* monotonic */
	struct json *build_phases; /* what the builder's time went into, for --explain; owned; may be NULL */

	/* As the hypervisor said last. */
	uint64_t memory_kib, cpu_ns;
	uint64_t sampled_ms;  /* monotonic: when it was said */
	uint64_t cpu_mark_ns; /* cpu_ns when the last beat was not missed */
	unsigned cap;         /* percent of a processor; 0: no limit */
	bool paused, runnable, shutdown;
	unsigned shutdown_reason;
	bool distrusted; /* restarted in place in vain: to be built without the state that it had */
	bool unwanted; /* a service that `down` stopped: not started before `up` */

	enum health told; /* the last verdict that was made an event */

	struct job *job;
	char fail_at[16]; /* the step at which its next job fails: for tests of what is left behind */
	struct agent *agent; /* net and disk services */
	struct rpc_error failure; /* of a create that is being undone, or a save */

	/* Streams. */
	int stream_fd; /* until the builder has it; -1 */
	bool live, hold, released; /* saved while it runs; restored, but kept waiting; suspended, and its backends let it go */
	enum verdict verdict;

	struct device *subject; /* of an attach or detach that is under way */
	bool force;             /* the detach does not wait for the guest */
	struct guest_config *previous; /* while a change is under way; owned */
	unsigned target_mib;    /* memory that it shall keep; 0: all */

	/* The kernel of a net or disk service (kernel.c). */
	char kernel[KERNEL_LEN_MAX + 1];        /* chosen since the host is up; "": host.json's */
	char kernel_before[KERNEL_LEN_MAX + 1]; /* to go back to while on trial */
	bool trial;
	char rolled_back[512]; /* what the one who asked for the kernel is told; "": nothing */
	char release[65];      /* what the agent says of itself … */
	unsigned boot_ms[3];   /* … and when its kernel, its modules and it were ready, since the domain's start */

	/* What it is reborn from (snapshot.c). */
	int snapshot_fd;           /* -1: nothing */
	char *snapshot_of;         /* the parameters and files of the start that it is of; owned; may be NULL */
	bool snapshot_able;        /* this start can be made a snapshot of, as the agent says */
	bool snapshot_failed;      /* it was tried in vain: not again */
	bool reborn;               /* as it runs now, or starts */
	struct store_watch *ready; /* while it starts */

	/* Restarts. */
	unsigned restarts;
	uint64_t running_ms;     /* monotonic, when it was up last; 0: never */
	unsigned quick_failures; /* in a row, each soon after a start; spaces the attempts */
	unsigned hour_failures;  /* since hour_ms, for the budget */
	uint64_t hour_ms;
	bool planned;            /* the restart that is under way was not forced: it may wait for requests in flight */
	struct source *restart_timer;
	uint64_t noticed_us; /* when the first sign of its failure was seen; 0: it was asked for */
	char outage_reason[128];
	struct job_phase outage[JOB_PHASES_MAX];
	unsigned outage_count;
	uint64_t outage_ms;
	char panic[96];    /* what its kernel said when it panicked, as its console had it */
	uint64_t panic_ms; /* monotonic */
};

struct atolld {
	struct loop *loop;
	struct host_config host;
	const char *host_path;
	struct domain *domains; /* services in the order of host.json, then guests by age */
	unsigned domain_count;
	struct rpc *builder;
	struct store *store; /* NULL until the store domain serves us */
	struct store_watch *release_watch;
	struct consoles *consoles;
	struct events *events;
	struct audit *audit;
	struct api *api;
	struct source *tick;
	struct xenevtchn_handle *exceptions; /* VIRQ_DOM_EXC, while no store has it */
	struct source *exception;
	unsigned last_guest_domid, saved_guest_domid;
	unsigned store_setup_port; /* the control domain's own store event channel; 0: not set up */
	uint64_t control_memory_kib;
	uint64_t list_us;          /* when the last domain list was asked for */
	bool listing;              /* it is under way … */
	bool list_again;           /* … and already out of date */
	bool adopt_again;          /* the others, once the store runs */
	uint64_t release_us;       /* the store's last word of a domain that ended */
	bool announced;            /* systemd was told that we are ready */
};

/* --- domains (domain.c) --- */
struct domain *domain_new(struct atolld *atolld, const char *name, enum role role, unsigned domid);
/* Takes it off the list and frees it; it must have no job. A later atolld will still know of it, unless it is forgotten. */
void domain_delete(struct domain *domain);
void domain_forget(struct domain *domain);
struct domain *domain_find(struct atolld *atolld, const char *name);
struct domain *domain_by_id(struct atolld *atolld, unsigned domid);
/* The free domid that comes next for a guest. */
unsigned domain_next_id(struct atolld *atolld);
bool domain_is_service(const struct domain *domain);
const char *domain_state_name(const struct domain *domain);
/* Since its last sign of life, in beats that it missed; 0 if nothing of it is asked. */
uint64_t domain_silent_ms(const struct domain *domain);
enum health domain_health(const struct domain *domain, char *why, size_t size);
struct json *domain_to_json(const struct domain *domain);
void domain_uuid(const struct domain *domain, char out[37]);
/* Params with the domain's id, for the builder. */
struct json *domain_params(const struct domain *domain);
struct json *phases_to_json(const struct job_phase *phases, unsigned count);
#define for_each_domain(d, a) for (struct domain *d = (a)->domains; d; d = d->next)

/* --- what the hypervisor knows (census.c) --- */
/* Asks the builder for all domains, and acts on those that died or stopped. */
void census_request(struct atolld *atolld);
/* Also asks when the hypervisor tells the control domain of a death: it does when the store is gone. 0 or -errno. */
int census_listen(struct atolld *atolld);
void census_stop(struct atolld *atolld);
/* Calls FN with a list of all domains, or NULL if the builder does not tell. 0 or -errno. */
typedef void census_fn(struct atolld *atolld, const struct json *list);
int census_list(struct atolld *atolld, census_fn *fn);
/* The entry of a domain that is not dying, or NULL. */
const struct json *census_find(const struct json *list, unsigned domid);

/* --- services (service.c) --- */
int services_create(struct atolld *atolld);
/* Starts what is down, in order. */
void services_advance(struct atolld *atolld);
/* Rebuilds a service with its domid. Frontends do not notice. CLIENT (may be NULL) gets the answer. 0 or -errno. */
int service_restart(struct domain *domain, const char *reason, struct rpc *client, uint32_t id);
/* It was found dead, hung or not serving: what its policy says is done. 0 or -errno. */
int service_failed(struct domain *domain, const char *reason);
/* Restarts it if its policy wants that from time to time. */
void service_rejuvenate(struct domain *domain);
int service_stop(struct domain *domain, struct rpc *client, uint32_t id);
bool services_running(const struct atolld *atolld);
/* How the last restart went: {reason, total_ms, phases_ms, boot_ms}, as atoll(1) says. */
struct json *outage_to_json(const struct domain *domain);

/* --- how they are started (bringup.c) --- */
/* Store and console: they are reloaded in place, or revived. */
static inline bool service_keeps_state(const struct domain *d)
{
	return d->role == ROLE_STORE || d->role == ROLE_CONSOLE;
}
/* Opens the store that already runs. 0 or -errno. */
int service_adopt_store(struct domain *domain);
/* Those that start it, or start it again. */
const struct job_step *service_steps(const struct domain *domain);
extern const struct job_step service_stop_steps[];

/* --- the kernels of services (kernel.c) --- */
const char *kernel_name(const struct domain *domain);
/* The files of the next start. 0 or -errno. */
int kernel_paths(const struct domain *domain, char *kernel, char *ramdisk, size_t size);
/* Rebuilds a net or disk service with another kernel. -EINVAL: not a name; -ENOENT: its files are missing. */
int kernel_change(struct domain *domain, const char *name, struct rpc *client, uint32_t id);
/* If its kernel is on trial: takes it back, and tells so. The caller rebuilds the service. */
bool kernel_roll_back(struct domain *domain, const char *why);

/* --- services that are reborn (snapshot.c) --- */
/* The parameters of domain.build for a service; NULL: its files have no name. */
struct json *service_build_params(const struct domain *domain);
/* An earlier atolld's, of OF ("": there was none). */
void snapshot_adopt(struct domain *domain, const char *of);
/* Builds it of its snapshot, if that fits. */
int step_reborn(struct job *job);
/* Lets it go, until it waits for its devices. */
int step_wake(struct job *job);
int step_snapshot(struct job *job);
/* Gives it its devices. 0 or -errno. */
int snapshot_go(struct domain *domain);
/* Gives it the memory that it was without until now. */
void snapshot_grow(struct domain *domain);
/* Forgets it. */
void snapshot_drop(struct domain *domain);

/* --- guests (guest.c) --- */
struct request;
/* FAIL_AT: a step's name, or "". As a method (api.h). */
int guest_create(struct request *request, const struct guest_config *config, const char *fail_at);
int guest_destroy(struct domain *domain, struct rpc *client, uint32_t id);
/* A guest with CONFIG that has no job yet; or NULL, and the client was told why. */
struct domain *guest_new(struct request *request, const struct guest_config *config);
/* Runs STEPS, which create it; if they fail, what was made is taken away again, and D is gone. */
void guest_start(struct domain *domain, const struct job_step *steps, struct rpc *client, uint32_t id);
/* Parameters of domain.build for it. */
struct json *guest_build_params(const struct domain *domain);
int step_settings(struct job *job);
int step_publish_guest(struct job *job);
/* Guests and device models, too: take devices back, nodes. */
int step_unplug_guest(struct job *job);
int step_clean_guest(struct job *job);
/* Whether what serves it may, as far as other guests' tenants are concerned: 0, or -EPERM with WHY. */
int guest_check_tenant(const struct domain *domain, char *why, size_t size);
/* It stopped by itself: its on_poweroff, on_reboot or on_crash is carried out. */
void guest_stopped(struct domain *domain);
/* Has its consoles beyond the first served, as NAME:1 … */
void guest_serve_consoles(struct domain *domain);
/* Finds the backends of the configuration's devices beyond those that DEVICES has, and puts them there. 0, or -ENODEV with WHY. */
int guest_bind_devices(struct domain *domain, char *why, size_t size);

/* --- device models of HVM guests, each in a domain of its own (devicemodel.c) --- */
/* Steps of the guest's job: make its device model's domain and wait until QEMU runs; take it away. */
int step_dm_start(struct job *job);
int step_dm_stop(struct job *job);
/* A record for the device model of GUEST; its devices are the guest's. NULL without room. */
struct domain *dm_attach(struct domain *guest, const char *name, unsigned domid);
/* It died while its guest runs: it is taken away, and the guest goes on with what it has. */
void dm_stopped(struct domain *dm);

/* --- core files of crashed guests (dump.c) --- */
#define DUMP_DIR "/var/lib/atoll/dumps"
#define DUMPS_MAX_BYTES (4ull << 30) /* of all: the oldest go first */
/* A new file for a dump of NAME of at most BYTES, open for writing, and its PATH; or -errno: -EFBIG if it is larger than all dumps
 * may be. */
int dump_open(const char *name, uint64_t bytes, char *path, size_t size);

/* --- guests as streams (stream.c) --- */
/* The builder tells of one that it streams. */
void stream_event(struct atolld *atolld, const char *event, const struct json *params);
bool stream_saving(const struct domain *domain);
/* The client of its job left. */
void stream_client_left(struct domain *domain);
/* Lets a suspended guest go on. 0 or -errno. */
int guest_resume(struct domain *domain, struct rpc *client, uint32_t id);

/* --- steps that services and guests share (steps.c) --- */
int step_pause(struct job *job);
int step_destroy(struct job *job);
int step_unpause(struct job *job);
/* Something that the domain says then makes the job go on. */
int step_unpause_and_wait(struct job *job);
/* Where its store and console rings are: as domain.build says, and the state file. 0 or -EPROTO. */
int domain_take_rings(struct domain *domain, const struct json *json);
/* Asks the guest for "poweroff", "reboot" or "suspend"; "": takes that back. 0 or -errno. */
int domain_ask(struct domain *domain, const char *what);
/* JOB has failed, and left it in a state that people have to look at. */
void domain_failed(struct domain *domain, const struct job *job);
/* Of one that is suspended (stream.c). */
int step_resume(struct job *job);
/* Notes what domain.build answered. */
int built(struct job *job, const struct json *result);
/* {"pci": …}-less parameters of domain.build. */
struct json *build_params(const struct domain *domain, const char *type, const char *kernel, const char *ramdisk,
			  const char *cmdline, uint64_t memory_kib, unsigned vcpus);
/* The device that INDEX of the job stands for: of a guest's job the one that comes or goes, or each of its devices; of a service's
 * job each that it serves. NULL: no more. */
struct device *job_device(struct job *job, struct domain **guest);
/* Orders the backends' agents to attach them; their backend nodes. */
int step_order(struct job *job);
int step_republish(struct job *job);
void order_detach(struct device *device, struct domain *guest);
/* The xenbus state of the guest's half, or the backend's; 0: there is none. */
enum { XENBUS_CONNECTED = 4, XENBUS_CLOSING = 5, XENBUS_CLOSED = 6 }; /* of xenbus.h */
unsigned device_state(const struct domain *guest, const struct device *device, bool frontend);

/* --- the state files (state.c) --- */
void state_save(struct domain *domain);
void state_remove(const struct domain *domain);
/* Adopts the domains that an earlier atolld left running. 0 or -errno. */
int state_load(struct atolld *atolld);
/* Adopts them now: the store had to be brought back first. */
void state_adopt(struct atolld *atolld);

#endif
