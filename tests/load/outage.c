// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a guest sees of a restart behind it: the time without an answer to a ping, and the longest that a disk write took.
 *
 *   atoll-load-outage ADDRESS DEVICE
 *
 * Pings ADDRESS and writes a block of DEVICE, past all caches, each every 10 ms, and prints each time that is longer than LONG_MS:
 *
 *   OUTAGE net 812 ms       OUTAGE disk 1034 ms
 *
 * Static: it runs in a guest without a C library too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_MS 10
#define LONG_MS 100
#define BLOCK 4096
#define BLOCKS 1024 /* the part of the disk that is written */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void report(const char *what, int64_t us)
{
	char line[64];
	int n = us < LONG_MS * 1000 ? 0 : snprintf(line, sizeof(line), "OUTAGE %s %lld ms\n", what, (long long)us / 1000);

	if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(EXIT_FAILURE);
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

static void send_ping(int fd, const struct sockaddr_in *to, uint16_t seq)
{
	struct icmphdr echo = {.type = ICMP_ECHO};

	echo.un.echo.id = htons(0xa701);
	echo.un.echo.sequence = htons(seq);
	echo.checksum = checksum(&echo, sizeof(echo));
	/* What cannot be sent is not answered: that is counted. */
	(void)!sendto(fd, &echo, sizeof(echo), MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to));
}

static int is_answer(int fd)
{
	_Alignas(8) char packet[256];
	ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
	size_t header = n >= (ssize_t)sizeof(struct iphdr) ? ((struct iphdr *)packet)->ihl * 4u : sizeof(packet);
	const struct icmphdr *reply = (struct icmphdr *)(packet + header);

	return n >= (ssize_t)(header + sizeof(*reply)) && reply->type == ICMP_ECHOREPLY && reply->un.echo.id == htons(0xa701);
}

static int watch_net(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct pollfd fd = {.events = POLLIN};
	int64_t last = 0, next = now_us();

	fd.fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd.fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		perror(address);
		return EXIT_FAILURE;
	}
	for (uint16_t seq = 0;;) {
		int64_t now = now_us();

		if (now >= next) {
			send_ping(fd.fd, &to, seq++);
			next = now + PERIOD_MS * 1000;
		}
		if (poll(&fd, 1, (int)((next - now) / 1000) + 1) <= 0 || !is_answer(fd.fd))
			continue;
		now = now_us();
		if (last)
			report("net", now - last);
		last = now;
	}
}

static int watch_disk(const char *device)
{
	int fd = open(device, O_WRONLY | O_DIRECT);
	void *block = aligned_alloc(BLOCK, BLOCK);

	if (fd < 0 || !block) {
		perror(device);
		return EXIT_FAILURE;
	}
	for (unsigned n = 0;; n++) {
		int64_t start = now_us();

		memset(block, (int)n, BLOCK);
		if (pwrite(fd, block, BLOCK, (off_t)(n % BLOCKS) * BLOCK) != BLOCK) {
			perror("OUTAGE disk write failed");
			return EXIT_FAILURE;
		}
		report("disk", now_us() - start);
		usleep(PERIOD_MS * 1000);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: atoll-load-outage ADDRESS DEVICE\n");
		return 2;
	}
	return fork() == 0 ? watch_disk(argv[2]) : watch_net(argv[1]);
}
