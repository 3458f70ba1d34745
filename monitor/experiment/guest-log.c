// SPDX-License-Identifier: LGPL-2.1-or-later
/* A guest's counters, from its console log. */
#include "experiment/guest-log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SKEW_MS 2000 /* a guest's clock may be its own */

void guest_log_init(struct guest_log *log, const char *path)
{
	*log = (struct guest_log){.path = path, .fd = -1};
}

void guest_log_fini(struct guest_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	free(log->samples);
}

static void open_log(struct guest_log *log)
{
	struct stat st;

	if (log->fd >= 0)
		close(log->fd);
	log->fd = open(log->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	log->inode = log->fd >= 0 && fstat(log->fd, &st) == 0 ? st.st_ino : 0;
}

void guest_log_seek_end(struct guest_log *log)
{
	open_log(log);
	if (log->fd >= 0)
		lseek(log->fd, 0, SEEK_END);
}

static struct sample *new_sample(struct guest_log *log)
{
	if (log->count == SAMPLES_MAX)
		return NULL;
	if (log->count == log->size) {
		size_t size = log->size ? 2 * log->size : 256;
		struct sample *samples = realloc(log->samples, size * sizeof(*samples));

		if (!samples)
			return NULL;
		log->samples = samples;
		log->size = size;
	}
	return memset(&log->samples[log->count++], 0, sizeof(struct sample));
}

static void on_load(struct guest_log *log, const char *line)
{
	static const char *const names[] = LOAD_NAMES;
	struct sample *sample;
	long long ms;
	int at = 0;

	if (sscanf(line, LOAD_WORD "%*u %lld%n", &ms, &at) != 1 || !at || ms <= 0)
		return;
	if (!log->count && log->now_ms)
		log->skew_ms = llabs(log->now_ms - ms) > SKEW_MS ? log->now_ms - ms : 0;
	ms += log->skew_ms;
	if ((log->count && ms <= log->samples[log->count - 1].ms) || !(sample = new_sample(log)))
		return;
	sample->ms = ms;
	for (unsigned i = 0; i < LOADS; i++) {
		unsigned long long v[4];
		const char *word = strstr(line + at, names[i]);

		if (!word || sscanf(word + strlen(names[i]), "=%llu,%llu,%llu,%llu", &v[0], &v[1], &v[2], &v[3]) != 4)
			continue;
		sample->load[i] = (struct load_counters){v[0], v[1], v[2], v[3]};
		log->has[i] = true;
	}
	sample->load[LOAD_CONSOLE].lost = log->console_lost;
	sample->load[LOAD_CONSOLE].wrong = log->console_wrong;
}

static void on_numbered(struct guest_log *log, const char *line)
{
	char text[CON_TEXT_LEN + 1], want[CON_TEXT_LEN + 1];
	unsigned number;

	if (sscanf(line, CON_WORD "%8u %48s", &number, text) != 2) {
		log->console_wrong++;
		return;
	}
	con_text(number, want);
	if (strcmp(text, want) || (log->began && number < log->next)) {
		log->console_wrong++;
		return;
	}
	if (log->began)
		log->console_lost += (uint64_t)(number - log->next) * (CON_LINE_LEN + 1);
	log->began = true;
	log->next = number + 1;
}

void guest_log_line(struct guest_log *log, const char *line)
{
	const char *word;

	if ((word = strstr(line, LOAD_WORD)) && (word == line || word[-1] == ' '))
		on_load(log, word);
	else if ((word = strstr(line, CON_WORD)))
		on_numbered(log, word);
}

static void on_bytes(struct guest_log *log, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			log->line[log->have] = '\0';
			if (!log->skip)
				guest_log_line(log, log->line);
			log->have = 0;
			log->skip = false;
		} else if (log->have == sizeof(log->line) - 1) {
			log->skip = true;
		} else if (bytes[i] != '\r' && bytes[i] != '\0') {
			log->line[log->have++] = bytes[i];
		}
	}
}

void guest_log_read(struct guest_log *log)
{
	char bytes[16384];
	struct stat st;
	ssize_t n;

	for (unsigned files = 0; files < 2; files++) { /* the rest of the old one, then a new one */
		while (log->fd >= 0 && (n = read(log->fd, bytes, sizeof(bytes))) > 0)
			on_bytes(log, bytes, (size_t)n);
		if (stat(log->path, &st) < 0 || (log->fd >= 0 && st.st_ino == log->inode))
			return;
		open_log(log);
	}
}
