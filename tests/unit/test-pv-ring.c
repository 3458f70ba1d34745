// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The backend's ring: responses in the order of requests whatever the order of completion, hostile indexes, and death at any moment:
 * a backend in a child process is killed after some microseconds of work, over and over, and followed by another one; once at the worst moment.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "pv/ring.h"
#include "tap.h"

#define SLOT 112 /* of blkif on x86_64 */
#define SLOTS 32
#define REQUESTS (1 << 22) /* more than are done in the time */
#define DEATHS 400
#define STEPS_MAX 1000000 /* instructions, in which many requests are answered */
#define LIFE_US_MAX 200

/* The frontend's view, as xen/io/ring.h has it. */
struct frontend {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t padding[48];
	uint8_t slots[SLOTS][SLOT];
};

struct request {
	uint64_t operation, id;
};

struct response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
};

struct world { /* shared by all processes */
	_Alignas(RING_PAGE) struct frontend ring;
	_Alignas(RING_PAGE) uint8_t done[REQUESTS]; /* how often each was done, 2 for more */
	uint32_t rsp_cons;
	unsigned seed;
};

static struct world *world;

static void put_request(uint64_t id)
{
	struct frontend *f = &world->ring;
	struct request request = {.operation = id % 7, .id = id};

	memset(f->slots[f->req_prod % SLOTS], 0xee, SLOT);
	memcpy(f->slots[f->req_prod % SLOTS], &request, sizeof(request));
	__atomic_store_n(&f->req_prod, f->req_prod + 1, __ATOMIC_RELEASE);
}

static bool get_response(uint64_t id)
{
	struct frontend *f = &world->ring;
	struct response response;

	memcpy(&response, f->slots[world->rsp_cons++ % SLOTS], sizeof(response));
	return response.id == id && response.operation == id % 7 && response.status == (int16_t)id;
}

static void reset(void)
{
	memset(world, 0, sizeof(*world));
	world->ring.req_event = world->ring.rsp_event = 1;
}

static void complete(struct ring *ring, uint32_t index, uint64_t id)
{
	struct response response = {.id = id, .operation = (uint8_t)(id % 7), .status = (int16_t)id};

	ring_complete(ring, index, &response, sizeof(response));
}

static void test_order(void)
{
	struct ring ring;
	struct request request[4];
	uint32_t index[4];
	bool good = true;

	reset();
	ok(ring_init(&ring, &world->ring, RING_PAGE, SLOT) == 0 && ring.size == SLOTS, "a page has %d slots", SLOTS);
	ok(ring_pending(&ring) == 0 && !ring_more(&ring), "an empty ring has nothing");
	for (uint64_t id = 0; id < 4; id++)
		put_request(id);
	ok(ring_pending(&ring) == 4, "four requests are seen");
	for (unsigned i = 0; i < 4; i++) {
		index[i] = ring_take(&ring, &request[i], sizeof(request[i]));
		good &= request[i].id == i;
	}
	ok(good, "and taken in order");
	complete(&ring, index[2], 2);
	complete(&ring, index[1], 1);
	ok(world->ring.rsp_prod == 0 && !ring_push(&ring), "what is early is not published");
	complete(&ring, index[0], 0);
	ok(world->ring.rsp_prod == 3 && ring_push(&ring), "but with the one that held it up, and the frontend is told");
	ok(get_response(0) && get_response(1) && get_response(2), "in the order of the requests");
	world->ring.rsp_event = 5;
	complete(&ring, index[3], 3);
	ok(!ring_push(&ring), "a frontend that waits for a later response is not told");
	put_request(4);
	ok(ring_more(&ring) && world->ring.req_event == 5, "a request that came meanwhile is not slept over");
	ring_fini(&ring);
}

static void test_hostile(void)
{
	struct request request;
	struct ring ring;

	reset();
	world->ring.req_prod = SLOTS + 1;
	ok(ring_init(&ring, &world->ring, RING_PAGE, SLOT) == -EPROTO, "more requests than slots are refused");
	ring_fini(&ring);
	reset();
	world->ring.rsp_prod = world->ring.req_prod = 0xfffffffe;
	ok(ring_init(&ring, &world->ring, RING_PAGE, SLOT) == 0, "indexes near their end are fine");
	for (uint64_t id = 0; id < 4; id++)
		put_request(id);
	ok(ring_pending(&ring) == 4, "and count on past it");
	ring_take(&ring, &request, sizeof(request));
	world->ring.req_prod -= 4;
	ok(ring_pending(&ring) == -EPROTO, "a request that is taken back is an error");
	world->ring.req_prod += SLOTS + 1;
	ok(ring_pending(&ring) == -EPROTO, "so is one without a free slot");
	ring_fini(&ring);
}

/* Attaches, and does requests in a random order for ever. */
static _Noreturn void backend(unsigned seed)
{
	struct { uint32_t index; uint64_t id; } taken[SLOTS];
	unsigned count = 0;
	struct ring ring;

	if (ring_init(&ring, &world->ring, RING_PAGE, SLOT) < 0)
		_exit(1);
	for (;;) {
		struct request request;

		while (ring_pending(&ring) > 0) {
			taken[count].index = ring_take(&ring, &request, sizeof(request));
			if (request.id >= REQUESTS || request.operation != request.id % 7)
				_exit(2);
			taken[count++].id = request.id;
		}
		if (count) {
			unsigned i = (seed = seed * 1103515245u + 12345u) / 65536 % count;

			world->done[taken[i].id] = (uint8_t)MIN(world->done[taken[i].id] + 1, 2);
			complete(&ring, taken[i].index, taken[i].id);
			taken[i] = taken[--count];
		}
		ring_push(&ring);
		ring_more(&ring);
	}
}

struct tally {
	unsigned put, got, lost, undone;
};

/* The frontend's work: reads answers, puts new requests. */
static void pump(struct tally *t, bool put)
{
	uint32_t rsp_prod = __atomic_load_n(&world->ring.rsp_prod, __ATOMIC_ACQUIRE);

	for (; world->rsp_cons != rsp_prod; t->got++) {
		t->undone += !world->done[t->got];
		t->lost += !get_response(t->got);
	}
	while (put && t->put < REQUESTS && t->put - t->got < SLOTS)
		put_request(t->put++);
}

/* A backend lives for some time and is killed. False if it ended by itself: it found the ring broken. */
static bool live(struct tally *t, uint64_t life_us, bool put)
{
	struct itimerval death = {.it_value.tv_usec = (suseconds_t)life_us};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setitimer(ITIMER_REAL, &death, NULL); /* the alarm kills */
		backend((unsigned)rand());
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		pump(t, put);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
}

/* The response that is next lies half over its request. */
static bool is_torn(struct tally *t)
{
	struct request next;

	pump(t, false);
	memcpy(&next, world->ring.slots[t->got % SLOTS], sizeof(next));
	return t->got < t->put && next.id != t->got;
}

/* Lets a backend go by single instructions to that moment, and kills it there. */
static bool live_until_torn(struct tally *t)
{
	unsigned steps = 0;
	int status = 0;
	pid_t pid;

	pump(t, true);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(3);
		raise(SIGSTOP);
		backend(1);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && !is_torn(t) && steps++ < STEPS_MAX)
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return is_torn(t);
}

static void test_death(void)
{
	struct tally t = {0};
	unsigned deaths = 0, again = 0;
	bool alive = true, torn;

	reset();
	srand(1);
	for (; alive && deaths < DEATHS; deaths++)
		alive = live(&t, (uint64_t)(1 + rand() % LIFE_US_MAX), true);
	torn = live_until_torn(&t);
	alive = alive && live(&t, 100000, false); /* the last one may finish what is left */
	pump(&t, false);
	for (unsigned i = 0; i < t.got; i++)
		again += world->done[i] > 1;
	ok(alive, "no backend found a broken request in %u deaths", deaths);
	ok(t.got > DEATHS && !t.lost, "each of %u requests was answered exactly once, in order", t.got);
	ok(!t.undone, "none before it was done");
	ok(again > 0, "requests that were not answered were done again (%u of them)", again);
	ok(torn, "also when the response lay half over its request");
}

int main(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED)
		return 1;
	test_order();
	test_hostile();
	test_death();
	return plan_done();
}
