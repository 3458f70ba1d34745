// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Disk load with verified content, for tests and benches: keeps N direct requests in flight at a block device or file.
 *
 *   atoll-load-disk PATH [--depth N (32)] [--seconds S (10) | --rounds R] [--mib M (16)] [--seed X] [--pause-ms P (0)]
 *                        [--raw read|write --size BYTES [--sequential]]
 *
 * Blocks of 4 KiB each carry their number, a generation, and bytes that follow from both. A request is a read or a write of 1 to 32
 * blocks at a random place, none of which another request in flight touches, or now and then a flush. Each read has to show the
 * last generation that was acknowledged. At the end everything is flushed, read and checked once more. Nothing here has a timeout:
 * an outage is a stall. R rounds are R requests. Prints, once a second and at the end (NAME: the last part of PATH):
 *
 *   DISK NAME second writes W reads R flushes F stall MS          stall: the longest time without a completion
 *   DISK NAME END writes W reads R flushes F errors E wrong X stall MS ok|FAILED
 *
 * --pause-ms: waits so long before it takes completions, so that a slow host does something else too; each batch fills the ring again.
 *
 * --raw neither writes patterns nor checks: requests of one kind and size, for figures; a last line more:
 *
 *   DISK NAME RATE requests N us T                                N requests took T microseconds
 *
 * No C library is needed at run time.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define WORDS (BLOCK / 8)
#define RUN_MAX 32 /* blocks of a request */
#define DEPTH_MAX 256
#define MIB_MAX 1024
#define PAUSE_MS_MAX 10000
#define FLUSH_EVERY 200 /* requests */

struct op {
	struct iocb iocb;
	uint8_t *buffer;
	uint32_t first, count;
	uint64_t generation;
	struct op *next;
};

struct load {
	const char *name;
	int fd;
	unsigned depth, seconds, mib, pause_ms;
	uint64_t rounds, seed, random;
	const char *raw; /* read, write or NULL */
	size_t size;
	bool sequential;
	aio_context_t context;
	uint32_t blocks;
	uint64_t *generations; /* acknowledged, by block; 0: never written */
	bool *busy;
	struct op ops[DEPTH_MAX], *free;
	unsigned in_flight;
	uint64_t started, next_generation, position;
	uint64_t writes, reads, flushes, errors, wrong, done;
	uint64_t start_us, last_us, worst_us, second_worst_us;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static void fill(const struct load *l, uint64_t *words, uint32_t block, uint64_t generation)
{
	uint64_t state = (l->seed + 1) * 0x9e3779b97f4a7c15u ^ generation << 32 ^ block ^ 1u << 31;

	words[0] = block;
	words[1] = generation;
	for (unsigned i = 2; i < WORDS; i++)
		words[i] = next_random(&state);
}

static void check(struct load *l, const uint64_t *words, uint32_t block, uint64_t generation)
{
	uint64_t good[WORDS];

	fill(l, good, block, generation);
	if (!generation || !memcmp(words, good, BLOCK))
		return;
	if (l->wrong++ < 5)
		printf("DISK %s WRONG block %u: has block %llu of generation %llu, not %llu\n", l->name, block,
		       (unsigned long long)words[0], (unsigned long long)words[1], (unsigned long long)generation);
}

/* A run of blocks that no request in flight touches. */
static void choose(struct load *l, struct op *op)
{
	uint64_t r = next_random(&l->random);
	bool taken = true;

	if (l->raw) {
		op->count = (uint32_t)(l->size / BLOCK);
		op->first = l->sequential ? (uint32_t)l->position : (uint32_t)(r % (l->blocks / op->count)) * op->count;
		l->position = (l->position + op->count) % (l->blocks - l->blocks % op->count);
		return;
	}
	while (taken) {
		r = next_random(&l->random);
		op->count = r >> 60 ? 1 + (uint32_t)(r >> 8) % 4 : 1 + (uint32_t)(r >> 8) % RUN_MAX; /* mostly small */
		op->first = (uint32_t)(r >> 32) % (l->blocks - op->count + 1);
		taken = false;
		for (uint32_t i = 0; i < op->count; i++)
			taken |= l->busy[op->first + i];
	}
	memset(l->busy + op->first, true, op->count);
}

static void submit(struct load *l, struct op *op, unsigned opcode)
{
	struct iocb *list[] = {&op->iocb};

	op->iocb = (struct iocb){.aio_lio_opcode = (uint16_t)opcode, .aio_fildes = (uint32_t)l->fd};
	if (opcode != IOCB_CMD_FSYNC) {
		op->iocb.aio_buf = (uintptr_t)op->buffer;
		op->iocb.aio_nbytes = (uint64_t)op->count * BLOCK;
		op->iocb.aio_offset = (int64_t)op->first * BLOCK;
	}
	if (syscall(SYS_io_submit, l->context, 1L, list) != 1) {
		printf("DISK %s io_submit: %s\n", l->name, strerror(errno));
		exit(1);
	}
	l->in_flight++;
	l->started++;
}

static void start(struct load *l)
{
	struct op *op = l->free;
	bool write;

	l->free = op->next;
	if (!l->raw && l->started % FLUSH_EVERY == FLUSH_EVERY - 1) {
		submit(l, op, IOCB_CMD_FSYNC);
		return;
	}
	choose(l, op);
	write = l->raw ? *l->raw == 'w' : next_random(&l->random) >> 63;
	if (write && !l->raw) {
		op->generation = ++l->next_generation;
		for (uint32_t i = 0; i < op->count; i++)
			fill(l, (uint64_t *)(op->buffer + i * BLOCK), op->first + i, op->generation);
	}
	submit(l, op, write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD);
}

static void finish(struct load *l, struct op *op, int64_t result)
{
	bool flush = op->iocb.aio_lio_opcode == IOCB_CMD_FSYNC, write = op->iocb.aio_lio_opcode == IOCB_CMD_PWRITE;

	l->in_flight--;
	l->done++;
	if (result != (flush ? 0 : (int64_t)op->iocb.aio_nbytes) && l->errors++ < 5)
		printf("DISK %s ERROR %lld at block %u\n", l->name, (long long)result, op->first);
	*(flush ? &l->flushes : write ? &l->writes : &l->reads) += 1;
	for (uint32_t i = 0; i < op->count && !flush && !l->raw; i++) {
		uint32_t block = op->first + i;

		if (write)
			l->generations[block] = op->generation;
		else
			check(l, (uint64_t *)(op->buffer + i * BLOCK), block, l->generations[block]);
		l->busy[block] = false;
	}
	op->next = l->free;
	l->free = op;
}

static void wait_some(struct load *l)
{
	struct io_event events[DEPTH_MAX];
	uint64_t now;
	long n;

	usleep(l->pause_ms * 1000);
	n = syscall(SYS_io_getevents, l->context, 1L, (long)DEPTH_MAX, events, NULL);
	now = now_us();
	if (now - l->last_us > l->worst_us)
		l->worst_us = now - l->last_us;
	if (now - l->last_us > l->second_worst_us)
		l->second_worst_us = now - l->last_us;
	for (long i = 0; i < n; i++)
		finish(l, (struct op *)(uintptr_t)events[i].obj, events[i].res); /* the iocb is its first member */
	l->last_us = now;
}

static void report_second(struct load *l, uint64_t *next_us)
{
	if (l->last_us < *next_us)
		return;
	*next_us = l->last_us + 1000000;
	printf("DISK %s second writes %llu reads %llu flushes %llu stall %llu\n", l->name, (unsigned long long)l->writes,
	       (unsigned long long)l->reads, (unsigned long long)l->flushes, (unsigned long long)l->second_worst_us / 1000);
	fflush(stdout);
	l->second_worst_us = 0;
}

static void run(struct load *l)
{
	uint64_t next_us, end_us;

	l->start_us = l->last_us = now_us();
	next_us = l->start_us + 1000000;
	end_us = l->start_us + l->seconds * 1000000ull;
	while (l->in_flight || (l->rounds ? l->started < l->rounds : l->last_us < end_us)) {
		while (l->free && (l->rounds ? l->started < l->rounds : l->last_us < end_us))
			start(l);
		wait_some(l);
		report_second(l, &next_us);
	}
}

/* All that was acknowledged is there. */
static void check_all(struct load *l)
{
	uint8_t *buffer = l->ops[0].buffer;

	if (fsync(l->fd) < 0)
		l->errors++;
	for (uint32_t first = 0; first < l->blocks; first += RUN_MAX) {
		uint32_t count = l->blocks - first < RUN_MAX ? l->blocks - first : RUN_MAX;

		if (pread(l->fd, buffer, (size_t)count * BLOCK, (off_t)first * BLOCK) != (ssize_t)count * BLOCK) {
			l->errors++;
			continue;
		}
		for (uint32_t i = 0; i < count; i++)
			check(l, (uint64_t *)(buffer + i * BLOCK), first + i, l->generations[first + i]);
	}
}

static int prepare(struct load *l, const char *path)
{
	uint64_t bytes = 0;
	struct stat st;
	size_t size = l->raw ? l->size : RUN_MAX * BLOCK;

	l->name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	l->fd = open(path, O_RDWR | O_DIRECT);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || (S_ISBLK(st.st_mode) && ioctl(l->fd, BLKGETSIZE64, &bytes) < 0))
		return -1;
	if (!S_ISBLK(st.st_mode))
		bytes = (uint64_t)st.st_size;
	if (bytes > (uint64_t)l->mib << 20)
		bytes = (uint64_t)l->mib << 20;
	l->blocks = (uint32_t)(bytes / BLOCK);
	l->generations = calloc(l->blocks, sizeof(*l->generations));
	l->busy = calloc(l->blocks, sizeof(*l->busy));
	if (!l->generations || !l->busy || l->blocks < 2 * RUN_MAX * l->depth / 8 || size < BLOCK || syscall(SYS_io_setup, l->depth, &l->context) < 0)
		return -1;
	for (unsigned i = 0; i < l->depth; i++) {
		l->ops[i].buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (l->ops[i].buffer == MAP_FAILED)
			return -1;
		l->ops[i].next = l->free;
		l->free = &l->ops[i];
	}
	return 0;
}

static int usage(void)
{
	fputs("usage: atoll-load-disk PATH [--depth N] [--seconds S | --rounds R] [--mib M] [--seed X] [--pause-ms P]\n"
	      "                       [--raw read|write --size BYTES [--sequential]]\n", stderr);
	return 2;
}

static int read_options(struct load *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{"depth", required_argument, NULL, 'd'}, {"seconds", required_argument, NULL, 's'},
		{"rounds", required_argument, NULL, 'r'}, {"mib", required_argument, NULL, 'm'},
		{"seed", required_argument, NULL, 'x'},	 {"raw", required_argument, NULL, 'w'},
		{"size", required_argument, NULL, 'z'},	 {"sequential", no_argument, NULL, 'q'},
		{"pause-ms", required_argument, NULL, 'p'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 'd': l->depth = (unsigned)atoi(optarg); break;
		case 's': l->seconds = (unsigned)atoi(optarg); break;
		case 'r': l->rounds = strtoull(optarg, NULL, 10); break;
		case 'm': l->mib = (unsigned)atoi(optarg); break;
		case 'x': l->seed = strtoull(optarg, NULL, 10); break;
		case 'w': l->raw = optarg; break;
		case 'z': l->size = strtoull(optarg, NULL, 10); break;
		case 'p': l->pause_ms = (unsigned)atoi(optarg); break;
		case 'q': l->sequential = true; break;
		default: return -1;
		}
	}
	return optind == argc - 1 && l->depth >= 1 && l->depth <= DEPTH_MAX && l->mib >= 1 && l->mib <= MIB_MAX && l->pause_ms <= PAUSE_MS_MAX ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct load l = {.depth = 32, .seconds = 10, .mib = 16, .seed = 1, .size = BLOCK};
	uint64_t took_us;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (read_options(&l, argc, argv) < 0)
		return usage();
	l.random = l.seed * 2654435761u + 88172645463325252ull;
	if (prepare(&l, argv[optind]) < 0) {
		printf("DISK %s cannot be prepared: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	run(&l);
	took_us = l.last_us - l.start_us;
	if (l.raw)
		printf("DISK %s RATE requests %llu us %llu\n", l.name, (unsigned long long)l.done, (unsigned long long)took_us);
	else
		check_all(&l);
	printf("DISK %s END writes %llu reads %llu flushes %llu errors %llu wrong %llu stall %llu %s\n", l.name, (unsigned long long)l.writes,
	       (unsigned long long)l.reads, (unsigned long long)l.flushes, (unsigned long long)l.errors, (unsigned long long)l.wrong,
	       (unsigned long long)l.worst_us / 1000, l.errors || l.wrong ? "FAILED" : "ok");
	return l.errors || l.wrong ? 1 : 0;
}
