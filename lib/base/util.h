/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small things that every program uses: cleanup attributes, ownership hand-over, arithmetic on arrays. */
#ifndef ATOLL_BASE_UTIL_H
#define ATOLL_BASE_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Owned locals: start them empty (NULL, -1) and mark them; they are released when the scope ends. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE CLEANUP(auto_free)
#define AUTO_CLOSE CLEANUP(auto_close)

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Hand an owned local over: the local becomes empty. */
#define TAKE_PTR(p) \
	({ \
		__typeof__(p) take_ = (p); \
		(p) = NULL; \
		take_; \
	})
#define TAKE_FD(fd) \
	({ \
		int take_ = (fd); \
		(fd) = -1; \
		take_; \
	})

/* Monotonic clock, in the unit of the name. */
uint64_t now_ms(void);
uint64_t now_us(void);
/* Since 1970, for records. */
uint64_t unix_ms(void);

/* Reads a whole regular file of at most MAX bytes; NUL-terminated, the caller frees. 0 or -errno (-EFBIG). */
int read_file(const char *path, size_t max, char **data, size_t *len);

/* All of LEN bytes of a descriptor that blocks. 0 or -errno; read_full: -ENODATA if it ends before. */
int write_full(int fd, const void *data, size_t len);
int read_full(int fd, void *data, size_t len);

/* Writes a file so that readers see the old or the new contents, never a part. 0 or -errno. */
int write_file_atomic(const char *path, const void *data, size_t len, unsigned mode);

/* Creates a directory and its parents, like mkdir -p. 0 or -errno. */
int make_dirs(const char *path, unsigned mode);

/* Whole-string decimal number within [min, max]. 0 or -EINVAL / -ERANGE. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* snprintf that treats truncation as an error: 0 or -ENAMETOOLONG. */
int format(char *out, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* Makes text of others harmless for a terminal, in place: control characters but newline and tab become '?', a carriage return
 * unless a newline follows, and the second control set of UTF-8 too. */
void make_harmless(char *text, size_t len);

/* The same for what has to be one line, of names, messages, tables: whatever is not printable ASCII becomes '?'. */
void make_line(char *text);

/* A name for domains, services, files: [A-Za-z0-9][A-Za-z0-9_.-]*, at most NAME_LEN_MAX bytes. */
#define NAME_LEN_MAX 63
bool name_valid(const char *name);

#endif
