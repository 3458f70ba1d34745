// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TCP load with verified content, for tests: each of N streams carries data both ways at once, in small and large writes.
 *
 *   atoll-load-tcp server ADDR [OPTION...]     accepts N streams, ends when all have ended
 *   atoll-load-tcp client ADDR [OPTION...]     opens N streams, ends them after S seconds or when it gets SIGTERM
 *
 *   --streams N (4)   --seconds S (30)   --port P (5001)   --rate KIB (a second, all streams, sent; 0: as fast as it goes)
 *
 * Each byte depends on its position, its direction and the stream's seed. Nothing here has a timeout but TCP's own, so that an
 * outage is a stall. Prints, once a second and at the end, in bytes and milliseconds:
 *
 *   TCP second out BYTES in BYTES stall MS                                stall: the longest that a stream waited for data
 *   TCP END streams N out BYTES in BYTES lost L wrong W stall MS ok|FAILED
 *
 * Lost: streams that ended with an error or too early; wrong: streams with a wrong byte. No C library is needed at run time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STREAMS_MAX 64
#define PORT 5001
#define CHUNK 65536     /* bytes in one read or write, at most */
#define SMALL_MAX 64    /* a small write */
#define PACE_MS 40      /* the processor is shared */
#define TABLE_WORDS 8191 /* prime, so that it never falls into step with page or buffer sizes */
#define MAGIC 0x544f4c4c /* first word of a stream */

struct direction {
	uint64_t seed, position, in_second;
};

struct stream {
	int fd; /* -1: ended */
	struct direction out, in;
	uint64_t heard_ms;
	size_t hello; /* bytes of the greeting that were sent or received */
	uint32_t greeting[2];
	bool shut, lost, wrong;
};

struct load {
	bool client;
	struct sockaddr_in address;
	unsigned streams, seconds;
	uint64_t rate; /* bytes a second */
	int listener;
	struct stream stream[STREAMS_MAX];
	unsigned opened, ended;
	uint64_t start_ms, paced_ms, worst_ms, second_worst_ms, out, in;
	uint64_t random;
};

static volatile sig_atomic_t terminated;
static uint64_t table[TABLE_WORDS];
static uint8_t buffer[CHUNK], expected[CHUNK + 16];

static void on_sigterm(int signo)
{
	terminated = 1;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* LEN bytes from where D is; points into `expected` */
static const uint8_t *pattern(const struct direction *d, size_t len)
{
	uint64_t word = d->position / 8, at = word % TABLE_WORDS;
	size_t skip = d->position % 8;

	for (size_t n = 0; n < skip + len; n += 8, word++) {
		uint64_t value = (table[at] ^ d->seed) + word;

		memcpy(expected + n, &value, sizeof(value));
		if (++at == TABLE_WORDS)
			at = 0;
	}
	return expected + skip;
}

static void end(struct load *load, struct stream *s, const char *why)
{
	if (why) {
		printf("TCP LOST stream %d at in %llu out %llu: %s\n", (int)(s - load->stream), (unsigned long long)s->in.position,
		       (unsigned long long)s->out.position, why);
		s->lost = true;
	}
	close(s->fd);
	s->fd = -1;
	load->ended++;
}

static void set_seeds(struct load *load, struct stream *s)
{
	uint64_t seed = mix(s->greeting[1]);

	s->out.seed = load->client ? seed : ~seed;
	s->in.seed = load->client ? ~seed : seed;
}

/* With a rate, large ones are an eighth of a second's share, so that pauses between them are no stalls. */
static size_t write_size(struct load *load)
{
	size_t share = load->rate / 8 / load->streams, large = load->rate && share < CHUNK ? share + SMALL_MAX : CHUNK;

	load->random = mix(load->random + 1);
	return !(load->random & 3) ? 1 + (load->random >> 8) % SMALL_MAX : 1 + (load->random >> 8) % large;
}

static bool too_fast(struct load *load)
{
	uint64_t due = load->rate * (now_ms() - load->paced_ms + 1) / 1000;

	if (due > load->out + load->rate) /* what an outage has cost is not made up for */
		load->paced_ms += (due - load->out - load->rate) * 1000 / load->rate;
	return load->rate && load->out > due;
}

static void on_writable(struct load *load, struct stream *s)
{
	ssize_t n;

	if (load->client && s->hello < sizeof(s->greeting)) {
		n = send(s->fd, (char *)s->greeting + s->hello, sizeof(s->greeting) - s->hello, MSG_NOSIGNAL | MSG_DONTWAIT);
		s->hello += n > 0 ? (size_t)n : 0;
	} else {
		size_t len = write_size(load);

		n = send(s->fd, pattern(&s->out, len), len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			s->out.position += (size_t)n;
			load->out += (size_t)n;
		}
	}
	if (n < 0 && errno != EAGAIN)
		end(load, s, strerror(errno));
}

static void on_readable(struct load *load, struct stream *s)
{
	bool greeted = load->client || s->hello == sizeof(s->greeting);
	ssize_t n = greeted ? recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT)
			    : recv(s->fd, (char *)s->greeting + s->hello, sizeof(s->greeting) - s->hello, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN)
			end(load, s, strerror(errno));
		return;
	}
	if (n == 0) { /* the client closes first, the server answers by closing */
		end(load, s, load->client && !s->shut ? "ended by the server" : !greeted ? "no greeting" : NULL);
		return;
	}
	s->heard_ms = now_ms();
	if (!greeted) {
		s->hello += (size_t)n;
		if (s->hello == sizeof(s->greeting))
			set_seeds(load, s);
		return;
	}
	if (memcmp(buffer, pattern(&s->in, (size_t)n), (size_t)n) != 0 && !s->wrong) {
		printf("TCP WRONG stream %d in %llu..%llu\n", (int)(s - load->stream), (unsigned long long)s->in.position,
		       (unsigned long long)s->in.position + (size_t)n);
		s->wrong = true;
	}
	s->in.position += (size_t)n;
	load->in += (size_t)n;
}

static void add_stream(struct load *load, int fd)
{
	struct stream *s = &load->stream[load->opened];
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* small writes become small packets */
	*s = (struct stream){.fd = fd, .heard_ms = now_ms(), .greeting = {MAGIC, load->opened + 1}};
	if (load->client)
		set_seeds(load, s);
	load->opened++;
}

static int open_streams(struct load *load)
{
	while (load->opened < load->streams) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&load->address, sizeof(load->address)) < 0) {
			perror("TCP connect");
			return -1;
		}
		add_stream(load, fd);
	}
	return 0;
}

static int open_listener(struct load *load)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&load->address, sizeof(load->address)) < 0 || listen(fd, STREAMS_MAX) < 0) {
		perror("TCP listen");
		return -1;
	}
	load->listener = fd;
	return 0;
}

/* A stream waits for data from its last byte on; the wait that is still going on counts too. */
static void note_stalls(struct load *load)
{
	uint64_t now = now_ms();

	for (unsigned i = 0; i < load->opened; i++) {
		struct stream *s = &load->stream[i];

		if (s->fd >= 0 && !s->shut && now - s->heard_ms > load->second_worst_ms)
			load->second_worst_ms = now - s->heard_ms;
	}
}

static void finish_writing(struct load *load)
{
	for (unsigned i = 0; i < load->opened; i++) {
		struct stream *s = &load->stream[i];

		if (s->fd >= 0 && !s->shut) {
			shutdown(s->fd, SHUT_WR);
			s->shut = true;
		}
	}
}

static void report(struct load *load, unsigned second, uint64_t *out, uint64_t *in)
{
	printf("TCP %u out %llu in %llu stall %llu\n", second, (unsigned long long)(load->out - *out),
	       (unsigned long long)(load->in - *in), (unsigned long long)load->second_worst_ms);
	*out = load->out;
	*in = load->in;
	if (load->second_worst_ms > load->worst_ms)
		load->worst_ms = load->second_worst_ms;
	load->second_worst_ms = 0;
}

/* The server writes as long as it is read from: it stops when the client closes. */
static void round_once(struct load *load)
{
	struct pollfd polls[STREAMS_MAX + 1];
	struct stream *of[STREAMS_MAX];
	bool slow = too_fast(load);
	unsigned n = 0;

	for (unsigned i = 0; i < load->opened; i++) {
		struct stream *s = &load->stream[i];
		bool may_write = !s->shut && !slow && (load->client || s->hello == sizeof(s->greeting));

		if (s->fd < 0)
			continue;
		of[n] = s;
		polls[n++] = (struct pollfd){.fd = s->fd, .events = (short)(POLLIN | (may_write ? POLLOUT : 0))};
	}
	polls[n] = (struct pollfd){.fd = load->opened < load->streams ? load->listener : -1, .events = POLLIN};
	if (poll(polls, n + 1, load->rate ? PACE_MS : 10) <= 0)
		return note_stalls(load);
	note_stalls(load);
	for (unsigned i = 0; i < n; i++) {
		if (polls[i].revents & (POLLIN | POLLERR | POLLHUP))
			on_readable(load, of[i]);
		if (of[i]->fd >= 0 && polls[i].revents & POLLOUT)
			on_writable(load, of[i]);
	}
	if (polls[n].revents & POLLIN) {
		int fd = accept4(load->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			add_stream(load, fd);
	}
}

static int run(struct load *load)
{
	uint64_t out = 0, in = 0, next;
	unsigned lost = 0, wrong = 0, second = 0;

	if ((load->client ? open_streams(load) : open_listener(load)) < 0)
		return 1;
	load->start_ms = load->paced_ms = now_ms();
	next = load->start_ms + 1000;
	while (load->ended < load->streams) {
		round_once(load);
		if (now_ms() >= next) {
			report(load, ++second, &out, &in);
			next += 1000;
		}
		if (load->client && (terminated || now_ms() - load->start_ms >= load->seconds * 1000ull))
			finish_writing(load);
	}
	report(load, second + 1, &out, &in);
	for (unsigned i = 0; i < load->opened; i++) {
		lost += load->stream[i].lost;
		wrong += load->stream[i].wrong;
	}
	printf("TCP END streams %u out %llu in %llu lost %u wrong %u stall %llu %s\n", load->streams, (unsigned long long)load->out,
	       (unsigned long long)load->in, lost, wrong, (unsigned long long)load->worst_ms, lost || wrong ? "FAILED" : "ok");
	return lost || wrong;
}

static bool read_number(const char *text, unsigned long long max, unsigned long long *out)
{
	char *tail;

	errno = 0;
	*out = strtoull(text, &tail, 10);
	return errno == 0 && tail != text && !*tail && *out <= max;
}

static bool read_options(struct load *load, int argc, char **argv)
{
	static const struct option longs[] = {{"streams", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 's'},
					      {"port", required_argument, NULL, 'p'},	 {"rate", required_argument, NULL, 'r'},
					      {0}};
	static const unsigned long long max[] = {['n'] = STREAMS_MAX, ['s'] = 100000, ['p'] = 65535, ['r'] = 1 << 24};
	unsigned long long value;
	int c;

	if (argc < 3 || (strcmp(argv[1], "server") && strcmp(argv[1], "client")) ||
	    inet_pton(AF_INET, argv[2], &load->address.sin_addr) != 1)
		return false;
	load->client = !strcmp(argv[1], "client");
	optind = 3;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == '?' || !read_number(optarg, max[c], &value) || (c == 'n' && value == 0))
			return false;
		if (c == 'n')
			load->streams = (unsigned)value;
		else if (c == 's')
			load->seconds = (unsigned)value;
		else if (c == 'p')
			load->address.sin_port = htons((uint16_t)value);
		else
			load->rate = value * 1024;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	static struct load load = {.address = {.sin_family = AF_INET}, .streams = 4, .seconds = 30, .listener = -1};

	load.address.sin_port = htons(PORT);
	signal(SIGTERM, on_sigterm);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!read_options(&load, argc, argv)) {
		fprintf(stderr, "usage: atoll-load-tcp server|client ADDR [--streams N] [--seconds S] [--port P] [--rate KIB]\n");
		return 2;
	}
	for (unsigned i = 0; i < TABLE_WORDS; i++)
		table[i] = mix(i + 1);
	return run(&load);
}
