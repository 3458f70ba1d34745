// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The block backend whole, on a file, without Xen: a frontend in this process keeps its rings full of verified requests, and the
 * backend runs in a child that is killed at any moment, over and over. Grants are pages of shared memory here, an event is a message
 * on a socket. What a kernel does when a process dies with I/O in flight (it waits) stands for the reset of a disk's controller.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/log.h"
#include "blk/blk.h"
#include "blk/request.h"
#include "pv/bus.h"
#include "tap.h"
#include <xen/io/blkif.h>

#define mb() __sync_synchronize()
#define wmb() __sync_synchronize()
#define DOMID 7
#define VDEV 51712
#define BLOCKS 1024 /* of a page each */
#define DEPTH 64
#define PAGES (DEPTH * (BLK_SEGMENTS_MAX + 1) + 32)
#define DEATHS 60
#define DEATHS_MAX (20 * DEATHS) /* on a busy machine a short life may see no work at all: lives get longer, too */
#define KIND_MIN 10 /* requests of each kind, for the test to be one */
#define LIFE_US_MAX 20000

struct shape { /* what the frontend chose */
	unsigned queues, order;
	bool persistent; /* grants */
	bool drain;	 /* each backend, after a while; the last one has to go on */
};

struct op {
	bool used;
	uint8_t operation; /* BLKIF_OP_ of what it is, also within an indirect one */
	unsigned first, count;
	uint64_t generation;
};

static struct shape shape;
static uint8_t (*guest)[RING_PAGE]; /* the guest's memory; a grant is a page's number */
static int guest_fd, events[2], notices[2];   /* to the backend, by port; to the frontend */
static blkif_front_ring_t fronts[VBD_QUEUES_MAX];
static struct op ops[DEPTH];
static uint64_t generations[BLOCKS], generation;
static bool busy[BLOCKS];
static unsigned errors, wrong, unknown, done, indirect_done, barriers_done;
static char file[] = "blk-death-XXXXXX";

/* --- Xen --- */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags) { return (xengnttab_handle *)&shape; }
int xengnttab_close(xengnttab_handle *handle) { return 0; }
xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags) { return (xenevtchn_handle *)&shape; }
int xenevtchn_close(xenevtchn_handle *handle) { return 0; }
int xenevtchn_fd(xenevtchn_handle *handle) { return events[1]; }
int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port) { return 0; }
int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port) { return write(notices[1], &port, sizeof(port)) > 0 ? 0 : -1; }

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domid, evtchn_port_t port)
{
	return write(events[0], &port, sizeof(port)) > 0 ? (int)port : -1; /* as Xen does: bound with an event */
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *handle, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
	uint8_t *pages = mmap(NULL, count * RING_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < count && domid == DOMID && pages != MAP_FAILED; i++) {
		if (refs[i] >= PAGES || mmap(pages + i * RING_PAGE, RING_PAGE, prot, MAP_SHARED | MAP_FIXED, guest_fd, refs[i] * RING_PAGE) == MAP_FAILED) {
			munmap(pages, count * RING_PAGE);
			return NULL;
		}
	}
	return pages != MAP_FAILED && domid == DOMID ? pages : NULL;
}

int xengnttab_unmap(xengnttab_handle *handle, void *start, uint32_t count) { return munmap(start, count * RING_PAGE); }

int xengnttab_grant_copy(xengnttab_handle *handle, uint32_t count, xengnttab_grant_copy_segment_t *s)
{
	for (; count--; s++) {
		bool from = s->flags == GNTCOPY_source_gref;
		const union xengnttab_copy_ptr *g = from ? &s->source : &s->dest, *l = from ? &s->dest : &s->source;
		uint8_t *page = g->foreign.ref < PAGES ? guest[g->foreign.ref] + g->foreign.offset : NULL;

		s->status = page && g->foreign.offset + s->len <= RING_PAGE && g->foreign.domid == DOMID ? GNTST_okay : GNTST_bad_gntref;
		if (s->status == GNTST_okay)
			memcpy(from ? l->virt : page, from ? page : l->virt, s->len);
	}
	return 0;
}

/* --- the store --- */

struct store { int dummy; };
struct store_watch { int dummy; };

int store_open(struct loop *loop, struct store **store) { static struct store s; *store = &s; return 0; }
struct store *store_close(struct store *store) { return NULL; }
struct store_watch *store_watch_remove(struct store_watch *watch) { return NULL; }
struct store_batch *store_batch_new(void) { return NULL; }
void store_batch_put_int(struct store_batch *b, const char *perms, int64_t value, const char *fmt, ...) {}
void store_batch_free(struct store_batch *batch) {}
int store_commit(struct store *store, struct store_batch *batch) { return 0; }

int store_watch_add(struct store *store, const char *path, store_watch_fn *fn, void *data, struct store_watch **watch)
{
	static struct store_watch w;

	*watch = &w;
	fn(store, strchr(path, '/') == path ? path : "backend/vbd/7/51712/state", data);
	return 0;
}

int store_read(struct store *store, const char *path, char *value, size_t size)
{
	const char *key = strrchr(path, '/') + 1, *queue = strstr(path, "/queue-");
	unsigned q = queue ? (unsigned)queue[7] - '0' : 0, page = 0;

	if (!strcmp(key, "state"))
		return format(value, size, "%d", path[0] == '/' ? XenbusStateConnected : XenbusStateInitialising);
	if (!strcmp(key, "multi-queue-num-queues"))
		return format(value, size, "%u", shape.queues);
	if (!strcmp(key, "ring-page-order") && shape.order)
		return format(value, size, "%u", shape.order);
	if (!strcmp(key, "feature-persistent"))
		return format(value, size, "%d", shape.persistent);
	if (!strcmp(key, "event-channel"))
		return format(value, size, "%u", q + 1);
	if (!strcmp(key, "ring-ref") || sscanf(key, "ring-ref%u", &page) == 1)
		return format(value, size, "%u", (q << shape.order) + page);
	return -ENOENT;
}

/* --- the backend, for as long as it lives --- */

static int look_up(unsigned domid, unsigned vdev, struct blk_backing *backing, void *data)
{
	backing->write = true;
	return domid == DOMID && vdev == VDEV ? format(backing->path, sizeof(backing->path), "%s", file) : -ENOENT;
}

static void on_drain(struct source *source, uint32_t events, void *data)
{
	blk_drain(data);
}

static _Noreturn void backend(void)
{
	struct source *drain = NULL;
	struct loop *loop = NULL;
	struct blk *blk = NULL;

	if (loop_create(&loop) < 0 || blk_create(loop, look_up, NULL, &blk) < 0 || loop_add_timer(loop, shape.drain ? 10 : -1, on_drain, blk, &drain) < 0 ||
	    loop_run(loop) < 0)
		_exit(1);
	_exit(2);
}

/* --- the frontend --- */

static unsigned page_of(unsigned id, unsigned segment) { return 32 + id * (BLK_SEGMENTS_MAX + 1) + segment; }

static void fill(uint64_t *words, unsigned block, uint64_t gen)
{
	for (unsigned i = 0; i < RING_PAGE / 8; i++)
		words[i] = (gen << 32 | block) * (2 * i + 1);
}

static void put_segment(struct blkif_request_segment *segment, unsigned ref)
{
	*segment = (struct blkif_request_segment){.gref = ref, .first_sect = 0, .last_sect = 7};
}

static void put_request(blkif_front_ring_t *front, unsigned id)
{
	struct op *op = &ops[id];
	union { blkif_request_t rw; blkif_request_indirect_t indirect; } *slot = (void *)RING_GET_REQUEST(front, front->req_prod_pvt++);

	if (op->count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
		slot->indirect = (blkif_request_indirect_t){.operation = BLKIF_OP_INDIRECT, .indirect_op = op->operation, .id = id,
			.nr_segments = (uint16_t)op->count, .sector_number = op->first * 8, .indirect_grefs = {page_of(id, BLK_SEGMENTS_MAX)}};
		for (unsigned i = 0; i < op->count; i++)
			put_segment((struct blkif_request_segment *)guest[page_of(id, BLK_SEGMENTS_MAX)] + i, page_of(id, i));
		return;
	}
	slot->rw = (blkif_request_t){.operation = op->operation, .nr_segments = (uint8_t)op->count, .id = id, .sector_number = op->first * 8};
	for (unsigned i = 0; i < op->count; i++)
		put_segment(&slot->rw.seg[i], page_of(id, i));
}

static bool start(blkif_front_ring_t *front)
{
	unsigned id = 0, kind = (unsigned)rand() % 100, max = kind < 20 ? BLK_SEGMENTS_MAX : 4;
	struct op *op;

	while (id < DEPTH && ops[id].used)
		id++;
	if (id == DEPTH || RING_FULL(front))
		return false;
	op = &ops[id];
	*op = (struct op){.used = true, .operation = kind % 2 ? BLKIF_OP_WRITE : BLKIF_OP_READ, .count = 1 + (unsigned)rand() % max};
	if (kind >= 97)
		op->operation = BLKIF_OP_WRITE_BARRIER, op->count = 1;
	else if (kind >= 95)
		op->operation = BLKIF_OP_FLUSH_DISKCACHE, op->count = 0;
	op->first = (unsigned)rand() % (BLOCKS - op->count);
	for (unsigned i = 0; i < op->count; i++) {
		if (busy[op->first + i]) {
			op->used = false;
			return true;
		}
	}
	op->generation = ++generation;
	for (unsigned i = 0; i < op->count; i++) {
		busy[op->first + i] = true;
		if (op->operation != BLKIF_OP_READ)
			fill((uint64_t *)guest[page_of(id, i)], op->first + i, op->generation);
		else
			memset(guest[page_of(id, i)], 0xaa, RING_PAGE);
	}
	put_request(front, id);
	return true;
}

static void finish(const blkif_response_t *response)
{
	struct op *op = response->id < DEPTH ? &ops[response->id] : NULL;
	uint64_t good[RING_PAGE / 8];

	if (!op || !op->used) {
		unknown++;
		return;
	}
	unknown += response->operation != op->operation; /* Linux's frontend gives the disk up then */
	errors += response->status != BLKIF_RSP_OKAY;
	for (unsigned i = 0; i < op->count; i++) {
		unsigned block = op->first + i;

		if (op->operation != BLKIF_OP_READ) {
			generations[block] = op->generation;
		} else if (generations[block]) {
			fill(good, block, generations[block]);
			wrong += memcmp(good, guest[page_of((unsigned)response->id, i)], RING_PAGE) != 0;
		}
		busy[block] = false;
	}
	op->used = false;
	done++;
	indirect_done += op->count > BLKIF_MAX_SEGMENTS_PER_REQUEST;
	barriers_done += op->operation == BLKIF_OP_WRITE_BARRIER;
}

static void pump(bool more)
{
	for (unsigned q = 0; q < shape.queues; q++) {
		blkif_front_ring_t *front = &fronts[q];
		evtchn_port_t port = q + 1;
		int notify;

		while (front->rsp_cons != __atomic_load_n(&front->sring->rsp_prod, __ATOMIC_ACQUIRE)) {
			finish(RING_GET_RESPONSE(front, front->rsp_cons));
			front->rsp_cons++;
		}
		front->sring->rsp_event = front->rsp_cons + 1;
		for (unsigned i = 0; more && i < DEPTH && start(front); i++)
			;
		RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(front, notify);
		if (notify && write(events[0], &port, sizeof(port)) < 0)
			errors++;
	}
}

static bool in_flight(void)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		if (ops[i].used)
			return true;
	}
	return false;
}

static void drain(int fd)
{
	char buffer[64];

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

/* A backend lives until its alarm. Only notices wake the frontend: one that is forgotten is a hang, and found. */
static bool live(unsigned life_us, bool more)
{
	struct itimerval death = {.it_value = {.tv_sec = life_us / 1000000, .tv_usec = life_us % 1000000}};
	struct pollfd wait = {.fd = notices[0], .events = POLLIN};
	int status = 0;
	pid_t pid;

	drain(events[1]);
	drain(notices[0]);
	pid = fork();
	if (pid == 0) {
		setitimer(ITIMER_REAL, &death, NULL);
		backend();
	}
	pump(more);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		drain(events[0]); /* unmasking */
		if (poll(&wait, 1, 1) > 0) {
			drain(notices[0]);
			pump(more);
		}
		if (!more && !in_flight())
			kill(pid, SIGALRM);
	}
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
}

static void test_shape(unsigned queues, unsigned order, bool persistent, bool drained)
{
	unsigned deaths = 0;
	bool alive = true;

	shape = (struct shape){queues, order, persistent, drained};
	done = errors = wrong = unknown = indirect_done = barriers_done = 0;
	memset(guest, 0, 32 * RING_PAGE);
	for (unsigned q = 0; q < queues; q++) {
		blkif_sring_t *sring = (blkif_sring_t *)guest[q << order];

		SHARED_RING_INIT(sring);
		FRONT_RING_INIT(&fronts[q], sring, (size_t)RING_PAGE << order);
	}
	for (; alive && (deaths < DEATHS || (deaths < DEATHS_MAX && (indirect_done <= KIND_MIN || barriers_done <= KIND_MIN))); deaths++)
		alive = live((4000 + (unsigned)rand() % LIFE_US_MAX) * (1 + deaths / DEATHS), true);
	alive = alive && live(20000000, false);
	ok(alive && !in_flight(), "%u queues of %u pages%s%s: the last of %u backends answered all that was left of %u requests", queues,
	   1u << order, persistent ? ", persistent grants" : "", drained ? ", drained in between" : "", deaths, done);
	ok(!errors && !wrong && !unknown, "none failed (%u), read wrong data (%u), or was answered twice (%u)", errors, wrong, unknown);
	ok(indirect_done > KIND_MIN && barriers_done > KIND_MIN, "with %u indirect requests and %u barriers among them", indirect_done, barriers_done);
}

/* A frontend that writes anything anywhere, also while it is being read. It may lose its vbd; the backend lives on. */
static void test_hostile(void)
{
	unsigned survived = 0;

	for (unsigned round = 0; round < 60; round++) {
		struct itimerval death = {.it_value.tv_usec = 20000};
		blkif_sring_t *sring = (blkif_sring_t *)guest[0];
		int status = 0;
		pid_t pid;

		shape = (struct shape){1, 0, round % 2, false};
		memset(guest, 0, 32 * RING_PAGE);
		SHARED_RING_INIT(sring);
		drain(events[1]);
		pid = fork();
		if (pid == 0) {
			setitimer(ITIMER_REAL, &death, NULL);
			backend();
		}
		while (waitpid(pid, &status, WNOHANG) == 0) {
			evtchn_port_t port = 1 + (unsigned)rand() % 2;
			size_t at = 64 + (unsigned)rand() % (RING_PAGE - 64);

			for (unsigned i = 0; i < 112 && at + i < RING_PAGE; i++)
				guest[0][at + i] = (uint8_t)(rand() % 4 ? rand() % 8 : rand());
			sring->req_prod += (unsigned)rand() % (round % 3 ? 4 : 40);
			send(events[0], &port, sizeof(port), MSG_DONTWAIT);
			drain(notices[0]);
			drain(events[0]);
		}
		survived += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	}
	ok(survived == 60, "a frontend that writes nonsense does not end the backend");
}

int main(void)
{
	int fd = mkstemp(file);

	guest_fd = memfd_create("guest", 0);
	if (fd < 0 || guest_fd < 0 || ftruncate(guest_fd, PAGES * RING_PAGE) < 0)
		return 1;
	guest = mmap(NULL, PAGES * RING_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, guest_fd, 0);
	/* A read of the first brings all ports that had an event, as the device's does. */
	if (guest == MAP_FAILED || posix_fallocate(fd, 0, BLOCKS * RING_PAGE) || socketpair(AF_UNIX, SOCK_STREAM, 0, events) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, notices) < 0)
		return 1;
	close(fd);
	fd = open(file, O_RDWR | O_DIRECT);
	if (fd < 0) {
		ok(true, "nothing here # SKIP no direct I/O on this file system");
	} else {
		srand(1);
		log_set_level(LOG_LEVEL_ERROR);
		test_shape(1, 0, false, false);
		test_shape(1, 0, true, true);
		test_shape(2, 1, true, false);
		log_set_level((enum log_level)0);
		test_hostile();
	}
	unlink(file);
	return plan_done();
}
